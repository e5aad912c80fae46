//! `gangway devices`: the owner's devices, shown and decided upon.

use std::io::Write;

use clap::{Args, Subcommand};
use proto_api::v1::device_reference::By;
use proto_api::v1::device_service_client::DeviceServiceClient;
use proto_api::v1::{
    DeviceFilter, DeviceName, DeviceReference, DeviceState, GetDeviceRequest, GetTimelineRequest,
    ListDevicesRequest,
};
use tonic::transport::Channel;

use super::change::{DecideCommand, RetireArgs, change, retire};
use super::import::{ImportArgs, import};
use super::watch::{WatchArgs, watch};
use super::{ANSWER_BYTES_MAX, ListArgs, Pages, open};
use crate::error::Error;
use crate::output::Output;
use crate::profile::ConnectionArgs;
use crate::rows::label;
use crate::view;

/// What to do with devices.
#[derive(Debug, Subcommand)]
pub(crate) enum DevicesCommand {
    /// List devices
    #[command(after_help = "Example: gangway devices list --state operational --label site=hall-3 --all")]
    List(FilterArgs),
    /// Show all that is on record of one device
    #[command(after_help = "Example: gangway devices show acme/A-000123")]
    Show {
        #[command(flatten)]
        device: DeviceArg,
    },
    /// Show what happened to one device, the oldest first
    #[command(after_help = "Example: gangway devices timeline acme/A-000123 --output json")]
    Timeline {
        #[command(flatten)]
        device: DeviceArg,
        #[command(flatten)]
        list: ListArgs,
    },
    #[command(flatten)]
    Decide(DecideCommand),
    /// End devices' lives: their credentials are revoked for ever
    #[command(after_help = "Example: gangway devices retire acme/A-000123 --reason 'scrapped' --yes")]
    Retire(RetireArgs),
    /// Declare devices that are expected to come, from CSV or JSON lines
    #[command(after_help = "Examples:\n  \
        gangway devices import devices.csv\n  \
        printf 'acme,A-1,lamp,site=hall-3\\n' | gangway devices import -\n\n\
        CSV columns: manufacturer,serial,product,labels (labels: NAME=VALUE;NAME=VALUE). A header may reorder them.\n\
        JSON lines: {\"manufacturer\":\"acme\",\"serial\":\"A-1\",\"product\":\"lamp\",\"labels\":{\"site\":\"hall-3\"}}\n\
        An import that broke off is simply run again. Exits with 1 when a row was refused.")]
    Import(ImportArgs),
    /// Follow what happens, from any point of the journal on
    #[command(after_help = "Examples:\n  \
        gangway devices watch\n  \
        gangway devices watch --from 0 --until-caught-up --output json\n\n\
        Events arrive in order and without a gap; after a broken connection the watch goes on where it was.")]
    Watch(WatchArgs),
}

/// Which devices are listed.
#[derive(Args, Debug)]
pub(crate) struct FilterArgs {
    /// Only in this state; may be given more than once
    #[arg(long, value_name = "STATE", value_parser = view::parse_device_state)]
    state: Vec<DeviceState>,
    /// Only of this manufacturer
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    manufacturer: String,
    /// Only of this product
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    product: String,
    /// Only with serial numbers that start so
    #[arg(long, value_name = "PREFIX", default_value = "", hide_default_value = true)]
    serial_prefix: String,
    /// Only with this label; may be given more than once
    #[arg(long, value_name = "NAME=VALUE", value_parser = parse_label)]
    label: Vec<(String, String)>,
    /// Only those that wait for a person to approve or refuse
    #[arg(long)]
    awaiting_approval: bool,
    #[command(flatten)]
    list: ListArgs,
}

/// One device on the command line.
#[derive(Args, Debug)]
pub(crate) struct DeviceArg {
    /// MANUFACTURER/SERIAL, a serial number alone where it is unique, or a device id of 32 hexadecimal digits;
    /// /SERIAL is a serial number whatever it looks like
    #[arg(value_name = "DEVICE", value_parser = parse_reference)]
    device: DeviceReference,
}

fn parse_label(text: &str) -> Result<(String, String), String> {
    label(text).ok_or_else(|| "a label is NAME=VALUE".to_owned())
}

/// Reads how a person names a device.
///
/// # Errors
/// A sentence for the user, as clap wants it.
pub(crate) fn parse_reference(text: &str) -> Result<DeviceReference, String> {
    let by = match text.split_once('/') {
        Some((manufacturer, serial)) => named(manufacturer, serial),
        None if text.parse::<proto::DeviceId>().is_ok() => By::Id(text.to_ascii_lowercase()),
        None => named("", text),
    };
    match &by {
        By::Name(name) if name.serial_number.parse::<proto::SerialNumber>().is_err() => {
            Err("a serial number is 1 to 64 printable ASCII characters".to_owned())
        }
        By::Name(_) | By::Id(_) => Ok(DeviceReference { by: Some(by) }),
    }
}

fn named(manufacturer: &str, serial: &str) -> By {
    By::Name(DeviceName { manufacturer: manufacturer.to_owned(), serial_number: serial.to_owned() })
}

/// Runs the command.
///
/// # Errors
/// Those of the connection, the call and the output.
pub(crate) async fn run<W: Write>(
    command: DevicesCommand,
    connection: &ConnectionArgs,
    output: &mut Output<W>,
) -> Result<(), Error> {
    let channel = open(connection).await?;
    let client = DeviceServiceClient::new(channel.clone()).max_decoding_message_size(ANSWER_BYTES_MAX);
    match command {
        DevicesCommand::List(filter) => list(client, filter, output).await,
        DevicesCommand::Show { device } => show(client, device, output).await,
        DevicesCommand::Timeline { device, list } => timeline(client, device, &list, output).await,
        DevicesCommand::Decide(command) => {
            let (verb, args) = command.into_parts();
            change(client, verb, args, output).await
        }
        DevicesCommand::Retire(args) => retire(client, args, output).await,
        DevicesCommand::Import(args) => import(client, args, output).await,
        DevicesCommand::Watch(args) => watch(channel, &args, output).await,
    }
}

type Client = DeviceServiceClient<Channel>;

/// Returns the id of a device, asking the server when it is named otherwise.
///
/// # Errors
/// The call's, such as that there is no such device.
pub(crate) async fn device_id(channel: &Channel, device: &DeviceReference) -> Result<String, Error> {
    if let Some(By::Id(id)) = &device.by {
        return Ok(id.clone());
    }
    let request = GetDeviceRequest { device: Some(device.clone()) };
    let answer = DeviceServiceClient::new(channel.clone()).get_device(request).await?.into_inner();
    Ok(answer.device.ok_or(Error::AnswerCut)?.id)
}

async fn list<W: Write>(mut client: Client, args: FilterArgs, output: &mut Output<W>) -> Result<(), Error> {
    let filter = DeviceFilter {
        states: args.state.into_iter().map(i32::from).collect(),
        manufacturer: args.manufacturer,
        product: args.product,
        serial_number_prefix: args.serial_prefix,
        labels: args.label.into_iter().collect(),
        awaits_approval: args.awaiting_approval,
    };
    let mut pages = Pages::new(&args.list);
    let mut list = output.list("devices", view::DEVICES)?;
    while let Some(page) = pages.next() {
        let request = ListDevicesRequest { filter: Some(filter.clone()), page: Some(page) };
        let answer = client.list_devices(request).await?.into_inner();
        answer.devices.iter().try_for_each(|device| list.entry(&view::device(device)))?;
        pages.took(answer.devices.len(), answer.next_page_token);
    }
    let token = pages.finish(list.entries());
    list.end(&token)
}

async fn show<W: Write>(mut client: Client, device: DeviceArg, output: &mut Output<W>) -> Result<(), Error> {
    let request = GetDeviceRequest { device: Some(device.device) };
    let device = client.get_device(request).await?.into_inner().device.ok_or(Error::AnswerCut)?;
    output.one(&view::device(&device))
}

async fn timeline<W: Write>(
    mut client: Client,
    device: DeviceArg,
    list: &ListArgs,
    output: &mut Output<W>,
) -> Result<(), Error> {
    let mut pages = Pages::new(list);
    let mut list = output.list("events", view::TIMELINE)?;
    while let Some(page) = pages.next() {
        let request = GetTimelineRequest { device: Some(device.device.clone()), page: Some(page) };
        let answer = client.get_timeline(request).await?.into_inner();
        answer.events.iter().try_for_each(|event| list.entry(&view::event(event)))?;
        pages.took(answer.events.len(), answer.next_page_token);
    }
    let token = pages.finish(list.entries());
    list.end(&token)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by(text: &str) -> Option<By> {
        parse_reference(text).ok()?.by
    }

    #[test]
    fn a_device_is_named_by_id_by_serial_or_by_both_names() {
        let id = "00112233445566778899aabbccddeeff";
        assert_eq!(by(id), Some(By::Id(id.to_owned())));
        assert_eq!(by(&id.to_ascii_uppercase()), Some(By::Id(id.to_owned())));
        assert_eq!(by("A-1"), Some(named("", "A-1")));
        assert_eq!(by("acme/A/1"), Some(named("acme", "A/1")));
        assert_eq!(by(&format!("/{id}")), Some(named("", id)));
    }

    #[test]
    fn what_names_no_device_is_refused_before_any_call() {
        for text in ["", "acme/", "/", "ä"] {
            assert!(parse_reference(text).is_err(), "{text}");
        }
    }
}
