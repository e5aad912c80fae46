//! Words that several services share, as messages and back.

use std::str::FromStr;

use proto::{InvalidId, Seq};
use proto_api::{REASON_CHARS_MAX, timestamp, v1};
use server_lifecycle::State;
use server_store::{Actor, Text};
use tonic::Request;

use super::Caller;
use crate::app::{Error, Refusal};

/// Reads a name or number.
pub(super) fn id<T: FromStr<Err = InvalidId>>(text: &str) -> Result<T, Refusal> {
    text.parse().map_err(|error: InvalidId| Error::NameInvalid(error).into())
}

/// Reads a name that may be left out.
pub(super) fn optional_id<T: FromStr<Err = InvalidId>>(text: &str) -> Result<Option<T>, Refusal> {
    if text.is_empty() { Ok(None) } else { id(text).map(Some) }
}

/// Reads one of the values that an enum has; a caller of a later version may know more of them.
pub(super) fn known<T: TryFrom<i32>>(value: i32) -> Result<T, Refusal> {
    T::try_from(value).map_err(|_| Error::ValueUnknown.into())
}

/// Reads a person's words.
pub(super) fn note(text: String) -> Result<Text, Refusal> {
    if text.chars().count() > REASON_CHARS_MAX {
        return Err(server_store::Error::TextInvalid.into());
    }
    Ok(Text::new(text)?)
}

/// Reads which page is wanted.
pub(super) fn page(page: Option<v1::Page>) -> Result<(Option<Vec<u8>>, usize), Refusal> {
    let page = page.unwrap_or_default();
    let cursor = if page.token.is_empty() { None } else { Some(cursor(&page.token)?) };
    Ok((cursor, limit(&page)))
}

/// Reads which page of journal records is wanted; its token is the number of a record.
pub(super) fn records_page(page: Option<v1::Page>) -> Result<(Option<Seq>, usize), Refusal> {
    let page = page.unwrap_or_default();
    let from = match page.token.as_str() {
        "" => None,
        token => Some(Seq(token.parse().map_err(|_| server_store::Error::CursorInvalid)?)),
    };
    Ok((from, limit(&page)))
}

fn limit(page: &v1::Page) -> usize {
    usize::try_from(page.size_bounded()).unwrap_or(usize::MAX)
}

fn cursor(token: &str) -> Result<Vec<u8>, Refusal> {
    let digits: Option<Vec<u32>> = token.chars().map(|c| c.to_digit(16)).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0).ok_or(server_store::Error::CursorInvalid)?;
    let octets = digits.chunks_exact(2).map(|pair| u8::try_from(pair.iter().fold(0, |sum, d| sum * 16 + d)));
    octets.collect::<Result<_, _>>().map_err(|_| server_store::Error::CursorInvalid.into())
}

/// Writes where the next page begins.
pub(super) fn page_token(next: Option<&[u8]>) -> String {
    next.unwrap_or_default().iter().map(|octet| format!("{octet:02x}")).collect()
}

/// Writes why one item of many was refused.
pub(super) fn refusal(refusal: &Refusal) -> v1::Refusal {
    v1::Refusal {
        reason_code: refusal.code().to_string(),
        class: refusal.class().name().to_owned(),
        message: refusal.external().to_owned(),
    }
}

/// Says in whose name a call is made; the authorization layer put that there.
pub(super) fn operator<T>(request: &Request<T>) -> Result<Text, Refusal> {
    let caller = request.extensions().get::<Caller>().ok_or(Error::CertificateMissing)?;
    Ok(Text::clipped(&caller.name))
}

/// Writes who did something.
pub(super) fn actor(actor: &Actor) -> v1::Actor {
    let (kind, name) = match actor {
        Actor::Operator(name) => (v1::ActorKind::Person, name.to_string()),
        Actor::Station(line) => (v1::ActorKind::Station, line.to_string()),
        Actor::Pledge(certificate) => (v1::ActorKind::Device, certificate.to_string()),
        Actor::Registrar(certificate) => (v1::ActorKind::Registrar, certificate.to_string()),
        Actor::System => (v1::ActorKind::Server, String::new()),
    };
    v1::Actor { kind: kind.into(), name }
}

/// Writes a state.
pub(super) const fn state(state: State) -> v1::DeviceState {
    match state {
        State::Expected => v1::DeviceState::Expected,
        State::Requested => v1::DeviceState::Requested,
        State::Vouched => v1::DeviceState::Vouched,
        State::Enrolled => v1::DeviceState::Enrolled,
        State::Operational => v1::DeviceState::Operational,
        State::Quarantined => v1::DeviceState::Quarantined,
        State::Suspended => v1::DeviceState::Suspended,
        State::Transferring => v1::DeviceState::Transferring,
        State::InRepair => v1::DeviceState::InRepair,
        State::Refused => v1::DeviceState::Refused,
        State::Retired => v1::DeviceState::Retired,
    }
}

/// Writes on what ground a voucher was given.
pub(super) fn assertion(name: &Text) -> v1::Assertion {
    match name.as_str() {
        "verified" => v1::Assertion::Verified,
        "logged" => v1::Assertion::Logged,
        "proximity" => v1::Assertion::Proximity,
        _ => v1::Assertion::Unspecified,
    }
}

/// Writes what a certificate is in short.
pub(super) fn summary(certificate: &pki::Certificate) -> v1::CertificateSummary {
    v1::CertificateSummary {
        serial: certificate.serial().as_bytes().to_vec(),
        fingerprint: certificate.fingerprint().as_bytes().to_vec(),
        subject: certificate.subject_text(),
        issuer: certificate.issuer_text(),
        not_before_at: Some(timestamp(certificate.not_before())),
        not_after_at: Some(timestamp(certificate.not_after())),
    }
}
