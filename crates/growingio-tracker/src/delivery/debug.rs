use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use growingio_codecs::{Attributes, Encoded};

use crate::delivery::{AtOnce, Delivery, Then};
use crate::error::Error;
use crate::message::Message;
use crate::pending::Pending;
use crate::report::Report;

/// Prints every message and its request, and sends it at once all the same.
///
/// For trying things out: what is printed holds all of the user's data.
///
/// ```text
/// GrowingIO Configuration:{productId=..,dataSourceId=..,serverHost=..}     when it is built
/// SEND MESSAGE:{event_type:CUSTOM,event_name:..,..}
/// ╔═════════════════════════════HTTP POST══════════════════════════════════
/// --> POST {address without query} HTTP_1_1
///  ({n}-byte body)
/// {headers}
/// {body}
/// <-- RESULT:True
/// ╚═════════════════════════════POST  END══════════════════════════════════
/// ```
///
/// When no answer arrives, it ends with the body.
#[doc(alias = "DebugConsumer")]
#[must_use]
pub struct DebugPrint {
    pub(crate) dry_run: bool,
    pub(crate) to: Box<dyn Write + Send>,
}

impl Default for DebugPrint {
    fn default() -> Self {
        Self::new()
    }
}

impl DebugPrint {
    /// Prints to the standard output, and sends.
    pub fn new() -> Self {
        Self {
            dry_run: false,
            to: Box::new(io::stdout()),
        }
    }

    /// Prints what would be sent and sends nothing.
    ///
    /// The result is printed as `DRY RUN`.
    pub fn dry_run() -> Self {
        Self {
            dry_run: true,
            ..Self::new()
        }
    }

    /// Prints to something else. What cannot be written is passed over.
    pub fn to(mut self, writer: impl Write + Send + 'static) -> Self {
        self.to = Box::new(writer);
        self
    }
}

impl fmt::Debug for DebugPrint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DebugPrint")
            .field("dry_run", &self.dry_run)
            .finish_non_exhaustive()
    }
}

const TOP: &str = "╔═════════════════════════════HTTP POST══════════════════════════════════";
const BOTTOM: &str = "╚═════════════════════════════POST  END══════════════════════════════════";

/// [`DebugPrint`] at work.
#[derive(Debug)]
pub(crate) struct Printer {
    at_once: AtOnce,
    dry_run: bool,
    out: Out,
}

#[derive(Clone)]
struct Out(Arc<Mutex<Box<dyn Write + Send>>>);

impl Printer {
    pub(crate) fn new(
        settings: DebugPrint,
        at_once: AtOnce,
        product_id: &str,
        data_source_id: &str,
    ) -> Self {
        let printer = Self {
            at_once,
            dry_run: settings.dry_run,
            out: Out(Arc::new(Mutex::new(settings.to))),
        };
        let address = printer.at_once.upload.server.address();
        printer.out.print(&format!(
            "GrowingIO Configuration:{{productId={product_id},dataSourceId={data_source_id},serverHost={address}}}\n"
        ));
        printer
    }
}

impl Delivery for Printer {
    fn take(&self, message: Message<'_>) -> Pending<Result<(), Error>> {
        let upload = Arc::clone(&self.at_once.upload);
        if self.at_once.is_closed() {
            return Pending::ready(Err(Error::Closed));
        }
        let mut text = format!("SEND MESSAGE:{{{}}}\n{TOP}\n", told(&message));
        let (product_id, route) = (message.product_id().to_owned(), message.route());
        let encoded = match upload.encode(&message.into_batch()) {
            Ok(encoded) => encoded,
            Err(error) => return Pending::ready(Err(error)),
        };
        text.push_str(&request(&encoded, &upload.address(&encoded, &product_id)));
        self.out.print(&text);
        let out = self.out.clone();
        if self.dry_run {
            out.print(&format!("<-- DRY RUN\n{BOTTOM}\n"));
            upload.counters.tracked(1);
            upload.counters.dropped(1);
            return Pending::ready(Ok(()));
        }
        self.at_once.courier.ask(
            move |transport| async move {
                let request = upload.request(encoded, &product_id);
                let outcome = upload.send(transport, route, request).await;
                match &outcome {
                    Ok(()) => {
                        upload.counters.tracked(1);
                        upload.counters.delivered(1);
                        out.print(&format!("<-- RESULT:True\n{BOTTOM}\n"));
                    }
                    Err(Error::Refused { .. }) => {
                        out.print(&format!("<-- RESULT:False\n{BOTTOM}\n"));
                    }
                    Err(_) => {}
                }
                outcome
            },
            |gone| Err(Error::of_courier(gone)),
        )
    }

    fn settle(&self, _deadline: Duration, then: Then) -> Pending<Report> {
        Pending::ready(self.at_once.settle(then))
    }
}

impl Out {
    /// In one piece, so that what several threads print does not mix.
    fn print(&self, text: &str) {
        let mut out = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }
}

impl fmt::Debug for Out {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Out")
    }
}

/// The fields of a message, those that are there.
fn told(message: &Message<'_>) -> String {
    let mut fields = Vec::new();
    let mut put = |name: &str, value: Option<&str>| {
        if let Some(value) = value {
            fields.push(format!("{name}:{value}"));
        }
    };
    match message {
        Message::Event(event) => {
            put("event_type", Some(event.event_type.name()));
            put("event_name", event.event_name.as_deref());
            put("product_id", event.product_id.as_deref());
            put("data_source_id", event.data_source_id.as_deref());
            let time =
                |time: Option<i64>| time.map_or_else(|| "None".to_owned(), |ms| ms.to_string());
            put("event_time", Some(&time(event.timestamp_ms)));
            put("send_time", Some(&time(event.send_time_ms)));
            put("anonymous_id", event.anonymous_id.as_deref());
            put("login_user_key", event.login_user_key.as_deref());
            put("login_user_id", event.login_user_id.as_deref());
            let attributes = Some(&event.attributes).filter(|found| !found.is_empty());
            put("attributes", attributes.map(map).as_deref());
        }
        Message::Item(item) => {
            put("item_key", item.item_key.as_deref());
            put("item_id", item.item_id.as_deref());
            put("product_id", item.product_id.as_deref());
            put("data_source_id", item.data_source_id.as_deref());
            put("attributes", item.attributes.as_ref().map(map).as_deref());
        }
        Message::UserMapping(mapping) => {
            put("product_id", Some(&mapping.product_id));
            put("data_source_id", Some(&mapping.data_source_id));
            put("send_time", Some(&mapping.send_time_ms.to_string()));
            for (key, id) in &mapping.identities {
                put(key, Some(id));
            }
        }
    }
    fields.join(",")
}

fn map(attributes: &Attributes<'_>) -> String {
    let value = growingio_codecs::AttributeValue::Map(attributes.clone());
    value.to_text().unwrap_or_default().into_owned()
}

/// Address, length, headers and body of a request.
fn request(encoded: &Encoded, address: &str) -> String {
    let address = address.split('?').next().unwrap_or_default();
    let headers = [("content-type", encoded.content_type)];
    let headers: Vec<_> = headers
        .iter()
        .chain(&encoded.headers)
        .map(|(name, value)| format!("'{name}': '{value}'"))
        .collect();
    let body = match std::str::from_utf8(&encoded.body) {
        // JSON is ASCII; a block that happens to be text stays one line nevertheless.
        Ok(text) if !text.contains(|found: char| found.is_control()) => text.to_owned(),
        _ => format!("b'{}'", encoded.body.escape_ascii()),
    };
    format!(
        "--> POST {address} HTTP_1_1\n ({}-byte body)\n{{{}}}\n{body}\n",
        encoded.body.len(),
        headers.join(", ")
    )
}
