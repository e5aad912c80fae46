//! `gangway factory issue`: one certification request in, one chain out.
//! Does not: verify the request (the server does), make keys.
//! Invariants: a file that is written holds the whole chain in PEM, the unit's certificate first.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use pki::Certificate;
use proto_api::v1::factory_service_client::FactoryServiceClient;
use proto_api::v1::{IssueIdevIdRequest, IssueIdevIdResponse};
use rustls_pki_types::CertificateSigningRequestDer;
use rustls_pki_types::pem::PemObject;
use tonic::transport::Channel;

use crate::error::Error;
use crate::output::Output;
use crate::view;

/// What is issued, and where it goes.
#[derive(Args, Debug)]
pub(crate) struct IssueArgs {
    /// The order under which the unit is made
    #[arg(long, value_name = "ORDER")]
    order: String,
    /// The serial number that the unit gets
    #[arg(long, value_name = "SERIAL")]
    serial: String,
    /// The unit's certification request (PKCS#10), PEM or DER
    #[arg(long, value_name = "FILE")]
    csr: PathBuf,
    /// Where the chain is written, PEM: the IDevID, then its issuers without the root; - for standard output
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Issues.
///
/// # Errors
/// [`Error::File`]; the call's; [`Error::AnswerInvalid`].
pub(crate) async fn issue<W: Write>(
    mut client: FactoryServiceClient<Channel>,
    args: IssueArgs,
    output: &mut Output<W>,
) -> Result<(), Error> {
    let csr = request_der(&read(&args.csr)?);
    let request = IssueIdevIdRequest { order_id: args.order, serial_number: args.serial.clone(), csr };
    let answer = client.issue_idev_id(request).await?.into_inner();
    let chain = chain_pem(&answer)?;
    if args.out == Path::new("-") {
        return output.raw(chain.as_bytes());
    }
    write(&args.out, chain.as_bytes())?;
    output.one(&view::issued(&args.serial, &answer, &args.out.display().to_string()))
}

/// Returns the request in DER, from PEM or as it is.
fn request_der(bytes: &[u8]) -> Vec<u8> {
    CertificateSigningRequestDer::from_pem_slice(bytes).map_or_else(|_| bytes.to_vec(), |csr| csr.to_vec())
}

fn chain_pem(answer: &IssueIdevIdResponse) -> Result<String, Error> {
    let chain = std::iter::once(&answer.certificate).chain(&answer.issuers);
    chain
        .map(|der| Certificate::parse(der).map(|certificate| certificate.to_pem()))
        .collect::<Result<_, _>>()
        .map_err(Error::AnswerInvalid)
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|source| Error::File { path: path.to_owned(), source })
}

/// Writes a whole file.
///
/// # Errors
/// [`Error::File`].
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    fs::write(path, bytes).map_err(|source| Error::File { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_taken_in_pem_and_in_der() {
        let pem = b"-----BEGIN CERTIFICATE REQUEST-----\nMAMCAQE=\n-----END CERTIFICATE REQUEST-----\n";
        assert_eq!(request_der(pem), [0x30, 3, 2, 1, 1]);
        assert_eq!(request_der(&[0x30, 3, 2, 1, 1]), [0x30, 3, 2, 1, 1]);
    }

    #[test]
    fn a_chain_that_is_none_is_refused() {
        let answer = IssueIdevIdResponse { certificate: vec![1], issuers: Vec::new(), already_issued: false };
        assert!(matches!(chain_pem(&answer), Err(Error::AnswerInvalid(_))));
    }
}
