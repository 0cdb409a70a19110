use super::varint::{VARINT_MAX, varint_into};

/// The size from which a buffer no longer grows to twice its size, in bytes.
const DOUBLED_UP_TO: usize = 1 << 20;

/// Bytes that grow at the end, written through slices.
///
/// A `Vec` asks at every `push` whether there is room. Here the memory behind the end is
/// already initialised, so a caller asks once for all it is about to write, and a reused
/// buffer keeps its initialised memory.
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    /// Initialised to its end; what is behind `len` is scratch.
    memory: Vec<u8>,
    len: usize,
}

impl Buffer {
    pub(crate) const fn new() -> Self {
        Self {
            memory: Vec::new(),
            len: 0,
        }
    }

    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self {
            memory: vec![0; bytes],
            len: 0,
        }
    }

    #[inline]
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.memory[..self.len]
    }

    #[inline]
    pub(crate) fn as_mut_slice(&mut self) -> &mut [u8] {
        &mut self.memory[..self.len]
    }

    pub(crate) fn into_vec(mut self) -> Vec<u8> {
        self.memory.truncate(self.len);
        self.memory
    }

    /// Forgets everything from `len` on; `len` is not behind the end.
    #[inline]
    pub(crate) fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    /// Appends `bytes` bytes of any value and gives them to be written.
    #[inline]
    pub(crate) fn append(&mut self, bytes: usize) -> &mut [u8] {
        let start = self.len;
        self.len += bytes;
        if self.len > self.memory.len() {
            self.grow();
        }
        &mut self.memory[start..self.len]
    }

    pub(crate) fn append_varint(&mut self, value: u64) {
        let at = self.len;
        let slot = self.append(VARINT_MAX);
        let written = varint_into(slot, value);
        self.len = at + written;
    }

    #[inline]
    pub(crate) fn append_slice(&mut self, bytes: &[u8]) {
        copy(self.append(bytes.len()), bytes);
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self) {
        let size = self.memory.len();
        // Initialised memory is memory in use, so a large buffer takes less in advance;
        // moving it is then a matter of page tables.
        let more = if size < DOUBLED_UP_TO { size } else { size / 8 };
        let larger = size.saturating_add(more);
        self.memory.resize(self.len.max(larger).max(256), 0);
    }
}

impl From<Vec<u8>> for Buffer {
    fn from(memory: Vec<u8>) -> Self {
        Self {
            len: memory.len(),
            memory,
        }
    }
}

impl Clone for Buffer {
    /// Without the scratch.
    fn clone(&self) -> Self {
        Self {
            memory: self.as_slice().to_vec(),
            len: self.len,
        }
    }
}

impl PartialEq for Buffer {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for Buffer {}

/// Copies between slices of the same length, up to 64 bytes without a call.
///
/// Keys and values are short, and of a short copy the call is the most expensive part. Two
/// chunks that overlap in the middle cover every length between one chunk and two.
#[inline]
pub(crate) fn copy(to: &mut [u8], from: &[u8]) {
    let len = from.len();
    if len <= 16 {
        if len >= 8 {
            overlapping::<8>(to, from);
        } else if len >= 4 {
            overlapping::<4>(to, from);
        } else {
            for (to, from) in to.iter_mut().zip(from) {
                *to = *from;
            }
        }
    } else if len <= 32 {
        overlapping::<16>(to, from);
    } else if len <= 64 {
        overlapping::<32>(to, from);
    } else {
        to.copy_from_slice(from);
    }
}

#[inline]
fn overlapping<const N: usize>(to: &mut [u8], from: &[u8]) {
    if let (Some(first), Some(last)) = (from.first_chunk::<N>(), from.last_chunk::<N>()) {
        if let Some(to) = to.first_chunk_mut::<N>() {
            *to = *first;
        }
        if let Some(to) = to.last_chunk_mut::<N>() {
            *to = *last;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_of_every_length_is_exact() {
        let from: Vec<u8> = (1..=200).collect();
        for len in 0..=from.len() {
            let mut to = vec![0; len];
            copy(&mut to, &from[..len]);
            assert_eq!(to, from[..len], "{len}");
        }
    }

    #[test]
    fn a_large_buffer_takes_little_in_advance() {
        // A put of 8 MiB had 8 MiB of zeroes behind it, for a few bytes of topic and tags.
        let mut buffer = Buffer::new();
        buffer.append_slice(&vec![1; 8 << 20]);
        buffer.append_slice(b"topic");
        assert!(buffer.memory.len() <= 9 << 20, "{}", buffer.memory.len());
    }

    #[test]
    fn what_is_appended_stays_when_the_buffer_grows() {
        let mut buffer = Buffer::new();
        let mut want = Vec::new();
        for value in 0..2000u64 {
            buffer.append_varint(value * value * value);
            buffer.append_slice(&value.to_le_bytes());
            let mut varint = [0; VARINT_MAX];
            let len = varint_into(&mut varint, value * value * value);
            want.extend_from_slice(&varint[..len]);
            want.extend_from_slice(&value.to_le_bytes());
        }
        assert_eq!(buffer.len(), want.len());
        assert_eq!(buffer.clone(), buffer);
        assert_eq!(buffer.into_vec(), want);
    }

    #[test]
    fn truncated_bytes_are_written_again() {
        let mut buffer = Buffer::with_capacity(4);
        buffer.append_slice(b"abcdef");
        buffer.truncate(2);
        buffer.append_slice(b"x");
        assert_eq!(buffer.as_slice(), b"abx");
    }
}
