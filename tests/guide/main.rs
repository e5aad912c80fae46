//! The operator's guide, typed as it stands: each `$` line in one shell session, its output held against what is printed there.
//!
//! Does not: know what the commands do; the guide is the test.
//! Invariants: ports of production are exchanged for free ones, in commands and configuration alike; nothing else is changed.

mod session;
mod transcript;

use std::net::TcpListener;

use tests::repository;

use crate::session::Session;
use crate::transcript::Step;

/// The ports that `init` writes.
const PORTS: [&str; 4] = ["8443", "9443", "9444", "9464"];

#[test]
fn the_operators_guide_prints_what_it_says_it_prints() {
    let guide =
        std::fs::read_to_string(repository::root().join("docs/operator-guide.md")).expect("the guide");
    let ports = Ports::free();
    let steps: Vec<Step> = transcript::steps(&guide).into_iter().map(|step| ports.exchange(step)).collect();
    assert!(steps.len() >= 30, "the guide has lost its commands");
    let mut session = Session::begin();
    for step in &steps {
        let printed = session.run(&step.command);
        assert!(
            transcript::matches(&step.expected, &printed),
            "line {}: $ {}\nexpected:\n{}\n\nprinted:\n{printed}",
            step.line,
            step.command,
            step.expected.join("\n"),
        );
        if step.command.starts_with("onboarding-server init ") {
            ports.exchange_in(&session.file("gangway/gangway.toml"));
            ports.exchange_in_all(&session.file("gangway/state/admin/profiles"));
        }
    }
}

/// Which free port stands for which port of production.
struct Ports(Vec<(&'static str, String)>);

impl Ports {
    fn free() -> Self {
        // All are held until each is known, so that no two are the same.
        let held: Vec<_> =
            PORTS.map(|_| TcpListener::bind("127.0.0.1:0").expect("a free port")).into_iter().collect();
        let port = |held: &TcpListener| held.local_addr().expect("a bound port").port().to_string();
        Self(PORTS.into_iter().zip(held.iter().map(port)).collect())
    }

    fn exchanged(&self, text: &str) -> String {
        let exchange =
            |text: String, (from, to): &(&str, String)| text.replace(&format!(":{from}"), &format!(":{to}"));
        self.0.iter().fold(text.to_owned(), exchange)
    }

    fn exchange(&self, mut step: Step) -> Step {
        step.command = self.exchanged(&step.command);
        step.expected.iter_mut().for_each(|line| *line = self.exchanged(line));
        step
    }

    fn exchange_in(&self, file: &std::path::Path) {
        let text = std::fs::read_to_string(file).expect("a text of init's");
        std::fs::write(file, self.exchanged(&text)).expect("it can be changed");
    }

    fn exchange_in_all(&self, directory: &std::path::Path) {
        for entry in std::fs::read_dir(directory).expect("a directory of init's") {
            let path = entry.expect("an entry").path();
            if path.extension().is_some_and(|extension| extension == "toml") {
                self.exchange_in(&path);
            }
        }
    }
}
