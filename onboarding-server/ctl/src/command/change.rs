//! A person's decisions about devices: one verb, one or more devices, one reason.
//! Does not: retry; a failed device does not keep the others from their turn.

use std::io::{self, BufRead, IsTerminal, Write};

use clap::{Args, Subcommand};
use proto_api::v1::device_service_client::DeviceServiceClient;
use proto_api::v1::{
    ApproveDeviceRequest, Device, DeviceChange, DeviceReference, QuarantineDeviceRequest,
    RefuseDeviceRequest, ReleaseDeviceRequest, ReopenDeviceRequest, ResumeDeviceRequest, RetireDeviceRequest,
    SuspendDeviceRequest,
};
use tonic::transport::Channel;

use super::devices::parse_reference;
use crate::error::Error;
use crate::output::Output;
use crate::progress::note;
use crate::view;

/// Which devices, and why.
#[derive(Args, Debug)]
pub(crate) struct ChangeArgs {
    /// MANUFACTURER/SERIAL, a serial number alone where it is unique, or a device id; one or more
    #[arg(value_name = "DEVICE", required = true, value_parser = parse_reference)]
    devices: Vec<DeviceReference>,
    /// Why; goes to the device's timeline
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    reason: String,
    /// Only if the device's record is still of this version, as `show` gave it
    #[arg(long, value_name = "N")]
    expected_version: Option<u64>,
}

/// The decisions that can be undone.
#[derive(Debug, Subcommand)]
pub(crate) enum DecideCommand {
    /// Say yes to devices that wait for a person
    #[command(after_help = "Example: gangway devices approve acme/A-000123 --reason 'seen on site'")]
    Approve(ChangeArgs),
    /// Say no to devices that have not come aboard
    #[command(after_help = "Example: gangway devices refuse acme/A-000123 --reason 'not ours'")]
    Refuse(ChangeArgs),
    /// Let refused devices ask again
    #[command(after_help = "Example: gangway devices reopen acme/A-000123 --reason 'bought after all'")]
    Reopen(ChangeArgs),
    /// Reduce devices' access to what safety and remediation need
    #[command(after_help = "Example: gangway devices quarantine acme/A-000123 --reason 'scans the network'")]
    Quarantine(ChangeArgs),
    /// End a quarantine
    #[command(after_help = "Example: gangway devices release acme/A-000123 --reason 'updated'")]
    Release(ChangeArgs),
    /// Put devices' certificates on hold; can be undone
    #[command(after_help = "Example: gangway devices suspend acme/A-000123 --reason 'missing from hall 3'")]
    Suspend(ChangeArgs),
    /// End a suspension
    #[command(after_help = "Example: gangway devices resume acme/A-000123 --reason 'found'")]
    Resume(ChangeArgs),
}

impl DecideCommand {
    /// Returns what is decided, and about which devices.
    pub(crate) fn into_parts(self) -> (Verb, ChangeArgs) {
        match self {
            Self::Approve(args) => (Verb::Approve, args),
            Self::Refuse(args) => (Verb::Refuse, args),
            Self::Reopen(args) => (Verb::Reopen, args),
            Self::Quarantine(args) => (Verb::Quarantine, args),
            Self::Release(args) => (Verb::Release, args),
            Self::Suspend(args) => (Verb::Suspend, args),
            Self::Resume(args) => (Verb::Resume, args),
        }
    }
}

/// Which devices end, and why.
#[derive(Args, Debug)]
pub(crate) struct RetireArgs {
    #[command(flatten)]
    change: ChangeArgs,
    /// Do not ask; needed where nobody can be asked
    #[arg(long)]
    yes: bool,
}

/// What a person may decide.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Verb {
    Approve,
    Refuse,
    Reopen,
    Quarantine,
    Release,
    Suspend,
    Resume,
    Retire,
}

type Client = DeviceServiceClient<Channel>;

/// Decides, device by device, and shows each as it then stands.
///
/// # Errors
/// [`Error::VersionForMany`]; the call's own when there is one device; [`Error::SomeRefused`].
pub(crate) async fn change<W: Write>(
    mut client: Client,
    verb: Verb,
    args: ChangeArgs,
    output: &mut Output<W>,
) -> Result<(), Error> {
    if args.expected_version.is_some() && args.devices.len() > 1 {
        return Err(Error::VersionForMany);
    }
    let change = |device| DeviceChange {
        device: Some(device),
        expected_version: args.expected_version,
        reason: args.reason.clone(),
    };
    if let [device] = args.devices.as_slice() {
        let device = call(&mut client, verb, change(device.clone())).await?;
        return output.one(&view::device(&device));
    }
    let all = u64::try_from(args.devices.len()).unwrap_or(u64::MAX);
    let mut list = output.list("devices", view::DEVICES)?;
    for device in args.devices {
        match call(&mut client, verb, change(device)).await {
            Ok(device) => list.entry(&view::device(&device))?,
            Err(refusal) => note(refusal.explanation().trim_end()),
        }
    }
    let refused = all - list.entries();
    list.end("")?;
    if refused == 0 { Ok(()) } else { Err(Error::SomeRefused { refused, all }) }
}

/// Retires, once a person has said so twice.
///
/// # Errors
/// [`Error::NotConfirmed`]; else as [`change`].
pub(crate) async fn retire<W: Write>(
    client: Client,
    args: RetireArgs,
    output: &mut Output<W>,
) -> Result<(), Error> {
    if !args.yes && !is_confirmed(args.change.devices.len())? {
        return Err(Error::NotConfirmed);
    }
    change(client, Verb::Retire, args.change, output).await
}

fn is_confirmed(devices: usize) -> Result<bool, Error> {
    if !io::stdin().is_terminal() {
        return Ok(false);
    }
    note(&format!("Retire {devices} device(s)? Their credentials are revoked for ever. Type yes:"));
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).map_err(Error::Input)?;
    Ok(answer.trim() == "yes")
}

async fn call(client: &mut Client, verb: Verb, change: DeviceChange) -> Result<Device, Error> {
    let change = Some(change);
    let device = match verb {
        Verb::Approve => client.approve_device(ApproveDeviceRequest { change }).await?.into_inner().device,
        Verb::Refuse => client.refuse_device(RefuseDeviceRequest { change }).await?.into_inner().device,
        Verb::Reopen => client.reopen_device(ReopenDeviceRequest { change }).await?.into_inner().device,
        Verb::Quarantine => {
            client.quarantine_device(QuarantineDeviceRequest { change }).await?.into_inner().device
        }
        Verb::Release => client.release_device(ReleaseDeviceRequest { change }).await?.into_inner().device,
        Verb::Suspend => client.suspend_device(SuspendDeviceRequest { change }).await?.into_inner().device,
        Verb::Resume => client.resume_device(ResumeDeviceRequest { change }).await?.into_inner().device,
        Verb::Retire => client.retire_device(RetireDeviceRequest { change }).await?.into_inner().device,
    };
    device.ok_or(Error::AnswerCut)
}
