//! The first certificate of a device.
//! Source: RFC 7030 §4.2.1, §3.4, §3.5; RFC 8995 §5.9.
//! Does not: judge the path of the channel's certificate, or look for the voucher that must precede.
//! Invariants: an [`EnrollRequest`] is signed by its key, names the device that opened the channel, and asks for no CA.

use pki::{Certificate, Csr, PublicKey, Unverified, Verified};
use proto::{Fingerprint, SerialNumber};

use crate::Error;
use crate::body::{self, Encoding};

/// Says what a challengePassword in a request means.
///
/// RFC 7030 §3.5 has a client put tls-unique into it, which the server MUST then compare. TLS 1.3 has no tls-unique and
/// our TLS library offers none for TLS 1.2, so nothing can be compared: either the request is refused, or the owner
/// says that the attribute may be ignored; then nothing but the TLS channel links identity and request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ChallengePassword {
    /// The request is refused.
    #[default]
    Refuse,
    /// The attribute is not looked at.
    Ignore,
}

/// A request for the first certificate, bound to the device that made it.
#[derive(Debug)]
pub struct EnrollRequest {
    csr: Verified<Csr>,
    serial_number: SerialNumber,
}

/// Reads the request in a body of simpleenroll or simplereenroll, and tells how the body was written.
///
/// # Errors
/// Those of [`body::decode`]; [`Error::Pki`] when the request is malformed or its key is not one of ours.
pub fn parse_csr(body: &[u8]) -> Result<(Unverified<Csr>, Encoding), Error> {
    let (der, encoding) = body::decode(body)?;
    Ok((Csr::parse(&der)?, encoding))
}

impl EnrollRequest {
    /// Checks a request against the certificate that opened the channel, whose path the caller has verified.
    ///
    /// # Errors
    /// [`Error::Pki`] with the class of the self-signature's fault; [`Error::CsrAsksForCa`] (`Refused`),
    /// [`Error::CsrChallengePassword`] (`Refused`), [`Error::CsrSerialNumberMissing`] (`Malformed`),
    /// [`Error::CsrSerialNumberMismatch`], [`Error::IdentitySerialNumberMissing`] (`Untrusted`).
    pub fn verify(
        csr: Unverified<Csr>,
        identity: &Certificate,
        challenge_password: ChallengePassword,
    ) -> Result<Self, Error> {
        let csr = verify_csr(csr, challenge_password)?;
        // RFC8995-5.9-csr-serial-number
        let serial_number = identity.subject_serial_number().ok_or(Error::IdentitySerialNumberMissing)?;
        match csr.subject_serial_number() {
            None => Err(Error::CsrSerialNumberMissing),
            Some(asked) if *asked != serial_number => Err(Error::CsrSerialNumberMismatch),
            Some(_) => Ok(Self { csr, serial_number }),
        }
    }

    /// Returns the request.
    #[must_use]
    pub fn csr(&self) -> &Csr {
        &self.csr
    }

    /// Returns the key to be certified.
    #[must_use]
    pub fn public_key(&self) -> &PublicKey {
        self.csr.public_key()
    }

    /// Returns the SHA-256 of the request in DER: the same request again gets the same certificate (RFC 7030 §4.2.3).
    #[must_use]
    pub fn digest(&self) -> Fingerprint {
        self.csr.digest()
    }

    /// Returns the serial number, which request and channel agree on.
    #[must_use]
    pub fn serial_number(&self) -> &SerialNumber {
        &self.serial_number
    }
}

/// Checks what every request must hold, whoever makes it.
pub(crate) fn verify_csr(
    csr: Unverified<Csr>,
    challenge_password: ChallengePassword,
) -> Result<Verified<Csr>, Error> {
    // RFC7030-3.4-proof-of-possession
    let csr = csr.verify()?;
    // RFC7030-4.2.1-no-ca: other extensions are merely not granted; this one is an attack and is to be seen.
    if csr.asks_for_ca() {
        return Err(Error::CsrAsksForCa);
    }
    // RFC7030-3.5-challenge-password
    match challenge_password {
        ChallengePassword::Refuse if csr.challenge_password().is_some() => Err(Error::CsrChallengePassword),
        ChallengePassword::Refuse | ChallengePassword::Ignore => Ok(csr),
    }
}
