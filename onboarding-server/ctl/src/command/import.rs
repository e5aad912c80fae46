//! `gangway devices import`: rows from a file or standard input, in groups, a result for each.
//! Does not: parse rows (see `rows`), hold the whole file.
//! Invariants: every row of the input gives exactly one result line.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use proto_api::BATCH_ITEMS_MAX;
use proto_api::v1::device_service_client::DeviceServiceClient;
use proto_api::v1::{ExpectedDevice, ImportDevicesRequest, ImportOutcome, ImportResult};
use tokio::sync::mpsc;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;

use crate::error::{Error, unusable};
use crate::output::{Output, Stream};
use crate::progress::Progress;
use crate::record::Record;
use crate::rows::{LINE_BYTES_MAX, Row, RowFormat, RowReader, guess};
use crate::view;

/// What is imported.
#[derive(Args, Debug)]
pub(crate) struct ImportArgs {
    /// The file; - for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// How the rows are written; told from the file's name or first line when not given
    #[arg(long, value_enum)]
    format: Option<RowFormat>,
    /// Show refused rows only
    #[arg(long)]
    only_refused: bool,
}

/// How many groups may be on their way before the reader waits for the server.
const GROUPS_UNDER_WAY: usize = 4;

/// What became of all rows so far.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    created: u64,
    unchanged: u64,
    refused: u64,
}

/// A group as it was read: rows to send, and results for those that are not fit to be sent.
#[derive(Debug, Default)]
struct Group {
    devices: Vec<ExpectedDevice>,
    unfit: Vec<ImportResult>,
}

/// Imports.
///
/// # Errors
/// [`Error::File`], [`Error::Input`]; the call's; [`Error::SomeRefused`].
pub(crate) async fn import<W: Write>(
    mut client: DeviceServiceClient<Channel>,
    args: ImportArgs,
    output: &mut Output<W>,
) -> Result<(), Error> {
    // Not bounded: the server may answer only after the first group, and unfit rows come before that.
    let (unfit_sender, mut unfit) = mpsc::unbounded_channel();
    let (sender, requests) = mpsc::channel(GROUPS_UNDER_WAY);
    let reading = tokio::task::spawn_blocking({
        let (file, format) = (args.file.clone(), args.format);
        move || read_groups(&file, format, &sender, &unfit_sender)
    });
    let mut report = Report::new(output, args.only_refused);
    let mut answers = client.import_devices(ReceiverStream::new(requests)).await?.into_inner();
    let mut is_answering = true;
    let mut is_reading = true;
    while is_answering || is_reading {
        tokio::select! {
            answer = answers.next(), if is_answering => match answer {
                Some(answer) => report.take(&answer?.results)?,
                None => is_answering = false,
            },
            results = unfit.recv(), if is_reading => match results {
                Some(results) => report.take(&results)?,
                None => is_reading = false,
            },
        }
    }
    let sent = reading.await.map_err(|fault| Error::Input(io::Error::other(fault)))??;
    report.finish(sent)
}

/// Reads the file group by group and hands the groups on; returns how many rows were sent.
fn read_groups(
    file: &Path,
    format: Option<RowFormat>,
    requests: &mpsc::Sender<ImportDevicesRequest>,
    unfit: &mpsc::UnboundedSender<Vec<ImportResult>>,
) -> Result<u64, Error> {
    let mut input = open(file)?;
    let format = match format {
        Some(format) => format,
        None => guess(&file.to_string_lossy(), &String::from_utf8_lossy(peek(&mut input)?)),
    };
    let mut reader = RowReader::new(format);
    let mut sent = 0;
    loop {
        let group = read_group(&mut input, &mut reader)?;
        if group.devices.is_empty() && group.unfit.is_empty() {
            return Ok(sent);
        }
        let rows = u64::try_from(group.devices.len()).unwrap_or(u64::MAX);
        // A receiver that is gone has failed; its error is the one to tell.
        if rows > 0 && requests.blocking_send(ImportDevicesRequest { devices: group.devices }).is_err() {
            return Ok(sent);
        }
        sent += rows;
        if !group.unfit.is_empty() && unfit.send(group.unfit).is_err() {
            return Ok(sent);
        }
    }
}

fn open(file: &Path) -> Result<Box<dyn BufRead>, Error> {
    if file == Path::new("-") {
        return Ok(Box::new(BufReader::new(io::stdin())));
    }
    let opened = File::open(file).map_err(unusable(file))?;
    Ok(Box::new(BufReader::new(opened)))
}

fn peek(input: &mut Box<dyn BufRead>) -> Result<&[u8], Error> {
    input.fill_buf().map_err(Error::Input)
}

fn read_group(input: &mut impl BufRead, reader: &mut RowReader) -> Result<Group, Error> {
    let mut group = Group::default();
    while group.devices.len() + group.unfit.len() < BATCH_ITEMS_MAX {
        let Some(line) = read_line(input)? else { break };
        match reader.read(&line) {
            Some(row) => group.take(row),
            None => continue,
        }
    }
    Ok(group)
}

/// Reads a line, of which no more than a little over [`LINE_BYTES_MAX`] is kept; `None` at the end.
fn read_line(input: &mut impl BufRead) -> Result<Option<String>, Error> {
    let mut line = Vec::new();
    let mut is_begun = false;
    loop {
        let buffer = input.fill_buf().map_err(Error::Input)?;
        if buffer.is_empty() {
            break;
        }
        is_begun = true;
        let (part, is_end) = match buffer.iter().position(|byte| *byte == b'\n') {
            Some(end) => (end + 1, true),
            None => (buffer.len(), false),
        };
        let room = (LINE_BYTES_MAX + 8).saturating_sub(line.len());
        line.extend(buffer.iter().take(part.min(room)));
        input.consume(part);
        if is_end {
            break;
        }
    }
    Ok(if is_begun { Some(String::from_utf8_lossy(&line).into_owned()) } else { None })
}

impl Group {
    fn take(&mut self, row: Row) {
        match row {
            Ok(device) => self.devices.push(device),
            Err((row, fault)) => self.unfit.push(ImportResult {
                row,
                outcome: ImportOutcome::Refused.into(),
                device_id: String::new(),
                refusal: Some(fault.refusal()),
            }),
        }
    }
}

/// The results as they arrive.
struct Report<'a, W> {
    stream: Stream<'a, W>,
    tally: Tally,
    progress: Progress,
    only_refused: bool,
    answered: u64,
}

impl<'a, W: Write> Report<'a, W> {
    fn new(output: &'a mut Output<W>, only_refused: bool) -> Self {
        let progress = Progress::new("rows imported");
        Self {
            stream: output.stream(view::IMPORTED),
            tally: Tally::default(),
            progress,
            only_refused,
            answered: 0,
        }
    }

    fn take(&mut self, results: &[ImportResult]) -> Result<(), Error> {
        let mut records = Vec::with_capacity(results.len());
        for result in results {
            self.tally.count(result.outcome());
            let is_local =
                result.refusal.as_ref().is_some_and(|refusal| refusal.reason_code.starts_with("ctl-"));
            self.answered += u64::from(!is_local);
            if !self.only_refused || result.outcome() == ImportOutcome::Refused {
                records.push(view::imported(result));
            }
        }
        self.progress.show(self.tally.all(), None);
        self.stream.entries(&records)
    }

    fn finish(mut self, sent: u64) -> Result<(), Error> {
        self.stream.summary(&self.tally.record())?;
        if self.answered < sent {
            return Err(Error::AnswerCut);
        }
        match self.tally.refused {
            0 => Ok(()),
            refused => Err(Error::SomeRefused { refused, all: self.tally.all() }),
        }
    }
}

impl Tally {
    fn count(&mut self, outcome: ImportOutcome) {
        match outcome {
            ImportOutcome::Created => self.created += 1,
            ImportOutcome::Unchanged => self.unchanged += 1,
            ImportOutcome::Refused | ImportOutcome::Unspecified => self.refused += 1,
        }
    }

    fn all(&self) -> u64 {
        self.created + self.unchanged + self.refused
    }

    fn record(&self) -> Record {
        Record::new()
            .with("rows", self.all())
            .with("created", self.created)
            .with("unchanged", self.unchanged)
            .with("refused", self.refused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_holds_no_more_than_the_server_takes_and_every_row_once() {
        let text: String =
            (0..600).map(|n| if n % 3 == 0 { "bad\n".to_owned() } else { format!("acme,A-{n}\n") }).collect();
        let mut input = text.as_bytes();
        let mut reader = RowReader::new(RowFormat::Csv);
        let mut rows = 0;
        loop {
            let group = read_group(&mut input, &mut reader).unwrap();
            let size = group.devices.len() + group.unfit.len();
            assert!(size <= BATCH_ITEMS_MAX);
            rows += size;
            if size == 0 {
                break;
            }
        }
        assert_eq!(rows, 600);
    }

    #[test]
    fn a_line_without_end_is_cut_and_the_next_is_whole() {
        let text = format!("{}\nacme,A-1", "x".repeat(10 * LINE_BYTES_MAX));
        let mut input = io::BufReader::new(text.as_bytes());
        assert_eq!(read_line(&mut input).unwrap().map(|line| line.len()), Some(LINE_BYTES_MAX + 8));
        assert_eq!(read_line(&mut input).unwrap().as_deref(), Some("acme,A-1"));
        assert_eq!(read_line(&mut input).unwrap(), None);
    }

    #[test]
    fn the_tally_counts_each_outcome() {
        let mut tally = Tally::default();
        for outcome in
            [ImportOutcome::Created, ImportOutcome::Created, ImportOutcome::Unchanged, ImportOutcome::Refused]
        {
            tally.count(outcome);
        }
        assert_eq!(tally, Tally { created: 2, unchanged: 1, refused: 1 });
        assert_eq!(tally.all(), 4);
    }
}
