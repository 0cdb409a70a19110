//! Walks over the records of a segment, and finds the next good one after damage.

use std::io;

use super::damage::DamageKind;
use super::format::{Body, MARKER, RECORD_HEAD, RecordHead};
use super::ranges::RangeSet;

/// Bytes read at a time. Bodies that are larger are read at once, and are the only larger reads.
const WINDOW: usize = 64 << 10;

/// Bytes with an end, read at any place.
pub(super) trait Source {
    fn len(&self) -> u64;

    /// Fills `into` from `offset` on, as far as there are bytes, and says how far.
    fn read_at(&mut self, offset: u64, into: &mut [u8]) -> io::Result<usize>;
}

impl Source for &[u8] {
    fn len(&self) -> u64 {
        <[u8]>::len(self) as u64
    }

    fn read_at(&mut self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let from =
            usize::try_from(offset).map_or(<[u8]>::len(self), |at| at.min(<[u8]>::len(self)));
        let rest = &self[from..];
        let bytes = rest.len().min(into.len());
        into[..bytes].copy_from_slice(&rest[..bytes]);
        Ok(bytes)
    }
}

/// What lies at a place of a segment.
#[derive(Debug)]
pub(super) enum Step {
    Record(Found),
    /// Bytes that are no record of this segment; reading goes on behind them.
    Damage {
        offset: u64,
        bytes: u64,
        kind: DamageKind,
    },
    End,
}

#[derive(Debug)]
pub(super) struct Found {
    pub(super) offset: u64,
    pub(super) sequence: u64,
    pub(super) body: Body,
}

/// Reads forward from a place.
///
/// Every step moves on by at least one byte, and each byte is looked at a few times at most, on
/// average and whatever the bytes are. No more is allocated than the window and one body, which is checked
/// against the bytes there are before.
#[derive(Debug)]
pub(super) struct Scanner {
    salt: u64,
    offset: u64,
    /// The lowest sequence that may come next.
    expected: u64,
    /// Bytes of bodies that turned out not to be what was written.
    wasted: u64,
    window: Vec<u8>,
    window_at: u64,
}

/// What a place looks like.
enum Look {
    /// A head, and all of its body.
    Whole(RecordHead),
    /// A head whose body goes on behind the end.
    Cut,
    Nothing,
}

impl Scanner {
    pub(super) fn new(salt: u64) -> Self {
        Self {
            salt,
            offset: 0,
            expected: 0,
            wasted: 0,
            window: Vec::new(),
            window_at: 0,
        }
    }

    /// Goes to `offset`, where a record of `expected` or a later one begins.
    pub(super) fn seek(&mut self, offset: u64, expected: u64) {
        self.offset = offset;
        self.expected = expected;
    }

    /// Where the next step begins.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// The next record that is not in `skip`, or the damage before it.
    ///
    /// # Errors
    /// The error of `source`; the place stays where it was.
    pub(super) fn next(&mut self, source: &mut impl Source, skip: &RangeSet) -> io::Result<Step> {
        loop {
            let offset = self.offset;
            if offset >= source.len() {
                return Ok(Step::End);
            }
            let head = match self.look(source, offset)? {
                Look::Whole(head) => head,
                Look::Cut => return self.resynchronise(source, true),
                Look::Nothing => return self.resynchronise(source, false),
            };
            let damage = Step::Damage {
                offset,
                bytes: head.total(),
                kind: DamageKind::Corrupt,
            };
            let next = offset + head.total();
            if head.sequence < self.expected {
                self.offset = next;
                return Ok(damage);
            }
            if skip.contains(head.sequence) {
                self.expected = head.sequence.saturating_add(1);
                // Its body is not read; where bytes of it are missing, the next begins earlier.
                if next < source.len() && !self.is_record(source, next)? {
                    let step = self.resynchronise(source, false)?;
                    if self.offset < next {
                        return Ok(step);
                    }
                }
                self.offset = next;
                continue;
            }
            let body = self.read_body(source, offset + RECORD_HEAD as u64, head.body())?;
            self.expected = head.sequence.saturating_add(1);
            if let Some(body) = head.open(body, self.salt) {
                self.offset = next;
                return Ok(Step::Record(Found {
                    offset,
                    sequence: head.sequence,
                    body,
                }));
            }
            // The head is intact, so the next record is where it says; or earlier, when bytes are
            // missing. Looking inside has an end, for files that are made of heads.
            self.wasted += head.body();
            if self.wasted <= 2 * source.len() {
                return self.resynchronise(source, false);
            }
            self.offset = next;
            return Ok(damage);
        }
    }

    fn is_record(&mut self, source: &mut impl Source, offset: u64) -> io::Result<bool> {
        Ok(matches!(self.look(source, offset)?, Look::Whole(_)))
    }

    /// Finds the next whole record behind the current place, which holds none.
    fn resynchronise(&mut self, source: &mut impl Source, cut: bool) -> io::Result<Step> {
        let start = self.offset;
        let mut at = start + 1;
        let mut zeros = self.bytes_at(source, start, 1)?.first() == Some(&0);
        let end = loop {
            let bytes = self.bytes_at(source, at, RECORD_HEAD)?;
            if bytes.len() < RECORD_HEAD {
                zeros &= bytes.iter().all(|byte| *byte == 0);
                break source.len();
            }
            let Some(ahead) = bytes.windows(MARKER.len()).position(|four| four == MARKER) else {
                // The last three bytes may be the beginning of a marker.
                let step = bytes.len() - (MARKER.len() - 1);
                zeros &= bytes[..step].iter().all(|byte| *byte == 0);
                at += step as u64;
                continue;
            };
            zeros &= bytes[..ahead].iter().all(|byte| *byte == 0);
            at += ahead as u64;
            if self.is_record(source, at)? {
                break at;
            }
            zeros = false;
            at += 1;
        };
        self.offset = end;
        // A process or machine that stops while it writes leaves less than a record, or zeros.
        let torn = end == source.len() && (cut || zeros || end - start < RECORD_HEAD as u64);
        Ok(Step::Damage {
            offset: start,
            bytes: end - start,
            kind: if torn {
                DamageKind::TornTail
            } else {
                DamageKind::Corrupt
            },
        })
    }

    fn look(&mut self, source: &mut impl Source, offset: u64) -> io::Result<Look> {
        let rest = source.len().saturating_sub(offset);
        let salt = self.salt;
        let bytes = self.bytes_at(source, offset, RECORD_HEAD)?;
        let Some(head) = bytes
            .first_chunk()
            .and_then(|bytes| RecordHead::read(bytes, salt))
        else {
            return Ok(Look::Nothing);
        };
        Ok(if head.total() <= rest {
            Look::Whole(head)
        } else {
            Look::Cut
        })
    }

    /// The bytes from `offset` on: all that the window holds, and `least` if there are as many.
    fn bytes_at(
        &mut self,
        source: &mut impl Source,
        offset: u64,
        least: usize,
    ) -> io::Result<&[u8]> {
        let within = offset
            .checked_sub(self.window_at)
            .and_then(|ahead| usize::try_from(ahead).ok())
            .filter(|ahead| *ahead <= self.window.len());
        let enough = |ahead: usize| self.window.len() - ahead >= least;
        let from = match within {
            Some(ahead) if enough(ahead) => ahead,
            _ => {
                let rest = source.len().saturating_sub(offset);
                let wanted = usize::try_from(rest).map_or(WINDOW, |rest| rest.min(WINDOW));
                self.window.resize(wanted, 0);
                let read = source.read_at(offset, &mut self.window);
                self.window.truncate(read.as_ref().map_or(0, |read| *read));
                self.window_at = offset;
                read?;
                0
            }
        };
        Ok(&self.window[from..])
    }

    fn read_body(
        &mut self,
        source: &mut impl Source,
        offset: u64,
        bytes: u64,
    ) -> io::Result<Vec<u8>> {
        // At most `MAX_BODY`, and the file is at least this long.
        let bytes = bytes as usize;
        let mut body = Vec::with_capacity(bytes);
        if bytes <= WINDOW / 2 {
            let window = self.bytes_at(source, offset, bytes)?;
            body.extend_from_slice(&window[..bytes.min(window.len())]);
        } else {
            body.resize(bytes, 0);
            let read = source.read_at(offset, &mut body)?;
            body.truncate(read);
        }
        Ok(body)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::format::write_record;
    use super::*;

    const SALT: u64 = 0x5a17;

    fn segment(payloads: &[Vec<u8>]) -> (Vec<u8>, Vec<usize>) {
        let mut segment = Vec::new();
        let mut starts = Vec::new();
        let mut head = Vec::new();
        for (sequence, payload) in payloads.iter().enumerate() {
            starts.push(segment.len());
            write_record(
                &mut head,
                SALT,
                sequence as u64,
                b"lane",
                &[payload.len() as u32],
                payload,
            );
            segment.extend_from_slice(&head);
            segment.extend_from_slice(payload);
        }
        starts.push(segment.len());
        (segment, starts)
    }

    type Scanned = (Vec<(u64, Vec<u8>)>, u64, Vec<DamageKind>);

    /// Sequences and payloads that are found, the bytes that were damage, and of what kind.
    fn scan(bytes: &[u8]) -> Scanned {
        let mut source = bytes;
        let mut scanner = Scanner::new(SALT);
        let (mut found, mut damaged, mut kinds) = (Vec::new(), 0, Vec::new());
        let mut place = 0;
        loop {
            match scanner.next(&mut source, &RangeSet::default()).unwrap() {
                Step::Record(record) => {
                    assert!(record.offset >= place);
                    found.push((record.sequence, record.body.payload.to_vec()));
                }
                Step::Damage {
                    offset,
                    bytes,
                    kind,
                } => {
                    assert_eq!(offset, place);
                    damaged += bytes;
                    kinds.push(kind);
                }
                Step::End => return (found, damaged, kinds),
            }
            assert!(scanner.offset() > place, "no progress at {place}");
            place = scanner.offset();
        }
    }

    fn expected(payloads: &[Vec<u8>], without: &[usize]) -> Vec<(u64, Vec<u8>)> {
        (0..payloads.len())
            .filter(|n| !without.contains(n))
            .map(|n| (n as u64, payloads[n].clone()))
            .collect()
    }

    fn payloads() -> impl Strategy<Value = Vec<Vec<u8>>> {
        let payload = prop_oneof![
            4 => prop::collection::vec(any::<u8>(), 0..80),
            // Full of markers, and larger than the window.
            1 => Just(MARKER.repeat(9)),
            1 => Just(vec![0x61; WINDOW + 5]),
        ];
        prop::collection::vec(payload, 1..8)
    }

    proptest! {
        #[test]
        fn a_flipped_byte_costs_one_record_and_is_reported(
            payloads in payloads(),
            place in any::<prop::sample::Index>(),
            flip in 1_u8..,
        ) {
            let (mut bytes, starts) = segment(&payloads);
            let place = place.index(bytes.len());
            bytes[place] ^= flip;
            let hit = starts.partition_point(|start| *start <= place) - 1;
            let (found, damaged, kinds) = scan(&bytes);
            prop_assert_eq!(found, expected(&payloads, &[hit]));
            prop_assert_eq!(damaged, (starts[hit + 1] - starts[hit]) as u64);
            prop_assert_eq!(kinds.len(), 1);
        }

        #[test]
        fn a_cut_loses_only_the_record_it_falls_into(
            payloads in payloads(),
            place in any::<prop::sample::Index>(),
        ) {
            let (bytes, starts) = segment(&payloads);
            let place = place.index(bytes.len());
            let whole = starts.partition_point(|start| *start <= place) - 1;
            let (found, damaged, kinds) = scan(&bytes[..place]);
            prop_assert_eq!(found, expected(&payloads[..whole], &[]));
            prop_assert_eq!(damaged, (place - starts[whole]) as u64);
            prop_assert!(kinds.iter().all(|kind| *kind == DamageKind::TornTail));
        }

        #[test]
        fn bytes_that_are_put_in_or_left_out_cost_no_other_record(
            payloads in payloads(),
            place in any::<prop::sample::Index>(),
            gone in 0_usize..100,
            garbage in prop::collection::vec(any::<u8>(), 0..100),
        ) {
            let (mut bytes, starts) = segment(&payloads);
            let place = place.index(bytes.len());
            let end = (place + gone).min(bytes.len());
            bytes.splice(place..end, garbage);
            let first = starts.partition_point(|start| *start <= place) - 1;
            let last = starts.partition_point(|start| *start < end.max(place + 1)) - 1;
            let touched: Vec<usize> = (first..=last).collect();
            let (found, ..) = scan(&bytes);
            for record in expected(&payloads, &touched) {
                prop_assert!(found.contains(&record), "{} is gone", record.0);
            }
        }

        #[test]
        fn garbage_is_walked_over_to_its_end(bytes in prop::collection::vec(any::<u8>(), 0..4000)) {
            let (found, damaged, _) = scan(&bytes);
            prop_assert!(found.is_empty());
            prop_assert_eq!(damaged, bytes.len() as u64);
        }
    }

    #[test]
    fn a_record_inside_a_payload_is_not_found_when_its_bearer_is_damaged() {
        let mut inner = Vec::new();
        write_record(&mut inner, SALT + 1, 9, b"", &[4], b"evil");
        inner.extend_from_slice(b"evil");
        let (mut bytes, _) = segment(&[inner, b"after".to_vec()]);
        bytes[5] ^= 1;
        let (found, ..) = scan(&bytes);
        assert_eq!(found, [(1, b"after".to_vec())]);
    }

    #[test]
    fn bytes_that_are_missing_in_a_record_that_is_skipped_cost_no_other() {
        // Found by fuzzing: the length of what is skipped was trusted.
        let (mut bytes, starts) = segment(&[vec![7; 11], b"after".to_vec()]);
        let cut = starts[1] - 6;
        bytes.drain(cut..cut + 3);
        let mut done = RangeSet::default();
        done.insert(0, 1);
        let mut source = &bytes[..];
        let mut scanner = Scanner::new(SALT);
        let mut found = Vec::new();
        loop {
            match scanner.next(&mut source, &done).unwrap() {
                Step::Record(record) => found.push(record.sequence),
                Step::Damage { .. } => {}
                Step::End => break,
            }
        }
        assert_eq!(found, [1]);
    }

    #[test]
    fn zeros_behind_the_last_record_are_a_torn_tail() {
        let (mut bytes, _) = segment(&[b"one".to_vec()]);
        bytes.resize(bytes.len() + 200_000, 0);
        let (found, damaged, kinds) = scan(&bytes);
        assert_eq!(found.len(), 1);
        assert_eq!(damaged, 200_000);
        assert_eq!(kinds, [DamageKind::TornTail]);
    }

    #[test]
    fn a_record_that_comes_twice_is_delivered_once() {
        let (bytes, _) = segment(&[b"one".to_vec()]);
        let twice = bytes.repeat(2);
        let (found, damaged, _) = scan(&twice);
        assert_eq!(found.len(), 1);
        assert_eq!(damaged, bytes.len() as u64);
    }
}
