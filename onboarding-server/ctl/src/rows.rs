//! The rows of an import: CSV with a header, or JSON lines; a bad row is reported and does not stop the others.
//! Source: RFC 4180 for CSV (quotes, doubled quotes); a quoted field here ends on its line.
//! Does not: read files, know the server.
//! Invariants: every line that is neither blank, comment nor header gives exactly one row, numbered by its line.

use std::collections::BTreeMap;

use clap::ValueEnum;
use proto::{Class, ManufacturerId, ProductName, Reason, ReasonCode, SerialNumber};
use proto_api::v1::{ExpectedDevice, Refusal};
use serde::Deserialize;

/// The most octets of a line; a row is four short fields.
pub const LINE_BYTES_MAX: usize = 16 * 1024;

/// How the rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RowFormat {
    /// A header `manufacturer,serial,product,labels`, then a line for each device
    Csv,
    /// A JSON object per line
    Jsonl,
}

/// A row that can be sent, or its number and why not.
pub type Row = Result<ExpectedDevice, (u64, RowFault)>;

/// What is wrong with a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowFault {
    #[error("the row is not of the form of its file")]
    Syntax,
    #[error("the line is longer than 16 KiB")]
    TooLong,
    #[error("the manufacturer is not a name: letters, digits, dots, hyphens, underscores")]
    Manufacturer,
    #[error("the serial number is not 1 to 64 printable ASCII characters")]
    SerialNumber,
    #[error("the product is not a name: letters, digits, dots, hyphens, underscores")]
    Product,
    #[error("labels are not NAME=VALUE separated by semicolons")]
    Labels,
}

impl Reason for RowFault {
    fn class(&self) -> Class {
        Class::Malformed
    }

    fn code(&self) -> ReasonCode {
        match self {
            Self::Syntax => ReasonCode::new("ctl-row-syntax"),
            Self::TooLong => ReasonCode::new("ctl-row-too-long"),
            Self::Manufacturer => ReasonCode::new("ctl-row-manufacturer"),
            Self::SerialNumber => ReasonCode::new("ctl-row-serial-number"),
            Self::Product => ReasonCode::new("ctl-row-product"),
            Self::Labels => ReasonCode::new("ctl-row-labels"),
        }
    }
}

impl RowFault {
    /// Says the fault in the words of the server's own refusals.
    pub fn refusal(self) -> Refusal {
        refusal(&self)
    }
}

/// Says what is wrong on this side as the server says its own refusals.
pub(crate) fn refusal(fault: &impl Reason) -> Refusal {
    let (reason_code, class) = (fault.code().to_string(), fault.class().name().to_owned());
    Refusal { reason_code, class, message: fault.to_string() }
}

/// Turns lines into rows.
#[derive(Debug)]
pub struct RowReader {
    format: RowFormat,
    columns: Vec<String>,
    line: u64,
}

/// The columns of a CSV file without a header.
const COLUMNS: [&str; 4] = ["manufacturer", "serial", "product", "labels"];

impl RowReader {
    /// Begins a file of this format.
    #[must_use]
    pub fn new(format: RowFormat) -> Self {
        Self { format, columns: COLUMNS.map(str::to_owned).to_vec(), line: 0 }
    }

    /// Reads the next line; `None` for a line that holds no row.
    pub fn read(&mut self, line: &str) -> Option<Row> {
        self.line += 1;
        let line = line.trim_start_matches('\u{feff}').trim();
        if line.is_empty() || line.starts_with('#') {
            return None;
        }
        if line.len() > LINE_BYTES_MAX {
            return Some(Err((self.line, RowFault::TooLong)));
        }
        // The reader puts this mark in the place of octets that are not UTF-8; a label must not come to hold it.
        if line.contains(char::REPLACEMENT_CHARACTER) {
            return Some(Err((self.line, RowFault::Syntax)));
        }
        let fields = match self.format {
            RowFormat::Jsonl => serde_json::from_str(line).map_err(|_| RowFault::Syntax),
            RowFormat::Csv => self.fields(line)?,
        };
        let row = self.line;
        Some(fields.and_then(|fields| fields.check(row)).map_err(|fault| (row, fault)))
    }

    /// Reads a CSV line; `None` for the header, which says what stands in which column.
    fn fields(&mut self, line: &str) -> Option<Result<Fields, RowFault>> {
        let Some(cells) = split(line) else { return Some(Err(RowFault::Syntax)) };
        if cells.iter().any(|cell| cell.trim() == "serial") {
            self.columns = cells.iter().map(|cell| cell.trim().to_owned()).collect();
            return None;
        }
        Some(self.assign(&cells))
    }

    fn assign(&self, cells: &[String]) -> Result<Fields, RowFault> {
        if cells.len() > self.columns.len() {
            return Err(RowFault::Syntax);
        }
        let mut fields = Fields::default();
        for (column, cell) in self.columns.iter().zip(cells) {
            let cell = cell.trim();
            match column.as_str() {
                "manufacturer" => fields.manufacturer = cell.to_owned(),
                "serial" => fields.serial = cell.to_owned(),
                "product" => fields.product = cell.to_owned(),
                "labels" => fields.labels = labels(cell).ok_or(RowFault::Labels)?,
                _ => return Err(RowFault::Syntax),
            }
        }
        Ok(fields)
    }
}

/// A row before its check, as JSON has it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    manufacturer: String,
    #[serde(alias = "serial_number")]
    serial: String,
    #[serde(default)]
    product: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

impl Fields {
    fn check(self, row: u64) -> Result<ExpectedDevice, RowFault> {
        self.manufacturer.parse::<ManufacturerId>().map_err(|_| RowFault::Manufacturer)?;
        self.serial.parse::<SerialNumber>().map_err(|_| RowFault::SerialNumber)?;
        if !self.product.is_empty() {
            self.product.parse::<ProductName>().map_err(|_| RowFault::Product)?;
        }
        Ok(ExpectedDevice {
            row,
            manufacturer: self.manufacturer,
            serial_number: self.serial,
            product: self.product,
            labels: self.labels,
        })
    }
}

/// Reads `site=hall 3;floor=2`.
pub(crate) fn labels(text: &str) -> Option<BTreeMap<String, String>> {
    text.split(';').filter(|pair| !pair.trim().is_empty()).map(label).collect()
}

/// Reads one `NAME=VALUE`.
pub(crate) fn label(text: &str) -> Option<(String, String)> {
    let (name, value) = text.split_once('=')?;
    let (name, value) = (name.trim(), value.trim());
    if name.is_empty() { None } else { Some((name.to_owned(), value.to_owned())) }
}

/// Splits a CSV line into its cells; `None` when a quote is not closed or something follows it.
pub(crate) fn split(line: &str) -> Option<Vec<String>> {
    let mut cells = Vec::new();
    let mut rest = line;
    loop {
        let (cell, tail) = match rest.strip_prefix('"') {
            Some(quoted) => quoted_cell(quoted)?,
            None => rest
                .split_once(',')
                .map_or((rest.to_owned(), None), |(cell, tail)| (cell.to_owned(), Some(tail))),
        };
        cells.push(cell);
        match tail {
            Some(tail) => rest = tail,
            None => return Some(cells),
        }
    }
}

/// Reads a cell after its opening quote, and what follows the comma after it.
fn quoted_cell(text: &str) -> Option<(String, Option<&str>)> {
    let mut cell = String::new();
    let mut rest = text;
    loop {
        let (head, tail) = rest.split_once('"')?;
        cell.push_str(head);
        if let Some(more) = tail.strip_prefix('"') {
            cell.push('"');
            rest = more;
        } else if tail.is_empty() {
            return Some((cell, None));
        } else {
            return Some((cell, Some(tail.strip_prefix(',')?)));
        }
    }
}

/// Tells the format from the file's name, else from its first line.
pub(crate) fn guess(name: &str, first_line: &str) -> RowFormat {
    let is_json = [".jsonl", ".ndjson", ".json"].iter().any(|end| name.ends_with(end));
    if is_json || first_line.trim_start().starts_with('{') { RowFormat::Jsonl } else { RowFormat::Csv }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(format: RowFormat, text: &str) -> Vec<Row> {
        let mut reader = RowReader::new(format);
        text.lines().filter_map(|line| reader.read(line)).collect()
    }

    #[test]
    fn a_csv_file_is_read_by_its_header() {
        let text = "\u{feff}serial,manufacturer,labels\n# comment\n\nA-1,acme,\"site=hall 3;say=\"\"x\"\"\"\nA-2,acme\n";
        let rows = rows(RowFormat::Csv, text);
        let first = rows[0].as_ref().unwrap();
        assert_eq!(
            (first.row, first.serial_number.as_str(), first.manufacturer.as_str()),
            (4, "A-1", "acme")
        );
        assert_eq!(first.labels["site"], "hall 3");
        assert_eq!(first.labels["say"], "\"x\"");
        assert_eq!(rows[1].as_ref().unwrap().row, 5);
    }

    #[test]
    fn a_csv_file_without_a_header_has_the_usual_columns() {
        let rows = rows(RowFormat::Csv, "acme,A-1,lamp,floor=2");
        let row = rows[0].as_ref().unwrap();
        assert_eq!((row.product.as_str(), row.labels["floor"].as_str()), ("lamp", "2"));
    }

    #[test]
    fn json_lines_are_read() {
        let text = "{\"manufacturer\":\"acme\",\"serial\":\"A-1\",\"labels\":{\"a\":\"b\"}}\n";
        assert_eq!(rows(RowFormat::Jsonl, text)[0].as_ref().unwrap().labels["a"], "b");
    }

    #[test]
    fn each_bad_row_has_its_number_and_its_fault_and_the_next_is_read() {
        let long = "x".repeat(LINE_BYTES_MAX + 1);
        let text = format!(
            "acme\nacme,\nac me,A-1\nacme,ä\nacme,A-1,la mp\nacme,A-1,lamp,site\nacme,\"A-1\nacme,\"A\"1\na,b,c,d=e,f\n{long}\nacme,A-1\n"
        );
        let faults: Vec<_> = rows(RowFormat::Csv, &text).into_iter().map(Result::err).collect();
        let expected = [
            Some((1, RowFault::SerialNumber)),
            Some((2, RowFault::SerialNumber)),
            Some((3, RowFault::Manufacturer)),
            Some((4, RowFault::SerialNumber)),
            Some((5, RowFault::Product)),
            Some((6, RowFault::Labels)),
            Some((7, RowFault::Syntax)),
            Some((8, RowFault::Syntax)),
            Some((9, RowFault::Syntax)),
            Some((10, RowFault::TooLong)),
            None,
        ];
        assert_eq!(faults, expected);
    }

    #[test]
    fn a_line_that_is_not_utf_8_is_refused_even_in_its_labels() {
        let line = String::from_utf8_lossy(b"acme,A-1,lamp,site=Z\xfcrich");
        assert_eq!(rows(RowFormat::Csv, &line), [Err((1, RowFault::Syntax))]);
    }

    #[test]
    fn bad_json_lines_are_reported() {
        for line in
            ["{", "[]", "{\"manufacturer\":\"acme\"}", "{\"manufacturer\":\"a\",\"serial\":\"1\",\"x\":1}"]
        {
            assert_eq!(rows(RowFormat::Jsonl, line), [Err((1, RowFault::Syntax))], "{line}");
        }
    }

    #[test]
    fn the_format_is_told_from_name_or_first_line() {
        assert_eq!(guess("a.jsonl", ""), RowFormat::Jsonl);
        assert_eq!(guess("-", " {\"a\":1}"), RowFormat::Jsonl);
        assert_eq!(guess("a.csv", "serial"), RowFormat::Csv);
    }

    #[test]
    fn labels_need_a_name() {
        assert_eq!(labels("=x"), None);
        assert_eq!(labels("").map(|labels| labels.len()), Some(0));
        assert_eq!(label("a=b=c"), Some(("a".into(), "b=c".into())));
    }
}
