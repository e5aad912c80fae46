//! `docs/lifecycle.md` says what the code does: its generated parts are compared, and rewritten with `UPDATE_DOCS=1`.

use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use server_lifecycle::{Event, State, access, certificate_status, next};

const BEGIN: &str = "<!-- generated from onboarding-server/lifecycle: begin -->\n";
const END: &str = "<!-- generated from onboarding-server/lifecycle: end -->\n";

#[test]
fn the_manual_shows_the_table_of_the_code() {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/lifecycle.md"));
    let written = fs::read_to_string(&path).expect("docs/lifecycle.md can be read");
    let (before, rest) = written.split_once(BEGIN).expect("the manual has a place for the table");
    let (_, after) = rest.split_once(END).expect("the place for the table ends");
    let wanted = format!("{before}{BEGIN}{}{END}{after}", generated());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &wanted).expect("docs/lifecycle.md can be written");
    } else {
        assert!(
            written == wanted,
            "docs/lifecycle.md is stale: UPDATE_DOCS=1 cargo test -p server-lifecycle --test manual"
        );
    }
}

fn generated() -> String {
    format!("\n{}\n{}\n{}\n", states(), diagram(), moves())
}

fn states() -> String {
    let mut text = String::from(
        "## States\n\n| State | It is true that | Access | Certificates of this generation |\n| --- | --- | --- | --- |\n",
    );
    for state in State::ALL {
        let (access, status) = (access(state), certificate_status(state));
        let _ = writeln!(text, "| `{state}` | {} | {access} | {status} |", state.meaning());
    }
    text
}

/// Draws each pair of states once, with all the events that lead from one to the other; retirement is drawn as the end.
fn diagram() -> String {
    let mut text = String::from("## Diagram\n\n```mermaid\nstateDiagram-v2\n");
    let _ = writeln!(text, "    [*] --> {}", State::FIRST);
    for from in State::ALL {
        for to in State::ALL {
            let events: Vec<&str> = Event::ALL
                .into_iter()
                .filter(|event| next(from, *event).is_ok_and(|transition| transition.next == to))
                .map(Event::name)
                .collect();
            if !events.is_empty() {
                let _ = writeln!(text, "    {from} --> {to}: {}", events.join(", "));
            }
        }
    }
    let _ = writeln!(text, "    {} --> [*]", State::Retired);
    text + "```\n"
}

fn moves() -> String {
    let mut text = String::from(
        "## Moves\n\nWhat is not in this table is illegal and changes nothing.\n\n| In state | on event | goes to | \
         generation | and owes |\n| --- | --- | --- | --- | --- |\n",
    );
    for state in State::ALL {
        for event in Event::ALL {
            let Ok(transition) = next(state, event) else { continue };
            let generation = if transition.begins_generation { "next" } else { "same" };
            let owed: Vec<String> = transition.effects.iter().map(|effect| format!("`{effect}`")).collect();
            let owed = if owed.is_empty() { "–".to_owned() } else { owed.join(", ") };
            let to = transition.next;
            let _ = writeln!(text, "| `{state}` | `{event}` | `{to}` | {generation} | {owed} |");
        }
    }
    text
}
