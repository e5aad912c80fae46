//! A genuine voucher-request, changed everywhere: each octet, each structural boundary, each form that BER would allow.
//!
//! Source: RFC 5652 §5 (SignedData), X.690 §8.1 (BER), §10.1 (DER).
//!
//! The request that is changed is one for which a voucher was given. So a change outside of what the signature covers is
//! no accident of the test: such a request is another one with a nonce that was used, and is refused for that.

use std::collections::BTreeMap;
use std::ops::Range;

use device_sim::transport::{Answer, Connection, Patience, Request};
use device_sim::unit::UnitRecord;
use proto::media_type::VOUCHER_CMS_JSON;
use proto::well_known::REQUEST_VOUCHER;

use super::stage::{Peer, Stage};

/// How deep a genuine request is; beyond it lies somebody's own DER.
const DEPTH_MAX: usize = 12;

/// Sends request upon request over as few connections as the server lets it.
pub(crate) struct Sender<'a> {
    stage: &'a Stage,
    peer: Peer,
    connection: Option<Connection>,
    /// How often each answer came.
    pub(crate) heard: BTreeMap<(u16, String), usize>,
}

impl<'a> Sender<'a> {
    pub(crate) const fn new(stage: &'a Stage, peer: Peer) -> Self {
        Self { stage, peer, connection: None, heard: BTreeMap::new() }
    }

    /// Sends a body as a voucher-request and returns status and reason code.
    pub(crate) async fn send(&mut self, body: Vec<u8>) -> (u16, String) {
        let answer = self.answer(Request::post(REQUEST_VOUCHER, VOUCHER_CMS_JSON, body)).await;
        let told = (answer.status, answer.refusal().reason());
        *self.heard.entry(told.clone()).or_default() += 1;
        told
    }

    async fn answer(&mut self, request: Request) -> Answer {
        let endpoint = self.stage.server.registrar();
        let identity = self.stage.identity(self.peer);
        let connection = match self.connection.take().filter(|connection| !connection.is_closed()) {
            Some(connection) => connection,
            None => Connection::open(&endpoint, identity, Patience::default()).await.expect("a connection"),
        };
        let connection = self.connection.insert(connection);
        let answer = connection.send(&request).await.expect("an answer");
        if answer.is_last {
            self.connection = None;
        }
        answer
    }
}

/// Lists the places where a TLV begins, its content begins, or it ends, in order and without the end of the whole.
pub(crate) fn boundaries(der: &[u8]) -> Vec<usize> {
    let mut places = Vec::new();
    walk(der, 0..der.len(), DEPTH_MAX, &mut places);
    places.sort_unstable();
    places.dedup();
    places.retain(|place| *place < der.len());
    places
}

fn walk(der: &[u8], range: Range<usize>, depth: usize, places: &mut Vec<usize>) {
    let mut at = range.start;
    while at + 2 <= range.end {
        let Some((begin, end)) = content(der, at).filter(|(_, end)| *end <= range.end) else { return };
        places.extend([at, begin, end]);
        // Bit 6 of the identifier says that there is more inside (X.690 §8.1.2.5).
        if der[at] & 0x20 != 0 && depth > 0 {
            walk(der, begin..end, depth - 1, places);
        }
        at = end;
    }
}

/// Returns where the content of the TLV at `at` begins and ends.
fn content(der: &[u8], at: usize) -> Option<(usize, usize)> {
    let first = usize::from(*der.get(at + 1)?);
    if first < 0x80 {
        return Some((at + 2, at + 2 + first));
    }
    let octets = der.get(at + 2..at + 2 + (first & 0x7f))?;
    let length = octets.iter().fold(0, |sum, octet| sum * 256 + usize::from(*octet));
    let begin = at + 2 + octets.len();
    Some((begin, begin + length))
}

/// A form that is not DER, or too much of it, with its name and the answer that it must get.
pub(crate) struct Form {
    pub(crate) name: &'static str,
    pub(crate) make: fn(&Stage) -> Vec<u8>,
    pub(crate) expected: (u16, &'static str),
}

const fn form(name: &'static str, make: fn(&Stage) -> Vec<u8>, expected: (u16, &'static str)) -> Form {
    Form { name, make, expected }
}

/// Forms of a message from the pledge that was announced and asked for nothing.
pub(crate) const FORMS: &[Form] = &[
    form("cms-octet-behind", |stage| [&stage.pvr()[..], &[0]].concat(), (400, "cms-malformed")),
    form("cms-message-behind", |stage| [stage.pvr(), stage.pvr()].concat(), (400, "cms-malformed")),
    form("cms-octet-before", |stage| [&[0][..], &stage.pvr()].concat(), (400, "cms-malformed")),
    form("cms-length-indefinite", |stage| indefinite(&stage.pvr()), (400, "cms-malformed")),
    form("cms-length-not-shortest", |stage| longer_length(&stage.pvr()), (400, "cms-malformed")),
    form(
        "cms-length-of-4-gib",
        |_| vec![0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 1, 2, 3],
        (400, "cms-malformed"),
    ),
    form(
        "cms-length-of-64-bits",
        |_| [&[0x30, 0x88][..], &[0xff; 8], &[0; 100]].concat(),
        (400, "cms-malformed"),
    ),
    form("cms-length-reserved", |_| vec![0x30, 0xff, 0, 0], (400, "cms-malformed")),
    form("cms-tag-endless", |_| [&[0x3f][..], &[0xff; 1000]].concat(), (400, "cms-malformed")),
    form("cms-nested-indefinite", |_| [0x30, 0x80].repeat(16_000), (400, "cms-malformed")),
    form("cms-nested-definite", |_| nested(5_000), (400, "cms-malformed")),
    form("cms-content-nested", |stage| stage.signed(&nested(3_000)), (400, "voucher-json-invalid")),
    form(
        "cms-many-certificates",
        |stage| {
            by_openssl(
                stage,
                "-certfile many.pem -outform DER -nodetach -econtent_type 1.2.840.113549.1.9.16.1.40",
            )
        },
        (400, "cms-too-many-certificates"),
    ),
    form(
        "cms-data-of-version-1",
        |stage| by_openssl(stage, "-nodetach -outform DER"),
        (415, "cms-content-type-unsupported"),
    ),
    form(
        "cms-without-content",
        |stage| by_openssl(stage, "-outform DER -econtent_type 1.2.840.113549.1.9.16.1.40"),
        (400, "cms-content-missing"),
    ),
    form(
        "cms-pem",
        |stage| by_openssl(stage, "-outform PEM -nodetach -econtent_type 1.2.840.113549.1.9.16.1.40"),
        (400, "cms-malformed"),
    ),
    form(
        "cms-smime",
        |stage| by_openssl(stage, "-outform SMIME -nodetach -econtent_type 1.2.840.113549.1.9.16.1.40"),
        (400, "cms-malformed"),
    ),
    form(
        "cms-streamed",
        |stage| by_openssl(stage, "-outform DER -stream -nodetach -econtent_type 1.2.840.113549.1.9.16.1.40"),
        (400, "cms-malformed"),
    ),
    form(
        "cms-sha-1",
        |stage| {
            by_openssl(stage, "-md sha1 -outform DER -nodetach -econtent_type 1.2.840.113549.1.9.16.1.40")
        },
        (415, "cms-digest-algorithm-unsupported"),
    ),
    form(
        "cms-no-attributes",
        |stage| by_openssl(stage, "-noattr -outform DER -nodetach -econtent_type 1.2.840.113549.1.9.16.1.40"),
        (400, "cms-signed-attributes-missing"),
    ),
];

/// Puts the whole into the indefinite form (X.690 §8.1.3.6).
fn indefinite(der: &[u8]) -> Vec<u8> {
    let (begin, _) = content(der, 0).expect("a SEQUENCE");
    [&[0x30, 0x80][..], &der[begin..], &[0, 0]].concat()
}

/// Writes the outermost length with an octet more than it needs.
fn longer_length(der: &[u8]) -> Vec<u8> {
    let (begin, end) = content(der, 0).expect("a SEQUENCE");
    let length = u32::try_from(end - begin).expect("it is short").to_be_bytes();
    [&[0x30, 0x84][..], &length, &der[begin..]].concat()
}

/// SEQUENCEs in SEQUENCEs, each with its true length in three octets.
fn nested(depth: usize) -> Vec<u8> {
    let mut whole = Vec::new();
    for left in (0..depth).rev() {
        let length = u32::try_from(left * 5).expect("it is short").to_be_bytes();
        whole.extend([0x30, 0x83, length[1], length[2], length[3]]);
    }
    whole
}

/// Makes thirty certificates that nobody needs.
const MANY: &str = "for n in $(seq 30); do openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
                    -keyout /dev/null -subj /CN=$n 2>/dev/null; done >many.pem";

/// Has OpenSSL sign what the pledge would sign.
fn by_openssl(stage: &Stage, arguments: &str) -> Vec<u8> {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let record = serde_json::to_value(UnitRecord::of(&stage.pledge).expect("a unit")).expect("JSON");
    for (file, member) in [("idevid.pem", "chain"), ("idevid.key", "key")] {
        let text = record[member].as_str().expect("a PEM text");
        std::fs::write(directory.path().join(file), text).expect("it is written");
    }
    let message = pki::cms::SignedData::parse(stage.pvr()).expect("a message");
    std::fs::write(directory.path().join("vr.json"), message.unverified_content()).expect("it is written");
    let command = format!(
        "cd {} && if [[ '{arguments}' == *many.pem* ]]; then {MANY}; fi && openssl cms -sign -binary -nosmimecap -signer idevid.pem -inkey idevid.key -in vr.json {arguments}",
        directory.path().display()
    );
    tests::program::run("bash", ["-c", &command]).well().stdout
}
