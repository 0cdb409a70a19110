//! Hands out what lies on disk, oldest first, and writes down what is done.

use std::io;

use super::acks;
use super::disk::DiskFile;
use super::format::{SEGMENT_HEAD, SegmentHead, read_segment_head, write_ack};
use super::name::SegmentName;
use super::ranges::Stretch;
use super::scan::{Scanner, Source, Step};
use super::{Damage, DamageKind, Entry, EntryId, Spool, SpoolError};

/// A segment that is open for reading.
#[derive(Debug)]
pub(super) struct Reader {
    segment: SegmentName,
    file: Box<dyn DiskFile>,
    scanner: Scanner,
}

impl Reader {
    pub(super) fn segment(&self) -> SegmentName {
        self.segment
    }
}

/// The part of a file that is known to be written.
struct Written<'a> {
    file: &'a mut dyn DiskFile,
    bytes: u64,
}

impl Source for Written<'_> {
    fn len(&self) -> u64 {
        self.bytes
    }

    fn read_at(&mut self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let rest = self.bytes.saturating_sub(offset);
        let bytes = usize::try_from(rest).map_or(into.len(), |rest| rest.min(into.len()));
        self.file.read_at(offset, &mut into[..bytes])
    }
}

impl Spool {
    /// The oldest entry that nobody has in memory, or the damage before it; nothing when there is
    /// none at the moment.
    ///
    /// These are left-overs of earlier processes and entries that were
    /// [released](Self::release). One entry is in memory at a time, and never a whole segment.
    pub fn next_pending(&mut self) -> Option<Result<Entry, Damage>> {
        if !self.is_owner() {
            return None;
        }
        loop {
            let next = match self.notices.pop_front() {
                Some(damage) => Err(damage),
                None => {
                    let name = self.first_waiting()?;
                    match self.read(name) {
                        Ok(Some(entry)) => Ok(entry),
                        Ok(None) => continue,
                        Err(damage) => Err(damage),
                    }
                }
            };
            if let Err(damage) = &next {
                self.stats.count(damage);
            }
            return Some(next);
        }
    }

    /// Whether [`next_pending`](Self::next_pending) may have something.
    #[must_use]
    pub fn has_pending(&self) -> bool {
        !self.notices.is_empty() || self.first_waiting().is_some()
    }

    fn first_waiting(&self) -> Option<SegmentName> {
        self.segments
            .iter()
            .find(|(_, segment)| !segment.waiting.is_empty())
            .map(|(name, _)| *name)
    }

    /// One step in a segment with something waiting; nothing when it led nowhere.
    fn read(&mut self, name: SegmentName) -> Result<Option<Entry>, Damage> {
        let (step, next, stretch) = match self.step(name) {
            Ok(Some(step)) => step,
            Ok(None) => return Ok(None),
            Err(error) => return Err(self.unreadable(name, &error)),
        };
        let Some(segment) = self.segments.get_mut(&name) else {
            return Ok(None);
        };
        let _ = segment.waiting.take_first();
        match step {
            Step::Record(found) if found.sequence <= stretch.last => {
                if let Some(first) = found.sequence.checked_add(1) {
                    if first <= stretch.last && next < segment.bytes {
                        segment.waiting.put(Stretch {
                            first,
                            offset: next,
                            ..stretch
                        });
                    }
                }
                segment.held += 1;
                Ok(Some(Entry {
                    id: EntryId {
                        segment: name,
                        sequence: found.sequence,
                        offset: found.offset,
                    },
                    left_over: name.folder != self.folder.number,
                    lane: found.body.lane,
                    ends: found.body.ends,
                    bytes: found.body.payload,
                }))
            }
            // The rest of the stretch was in damage that has been reported.
            Step::Record(_) | Step::End => {
                if segment.is_done() && !segment.active {
                    self.remove(name);
                }
                Ok(None)
            }
            Step::Damage {
                offset,
                bytes,
                kind,
            } => {
                segment.waiting.put(Stretch {
                    offset: next,
                    ..stretch
                });
                Err(Damage {
                    path: self.path(name.records()),
                    offset,
                    bytes,
                    kind,
                })
            }
        }
    }

    /// What comes next in the lowest stretch of a segment, where it ends, and the stretch.
    fn step(&mut self, name: SegmentName) -> io::Result<Option<(Step, u64, Stretch)>> {
        if !self.segments[&name].prepared && !self.prepare(name)? {
            return Ok(None);
        }
        let segment = &self.segments[&name];
        let Some(stretch) = segment.waiting.first() else {
            return Ok(None);
        };
        let mut reader = match self.reader.take() {
            Some(reader) if reader.segment == name => reader,
            _ => Reader {
                segment: name,
                file: self.disk.open(&self.path(name.records()))?,
                scanner: Scanner::new(segment.salt),
            },
        };
        reader.scanner.seek(stretch.offset, stretch.first);
        let mut source = Written {
            file: &mut *reader.file,
            bytes: segment.bytes,
        };
        let step = reader.scanner.next(&mut source, &segment.done)?;
        let next = reader.scanner.offset();
        self.reader = Some(reader);
        Ok(Some((step, next, stretch)))
    }

    /// Reads head and acknowledgements of a segment that was found. No when a newer version wrote
    /// it.
    fn prepare(&mut self, name: SegmentName) -> io::Result<bool> {
        let path = self.path(name.records());
        let mut file = self.disk.open(&path)?;
        let mut head = [0; SEGMENT_HEAD];
        let read = file.read_at(0, &mut head)?;
        let Some(segment) = self.segments.get_mut(&name) else {
            return Ok(false);
        };
        match read_segment_head(&head[..read]) {
            SegmentHead::Readable { salt } => {
                segment.salt = salt;
                let _ = segment.waiting.take_first();
                segment.waiting = super::ranges::Waiting::all_from(name.first, read as u64);
            }
            // The file's name tells the salt, too; the scanner reports the bytes of the head.
            SegmentHead::Damaged => {}
            SegmentHead::Newer { version } => {
                segment.keep();
                let bytes = segment.bytes;
                self.notice(Damage {
                    path,
                    offset: 0,
                    bytes,
                    kind: DamageKind::NewerVersion(version),
                });
                return Ok(false);
            }
        }
        segment.prepared = true;
        let (salt, ack_bytes) = (segment.salt, segment.ack_bytes);
        if ack_bytes > 0 {
            let path = self.path(name.acks());
            let read = self.disk.open(&path).and_then(|mut file| {
                let mut source = Written {
                    file: &mut *file,
                    bytes: ack_bytes,
                };
                acks::read(&mut source, salt)
            });
            // Without them everything is delivered again, which is better than nothing.
            let (acks, damage) = match read {
                Ok(acks) => {
                    let damage = acks.damage;
                    (acks, damage)
                }
                Err(_) => (acks::Acks::default(), Some((0, ack_bytes))),
            };
            if let Some((offset, bytes)) = damage {
                self.notice(Damage {
                    path,
                    offset,
                    bytes,
                    kind: DamageKind::Acknowledgements,
                });
            }
            if let Some(segment) = self.segments.get_mut(&name) {
                segment.ack_end = acks.end;
                segment.done = acks.done;
            }
        }
        Ok(true)
    }

    /// Gives the rest of a segment up for this process.
    fn unreadable(&mut self, name: SegmentName, error: &io::Error) -> Damage {
        self.reader = None;
        let path = self.path(name.records());
        let mut offset = 0;
        let mut bytes = 0;
        if let Some(segment) = self.segments.get_mut(&name) {
            offset = segment.waiting.first().map_or(0, |stretch| stretch.offset);
            bytes = segment.bytes.saturating_sub(offset);
            segment.keep();
        }
        Damage {
            path,
            offset,
            bytes,
            kind: DamageKind::Unreadable(error.kind()),
        }
    }

    /// Writes down what is done in a segment and was not written down before.
    pub(super) fn save_acks(&mut self, name: SegmentName) -> Result<(), SpoolError> {
        let path = self.path(name.acks());
        let saved = self.try_save_acks(name);
        if saved.is_err() {
            // Opened anew next time, and cut back to what is good.
            self.ack_file = None;
        }
        saved.map_err(SpoolError::io("append to", &path))
    }

    fn try_save_acks(&mut self, name: SegmentName) -> io::Result<()> {
        let path = self.path(name.acks());
        let mut file = match self.ack_file.take() {
            Some((open, file)) if open == name => file,
            _ => {
                let mut file = match self.disk.open(&path) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {
                        self.folder_changed();
                        self.disk.create(&path)?
                    }
                    file => file?,
                };
                if let Some(segment) = self.segments.get_mut(&name) {
                    if segment.ack_bytes != segment.ack_end {
                        file.truncate(segment.ack_end)?;
                        self.stats.bytes -= segment.ack_bytes - segment.ack_end;
                        segment.ack_bytes = segment.ack_end;
                    }
                }
                file
            }
        };
        let Some(segment) = self.segments.get_mut(&name) else {
            return Ok(());
        };
        let mut lines = Vec::new();
        for (mut first, end) in segment.unsaved.iter() {
            while first < end {
                let count = u32::try_from(end - first).unwrap_or(u32::MAX);
                lines.extend_from_slice(&write_ack(segment.salt, first, count));
                first += u64::from(count);
            }
        }
        let bytes = lines.len() as u64;
        // Counted before, since a failed write may leave any part of them.
        segment.ack_bytes += bytes;
        self.stats.bytes += bytes;
        file.append(&lines, &[])?;
        segment.ack_end += bytes;
        segment.unsaved.clear();
        self.ack_file = Some((name, file));
        Ok(())
    }
}
