//! Bad input to `AuthorityService`, `EventService` and `JournalService`.

use prost::Message as _;
use proto_api::v1;
use proto_api::v1::list_records_request::Of;
use tonic::Code::{InvalidArgument, NotFound};

use super::{CUT_FIELD, call, page};
use crate::bad_input::call::Call;
use crate::bad_input::call::Sent::Message;
use crate::bad_input::call::Wanted::Refused;

/// All three.
pub(crate) const CASES: &[Call] = &[
    call(
        "crl-of-no-authority",
        "/onboarding.v1.AuthorityService/GetCrl",
        Message(|_| v1::GetCrlRequest { authority: "nobody".into() }.encode_to_vec()),
        Refused(NotFound, "crl-missing"),
    ),
    call(
        "authorities-kind-unknown",
        "/onboarding.v1.AuthorityService/ListAuthorities",
        Message(|_| v1::ListAuthoritiesRequest { kind: 77 }.encode_to_vec()),
        Refused(InvalidArgument, "request-value-unknown"),
    ),
    call(
        "manufacturers-malformed",
        "/onboarding.v1.AuthorityService/ListManufacturers",
        Message(|_| vec![0xff; 20]),
        Refused(InvalidArgument, "grpc-message-malformed"),
    ),
    call(
        "watch-device-no-id",
        "/onboarding.v1.EventService/Watch",
        Message(|_| v1::WatchRequest { device_id: "xyz".into(), ..Default::default() }.encode_to_vec()),
        Refused(InvalidArgument, "request-name-invalid"),
    ),
    call(
        "watch-manufacturer-no-name",
        "/onboarding.v1.EventService/Watch",
        Message(|_| v1::WatchRequest { manufacturer: "/".into(), ..Default::default() }.encode_to_vec()),
        Refused(InvalidArgument, "request-name-invalid"),
    ),
    call(
        "watch-malformed",
        "/onboarding.v1.EventService/Watch",
        Message(|_| CUT_FIELD.to_vec()),
        Refused(InvalidArgument, "grpc-message-malformed"),
    ),
    call(
        "head-malformed",
        "/onboarding.v1.JournalService/GetHead",
        Message(|_| vec![0xff; 20]),
        Refused(InvalidArgument, "grpc-message-malformed"),
    ),
    call(
        "records-cursor",
        "/onboarding.v1.JournalService/ListRecords",
        Message(|_| v1::ListRecordsRequest { of: None, page: page("ffff"), journal: 0 }.encode_to_vec()),
        Refused(InvalidArgument, "store-cursor-invalid"),
    ),
    call(
        "records-cursor-over-64-bits",
        "/onboarding.v1.JournalService/ListRecords",
        Message(|_| {
            v1::ListRecordsRequest { of: None, page: page("99999999999999999999"), journal: 0 }
                .encode_to_vec()
        }),
        Refused(InvalidArgument, "store-cursor-invalid"),
    ),
    call(
        "records-device-no-id",
        "/onboarding.v1.JournalService/ListRecords",
        Message(|_| {
            v1::ListRecordsRequest { of: Some(Of::DeviceId("?".into())), page: None, journal: 0 }
                .encode_to_vec()
        }),
        Refused(InvalidArgument, "request-name-invalid"),
    ),
    call(
        "verify-malformed",
        "/onboarding.v1.JournalService/VerifyJournal",
        Message(|_| vec![0xff; 20]),
        Refused(InvalidArgument, "grpc-message-malformed"),
    ),
];
