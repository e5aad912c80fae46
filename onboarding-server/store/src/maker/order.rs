//! The writes of production planning.

use proto::{OrderId, SerialNumber};

use super::event::MakerEvent;
use super::rows::{Order, OrderTerms, SerialRange};
use super::{Maker, keys};
use crate::blob::Text;
use crate::engine::{Command, Outcome, View};
use crate::error::Error;
use crate::stamp::Stamp;

/// The most digits of a serial number that a `u64` can always hold.
const DIGITS_MAX: u8 = 19;

/// Opens an order; with the same terms again is the same.
#[derive(Clone, Debug)]
pub struct OpenOrder {
    /// Its number.
    pub order: OrderId,
    /// What may be made under it.
    pub terms: OrderTerms,
}

/// What came of opening an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The order as it stands.
    pub order: Order,
    /// Whether it is new.
    pub is_new: bool,
}

/// Closes an order: no unit is begun under it any more, those begun may be completed. Again is the same.
#[derive(Clone, Debug)]
pub struct CloseOrder {
    /// Which.
    pub order: OrderId,
    /// Why, in the words of who does it.
    pub note: Text,
}

impl Command<Maker> for OpenOrder {
    type Reply = Opened;

    fn check(&self, view: &View<'_>, stamp: &Stamp) -> Result<Outcome<MakerEvent, Opened>, Error> {
        if let Some(order) = view.load::<Order>(&keys::order(Some(&self.order)))? {
            let is_same = order.terms == self.terms;
            return if is_same {
                Ok(Outcome::Unchanged(Opened { order, is_new: false }))
            } else {
                Err(Error::OrderConflict)
            };
        }
        if self.terms.quota == 0 || !self.terms.serials.is_valid() {
            return Err(Error::OrderTerms);
        }
        let (id, terms) = (self.order.clone(), self.terms.clone());
        let (begun, completed, opened_at, closed_at) = (0, 0, stamp.at, None);
        let opened_by = Some(stamp.actor.clone());
        let order = Order { id, terms, begun, completed, opened_at, opened_by, closed_at };
        let event = MakerEvent::OrderOpened { order: self.order.clone(), terms: self.terms.clone() };
        Ok(Outcome::Record(event, Opened { order, is_new: true }))
    }
}

impl Command<Maker> for CloseOrder {
    type Reply = Order;

    fn check(&self, view: &View<'_>, stamp: &Stamp) -> Result<Outcome<MakerEvent, Order>, Error> {
        let mut order: Order = view.load(&keys::order(Some(&self.order)))?.ok_or(Error::OrderUnknown)?;
        if order.closed_at.is_some() {
            return Ok(Outcome::Unchanged(order));
        }
        order.closed_at = Some(stamp.at);
        let event = MakerEvent::OrderClosed { order: self.order.clone(), note: self.note.clone() };
        Ok(Outcome::Record(event, order))
    }
}

impl SerialRange {
    /// Says whether there is any serial number in it.
    fn is_valid(&self) -> bool {
        match self {
            Self::Any | Self::Prefix { .. } => true,
            Self::Numbers { first, last, digits, .. } => {
                let highest = 10u64.checked_pow(u32::from(*digits)).map(|beyond| beyond - 1);
                first <= last
                    && (1..=DIGITS_MAX).contains(digits)
                    && highest.is_some_and(|highest| *last <= highest)
            }
        }
    }

    /// Says whether a serial number is in it.
    #[must_use]
    pub fn covers(&self, serial: &SerialNumber) -> bool {
        match self {
            Self::Any => true,
            Self::Prefix { prefix } => serial.as_str().starts_with(prefix.as_str()),
            Self::Numbers { prefix, first, last, digits } => {
                let number = serial.as_str().strip_prefix(prefix.as_str()).unwrap_or_default();
                let is_number =
                    number.len() == usize::from(*digits) && number.bytes().all(|b| b.is_ascii_digit());
                is_number && number.parse().is_ok_and(|number: u64| (*first..=*last).contains(&number))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(first: u64, last: u64, digits: u8) -> SerialRange {
        SerialRange::Numbers { prefix: Text::new("GW-").unwrap(), first, last, digits }
    }

    #[test]
    fn a_range_covers_its_numbers_with_all_their_digits_and_nothing_else() {
        let covers = |serial: &str| numbers(7, 12, 4).covers(&serial.parse().unwrap());
        assert!(covers("GW-0007") && covers("GW-0012"));
        for other in ["GW-0006", "GW-0013", "GW-007", "GW-00007", "GW-+007", "XX-0007", "0007"] {
            assert!(!covers(other), "{other}");
        }
    }

    #[test]
    fn an_empty_range_or_one_that_does_not_fit_its_digits_is_no_range() {
        assert!(numbers(0, 9999, 4).is_valid());
        assert!(!numbers(0, 10_000, 4).is_valid());
        assert!(!numbers(2, 1, 4).is_valid());
        assert!(!numbers(0, 1, 0).is_valid());
        assert!(!numbers(0, 1, 20).is_valid());
    }
}
