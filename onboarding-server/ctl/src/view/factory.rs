//! Production orders and units.
//! Does not: print, call.

use std::path::Path;

use proto_api::v1::{
    Assertion, IssueIdevIdResponse, Order, OrderState, Refusal, Unit, UnitOwner, UnitState, UnitVoucher,
};

use super::{actor, at, certificate, hex, parse_word, refusal, words};
use crate::record::{Record, Value};
use crate::table::Column;

/// An order on one line.
pub(crate) const ORDERS: &[Column] = &[
    ("ORDER", "id"),
    ("MANUFACTURER", "manufacturer"),
    ("PRODUCT", "product"),
    ("LINE", "line"),
    ("STATE", "state"),
    ("ISSUED", "issued"),
    ("QUOTA", "quota"),
    ("FIRST", "serial_range.first"),
    ("LAST", "serial_range.last"),
    ("OPENED", "opened_at"),
];

/// Shows an order.
pub(crate) fn order(order: &Order) -> Record {
    let state = OrderState::try_from(order.state).unwrap_or_default();
    let range = order.serial_range.as_ref();
    let range = range
        .map(|range| Record::new().with("first", range.first.as_str()).with("last", range.last.as_str()));
    Record::new()
        .with("id", order.id.as_str())
        .with("manufacturer", order.manufacturer.as_str())
        .with("product", order.product.as_str())
        .with("line", order.line.as_str())
        .with("state", words("ORDER_STATE_", state.as_str_name()))
        .with("issued", order.issued)
        .with("quota", order.quota)
        .with("serial_range", range)
        .with("opened_at", at(order.opened_at.as_ref()))
        .with("opened_by", order.opened_by.as_ref().map(actor))
        .with("closed_at", at(order.closed_at.as_ref()))
}

/// Shows that an IDevID was issued and where its chain was written.
pub(crate) fn issued(serial_number: &str, response: &IssueIdevIdResponse, file: &str) -> Record {
    Record::new()
        .with("serial_number", serial_number)
        .with("already_issued", response.already_issued)
        .with("file", file)
}

/// What became of one request of many, on one line.
pub(crate) const ISSUED: &[Column] = &[
    ("SERIAL", "serial_number"),
    ("OUTCOME", "outcome"),
    ("FILE", "file"),
    ("REASON", "refusal.reason_code"),
    ("MEANING", "refusal.message"),
];

/// Shows what became of one request of many: whether its certificate was issued before, or why it was refused.
pub(crate) fn issued_item(file: &Path, serial_number: &str, outcome: Result<bool, &Refusal>) -> Record {
    let word = match outcome {
        Ok(false) => "issued",
        Ok(true) => "issued-before",
        Err(_) => "refused",
    };
    Record::new()
        .with("serial_number", serial_number)
        .with("outcome", word)
        .with("file", file.display().to_string())
        .with("refusal", outcome.err().map(refusal))
}

/// Shows a unit.
pub(crate) fn unit(unit: &Unit) -> Record {
    let state = UnitState::try_from(unit.state).unwrap_or_default();
    let vouchers: Vec<_> = unit.vouchers.iter().map(|given| Value::Record(voucher(given))).collect();
    Record::new()
        .with("manufacturer", unit.manufacturer.as_str())
        .with("serial_number", unit.serial_number.as_str())
        .with("product", unit.product.as_str())
        .with("order_id", unit.order_id.as_str())
        .with("state", words("UNIT_STATE_", state.as_str_name()))
        .with("is_blocked", unit.is_blocked)
        .with("block_reason", unit.block_reason.as_str())
        .with("made_at", at(unit.made_at.as_ref()))
        .with("version", unit.version)
        .with("idevid", unit.idevid.as_ref().map(certificate))
        .with("owner", unit.owner.as_ref().map(owner))
        .with("vouchers", vouchers)
}

fn owner(owner: &UnitOwner) -> Record {
    Record::new()
        .with("name", owner.name.as_str())
        .with("domain_id", hex(&owner.domain_id))
        .with("sold_at", at(owner.sold_at.as_ref()))
}

fn voucher(voucher: &UnitVoucher) -> Record {
    let assertion = Assertion::try_from(voucher.assertion).unwrap_or_default();
    Record::new()
        .with("issued_at", at(voucher.issued_at.as_ref()))
        .with("assertion", words("ASSERTION_", assertion.as_str_name()))
        .with("is_nonced", voucher.is_nonced)
        .with("domain_id", hex(&voucher.domain_id))
}

/// Reads a state of an order as the documents write it.
///
/// # Errors
/// The words that there are, as clap wants it.
pub(crate) fn parse_order_state(word: &str) -> Result<OrderState, String> {
    parse_word(word, "ORDER_STATE_", OrderState::as_str_name)
}

#[cfg(test)]
mod tests {
    use proto_api::v1::SerialRange;

    use super::*;

    #[test]
    fn an_order_shows_its_range_and_its_state() {
        let range = Some(SerialRange { first: "A-1".into(), last: "A-9".into() });
        let shown =
            order(&Order { state: OrderState::Closed.into(), serial_range: range, ..Order::default() });
        assert_eq!(shown.find("state").text(), "closed");
        assert_eq!(shown.find("serial_range.last").text(), "A-9");
    }
}
