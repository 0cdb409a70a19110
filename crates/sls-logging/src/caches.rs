//! Fields that will come again, kept encoded by each thread.

use std::time::Duration;

use sls_core::wire::EncodedFields;

use crate::encoder::RecordEncoder;
use crate::field::Field;
use crate::record::Facts;
use crate::site::Site;

/// How many call sites a thread remembers, a power of two; more of them share places.
const SITES: usize = 64;

/// What one thread keeps of the records it wrote: fields that will come again, those of a call
/// site and of the thread in one piece.
///
/// Bounded by [`SITES`] times the length of a path.
#[derive(Debug, Default)]
pub(crate) struct Caches {
    sites: Vec<Place>,
    thread: Place,
    /// Counts the forks that this thread has lived through.
    forks: u64,
}

#[derive(Debug, Default, Clone)]
struct Place {
    /// The encoder's id, and the call site if that matters.
    owner: (u64, Site),
    fields: EncodedFields,
}

impl Caches {
    /// Forgets what a fork changes, when there was one.
    pub(crate) fn after_forks(&mut self, forks: u64) {
        if self.forks != forks {
            self.forks = forks;
            self.sites.clear();
            self.thread.owner = (0, Site::default());
        }
    }

    #[inline]
    pub(crate) fn of_site_and_thread(
        &mut self,
        site: &Site,
        encoder: &RecordEncoder,
        facts: &Facts<'_>,
    ) -> &EncodedFields {
        if self.sites.is_empty() {
            self.sites.resize(SITES, Place::default());
        }
        let lists = [encoder.of_site.as_slice(), &encoder.of_thread];
        let index = (site.number() ^ encoder.id as usize) % SITES;
        self.sites[index].filled(site, encoder, &lists, facts)
    }

    pub(crate) fn of_thread(
        &mut self,
        encoder: &RecordEncoder,
        facts: &Facts<'_>,
    ) -> &EncodedFields {
        self.thread
            .filled(&Site::default(), encoder, &[&encoder.of_thread], facts)
    }
}

impl Place {
    #[inline]
    fn filled(
        &mut self,
        site: &Site,
        encoder: &RecordEncoder,
        lists: &[&[(Field, String)]],
        facts: &Facts<'_>,
    ) -> &EncodedFields {
        if self.owner.0 != encoder.id || self.owner.1 != *site {
            self.owner = (encoder.id, *site);
            self.fill(encoder, lists, facts);
        }
        &self.fields
    }

    #[cold]
    fn fill(&mut self, encoder: &RecordEncoder, lists: &[&[(Field, String)]], facts: &Facts<'_>) {
        self.fields.clear();
        for fields in lists {
            // These fields have nothing to do with the time.
            encoder.own_fields(fields, facts, Duration::ZERO, |key, value| {
                self.fields.push(key, value);
            });
        }
    }
}
