//! Authorities, revocation lists and manufacturers.
//! Does not: print, call.

use proto_api::v1::{Authority, AuthorityKind, GetCrlResponse, Manufacturer, MasaPolicy};

use super::{at, certificate, parse_word, words};
use crate::record::Record;
use crate::table::Column;

/// An authority on one line.
pub(crate) const AUTHORITIES: &[Column] = &[
    ("NAME", "name"),
    ("KIND", "kind"),
    ("MANUFACTURER", "manufacturer"),
    ("SIGNS", "is_signer"),
    ("UNTIL", "certificate.not_after_at"),
    ("SUBJECT", "certificate.subject"),
];

/// A manufacturer on one line.
pub(crate) const MANUFACTURERS: &[Column] = &[
    ("NAME", "id"),
    ("MADE HERE", "is_made_here"),
    ("MASA POLICY", "masa_policy"),
    ("COMPAT", "is_compat"),
    ("IDEVID ANCHORS", "idevid_anchors"),
    ("VOUCHER ANCHORS", "voucher_anchors"),
    ("MASA", "masa_url"),
];

/// Shows an authority.
pub(crate) fn authority(authority: &Authority) -> Record {
    let kind = AuthorityKind::try_from(authority.kind).unwrap_or_default();
    Record::new()
        .with("name", authority.name.as_str())
        .with("kind", words("AUTHORITY_KIND_", kind.as_str_name()))
        .with("manufacturer", authority.manufacturer.as_str())
        .with("is_signer", authority.is_signer)
        .with("certificate", authority.summary.as_ref().map(certificate))
}

/// Shows a revocation list and where it was written; `file` is empty when it was not.
pub(crate) fn crl(crl: &GetCrlResponse, file: &str) -> Record {
    Record::new()
        .with("number", crl.number)
        .with("this_update_at", at(crl.this_update_at.as_ref()))
        .with("next_update_at", at(crl.next_update_at.as_ref()))
        .with("revoked", crl.revoked)
        .with("file", file)
}

/// Shows a manufacturer.
pub(crate) fn manufacturer(manufacturer: &Manufacturer) -> Record {
    let policy = MasaPolicy::try_from(manufacturer.masa_policy).unwrap_or_default();
    Record::new()
        .with("id", manufacturer.id.as_str())
        .with("masa_url", manufacturer.masa_url.as_str())
        .with("is_made_here", manufacturer.is_made_here)
        .with("masa_policy", words("MASA_POLICY_", policy.as_str_name()))
        .with("is_compat", manufacturer.is_compat)
        .with("idevid_anchors", u64::from(manufacturer.idevid_anchors))
        .with("voucher_anchors", u64::from(manufacturer.voucher_anchors))
}

/// Reads a kind of authority as the documents write it.
///
/// # Errors
/// The words that there are, as clap wants it.
pub(crate) fn parse_authority_kind(word: &str) -> Result<AuthorityKind, String> {
    parse_word(word, "AUTHORITY_KIND_", AuthorityKind::as_str_name)
}
