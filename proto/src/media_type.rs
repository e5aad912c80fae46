//! Media types, as they stand in `Content-Type` and `Accept`.

/// A voucher or voucher-request in JSON, signed with CMS (RFC 8366 §8.3).
pub const VOUCHER_CMS_JSON: &str = "application/voucher-cms+json";
/// A voucher or voucher-request in CBOR, signed with COSE (draft-ietf-anima-constrained-voucher-31 §15.2.1).
pub const VOUCHER_COSE: &str = "application/voucher+cose";
/// Plain JSON: telemetry, the MASA audit log (RFC 8995 §5.7, §5.8).
pub const JSON: &str = "application/json";
/// Plain CBOR: telemetry of a constrained pledge (draft-ietf-anima-constrained-voucher-31 §6.5.1).
pub const CBOR: &str = "application/cbor";
/// A PKCS#10 certification request (RFC 5967; EST: RFC 7030 §4.2.1).
pub const PKCS10: &str = "application/pkcs10";
/// PKCS#7 in general; EST accepts it with or without the `smime-type` parameter.
pub const PKCS7_MIME: &str = "application/pkcs7-mime";
/// A certs-only PKCS#7, as EST returns it (RFC 7030 §4.1.3, §4.2.3).
pub const PKCS7_CERTS_ONLY: &str = "application/pkcs7-mime; smime-type=certs-only";
/// The attributes that an EST server wants in a request (RFC 7030 §4.5.2).
pub const CSR_ATTRS: &str = "application/csrattrs";
/// A certificate revocation list in DER (RFC 2585 §4.2).
pub const PKIX_CRL: &str = "application/pkix-crl";
/// An explanation for people, as RFC 8995 §5.6 and RFC 7030 §4.2.3 allow in an error.
pub const TEXT_UTF8: &str = "text/plain; charset=utf-8";
