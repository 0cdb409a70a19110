//! The field names a program mentions, numbered.

/// The number of a field name within one program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct FieldId(u32);

/// `__time__`, always the first name.
pub(crate) const TIME: FieldId = FieldId(0);
/// `__time_ns_part__`, always the second.
pub(crate) const TIME_NS_PART: FieldId = FieldId(1);

impl FieldId {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }

    /// Whether this is one of the two time fields, which only `extend` may change.
    pub(crate) fn is_time(self) -> bool {
        self == TIME || self == TIME_NS_PART
    }
}

/// The names of a program; finding one compares a few lengths and bytes, and hashes nothing.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    list: Vec<Box<str>>,
    /// Numbers ordered by length, then bytes.
    sorted: Vec<FieldId>,
}

impl Names {
    pub(crate) fn new() -> Self {
        let mut names = Self {
            list: Vec::new(),
            sorted: Vec::new(),
        };
        names.intern("__time__");
        names.intern("__time_ns_part__");
        names
    }

    /// The number of `name`, new or known.
    pub(crate) fn intern(&mut self, name: &str) -> FieldId {
        match self.search(name) {
            Ok(at) => self.sorted[at],
            Err(at) => {
                let id = FieldId(u32::try_from(self.list.len()).unwrap_or(u32::MAX));
                self.list.push(name.into());
                self.sorted.insert(at, id);
                id
            }
        }
    }

    pub(crate) fn find(&self, name: &str) -> Option<FieldId> {
        self.search(name).ok().map(|at| self.sorted[at])
    }

    pub(crate) fn name(&self, id: FieldId) -> &str {
        &self.list[id.index()]
    }

    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    /// The number at a place, for walking all of them.
    pub(crate) fn id(&self, index: usize) -> Option<FieldId> {
        let id = u32::try_from(index).ok()?;
        (index < self.list.len()).then_some(FieldId(id))
    }

    fn search(&self, name: &str) -> Result<usize, usize> {
        self.sorted.binary_search_by(|id| {
            let known = &*self.list[id.index()];
            known
                .len()
                .cmp(&name.len())
                .then_with(|| known.as_bytes().cmp(name.as_bytes()))
        })
    }
}
