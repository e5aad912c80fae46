//! Why a voucher or voucher-request cannot be read or written.

use proto::{Class, Reason, ReasonCode};

/// The exact reason; `leaf` is always the name of a leaf of the data model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// More octets than [`crate::VOUCHER_BYTES_MAX`].
    #[error("voucher data is larger than 64 KiB")]
    TooLarge,
    /// Not well-formed JSON in UTF-8, or something follows it.
    #[error("voucher data is not well-formed JSON")]
    NotJson,
    /// Not well-formed CBOR, or something follows it.
    #[error("voucher data is not well-formed CBOR")]
    NotCbor,
    /// A key of the CBOR form is neither a SID nor a name.
    #[error("a key of the voucher data is neither a SID nor a name")]
    KeyInvalid,
    /// An object names a member twice.
    #[error("voucher data names a member twice")]
    DuplicateMember,
    /// Nested deeper, or with more values, than a voucher can be.
    #[error("voucher data is nested too deeply or has too many values")]
    TooComplex,
    /// The outermost object has no member of the expected artifact.
    #[error("voucher data lacks the member {container}")]
    ContainerMissing {
        /// `ietf-voucher:voucher` or `ietf-voucher-request:voucher`.
        container: &'static str,
    },
    /// The one mandatory leaf is absent.
    #[error("voucher data has no serial-number")]
    SerialNumberMissing,
    /// A leaf has another type or syntax than the data model asks for.
    #[error("leaf {leaf} has the wrong type or syntax")]
    LeafInvalid {
        /// Which leaf.
        leaf: &'static str,
    },
    /// A leaf of the CBOR form has a type that only deviating peers write, and this one is not registered as such.
    #[error("leaf {leaf} has a type that is accepted of registered manufacturers only")]
    LeafDeviates {
        /// Which leaf.
        leaf: &'static str,
    },
    /// The assertion is none of the four known.
    #[error("the assertion is unknown")]
    AssertionUnknown,
    /// A nonce has fewer than 8 or more than 64 octets (32 in CBOR).
    #[error("the nonce is too short or too long")]
    NonceLength,
    /// `last-renewal-date` stands without `expires-on`.
    #[error("last-renewal-date stands without expires-on")]
    RenewalWithoutExpiry,
    /// Opaque content came in the other encoding, or an extension is named by number, which JSON cannot.
    #[error("opaque content does not fit the form")]
    OpaqueForm,
}

impl Reason for Error {
    fn class(&self) -> Class {
        match self {
            Self::TooLarge
            | Self::NotJson
            | Self::NotCbor
            | Self::KeyInvalid
            | Self::DuplicateMember
            | Self::TooComplex
            | Self::ContainerMissing { .. }
            | Self::SerialNumberMissing
            | Self::LeafInvalid { .. }
            | Self::NonceLength
            | Self::RenewalWithoutExpiry => Class::Malformed,
            Self::AssertionUnknown | Self::LeafDeviates { .. } => Class::Unsupported,
            Self::OpaqueForm => Class::Fault,
        }
    }

    fn code(&self) -> ReasonCode {
        ReasonCode::new(match self {
            Self::TooLarge => "voucher-too-large",
            Self::NotJson => "voucher-json-invalid",
            Self::NotCbor => "voucher-cbor-invalid",
            Self::KeyInvalid => "voucher-key-invalid",
            Self::DuplicateMember => "voucher-member-duplicate",
            Self::TooComplex => "voucher-too-complex",
            Self::ContainerMissing { .. } => "voucher-container-missing",
            Self::SerialNumberMissing => "voucher-serial-missing",
            Self::LeafInvalid { .. } => "voucher-leaf-invalid",
            Self::LeafDeviates { .. } => "voucher-leaf-deviates",
            Self::AssertionUnknown => "voucher-assertion-unknown",
            Self::NonceLength => "voucher-nonce-length",
            Self::RenewalWithoutExpiry => "voucher-renewal-without-expiry",
            Self::OpaqueForm => "voucher-opaque-form",
        })
    }
}
