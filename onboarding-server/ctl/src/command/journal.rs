//! `gangway journal`: the history, shown and verified, by the server or from its files without it.
//! Does not: repair.
//! Invariants: a verification that found damage exits with 1, whoever made it.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use proto::{Fingerprint, Seq};
use proto_api::v1::journal_service_client::JournalServiceClient;
use proto_api::v1::list_records_request::Of;
use proto_api::v1::verify_journal_response::Item;
use proto_api::v1::{
    DeviceReference, GetHeadRequest, JournalRole, ListRecordsRequest, SeqRange, VerifyJournalRequest,
    VerifyReport,
};
use server_journal::verify_each;
use tonic::transport::Channel;

use super::devices::{device_id, parse_reference};
use super::{ANSWER_BYTES_MAX, ListArgs, Pages, open};
use crate::error::Error;
use crate::output::Output;
use crate::profile::ConnectionArgs;
use crate::progress::Progress;
use crate::view;

/// What to do with the journal.
#[derive(Debug, Subcommand)]
pub(crate) enum JournalCommand {
    /// List records, of all or of one device, the oldest first
    List(RecordsArgs),
    /// Show the newest record's place and hash; keep them elsewhere to prove later that nothing before was changed
    Head(RoleArgs),
    /// Read the whole journal again and check every checksum, hash and link
    #[command(after_help = "\
Examples:
  gangway journal verify
  gangway journal verify --dir /var/lib/gangway/owner/journal
  gangway journal verify --dir COPY --kept 1200:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08

With --dir the files are read here and no server is needed. Exits with 1 when the journal does not hold. An end that
looks `unfinished` was altered, was cut by a crash, or is being written at this moment: then verify again.")]
    Verify(VerifyArgs),
}

/// Which records.
#[derive(Args, Debug)]
pub(crate) struct RecordsArgs {
    /// From this place on
    #[arg(long, value_name = "SEQ", default_value_t = 1, conflicts_with = "device")]
    first: u64,
    /// Up to this place; 0 means the newest
    #[arg(
        long,
        value_name = "SEQ",
        default_value_t = 0,
        conflicts_with = "device",
        hide_default_value = true
    )]
    last: u64,
    /// Only those about this device, named as in `devices show`
    #[arg(long, value_name = "DEVICE", value_parser = parse_reference)]
    device: Option<DeviceReference>,
    #[command(flatten)]
    role: RoleArgs,
    #[command(flatten)]
    list: ListArgs,
}

/// Whose journal is meant: each role of a server has its own.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct RoleArgs {
    /// Whose journal; without a word the owner's, or the maker's where there is no owner
    #[arg(long = "of", value_name = "ROLE", value_enum)]
    role: Option<JournalOf>,
}

/// A role that keeps a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum JournalOf {
    /// Devices, their vouchers and certificates
    Owner,
    /// Orders, units, and the vouchers that the MASA gave
    Maker,
}

impl RoleArgs {
    const fn wanted(self) -> JournalRole {
        match self.role {
            None => JournalRole::Unspecified,
            Some(JournalOf::Owner) => JournalRole::Owner,
            Some(JournalOf::Maker) => JournalRole::Maker,
        }
    }
}

/// Which journal is verified, and by whom.
#[derive(Args, Debug)]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    role: RoleArgs,
    /// The directory with the journal's files; without it the server is asked
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// A place and its hash that were kept elsewhere, as `head` showed them; the journal must still have it
    #[arg(long, value_name = "SEQ:HASH", requires = "dir", value_parser = parse_kept)]
    kept: Option<Kept>,
}

/// A place and its hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    seq: Seq,
    hash: Fingerprint,
}

fn parse_kept(text: &str) -> Result<Kept, String> {
    let parts = text.split_once(':').and_then(|(seq, hash)| Some((seq.parse().ok()?, hash.parse().ok()?)));
    let (seq, hash) = parts.ok_or_else(|| "a kept head is SEQ:HASH, the hash in hexadecimal".to_owned())?;
    Ok(Kept { seq: Seq(seq), hash })
}

type Client = JournalServiceClient<Channel>;

/// Runs the command.
///
/// # Errors
/// Those of the connection, the call and the output; [`Error::JournalDamaged`], [`Error::KeptHeadDiffers`].
pub(crate) async fn run<W: Write>(
    command: JournalCommand,
    connection: &ConnectionArgs,
    output: &mut Output<W>,
) -> Result<(), Error> {
    if let JournalCommand::Verify(VerifyArgs { dir: Some(dir), kept, .. }) = &command {
        return verify_files(dir, kept.as_ref(), output);
    }
    let channel = open(connection).await?;
    let client = JournalServiceClient::new(channel.clone()).max_decoding_message_size(ANSWER_BYTES_MAX);
    match command {
        JournalCommand::List(args) => {
            list(client, records_wanted(&channel, &args).await?, &args, output).await
        }
        JournalCommand::Head(role) => head(client, role, output).await,
        JournalCommand::Verify(args) => verify(client, args.role, output).await,
    }
}

async fn records_wanted(channel: &Channel, args: &RecordsArgs) -> Result<Of, Error> {
    Ok(match &args.device {
        Some(device) => Of::DeviceId(device_id(channel, device).await?),
        None => Of::Range(SeqRange { first: args.first, last: args.last }),
    })
}

async fn list<W: Write>(
    mut client: Client,
    of: Of,
    args: &RecordsArgs,
    output: &mut Output<W>,
) -> Result<(), Error> {
    let mut pages = Pages::new(&args.list);
    let mut list = output.list("records", view::RECORDS)?;
    while let Some(page) = pages.next() {
        let journal = args.role.wanted().into();
        let request = ListRecordsRequest { of: Some(of.clone()), page: Some(page), journal };
        let answer = client.list_records(request).await?.into_inner();
        answer.records.iter().try_for_each(|record| list.entry(&view::journal_record(record)))?;
        pages.took(answer.records.len(), answer.next_page_token);
    }
    let token = pages.finish(list.entries());
    list.end(&token)
}

async fn head<W: Write>(mut client: Client, role: RoleArgs, output: &mut Output<W>) -> Result<(), Error> {
    let request = GetHeadRequest { journal: role.wanted().into() };
    let head = client.get_head(request).await?.into_inner();
    output.one(&view::head(&head))
}

async fn verify<W: Write>(mut client: Client, role: RoleArgs, output: &mut Output<W>) -> Result<(), Error> {
    let report = await_report(&mut client, role).await?;
    output.one(&view::report(&report))?;
    if report.fault.is_some() { Err(Error::JournalDamaged) } else { Ok(()) }
}

async fn await_report(client: &mut Client, role: RoleArgs) -> Result<VerifyReport, Error> {
    let mut progress = Progress::new("records verified");
    let request = VerifyJournalRequest { journal: role.wanted().into() };
    let mut answers = client.verify_journal(request).await?.into_inner();
    while let Some(answer) = answers.message().await? {
        match answer.item {
            Some(Item::Progress(at)) => progress.show(at.verified_seq, Some(at.last_seq)),
            Some(Item::Report(report)) => return Ok(report),
            None => {}
        }
    }
    Err(Error::AnswerCut)
}

/// Verifies the files in `dir`. An end that looks unfinished counts as damage: it may as well be an altered last group.
fn verify_files<W: Write>(dir: &Path, kept: Option<&Kept>, output: &mut Output<W>) -> Result<(), Error> {
    let mut progress = Progress::new("records verified");
    let mut is_kept = kept.is_none_or(|kept| kept.seq == Seq(0));
    let report = verify_each(dir, |record| {
        progress.show(record.seq.0, None);
        is_kept |= kept.is_some_and(|kept| kept.seq == record.seq && kept.hash == record.hash);
    })
    .map_err(Error::Journal)?;
    drop(progress);
    output.one(&view::offline_report(&report))?;
    if !report.is_intact() {
        return Err(Error::JournalDamaged);
    }
    if is_kept { Ok(()) } else { Err(Error::KeptHeadDiffers) }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proto::UnixTime;
    use server_journal::{Journal, Options};

    use super::*;
    use crate::output::Format;

    /// A journal of three records, and the newest's place and hash.
    fn three_records() -> (tempfile::TempDir, Kept) {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(dir.path(), Options::default()).unwrap();
        for payload in ["one", "two", "three"] {
            journal.stage(UnixTime::from_seconds(1_800_000_000), payload.as_bytes()).unwrap();
        }
        let head = journal.commit().unwrap();
        (dir, Kept { seq: head.seq, hash: head.hash })
    }

    fn verified(dir: &Path, kept: Option<&Kept>) -> (Result<(), Error>, serde_json::Value) {
        let mut bytes = Vec::new();
        let outcome = verify_files(dir, kept, &mut Output::to(Format::Json, &mut bytes));
        (outcome, serde_json::from_slice(&bytes).unwrap())
    }

    #[test]
    fn a_whole_journal_that_has_the_kept_head_is_good() {
        let (dir, kept) = three_records();
        let (outcome, report) = verified(dir.path(), Some(&kept));
        assert!(outcome.is_ok());
        assert_eq!((&report["is_intact"], &report["records"]), (&true.into(), &3.into()));
    }

    #[test]
    fn a_whole_journal_without_the_kept_head_is_told() {
        let (dir, kept) = three_records();
        for lost in [Kept { seq: Seq(4), ..kept.clone() }, Kept { seq: Seq(2), ..kept }] {
            assert!(matches!(verified(dir.path(), Some(&lost)).0, Err(Error::KeptHeadDiffers)), "{lost:?}");
        }
    }

    #[test]
    fn an_altered_record_is_found_and_shown_even_in_the_last_group() {
        for (groups, place) in [(1, "unfinished"), (2, "fault")] {
            let (dir, _) = three_records();
            if groups == 2 {
                let mut journal = Journal::open(dir.path(), Options::default()).unwrap();
                journal.stage(UnixTime::from_seconds(1_800_000_001), b"four").unwrap();
                journal.commit().unwrap();
            }
            alter_first_record(dir.path());
            let (outcome, report) = verified(dir.path(), None);
            assert!(matches!(outcome, Err(Error::JournalDamaged)));
            assert_eq!((&report["is_intact"], report[place].is_object()), (&false.into(), true), "{place}");
        }
    }

    fn alter_first_record(dir: &Path) {
        let mut files = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
        let segment = files.find(|path| path.extension().is_some_and(|end| end == "log")).unwrap();
        let mut bytes = fs::read(&segment).unwrap();
        let at = bytes.windows(3).position(|part| part == b"one").unwrap();
        bytes[at] ^= 1;
        fs::write(&segment, bytes).unwrap();
    }

    #[test]
    fn a_kept_head_is_a_place_and_a_hash() {
        let kept = parse_kept(&format!("12:{}", "ab".repeat(32))).unwrap();
        assert_eq!(kept, Kept { seq: Seq(12), hash: Fingerprint::from_array([0xab; 32]) });
        for text in ["", "12", "x:00", "12:zz", "12:00"] {
            assert!(parse_kept(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_directory_that_is_not_there_is_an_error_and_nothing_is_written() {
        let mut bytes = Vec::new();
        let missing = tempfile::tempdir().unwrap().path().join("none");
        let outcome = verify_files(&missing, None, &mut Output::to(Format::Json, &mut bytes));
        assert!(matches!(outcome, Err(Error::Journal(_))));
        assert!(bytes.is_empty());
    }
}
