use crate::text::Pieces;

/// What a record gets at first, in bytes; many take less.
const ROOM: usize = 256;

/// The end of a sequence, to which one record is written through slices.
///
/// A `Vec` asks at every piece whether there is room, and copies it with a call. Here the
/// memory behind the end is initialised, once for a record, and a short piece is copied in
/// place.
#[derive(Debug)]
pub(super) struct Buffer<'s> {
    /// Initialised to its end; what is behind `len` is scratch.
    memory: &'s mut Vec<u8>,
    len: usize,
}

impl<'s> Buffer<'s> {
    pub(super) fn behind(sequence: &'s mut Vec<u8>) -> Self {
        let len = sequence.len();
        sequence.resize(len + ROOM, 0);
        Self {
            memory: sequence,
            len,
        }
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Appends `bytes` bytes of any value and gives them to be written.
    #[inline(always)]
    pub(super) fn append(&mut self, bytes: usize) -> &mut [u8] {
        let start = self.len;
        let end = start + bytes;
        if end > self.memory.len() {
            self.grow(end);
        }
        self.len = end;
        &mut self.memory[start..end]
    }

    #[inline]
    pub(super) fn put(&mut self, bytes: &[u8]) {
        copy(self.append(bytes.len()), bytes);
    }

    /// Everything from `from` on.
    #[inline]
    pub(super) fn tail(&mut self, from: usize) -> &mut [u8] {
        &mut self.memory[from..self.len]
    }

    /// Moves everything from `from` on to `to`.
    #[cold]
    pub(super) fn move_tail(&mut self, from: usize, to: usize) {
        let end = self.len;
        if to > from {
            self.append(to - from);
        }
        self.memory.copy_within(from..end, to);
        self.len = end + to - from;
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self, end: usize) {
        self.memory.resize(end + ROOM, 0);
    }
}

impl Drop for Buffer<'_> {
    /// Takes the scratch off the sequence.
    fn drop(&mut self) {
        self.memory.truncate(self.len);
    }
}

impl Pieces for Buffer<'_> {
    #[inline]
    fn piece(&mut self, text: &str) {
        self.put(text.as_bytes());
    }
}

/// Copies between slices of the same length, up to 64 bytes without a call.
///
/// Two chunks that overlap in the middle cover every length between one chunk and two.
#[inline(always)]
pub(super) fn copy(to: &mut [u8], from: &[u8]) {
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

#[inline(always)]
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
    fn pieces_of_every_length_stay_as_the_buffer_grows() {
        let from: Vec<u8> = (1..=200).collect();
        let mut sequence = vec![9];
        let mut want = vec![9];
        let mut buf = Buffer::behind(&mut sequence);
        for len in 0..=from.len() {
            buf.put(&from[..len]);
            want.extend_from_slice(&from[..len]);
        }
        assert_eq!(buf.len(), want.len());
        drop(buf);
        assert_eq!(sequence, want, "nothing behind the end is left");
    }
}
