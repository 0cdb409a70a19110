//! What was measured, as a table and as JSON.

use std::fmt;

use serde_json::{Value, json};

/// The two marks that a ratio is held against.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Marks {
    /// More is better.
    AtLeast { floor: f64, target: f64 },
    /// Less is better.
    AtMost { floor: f64, target: f64 },
}

/// One measured case of one goal.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) goal: u32,
    pub(crate) case: String,
    pub(crate) ratio: f64,
    pub(crate) marks: Marks,
}

impl Row {
    fn marks(&self) -> (f64, f64) {
        match self.marks {
            Marks::AtLeast { floor, target } | Marks::AtMost { floor, target } => (floor, target),
        }
    }

    fn holds(&self, mark: f64) -> bool {
        match self.marks {
            Marks::AtLeast { .. } => self.ratio >= mark,
            Marks::AtMost { .. } => self.ratio <= mark,
        }
    }

    fn to_json(&self) -> Value {
        let (floor, target) = self.marks();
        json!({
            "goal": self.goal,
            "case": self.case,
            "ratio": (self.ratio * 1000.0).round() / 1000.0,
            "floor": floor,
            "target": target,
            "floor_holds": self.holds(floor),
            "target_holds": self.holds(target),
        })
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (floor, target) = self.marks();
        let sign = match self.marks {
            Marks::AtLeast { .. } => ">=",
            Marks::AtMost { .. } => "<=",
        };
        let verdict = match (self.holds(floor), self.holds(target)) {
            (_, true) => "target",
            (true, false) => "floor",
            (false, false) => "MISSED",
        };
        write!(
            f,
            "| {:>4} | {:44} | {:>7.2} | {sign} {floor:<5} | {sign} {target:<5} | {verdict:6} |",
            self.goal, self.case, self.ratio
        )
    }
}

/// All rows; each is printed as soon as it is known.
#[derive(Debug, Default)]
pub(crate) struct Report {
    rows: Vec<Row>,
}

impl Report {
    pub(crate) fn start() -> Self {
        println!(
            "| goal | {:44} |   ratio | floor    | target   | holds  |",
            "case"
        );
        println!("|---:|{}|---:|---|---|---|", "-".repeat(46));
        Self::default()
    }

    pub(crate) fn add(&mut self, goal: u32, case: impl Into<String>, ratio: f64, marks: Marks) {
        let row = Row {
            goal,
            case: case.into(),
            ratio,
            marks,
        };
        println!("{row}");
        self.rows.push(row);
    }

    pub(crate) fn to_json(&self) -> String {
        let rows: Vec<Value> = self.rows.iter().map(Row::to_json).collect();
        format!("{:#}\n", Value::Array(rows))
    }

    /// The rows whose floor does not hold.
    pub(crate) fn missed(&self) -> usize {
        let missed = |row: &&Row| !row.holds(row.marks().0);
        self.rows.iter().filter(missed).count()
    }
}
