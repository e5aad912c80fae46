//! What a measurement has to say: named figures, for people as a table and for machines as JSON.
//!
//! Source: issue 2 §7.4, the schema of `target/bench.json`; `docs/benchmarks.md` explains each name.
//! Does not: measure.
//! Invariants: a value is a finite number; a name stands once in a report.

use std::path::Path;
use std::{fmt, fs, io};

use device_sim::table::Table;
use serde::Serialize;

/// The version of the schema, raised when a reader of the last one would misread this one.
pub const SCHEMA: u32 = 1;

/// Which way a figure should go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Better {
    /// Less is better.
    Lower,
    /// More is better.
    Higher,
}

/// One measured number.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figure {
    /// Its name, stable over releases: `brski.onboard.cpu_ms`.
    pub name: &'static str,
    /// The number, in `unit`.
    pub value: f64,
    /// The unit: `ms`, `1/s`, `ratio`.
    pub unit: &'static str,
    /// Which way it should go.
    pub better: Better,
    /// How it was measured, in one sentence.
    pub how: String,
}

/// All figures of one run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    schema: u32,
    commit: String,
    figures: Vec<Figure>,
}

impl Report {
    /// Begins a report about the sources of `commit`.
    #[must_use]
    pub fn new(commit: impl Into<String>) -> Self {
        Self { schema: SCHEMA, commit: commit.into(), figures: Vec::new() }
    }

    /// Adds a figure.
    ///
    /// # Panics
    /// Panics when its value is not finite, which JSON cannot say, or its name is there already.
    pub fn add(&mut self, figure: Figure) {
        assert!(figure.value.is_finite(), "{} is {}", figure.name, figure.value);
        assert!(self.figures.iter().all(|known| known.name != figure.name), "{} came twice", figure.name);
        self.figures.push(figure);
    }

    /// Returns the figures in the order in which they came.
    #[must_use]
    pub fn figures(&self) -> &[Figure] {
        &self.figures
    }

    /// Writes the report as JSON; directories that are missing are made.
    ///
    /// # Errors
    /// What the file system says.
    pub fn write(&self, file: &Path) -> io::Result<()> {
        if let Some(directory) = file.parent() {
            fs::create_dir_all(directory)?;
        }
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        fs::write(file, text)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new(&["figure", ">value", "unit", "better"]);
        for figure in &self.figures {
            let better = match figure.better {
                Better::Lower => "lower",
                Better::Higher => "higher",
            };
            let value = format!("{:.3}", figure.value);
            table.row([figure.name.to_owned(), value, figure.unit.to_owned(), better.to_owned()]);
        }
        write!(f, "{table}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(name: &'static str, value: f64) -> Figure {
        Figure { name, value, unit: "ms", better: Better::Lower, how: "by a clock".to_owned() }
    }

    #[test]
    fn the_file_has_the_promised_schema() {
        let mut report = Report::new("0123abcd");
        report.add(figure("brski.onboard.cpu_ms", 1.5));
        report.add(Figure {
            better: Better::Higher,
            unit: "1/s",
            ..figure("factory.issue.per_second", 2500.0)
        });
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("not/there/yet/bench.json");
        report.write(&file).unwrap();
        let written: serde_json::Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
        let promised = serde_json::json!({
            "schema": 1,
            "commit": "0123abcd",
            "figures": [
                { "name": "brski.onboard.cpu_ms", "value": 1.5, "unit": "ms", "better": "lower", "how": "by a clock" },
                { "name": "factory.issue.per_second", "value": 2500.0, "unit": "1/s", "better": "higher", "how": "by a clock" },
            ],
        });
        assert_eq!(written, promised);
    }

    #[test]
    fn the_table_shows_each_figure_with_its_unit() {
        let mut report = Report::new("0123abcd");
        report.add(figure("brski.onboard.cpu_ms", 1.23456));
        let text = report.to_string();
        assert!(text.contains("brski.onboard.cpu_ms  1.235  ms    lower"), "{text}");
    }

    #[test]
    #[should_panic(expected = "came twice")]
    fn a_name_stands_once() {
        let mut report = Report::new("0123abcd");
        report.add(figure("a", 1.0));
        report.add(figure("a", 2.0));
    }

    #[test]
    #[should_panic(expected = "a is NaN")]
    fn a_value_is_a_number() {
        Report::new("0123abcd").add(figure("a", f64::NAN));
    }
}
