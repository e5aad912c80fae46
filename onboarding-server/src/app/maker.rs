//! The maker's verbs: production orders, IDevIDs, units, and what the MASA answers registrars.
//!
//! Does not: know HTTP or gRPC; decide who has which role.
//! Invariants: whoever is bound to a line acts for that line only.

mod issue_idevid;
mod open_order;
mod registrar_request;
mod request_audit_log;
mod request_voucher;
mod units;

use proto::{LineId, UnixTime};
use server_store::{Actor, Stamp};

use super::Error;
use crate::context::{Context, MakerContext};

pub use issue_idevid::{IssuedIdevId, UnitRequest, issue_idevid, issuers};
pub use open_order::{OrderFilter, OrderRequest, close_order, list_orders, load_order, open_order};
pub use request_audit_log::request_audit_log;
pub use request_voucher::request_voucher;
pub use units::{UnitRecord, block_unit, load_unit, record_sale, unblock_unit};

/// Who asks, and for which line it may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    /// Who.
    pub actor: Actor,
    /// The one line that it may act for; `None` for people, who may for all.
    pub line: Option<LineId>,
}

impl Author {
    /// Checks that the author may act for a line.
    fn check_line(&self, line: &LineId) -> Result<(), Error> {
        match &self.line {
            Some(own) if own != line => Err(Error::StationLine),
            Some(_) | None => Ok(()),
        }
    }

    /// Stamps what the author writes.
    fn stamp(&self, now: UnixTime) -> Stamp {
        Stamp::new(now, self.actor.clone())
    }
}

/// Returns the maker's role.
fn maker(context: &Context) -> Result<&MakerContext, Error> {
    context.maker.as_ref().ok_or(Error::RoleMissing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_station_acts_for_its_own_line_only_and_a_person_for_all() {
        let line = |name: &str| name.parse::<LineId>().unwrap();
        let station = Author { actor: Actor::Station(line("a")), line: Some(line("a")) };
        assert!(station.check_line(&line("a")).is_ok());
        assert!(matches!(station.check_line(&line("b")), Err(Error::StationLine)));
        let person = Author { actor: Actor::System, line: None };
        assert!(person.check_line(&line("b")).is_ok());
    }
}
