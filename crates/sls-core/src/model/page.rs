use std::fmt;

/// A part of a list, and how long the whole list is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page<T> {
    /// What this part holds, in the service's order.
    pub items: Vec<T>,
    /// How many there are altogether, on this page or not.
    pub total: u64,
}

impl<T: fmt::Display> fmt::Display for Page<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.items.len(), self.total)?;
        for item in &self.items {
            write!(f, "\n  {item}")?;
        }
        Ok(())
    }
}
