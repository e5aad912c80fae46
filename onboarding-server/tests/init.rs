//! Tests of `init` and `check` on a directory of their own.
#![allow(clippy::unwrap_used, reason = "a test may fail by panic")]

mod common;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use onboarding_server::check::{Finding, Level, check};
use onboarding_server::clock::Clock;
use onboarding_server::init::{Error, FirstConfig, init};
use proto::LineId;
use server_config::Config;
use server_listen::load_chain;

use common::first_config;

fn config_in(directory: &Path) -> Config {
    Config::parse(&first_config().render(), directory).unwrap()
}

fn line() -> LineId {
    "line-1".parse().unwrap()
}

fn errors_of(config: &Config) -> Vec<Finding> {
    let findings = check(config, &Clock::system());
    findings.into_iter().filter(|finding| finding.level == Level::Error).collect()
}

#[test]
fn the_first_configuration_has_no_problem_in_any_combination_of_roles() {
    for (has_owner, has_maker) in [(true, true), (true, false), (false, true)] {
        let mut first = first_config();
        first.domain = first.domain.filter(|_| has_owner);
        first.maker = first.maker.filter(|_| has_maker);
        let config = Config::parse(&first.render(), Path::new("/x")).unwrap();
        assert_eq!((config.owner.is_some(), config.maker.is_some()), (has_owner, has_maker));
    }
}

#[test]
fn a_server_of_both_roles_may_ask_its_own_masa_and_makes_no_mud_url_up() {
    let production = FirstConfig { is_loopback: false, ..first_config() };
    let config = Config::parse(&production.render(), Path::new("/x")).unwrap();
    assert!(config.owner.unwrap().manufacturers[0].allow_private_addresses);
    assert_eq!(config.maker.unwrap().products[0].mud_url, None);
}

#[test]
fn what_init_makes_passes_check() {
    let directory = tempfile::tempdir().unwrap();
    let config = config_in(directory.path());
    let steps = init(&config, &line(), &Clock::system()).unwrap();
    assert!(steps.iter().all(|step| step.is_made));
    assert_eq!(errors_of(&config), []);
}

#[test]
fn a_second_init_keeps_everything() {
    let directory = tempfile::tempdir().unwrap();
    let config = config_in(directory.path());
    let made = init(&config, &line(), &Clock::system()).unwrap();
    let before = fs::read(&config.owner.as_ref().unwrap().registrar_certificate).unwrap();
    let kept = init(&config, &line(), &Clock::system()).unwrap();
    assert_eq!(kept.len(), made.len());
    assert!(kept.iter().all(|step| !step.is_made));
    assert_eq!(before, fs::read(&config.owner.as_ref().unwrap().registrar_certificate).unwrap());
}

#[test]
fn keys_are_for_their_owner_alone_and_check_refuses_them_otherwise() {
    let directory = tempfile::tempdir().unwrap();
    let config = config_in(directory.path());
    init(&config, &line(), &Clock::system()).unwrap();
    let key = &config.owner.as_ref().unwrap().registrar_key;
    assert_eq!(fs::metadata(key).unwrap().mode() & 0o777, 0o600);
    fs::set_permissions(key, fs::Permissions::from_mode(0o640)).unwrap();
    assert!(errors_of(&config).iter().any(|finding| finding.text.contains("mode 640")));
}

#[test]
fn the_root_keys_may_be_kept_elsewhere_after_init() {
    let directory = tempfile::tempdir().unwrap();
    let config = config_in(directory.path());
    init(&config, &line(), &Clock::system()).unwrap();
    fs::remove_file(&config.owner.as_ref().unwrap().root_key).unwrap();
    assert_eq!(errors_of(&config), []);
    init(&config, &line(), &Clock::system()).unwrap();
}

#[test]
fn a_certificate_that_was_moved_away_is_made_anew_by_the_same_ca() {
    let directory = tempfile::tempdir().unwrap();
    let config = config_in(directory.path());
    init(&config, &line(), &Clock::system()).unwrap();
    let owner = config.owner.as_ref().unwrap();
    fs::remove_file(&owner.registrar_certificate).unwrap();
    assert!(matches!(init(&config, &line(), &Clock::system()), Err(Error::HalfThere { .. })));
    fs::remove_file(&owner.registrar_key).unwrap();
    let steps = init(&config, &line(), &Clock::system()).unwrap();
    assert_eq!(steps.iter().filter(|step| step.is_made).count(), 1);
    assert_eq!(errors_of(&config), []);
}

#[test]
fn a_registrar_of_another_domain_does_not_pass_check() {
    let (ours, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (mut config, other) = (config_in(ours.path()), config_in(theirs.path()));
    init(&config, &line(), &Clock::system()).unwrap();
    init(&other, &line(), &Clock::system()).unwrap();
    let owner = config.owner.as_mut().unwrap();
    owner.registrar_certificate.clone_from(&other.owner.as_ref().unwrap().registrar_certificate);
    owner.registrar_key.clone_from(&other.owner.as_ref().unwrap().registrar_key);
    assert!(!errors_of(&config).is_empty());
}

#[test]
fn the_registrar_chain_has_no_root_and_the_usages_that_its_three_tasks_need() {
    // RFC8995-5.5.4-cmcra
    let directory = tempfile::tempdir().unwrap();
    let config = config_in(directory.path());
    init(&config, &line(), &Clock::system()).unwrap();
    let chain = load_chain(&config.owner.as_ref().unwrap().registrar_certificate).unwrap();
    assert_eq!(chain.len(), 2);
    assert!(chain.iter().all(|certificate| !certificate.is_self_issued()));
    for usage in [&pki::oid::CMC_RA, &pki::oid::SERVER_AUTH, &pki::oid::CLIENT_AUTH] {
        assert!(chain[0].has_extended_key_usage(usage));
    }
}
