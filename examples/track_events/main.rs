//! Tracks events, user attributes and items in every way there is, and shows what arrived.
//!
//! Without arguments it needs nothing: it starts a collector in this process and prints every
//! record as the collector has decoded it. With these variables it sends to a project of yours:
//!
//! ```text
//! GROWINGIO_PRODUCT_ID=.. GROWINGIO_DATA_SOURCE_ID=.. GROWINGIO_SERVER_HOST=https://.. \
//!     cargo run --example track_events
//! ```
//!
//! Nothing here is async: every call is waited for.

mod show;

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use growingio_tracker::{
    Asynchronous, Buffered, CustomEvent, Identity, Json, Protobuf, Snappy, Tracker, TrackerBuilder,
    Xor,
};
use sls_local::LocalServer;

type Done = Result<(), Box<dyn Error>>;

/// Where events go.
struct Target {
    product_id: String,
    data_source_id: String,
    server_host: String,
}

/// How long a flush or a close may take.
const LIMIT: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("track_events: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Done {
    if let Some(target) = Target::from_environment() {
        println!("sending to {}", target.server_host);
        return track_everything(&target);
    }
    let runtime = tokio::runtime::Runtime::new()?;
    let server = runtime.block_on(LocalServer::builder().start())?;
    let target = Target {
        product_id: "my-product".to_owned(),
        data_source_id: "my-data-source".to_owned(),
        server_host: server.endpoint(),
    };
    println!("sending to a collector in this process");
    track_everything(&target)?;
    let shown = show::table(&server.growingio().events());
    println!("{shown}");
    runtime.block_on(server.shutdown(LIMIT));
    Ok(())
}

fn track_everything(target: &Target) -> Done {
    a_built_message(target)?;
    every_kind_of_message(target)?;
    a_user(target)?;
    in_a_buffer(target)?;
    in_the_background(target)?;
    compressed_and_obfuscated(target)?;
    as_protobuf(target)
}

/// A message that is built first and tracked later.
fn a_built_message(target: &Target) -> Done {
    let tracker = target.tracker().delivery(Buffered::default()).build()?;
    let message = CustomEvent::new("page_viewed")
        .with_attribute("num", 3)
        .with_identity(Identity::anonymous("visitor-1"));
    tracker.track(message).wait()?;
    complete(tracker.flush(LIMIT).wait())
}

/// The three short calls, each sent at once.
fn every_kind_of_message(target: &Target) -> Done {
    let tracker = target.tracker().build()?;
    let user = Identity::login_user("user@example.com")
        .with_key("email")
        .with_anonymous_id("visitor-1");
    let attributes = [("name", "a name"), ("age", "100")];
    tracker
        .track_custom_event("test", user.clone(), attributes)
        .wait()?;
    tracker.track_user(user, attributes).wait()?;
    tracker
        .submit_item("product", "1001", [("attr", "item")])
        .wait()?;
    Ok(())
}

/// Attributes of a login user.
fn a_user(target: &Target) -> Done {
    let tracker = target.tracker().build()?;
    let user = Identity::login_user("user-1")
        .with_key("account")
        .with_anonymous_id("visitor-1");
    tracker
        .track_user(user, [("education", ["bachelor", "master"])])
        .wait()?;
    Ok(())
}

/// Events wait until there are many or somebody flushes; an item overtakes them.
fn in_a_buffer(target: &Target) -> Done {
    let tracker = target.tracker().delivery(Buffered::default()).build()?;
    let visitor = || Identity::anonymous("visitor-1");
    for num in 0..3 {
        tracker
            .track_custom_event("buffered", visitor(), [("num", num)])
            .wait()?;
    }
    tracker
        .submit_item("buffered", "1002", [("consumer", "buffered")])
        .wait()?;
    for num in 3..5 {
        tracker
            .track_custom_event("buffered", visitor(), [("num", num)])
            .wait()?;
    }
    complete(tracker.flush(LIMIT).wait())
}

/// Nobody waits for the collector; an item sends what waits, and so does time.
fn in_the_background(target: &Target) -> Done {
    let delivery = Asynchronous::default().with_flush_after(Duration::from_millis(200));
    let tracker = target.tracker().delivery(delivery).build()?;
    let visitor = || Identity::anonymous("visitor-1");
    for num in 0..3 {
        tracker
            .track_custom_event("in_background", visitor(), [("num", num)])
            .wait()?;
    }
    tracker
        .submit_item("in_background", "1003", [("consumer", "asynchronous")])
        .wait()?;
    let user = Identity::login_user("user@example.com")
        .with_key("email")
        .with_anonymous_id("visitor-1");
    tracker
        .track_user(user, [("name", "a name"), ("age", "100")])
        .wait()?;
    complete(tracker.flush(LIMIT).wait())?;
    tracker
        .track_custom_event("in_background", visitor(), [("num", "last")])
        .wait()?;
    complete(tracker.close(LIMIT).wait())
}

/// JSON in a snappy block, every byte combined with one of the time of sending.
fn compressed_and_obfuscated(target: &Target) -> Done {
    let codec = Xor::new(Snappy::new(Json));
    let tracker = target.tracker().codec(codec).build()?;
    let user = Identity::login_user("user@example.com")
        .with_key("email")
        .with_anonymous_id("visitor-1");
    let attributes = [("name", "a name"), ("age", "100"), ("xor", "True")];
    tracker
        .track_custom_event("compressed", user, attributes)
        .wait()?;
    Ok(())
}

/// The other format, in the background.
fn as_protobuf(target: &Target) -> Done {
    let tracker = target
        .tracker()
        .codec(Protobuf)
        .delivery(Asynchronous::default())
        .build()?;
    let user = Identity::login_user("user@example.com")
        .with_key("email")
        .with_anonymous_id("visitor-1");
    let attributes = [("name", "a name"), ("age", "100")];
    tracker
        .track_custom_event("as_protobuf", user, attributes)
        .wait()?;
    tracker
        .submit_item("as_protobuf", "1004", [("consumer", "asynchronous")])
        .wait()?;
    for num in 1..3 {
        let visitor = Identity::anonymous("visitor-1");
        tracker
            .track_custom_event("as_protobuf", visitor, [("num", num)])
            .wait()?;
    }
    // Dropping the tracker would do as well; closing tells how it went.
    complete(tracker.close(LIMIT).wait())
}

fn complete(report: growingio_tracker::Report) -> Done {
    match report.error {
        Some(error) => Err(error.into()),
        None => Ok(()),
    }
}

impl Target {
    fn from_environment() -> Option<Self> {
        let text = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
        Some(Self {
            product_id: text("GROWINGIO_PRODUCT_ID")?,
            data_source_id: text("GROWINGIO_DATA_SOURCE_ID")?,
            server_host: text("GROWINGIO_SERVER_HOST")?,
        })
    }

    fn tracker(&self) -> TrackerBuilder {
        let Self {
            product_id,
            data_source_id,
            server_host,
        } = self;
        Tracker::builder(product_id, data_source_id, server_host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_arrives_and_is_complete() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let server = runtime.block_on(LocalServer::builder().start()).unwrap();
        let target = Target {
            product_id: "p".to_owned(),
            data_source_id: "d".to_owned(),
            server_host: server.endpoint(),
        };
        track_everything(&target).unwrap();
        let collected = server.growingio();
        collected.assert_valid();
        collected.assert_no_repeats();
        let events = collected.events();
        assert_eq!(events.len(), 22);
        let table = show::table(&events);
        for text in [
            "page_viewed",
            "bachelor||master",
            "product 1001",
            "num=last",
        ] {
            assert!(table.contains(text), "{text} is not in\n{table}");
        }
        assert_eq!(table.lines().count(), 23);
    }
}
