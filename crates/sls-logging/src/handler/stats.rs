/// What a handler has done so far in this process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// What became of the records that were shipped.
    pub queue: telemetry_delivery::batch::Stats,
    /// Records that were not shipped because they were about shipping, or were made while another
    /// one was being encoded on the same thread.
    pub skipped: u64,
    /// Extra fields that were left out because they have the name of one of the handler's own.
    pub shadowed_fields: u64,
    /// Records for the file of dead letters that it did not take: it was full, or the disk was.
    /// They are among `queue.dead_lettered`, and are gone.
    pub dead_letters_unwritten: u64,
}
