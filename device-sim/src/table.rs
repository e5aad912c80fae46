//! Columns of text for people.
//!
//! Does not: colour, wrap, or know what it prints.
//! Invariants: every line of a printed table is as wide as its widest row needs, without trailing spaces.

use std::fmt;

/// Two spaces part the columns.
const GAP: &str = "  ";

/// Rows of text under one head, printed with aligned columns.
#[derive(Clone, Debug)]
pub struct Table {
    head: Vec<Cell>,
    rows: Vec<Vec<String>>,
}

#[derive(Clone, Debug)]
struct Cell {
    text: &'static str,
    side: Side,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Left,
    Right,
}

impl Table {
    /// Makes an empty table. A column whose name begins with `>` is set flush right, as numbers want it.
    #[must_use]
    pub fn new(columns: &[&'static str]) -> Self {
        let head = columns
            .iter()
            .map(|name| match name.strip_prefix('>') {
                Some(text) => Cell { text, side: Side::Right },
                None => Cell { text: name, side: Side::Left },
            })
            .collect();
        Self { head, rows: Vec::new() }
    }

    /// Appends a row; cells that have no column are dropped.
    pub fn row<S: Into<String>>(&mut self, cells: impl IntoIterator<Item = S>) {
        self.rows.push(cells.into_iter().take(self.head.len()).map(Into::into).collect());
    }

    /// Tells whether no row was added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    fn widths(&self) -> Vec<usize> {
        let width = |index: usize, cell: &Cell| {
            let cells = self.rows.iter().filter_map(|row| row.get(index)).map(|text| text.chars().count());
            cells.chain([cell.text.chars().count()]).max().unwrap_or_default()
        };
        self.head.iter().enumerate().map(|(index, cell)| width(index, cell)).collect()
    }

    fn line<'a>(&self, widths: &[usize], cells: impl Iterator<Item = &'a str>) -> String {
        let padded = cells.zip(widths).zip(&self.head).map(|((text, width), cell)| match cell.side {
            Side::Left => format!("{text:<width$}"),
            Side::Right => format!("{text:>width$}"),
        });
        padded.collect::<Vec<_>>().join(GAP).trim_end().to_string()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths = self.widths();
        writeln!(f, "{}", self.line(&widths, self.head.iter().map(|cell| cell.text)))?;
        for row in &self.rows {
            writeln!(f, "{}", self.line(&widths, row.iter().map(String::as_str)))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_numbers_stand_right() {
        let mut table = Table::new(&["step", ">ms"]);
        table.row(["connect", "7"]);
        table.row(["request-voucher", "12345"]);
        assert_eq!(
            table.to_string(),
            "step                ms\nconnect              7\nrequest-voucher  12345\n"
        );
    }

    #[test]
    fn a_row_that_is_too_long_loses_its_tail() {
        let mut table = Table::new(&["a"]);
        assert!(table.is_empty());
        table.row(["x", "y"]);
        assert_eq!(table.to_string(), "a\nx\n");
    }
}
