//! Columns for people: a header, two spaces between, each column as wide as its widest cell.
//! Does not: wrap, cut or colour; a line of a table is a line for `grep` and `awk` too.

use crate::record::Record;

/// A column: its heading, and the dotted name of the value under it.
pub(crate) type Column = (&'static str, &'static str);

/// A table that is printed piece by piece; a later piece keeps the widths of the earlier ones where they suffice.
#[derive(Debug)]
pub(crate) struct Table {
    columns: &'static [Column],
    widths: Vec<usize>,
    rows: Vec<Vec<String>>,
    is_headed: bool,
}

impl Table {
    pub(crate) fn new(columns: &'static [Column]) -> Self {
        let widths = columns.iter().map(|(heading, _)| width(heading)).collect();
        Self { columns, widths, rows: Vec::new(), is_headed: false }
    }

    /// Makes a table whose rows are printed before the later ones are known: the columns begin as wide as such values
    /// usually are.
    pub(crate) fn for_stream(columns: &'static [Column]) -> Self {
        let widths = columns.iter().map(|(heading, path)| width(heading).max(usual_width(path))).collect();
        Self { widths, ..Self::new(columns) }
    }

    /// Appends the record's values under the columns.
    pub(crate) fn push(&mut self, record: &Record) {
        self.rows.push(self.columns.iter().map(|(_, path)| record.find(path).text()).collect());
    }

    /// Returns how many rows wait to be printed.
    pub(crate) fn waiting(&self) -> usize {
        self.rows.len()
    }

    /// Lays out the rows that wait, under the heading when it is the first time.
    pub(crate) fn lay_out(&mut self) -> String {
        for row in &self.rows {
            for (widest, cell) in self.widths.iter_mut().zip(row) {
                *widest = (*widest).max(width(cell));
            }
        }
        let mut text = String::new();
        if !self.is_headed {
            line(&mut text, &self.widths, self.columns.iter().map(|(heading, _)| *heading));
            self.is_headed = true;
        }
        for row in self.rows.drain(..) {
            line(&mut text, &self.widths, row.iter().map(String::as_str));
        }
        text
    }
}

/// Returns how wide the values of this name usually are, in characters.
fn usual_width(path: &str) -> usize {
    match path {
        "seq" => 6,
        "at" => 20,
        "device_id" => 32,
        "kind" => 20,
        "manufacturer" | "serial_number" | "device" => 14,
        "state" | "outcome" => 11,
        "actor.name" => 8,
        "refusal.reason_code" => 24,
        _ => 0,
    }
}

/// Lays out pairs as two columns without a heading, for a page about one thing.
pub(crate) fn lay_out_pairs(pairs: &[(String, String)]) -> String {
    let widths = [pairs.iter().map(|(name, _)| width(name)).max().unwrap_or(0)];
    let mut text = String::new();
    for (name, value) in pairs {
        line(&mut text, &widths, [name.as_str(), value.as_str()].into_iter());
    }
    text
}

/// Appends one line; nothing is padded after its last cell.
fn line<'a>(text: &mut String, widths: &[usize], cells: impl Iterator<Item = &'a str>) {
    let padded = cells.enumerate().map(|(i, cell)| {
        let missing = widths.get(i).map_or(0, |widest| widest.saturating_sub(width(cell)));
        format!("{cell}{}", " ".repeat(missing))
    });
    let joined = padded.collect::<Vec<_>>().join("  ");
    text.push_str(joined.trim_end());
    text.push('\n');
}

fn width(cell: &str) -> usize {
    cell.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: &[Column] = &[("SERIAL", "serial"), ("STATE", "state"), ("N", "n")];

    fn record(serial: &str, state: &str, n: u64) -> Record {
        Record::new().with("serial", serial).with("state", state).with("n", n)
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_and_nothing_trails() {
        let mut table = Table::new(COLUMNS);
        table.push(&record("A-1", "operational", 1));
        table.push(&record("Zürich-0002", "", 22));
        let expected =
            "SERIAL       STATE        N\nA-1          operational  1\nZürich-0002  -            22\n";
        assert_eq!(table.lay_out(), expected);
    }

    #[test]
    fn a_later_piece_has_no_second_heading_and_keeps_the_widths() {
        let mut table = Table::new(COLUMNS);
        table.push(&record("A-0001", "expected", 1));
        assert_eq!(table.waiting(), 1);
        table.lay_out();
        table.push(&record("B", "x", 2));
        assert_eq!(table.lay_out(), "B       x         2\n");
    }

    #[test]
    fn a_table_for_a_stream_does_not_jump_after_its_first_row() {
        const EVENTS: &[Column] = &[("SEQ", "seq"), ("EVENT", "kind"), ("BY", "by")];
        let mut table = Table::for_stream(EVENTS);
        let row = |seq: u64, kind: &str| Record::new().with("seq", seq).with("kind", kind).with("by", "x");
        table.push(&row(1, "a"));
        let first = table.lay_out();
        table.push(&row(12_345, "certificate-issued"));
        let place = |text: &str| text.lines().last().and_then(|line| line.find('x'));
        assert_eq!(place(&first), place(&table.lay_out()));
    }

    #[test]
    fn an_empty_table_is_its_heading() {
        assert_eq!(Table::new(COLUMNS).lay_out(), "SERIAL  STATE  N\n");
    }

    #[test]
    fn pairs_stand_in_two_columns() {
        let pairs = [("id".to_owned(), "x".to_owned()), ("serial".to_owned(), "y".to_owned())];
        assert_eq!(lay_out_pairs(&pairs), "id      x\nserial  y\n");
    }
}
