//! Texts: configuration, rows of an import, URLs, header fields, names and times.

use std::collections::BTreeSet;
use std::fmt::{Debug, Display};
use std::path::Path;
use std::str::FromStr;

use device_sim::transport::{Answer, Endpoint};
use gangway::rows::{LINE_BYTES_MAX, RowFormat, RowReader};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use onboarding_server::http::status::has_media_type;
use proto::{UnixTime, media_type};
use proto_api::{Role, roles_of};
use proto_brski::{Host, IpLiterals, MASA_URL_CHARS_MAX, MasaUrl};
use proto_est::status::{self, RETRY_AFTER_SECONDS_MAX};
use proto_est::{Label, Operation, Route, accepts, check_accept, check_content_type};
use server_config::Config;

use super::pki::is_explained;

/// Reads a configuration; every problem says where it is, and what is accepted lies within its bounds.
pub fn config(bytes: &[u8]) {
    let Ok(text) = core::str::from_utf8(bytes) else { return };
    match Config::parse(text, Path::new("/etc/gangway")) {
        Ok(config) => check_config(&config),
        Err(problems) => {
            assert!(!problems.is_empty(), "a refusal has a reason");
            let lines = text.bytes().filter(|byte| *byte == b'\n').count() + 1;
            for problem in problems {
                assert!(problem.line.is_none_or(|line| (1..=lines).contains(&line)), "{problem}");
                assert!(!problem.message.is_empty());
            }
        }
    }
}

fn check_config(config: &Config) {
    assert!(config.owner.is_some() || config.maker.is_some());
    let limits = &config.limits;
    assert!((4_096..=1_048_576).contains(&limits.body_bytes_max));
    assert!((1..=1_000_000).contains(&limits.connections_max));
    assert!((1..=3_600).contains(&limits.request_timeout.as_secs()));
    assert!(!config.admin.dns_names.is_empty() || !config.admin.ip_addresses.is_empty());
    let Some(owner) = &config.owner else { return };
    assert!(owner.ldevid_overlap <= owner.ldevid_validity);
    assert!((1..=60).contains(&owner.retry_after.as_secs()));
    let ids: BTreeSet<_> = owner.manufacturers.iter().map(|manufacturer| &manufacturer.id).collect();
    assert_eq!(ids.len(), owner.manufacturers.len(), "no manufacturer twice");
    for manufacturer in &owner.manufacturers {
        assert!(!manufacturer.anchors.is_empty());
        let literals = IpLiterals::accepted_if(manufacturer.allow_private_addresses);
        let is_url = |text: &String| MasaUrl::parse(text, literals).is_ok();
        assert!(manufacturer.masa_url.iter().all(is_url), "what is accepted here is accepted at run time");
        for host in &manufacturer.masa_hosts {
            let url = MasaUrl::parse(host, literals).expect("a host is one at run time too");
            assert_eq!(&url.authority(), host, "in the spelling that is compared");
        }
    }
}

/// Reads the rows of an import in either format; the first byte says which.
pub fn import_rows(bytes: &[u8]) {
    let Some((kind, rest)) = bytes.split_first() else { return };
    let format = if kind & 1 == 0 { RowFormat::Csv } else { RowFormat::Jsonl };
    let text = String::from_utf8_lossy(rest);
    let mut reader = RowReader::new(format);
    for (line, number) in text.lines().zip(1..) {
        match reader.read(line) {
            None => {}
            Some(Ok(row)) => {
                assert_eq!(row.row, number, "a row has the number of its line");
                assert!(line.len() <= LINE_BYTES_MAX + line.len() - line.trim().len() + 3);
                assert!(row.manufacturer.parse::<proto::ManufacturerId>().is_ok());
                assert!(row.serial_number.parse::<proto::SerialNumber>().is_ok());
                assert!(row.product.is_empty() || row.product.parse::<proto::ProductName>().is_ok());
                assert!(!row.labels.iter().any(|(key, _)| key.contains(char::REPLACEMENT_CHARACTER)));
            }
            Some(Err((row, fault))) => {
                assert_eq!(row, number, "a fault has the number of its line");
                assert!(fault.refusal().reason_code.starts_with("ctl-row-"));
            }
        }
    }
}

/// Reads a MASA URL; another reader of URLs must see the same host, port and path.
pub fn masa_url(bytes: &[u8]) {
    let Ok(text) = core::str::from_utf8(bytes) else { return };
    let strict = MasaUrl::parse(text, IpLiterals::Refuse);
    let url = match MasaUrl::parse(text, IpLiterals::Accept) {
        Ok(url) => url,
        Err(error) => {
            assert!(strict.is_err());
            return is_explained(&error);
        }
    };
    assert_eq!(strict.is_ok(), matches!(url.host(), Host::Name(_)));
    let written = url.to_string();
    if written.len() <= MASA_URL_CHARS_MAX {
        assert_eq!(MasaUrl::parse(&written, IpLiterals::Accept).as_ref(), Ok(&url));
    }
    let other: http::Uri = written.parse().expect("it is a URL to others too");
    assert_eq!(other.scheme_str(), Some("https"));
    assert_eq!(other.host(), Some(url.host().to_string().as_str()));
    assert_eq!(other.port_u16(), Some(url.port()));
    assert_eq!((other.path(), other.query()), (url.base_path(), None));
    assert_eq!(other.authority().map(http::uri::Authority::as_str), Some(url.authority().as_str()));
    for path in [url.request_voucher_path(), url.request_audit_log_path()] {
        assert!(path.parse::<http::uri::PathAndQuery>().is_ok(), "{path}");
    }
}

/// Reads header fields and paths: the lines of the input, in the order in which they are taken here.
pub fn http_fields(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.split('\n');
    let mut line = || lines.next().unwrap_or_default();
    let (kind, accept, retry_after, location, path) = (line(), line(), line(), line(), line());
    for operation in Operation::ALL {
        let is_accepted = check_accept(operation, Some(accept)).is_ok();
        assert_eq!(is_accepted, accepts(accept, operation.answer_type()));
        std::hint::black_box(check_content_type(operation, Some(kind)).is_ok());
    }
    if let Ok(value) = HeaderValue::from_str(kind) {
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, value)]);
        let is_csr = kind.bytes().all(|b| (0x20..0x7f).contains(&b) || b == b'\t')
            && check_content_type(Operation::SimpleEnroll, Some(kind)).is_ok();
        assert_eq!(has_media_type(&headers, media_type::PKCS10), is_csr, "one reading of {kind:?}");
    }
    there_and_back::<Route>(path);
    there_and_back::<Label>(path);
    there_and_back::<Endpoint>(location);
    answers(
        &[(header::CONTENT_TYPE, kind), (header::RETRY_AFTER, retry_after), (header::LOCATION, location)],
        path,
    );
}

/// Reads the answer of a server as a device does.
fn answers(fields: &[(HeaderName, &str); 3], body: &str) {
    let (_, retry_after) = &fields[1];
    for code in [200, 202, 401, 503] {
        match status::read_answer(code, Some(retry_after)) {
            Ok(status::Answer::Wait { retry_after_seconds }) => {
                assert!((1..=RETRY_AFTER_SECONDS_MAX).contains(&retry_after_seconds));
            }
            Ok(status::Answer::Done | status::Answer::Refused { .. }) => {}
            Err(error) => is_explained(&error),
        }
        let known =
            fields.iter().filter_map(|(name, text)| Some((name.clone(), HeaderValue::from_str(text).ok()?)));
        let answer = Answer::new(code, &known.collect(), bytes::Bytes::copy_from_slice(body.as_bytes()));
        let refusal = answer.refusal();
        assert!(refusal.message.chars().count() <= 200 && !refusal.message.chars().any(char::is_control));
        assert!(!refusal.reason().chars().any(char::is_control));
        std::hint::black_box(answer.is_of(media_type::PKCS7_CERTS_ONLY));
    }
}

/// Reads names, numbers and times; what is accepted is written as it was understood.
pub fn identifiers(bytes: &[u8]) {
    let Ok(text) = core::str::from_utf8(bytes) else { return };
    there_and_back::<proto::SerialNumber>(text);
    there_and_back::<proto::ManufacturerId>(text);
    there_and_back::<proto::ProductName>(text);
    there_and_back::<proto::OrderId>(text);
    there_and_back::<proto::LineId>(text);
    there_and_back::<proto::CertificateSerial>(text);
    there_and_back::<proto::KeyId>(text);
    there_and_back::<proto::DomainId>(text);
    there_and_back::<proto::Fingerprint>(text);
    there_and_back::<proto::DeviceId>(text);
    there_and_back::<pki::Oid>(text);
    there_and_back::<server_lifecycle::State>(text);
    there_and_back::<UnixTime>(text);
    if let Ok(at) = text.parse::<UnixTime>() {
        assert_eq!(UnixTime::from_millis(at.as_millis()), at, "a time is one that can be stored");
        let stored = proto_api::timestamp(at);
        assert_eq!(proto_api::unix_time(&stored), Some(at), "a time is one that the API can carry");
    }
    if let Ok(oid) = pki::Oid::new(bytes)
        && oid.arcs().is_some()
    {
        assert_eq!(oid.to_string().parse().as_ref(), Ok(&oid));
    }
    assert!(Role::from_name(text).is_none_or(|role| role.name() == text));
    std::hint::black_box(roles_of(text));
}

/// Reads a text; what it is understood as must be written so that it is understood alike.
fn there_and_back<T: FromStr<Err: Debug> + Display + PartialEq + Debug>(text: &str) {
    if let Ok(value) = text.parse::<T>() {
        let written = value.to_string();
        assert_eq!(written.parse::<T>().as_ref().ok(), Some(&value), "{text:?} became {written:?}");
    }
}
