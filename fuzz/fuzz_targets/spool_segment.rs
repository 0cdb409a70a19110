//! Recovery of a spool's segment, good and damaged: nothing panics, every byte is accounted for,
//! and a record that no edit has touched is found.
#![no_main]

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use telemetry_delivery::spool::{DamageKind, Inspected, inspect};

const SALT: u64 = 0x5a17_0000_0000_0001;
const NAME: &str = "0000000001-0000000000000000-5a17000000000001.seg";

#[derive(Debug, Arbitrary)]
struct Input {
    records: Vec<Vec<u8>>,
    /// Sequences that are acknowledged.
    done: Vec<u8>,
    edits: Vec<Edit>,
    /// Behind the last record.
    tail: Vec<u8>,
    acknowledgements_tail: Vec<u8>,
}

/// Bytes of the segment that are replaced, removed or added.
#[derive(Debug, Arbitrary)]
struct Edit {
    place: u16,
    removed: u8,
    added: Vec<u8>,
}

fuzz_target!(|input: Input| {
    let mut segment = head();
    let mut starts = Vec::new();
    for (sequence, payload) in input.records.iter().enumerate() {
        starts.push(segment.len());
        segment.extend(record(sequence as u64, payload));
    }
    starts.push(segment.len());
    let mut acknowledgements: Vec<u8> = input
        .done
        .iter()
        .flat_map(|sequence| acknowledgement(u64::from(*sequence)))
        .collect();

    // What is touched, in places before any edit; edits go from the back to the front.
    let mut edits: Vec<(usize, usize, &[u8])> = input
        .edits
        .iter()
        .map(|edit| {
            let place = usize::from(edit.place) % (segment.len() + 1);
            let end = (place + usize::from(edit.removed)).min(segment.len());
            (place, end, &edit.added[..])
        })
        .collect();
    edits.sort_by_key(|(place, ..)| std::cmp::Reverse(*place));
    let mut touched = vec![false; input.records.len()];
    let mut before = usize::MAX;
    segment.extend(&input.tail);
    for (place, end, added) in edits {
        let end = end.min(before);
        before = place;
        for (index, touched) in touched.iter_mut().enumerate() {
            // An addition at the very beginning moves a record and leaves it whole.
            *touched |= place < starts[index + 1]
                && (end > starts[index] && place != end || place > starts[index]);
        }
        segment.splice(place..end, added.iter().copied());
    }
    acknowledgements.extend(&input.acknowledgements_tail);

    let mut accounted = 0;
    let mut place = None;
    let mut found = Vec::new();
    for step in inspect(NAME, &segment, &acknowledgements) {
        match step {
            Inspected::Record {
                sequence,
                offset,
                ends,
                bytes,
                lane,
            } => {
                assert!(place.is_none_or(|place| place <= offset), "goes back");
                place = Some(offset);
                accounted += 32 + lane.len() + 4 * ends.len() + bytes.len();
                found.push(sequence);
                if let Some(payload) = input.records.get(sequence as usize) {
                    assert_eq!(payload[..], bytes[..]);
                }
            }
            Inspected::Damage {
                kind: DamageKind::Acknowledgements,
                ..
            } => {}
            Inspected::Damage { bytes, .. } => {
                assert!(bytes > 0);
                accounted += bytes as usize;
            }
            _ => {}
        }
    }
    assert!(accounted <= segment.len());
    assert!(found.is_sorted(), "out of order, or twice");
    for (sequence, touched) in touched.iter().enumerate() {
        let is_done = input.done.iter().any(|done| usize::from(*done) == sequence);
        if !touched && !is_done {
            assert!(found.contains(&(sequence as u64)), "{sequence} is lost");
        }
    }
});

// The format once more, by its description in docs/spool.md.

fn head() -> Vec<u8> {
    let mut head = b"tdspool\n".to_vec();
    head.extend(1u16.to_le_bytes());
    head.extend(32u16.to_le_bytes());
    head.extend([0; 4]);
    head.extend(SALT.to_le_bytes());
    head.extend([0; 4]);
    head.extend(crc32fast::hash(&head).to_le_bytes());
    head
}

fn record(sequence: u64, payload: &[u8]) -> Vec<u8> {
    let mut body = b"lane".to_vec();
    body.extend((payload.len() as u32).to_le_bytes());
    body.extend(payload);
    let mut rest = sequence.to_le_bytes().to_vec();
    for length in [4, 1, payload.len() as u32] {
        rest.extend(length.to_le_bytes());
    }
    rest.extend(checksum(&[&sequence.to_le_bytes(), &body]).to_le_bytes());
    let mut record = vec![0xf5, b'r', b'e', b'c'];
    record.extend(checksum(&[&rest]).to_le_bytes());
    record.extend(rest);
    record.extend(body);
    record
}

fn acknowledgement(sequence: u64) -> Vec<u8> {
    let mut acknowledgement = sequence.to_le_bytes().to_vec();
    acknowledgement.extend(1u32.to_le_bytes());
    let checksum = checksum(&[&acknowledgement]);
    acknowledgement.extend(checksum.to_le_bytes());
    acknowledgement
}

fn checksum(parts: &[&[u8]]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&SALT.to_le_bytes());
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize()
}
