//! What was not delivered, and why.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident $field:ident $text:literal;)*) => {
        /// Why an item was dropped.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum DropReason {
            $($(#[$doc])* $variant,)*
        }

        impl DropReason {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];
        }

        impl fmt::Display for DropReason {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self {
                    $(Self::$variant => $text,)*
                })
            }
        }

        /// How many items were dropped, by reason.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Drops {
            $($(#[$doc])* pub $field: u64,)*
        }

        impl Drops {
            /// All reasons together.
            #[must_use]
            pub fn total(&self) -> u64 {
                0 $(+ self.$field)*
            }

            /// What was dropped since `earlier`, an older copy of the same counts.
            #[must_use]
            pub fn since(&self, earlier: &Self) -> Self {
                Self {
                    $($field: self.$field.saturating_sub(earlier.$field),)*
                }
            }

            /// What was dropped in two times that do not overlap.
            #[must_use]
            pub fn and(&self, others: &Self) -> Self {
                Self {
                    $($field: self.$field.saturating_add(others.$field),)*
                }
            }

            /// How many items were dropped for `reason`.
            #[must_use]
            pub fn of(&self, reason: DropReason) -> u64 {
                match reason {
                    $(DropReason::$variant => self.$field,)*
                }
            }
        }

        #[derive(Debug, Default)]
        pub(super) struct DropCounters {
            $($field: AtomicU64,)*
        }

        impl DropCounters {
            pub(super) fn add(&self, reason: DropReason, items: u64) {
                match reason {
                    $(DropReason::$variant => &self.$field,)*
                }
                .fetch_add(items, Ordering::Relaxed);
            }

            pub(super) fn read(&self) -> Drops {
                Drops {
                    $($field: self.$field.load(Ordering::Relaxed),)*
                }
            }
        }
    };
}

reasons! {
    /// There was no room, and the item was the newest.
    Full full "no room";
    /// There was no room for something newer.
    Oldest oldest "no room for something newer";
    /// Larger than an item may be, and nobody took dead letters.
    Oversized oversized "larger than an item may be";
    /// Refused for good by the other side, and nobody took dead letters.
    Refused refused "refused by the other side";
    /// Not delivered within the time it had, and nobody took dead letters.
    Expired expired "not delivered in time";
    /// The sink panicked at it again and again, and nobody took dead letters.
    Panicked panicked "the sink panicked";
    /// Still in memory when the time for closing was over.
    ShutDown shut_down "not delivered before the end";
    /// Moved to disk for want of room, and no longer there.
    Damaged damaged "damaged on disk";
    /// Appended after closing.
    Closed closed "appended after closing";
    /// Appended by the delivery itself, or while appending.
    Reentrant reentrant "appended by the delivery itself";
}
