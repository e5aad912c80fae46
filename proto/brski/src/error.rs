//! Why a party to the exchange says no.

use proto::{Class, Reason, ReasonCode};

/// The exact reason; codes begin with the message or party that they are about.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A certificate, key, CMS or COSE object is malformed or unsupported, or signing failed.
    #[error(transparent)]
    Pki(#[from] pki::Error),
    /// The data inside the signature is malformed.
    #[error(transparent)]
    Data(#[from] proto_voucher::Error),

    // The pledge's request, at the registrar and at the MASA.
    /// The request has more than [`crate::PVR_BYTES_MAX`] octets.
    #[error("the pledge's request is larger than 32 KiB")]
    PvrTooLarge,
    /// The request is not signed by the key of the IDevID.
    #[error("the pledge's request is not signed by the key of its IDevID")]
    PvrSignatureInvalid(#[source] pki::Error),
    /// The IDevID has no serialNumber in its subject.
    #[error("the IDevID has no serial number")]
    IdevidSerialMissing,
    /// The serial number claimed is not that of the IDevID.
    #[error("the pledge claims another serial number than its IDevID has")]
    PvrSerialMismatch,
    /// The request has no nonce.
    #[error("the pledge's request has no nonce")]
    PvrNonceMissing,
    /// The request does not claim proximity.
    #[error("the pledge does not claim proximity")]
    PvrAssertionNotProximity,
    /// The request does not say which registrar the pledge spoke with.
    #[error("the pledge does not say whom it spoke with")]
    PvrProximityMissing,
    /// The pledge spoke with someone else: there is an attacker on the path.
    #[error("the pledge spoke with another registrar")]
    PvrProximityMismatch,
    /// The request says that it was made more than a day from now.
    #[error("the pledge's request is dated in the future")]
    PvrCreatedInFuture,

    // The registrar's request, at the registrar and at the MASA.
    /// The chain to sign with is empty or its first certificate is of another key.
    #[error("the registrar's chain does not begin with its own certificate")]
    RvrChainInvalid,
    /// The request holds proximity-registrar-cert, which is the pledge's to send.
    #[error("the registrar's request holds proximity-registrar-cert")]
    RvrProximityPresent,
    /// The request is not signed by the certificate that it names.
    #[error("the registrar's request is not signed by the certificate in it")]
    RvrSignatureInvalid(#[source] pki::Error),
    /// The certificates in the request do not make a consistent chain.
    #[error("the registrar's chain does not hold")]
    RvrChainUntrusted(#[source] pki::Error),
    /// The signer is no registrar: its certificate lacks EKU cmcRA.
    #[error("the signer of the registrar's request is no registrar")]
    RvrSignerNotRegistrar,
    /// The request says that it was made more than a day from now.
    #[error("the registrar's request is dated in the future")]
    RvrCreatedInFuture,
    /// A request without nonce has no date or is older than a day.
    #[error("the registrar's request without nonce is stale")]
    RvrStale,
    /// A request without nonce came from a registrar that is not authenticated.
    #[error("a request without nonce needs an authenticated registrar")]
    RvrNoncelessUnauthenticated,
    /// A request with a nonce lacks the pledge's own request.
    #[error("the registrar's request lacks the pledge's")]
    RvrPriorMissing,
    /// The pledge's request inside is signed by no device of this maker.
    #[error("the pledge's request inside is signed by no device of this maker")]
    RvrPriorUntrusted(#[source] pki::Error),
    /// The serial number is not that of the device that signed the request inside.
    #[error("the registrar asks about another device than the one that signed")]
    RvrSerialMismatch,
    /// The nonce is not that of the request inside.
    #[error("the registrar's nonce is not the pledge's")]
    RvrNonceMismatch,
    /// The pledge spoke with someone outside the chain that signed.
    #[error("the pledge spoke with another registrar than the one that asks")]
    RvrProximityMismatch,

    // Issuing, at the MASA.
    /// Proximity was to be asserted without proof of it.
    #[error("proximity cannot be asserted: it was not proved")]
    IssueProximityUnproved,
    /// A voucher without nonce was to be issued without an end.
    #[error("a voucher without nonce needs an end")]
    IssueNoncelessWithoutEnd,
    /// The chain pinned or signing ends before the voucher would begin.
    #[error("the pinned certificate has expired")]
    IssuePinExpired,

    // The voucher, at the registrar and at the pledge.
    /// The voucher is not signed by a signer of this manufacturer.
    #[error("the voucher is not signed by its manufacturer")]
    VoucherSignatureInvalid(#[source] pki::Error),
    /// The voucher is for another device.
    #[error("the voucher is for another serial number")]
    VoucherSerialMismatch,
    /// The voucher names another issuer of the IDevID.
    #[error("the voucher is for a device of another issuer")]
    VoucherIssuerMismatch,
    /// The voucher answers another request.
    #[error("the voucher answers another request")]
    VoucherNonceMismatch,
    /// The voucher has no nonce though one was sent.
    #[error("the voucher has no nonce")]
    VoucherNonceMissing,
    /// The voucher has expired.
    #[error("the voucher has expired")]
    VoucherExpired,
    /// The voucher says that it was made more than a day from now.
    #[error("the voucher is dated in the future")]
    VoucherCreatedInFuture,
    /// The voucher makes no assertion, or one that is not accepted here.
    #[error("the voucher's assertion is not accepted")]
    VoucherAssertionRefused,
    /// The voucher pins nothing.
    #[error("the voucher pins nothing")]
    VoucherPinMissing,
    /// The voucher pins a domain that is not ours.
    #[error("the voucher pins another domain")]
    VoucherPinForeign,
    /// The voucher asks for revocation checks, which this pledge cannot make.
    #[error("the voucher asks for revocation checks that cannot be made")]
    VoucherRevocationChecksUnsupported,
    /// The registrar's chain from the TLS handshake is empty.
    #[error("the registrar's chain is empty")]
    RegistrarChainEmpty,
    /// The registrar's chain from the TLS handshake neither ends in nor is the pin.
    #[error("the registrar's chain does not lead to the pinned certificate")]
    RegistrarNotPinned(#[source] pki::Error),

    // Answers.
    /// The answer has another media type than a voucher.
    #[error("the answer is no voucher")]
    AnswerMediaType,
    /// The MASA said no.
    #[error("the MASA answered with status {status}")]
    MasaRefused {
        /// The HTTP status.
        status: u16,
    },
    /// The MASA asked to come back later.
    #[error("the MASA is busy")]
    MasaBusy {
        /// What it asked for, if it did.
        retry_after_seconds: Option<u64>,
    },
    /// The registrar said no.
    #[error("the registrar answered with status {status}")]
    RegistrarRefused {
        /// The HTTP status.
        status: u16,
    },
    /// The registrar redirected more than once.
    #[error("the registrar redirected too often")]
    RegistrarRedirects,
    /// The registrar let the pledge wait for four days.
    #[error("the registrar let the pledge wait for too long")]
    RegistrarWaitedTooLong,

    // The MASA's URL.
    /// The extension is absent, empty or longer than [`crate::MASA_URL_CHARS_MAX`].
    #[error("the MASA URL is empty or too long")]
    MasaUrlLength,
    /// The URL has another scheme than https.
    #[error("the MASA URL is not https")]
    MasaUrlNotHttps,
    /// The URL has a part that it must not have: user information, query or fragment.
    #[error("the MASA URL has user information, a query or a fragment")]
    MasaUrlPartForbidden,
    /// The host is no DNS name.
    #[error("the host of the MASA URL is malformed")]
    MasaUrlHostInvalid,
    /// The host is an IP address, which is not allowed here.
    #[error("the host of the MASA URL is an IP address")]
    MasaUrlIpLiteral,
    /// The port is no number from 1 to 65535.
    #[error("the port of the MASA URL is malformed")]
    MasaUrlPortInvalid,
    /// The path has characters or segments that it must not have.
    #[error("the path of the MASA URL is malformed")]
    MasaUrlPathInvalid,

    // Telemetry and the audit log.
    /// The report is no JSON object or CBOR map of the expected form.
    #[error("the status report is malformed")]
    TelemetryMalformed,
    /// The report has more than [`crate::TELEMETRY_BYTES_MAX`] octets.
    #[error("the status report is larger than 4 KiB")]
    TelemetryTooLarge,
    /// The log is no JSON object of the expected form.
    #[error("the audit log is malformed")]
    AuditLogMalformed,
    /// The log has more events than [`crate::AUDIT_LOG_EVENTS_MAX`].
    #[error("the audit log has too many events")]
    AuditLogTooLarge,
}

impl Error {
    /// Says of a signature that does not hold whose it is; what cannot be read or is not supported stays what it is.
    pub(crate) fn of_signature(error: pki::Error, untrusted: fn(pki::Error) -> Self) -> Self {
        if error.class() == Class::Untrusted { untrusted(error) } else { Self::Pki(error) }
    }
}

impl Reason for Error {
    fn class(&self) -> Class {
        use Error as E;
        match self {
            E::Pki(inner) => inner.class(),
            E::Data(inner) => inner.class(),
            E::PvrTooLarge | E::PvrNonceMissing | E::PvrProximityMissing => Class::Malformed,
            E::PvrAssertionNotProximity => Class::Unsupported,
            E::PvrSignatureInvalid(_) | E::PvrSerialMismatch | E::PvrProximityMismatch => Class::Untrusted,
            E::IdevidSerialMissing | E::PvrCreatedInFuture => Class::Refused,
            E::RvrChainInvalid => Class::Fault,
            E::RvrProximityPresent | E::RvrPriorMissing => Class::Malformed,
            E::RvrSignatureInvalid(_) | E::RvrChainUntrusted(_) | E::RvrSignerNotRegistrar => {
                Class::Untrusted
            }
            E::RvrCreatedInFuture | E::RvrStale => Class::Refused,
            E::RvrNoncelessUnauthenticated | E::RvrPriorUntrusted(_) => Class::Untrusted,
            E::RvrSerialMismatch | E::RvrNonceMismatch | E::RvrProximityMismatch => Class::Untrusted,
            E::IssueProximityUnproved | E::IssueNoncelessWithoutEnd => Class::Fault,
            E::IssuePinExpired => Class::Refused,
            E::VoucherSignatureInvalid(_) | E::VoucherSerialMismatch | E::VoucherIssuerMismatch => {
                Class::Untrusted
            }
            E::VoucherNonceMismatch | E::VoucherNonceMissing | E::VoucherExpired => Class::Untrusted,
            E::VoucherCreatedInFuture | E::VoucherAssertionRefused => Class::Untrusted,
            E::VoucherPinMissing | E::VoucherPinForeign => Class::Untrusted,
            E::VoucherRevocationChecksUnsupported => Class::Unsupported,
            E::RegistrarChainEmpty => Class::Malformed,
            E::RegistrarNotPinned(_) => Class::Untrusted,
            E::AnswerMediaType => Class::Unsupported,
            E::MasaRefused { .. } | E::RegistrarRefused { .. } => Class::Refused,
            E::MasaBusy { .. } => Class::Busy,
            E::RegistrarRedirects | E::RegistrarWaitedTooLong => Class::Refused,
            E::MasaUrlLength | E::MasaUrlPartForbidden | E::MasaUrlHostInvalid => Class::Malformed,
            E::MasaUrlPortInvalid | E::MasaUrlPathInvalid => Class::Malformed,
            E::MasaUrlNotHttps | E::MasaUrlIpLiteral => Class::Refused,
            E::TelemetryMalformed | E::TelemetryTooLarge => Class::Malformed,
            E::AuditLogMalformed | E::AuditLogTooLarge => Class::Malformed,
        }
    }

    fn code(&self) -> ReasonCode {
        use Error as E;
        ReasonCode::new(match self {
            E::Pki(inner) => return inner.code(),
            E::Data(inner) => return inner.code(),
            E::PvrTooLarge => "pvr-too-large",
            E::PvrSignatureInvalid(_) => "pvr-signature-invalid",
            E::IdevidSerialMissing => "idevid-serial-missing",
            E::PvrSerialMismatch => "pvr-serial-mismatch",
            E::PvrNonceMissing => "pvr-nonce-missing",
            E::PvrAssertionNotProximity => "pvr-assertion-not-proximity",
            E::PvrProximityMissing => "pvr-proximity-missing",
            E::PvrProximityMismatch => "pvr-proximity-mismatch",
            E::PvrCreatedInFuture => "pvr-created-in-future",
            E::RvrChainInvalid => "rvr-chain-invalid",
            E::RvrProximityPresent => "rvr-proximity-present",
            E::RvrSignatureInvalid(_) => "rvr-signature-invalid",
            E::RvrChainUntrusted(_) => "rvr-chain-untrusted",
            E::RvrSignerNotRegistrar => "rvr-signer-not-registrar",
            E::RvrCreatedInFuture => "rvr-created-in-future",
            E::RvrStale => "rvr-stale",
            E::RvrNoncelessUnauthenticated => "rvr-nonceless-unauthenticated",
            E::RvrPriorMissing => "rvr-prior-missing",
            E::RvrPriorUntrusted(_) => "rvr-prior-untrusted",
            E::RvrSerialMismatch => "rvr-serial-mismatch",
            E::RvrNonceMismatch => "rvr-nonce-mismatch",
            E::RvrProximityMismatch => "rvr-proximity-mismatch",
            E::IssueProximityUnproved => "masa-issue-proximity-unproved",
            E::IssueNoncelessWithoutEnd => "masa-issue-nonceless-without-end",
            E::IssuePinExpired => "masa-issue-pin-expired",
            E::VoucherSignatureInvalid(_) => "voucher-signature-invalid",
            E::VoucherSerialMismatch => "voucher-serial-mismatch",
            E::VoucherIssuerMismatch => "voucher-issuer-mismatch",
            E::VoucherNonceMismatch => "voucher-nonce-mismatch",
            E::VoucherNonceMissing => "voucher-nonce-missing",
            E::VoucherExpired => "voucher-expired",
            E::VoucherCreatedInFuture => "voucher-created-in-future",
            E::VoucherAssertionRefused => "voucher-assertion-refused",
            E::VoucherPinMissing => "voucher-pin-missing",
            E::VoucherPinForeign => "voucher-pin-foreign",
            E::VoucherRevocationChecksUnsupported => "voucher-revocation-checks-unsupported",
            E::RegistrarChainEmpty => "registrar-chain-empty",
            E::RegistrarNotPinned(_) => "registrar-not-pinned",
            E::AnswerMediaType => "answer-media-type",
            E::MasaRefused { .. } => "masa-refused",
            E::MasaBusy { .. } => "masa-busy",
            E::RegistrarRefused { .. } => "registrar-refused",
            E::RegistrarRedirects => "registrar-redirects",
            E::RegistrarWaitedTooLong => "registrar-waited-too-long",
            E::MasaUrlLength => "masa-url-length",
            E::MasaUrlNotHttps => "masa-url-not-https",
            E::MasaUrlPartForbidden => "masa-url-part-forbidden",
            E::MasaUrlHostInvalid => "masa-url-host-invalid",
            E::MasaUrlIpLiteral => "masa-url-ip-literal",
            E::MasaUrlPortInvalid => "masa-url-port-invalid",
            E::MasaUrlPathInvalid => "masa-url-path-invalid",
            E::TelemetryMalformed => "telemetry-malformed",
            E::TelemetryTooLarge => "telemetry-too-large",
            E::AuditLogMalformed => "audit-log-malformed",
            E::AuditLogTooLarge => "audit-log-too-large",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_code_of_its_own_in_kebab_case() {
        let source = include_str!("error.rs");
        let code = |line: &'static str| line.split_once("=> \"")?.1.strip_suffix("\",");
        let mut codes: Vec<&str> = source.lines().filter_map(code).collect();
        assert!(codes.len() > 50, "{}", codes.len());
        let is_kebab = |code: &&str| code.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
        assert!(codes.iter().all(is_kebab), "{codes:?}");
        let count = codes.len();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), count);
    }

    #[test]
    fn the_reason_of_another_crate_keeps_its_code_and_class() {
        let inner = proto_voucher::Error::NonceLength;
        let outer = Error::Data(inner.clone());
        assert_eq!((outer.code(), outer.class()), (inner.code(), inner.class()));
        let inner = pki::Error::CertificateMalformed;
        let outer = Error::Pki(inner.clone());
        assert_eq!((outer.code(), outer.class()), (inner.code(), inner.class()));
    }
}
