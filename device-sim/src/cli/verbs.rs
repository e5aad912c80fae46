//! What each verb does.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use pki::Certificate;
use pki::path::Anchors;
use serde::Serialize;
use serde_json::json;

use super::{options, say};
use crate::acknowledged::Acknowledgements;
use crate::factory::{Order, Station};
use crate::fleet::{self, FleetParams};
use crate::maker::Maker;
use crate::misbehaviour::{self, Arena, CASES, Case, Trial, Verdict};
use crate::pledge::{self, Onboarding, Params};
use crate::random::Randomness;
use crate::table::Table;
use crate::unit::{FleetFile, Unit, load_fleet, to_pem, write_new};
use crate::{Error, clock};

/// Makes units.
pub(super) async fn make(options: options::Make) -> Result<bool, Error> {
    let order = Order {
        id: options.order.clone(),
        manufacturer: options.manufacturer.clone(),
        product: options.product.clone(),
        line: options.line.clone(),
        serial_prefix: options.serial_prefix.clone(),
        first: options.first,
        count: options.count,
    };
    let mut file = options.out.as_deref().map(FleetFile::append).transpose()?;
    let bar = bar(options.count);
    let keep = |unit: Unit| -> Result<(), Error> {
        if let Some(file) = &mut file {
            file.add(&unit)?;
        }
        if let Some(directory) = &options.out_dir {
            unit.save(&directory.join(unit.serial_number().as_str()))?;
        }
        bar.inc(1);
        Ok(())
    };
    // A profile may be set for the whole session, by the environment; who names a maker's directory asks no server.
    match options.maker.as_deref() {
        Some(directory) => make_alone(directory, &order, &options, keep)?,
        None => make_at_server(&order, &options, keep).await?,
    }
    if let Some(file) = file {
        file.finish()?;
    }
    bar.finish_and_clear();
    say(&format!("{} units made", options.count))?;
    Ok(true)
}

async fn make_at_server(
    order: &Order,
    options: &options::Make,
    keep: impl FnMut(Unit) -> Result<(), Error>,
) -> Result<(), Error> {
    let api = &options.access.open()?.ok_or(Error::ApiIncomplete)?;
    let anchors = options.anchors.as_deref().ok_or(Error::AnchorsMissing)?;
    let pem = fs::read_to_string(anchors).map_err(Error::File)?;
    let anchors = Anchors::new(Certificate::parse_pem_chain(&pem)?);
    let acknowledgements = acknowledgements(options.acknowledged.as_deref())?;
    let station = Station {
        api,
        anchors: &anchors,
        outage_seconds_max: options.retry_seconds,
        acknowledgements: &acknowledgements,
    };
    station.open_order(order).await?;
    station.make(order, keep).await
}

fn acknowledgements(file: Option<&Path>) -> Result<Acknowledgements, Error> {
    file.map_or_else(|| Ok(Acknowledgements::none()), Acknowledgements::append)
}

fn make_alone(
    directory: &Path,
    order: &Order,
    options: &options::Make,
    mut keep: impl FnMut(Unit) -> Result<(), Error>,
) -> Result<(), Error> {
    let now = clock::now();
    let maker = if Maker::is_kept_in(directory) {
        Maker::load(directory)?
    } else {
        let maker = Maker::create("Simulated Works", now)?;
        maker.save(directory)?;
        maker
    };
    (0..order.count).try_for_each(|index| {
        keep(maker.make(&order.serial_number(index)?, options.masa_url.as_deref(), now)?)
    })
}

/// Onboards one unit.
pub(super) async fn onboard(options: options::Onboard) -> Result<bool, Error> {
    let unit = match (&options.unit, &options.fleet) {
        (Some(directory), _) => Unit::load(directory)?,
        (None, Some(file)) => {
            let fleet = load_fleet(file, options.index.saturating_add(1))?;
            fleet.into_iter().nth(options.index).ok_or(Error::TooFewUnits)?.open()?
        }
        (None, None) => return Err(Error::TooFewUnits),
    };
    let params = Params {
        endpoint: &options.registrar.registrar,
        patience: options.registrar.patience(),
        reenrollment: options.reenroll.into(),
        acknowledgements: &Acknowledgements::none(),
    };
    let Onboarding { transcript, outcome } = pledge::onboard(&unit, params, &mut Randomness::System).await;
    let failure = outcome.as_ref().err().map(Error::reason);
    if options.json {
        let report = json!({
            "schema": 1,
            "serial_number": unit.serial_number(),
            "onboarded": failure.is_none(),
            "failed_with": failure,
            "steps": transcript.entries(),
        });
        say_json(&report)?;
    } else {
        let verdict = match &failure {
            None => "onboarded".to_string(),
            Some(reason) => format!("not onboarded: {reason}"),
        };
        say(&format!("{}\n{} {verdict}", transcript.table(), unit.serial_number()))?;
    }
    if let (Ok(enrolled), Some(directory)) = (&outcome, &options.out) {
        fs::create_dir_all(directory).map_err(Error::File)?;
        let ldevid = &enrolled.ldevid;
        write_new(&directory.join("ldevid.pem"), &to_pem(&ldevid.chain))?;
        write_new(&directory.join("ldevid-key.pem"), ldevid.signer.to_pkcs8_pem()?.expose())?;
        write_new(&directory.join("domain.pem"), &to_pem(enrolled.anchors.certificates()))?;
    }
    Ok(failure.is_none())
}

/// Onboards many.
pub(super) async fn fleet(options: options::Fleet) -> Result<bool, Error> {
    let units = load_fleet(&options.fleet, options.devices.unwrap_or(usize::MAX))?;
    if units.is_empty() || options.devices.is_some_and(|devices| units.len() < devices) {
        return Err(Error::TooFewUnits);
    }
    let acknowledgements = acknowledgements(options.acknowledged.as_deref())?;
    let params = FleetParams {
        endpoint: options.registrar.registrar.clone(),
        patience: options.registrar.patience(),
        concurrency: options.concurrency,
        seed: options.seed,
        misbehaving_percent: options.misbehave,
        reenrollment: options.reenroll.into(),
        acknowledgements,
    };
    let bar = bar(u64::try_from(units.len()).unwrap_or(u64::MAX));
    let observed = bar.clone();
    let observer = Arc::new(move |outcome: &str| {
        if outcome != "onboarded" {
            observed.set_message(outcome.to_string());
        }
        observed.inc(1);
    });
    let report = fleet::run(units, params, observer).await?;
    bar.finish_and_clear();
    if options.json {
        say_json(&report)?;
    } else {
        say(&report.to_string())?;
    }
    Ok(report.is_good())
}

/// Misbehaves.
pub(super) async fn attack(options: options::Attack) -> Result<bool, Error> {
    let units = load_fleet(&options.fleet, usize::MAX)?.into_iter().skip(options.skip).collect();
    let maker = options.maker.as_deref().map(Maker::load).transpose()?;
    let endpoint = options.registrar.registrar.clone();
    let mut arena = Arena::new(endpoint, options.registrar.patience(), units)
        .with_maker(maker)
        .with_operator(options.access.open()?);
    let cases: Vec<&Case> = if options.all { CASES.iter().collect() } else { options.name.clone() };
    let bar = bar(u64::try_from(cases.len()).unwrap_or(u64::MAX));
    let mut trials = Vec::new();
    for case in cases {
        bar.set_message(case.name);
        trials.push(misbehaviour::attack(case, &mut arena).await);
        bar.inc(1);
    }
    bar.finish_and_clear();
    if options.json {
        say_json(&json!({ "schema": 1, "trials": trials }))?;
    } else {
        say(&misbehaviour::table(&trials).to_string())?;
    }
    Ok(trials.iter().all(|trial| is_good(trial, options.allow_skipped)))
}

fn is_good(trial: &Trial, allow_skipped: bool) -> bool {
    match trial.verdict {
        Verdict::AsExpected => true,
        Verdict::Skipped => allow_skipped,
        Verdict::OtherReason | Verdict::NotRefused | Verdict::Broken => false,
    }
}

/// Lists the catalogue.
pub(super) fn list_attacks(options: &options::ListAttacks) -> Result<bool, Error> {
    if options.json {
        let entry = |case: &Case| json!({ "name": case.name, "expected": case.expected.to_string(), "description": case.description });
        say_json(&CASES.iter().map(entry).collect::<Vec<_>>())?;
    } else {
        let mut table = Table::new(&["misbehaviour", "expected", "description"]);
        for case in &CASES {
            table.row([case.name.to_string(), case.expected.to_string(), case.description.to_string()]);
        }
        say(&table.to_string())?;
    }
    Ok(true)
}

fn say_json(value: &impl Serialize) -> Result<(), Error> {
    let text = serde_json::to_string_pretty(value).map_err(|error| Error::File(error.into()))?;
    say(&text)
}

/// A progress bar on standard error, when that is a terminal.
fn bar(length: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr());
    let style = "{bar:40} {pos}/{len} {per_sec} {eta} {msg}";
    bar.set_style(ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}
