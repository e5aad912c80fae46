//! The maker's store: production orders, units, and what the MASA issued for them.

mod apply;
mod event;
mod keys;
mod masa;
mod order;
mod read;
mod rows;
mod unit;

pub use event::MakerEvent;
pub use masa::{
    BeginMasaVoucher, CompleteMasaVoucher, CountMasaRepeats, MasaVoucherBegun, RefuseMasaVoucher,
};
pub use order::{CloseOrder, OpenOrder, Opened};
pub use read::UnitFilter;
pub use rows::{AuditEntry, Block, IdevId, MasaVoucher, Order, OrderTerms, Sale, SerialRange, Unit};
pub use unit::{BeginUnit, BlockUnit, CompleteUnit, RecordSale, ShipUnit, UnblockUnit, UnitBegun};

use crate::engine::Store;

/// The model of the maker's store.
#[derive(Debug)]
pub struct Maker;

/// The factory's and the MASA's store.
pub type MakerStore = Store<Maker>;
