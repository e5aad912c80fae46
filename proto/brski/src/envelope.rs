//! The signed object around a request or voucher, whichever it is: all that CMS and COSE have in common.
//! Source: RFC 8366 §5.4 (CMS), CBRSKI §9.2 (COSE).
//! Does not: judge the data inside or the path of a certificate.
//! Invariants: what is asked of an envelope is asked alike of both kinds, so that no check stands twice.

use pki::cms::{self, Compat, SignedData};
use pki::cose::{self, Bags, CoseSign1};
use pki::{Certificate, PublicKey, Signer};

use crate::{Error, Format};

/// A signed object that parsed; nothing of it is believed.
#[derive(Clone)]
pub(crate) enum Envelope {
    Cms(pki::Unverified<SignedData>),
    Cose(pki::Unverified<CoseSign1>),
}

impl Envelope {
    pub(crate) fn parse(octets: &[u8], format: Format) -> Result<Self, Error> {
        Ok(match format {
            Format::CmsJson => Self::Cms(SignedData::parse(octets)?),
            Format::CoseCbor => Self::Cose(CoseSign1::parse(octets)?),
        })
    }

    /// Returns the content before any signature was checked.
    pub(crate) fn unverified_content(&self) -> &[u8] {
        match self {
            Self::Cms(signed) => signed.unverified_content(),
            Self::Cose(signed) => signed.unverified_payload(),
        }
    }

    /// Returns the certificates that came along; none is trusted.
    pub(crate) fn certificates(&self) -> Result<Vec<Certificate>, pki::Error> {
        match self {
            Self::Cms(signed) => signed.certificates(),
            Self::Cose(signed) => signed.certificates(),
        }
    }

    /// Finds the certificate of the signer: CMS names it and brings it; COSE does not say who signed, so the key that
    /// made the signature is looked for among `candidates`, in their order.
    pub(crate) fn find_signer<'a>(
        &self,
        candidates: impl IntoIterator<Item = &'a Certificate>,
    ) -> Result<Certificate, pki::Error> {
        match self {
            Self::Cms(signed) => signed.signer_certificate(),
            Self::Cose(signed) => {
                signed.find_signer(candidates).cloned().ok_or(pki::Error::CoseSignerCertificateMissing)
            }
        }
    }

    /// Checks the signature with a key that the caller trusts for it, whoever the message says signed.
    pub(crate) fn verify_with_key(self, key: &PublicKey, compat: Compat) -> Result<(), pki::Error> {
        match self {
            Self::Cms(signed) => signed.verify_with_key(key, compat).map(|_| ()),
            Self::Cose(signed) => signed.verify_with_key(key).map(|_| ()),
        }
    }

    /// Checks the signature with a certificate that the caller trusts for it and that the message must not contradict.
    pub(crate) fn verify_with_certificate(
        self,
        certificate: &Certificate,
        compat: Compat,
    ) -> Result<Stripped, pki::Error> {
        match self {
            Self::Cms(signed) => signed.verify_with_certificate(certificate, compat).map(|_| None),
            Self::Cose(signed) => signed
                .verify_with_key(certificate.public_key())
                .map(|signed| Some(signed.without_certificates())),
        }
    }
}

/// What to forward when it is not the message as received.
pub(crate) type Stripped = Option<Vec<u8>>;

/// Signs as a pledge does: in CMS its chain comes along, in COSE nothing does (CBRSKI §9.2.2: the certificates are those
/// of the session).
// CBRSKI-9.2.2-no-bags
pub(crate) fn sign_as_pledge(
    content: &[u8],
    format: Format,
    signer: &Signer,
    chain: &[Certificate],
) -> Result<Vec<u8>, Error> {
    Ok(match format {
        Format::CmsJson => cms::sign(content, signer, chain)?,
        Format::CoseCbor => cose::sign(content, signer)?,
    })
}

/// Signs as a registrar or a MASA does; `chain` begins with the signer's certificate. In COSE all that comes along goes
/// into the bags, in CMS the chain alone.
pub(crate) fn sign(
    content: &[u8],
    format: Format,
    signer: &Signer,
    certificates: &Certificates<'_>,
) -> Result<Vec<u8>, Error> {
    match format {
        Format::CmsJson => Ok(cms::sign(content, signer, certificates.chain)?),
        Format::CoseCbor => {
            let own = certificates.chain.first().filter(|own| own.public_key() == signer.public_key());
            own.ok_or(pki::Error::CmsSignerKeyMismatch)?;
            let mut unprotected = certificates.chain.to_vec();
            let others = certificates.others.iter().filter(|other| !certificates.chain.contains(other));
            unprotected.extend(others.cloned());
            let bags = Bags { protected: certificates.protected, unprotected: &unprotected };
            Ok(cose::sign_with(content, signer, bags)?)
        }
    }
}

/// The certificates that come along.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Certificates<'a> {
    /// The signer's chain, its own first.
    pub(crate) chain: &'a [Certificate],
    /// Further ones, in COSE.
    pub(crate) others: &'a [Certificate],
    /// Those that nobody on the way may strip, in COSE.
    pub(crate) protected: &'a [Certificate],
}
