//! Stories: numbered steps that a person would type, run as they are written, and what they print is looked at.

use std::path::Path;

use device_sim::misbehaviour::CASES;
use tests::units::CAME_ABOARD;
use tests::{program, repository};

/// What a story printed.
struct Story(String);

impl Story {
    /// Runs `tests/stories/NAME/run.sh` with the programs that were built beside this test.
    fn tell(name: &str) -> Self {
        let script = repository::root().join("tests/stories").join(name).join("run.sh");
        let server = program::ours("onboarding-server");
        let programs = server.parent().unwrap_or(Path::new("."));
        let arguments = [format!("GANGWAY_BIN={}", programs.display()), script.display().to_string()];
        Self(program::run("env", arguments).well().text())
    }

    /// Returns what was printed between the heading of step `number` and that of the next.
    fn step(&self, number: u32) -> Step<'_> {
        let heading = |number: u32| format!("\u{1b}[1m{number}. ");
        let (_, rest) =
            self.0.split_once(&heading(number)).unwrap_or_else(|| panic!("no step {number}\n{}", self.0));
        let (heading_and_text, _) = rest.split_once(&heading(number + 1)).unwrap_or((rest, ""));
        Step(heading_and_text)
    }
}

/// What one step printed, its heading first.
struct Step<'a>(&'a str);

impl Step<'_> {
    fn assert_line(&self, line: &str) {
        assert!(self.0.lines().any(|printed| printed == line), "{line:?} is not in\n{}", self.0);
    }

    /// Returns the words of each line that begins with `first`.
    fn rows(&self, first: &str) -> Vec<Vec<&str>> {
        let rows = self.0.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        rows.filter(|row| row.first() == Some(&first)).collect()
    }

    /// Returns the words of the only line that begins with `first`.
    fn row(&self, first: &str) -> Vec<&str> {
        let mut rows = self.rows(first);
        assert_eq!(rows.len(), 1, "{first} in\n{}", self.0);
        rows.remove(0)
    }

    /// Returns the third words of the lines that begin with a number and a time: the kinds of a timeline's events.
    fn kinds(&self) -> Vec<&str> {
        let rows = self.0.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        let is_event = |row: &Vec<&str>| row.first().is_some_and(|seq| seq.parse::<u64>().is_ok());
        rows.filter(|row| is_event(row) && row.len() > 3).map(|row| row[3]).collect()
    }
}

#[test]
fn the_demo_onboards_200_units_and_refuses_every_misbehaviour_for_its_own_reason() {
    let story = Story::tell("demo");
    let made = story.step(3);
    made.assert_line("200 units made");
    assert_eq!(made.row("demo-order")[4..7], ["open", "200", "200"]);
    story.step(4).assert_line("260 rows, 260 created, 0 unchanged, 0 refused");
    story.step(5).assert_line("DEMO-00000001 onboarded");
    let fleet = story.step(6);
    assert_eq!(fleet.row("onboarded"), ["onboarded", "199"]);
    assert!(fleet.rows("failed").is_empty(), "{}", fleet.0);

    let attacks = story.step(7);
    for case in CASES {
        assert_eq!(attacks.row(case.name).last(), Some(&"ok"), "{}", attacks.0);
    }
    let story_of_one = story.step(8);
    assert!(story_of_one.kinds().contains(&"audit-log-received"), "{}", story_of_one.0);
    assert_eq!(without_masa_log(&story_of_one), CAME_ABOARD);
    let journal = story.step(9);
    assert_eq!(journal.row("is_intact"), ["is_intact", "yes"]);
    assert!(journal.row("records")[1].parse::<u64>().is_ok_and(|records| records > 1600), "{}", journal.0);
    assert!(
        journal.0.contains("Try next:") && journal.0.contains("tests/stories/admin/run.sh"),
        "{}",
        journal.0
    );
}

#[test]
fn a_network_admin_approves_refuses_and_retires_and_is_told_why_each_device_is_where_it_is() {
    let story = Story::tell("admin");
    story.step(3).assert_line("2 rows, 2 created, 0 unchanged, 0 refused");
    let announced = story.step(4);
    announced.assert_line("UNIT-00000001 onboarded");
    assert!(announced.0.lines().any(|line| line.contains("UNIT-00000002") && line.contains("expected")));
    let waiting = story.step(5);
    assert!(waiting.0.contains("UNIT-00000003") && !waiting.0.contains("UNIT-00000001"), "{}", waiting.0);
    let approved = story.step(6);
    assert_eq!(approved.row("note")[1..], ["seen", "on", "site,", "ticket", "4711"]);
    approved.assert_line("UNIT-00000003 onboarded");
    story.step(7).assert_line("UNIT-00000004 not onboarded: policy-device-refused");

    let refused = story.step(8);
    assert_eq!(refused.row("state"), ["state", "refused"]);
    assert_eq!(refused.row("reason_code"), ["reason_code", "policy-device-refused"]);
    assert_eq!(refused.row("note")[1..], ["not", "ours,", "back", "to", "the", "sender"]);
    let retired = story.step(9);
    assert_eq!(retired.row("state"), ["state", "retired"]);
    assert_eq!(retired.row("revoked"), ["revoked", "1"]);
    story.step(10).assert_line("UNIT-00000001 not onboarded: policy-device-retired");
    let life = story.step(11);
    let kinds = without_masa_log(&life);
    assert_eq!(kinds[..8], CAME_ABOARD);
    assert_eq!(kinds[8..], ["device-retired", "voucher-refused"]);
}

/// The kinds of a timeline's events without the answer of the MASA's log, which has no fixed place among them.
fn without_masa_log<'a>(timeline: &'a Step<'_>) -> Vec<&'a str> {
    timeline.kinds().into_iter().filter(|kind| *kind != "audit-log-received").collect()
}
