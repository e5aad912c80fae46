//! `gangway factory`: production orders and units.
//! Does not: make keys or certification requests; a station's tool does.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use proto_api::v1::factory_service_client::FactoryServiceClient;
use proto_api::v1::record_sale_request::Domain;
use proto_api::v1::{
    BlockUnitRequest, CloseOrderRequest, GetOrderRequest, GetUnitRequest, ListOrdersRequest,
    OpenOrderRequest, Order, OrderState, RecordSaleRequest, SerialRange, UnblockUnitRequest, Unit,
};
use tonic::transport::Channel;

use super::issue::{IssueArgs, issue};
use super::{ANSWER_BYTES_MAX, ListArgs, Pages, open};
use crate::connect::certificates;
use crate::error::Error;
use crate::output::Output;
use crate::profile::ConnectionArgs;
use crate::view;

/// What to do on the maker's side.
#[derive(Debug, Subcommand)]
pub(crate) enum FactoryCommand {
    /// Production orders: leave to make a number of units of one product
    #[command(subcommand)]
    Order(OrderCommand),
    /// Issue the IDevIDs of units from their certification requests
    #[command(after_help = "\
Examples:
  gangway factory issue --order O-7 --serial A-000123 --csr a.csr --out a-chain.pem
  gangway factory issue --order O-7 --out-dir chains requests/
  gangway factory issue --order O-7 --out-dir chains a.csr b.csr

Of many requests each gives its own serial number in its subject, a result line, and SERIAL.pem in the directory. The
same serial number with the same key again brings the same certificate; with another key it is refused. Exits with 1
when one was refused.")]
    Issue(IssueArgs),
    /// Units: what became of each thing made
    #[command(subcommand)]
    Unit(UnitCommand),
}

/// What to do with production orders.
#[derive(Debug, Subcommand)]
pub(crate) enum OrderCommand {
    /// Open an order; the same order again changes nothing
    #[command(after_help = "\
Example: gangway factory order open O-7 --manufacturer acme --product lamp --line line-1 --quota 500 \\
             --first A-000000 --last A-000499")]
    Open(OpenArgs),
    /// Close an order for ever
    Close {
        /// The order's number
        order: String,
        /// Why
        #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
        reason: String,
    },
    /// Show an order
    Show {
        /// The order's number
        order: String,
    },
    /// List orders
    List {
        /// Only in this state: open or closed
        #[arg(long, value_name = "STATE", value_parser = view::parse_order_state)]
        state: Option<OrderState>,
        /// Only of this manufacturer
        #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
        manufacturer: String,
        #[command(flatten)]
        list: ListArgs,
    },
}

/// The order that is opened.
#[derive(Args, Debug)]
pub(crate) struct OpenArgs {
    /// The order's number: 1 to 64 letters, digits, dots, hyphens or underscores
    order: String,
    /// The manufacturer's name in the server's configuration
    #[arg(long, value_name = "NAME")]
    manufacturer: String,
    /// The product to be made
    #[arg(long, value_name = "NAME")]
    product: String,
    /// The factory line; a station may leave it out and means its own
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    line: String,
    /// How many units may be made
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    quota: u64,
    /// The first serial number allowed
    #[arg(long, value_name = "SERIAL", requires = "last")]
    first: Option<String>,
    /// The last serial number allowed; as long as the first
    #[arg(long, value_name = "SERIAL", requires = "first")]
    last: Option<String>,
}

/// What to do with units.
#[derive(Debug, Subcommand)]
pub(crate) enum UnitCommand {
    /// Show a unit: how it was made, to whom it was sold, which vouchers were given for it
    Show {
        /// MANUFACTURER/SERIAL, or a serial number alone where the server makes for one manufacturer
        #[arg(value_parser = parse_unit)]
        unit: UnitName,
    },
    /// Record to whom a unit was sold, so that the MASA can verify its owner
    #[command(after_help = "\
Example: gangway factory unit sell acme/A-000123 --owner 'Example Works' --domain-certificate works-root.pem")]
    Sell(SellArgs),
    /// Block a stolen or recalled unit: the MASA gives no voucher for it any more
    Block {
        /// MANUFACTURER/SERIAL, or a serial number alone where the server makes for one manufacturer
        #[arg(value_parser = parse_unit)]
        unit: UnitName,
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Take a block back, when the unit was found or repaired
    Unblock {
        /// MANUFACTURER/SERIAL, or a serial number alone where the server makes for one manufacturer
        #[arg(value_parser = parse_unit)]
        unit: UnitName,
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
}

/// The sale that is recorded.
#[derive(Args, Debug)]
pub(crate) struct SellArgs {
    /// MANUFACTURER/SERIAL, or a serial number alone where the server makes for one manufacturer
    #[arg(value_parser = parse_unit)]
    unit: UnitName,
    /// The owner's name, for people
    #[arg(long, value_name = "NAME")]
    owner: String,
    #[command(flatten)]
    domain: DomainArgs,
}

/// The owner's domain, one way or the other.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
struct DomainArgs {
    /// The CA certificate of the owner's domain, PEM
    #[arg(long, value_name = "FILE")]
    domain_certificate: Option<PathBuf>,
    /// The domain's id (RFC 8995 section 5.8.2) in hexadecimal, 1 to 64 octets
    #[arg(long, value_name = "HEX", value_parser = parse_domain_id)]
    domain_id: Option<proto::DomainId>,
}

/// A unit as a person names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UnitName {
    /// Empty when not said.
    manufacturer: String,
    serial_number: String,
}

fn parse_unit(text: &str) -> Result<UnitName, String> {
    let (manufacturer, serial) = text.split_once('/').unwrap_or(("", text));
    if serial.parse::<proto::SerialNumber>().is_err() {
        return Err("a serial number is 1 to 64 printable ASCII characters".to_owned());
    }
    Ok(UnitName { manufacturer: manufacturer.to_owned(), serial_number: serial.to_owned() })
}

fn parse_domain_id(text: &str) -> Result<proto::DomainId, String> {
    text.parse().map_err(|_| "a domain's id is 1 to 64 octets in hexadecimal".to_owned())
}

type Client = FactoryServiceClient<Channel>;

/// Runs the command.
///
/// # Errors
/// Those of the connection, the call and the output.
pub(crate) async fn run<W: Write>(
    command: FactoryCommand,
    connection: &ConnectionArgs,
    output: &mut Output<W>,
) -> Result<(), Error> {
    let client =
        FactoryServiceClient::new(open(connection).await?).max_decoding_message_size(ANSWER_BYTES_MAX);
    match command {
        FactoryCommand::Order(OrderCommand::List { state, manufacturer, list }) => {
            let request =
                ListOrdersRequest { state: state.unwrap_or_default().into(), manufacturer, page: None };
            list_orders(client, request, &list, output).await
        }
        FactoryCommand::Order(command) => output.one(&view::order(&order(client, command).await?)),
        FactoryCommand::Issue(args) => issue(client, args, output).await,
        FactoryCommand::Unit(command) => output.one(&view::unit(&unit(client, command).await?)),
    }
}

async fn order(mut client: Client, command: OrderCommand) -> Result<Order, Error> {
    let order = match command {
        OrderCommand::Open(args) => client.open_order(args.request()).await?.into_inner().order,
        OrderCommand::Close { order, reason } => {
            client.close_order(CloseOrderRequest { order_id: order, reason }).await?.into_inner().order
        }
        OrderCommand::Show { order } => {
            client.get_order(GetOrderRequest { order_id: order }).await?.into_inner().order
        }
        OrderCommand::List { .. } => None,
    };
    order.ok_or(Error::AnswerCut)
}

async fn list_orders<W: Write>(
    mut client: Client,
    request: ListOrdersRequest,
    args: &ListArgs,
    output: &mut Output<W>,
) -> Result<(), Error> {
    let mut pages = Pages::new(args);
    let mut list = output.list("orders", view::ORDERS)?;
    while let Some(page) = pages.next() {
        let request = ListOrdersRequest { page: Some(page), ..request.clone() };
        let answer = client.list_orders(request).await?.into_inner();
        answer.orders.iter().try_for_each(|order| list.entry(&view::order(order)))?;
        pages.took(answer.orders.len(), answer.next_page_token);
    }
    let token = pages.finish(list.entries());
    list.end(&token)
}

async fn unit(mut client: Client, command: UnitCommand) -> Result<Unit, Error> {
    let unit = match command {
        UnitCommand::Show { unit: UnitName { manufacturer, serial_number } } => {
            client.get_unit(GetUnitRequest { manufacturer, serial_number }).await?.into_inner().unit
        }
        UnitCommand::Sell(args) => client.record_sale(args.request()?).await?.into_inner().unit,
        UnitCommand::Block { unit: UnitName { manufacturer, serial_number }, reason } => {
            let request = BlockUnitRequest { manufacturer, serial_number, reason };
            client.block_unit(request).await?.into_inner().unit
        }
        UnitCommand::Unblock { unit: UnitName { manufacturer, serial_number }, reason } => {
            let request = UnblockUnitRequest { manufacturer, serial_number, reason };
            client.unblock_unit(request).await?.into_inner().unit
        }
    };
    unit.ok_or(Error::AnswerCut)
}

impl OpenArgs {
    fn request(self) -> OpenOrderRequest {
        OpenOrderRequest {
            order_id: self.order,
            manufacturer: self.manufacturer,
            product: self.product,
            line: self.line,
            quota: self.quota,
            serial_range: self.first.zip(self.last).map(|(first, last)| SerialRange { first, last }),
        }
    }
}

impl SellArgs {
    fn request(self) -> Result<RecordSaleRequest, Error> {
        let domain = match (self.domain.domain_certificate, self.domain.domain_id) {
            (Some(path), _) => {
                let chain = certificates(&path)?;
                chain.first().map(|certificate| Domain::DomainCertificate(certificate.der().to_vec()))
            }
            (None, id) => id.map(|id| Domain::DomainId(id.as_bytes().to_vec())),
        };
        Ok(RecordSaleRequest {
            manufacturer: self.unit.manufacturer,
            serial_number: self.unit.serial_number,
            owner_name: self.owner,
            domain: Some(domain.ok_or(Error::DomainMissing)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_is_named_by_serial_or_with_its_manufacturer() {
        let unit = parse_unit("acme/A/1").unwrap();
        assert_eq!((unit.manufacturer.as_str(), unit.serial_number.as_str()), ("acme", "A/1"));
        assert_eq!(parse_unit("A-1").unwrap().manufacturer, "");
        assert!(parse_unit("acme/").is_err());
    }
}
