//! Rows in columns as wide as what is in them, up to a limit.

use std::fmt;

/// The widest a column gets, in characters; longer text is cut.
const WIDEST: usize = 48;

/// The first rows of a result.
#[derive(Default)]
pub(crate) struct Table {
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// How many rows there are.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Adds a row of names and texts; a name that is new becomes the last column.
    pub(crate) fn push(&mut self, row: impl IntoIterator<Item = (String, String)>) {
        let mut cells = vec![String::new(); self.columns.len()];
        for (name, text) in row {
            let known = self.columns.iter().position(|column| *column == name);
            let column = known.unwrap_or_else(|| {
                self.columns.push(name);
                cells.push(String::new());
                cells.len() - 1
            });
            cells[column] = text;
        }
        self.rows.push(cells);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            let widest = cells
                .chain([&self.columns[column]])
                .map(|text| text.chars().count());
            widest.max().unwrap_or(0).min(WIDEST)
        };
        let widths: Vec<usize> = (0..self.columns.len()).map(width).collect();
        let rules = widths.iter().map(|width| "-".repeat(*width)).collect();
        for row in [&self.columns, &rules].into_iter().chain(&self.rows) {
            let mut line = String::new();
            for (column, width) in widths.iter().enumerate() {
                let text = row.get(column).map_or("", String::as_str);
                line += &format!("{:width$}  ", cut(text));
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// The text without control characters, and cut to the widest column.
fn cut(text: &str) -> String {
    let shown = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    match text.chars().count() {
        0..=WIDEST => shown.collect(),
        _ => shown.take(WIDEST - 1).chain(['…']).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        let pairs = pairs.iter();
        pairs
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
            .collect()
    }

    #[test]
    fn rows_with_other_fields_share_the_columns() {
        let mut table = Table::default();
        table.push(row(&[("a", "1"), ("b", "22")]));
        table.push(row(&[("b", "3"), ("c", "4\n")]));
        assert_eq!(table.to_string(), "a  b   c\n-  --  --\n1  22\n   3   4\n");
    }

    #[test]
    fn long_text_is_cut() {
        let mut table = Table::default();
        table.push(row(&[("a", &"长".repeat(100))]));
        let shown = table.to_string();
        assert_eq!(shown.lines().last().unwrap().chars().count(), WIDEST);
    }
}
