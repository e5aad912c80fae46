//! The YANG schema item identifiers of both modules.
//! Source: rfc8366bis §7.4, §8.4 (2025-12-18): the tables there are normative; the example with key 17 for `extensions`
//! contradicts them and is not followed.

use proto::cbor::Item;

use super::TAG_SID;

/// An artifact: its container, and its leaves as deltas from it.
#[derive(Debug)]
pub(super) struct Container {
    pub(super) sid: u64,
    pub(super) name: &'static str,
    leaves: &'static [(u64, &'static str)],
}

/// `/ietf-voucher:voucher`.
pub(super) const VOUCHER: Container = Container {
    sid: 2451,
    name: "ietf-voucher:voucher",
    leaves: &[
        (1, "assertion"),
        (2, "created-on"),
        (3, "domain-cert-revocation-checks"),
        (4, "expires-on"),
        (5, "idevid-issuer"),
        (6, "last-renewal-date"),
        (7, "nonce"),
        (8, "pinned-domain-cert"),
        (9, "pinned-domain-pubk"),
        (10, "pinned-domain-pubk-sha256"),
        (11, "serial-number"),
        (12, "additional-configuration-url"),
        (13, "est-domain"),
        (14, "manufacturer-proprietary"),
        (15, "extensions"),
    ],
};

/// `/ietf-voucher-request:voucher`.
pub(super) const VOUCHER_REQUEST: Container = Container {
    sid: 2501,
    name: "ietf-voucher-request:voucher",
    leaves: &[
        (1, "assertion"),
        (2, "created-on"),
        (3, "domain-cert-revocation-checks"),
        (4, "expires-on"),
        (5, "idevid-issuer"),
        (6, "last-renewal-date"),
        (7, "nonce"),
        (8, "pinned-domain-cert"),
        (9, "prior-signed-voucher-request"),
        (10, "proximity-registrar-cert"),
        (11, "proximity-registrar-pubk-sha256"),
        (12, "proximity-registrar-pubk"),
        (13, "serial-number"),
        (14, "agent-provided-proximity-registrar-cert"),
        (15, "agent-sign-cert"),
        (16, "agent-signed-data"),
        (17, "pinned-domain-pubk"),
        (18, "pinned-domain-pubk-sha256"),
        (19, "additional-configuration-url"),
        (20, "est-domain"),
        (21, "extensions"),
        (22, "manufacturer-proprietary"),
    ],
};

impl Container {
    /// Returns the delta of a leaf.
    pub(super) fn delta(&self, leaf: &str) -> Option<u64> {
        self.leaves.iter().find(|(_, name)| *name == leaf).map(|(delta, _)| *delta)
    }

    /// Returns the leaf of an absolute SID.
    pub(super) fn leaf_of_sid(&self, sid: u64) -> Option<&'static str> {
        let delta = sid.checked_sub(self.sid)?;
        self.leaves.iter().find(|(known, _)| *known == delta).map(|(_, name)| *name)
    }

    /// Returns the leaf of a name.
    pub(super) fn leaf_of_name(&self, name: &str) -> Option<&'static str> {
        self.leaves.iter().find(|(_, known)| *known == name).map(|(_, name)| *name)
    }
}

/// Returns the SID that a key stands for below a parent: a delta of either sign, or absolute with its tag.
pub(super) fn absolute(key: &Item<'_>, parent: u64) -> Option<u64> {
    match key.as_tagged(TAG_SID) {
        Some(sid) => sid.as_unsigned(),
        None => parent.checked_add_signed(key.as_integer()?),
    }
}
