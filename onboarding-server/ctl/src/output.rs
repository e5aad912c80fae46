//! The one place that writes to standard output: tables for people, JSON for machines.
//! Does not: write to standard error (see `main` and `progress`), know any message.
//! Invariants: with `json`, standard output holds exactly one document, or one document per line for a stream.

use std::io::{self, Write};

use clap::ValueEnum;
use serde::Serialize;

use crate::error::Error;
use crate::record::Record;
use crate::table::{Column, Table, lay_out_pairs};

/// How results are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Columns for people.
    Table,
    /// One JSON document, or one per line where results arrive as a stream.
    Json,
}

/// After how many rows a long table is printed while the rest is still fetched.
const PIECE_ROWS: usize = 1000;

/// Standard output, or in a test a buffer.
pub(crate) struct Output<W = io::StdoutLock<'static>> {
    format: Format,
    out: W,
}

impl Output {
    /// Locks standard output for the whole run.
    pub(crate) fn standard(format: Format) -> Self {
        Self { format, out: io::stdout().lock() }
    }
}

impl<W: Write> Output<W> {
    #[cfg(test)]
    pub(crate) fn to(format: Format, out: W) -> Self {
        Self { format, out }
    }

    /// Writes a page about one thing.
    ///
    /// # Errors
    /// [`Error::Output`], also when the reader has gone.
    pub(crate) fn one(&mut self, record: &Record) -> Result<(), Error> {
        match self.format {
            Format::Json => self.json_line(record),
            Format::Table => self.text(&lay_out_pairs(&record.lines())),
        }
    }

    /// Writes bytes as they are: a certificate, a completion script.
    ///
    /// # Errors
    /// [`Error::Output`].
    pub(crate) fn raw(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.out.write_all(bytes).and_then(|()| self.out.flush()).map_err(Error::Output)
    }

    /// Begins a list that ends: in JSON one document, `{"NAME":[…]}`.
    ///
    /// # Errors
    /// [`Error::Output`].
    pub(crate) fn list(
        &mut self,
        name: &'static str,
        columns: &'static [Column],
    ) -> Result<List<'_, W>, Error> {
        if self.format == Format::Json {
            self.text(&format!("{{\"{name}\":["))?;
        }
        Ok(List { output: self, table: Table::new(columns), entries: 0 })
    }

    /// Begins a list whose end nobody knows: in JSON one document per line, in a table each row at once.
    pub(crate) fn stream(&mut self, columns: &'static [Column]) -> Stream<'_, W> {
        Stream { output: self, table: Table::for_stream(columns) }
    }

    fn json_line(&mut self, value: &impl Serialize) -> Result<(), Error> {
        let mut line = serde_json::to_vec(value).map_err(|fault| Error::Output(fault.into()))?;
        line.push(b'\n');
        self.raw(&line)
    }

    fn text(&mut self, text: &str) -> Result<(), Error> {
        self.raw(text.as_bytes())
    }
}

/// A list under way.
pub(crate) struct List<'a, W> {
    output: &'a mut Output<W>,
    table: Table,
    entries: u64,
}

impl<W: Write> List<'_, W> {
    /// Appends an entry.
    ///
    /// # Errors
    /// [`Error::Output`].
    pub(crate) fn entry(&mut self, record: &Record) -> Result<(), Error> {
        self.entries += 1;
        if self.output.format == Format::Json {
            let comma = if self.entries == 1 { "\n" } else { ",\n" };
            let json = serde_json::to_string(record).map_err(|fault| Error::Output(fault.into()))?;
            return self.output.text(&format!("{comma}{json}"));
        }
        self.table.push(record);
        if self.table.waiting() >= PIECE_ROWS { self.output.text(&self.table.lay_out()) } else { Ok(()) }
    }

    /// Returns how many entries were appended.
    pub(crate) fn entries(&self) -> u64 {
        self.entries
    }

    /// Ends the list; `next_page_token` is empty when nothing was left out.
    ///
    /// # Errors
    /// [`Error::Output`].
    pub(crate) fn end(mut self, next_page_token: &str) -> Result<(), Error> {
        if self.output.format == Format::Table {
            return self.output.text(&self.table.lay_out());
        }
        let token = if next_page_token.is_empty() { None } else { Some(next_page_token) };
        let token = serde_json::to_string(&token).map_err(|fault| Error::Output(fault.into()))?;
        self.output.text(&format!("\n],\"next_page_token\":{token}}}\n"))
    }
}

/// A stream under way.
pub(crate) struct Stream<'a, W> {
    output: &'a mut Output<W>,
    table: Table,
}

impl<W: Write> Stream<'_, W> {
    /// Writes an entry at once.
    ///
    /// # Errors
    /// [`Error::Output`].
    pub(crate) fn entry(&mut self, record: &Record) -> Result<(), Error> {
        self.entries(std::slice::from_ref(record))
    }

    /// Writes entries that arrived together.
    ///
    /// # Errors
    /// [`Error::Output`].
    pub(crate) fn entries(&mut self, records: &[Record]) -> Result<(), Error> {
        if self.output.format == Format::Json {
            return records.iter().try_for_each(|record| self.output.json_line(record));
        }
        for record in records {
            self.table.push(record);
        }
        self.output.text(&self.table.lay_out())
    }

    /// Writes the closing record: in JSON the last line, in a table a sentence's worth of pairs.
    ///
    /// # Errors
    /// [`Error::Output`].
    pub(crate) fn summary(&mut self, record: &Record) -> Result<(), Error> {
        if self.output.format == Format::Json {
            return self.output.json_line(&Record::new().with("summary", Some(record.clone())));
        }
        let words = record.lines().into_iter().map(|(name, text)| format!("{text} {name}"));
        let sentence = words.collect::<Vec<_>>().join(", ");
        self.output.text(&format!("\n{sentence}\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: &[Column] = &[("ID", "id")];

    fn written(format: Format, write: impl FnOnce(&mut Output<&mut Vec<u8>>)) -> String {
        let mut bytes = Vec::new();
        write(&mut Output::to(format, &mut bytes));
        String::from_utf8(bytes).unwrap()
    }

    fn record(id: &str) -> Record {
        Record::new().with("id", id)
    }

    #[test]
    fn a_list_in_json_is_one_document_with_the_token_of_the_next_page() {
        let text = written(Format::Json, |output| {
            let mut list = output.list("devices", COLUMNS).unwrap();
            list.entry(&record("a")).unwrap();
            list.entry(&record("b")).unwrap();
            list.end("t\"").unwrap();
        });
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["devices"][1]["id"], "b");
        assert_eq!(json["next_page_token"], "t\"");
    }

    #[test]
    fn an_empty_list_in_json_is_still_a_document() {
        let text = written(Format::Json, |output| output.list("devices", COLUMNS).unwrap().end("").unwrap());
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["devices"].as_array().map(Vec::len), Some(0));
        assert!(json["next_page_token"].is_null());
    }

    #[test]
    fn a_stream_in_json_is_one_document_per_line() {
        let text = written(Format::Json, |output| {
            let mut stream = output.stream(COLUMNS);
            stream.entry(&record("a")).unwrap();
            stream.summary(&Record::new().with("rows", 1)).unwrap();
        });
        assert_eq!(text, "{\"id\":\"a\"}\n{\"summary\":{\"rows\":1}}\n");
    }

    #[test]
    fn a_stream_in_a_table_ends_in_a_sentence() {
        let text = written(Format::Table, |output| {
            let mut stream = output.stream(COLUMNS);
            stream.entry(&record("a")).unwrap();
            stream.summary(&Record::new().with("created", 1).with("refused", 0)).unwrap();
        });
        assert_eq!(text, "ID\na\n\n1 created, 0 refused\n");
    }
}
