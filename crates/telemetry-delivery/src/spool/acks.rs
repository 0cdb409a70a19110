//! Reads which records of a segment are done.

use std::io;

use super::format::{ACK, read_ack};
use super::ranges::RangeSet;
use super::scan::Source;

/// Bytes read at a time.
const WINDOW: usize = 16 << 10;

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Acks {
    pub(super) done: RangeSet,
    /// The end of the last good one; what follows is a write that was interrupted.
    pub(super) end: u64,
    /// Where bytes that are none begin, and how many there are in all before `end`.
    pub(super) damage: Option<(u64, u64)>,
}

/// Reads all acknowledgements, also those behind damage.
pub(super) fn read(source: &mut impl Source, salt: u64) -> io::Result<Acks> {
    let mut acks = Acks::default();
    let mut window = Vec::new();
    let mut window_at = 0;
    let mut offset = 0;
    let mut skipped: Option<(u64, u64)> = None;
    while offset + ACK as u64 <= source.len() {
        let ahead = (offset - window_at) as usize;
        if ahead + ACK > window.len() {
            window.resize(WINDOW, 0);
            let read = source.read_at(offset, &mut window)?;
            window.truncate(read);
            window_at = offset;
            if read < ACK {
                break;
            }
            continue;
        }
        let ack = window[ahead..]
            .first_chunk()
            .and_then(|ack| read_ack(ack, salt));
        let Some((first, end)) = ack else {
            let (from, bytes) = skipped.unwrap_or((offset, 0));
            skipped = Some((from, bytes + 1));
            offset += 1;
            continue;
        };
        acks.done.insert(first, end);
        offset += ACK as u64;
        acks.end = offset;
        acks.damage = skipped;
    }
    // Whole ones at the end that cannot be read are damage; less than one is an interrupted write.
    if let Some((from, _)) = skipped {
        if source.len() - acks.end >= ACK as u64 {
            let before = acks.damage.map_or(0, |(_, bytes)| bytes);
            acks.damage = Some((from, before + source.len() - acks.end));
        }
    }
    Ok(acks)
}

#[cfg(test)]
mod tests {
    use super::super::format::write_ack;
    use super::*;

    fn file(acks: &[(u64, u32)]) -> Vec<u8> {
        acks.iter()
            .flat_map(|(first, count)| write_ack(1, *first, *count))
            .collect()
    }

    type Read = (Vec<(u64, u64)>, u64, Option<(u64, u64)>);

    /// The ranges that are done, the end of the last good one, and the damage.
    fn done(bytes: &[u8]) -> Read {
        let mut source = bytes;
        let acks = read(&mut source, 1).unwrap();
        (acks.done.iter().collect(), acks.end, acks.damage)
    }

    #[test]
    fn acknowledgements_are_read_as_they_were_written() {
        let bytes = file(&[(0, 2), (5, 1), (2, 3)]);
        assert_eq!(done(&bytes), (vec![(0, 6)], 48, None));
        assert_eq!(done(&[]), (vec![], 0, None));
    }

    #[test]
    fn an_interrupted_write_is_no_damage() {
        let bytes = file(&[(0, 2), (5, 1)]);
        assert_eq!(done(&bytes[..31]), (vec![(0, 2)], 16, None));
    }

    #[test]
    fn those_behind_damage_count_and_damage_is_reported() {
        let mut bytes = file(&[(0, 1), (5, 1), (9, 1)]);
        bytes[20] ^= 4;
        assert_eq!(done(&bytes), (vec![(0, 1), (9, 10)], 48, Some((16, 16))));
        // Also when what is damaged is not a whole number of them.
        bytes.drain(17..22);
        assert_eq!(done(&bytes), (vec![(0, 1), (9, 10)], 43, Some((16, 11))));
        let mut bytes = file(&[(0, 1), (5, 1)]);
        bytes[20] ^= 4;
        assert_eq!(done(&bytes), (vec![(0, 1)], 16, Some((16, 16))));
    }

    #[test]
    fn no_flipped_bit_makes_a_record_count_as_done() {
        let good = file(&[(3, 1), (7, 1)]);
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            let (ranges, ..) = done(&bad);
            let kept = if bit < ACK * 8 { (7, 8) } else { (3, 4) };
            assert_eq!(ranges, [kept], "bit {bit}");
        }
    }

    #[test]
    fn long_files_are_read_in_pieces() {
        let many: Vec<(u64, u32)> = (0..5000).map(|n| (n * 2, 1)).collect();
        let mut bytes = b"x".to_vec();
        bytes.extend(file(&many));
        let (ranges, end, damage) = done(&bytes);
        assert_eq!((ranges.len(), end), (5000, 80_001));
        assert_eq!(damage, Some((0, 1)));
    }
}
