//! Several log groups in one body, each compressed by itself.
//!
//! ```text
//! SlsLogPackageList { repeated SlsLogPackage packages = 1; }
//! SlsLogPackage     { bytes data = 1; int32 uncompress_size = 2; int32 compress_type = 3; }
//! ```

use bytes::Bytes;
use sls_core::wire::{Compression, DecompressError};

use super::body::too_large;
use crate::refusal::Refusal;

/// The most packages; each may be empty, and takes more room than it has bytes.
const MAX_PACKAGES: usize = 4096;

/// The groups of a body, which have at most `limit` bytes together before compression.
pub(super) fn unpack(body: &[u8], limit: usize) -> Result<Vec<Bytes>, Refusal> {
    let mut left = limit;
    let mut groups = Vec::new();
    let mut fields = Fields(body);
    while let Some((number, value)) = fields.next()? {
        if let (1, Value::Bytes(package)) = (number, value) {
            if groups.len() == MAX_PACKAGES {
                return Err(invalid(format!("more than {MAX_PACKAGES} packages")));
            }
            let group = Package::read(package)?.group(left, limit)?;
            left -= group.len();
            groups.push(group);
        }
    }
    Ok(groups)
}

#[derive(Default)]
struct Package<'a> {
    data: &'a [u8],
    raw_size: u64,
    compression: u64,
}

impl<'a> Package<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, Refusal> {
        let mut package = Self::default();
        let mut fields = Fields(bytes);
        while let Some(field) = fields.next()? {
            match field {
                (1, Value::Bytes(data)) => package.data = data,
                (2, Value::Number(size)) => package.raw_size = size,
                (3, Value::Number(kind)) => package.compression = kind,
                _ => {}
            }
        }
        Ok(package)
    }

    /// The group, when it is within what is left of the limit.
    fn group(&self, left: usize, limit: usize) -> Result<Bytes, Refusal> {
        let compression = match self.compression {
            0 => Compression::None,
            1 => Compression::Deflate,
            2 => Compression::Lz4,
            3 => Compression::Zstd,
            other => {
                let message = format!("compress_type {other} of a package is unsupported.");
                return Err(Refusal::bad("InvalidCompressType", message));
            }
        };
        let raw_size = usize::try_from(self.raw_size).unwrap_or(usize::MAX);
        match compression.decompress(self.data, raw_size, left) {
            Ok(raw) => Ok(Bytes::from(raw)),
            Err(DecompressError::TooLarge { raw_size, .. }) => {
                Err(too_large(raw_size.saturating_add(limit - left), limit))
            }
            Err(cause) => Err(Refusal::bad(
                "PostBodyUncompressError",
                format!("a package cannot be decompressed: {cause}"),
            )),
        }
    }
}

/// What is left of a protobuf message.
struct Fields<'a>(&'a [u8]);

enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    /// Of a width that nothing here has.
    Other,
}

impl<'a> Fields<'a> {
    /// Number and value of the next field.
    fn next(&mut self) -> Result<Option<(u64, Value<'a>)>, Refusal> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let tag = self.varint()?;
        let value = match tag & 7 {
            0 => Value::Number(self.varint()?),
            1 => self.take(8).map(|_| Value::Other)?,
            2 => {
                let length = self.varint()?;
                self.take(length).map(Value::Bytes)?
            }
            5 => self.take(4).map(|_| Value::Other)?,
            _ => return Err(cut()),
        };
        Ok(Some((tag >> 3, value)))
    }

    fn varint(&mut self) -> Result<u64, Refusal> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first().ok_or_else(cut)?;
            self.0 = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if *byte < 0x80 {
                return Ok(value);
            }
        }
        Err(cut())
    }

    fn take(&mut self, length: u64) -> Result<&'a [u8], Refusal> {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let (taken, rest) = self.0.split_at_checked(length).ok_or_else(cut)?;
        self.0 = rest;
        Ok(taken)
    }
}

fn cut() -> Refusal {
    invalid("it is cut or damaged".to_owned())
}

fn invalid(what: String) -> Refusal {
    let message = format!("body is not a protobuf SlsLogPackageList: {what}");
    Refusal::bad("PostBodyInvalid", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A message of fields with these numbers and wire types.
    fn package(data: &[u8], raw_size: u8, compression: u8) -> Vec<u8> {
        let mut package = vec![0x0a, data.len() as u8];
        package.extend(data);
        package.extend([0x10, raw_size, 0x18, compression]);
        let mut list = vec![0x0a, package.len() as u8];
        list.extend(package);
        list
    }

    #[test]
    fn each_package_is_compressed_in_its_own_way() {
        let mut body = Vec::new();
        for (number, compression) in [
            Compression::None,
            Compression::Deflate,
            Compression::Lz4,
            Compression::Zstd,
        ]
        .into_iter()
        .enumerate()
        {
            body.extend(package(&compression.compress(b"group"), 5, number as u8));
        }
        assert_eq!(unpack(&body, 100).unwrap(), [&b"group"[..]; 4]);
        assert!(unpack(b"", 100).unwrap().is_empty());
        // A field that nobody knows is passed over.
        body.extend([0x11, 0, 0, 0, 0, 0, 0, 0, 0, 0x25, 0, 0, 0, 0, 0x18, 1]);
        assert_eq!(unpack(&body, 100).unwrap().len(), 4);
    }

    #[test]
    fn all_groups_together_are_limited_before_memory_is_taken() {
        let mut body = package(&Compression::Lz4.compress(b"group"), 5, 2);
        assert!(unpack(&body, 5).is_ok());
        body.extend(package(b"group", 5, 0));
        assert!(unpack(&body, 10).is_ok());
        let refusal = unpack(&body, 9).unwrap_err();
        assert_eq!(refusal.code, "PostBodyTooLarge");
        let many = package(b"", 0, 0).repeat(MAX_PACKAGES + 1);
        assert_eq!(unpack(&many, 9).unwrap_err().code, "PostBodyInvalid");
    }

    #[test]
    fn what_is_cut_is_refused_wherever_the_cut_is() {
        let whole = package(b"group", 5, 0);
        for length in 1..whole.len() {
            let refusal = unpack(&whole[..length], 100).unwrap_err();
            assert_eq!(refusal.code, "PostBodyInvalid", "{length}");
        }
        for (package, code) in [
            (package(b"group", 5, 9), "InvalidCompressType"),
            (package(b"not zlib", 5, 1), "PostBodyUncompressError"),
            (vec![0x0b], "PostBodyInvalid"),
            (vec![0x80; 11], "PostBodyInvalid"),
            (
                vec![
                    0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1,
                ],
                "PostBodyInvalid",
            ),
        ] {
            assert_eq!(unpack(&package, 100).unwrap_err().code, code);
        }
    }
}
