//! What a child tells: `name=value` pairs.

/// Numbers with their names.
#[derive(Debug, Default)]
pub(crate) struct Told(Vec<(String, u64)>);

impl Told {
    pub(crate) fn parse(text: &str) -> Self {
        let pairs = text.split_whitespace().filter_map(|pair| {
            let (name, value) = pair.split_once('=')?;
            Some((name.to_owned(), value.parse().ok()?))
        });
        Self(pairs.collect())
    }

    pub(crate) fn get(&self, name: &str) -> Result<u64, String> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found
            .map(|(_, value)| *value)
            .ok_or_else(|| format!("the child did not tell {name}"))
    }
}
