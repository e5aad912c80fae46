//! `gangway factory issue` for many units: certification requests in, chains out, a result for each.
//! Does not: hold more requests than two batches, or stop at one that is refused.
//! Invariants: every file gives exactly one result line; a file that is written holds the whole chain in PEM.

use std::collections::VecDeque;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use pki::Csr;
use proto::{Class, Reason, ReasonCode, SerialNumber};
use proto_api::BATCH_ITEMS_MAX;
use proto_api::v1::factory_service_client::FactoryServiceClient;
use proto_api::v1::issue_result::Outcome;
use proto_api::v1::{IssueIdevIdsRequest, IssueIdevIdsResponse, IssueItem};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;

use super::issue::{chain_pem, request_der, write};
use crate::error::{Error, unusable};
use crate::output::{Output, Stream};
use crate::progress::Progress;
use crate::record::Record;
use crate::rows::refusal;
use crate::view;

/// How many batches are under way before an answer is waited for.
const BATCHES_UNDER_WAY: usize = 2;
/// How the names of files end that are taken from a directory.
const EXTENSIONS: [&str; 4] = ["csr", "der", "p10", "pem"];

/// Why a file is not sent, or its chain not kept.
#[derive(Debug, thiserror::Error)]
enum Unfit {
    /// The file cannot be read.
    #[error("the file cannot be read: {0}")]
    Unreadable(std::io::Error),
    /// It is no certification request.
    #[error("the file is no certification request: {0}")]
    NoRequest(#[from] pki::Error),
    /// It names no serial number.
    #[error("the request names no serial number")]
    NoSerialNumber,
    /// The serial number is no file name.
    #[error("the serial number cannot be the name of a file; issue it by itself")]
    NoFileName,
}

impl Reason for Unfit {
    fn class(&self) -> Class {
        match self {
            Self::Unreadable(_) => Class::Fault,
            Self::NoRequest(error) => error.class(),
            Self::NoSerialNumber | Self::NoFileName => Class::Malformed,
        }
    }

    fn code(&self) -> ReasonCode {
        match self {
            Self::Unreadable(_) => ReasonCode::new("ctl-request-unreadable"),
            Self::NoRequest(error) => error.code(),
            Self::NoSerialNumber => ReasonCode::new("ctl-request-serial-missing"),
            Self::NoFileName => ReasonCode::new("ctl-request-serial-no-file-name"),
        }
    }
}

/// A file and the serial number in it, while its certificate is on the way.
struct Asked {
    file: PathBuf,
    serial: SerialNumber,
}

/// Issues.
///
/// # Errors
/// [`Error::File`]; the call's; [`Error::AnswerInvalid`], [`Error::AnswerCut`], [`Error::SomeRefused`].
pub(super) async fn issue_many<W: Write>(
    mut client: FactoryServiceClient<Channel>,
    order_id: String,
    (requests, out_dir): (&[PathBuf], &Path),
    output: &mut Output<W>,
) -> Result<(), Error> {
    fs::create_dir_all(out_dir).map_err(unusable(out_dir))?;
    let files = expand(requests)?;
    let mut report = Report::new(output, out_dir, files.len());
    let (sender, requests) = mpsc::channel(BATCHES_UNDER_WAY);
    let mut requests = Some(ReceiverStream::new(requests));
    let mut answers = None;
    let mut under_way: VecDeque<Vec<Asked>> = VecDeque::new();
    let mut batches = files.chunks(BATCH_ITEMS_MAX);
    loop {
        while under_way.len() < BATCHES_UNDER_WAY {
            let Some(batch) = batches.next() else { break };
            let (asked, items) = report.read(batch)?;
            let request = IssueIdevIdsRequest { order_id: order_id.clone(), items };
            if !asked.is_empty() && sender.send(request).await.is_ok() {
                under_way.push_back(asked);
            }
        }
        let Some(asked) = under_way.pop_front() else { break };
        // The server may answer only after the first request.
        if let Some(requests) = requests.take() {
            answers = Some(client.issue_idev_ids(requests).await?.into_inner());
        }
        let answer = match &mut answers {
            Some(answers) => answers.message().await?,
            None => None,
        };
        report.take(asked, answer.ok_or(Error::AnswerCut)?)?;
    }
    report.finish()
}

/// Lists the files that are meant, those of a directory by name.
fn expand(requests: &[PathBuf]) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    for path in requests {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let entries = fs::read_dir(path).map_err(unusable(path))?;
        let mut found: Vec<PathBuf> = entries
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<Result<_, _>>()
            .map_err(unusable(path))?;
        let is_request = |file: &PathBuf| {
            let extension = file.extension().and_then(|extension| extension.to_str());
            extension.is_some_and(|extension| EXTENSIONS.contains(&extension))
        };
        found.retain(is_request);
        found.sort_unstable();
        files.append(&mut found);
    }
    Ok(files)
}

/// Reads a request and the serial number that it asks for.
fn read(file: &Path) -> Result<(SerialNumber, Vec<u8>), Unfit> {
    let der = request_der(&fs::read(file).map_err(Unfit::Unreadable)?);
    let csr = Csr::parse(&der)?.verify()?;
    let serial = csr.subject_serial_number().ok_or(Unfit::NoSerialNumber)?.clone();
    if file_name(&serial).is_some() { Ok((serial, der)) } else { Err(Unfit::NoFileName) }
}

/// Names the file of a unit's chain; a serial number may hold characters that lead elsewhere.
fn file_name(serial: &SerialNumber) -> Option<String> {
    let is_plain = !serial.as_str().contains(['/', '\\']) && !serial.as_str().starts_with('.');
    is_plain.then(|| format!("{serial}.pem"))
}

/// The results as they arrive.
struct Report<'a, W> {
    stream: Stream<'a, W>,
    progress: Progress,
    out_dir: &'a Path,
    all: u64,
    issued: u64,
    repeated: u64,
    refused: u64,
}

impl<'a, W: Write> Report<'a, W> {
    fn new(output: &'a mut Output<W>, out_dir: &'a Path, files: usize) -> Self {
        Self {
            stream: output.stream(view::ISSUED),
            progress: Progress::new("units"),
            out_dir,
            all: u64::try_from(files).unwrap_or(u64::MAX),
            issued: 0,
            repeated: 0,
            refused: 0,
        }
    }

    /// Reads a batch of files; those that are not fit to be sent have their result at once.
    fn read(&mut self, batch: &[PathBuf]) -> Result<(Vec<Asked>, Vec<IssueItem>), Error> {
        let (mut asked, mut items, mut unfit) = (Vec::new(), Vec::new(), Vec::new());
        for file in batch {
            match read(file) {
                Ok((serial, csr)) => {
                    let item = u64::try_from(asked.len()).unwrap_or(u64::MAX);
                    items.push(IssueItem { item, serial_number: serial.to_string(), csr });
                    asked.push(Asked { file: file.clone(), serial });
                }
                Err(fault) => unfit.push(view::issued_item(file, "", Err(&refusal(&fault)))),
            }
        }
        self.refused += u64::try_from(unfit.len()).unwrap_or(u64::MAX);
        self.stream.entries(&unfit)?;
        Ok((asked, items))
    }

    /// Takes the answer to a batch: writes the chains, and tells what became of each.
    fn take(&mut self, asked: Vec<Asked>, answer: IssueIdevIdsResponse) -> Result<(), Error> {
        let mut results = answer.results.into_iter();
        let mut records = Vec::with_capacity(asked.len());
        for Asked { file, serial } in asked {
            let outcome = results.next().and_then(|result| result.outcome).ok_or(Error::AnswerCut)?;
            let serial_text = serial.as_str();
            records.push(match outcome {
                Outcome::Issued(issued) => {
                    let name = file_name(&serial).unwrap_or_default();
                    let chain = chain_pem(&issued.certificate, &answer.issuers)?;
                    write(&self.out_dir.join(name), chain.as_bytes())?;
                    self.issued += u64::from(!issued.already_issued);
                    self.repeated += u64::from(issued.already_issued);
                    view::issued_item(&file, serial_text, Ok(issued.already_issued))
                }
                Outcome::Refusal(refusal) => {
                    self.refused += 1;
                    view::issued_item(&file, serial_text, Err(&refusal))
                }
            });
        }
        self.progress.show(self.issued + self.repeated + self.refused, Some(self.all));
        self.stream.entries(&records)
    }

    fn finish(mut self) -> Result<(), Error> {
        let summary = Record::new()
            .with("units", self.all)
            .with("issued", self.issued)
            .with("repeated", self.repeated)
            .with("refused", self.refused);
        self.stream.summary(&summary)?;
        match self.refused {
            0 => Ok(()),
            refused => Err(Error::SomeRefused { refused, all: self.all }),
        }
    }
}

#[cfg(test)]
mod tests {
    use pki::{KeyAlgorithm, Signer, csr};

    use super::*;

    fn request(serial: Option<&str>) -> Vec<u8> {
        let named = serial.map(|serial| pki::Subject::device(&serial.parse().unwrap()));
        let subject = named.unwrap_or_else(|| pki::Subject::new("nameless"));
        csr::create(&csr::Request::new(subject), &Signer::generate(KeyAlgorithm::EcdsaP256).unwrap()).unwrap()
    }

    fn code(directory: &Path, bytes: &[u8]) -> String {
        let file = directory.join("x.csr");
        fs::write(&file, bytes).unwrap();
        read(&file).map_or_else(|unfit| unfit.code().to_string(), |(serial, _)| serial.to_string())
    }

    #[test]
    fn a_request_tells_its_serial_number_and_what_is_none_tells_why() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(code(directory.path(), &request(Some("A-1"))), "A-1");
        assert_eq!(code(directory.path(), &request(None)), "ctl-request-serial-missing");
        for outside in ["../A", "A/1", ".A"] {
            assert_eq!(code(directory.path(), &request(Some(outside))), "ctl-request-serial-no-file-name");
        }
        assert!(code(directory.path(), b"no request").starts_with("csr-"));
        let missing = read(&directory.path().join("missing.csr")).unwrap_err();
        assert_eq!(missing.code().as_str(), "ctl-request-unreadable");
    }

    #[test]
    fn of_a_directory_the_requests_are_taken_in_the_order_of_their_names() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["b.csr", "a.pem", "notes.txt", "c.der"] {
            fs::write(directory.path().join(name), b"").unwrap();
        }
        let single = directory.path().join("notes.txt");
        let files = expand(&[directory.path().to_owned(), single.clone()]).unwrap();
        let names: Vec<_> = files.iter().map(|file| file.file_name().unwrap().to_str().unwrap()).collect();
        assert_eq!(names, ["a.pem", "b.csr", "c.der", "notes.txt"]);
        assert!(expand(&[directory.path().join("missing")]).is_ok_and(|files| files.len() == 1));
    }
}
