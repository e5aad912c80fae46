//! Tests of the configuration as a whole, the example file among them.

use std::collections::BTreeSet;

use super::*;

const EXAMPLE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/config.example.toml"));

const MINIMAL: &str = r#"
[owner]
[[owner.manufacturer]]
id = "example-maker"
anchors = ["manufacturers/example-maker-root.pem"]
masa_hosts = ["masa.example.com:9444"]
[maker]
id = "example-maker"
masa_url = "masa.example.com:9444"
[[maker.product]]
name = "sensor-one"
"#;

fn parse(text: &str) -> Result<Config, Vec<Problem>> {
    Config::parse(text, Path::new("/etc/gangway"))
}

fn problems_of(text: &str) -> Vec<String> {
    parse(text).unwrap_err().iter().map(ToString::to_string).collect()
}

/// The keys of the example, with the comment marks taken off those that have no default.
fn keys_of_example() -> BTreeSet<String> {
    let mut section = String::new();
    let mut keys = BTreeSet::new();
    for line in EXAMPLE.lines() {
        let bare = line.strip_prefix("# ").unwrap_or(line);
        if line.starts_with('[') {
            section = line.trim_matches(['[', ']']).to_owned();
            keys.insert(section.clone());
        } else if let Some((key, _)) = bare.split_once(" = ").filter(|(key, _)| !key.contains(' ')) {
            keys.insert(format!("{section}.{key}"));
        }
    }
    keys
}

#[test]
fn the_example_names_every_key_that_is_read_and_no_other() {
    let table = DeTable::parse(EXAMPLE).unwrap();
    let scope = Scope::new(EXAMPLE, Path::new("/etc/gangway"));
    read(Reader::root(&scope, table.get_ref()));
    assert_eq!(keys_of_example(), scope.keys_asked());
}

#[test]
fn the_example_shows_the_defaults() {
    assert_eq!(parse(EXAMPLE).unwrap(), parse(MINIMAL).unwrap());
}

#[test]
fn the_keys_that_the_example_comments_out_are_valid_too() {
    let mut text = String::new();
    for line in EXAMPLE.lines() {
        let bare = line.strip_prefix("# ").unwrap_or(line);
        let is_key = bare.split_once(" = ").is_some_and(|(key, _)| !key.contains(' '));
        text.push_str(if is_key { bare } else { line });
        text.push('\n');
    }
    let config = parse(&text).unwrap();
    assert_eq!(config.owner.unwrap().crl_url.as_deref(), Some("http://crl.example.com/crl/owner.crl"));
}

#[test]
fn all_problems_are_told_at_once_and_each_with_its_line() {
    let text = r#"
[limits]
body_bytes_max = 1
tls_version_min = "1.1"
[metrics]
listen = "nowhere"
[owner]
retry_after_seconds = 61
unknown_devices = "maybe"
colour = "blue"
[[owner.manufacturer]]
id = "has a space"
[maker]
masa_url = "http://masa.example"
"#;
    let problems = problems_of(text);
    let expected = [
        "line 3: limits.body_bytes_max",
        "line 4: limits.tls_version_min",
        "line 6: metrics.listen",
        "line 8: owner.retry_after_seconds",
        "line 9: owner.unknown_devices",
        "line 10: owner.colour",
        "line 12: owner.manufacturer[0].id",
        "line 14: maker.masa_url",
        "owner.manufacturer[0].anchors",
        "owner.manufacturer[0].masa_hosts",
        "maker.id",
    ];
    assert_eq!(problems.len(), expected.len(), "{problems:#?}");
    for (problem, start) in problems.iter().zip(expected) {
        assert!(problem.starts_with(start), "{problem} should start with {start}");
    }
}

#[test]
fn a_syntax_error_has_a_line() {
    assert!(problems_of("[owner]\nlisten = \n")[0].starts_with("line 2"));
}

#[test]
fn a_server_without_a_role_is_refused() {
    assert_eq!(problems_of("").len(), 1);
}

#[test]
fn two_listeners_on_one_port_are_refused_and_port_zero_never_clashes() {
    let clash = "[owner]\nlisten = '0.0.0.0:9464'\n";
    assert!(problems_of(clash)[0].contains("taken by [metrics]"));
    let free = "[owner]\nlisten = '127.0.0.1:0'\n[metrics]\nlisten = '127.0.0.1:0'\n";
    assert!(parse(free).is_ok());
}

#[test]
fn the_retry_after_of_a_waiting_pledge_never_exceeds_a_minute() {
    // RFC8995-5.6-retry-after
    assert!(parse("[owner]\nretry_after_seconds = 60\n").is_ok());
    assert!(parse("[owner]\nretry_after_seconds = 61\n").is_err());
}

#[test]
fn two_manufacturers_of_one_id_are_refused() {
    let one = "[[owner.manufacturer]]\nid = 'a'\nanchors = ['a.pem']\nmasa_hosts = ['masa.example']\n";
    let problems = problems_of(&format!("[owner]\n{one}{one}"));
    assert!(problems[0].contains("two manufacturers"), "{problems:?}");
}

/// An owner with one manufacturer, whose table ends in `lines`.
fn with_masa(lines: &str) -> Result<Config, Vec<Problem>> {
    parse(&format!("[owner]\n[[owner.manufacturer]]\nid = 'a'\nanchors = ['a.pem']\n{lines}"))
}

#[test]
fn where_a_masa_is_is_refused_by_the_rule_of_the_protocol() {
    for text in
        ["1.2.3", "https://m/../a", "https://m/a//b", "http://m/", "m:0", "u@m", "m/a", "https://m/?q"]
    {
        let problems = with_masa(&format!("masa_url = '{text}'\n")).unwrap_err();
        assert!(problems[0].key.ends_with("masa_url") && problems[0].line == Some(5), "{text}: {problems:?}");
        let problems = problems_of(&format!("[maker]\nid = 'a'\nmasa_url = '{text}'\n"));
        assert!(problems[0].starts_with("line 3: maker.masa_url"), "{text}: {problems:?}");
    }
    for text in ["1.2.3", "m:0", "https://m/", "m/a", ""] {
        let problems = with_masa(&format!("masa_hosts = ['{text}']\n")).unwrap_err();
        assert!(problems[0].key.ends_with("masa_hosts") && problems.len() == 1, "{text}: {problems:?}");
    }
}

#[test]
fn the_hosts_of_masas_are_compared_in_one_spelling() {
    let hosts = |text| with_masa(text).unwrap().owner.unwrap().manufacturers.remove(0).masa_hosts;
    assert_eq!(
        hosts("masa_hosts = ['MASA.Example', 'b.example:9444']"),
        ["masa.example:443", "b.example:9444"]
    );
    let private = "allow_private_addresses = true\n";
    assert_eq!(
        hosts(&format!("{private}masa_hosts = ['[0:0::1]', '127.0.0.1:1']")),
        ["[::1]:443", "127.0.0.1:1"]
    );
}

#[test]
fn an_address_stands_for_a_masa_only_where_private_addresses_do() {
    for line in ["masa_hosts = ['127.0.0.1']", "masa_url = 'https://[::1]/a'"] {
        let problems = with_masa(line).unwrap_err();
        assert!(
            problems[0].message.ends_with("the host is an IP address, which is not allowed here"),
            "{line}"
        );
        assert!(with_masa(&format!("{line}\nallow_private_addresses = true\n")).is_ok(), "{line}");
    }
}

#[test]
fn nothing_for_development_can_be_written_into_a_file() {
    for key in ["admin.reflection = true", "dev.enabled = true", "owner.insecure = true"] {
        let text = format!("[owner]\n[state]\n{key}\n");
        assert!(parse(&text).is_err(), "{key}");
    }
}

#[test]
fn a_name_that_would_not_fit_into_a_certificate_is_refused() {
    assert!(parse(&format!("[owner]\ndomain = '{}'\n", "d".repeat(48))).is_ok());
    for name in ["d".repeat(49), String::new(), " padded ".to_owned()] {
        assert!(problems_of(&format!("[owner]\ndomain = '{name}'\n"))[0].contains("owner.domain"), "{name}");
    }
}

#[test]
fn a_manufacturer_may_have_its_own_rules_and_the_owners_are_the_default() {
    let maker = "[[owner.manufacturer]]\nid = 'a'\nanchors = ['a.pem']\nmasa_hosts = ['masa.example']\n";
    let owner = "[owner]\naudit_log = 'require'\nreonboarding = 'refuse'\nrenewal_grace_seconds = 60\n";
    let config = parse(&format!("{owner}{maker}audit_log = 'ignore'\n")).unwrap().owner.unwrap();
    assert_eq!((config.audit_log, config.reonboarding), (AuditLog::Require, Reonboarding::Refuse));
    assert_eq!(config.renewal_grace, Duration::from_secs(60));
    let maker = &config.manufacturers[0];
    assert_eq!((maker.audit_log, maker.reonboarding), (Some(AuditLog::Ignore), None));
}

#[test]
fn a_known_domain_is_written_in_hex() {
    let config = parse("[owner]\nknown_domains = ['00ff']\n").unwrap().owner.unwrap();
    assert_eq!(config.known_domains, [proto::DomainId::new(&[0, 255]).unwrap()]);
    assert!(problems_of("[owner]\nknown_domains = ['AP8=']\n")[0].contains("owner.known_domains"));
    assert!(problems_of("[owner]\naudit_log = 'refuse'\n")[0].contains("ignore, warn, require"));
}
