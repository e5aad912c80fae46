//! What a rogue answers to each request.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, LOCATION};
use http_body_util::Full;
use pki::cms::SignedData;
use pki::{Certificate, Csr, KeyAlgorithm, Signer};
use proto::{SerialNumber, media_type, well_known};
use proto_est::body;
use proto_voucher::{Assertion, Nonce, Pins, Voucher, VoucherRequest, json};

use super::{Cast, Trick};
use crate::pledge::decode_est;
use crate::{Error, clock};

/// How long a voucher of ours is valid; RFC 8995 suggests about 20 minutes.
const VOUCHER_VALIDITY: Duration = Duration::from_secs(20 * 60);

/// The nonce of an overheard voucher.
const OLD_NONCE: &[u8] = b"an-overheard-nonce";

type Answer = http::Response<Full<Bytes>>;

/// Answers one request.
pub(super) fn answer(cast: &Cast, path: &str, body: &[u8]) -> Result<Answer, Error> {
    match path {
        well_known::REQUEST_VOUCHER => request_voucher(cast, body),
        well_known::VOUCHER_STATUS | well_known::ENROLL_STATUS => Ok(status(200)),
        well_known::CSR_ATTRS => Ok(status(204)),
        well_known::CA_CERTS => {
            let domain = if cast.trick == Trick::ForeignCaCerts { &cast.other } else { &cast.own };
            certificates(std::slice::from_ref(domain.root()))
        }
        well_known::SIMPLE_ENROLL | well_known::SIMPLE_REENROLL => enroll(cast, body),
        _ => Ok(status(404)),
    }
}

/// An answer without a body.
pub(super) fn status(code: u16) -> Answer {
    let mut answer = Answer::new(Full::default());
    *answer.status_mut() =
        http::StatusCode::from_u16(code).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    answer
}

fn with_body(content_type: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = Answer::new(Full::new(body.into()));
    answer.headers_mut().insert(CONTENT_TYPE, http::HeaderValue::from_static(content_type));
    answer
}

fn request_voucher(cast: &Cast, body: &[u8]) -> Result<Answer, Error> {
    if cast.trick == Trick::Gibberish {
        return Ok(with_body(media_type::VOUCHER_CMS_JSON, &b"not a voucher"[..]));
    }
    if cast.trick == Trick::Redirect {
        let mut answer = status(307);
        answer.headers_mut().insert(LOCATION, http::HeaderValue::from_static("https://elsewhere.invalid/"));
        return Ok(answer);
    }
    let message = SignedData::parse(body)?;
    let request = json::parse_voucher_request(message.unverified_content());
    let voucher = voucher(cast, &request.map_err(Error::RequestUnbuildable)?)?;
    let content = json::write_voucher(&voucher).map_err(Error::RequestUnbuildable)?;
    let masa = if cast.trick == Trick::ForeignSigner { cast.stranger.masa() } else { cast.maker.masa() };
    let mut signed = pki::cms::sign(&content, &masa.signer, &masa.chain)?;
    if cast.trick == Trick::Tampered {
        flip_last_bit(&mut signed);
    }
    Ok(with_body(media_type::VOUCHER_CMS_JSON, signed))
}

fn voucher(cast: &Cast, request: &VoucherRequest) -> Result<Voucher, Error> {
    let now = clock::now();
    let mut voucher = Voucher::new(request.serial_number.clone());
    voucher.assertion = Some(Assertion::Proximity);
    voucher.created_at = Some(now);
    voucher.nonce = request.nonce.clone();
    voucher.pinned_domain = Pins::from_certificate(cast.own.root().der());
    match cast.trick {
        Trick::PinsAnotherDomain => voucher.pinned_domain = Pins::from_certificate(cast.other.root().der()),
        Trick::OtherSerial => voucher.serial_number = other_serial(&request.serial_number)?,
        Trick::OldNonce => voucher.nonce = Nonce::new(OLD_NONCE).ok(),
        Trick::Nonceless => {
            voucher.nonce = None;
            voucher.expires_at = Some(now.plus(VOUCHER_VALIDITY));
        }
        Trick::Expired => voucher.expires_at = Some(now.minus(VOUCHER_VALIDITY)),
        Trick::PinsNobody => voucher.pinned_domain = Pins::default(),
        Trick::None
        | Trick::ForeignSigner
        | Trick::Tampered
        | Trick::Gibberish
        | Trick::Redirect
        | Trick::ForeignCaCerts
        | Trick::ForeignLdevid
        | Trick::OtherKey
        | Trick::OtherSubject => {}
    }
    Ok(voucher)
}

fn enroll(cast: &Cast, body: &[u8]) -> Result<Answer, Error> {
    let request = Csr::parse(&decode_est(body)?)?.verify()?;
    let serial_number = request.subject_serial_number().ok_or(Error::UnitFile)?.clone();
    let stray = Signer::generate(KeyAlgorithm::EcdsaP256)?;
    let domain = if cast.trick == Trick::ForeignLdevid { &cast.other } else { &cast.own };
    let key = if cast.trick == Trick::OtherKey { stray.public_key() } else { request.public_key() };
    let named = if cast.trick == Trick::OtherSubject { other_serial(&serial_number)? } else { serial_number };
    certificates(&[domain.issue(&named, key)?])
}

fn certificates(certificates: &[Certificate]) -> Result<Answer, Error> {
    let body = body::encode(&pki::cms::certs_only(certificates)?);
    Ok(with_body(media_type::PKCS7_CERTS_ONLY, body))
}

/// Makes another serial number out of one: its first character is another.
pub(crate) fn other_serial(serial_number: &SerialNumber) -> Result<SerialNumber, Error> {
    let tail = serial_number.as_str().get(1..).unwrap_or_default();
    let head = if serial_number.as_str().starts_with('X') { 'Y' } else { 'X' };
    format!("{head}{tail}").parse().map_err(|_| Error::UnitFile)
}

/// Flips the last bit of a message: the last octets of a CMS message with one signer are its signature.
pub(crate) fn flip_last_bit(message: &mut [u8]) {
    if let Some(last) = message.last_mut() {
        *last ^= 1;
    }
}
