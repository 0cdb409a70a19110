//! The recorded calls, as records.

use growingio_codecs::{Attributes, Batch, EventRecord, Invalid, ItemRecord, Rules};
use serde_json::Value;

use super::argument::{
    Trouble, optional_attributes, optional_text, optional_time, value as any_value,
};

/// What a message does not say about itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tracker<'c> {
    pub(super) product_id: &'c str,
    pub(super) data_source_id: &'c str,
}

/// A message that was made.
#[derive(Debug, Clone)]
pub(super) enum Message {
    Event(Box<EventRecord<'static>>),
    Item(ItemRecord<'static>),
}

impl Message {
    pub(super) fn check(&self, rules: &Rules) -> Result<(), Invalid> {
        match self {
            Self::Event(event) => rules.check(&**event),
            Self::Item(item) => rules.check(item),
        }
    }

    pub(super) fn batch(&self) -> Batch<'static> {
        match self {
            Self::Event(event) => Batch::Events(vec![(**event).clone()]),
            Self::Item(item) => Batch::Items(vec![item.clone()]),
        }
    }
}

/// The message of a step; `None` when the step makes none.
pub(super) fn message(
    step: &Value,
    tracker: Tracker<'_>,
    now_ms: i64,
) -> Result<Option<Message>, Trouble> {
    let op = step["op"].as_str().unwrap_or_default();
    let args = &step["args"];
    let calls: Vec<Call<'_>> = match op {
        "track_custom_event" | "track_user" | "submit_item" => named(args),
        "track_user_positional" => {
            let order = [
                "login_user_key",
                "login_user_id",
                "anonymous_id",
                "event_time",
                "attributes",
            ];
            let args = args.as_array().into_iter().flatten();
            order
                .into_iter()
                .zip(args)
                .map(|(name, argument)| Call {
                    method: name,
                    arguments: vec![argument],
                })
                .collect()
        }
        "build_and_track" => built(&step["calls"]),
        _ => return Ok(None),
    };
    let builder = match op {
        "track_custom_event" => "custom",
        "submit_item" => "item",
        "build_and_track" => step["builder"].as_str().unwrap_or_default(),
        _ => "user",
    };
    build(builder, &calls, tracker, now_ms).map(Some)
}

/// The message of an entry of `tables.json`.
pub(super) fn table_message(
    entry: &Value,
    tracker: Tracker<'_>,
    now_ms: i64,
) -> Result<Message, Trouble> {
    let builder = entry["builder"].as_str().unwrap_or_default();
    build(builder, &built(&entry["calls"]), tracker, now_ms)
}

/// One call of a builder, or one named argument, without `set_`.
struct Call<'c> {
    method: &'c str,
    arguments: Vec<&'c Value>,
}

fn named(args: &Value) -> Vec<Call<'_>> {
    let args = args.as_object().into_iter().flatten();
    args.map(|(name, argument)| Call {
        method: name,
        arguments: vec![argument],
    })
    .collect()
}

fn built(calls: &Value) -> Vec<Call<'_>> {
    let calls = calls.as_array().into_iter().flatten();
    calls
        .map(|call| {
            let call = call.as_array().map_or(&[][..], Vec::as_slice);
            let method = call.first().and_then(Value::as_str).unwrap_or_default();
            Call {
                method: method.strip_prefix("set_").unwrap_or(method),
                arguments: call.iter().skip(1).collect(),
            }
        })
        .collect()
}

fn build(
    builder: &str,
    calls: &[Call<'_>],
    tracker: Tracker<'_>,
    now_ms: i64,
) -> Result<Message, Trouble> {
    let mut event = match builder {
        "custom" => EventRecord::custom("", now_ms),
        "user" => EventRecord::login_user_attributes(now_ms),
        "item" => return item(calls, tracker),
        other => return Err(Trouble::Broken(format!("builder {other:?}"))),
    };
    event.event_name = None;
    for Call { method, arguments } in calls {
        let argument = |index: usize| arguments.get(index).copied().unwrap_or(&Value::Null);
        let text = |index| Ok(optional_text(argument(index))?.map(Into::into));
        match *method {
            "event_name" => event.event_name = text(0)?,
            "event_time" => {
                if let Some(time) = optional_time(argument(0))? {
                    event = event.with_event_time_ms(time);
                }
            }
            "anonymous_id" => event.anonymous_id = text(0)?,
            "login_user" => {
                event.login_user_key = text(0)?;
                event.login_user_id = text(1)?;
            }
            "login_user_key" => event.login_user_key = text(0)?,
            "login_user_id" => event.login_user_id = text(0)?,
            "add_attribute" => event.attributes.extend([pair(argument(0), argument(1))?]),
            "attributes" => {
                let attributes = optional_attributes(argument(0))?.unwrap_or_default();
                event = event.with_attributes(attributes);
            }
            "product_id" | "data_source_id" => {}
            other => return Err(Trouble::Broken(format!("method {other:?}"))),
        }
    }
    let event = event
        .with_ids(
            tracker.product_id.to_owned(),
            tracker.data_source_id.to_owned(),
        )
        .with_sdk("python", "1.0.5");
    Ok(Message::Event(Box::new(event)))
}

fn item(calls: &[Call<'_>], tracker: Tracker<'_>) -> Result<Message, Trouble> {
    let mut item = ItemRecord::default();
    for Call { method, arguments } in calls {
        let argument = |index: usize| arguments.get(index).copied().unwrap_or(&Value::Null);
        match *method {
            "item_key" => item.item_key = optional_text(argument(0))?.map(Into::into),
            "item_id" => item.item_id = optional_text(argument(0))?.map(Into::into),
            "add_attribute" => {
                let pair = pair(argument(0), argument(1))?;
                item.attributes.get_or_insert_default().extend([pair]);
            }
            "attributes" | "item_attrs" => item.attributes = optional_attributes(argument(0))?,
            "product_id" | "data_source_id" => {}
            other => return Err(Trouble::Broken(format!("method {other:?}"))),
        }
    }
    let item = item.with_ids(
        tracker.product_id.to_owned(),
        tracker.data_source_id.to_owned(),
    );
    Ok(Message::Item(item))
}

type Pair = (String, growingio_codecs::AttributeValue<'static>);

fn pair(key: &Value, value: &Value) -> Result<Pair, Trouble> {
    match optional_text(key)? {
        Some(key) => Ok((key, any_value(value)?)),
        None => Err(Trouble::Unwritable(format!("{key} as a key"))),
    }
}

/// The attributes of a message, none for none.
pub(super) fn attributes(message: &Message) -> Option<&Attributes<'static>> {
    match message {
        Message::Event(event) => Some(&event.attributes).filter(|found| !found.is_empty()),
        Message::Item(item) => item.attributes.as_ref(),
    }
}
