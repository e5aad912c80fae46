//! Production planning: orders are opened, closed and read.
//!
//! Does not: issue anything.
//! Invariants: the terms of an order never change; an order is for a product of the configuration.

use proto::{LineId, ManufacturerId, OrderId, ProductName};
use server_store::{CloseOrder, OpenOrder, Order, OrderTerms, Page, SerialRange, Text};

use super::{Author, maker};
use crate::app::{Error, Refusal};
use crate::context::Context;

/// What is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderRequest {
    /// The order's number.
    pub id: OrderId,
    /// Whose; `None` for the one that this server makes for.
    pub manufacturer: Option<ManufacturerId>,
    /// What.
    pub product: ProductName,
    /// Where; `None` for a station's own line.
    pub line: Option<LineId>,
    /// How many, at least 1.
    pub quota: u64,
    /// Under which serial numbers.
    pub serials: SerialRange,
}

/// Which orders a list shows; all that is given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrderFilter {
    /// Open ones or closed ones.
    pub is_open: Option<bool>,
    /// Of this manufacturer.
    pub manufacturer: Option<ManufacturerId>,
}

/// Opens an order; with the same terms again it is the same.
///
/// # Errors
/// [`Error::ManufacturerUnknown`], [`Error::ProductUnknown`] (`Unknown`), [`Error::StationLine`] (`Refused`),
/// [`Error::NameInvalid`] (`Malformed`) without a line; those of the store.
pub async fn open_order(context: &Context, author: &Author, request: OrderRequest) -> Result<Order, Refusal> {
    let maker = maker(context)?;
    let manufacturer = maker.settings.id.clone();
    if request.manufacturer.is_some_and(|named| named != manufacturer) {
        return Err(Error::ManufacturerUnknown.into());
    }
    if !maker.settings.products.iter().any(|product| product.name == request.product) {
        return Err(Error::ProductUnknown.into());
    }
    let line = request.line.or_else(|| author.line.clone());
    let line = line.ok_or(Error::NameInvalid(proto::InvalidId { expected: "factory line id" }))?;
    author.check_line(&line)?;
    let OrderRequest { id, product, quota, serials, .. } = request;
    let terms = OrderTerms { manufacturer, product, line, quota, serials };
    let stamp = author.stamp(context.clock.now());
    Ok(maker.store.write(stamp, OpenOrder { order: id, terms }).await?.order)
}

/// Closes an order; again is the same.
///
/// # Errors
/// As [`load_order`].
pub async fn close_order(
    context: &Context,
    author: &Author,
    id: OrderId,
    note: Text,
) -> Result<Order, Refusal> {
    load_order(context, author, id.clone()).await?;
    let stamp = author.stamp(context.clock.now());
    Ok(maker(context)?.store.write(stamp, CloseOrder { order: id, note }).await?)
}

/// Loads an order.
///
/// # Errors
/// `order-unknown` (`Unknown`); [`Error::StationLine`] (`Refused`).
pub async fn load_order(context: &Context, author: &Author, id: OrderId) -> Result<Order, Refusal> {
    let found = maker(context)?.store.read(move |store| store.load_order(&id)).await?;
    let order = found.ok_or(server_store::Error::OrderUnknown)?;
    author.check_line(&order.terms.line)?;
    Ok(order)
}

/// Lists orders by number, `limit` at most from `cursor` on; a station sees those of its line.
///
/// # Errors
/// Those of the store.
pub async fn list_orders(
    context: &Context,
    author: &Author,
    filter: &OrderFilter,
    cursor: Option<Vec<u8>>,
    limit: usize,
) -> Result<Page<Order>, Refusal> {
    let read = maker(context)?.store.read(move |store| store.list_orders(cursor.as_deref(), limit));
    let mut page = read.await?;
    page.rows.retain(|order| filter.shows(order) && author.check_line(&order.terms.line).is_ok());
    Ok(page)
}

impl OrderFilter {
    fn shows(&self, order: &Order) -> bool {
        self.is_open.is_none_or(|is_open| order.closed_at.is_none() == is_open)
            && self.manufacturer.as_ref().is_none_or(|manufacturer| order.terms.manufacturer == *manufacturer)
    }
}
