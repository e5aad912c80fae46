//! What each kind of certificate of ours looks like; nobody else decides that.
//! Source: RFC 5280 §4.2; IEEE 802.1AR §8; RFC 8995 §2.3, §5.5.4; RFC 5216 §5.3 (EAP-TLS: EKU clientAuth).
//! Does not: set names, times or keys; those are the [`Template`](crate::Template)'s.

use crate::{KeyUsage, Oid, oid};

/// The kinds of certificate that we issue.
///
/// All are version 3 with subjectKeyIdentifier, authorityKeyIdentifier and a critical basicConstraints and keyUsage.
///
/// | Profile | keyUsage | extKeyUsage | pathLen | subject must have |
/// | --- | --- | --- | --- | --- |
/// | `ManufacturerRoot` | keyCertSign, cRLSign | – | 1 | CN |
/// | `ManufacturerIssuing` | keyCertSign, cRLSign | – | 0 | CN |
/// | `IdevId` | digitalSignature | – | not a CA | CN, serialNumber; notAfter 99991231235959Z |
/// | `MasaVoucherSigner` | digitalSignature | – | not a CA | CN |
/// | `DomainRoot` | keyCertSign, cRLSign | – | 1 | CN |
/// | `DomainIssuing` | keyCertSign, cRLSign | – | 0 | CN |
/// | `Registrar` | digitalSignature | cmcRA, serverAuth, clientAuth | not a CA | CN |
/// | `LdevId` | digitalSignature | clientAuth | not a CA | CN, serialNumber |
/// | `TlsServer` | digitalSignature | serverAuth | not a CA | CN; a name in subjectAltName |
/// | `Operator` | digitalSignature | clientAuth | not a CA | CN, OU = the role |
/// | `Station` | digitalSignature | clientAuth | not a CA | CN, OU = `station`, L = the factory line |
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Profile {
    /// The anchor of a maker.
    ManufacturerRoot,
    /// Signs a maker's IDevIDs and voucher signers.
    ManufacturerIssuing,
    /// A device's identity from the factory (IEEE 802.1AR).
    IdevId,
    /// Signs vouchers for a maker.
    MasaVoucherSigner,
    /// The anchor of a domain.
    DomainRoot,
    /// Signs a domain's LDevIDs, registrars, operators and stations.
    DomainIssuing,
    /// The registrar of a domain: TLS server, TLS client of MASAs, signer of voucher-requests.
    Registrar,
    /// A device's identity from its owner; usable for TLS and EAP-TLS.
    LdevId,
    /// A plain TLS server, such as a MASA's.
    TlsServer,
    /// A person or program at the administration interface; its role stands in organizationalUnitName.
    Operator,
    /// A station of a factory, bound to the line in localityName; organizationalUnitName is `station`.
    Station,
}

impl Profile {
    /// Lists all, for tests.
    pub const ALL: [Self; 11] = [
        Self::ManufacturerRoot,
        Self::ManufacturerIssuing,
        Self::IdevId,
        Self::MasaVoucherSigner,
        Self::DomainRoot,
        Self::DomainIssuing,
        Self::Registrar,
        Self::LdevId,
        Self::TlsServer,
        Self::Operator,
        Self::Station,
    ];

    /// The role that stands in the organizationalUnitName of every [`Profile::Station`].
    pub const STATION_ROLE: &'static str = "station";

    /// Tells whether such a certificate may sign others.
    #[must_use]
    pub const fn is_ca(self) -> bool {
        self.path_len().is_some()
    }

    /// Returns how many more CAs may follow below; `None` when it is no CA.
    #[must_use]
    pub const fn path_len(self) -> Option<u8> {
        match self {
            Self::ManufacturerRoot | Self::DomainRoot => Some(1),
            Self::ManufacturerIssuing | Self::DomainIssuing => Some(0),
            Self::IdevId
            | Self::MasaVoucherSigner
            | Self::Registrar
            | Self::LdevId
            | Self::TlsServer
            | Self::Operator
            | Self::Station => None,
        }
    }

    /// Returns keyUsage.
    #[must_use]
    pub const fn key_usage(self) -> KeyUsage {
        if self.is_ca() {
            KeyUsage::KEY_CERT_SIGN.union(KeyUsage::CRL_SIGN)
        } else {
            KeyUsage::DIGITAL_SIGNATURE
        }
    }

    /// Returns extKeyUsage; empty when there is none.
    #[must_use]
    pub const fn extended_key_usages(self) -> &'static [Oid] {
        match self {
            // RFC8995-5.5.4-cmcra
            Self::Registrar => const { &[oid::CMC_RA, oid::SERVER_AUTH, oid::CLIENT_AUTH] },
            Self::LdevId | Self::Operator | Self::Station => const { &[oid::CLIENT_AUTH] },
            Self::TlsServer => const { &[oid::SERVER_AUTH] },
            Self::ManufacturerRoot
            | Self::ManufacturerIssuing
            | Self::IdevId
            | Self::MasaVoucherSigner
            | Self::DomainRoot
            | Self::DomainIssuing => &[],
        }
    }

    /// Tells whether the subject must carry a device's serial number (RFC 8995 §2.3.1).
    #[must_use]
    pub const fn is_device(self) -> bool {
        matches!(self, Self::IdevId | Self::LdevId)
    }
}
