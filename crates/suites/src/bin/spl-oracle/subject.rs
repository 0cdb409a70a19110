//! One expression and the rows it is evaluated over.

use crate::datum::{Datum, Kind};
use suites::random::Random;

/// How many rows are made of the edge cases of all arguments.
const EDGE_ROWS: usize = 120;
/// How many rows are made of random arguments.
const RANDOM_ROWS: usize = 16;

/// An expression over the columns `a0`, `a1`, .. and its rows.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    /// The group in the table.
    pub(crate) group: &'static str,
    /// The function, operator or cast it is about.
    pub(crate) name: String,
    /// As it is written in SPL.
    pub(crate) ours: String,
    /// As the engine spells it, where that is different.
    spelled: Option<String>,
    pub(crate) kinds: Vec<Kind>,
    pub(crate) rows: Vec<Vec<Datum>>,
}

/// What an argument may be.
#[derive(Debug, Clone)]
pub(crate) struct Domain {
    pub(crate) kind: Kind,
    /// Values that are likely to go wrong.
    pub(crate) edges: Vec<Datum>,
    /// Another value.
    pub(crate) random: fn(&mut Random) -> Datum,
}

impl Subject {
    /// As the engine gets it.
    ///
    /// JSON travels as text, so that the engine parses it where it is used.
    pub(crate) fn theirs(&self) -> String {
        let mut text = self.spelled.as_ref().unwrap_or(&self.ours).clone();
        for (at, kind) in self.kinds.iter().enumerate() {
            if *kind == Kind::Json {
                text = text.replace(&format!("a{at}"), &format!("json_parse(a{at})"));
            }
        }
        text
    }
}

/// Subjects of one group while they are collected.
#[derive(Debug)]
pub(crate) struct Group {
    name: &'static str,
    random: Random,
    pub(crate) subjects: Vec<Subject>,
}

impl Group {
    /// A group draws from a sequence of its own, so that adding to one changes no other.
    pub(crate) fn new(name: &'static str, seed: u64) -> Self {
        let own = name.bytes().fold(seed, |hash, byte| {
            hash.wrapping_mul(31).wrapping_add(u64::from(byte))
        });
        Self {
            name,
            random: Random::new(own),
            subjects: Vec::new(),
        }
    }

    /// Adds an expression over columns of these domains.
    pub(crate) fn add(
        &mut self,
        name: impl Into<String>,
        expression: impl Into<String>,
        domains: &[Domain],
    ) -> &mut Subject {
        let rows = rows(domains, &mut self.random);
        self.subjects.push(Subject {
            group: self.name,
            name: name.into(),
            ours: expression.into(),
            spelled: None,
            kinds: domains.iter().map(|domain| domain.kind.clone()).collect(),
            rows,
        });
        self.subjects.last_mut().expect("it was just added")
    }

    /// Adds the call `name(a0, a1, ..)`.
    pub(crate) fn call(&mut self, name: &str, domains: &[Domain]) -> &mut Subject {
        let args: Vec<_> = (0..domains.len()).map(|at| format!("a{at}")).collect();
        self.add(name, format!("{name}({})", args.join(", ")), domains)
    }
}

impl Subject {
    /// Gives the engine's spelling.
    pub(crate) fn spelled(&mut self, theirs: impl Into<String>) -> &mut Self {
        self.spelled = Some(theirs.into());
        self
    }

    /// Adds rows that were thought of for this expression.
    pub(crate) fn with<const N: usize>(&mut self, rows: impl IntoIterator<Item = [Datum; N]>) {
        self.rows.extend(rows.into_iter().map(Vec::from));
    }
}

/// All combinations of the edge cases when they are few, else enough for each value to be
/// seen beside several others; then a null in each place, then random values.
fn rows(domains: &[Domain], random: &mut Random) -> Vec<Vec<Datum>> {
    if domains.is_empty() {
        return vec![Vec::new()];
    }
    let mut rows = edges(domains, random);
    for at in 0..domains.len() {
        let mut row = any_edges(domains, random);
        row[at] = Datum::Null;
        rows.push(row);
    }
    for _ in 0..RANDOM_ROWS {
        let row = domains.iter().map(|domain| (domain.random)(random));
        rows.push(row.collect());
    }
    rows
}

fn edges(domains: &[Domain], random: &mut Random) -> Vec<Vec<Datum>> {
    let product: usize = domains.iter().map(|domain| domain.edges.len()).product();
    if product <= EDGE_ROWS || domains.len() == 1 {
        let mut rows = vec![Vec::new()];
        for domain in domains {
            let longer = |row: &Vec<Datum>| {
                let row = row.clone();
                domain.edges.iter().map(move |edge| {
                    let mut row = row.clone();
                    row.push(edge.clone());
                    row
                })
            };
            rows = rows.iter().flat_map(longer).collect();
        }
        return rows;
    }
    let mut rows = Vec::new();
    let values: usize = domains.iter().map(|domain| domain.edges.len()).sum();
    for _ in 0..EDGE_ROWS.div_ceil(values) {
        for (at, domain) in domains.iter().enumerate() {
            for edge in &domain.edges {
                let mut row = any_edges(domains, random);
                row[at] = edge.clone();
                rows.push(row);
            }
        }
    }
    rows
}

fn any_edges(domains: &[Domain], random: &mut Random) -> Vec<Datum> {
    let edge = |domain: &Domain| random.pick(&domain.edges).clone();
    domains.iter().map(edge).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(count: i64) -> Domain {
        Domain {
            kind: Kind::Bigint,
            edges: (0..count).map(Datum::from).collect(),
            random: |random| Datum::from(random.between(0, 9)),
        }
    }

    #[test]
    fn few_edges_are_combined_and_every_place_is_null_once() {
        let rows = rows(&[numbers(2), numbers(3)], &mut Random::new(1));
        assert_eq!(rows.len(), 2 * 3 + 2 + RANDOM_ROWS);
        assert_eq!(rows[6][0], Datum::Null);
        assert_eq!(rows[7][1], Datum::Null);
    }

    #[test]
    fn many_edges_are_each_seen() {
        let rows = rows(&[numbers(200), numbers(50)], &mut Random::new(1));
        assert!((0..200).all(|n| rows.iter().any(|row| row[0] == Datum::from(n))));
        assert!((0..50).all(|n| rows.iter().any(|row| row[1] == Datum::from(n))));
    }

    #[test]
    fn the_same_seed_gives_the_same_rows() {
        let made = |seed| {
            let mut group = Group::new("group", seed);
            group.call("f", &[numbers(200), numbers(50)]).rows.clone()
        };
        assert_eq!(made(1), made(1));
        assert_ne!(made(1), made(2));
    }
}
