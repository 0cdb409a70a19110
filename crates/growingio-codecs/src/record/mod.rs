//! What a project collects: events, items and user mappings.
//!
//! Records are plain values. They borrow their texts where the caller has them and own them
//! where it has not; `into_owned` gives a record that can be kept.

mod attributes;
mod event;
mod event_type;
mod item;
mod preset;
mod user_mapping;
mod value;

pub use attributes::{Attribute, Attributes};
pub use event::{EventRecord, NOT_USER, ResourceItem};
pub use event_type::EventType;
pub use item::ItemRecord;
pub(crate) use preset::DecodedPreset;
pub use preset::{Preset, PresetValue, Presets};
pub use user_mapping::UserMapping;
pub use value::{AttributeValue, Seq};
