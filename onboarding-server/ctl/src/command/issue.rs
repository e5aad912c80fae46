//! `gangway factory issue`: one certification request in, one chain out; of many see `issue_many`.
//! Does not: verify the request (the server does), make keys.
//! Invariants: a file that is written holds the whole chain in PEM, the unit's certificate first.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use pki::Certificate;
use proto_api::v1::IssueIdevIdRequest;
use proto_api::v1::factory_service_client::FactoryServiceClient;
use rustls_pki_types::CertificateSigningRequestDer;
use rustls_pki_types::pem::PemObject;
use tonic::transport::Channel;

use super::issue_many::issue_many;
use crate::error::{Error, unusable};
use crate::output::Output;
use crate::view;

/// What is issued, and where it goes.
#[derive(Args, Debug)]
pub(crate) struct IssueArgs {
    /// The order under which the unit is made
    #[arg(long, value_name = "ORDER")]
    order: String,
    /// The serial number of one unit
    #[arg(long, value_name = "SERIAL", requires_all = ["csr", "out"], conflicts_with_all = ["requests", "out_dir"])]
    serial: Option<String>,
    /// That unit's certification request (PKCS#10), PEM or DER
    #[arg(long, value_name = "FILE", requires = "serial")]
    csr: Option<PathBuf>,
    /// Where its chain is written, PEM: the IDevID, then its issuers without the root; - for standard output
    #[arg(long, value_name = "FILE", requires = "serial")]
    out: Option<PathBuf>,
    /// Certification requests of many units, or directories of them (.csr, .der, .p10, .pem)
    #[arg(value_name = "REQUEST", required_unless_present = "serial", requires = "out_dir")]
    requests: Vec<PathBuf>,
    /// The directory into which their chains are written, as SERIAL.pem; it is made when it is missing
    #[arg(long, value_name = "DIR", requires = "requests")]
    out_dir: Option<PathBuf>,
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
    if let Some(out_dir) = &args.out_dir {
        return issue_many(client, args.order, (&args.requests, out_dir), output).await;
    }
    let (Some(serial), Some(csr), Some(out)) = (args.serial, args.csr, args.out) else {
        return Err(Error::RequestsMissing);
    };
    let csr = request_der(&read(&csr)?);
    let request = IssueIdevIdRequest { order_id: args.order, serial_number: serial.clone(), csr };
    let answer = client.issue_idev_id(request).await?.into_inner();
    let chain = chain_pem(&answer.certificate, &answer.issuers)?;
    if out == Path::new("-") {
        return output.raw(chain.as_bytes());
    }
    write(&out, chain.as_bytes())?;
    output.one(&view::issued(&serial, &answer, &out.display().to_string()))
}

/// Returns the request in DER, from PEM or as it is.
pub(super) fn request_der(bytes: &[u8]) -> Vec<u8> {
    CertificateSigningRequestDer::from_pem_slice(bytes).map_or_else(|_| bytes.to_vec(), |csr| csr.to_vec())
}

/// Writes a certificate and its issuers in PEM.
///
/// # Errors
/// [`Error::AnswerInvalid`].
pub(super) fn chain_pem(certificate: &[u8], issuers: &[Vec<u8>]) -> Result<String, Error> {
    let chain = std::iter::once(certificate).chain(issuers.iter().map(Vec::as_slice));
    chain
        .map(|der| Certificate::parse(der).map(|certificate| certificate.to_pem()))
        .collect::<Result<_, _>>()
        .map_err(Error::AnswerInvalid)
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(unusable(path))
}

/// Writes a whole file.
///
/// # Errors
/// [`Error::File`].
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    fs::write(path, bytes).map_err(unusable(path))
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
        assert!(matches!(chain_pem(&[1], &[]), Err(Error::AnswerInvalid(_))));
    }
}
