//! The next certificate of a device.
//! Source: RFC 7030 §4.2.2.
//! Does not: judge the present certificate's path, validity or revocation.
//! Invariants: a [`RenewalRequest`] is signed by its key and keeps subject and subjectAltName, octet for octet.

use pki::{Certificate, Csr, PublicKey, Unverified, Verified};
use proto::Fingerprint;

use crate::enroll::verify_csr;
use crate::{ChallengePassword, Error};

/// Says whether the key stays (RFC 7030 §4.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RenewalKind {
    /// The same key gets another certificate.
    Renew,
    /// Another key gets the certificate.
    Rekey,
}

/// A request for the successor of a certificate.
#[derive(Debug)]
pub struct RenewalRequest {
    csr: Verified<Csr>,
    kind: RenewalKind,
}

impl RenewalRequest {
    /// Checks a request against the certificate that opened the channel, which is the one to be renewed.
    ///
    /// # Errors
    /// [`Error::Pki`] with the class of the self-signature's fault; [`Error::CsrAsksForCa`],
    /// [`Error::CsrChallengePassword`], [`Error::RenewalSubjectChanged`], [`Error::RenewalAltNameChanged`] (`Refused`).
    pub fn verify(
        csr: Unverified<Csr>,
        present: &Certificate,
        challenge_password: ChallengePassword,
    ) -> Result<Self, Error> {
        let csr = verify_csr(csr, challenge_password)?;
        // RFC7030-4.2.2-same-subject
        if csr.subject_der() != present.subject_der() {
            return Err(Error::RenewalSubjectChanged);
        }
        // RFC7030-4.2.2-same-alt-name
        if csr.subject_alt_name_der() != present.subject_alt_name_der() {
            return Err(Error::RenewalAltNameChanged);
        }
        let is_same_key = csr.public_key() == present.public_key();
        let kind = if is_same_key { RenewalKind::Renew } else { RenewalKind::Rekey };
        Ok(Self { csr, kind })
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

    /// Returns the SHA-256 of the request in DER: the same request again gets the same certificate.
    #[must_use]
    pub fn digest(&self) -> Fingerprint {
        self.csr.digest()
    }

    /// Tells whether the key stays.
    #[must_use]
    pub fn kind(&self) -> RenewalKind {
        self.kind
    }
}
