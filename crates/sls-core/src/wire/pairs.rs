use std::str;

use super::field;
use super::varint::take_varint;
use crate::model::TextRef;

/// The contents of a plain log as bytes; ends in front of the first thing that is not a
/// content of one key and one value.
#[derive(Debug, Clone)]
pub(super) struct Pairs<'a> {
    rest: &'a [u8],
}

impl<'a> Pairs<'a> {
    pub(super) const fn new(contents: &'a [u8]) -> Self {
        Self { rest: contents }
    }

    /// What was not read.
    pub(super) const fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

impl<'a> Iterator for Pairs<'a> {
    type Item = (&'a [u8], &'a [u8]);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let (pair, rest) = match self.rest {
            [field::LOG_CONTENTS, len, rest @ ..] if *len < 0x80 => {
                let (pair, rest) = rest.split_at_checked(usize::from(*len))?;
                (short_pair(pair)?, rest)
            }
            [field::LOG_CONTENTS, rest @ ..] => {
                let (pair, rest) = take_message(rest)?;
                (long_pair(pair)?, rest)
            }
            _ => return None,
        };
        self.rest = rest;
        Some(pair)
    }
}

/// The key and the value of a message of less than 128 bytes, whose lengths are one byte each.
#[inline]
fn short_pair(pair: &[u8]) -> Option<(&[u8], &[u8])> {
    let [field::PAIR_KEY, key_len, rest @ ..] = pair else {
        return None;
    };
    let (key, rest) = rest.split_at_checked(usize::from(*key_len))?;
    match rest {
        [field::PAIR_VALUE, len, value @ ..] if usize::from(*len) == value.len() => {
            Some((key, value))
        }
        _ => None,
    }
}

fn long_pair(pair: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&field::PAIR_KEY, rest) = pair.split_first()? else {
        return None;
    };
    let (key, rest) = take_message(rest)?;
    let (&field::PAIR_VALUE, rest) = rest.split_first()? else {
        return None;
    };
    let (value, rest) = take_message(rest)?;
    rest.is_empty().then_some((key, value))
}

/// A length and as many bytes, and what follows.
#[inline]
fn take_message(mut bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let len = take_varint(&mut bytes)?;
    bytes.split_at_checked(usize::try_from(len).ok()?)
}

/// The same as text: UTF-8 is checked for as many contents at once as possible.
///
/// Between the texts of contents shorter than 128 bytes there is nothing but tags and
/// lengths below 128, all of which are ASCII. So a run of such contents is UTF-8 as a whole
/// exactly when all its texts are, and one check of a long run costs a fraction of two for
/// every content. What ends a run, mostly a longer content, is read by itself.
#[derive(Debug, Clone)]
pub(super) struct Texts<'a> {
    pairs: Pairs<'a>,
    /// As much of the rest as is known to be UTF-8; it may end in the middle of a content.
    run: &'a str,
}

impl<'a> Texts<'a> {
    #[inline]
    pub(super) const fn new(contents: &'a [u8]) -> Self {
        Self {
            pairs: Pairs::new(contents),
            run: "",
        }
    }

    #[inline]
    fn find_run(&mut self) {
        let rest = self.pairs.rest;
        self.run = match str::from_utf8(rest) {
            Ok(run) => run,
            Err(error) => str::from_utf8(&rest[..error.valid_up_to()]).unwrap_or_default(),
        };
    }

    /// The next content when all of it is in the run.
    #[inline]
    fn next_of_run(&mut self) -> Option<(&'a str, &'a str)> {
        let [field::LOG_CONTENTS, len, field::PAIR_KEY, key_len, ..] = self.run.as_bytes() else {
            return None;
        };
        if *len >= 0x80 {
            return None;
        }
        // Where the next content is depends on one length only, so that the processor can
        // be there before it is done with this one.
        let end = 2 + usize::from(*len);
        let (content, run) = self.run.split_at_checked(end)?;
        let key_end = 4 + usize::from(*key_len);
        let key = content.get(4..key_end)?;
        let value = content.get(key_end + 2..)?;
        self.run = run;
        self.pairs.rest = self.pairs.rest.get(end..)?;
        Some((key, value))
    }
}

impl<'a> Iterator for Texts<'a> {
    type Item = (TextRef<'a>, TextRef<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.run.is_empty() {
            self.find_run();
        }
        if let Some((key, value)) = self.next_of_run() {
            return Some((TextRef::from(key), TextRef::from(value)));
        }
        let before = self.pairs.rest.len();
        let (key, value) = self.pairs.next()?;
        let read = before - self.pairs.rest.len();
        self.run = self.run.get(read..).unwrap_or_default();
        Some((TextRef::new(key), TextRef::new(value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Log, Text};
    use crate::wire::GroupEncoder;
    use crate::wire::check::plain_time;
    use crate::wire::varint::take_varint;
    use proptest::prelude::*;

    fn text() -> impl Strategy<Value = Text> {
        prop_oneof![
            4 => ".{0,20}".prop_map(Text::from),
            1 => ".{100,200}".prop_map(Text::from),
            1 => proptest::collection::vec(any::<u8>(), 0..10).prop_map(Text::from),
        ]
    }

    proptest! {
        #[test]
        fn texts_are_the_pairs_and_what_is_checked_is_utf8(
            contents in proptest::collection::vec((text(), text()), 0..20),
        ) {
            let mut log = Log::at(1);
            for (key, value) in &contents {
                log = log.with(key.clone(), value.clone());
            }
            let mut encoder = GroupEncoder::new();
            encoder.push(&log);
            let group = encoder.finish(&crate::wire::GroupMeta::default());
            let mut log = &group.as_bytes()[1..];
            take_varint(&mut log).unwrap();
            let (_, bytes) = plain_time(log).unwrap();

            let want: Vec<_> = contents.iter().map(|(k, v)| (k.as_bytes(), v.as_bytes())).collect();
            prop_assert_eq!(Pairs::new(bytes).collect::<Vec<_>>(), want.clone());
            let texts: Vec<_> = Texts::new(bytes).collect();
            prop_assert_eq!(texts.len(), want.len());
            for ((key, value), want) in texts.into_iter().zip(want) {
                prop_assert_eq!((key.as_bytes(), value.as_bytes()), want);
                prop_assert_eq!(key.to_str(), str::from_utf8(want.0));
                prop_assert_eq!(value.to_str(), str::from_utf8(want.1));
            }
        }
    }

    #[test]
    fn a_content_of_another_shape_ends_the_pairs() {
        for bad in [
            &[0x12, 0x00][..],
            &[0x12, 0x02, 0x0a, 0x00],
            &[0x12, 0x04, 0x12, 0x00, 0x0a, 0x00],
            &[0x12, 0x05, 0x0a, 0x00, 0x12, 0x00, 0x00],
            &[0x12, 0x04, 0x0a, 0x00, 0x12, 0x01],
            &[0x12, 0x09, 0x0a, 0x00, 0x12, 0x00],
            &[0x12],
            &[0x25, 0, 0, 0, 0],
        ] {
            let mut pairs = Pairs::new(bad);
            assert_eq!(pairs.next(), None, "{bad:?}");
            assert_eq!(pairs.rest(), bad);
        }
    }
}
