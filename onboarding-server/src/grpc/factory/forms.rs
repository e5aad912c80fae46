//! The messages of `FactoryService` as the verbs' types and back; nothing else.
//!
//! Source: `proto/api/onboarding/v1/factory.proto`.
//! Invariants: whatever cannot be read is `Malformed`.

use pki::Certificate;
use proto::{DomainId, ManufacturerId, SerialNumber};
use proto_api::v1::record_sale_request::Domain;
use proto_api::{timestamp, v1};
use server_store::{AuditEntry, IdevId, Order, SerialRange, Text, Unit};

use crate::app::maker::{OrderRequest, UnitRecord};
use crate::app::{Error, Refusal};
use crate::grpc::convert::{actor, assertion, id, optional_id, summary};

/// The most digits of a serial number that count as its number.
const DIGITS_MAX: usize = 19;
/// The most vouchers that are shown of one unit.
const VOUCHERS_SHOWN_MAX: usize = 100;

/// Reads which unit is meant.
pub(super) fn unit_name(
    manufacturer: &str,
    serial: &str,
) -> Result<(Option<ManufacturerId>, SerialNumber), Refusal> {
    Ok((optional_id(manufacturer)?, id(serial)?))
}

/// Reads which orders are wanted.
pub(super) const fn is_open(state: v1::OrderState) -> Option<bool> {
    match state {
        v1::OrderState::Unspecified => None,
        v1::OrderState::Open => Some(true),
        v1::OrderState::Closed => Some(false),
    }
}

/// Reads what is to be made.
pub(super) fn order_request(request: v1::OpenOrderRequest) -> Result<OrderRequest, Refusal> {
    Ok(OrderRequest {
        id: id(&request.order_id)?,
        manufacturer: optional_id(&request.manufacturer)?,
        product: id(&request.product)?,
        line: optional_id(&request.line)?,
        quota: request.quota,
        serials: request.serial_range.map_or(Ok(SerialRange::Any), |range| serial_range(&range))?,
    })
}

/// Reads a range: both ends must differ in their closing digits only.
fn serial_range(range: &v1::SerialRange) -> Result<SerialRange, Refusal> {
    let first = &range.first;
    let digits = first.bytes().rev().take(DIGITS_MAX).take_while(u8::is_ascii_digit).count();
    // Digits are ASCII, so that the text can be cut before them.
    let (prefix, first) = first.split_at(first.len() - digits);
    let is_number = |text: &&str| text.len() == digits && text.bytes().all(|b| b.is_ascii_digit());
    let last = range.last.strip_prefix(prefix).filter(is_number);
    let (Ok(first), Some(Ok(last))) = (first.parse(), last.map(str::parse)) else {
        return Err(server_store::Error::OrderTerms.into());
    };
    let digits = u8::try_from(digits).map_err(|_| server_store::Error::OrderTerms)?;
    Ok(SerialRange::Numbers { prefix: Text::new(prefix)?, first, last, digits })
}

/// Writes an order.
pub(super) fn order(order: &Order) -> v1::Order {
    let state = if order.closed_at.is_some() { v1::OrderState::Closed } else { v1::OrderState::Open };
    v1::Order {
        id: order.id.to_string(),
        manufacturer: order.terms.manufacturer.to_string(),
        product: order.terms.product.to_string(),
        line: order.terms.line.to_string(),
        quota: order.terms.quota,
        issued: order.completed,
        serial_range: written_range(&order.terms.serials),
        state: state.into(),
        opened_at: Some(timestamp(order.opened_at)),
        closed_at: order.closed_at.map(timestamp),
        opened_by: order.opened_by.as_ref().map(actor),
    }
}

fn written_range(range: &SerialRange) -> Option<v1::SerialRange> {
    match range {
        SerialRange::Any => None,
        // This API opens no such order; the store could hold one.
        SerialRange::Prefix { prefix } => {
            Some(v1::SerialRange { first: prefix.to_string(), last: prefix.to_string() })
        }
        SerialRange::Numbers { prefix, first, last, digits } => {
            let written = |number| format!("{prefix}{number:0width$}", width = usize::from(*digits));
            Some(v1::SerialRange { first: written(*first), last: written(*last) })
        }
    }
}

/// Writes a unit.
pub(super) fn unit(record: &UnitRecord) -> Result<v1::Unit, Refusal> {
    let unit = &record.unit;
    let certificate = match &unit.idevid {
        IdevId::Issued { certificate, .. } => Some(Certificate::parse(certificate)?),
        IdevId::Intent { .. } => None,
    };
    let made_at = match unit.idevid {
        IdevId::Issued { at, .. } => Some(timestamp(at)),
        IdevId::Intent { .. } => None,
    };
    let hidden = record.vouchers.len().saturating_sub(VOUCHERS_SHOWN_MAX);
    Ok(v1::Unit {
        manufacturer: unit.manufacturer.to_string(),
        serial_number: unit.serial.to_string(),
        product: unit.product.to_string(),
        order_id: unit.order.to_string(),
        state: unit_state(unit).into(),
        is_blocked: unit.block.is_some(),
        made_at,
        idevid: certificate.as_ref().map(summary),
        owner: owner(unit),
        vouchers: record.vouchers.iter().skip(hidden).map(voucher).collect(),
        version: record.version,
        block_reason: unit.block.as_ref().map(|block| block.note.to_string()).unwrap_or_default(),
    })
}

fn unit_state(unit: &Unit) -> v1::UnitState {
    if unit.sale.is_some() {
        v1::UnitState::Sold
    } else if unit.shipped_at.is_some() {
        v1::UnitState::Shipped
    } else {
        v1::UnitState::Manufactured
    }
}

fn owner(unit: &Unit) -> Option<v1::UnitOwner> {
    let sale = unit.sale.as_ref()?;
    Some(v1::UnitOwner {
        name: sale.customer.to_string(),
        domain_id: sale.domain.as_ref().map(|domain| domain.as_bytes().to_vec()).unwrap_or_default(),
        sold_at: Some(timestamp(sale.at)),
    })
}

fn voucher(entry: &AuditEntry) -> v1::UnitVoucher {
    v1::UnitVoucher {
        issued_at: Some(timestamp(entry.at)),
        domain_id: entry.domain.as_bytes().to_vec(),
        assertion: assertion(&entry.assertion).into(),
        is_nonced: entry.nonce.is_some(),
    }
}

/// Reads the domain of a sale.
pub(super) fn domain(domain: &Domain) -> Result<DomainId, Refusal> {
    match domain {
        Domain::DomainId(octets) => DomainId::new(octets).map_err(|error| Error::NameInvalid(error).into()),
        Domain::DomainCertificate(der) => Ok(proto_brski::domain_id(&Certificate::parse(der)?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(first: &str, last: &str) -> Option<SerialRange> {
        serial_range(&v1::SerialRange { first: first.to_owned(), last: last.to_owned() }).ok()
    }

    #[test]
    fn a_range_is_a_prefix_and_two_numbers_and_is_written_as_it_was_read() {
        let range = read("GW-0007", "GW-0123").unwrap();
        let prefix = Text::new("GW-").unwrap();
        assert_eq!(range, SerialRange::Numbers { prefix, first: 7, last: 123, digits: 4 });
        let written = written_range(&range).unwrap();
        assert_eq!((written.first.as_str(), written.last.as_str()), ("GW-0007", "GW-0123"));
    }

    #[test]
    fn a_range_whose_ends_do_not_match_is_none() {
        for (first, last) in [("", ""), ("GW-", "GW-"), ("GW-07", "GW-123"), ("A-1", "B-2"), ("GW-1", "GW-x")]
        {
            assert_eq!(read(first, last), None, "{first} to {last}");
        }
    }

    #[test]
    fn a_long_number_keeps_its_first_digits_as_prefix() {
        let range = read("100000000000000000007", "100000000000000000009").unwrap();
        let prefix = Text::new("10").unwrap();
        assert_eq!(range, SerialRange::Numbers { prefix, first: 7, last: 9, digits: 19 });
    }
}
