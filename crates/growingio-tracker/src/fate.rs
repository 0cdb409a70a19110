use telemetry_delivery::TransportErrorKind;

use crate::error::Error;

/// What becomes of records that were not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// They stay, and are sent again later.
    Keep,
    /// One of them may be what the collector does not like, or all are too many at once: half
    /// of them at a time tells.
    Halve,
    /// They will never be accepted.
    GiveUp,
}

/// Decides about records by the error that sending them came to.
pub(crate) fn fate(error: &Error, records: usize) -> Fate {
    match error {
        // Too large, not understood, not processable: about the content, perhaps of one record.
        Error::Refused {
            status: 400 | 413 | 422,
            ..
        } if records > 1 => Fate::Halve,
        Error::Refused { .. } if error.is_retryable() => Fate::Keep,
        Error::Unanswered { cause, .. } if cause.kind() != TransportErrorKind::InvalidRequest => {
            Fate::Keep
        }
        Error::Busy | Error::NoThread => Fate::Keep,
        _ => Fate::GiveUp,
    }
}

/// How many refusals in a row, with nothing accepted in between, make it the collector's
/// opinion of all records and not of one: one bad record is found with fewer.
pub(crate) fn most_refusals(records: usize) -> u32 {
    records.max(1).ilog2() + 3
}

#[cfg(test)]
mod tests {
    use growingio_codecs::Route;
    use telemetry_delivery::TransportError;

    use super::*;

    fn refused(status: u16) -> Error {
        Error::Refused {
            route: Route::Events,
            status,
            attempts: 1,
        }
    }

    #[track_caller]
    fn check(status: u16, records: usize, want: Fate) {
        assert_eq!(fate(&refused(status), records), want, "{status}");
    }

    #[test]
    fn what_is_about_the_content_is_halved_until_one_is_left() {
        for status in [400, 413, 422] {
            check(status, 2, Fate::Halve);
            check(status, 1, Fate::GiveUp);
        }
    }

    #[test]
    fn what_passes_is_kept_and_what_does_not_is_given_up() {
        for status in [408, 429, 500, 503] {
            check(status, 5, Fate::Keep);
        }
        for status in [302, 401, 403, 404] {
            check(status, 5, Fate::GiveUp);
        }
        for kind in [TransportErrorKind::Tls, TransportErrorKind::Closed] {
            let error = Error::Unanswered {
                route: Route::Events,
                cause: TransportError::new(kind, "it broke"),
            };
            assert_eq!(fate(&error, 5), Fate::Keep, "{kind:?}");
        }
    }

    #[test]
    fn one_bad_record_among_many_is_found_before_all_are_given_up() {
        for records in 1..3000_usize {
            // Refused at every size on the way down to it, when it is the oldest of all.
            let mut refusals = 1;
            let mut left = records;
            while left > 1 {
                left -= left / 2;
                refusals += 1;
            }
            assert!(refusals <= most_refusals(records), "{records}");
        }
    }
}
