//! Bad input to `FactoryService`.

use prost::Message as _;
use proto_api::v1;
use proto_api::v1::record_sale_request::Domain;
use tonic::Code::{FailedPrecondition, InvalidArgument, NotFound, PermissionDenied};

use super::{CUT_FIELD, call, page};
use crate::bad_input::call::Sent::{self, Bytes, Message};
use crate::bad_input::call::Wanted::{self, Item, Refused};
use crate::bad_input::call::{Call, framed};
use crate::bad_input::stage::{Peer, Stage};

const BATCH: &str = "/onboarding.v1.FactoryService/IssueIdevIds";
const OPEN: &str = "/onboarding.v1.FactoryService/OpenOrder";
const ISSUE: &str = "/onboarding.v1.FactoryService/IssueIdevId";
const SALE: &str = "/onboarding.v1.FactoryService/RecordSale";

const fn station(name: &'static str, path: &'static str, sent: Sent, wanted: Wanted) -> Call {
    Call { name, path, peer: Peer::Station, sent, wanted }
}

fn order(id: &str, product: &str, quota: u64) -> v1::OpenOrderRequest {
    v1::OpenOrderRequest {
        order_id: id.to_owned(),
        product: product.to_owned(),
        quota,
        ..v1::OpenOrderRequest::default()
    }
}

fn item(serial: &str, csr: Vec<u8>) -> Vec<u8> {
    let items = vec![v1::IssueItem { item: 1, serial_number: serial.to_owned(), csr }];
    v1::IssueIdevIdsRequest { order_id: "BI".to_owned(), items }.encode_to_vec()
}

fn issue(order: &str, serial: &str, csr: Vec<u8>) -> Vec<u8> {
    v1::IssueIdevIdRequest { order_id: order.to_owned(), serial_number: serial.to_owned(), csr }
        .encode_to_vec()
}

fn sale(stage: &Stage, owner: &str, domain: Option<Domain>) -> Vec<u8> {
    let serial_number = stage.pledge_serial();
    v1::RecordSaleRequest { manufacturer: String::new(), serial_number, owner_name: owner.to_owned(), domain }
        .encode_to_vec()
}

/// All of it.
pub(crate) const CASES: &[Call] = &[
    station(
        "order-id-no-name",
        OPEN,
        Message(|_| order("a b", "sensor-one", 1).encode_to_vec()),
        Refused(InvalidArgument, "request-name-invalid"),
    ),
    station(
        "order-product-empty",
        OPEN,
        Message(|_| order("BI-2", "", 1).encode_to_vec()),
        Refused(InvalidArgument, "request-name-invalid"),
    ),
    station(
        "order-product-unknown",
        OPEN,
        Message(|_| order("BI-2", "toaster", 1).encode_to_vec()),
        Refused(NotFound, "factory-product-unknown"),
    ),
    station(
        "order-quota-none",
        OPEN,
        Message(|_| order("BI-2", "sensor-one", 0).encode_to_vec()),
        Refused(InvalidArgument, "order-terms"),
    ),
    station(
        "order-range-backwards",
        OPEN,
        Message(|_| {
            v1::OpenOrderRequest {
                serial_range: Some(v1::SerialRange { first: "A-9".into(), last: "A-1".into() }),
                ..order("BI-2", "sensor-one", 1)
            }
            .encode_to_vec()
        }),
        Refused(InvalidArgument, "order-terms"),
    ),
    station(
        "order-range-without-digits",
        OPEN,
        Message(|_| {
            v1::OpenOrderRequest {
                serial_range: Some(v1::SerialRange { first: "ä".into(), last: "ö".into() }),
                ..order("BI-2", "sensor-one", 1)
            }
            .encode_to_vec()
        }),
        Refused(InvalidArgument, "order-terms"),
    ),
    station(
        "order-of-another-line",
        OPEN,
        Message(|_| {
            v1::OpenOrderRequest { line: "line-77".into(), ..order("BI-2", "sensor-one", 1) }.encode_to_vec()
        }),
        Refused(FailedPrecondition, "station-line-mismatch"),
    ),
    station(
        "order-with-other-terms",
        OPEN,
        Message(|_| order("BI", "sensor-one", 99).encode_to_vec()),
        Refused(FailedPrecondition, "order-conflict"),
    ),
    station(
        "close-unknown",
        "/onboarding.v1.FactoryService/CloseOrder",
        Message(|_| {
            v1::CloseOrderRequest { order_id: "nothing".into(), reason: String::new() }.encode_to_vec()
        }),
        Refused(NotFound, "order-unknown"),
    ),
    station(
        "close-reason-too-long",
        "/onboarding.v1.FactoryService/CloseOrder",
        Message(|_| v1::CloseOrderRequest { order_id: "BI".into(), reason: "x".repeat(501) }.encode_to_vec()),
        Refused(InvalidArgument, "store-text-invalid"),
    ),
    station(
        "get-order-id-too-long",
        "/onboarding.v1.FactoryService/GetOrder",
        Message(|_| v1::GetOrderRequest { order_id: "x".repeat(65) }.encode_to_vec()),
        Refused(InvalidArgument, "request-name-invalid"),
    ),
    station(
        "list-orders-state-unknown",
        "/onboarding.v1.FactoryService/ListOrders",
        Message(|_| v1::ListOrdersRequest { state: 9, ..Default::default() }.encode_to_vec()),
        Refused(InvalidArgument, "request-value-unknown"),
    ),
    station(
        "list-orders-cursor",
        "/onboarding.v1.FactoryService/ListOrders",
        Message(|_| v1::ListOrdersRequest { page: page("g0"), ..Default::default() }.encode_to_vec()),
        Refused(InvalidArgument, "store-cursor-invalid"),
    ),
    station(
        "issue-order-unknown",
        ISSUE,
        Message(|stage| issue("nothing", "BI-9", stage.csr_of("BI-9"))),
        Refused(NotFound, "order-unknown"),
    ),
    station(
        "issue-csr-empty",
        ISSUE,
        Message(|_| issue("BI", "BI-9", Vec::new())),
        Refused(InvalidArgument, "csr-malformed"),
    ),
    station(
        "issue-csr-cut",
        ISSUE,
        Message(|stage| issue("BI", "BI-9", stage.csr_of("BI-9")[..90].to_vec())),
        Refused(InvalidArgument, "csr-malformed"),
    ),
    station(
        "issue-csr-signature-broken",
        ISSUE,
        Message(|stage| {
            let mut csr = stage.csr_of("BI-9");
            *csr.last_mut().expect("octets") ^= 1;
            issue("BI", "BI-9", csr)
        }),
        Refused(PermissionDenied, "csr-self-signature-invalid"),
    ),
    station(
        "issue-csr-of-another",
        ISSUE,
        Message(|stage| issue("BI", "BI-9", stage.csr_of("BI-8"))),
        Refused(FailedPrecondition, "unit-csr-serial-mismatch"),
    ),
    station(
        "issue-serial-empty",
        ISSUE,
        Message(|stage| issue("BI", "", stage.csr_of("BI-9"))),
        Refused(InvalidArgument, "request-name-invalid"),
    ),
    station(
        "issue-serial-made-with-another-key",
        ISSUE,
        Message(|stage| issue("BI", &stage.pledge_serial(), stage.csr_of(&stage.pledge_serial()))),
        Refused(FailedPrecondition, "unit-key-conflict"),
    ),
    station(
        "batch-malformed",
        BATCH,
        Message(|_| CUT_FIELD.to_vec()),
        Refused(InvalidArgument, "grpc-message-malformed"),
    ),
    station(
        "batch-cut-in-the-middle",
        BATCH,
        Bytes(|stage| {
            let mut frame = framed(&item("BI-9", stage.csr_of("BI-9")));
            frame.truncate(frame.len() - 4);
            frame
        }),
        Refused(InvalidArgument, "grpc-message-malformed"),
    ),
    station(
        "batch-order-unknown",
        BATCH,
        Message(|_| {
            v1::IssueIdevIdsRequest { order_id: "nothing".into(), items: Vec::new() }.encode_to_vec()
        }),
        Refused(NotFound, "order-unknown"),
    ),
    station(
        "batch-too-many-items",
        BATCH,
        Message(|_| {
            v1::IssueIdevIdsRequest { order_id: "BI".into(), items: vec![v1::IssueItem::default(); 257] }
                .encode_to_vec()
        }),
        Refused(InvalidArgument, "factory-batch-too-large"),
    ),
    station(
        "batch-serial-with-control",
        BATCH,
        Message(|stage| item("\t", stage.csr_of("BI-9"))),
        Item("request-name-invalid"),
    ),
    station("batch-csr-garbage", BATCH, Message(|_| item("BI-9", vec![0x30; 300])), Item("csr-malformed")),
    station(
        "get-unit-serial-empty",
        "/onboarding.v1.FactoryService/GetUnit",
        Message(|_| Vec::new()),
        Refused(InvalidArgument, "request-name-invalid"),
    ),
    station(
        "get-unit-of-another-maker",
        "/onboarding.v1.FactoryService/GetUnit",
        Message(|stage| {
            v1::GetUnitRequest { manufacturer: "nobody".into(), serial_number: stage.pledge_serial() }
                .encode_to_vec()
        }),
        Refused(NotFound, "factory-manufacturer-unknown"),
    ),
    call(
        "sale-of-nothing",
        SALE,
        Message(|_| {
            v1::RecordSaleRequest { serial_number: "nothing".into(), ..Default::default() }.encode_to_vec()
        }),
        Refused(NotFound, "unit-unknown"),
    ),
    call(
        "sale-domain-id-empty",
        SALE,
        Message(|stage| sale(stage, "somebody", Some(Domain::DomainId(Vec::new())))),
        Refused(InvalidArgument, "request-name-invalid"),
    ),
    call(
        "sale-domain-id-too-long",
        SALE,
        Message(|stage| sale(stage, "somebody", Some(Domain::DomainId(vec![1; 65])))),
        Refused(InvalidArgument, "request-name-invalid"),
    ),
    call(
        "sale-certificate-garbage",
        SALE,
        Message(|stage| sale(stage, "somebody", Some(Domain::DomainCertificate(vec![0x30; 90])))),
        Refused(InvalidArgument, "certificate-malformed"),
    ),
    call(
        "sale-owner-with-control",
        SALE,
        Message(|stage| sale(stage, "a\u{7f}b", Some(Domain::DomainId(vec![1; 20])))),
        Refused(InvalidArgument, "store-text-invalid"),
    ),
    call(
        "block-nothing",
        "/onboarding.v1.FactoryService/BlockUnit",
        Message(|_| {
            v1::BlockUnitRequest { serial_number: "nothing".into(), ..Default::default() }.encode_to_vec()
        }),
        Refused(NotFound, "unit-unknown"),
    ),
    call(
        "block-reason-with-control",
        "/onboarding.v1.FactoryService/BlockUnit",
        Message(|stage| {
            v1::BlockUnitRequest {
                serial_number: stage.pledge_serial(),
                reason: "\0".into(),
                ..Default::default()
            }
            .encode_to_vec()
        }),
        Refused(InvalidArgument, "store-text-invalid"),
    ),
    call(
        "unblock-nothing",
        "/onboarding.v1.FactoryService/UnblockUnit",
        Message(|_| {
            v1::UnblockUnitRequest { serial_number: "nothing".into(), ..Default::default() }.encode_to_vec()
        }),
        Refused(NotFound, "unit-unknown"),
    ),
    call(
        "unblock-reason-with-control",
        "/onboarding.v1.FactoryService/UnblockUnit",
        Message(|stage| {
            v1::UnblockUnitRequest {
                serial_number: stage.pledge_serial(),
                reason: "\0".into(),
                ..Default::default()
            }
            .encode_to_vec()
        }),
        Refused(InvalidArgument, "store-text-invalid"),
    ),
];
