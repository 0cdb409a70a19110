//! The fields that `Client::send` promises for the span of a call.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use sls_core::model::ShardId;
use support::{client, done, failed, refused};
use tokio::sync::Mutex;
use tracing::field::{self, Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Instrument as _, Level, Metadata, Subscriber};

/// One subscriber of the process at a time: what a call site is to do is remembered for all of them
/// together, and looked at again while others come and go.
static ONLY: Mutex<()> = Mutex::const_new(());

/// Field names and values; `-` as long as there is none.
type Fields = BTreeMap<&'static str, String>;

/// Keeps the fields of the spans of one name, the only ones it wants.
#[derive(Debug, Clone)]
struct Spans {
    name: &'static str,
    seen: Arc<std::sync::Mutex<Vec<Fields>>>,
}

impl Spans {
    fn named(name: &'static str) -> Self {
        Self {
            name,
            seen: Arc::default(),
        }
    }

    fn only(&self) -> Fields {
        let seen = self.seen.lock().unwrap();
        let [fields] = seen.as_slice() else {
            panic!("{seen:?}");
        };
        fields.clone()
    }
}

impl Subscriber for Spans {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_span() && metadata.name() == self.name
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        assert_eq!(*attributes.metadata().level(), Level::DEBUG);
        let names = attributes.metadata().fields();
        let mut fields: Fields = names.iter().map(|it| (it.name(), "-".to_owned())).collect();
        attributes.record(&mut Values(&mut fields));
        let mut seen = self.seen.lock().unwrap();
        seen.push(fields);
        Id::from_u64(seen.len() as u64)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        let mut seen = self.seen.lock().unwrap();
        let fields = &mut seen[span.into_u64() as usize - 1];
        values.record(&mut Values(fields));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, _: &Event<'_>) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

struct Values<'a>(&'a mut Fields);

impl Visit for Values<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }
}

fn check(fields: &Fields, want: [(&'static str, &str); 6]) {
    let want: Fields = want.map(|(name, value)| (name, value.to_owned())).into();
    assert_eq!(*fields, want);
}

#[tokio::test(start_paused = true)]
async fn an_answered_call_has_every_field() {
    let spans = Spans::named("call");
    let _only = ONLY.lock().await;
    let _guard = tracing::subscriber::set_default(spans.clone());
    let (client, _) = client(vec![refused(503, "ServerBusy"), done()]);
    let logstore = client.logstore("shop", "access");
    logstore.delete_shard(ShardId(3)).await.unwrap();
    check(
        &spans.only(),
        [
            ("operation", "DeleteShard"),
            ("project", "shop"),
            ("resource", "shop/access shard 3"),
            ("attempts", "2"),
            ("status", "200"),
            ("request_id", "5E3A"),
        ],
    );
}

#[tokio::test(start_paused = true)]
async fn a_call_without_an_answer_tells_its_attempts() {
    let spans = Spans::named("call");
    let _only = ONLY.lock().await;
    let _guard = tracing::subscriber::set_default(spans.clone());
    let (client, _) = client(vec![failed(), failed(), failed()]);
    client.project("shop").delete().await.unwrap_err();
    check(
        &spans.only(),
        [
            ("operation", "DeleteProject"),
            ("project", "shop"),
            ("resource", "shop"),
            ("attempts", "3"),
            ("status", "-"),
            ("request_id", "-"),
        ],
    );
}

/// Fields of the same name in a span of the program are not ours to write.
#[tokio::test(start_paused = true)]
async fn a_span_around_the_call_is_left_alone_when_ours_is_switched_off() {
    let spans = Spans::named("theirs");
    let _only = ONLY.lock().await;
    let _guard = tracing::subscriber::set_default(spans.clone());
    let (client, _) = client(vec![done()]);
    let theirs = tracing::debug_span!("theirs", status = field::Empty);
    let call = async { client.project("shop").delete().await };
    call.instrument(theirs).await.unwrap();
    assert_eq!(spans.only()["status"], "-");
}
