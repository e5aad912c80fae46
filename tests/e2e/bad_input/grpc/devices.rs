//! Bad input to `DeviceService`.

use prost::Message as _;
use proto_api::v1;
use proto_api::v1::device_reference::By;
use tonic::Code::{FailedPrecondition, InvalidArgument, NotFound, PermissionDenied};

use super::{CUT_FIELD, LIST, call, page};
use crate::bad_input::call::Sent::{Bytes, Gone, Message};
use crate::bad_input::call::Wanted::{Item, Nothing, Refused};
use crate::bad_input::call::{Call, framed};
use crate::bad_input::stage::Peer;

const IMPORT: &str = "/onboarding.v1.DeviceService/ImportDevices";

fn named(serial: &str) -> Option<v1::DeviceReference> {
    let name = v1::DeviceName { manufacturer: String::new(), serial_number: serial.to_owned() };
    Some(v1::DeviceReference { by: Some(By::Name(name)) })
}

fn by_id(id: &str) -> Option<v1::DeviceReference> {
    Some(v1::DeviceReference { by: Some(By::Id(id.to_owned())) })
}

fn change(device: Option<v1::DeviceReference>, reason: &str) -> Option<v1::DeviceChange> {
    Some(v1::DeviceChange { device, expected_version: None, reason: reason.to_owned() })
}

fn filtered(filter: v1::DeviceFilter) -> Vec<u8> {
    v1::ListDevicesRequest { filter: Some(filter), page: None }.encode_to_vec()
}

fn rows(rows: Vec<v1::ExpectedDevice>) -> Vec<u8> {
    v1::ImportDevicesRequest { devices: rows }.encode_to_vec()
}

fn row(manufacturer: &str, serial: &str) -> v1::ExpectedDevice {
    v1::ExpectedDevice {
        row: 1,
        manufacturer: manufacturer.to_owned(),
        serial_number: serial.to_owned(),
        ..v1::ExpectedDevice::default()
    }
}

/// Each method of the devices with what it must not take.
pub(crate) const CASES: &[Call] = &[
    Call {
        name: "approve-by-viewer",
        path: "/onboarding.v1.DeviceService/ApproveDevice",
        peer: Peer::Viewer,
        sent: Message(|_| Vec::new()),
        wanted: Refused(PermissionDenied, "caller-role-insufficient"),
    },
    call(
        "list-malformed",
        LIST,
        Message(|_| CUT_FIELD.to_vec()),
        Refused(InvalidArgument, "grpc-message-malformed"),
    ),
    call(
        "list-state-unknown",
        LIST,
        Message(|_| filtered(v1::DeviceFilter { states: vec![99], ..Default::default() })),
        Refused(InvalidArgument, "request-value-unknown"),
    ),
    call(
        "list-state-negative",
        LIST,
        Message(|_| filtered(v1::DeviceFilter { states: vec![-1], ..Default::default() })),
        Refused(InvalidArgument, "request-value-unknown"),
    ),
    call(
        "list-manufacturer-no-name",
        LIST,
        Message(|_| filtered(v1::DeviceFilter { manufacturer: "a b".into(), ..Default::default() })),
        Refused(InvalidArgument, "request-name-invalid"),
    ),
    call(
        "list-label-with-control",
        LIST,
        Message(|_| {
            filtered(v1::DeviceFilter { labels: [("a\n".into(), "b".into())].into(), ..Default::default() })
        }),
        Refused(InvalidArgument, "store-text-invalid"),
    ),
    call(
        "list-label-too-long",
        LIST,
        Message(|_| {
            filtered(v1::DeviceFilter {
                labels: [("a".into(), "b".repeat(600))].into(),
                ..Default::default()
            })
        }),
        Refused(InvalidArgument, "store-text-invalid"),
    ),
    call(
        "list-cursor-no-hex",
        LIST,
        Message(|_| v1::ListDevicesRequest { filter: None, page: page("zz") }.encode_to_vec()),
        Refused(InvalidArgument, "store-cursor-invalid"),
    ),
    call(
        "list-cursor-odd",
        LIST,
        Message(|_| v1::ListDevicesRequest { filter: None, page: page("abc") }.encode_to_vec()),
        Refused(InvalidArgument, "store-cursor-invalid"),
    ),
    call(
        "list-cursor-of-nobody",
        LIST,
        Message(|_| v1::ListDevicesRequest { filter: None, page: page("00ff") }.encode_to_vec()),
        Refused(InvalidArgument, "store-cursor-invalid"),
    ),
    call(
        "get-without-device",
        "/onboarding.v1.DeviceService/GetDevice",
        Message(|_| Vec::new()),
        Refused(InvalidArgument, "request-part-missing"),
    ),
    call(
        "get-id-no-hex",
        "/onboarding.v1.DeviceService/GetDevice",
        Message(|_| v1::GetDeviceRequest { device: by_id("not an id") }.encode_to_vec()),
        Refused(InvalidArgument, "request-name-invalid"),
    ),
    call(
        "get-serial-with-control",
        "/onboarding.v1.DeviceService/GetDevice",
        Message(|_| v1::GetDeviceRequest { device: named("A\u{7}") }.encode_to_vec()),
        Refused(InvalidArgument, "request-name-invalid"),
    ),
    call(
        "get-unknown",
        "/onboarding.v1.DeviceService/GetDevice",
        Message(|_| v1::GetDeviceRequest { device: named("nobody") }.encode_to_vec()),
        Refused(NotFound, "device-unknown"),
    ),
    call(
        "timeline-cursor",
        "/onboarding.v1.DeviceService/GetTimeline",
        Message(|stage| {
            v1::GetTimelineRequest { device: named(&stage.pledge_serial()), page: page("-1") }.encode_to_vec()
        }),
        Refused(InvalidArgument, "store-cursor-invalid"),
    ),
    call(
        "approve-nobody",
        "/onboarding.v1.DeviceService/ApproveDevice",
        Message(|_| v1::ApproveDeviceRequest { change: change(by_id(&"0".repeat(32)), "") }.encode_to_vec()),
        Refused(NotFound, "device-unknown"),
    ),
    call(
        "approve-without-change",
        "/onboarding.v1.DeviceService/ApproveDevice",
        Message(|_| Vec::new()),
        Refused(InvalidArgument, "request-part-missing"),
    ),
    call(
        "refuse-malformed",
        "/onboarding.v1.DeviceService/RefuseDevice",
        Message(|_| CUT_FIELD.to_vec()),
        Refused(InvalidArgument, "grpc-message-malformed"),
    ),
    call(
        "refuse-reason-too-long",
        "/onboarding.v1.DeviceService/RefuseDevice",
        Message(|stage| {
            v1::RefuseDeviceRequest { change: change(named(&stage.pledge_serial()), &"x".repeat(501)) }
                .encode_to_vec()
        }),
        Refused(InvalidArgument, "store-text-invalid"),
    ),
    call(
        "refuse-reason-with-control",
        "/onboarding.v1.DeviceService/RefuseDevice",
        Message(|stage| {
            v1::RefuseDeviceRequest { change: change(named(&stage.pledge_serial()), "a\u{1b}[31m") }
                .encode_to_vec()
        }),
        Refused(InvalidArgument, "store-text-invalid"),
    ),
    call(
        "reopen-out-of-order",
        "/onboarding.v1.DeviceService/ReopenDevice",
        Message(|stage| {
            v1::ReopenDeviceRequest { change: change(named(&stage.pledge_serial()), "") }.encode_to_vec()
        }),
        Refused(FailedPrecondition, "lifecycle-out-of-order"),
    ),
    call(
        "quarantine-out-of-order",
        "/onboarding.v1.DeviceService/QuarantineDevice",
        Message(|stage| {
            v1::QuarantineDeviceRequest { change: change(named(&stage.pledge_serial()), "") }.encode_to_vec()
        }),
        Refused(FailedPrecondition, "lifecycle-out-of-order"),
    ),
    call(
        "release-out-of-order",
        "/onboarding.v1.DeviceService/ReleaseDevice",
        Message(|stage| {
            v1::ReleaseDeviceRequest { change: change(named(&stage.pledge_serial()), "") }.encode_to_vec()
        }),
        Refused(FailedPrecondition, "lifecycle-out-of-order"),
    ),
    call(
        "suspend-out-of-order",
        "/onboarding.v1.DeviceService/SuspendDevice",
        Message(|stage| {
            v1::SuspendDeviceRequest { change: change(named(&stage.pledge_serial()), "") }.encode_to_vec()
        }),
        Refused(FailedPrecondition, "lifecycle-out-of-order"),
    ),
    call(
        "resume-out-of-order",
        "/onboarding.v1.DeviceService/ResumeDevice",
        Message(|stage| {
            v1::ResumeDeviceRequest { change: change(named(&stage.pledge_serial()), "") }.encode_to_vec()
        }),
        Refused(FailedPrecondition, "lifecycle-out-of-order"),
    ),
    call(
        "retire-version-of-another-day",
        "/onboarding.v1.DeviceService/RetireDevice",
        Message(|stage| {
            v1::RetireDeviceRequest {
                change: change(named(&stage.pledge_serial()), "")
                    .map(|change| v1::DeviceChange { expected_version: Some(u64::MAX), ..change }),
            }
            .encode_to_vec()
        }),
        Refused(FailedPrecondition, "device-changed"),
    ),
    call(
        "retire-name-empty",
        "/onboarding.v1.DeviceService/RetireDevice",
        Message(|_| v1::RetireDeviceRequest { change: change(named(""), "") }.encode_to_vec()),
        Refused(InvalidArgument, "request-name-invalid"),
    ),
    call(
        "import-malformed",
        IMPORT,
        Message(|_| CUT_FIELD.to_vec()),
        Refused(InvalidArgument, "grpc-message-malformed"),
    ),
    call(
        "import-cut-in-the-middle",
        IMPORT,
        Bytes(|_| {
            let mut frame = framed(&rows(vec![row("example-maker", "CUT-1")]));
            frame.truncate(frame.len() - 4);
            frame
        }),
        Refused(InvalidArgument, "grpc-message-malformed"),
    ),
    call(
        "import-caller-gone-in-the-middle",
        IMPORT,
        Gone(|_| {
            let mut frame = framed(&rows(vec![row("example-maker", "GONE-1")]));
            frame.truncate(frame.len() - 4);
            frame
        }),
        Nothing,
    ),
    call(
        "import-length-of-4-gib",
        IMPORT,
        Bytes(|_| vec![0, 0xff, 0xff, 0xff, 0xff]),
        Refused(InvalidArgument, "grpc-message-too-large"),
    ),
    call(
        "import-too-many-rows",
        IMPORT,
        Message(|_| rows(vec![row("example-maker", "MANY"); 257])),
        Refused(InvalidArgument, "factory-batch-too-large"),
    ),
    call(
        "import-serial-with-control",
        IMPORT,
        Message(|_| rows(vec![row("example-maker", "A\0B")])),
        Item("request-name-invalid"),
    ),
    call(
        "import-serial-empty",
        IMPORT,
        Message(|_| rows(vec![row("example-maker", "")])),
        Item("request-name-invalid"),
    ),
    call(
        "import-manufacturer-unknown",
        IMPORT,
        Message(|_| rows(vec![row("nobody", "A-1")])),
        Item("manufacturer-unregistered"),
    ),
    call(
        "import-too-many-labels",
        IMPORT,
        Message(|_| {
            rows(vec![v1::ExpectedDevice {
                labels: (0..17).map(|n| (n.to_string(), String::new())).collect(),
                ..row("example-maker", "LABELS")
            }])
        }),
        Item("store-too-many-labels"),
    ),
    call(
        "import-label-with-control",
        IMPORT,
        Message(|_| {
            rows(vec![v1::ExpectedDevice {
                labels: [("a".into(), "\r\n".into())].into(),
                ..row("example-maker", "LABEL")
            }])
        }),
        Item("store-text-invalid"),
    ),
];
