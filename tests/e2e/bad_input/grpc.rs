//! Bad input to the operators' and stations' API.

pub(crate) mod devices;
pub(crate) mod factory;
pub(crate) mod reading;

use proto_api::v1;
use tonic::Code::{InvalidArgument, NotFound, PermissionDenied, Unauthenticated, Unimplemented};

use super::call::Call;
use super::call::Sent::{self, Bytes, Message, Odd};
use super::call::Wanted::{self, Http, Refused, Status};
use super::stage::Peer;

/// A call of an operator.
const fn call(name: &'static str, path: &'static str, sent: Sent, wanted: Wanted) -> Call {
    Call { name, path, peer: Peer::Operator, sent, wanted }
}

/// The simplest call, by anybody.
const fn by(name: &'static str, peer: Peer, wanted: Wanted) -> Call {
    Call { name, path: LIST, peer, sent: Message(|_| Vec::new()), wanted }
}

const LIST: &str = "/onboarding.v1.DeviceService/ListDevices";

/// A field with a length that goes beyond the message.
const CUT_FIELD: &[u8] = &[0x0a, 0x7f, 1, 2, 3];
/// What a call needs to be one.
const FIELDS: &[(&str, &str)] = &[("content-type", "application/grpc"), ("te", "trailers")];

fn page(token: &str) -> Option<v1::Page> {
    Some(v1::Page { size: 1, token: token.to_owned() })
}

/// What no service sees: framing, encoding, media type, version, caller.
pub(crate) const FRAMING: &[Call] = &[
    by("grpc-nobody", Peer::Nobody, Refused(Unauthenticated, "peer-certificate-missing")),
    by("grpc-by-idevid", Peer::Idevid, Refused(Unauthenticated, "peer-certificate-untrusted")),
    by("grpc-by-ldevid", Peer::Ldevid, Refused(Unauthenticated, "peer-certificate-untrusted")),
    by("grpc-by-registrar", Peer::Registrar, Refused(Unauthenticated, "peer-certificate-untrusted")),
    by("grpc-by-station", Peer::Station, Refused(PermissionDenied, "caller-role-insufficient")),
    call(
        "grpc-unknown-method",
        "/onboarding.v1.DeviceService/DeleteDevice",
        Message(|_| Vec::new()),
        Refused(Unimplemented, "method-unknown"),
    ),
    call(
        "grpc-unknown-service",
        "/onboarding.v2.DeviceService/ListDevices",
        Message(|_| Vec::new()),
        Refused(Unimplemented, "method-unknown"),
    ),
    call("grpc-root", "/", Message(|_| Vec::new()), Refused(Unimplemented, "method-unknown")),
    call(
        "grpc-unknown-method-of-health",
        "/grpc.health.v1.Health/Nothing",
        Message(|_| Vec::new()),
        Refused(Unimplemented, "method-unknown"),
    ),
    call(
        "grpc-health-of-no-service",
        "/grpc.health.v1.Health/Check",
        Message(|_| vec![0x0a, 1, b'x']),
        Status(NotFound),
    ),
    call(
        "grpc-health-malformed",
        "/grpc.health.v1.Health/Check",
        Message(|_| CUT_FIELD.to_vec()),
        Refused(InvalidArgument, "grpc-message-malformed"),
    ),
    call("grpc-get", LIST, Odd("GET", FIELDS, b""), Http(405, "http-method-unsupported")),
    call(
        "grpc-json",
        LIST,
        Odd("POST", &[("content-type", "application/json")], b"{}"),
        Http(415, "grpc-media-type-unsupported"),
    ),
    call(
        "grpc-web",
        LIST,
        Odd("POST", &[("content-type", "application/grpc-web+proto")], &[0; 5]),
        Http(415, "grpc-media-type-unsupported"),
    ),
    call("grpc-no-media-type", LIST, Odd("POST", &[], &[0; 5]), Http(415, "grpc-media-type-unsupported")),
    call(
        "grpc-encoding-unknown",
        LIST,
        Odd(
            "POST",
            &[("content-type", "application/grpc"), ("grpc-encoding", "snappy")],
            &[1, 0, 0, 0, 1, 0],
        ),
        Refused(Unimplemented, "grpc-encoding-unsupported"),
    ),
    call(
        "grpc-compressed-without-encoding",
        LIST,
        Bytes(|_| vec![1, 0, 0, 0, 1, 0]),
        Refused(InvalidArgument, "grpc-message-malformed"),
    ),
    call(
        "grpc-flag-unknown",
        LIST,
        Bytes(|_| vec![7, 0, 0, 0, 0]),
        Refused(InvalidArgument, "grpc-message-malformed"),
    ),
    call("grpc-no-message", LIST, Bytes(|_| Vec::new()), Refused(InvalidArgument, "grpc-message-malformed")),
    call(
        "grpc-frame-cut",
        LIST,
        Bytes(|_| vec![0, 0, 0]),
        Refused(InvalidArgument, "grpc-message-malformed"),
    ),
    call(
        "grpc-message-cut",
        LIST,
        Bytes(|_| vec![0, 0, 0, 0, 9, 1, 2]),
        Refused(InvalidArgument, "grpc-message-malformed"),
    ),
    call(
        "grpc-length-of-4-gib",
        LIST,
        Bytes(|_| vec![0, 0xff, 0xff, 0xff, 0xff]),
        Refused(InvalidArgument, "grpc-message-too-large"),
    ),
    call(
        "grpc-message-of-5-mib",
        LIST,
        Message(|_| vec![0x0a; 5 << 20]),
        Refused(InvalidArgument, "grpc-message-too-large"),
    ),
    call(
        "grpc-messages-nested-deep",
        LIST,
        Message(|_| [0x0b].repeat(200_000)),
        Refused(InvalidArgument, "grpc-message-malformed"),
    ),
    call(
        "grpc-text-no-utf-8",
        "/onboarding.v1.FactoryService/GetOrder",
        Message(|_| vec![0x0a, 2, 0xc3, 0x28]),
        Refused(InvalidArgument, "grpc-message-malformed"),
    ),
];
