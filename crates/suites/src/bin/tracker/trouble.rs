//! What happens to the collector, and what must come of it.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use growingio_codecs::Batch;
use growingio_codecs::Route;
use growingio_codecs::decode::{DecodeLimits, decode_json};
use growingio_tracker::{
    Asynchronous, Buffered, DeadLetter, Immediate, Retry, Rules, Tracker, TrackerBuilder,
};
use sls_local::{CollectedEvent, Fault, LocalServer};
use suites::clients::Result;
use tokio::time::{Instant, sleep};

use crate::ledger::{ID, Ledger};
use crate::load::{Calls, Load};

/// When messages are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Strategy {
    Immediate,
    Buffered,
    Asynchronous,
}

/// One kind of trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    None,
    Down,
    Flapping,
    Slow,
    Fails,
    AsksForTime,
    Refuses,
    LosesAnswers,
    DownForGood,
}

impl Strategy {
    pub(crate) const ALL: [Self; 3] = [Self::Immediate, Self::Buffered, Self::Asynchronous];

    fn name(self) -> &'static str {
        match self {
            Self::Immediate => "immediate",
            Self::Buffered => "buffered",
            Self::Asynchronous => "asynchronous",
        }
    }

    fn set(self, builder: TrackerBuilder) -> TrackerBuilder {
        match self {
            Self::Immediate => builder.delivery(Immediate),
            Self::Buffered => builder.delivery(Buffered::default().with_max_size(50)),
            Self::Asynchronous => builder.delivery(
                Asynchronous::default()
                    // A slow collector takes one request after the other.
                    .with_max_size(200)
                    .with_flush_after(Duration::from_secs(1)),
            ),
        }
    }
}

/// The product of all events here.
const PRODUCT: &str = "suite";
/// Where an answer that takes this long is not yet given up.
const SLOW: Duration = Duration::from_millis(700);
/// Room for everything that a run sends, since all of it is compared.
const KEPT_BYTES: usize = 1 << 30;

impl Trouble {
    pub(crate) const ALL: [Self; 9] = [
        Self::None,
        Self::Down,
        Self::Flapping,
        Self::Slow,
        Self::Fails,
        Self::AsksForTime,
        Self::Refuses,
        Self::LosesAnswers,
        Self::DownForGood,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Down => "down for a while",
            Self::Flapping => "down every now and then",
            Self::Slow => "slow",
            Self::Fails => "500, one in three",
            Self::AsksForTime => "429 with Retry-After",
            Self::Refuses => "400 for one in 97",
            Self::LosesAnswers => "cut after the commit",
            Self::DownForGood => "down for good",
        }
    }

    /// How long the collector is away or misbehaves.
    fn lasts(self, short: bool) -> Duration {
        Duration::from_secs(match (self, short) {
            (Self::Down, false) => 60,
            (Self::Flapping, false) => 24,
            (_, false) => 5,
            (Self::Down | Self::Flapping, true) => 3,
            (_, true) => 1,
        })
    }

    /// How long a request may take.
    fn request_timeout(self) -> Duration {
        Duration::from_secs(match self {
            // Nothing is to be sent twice only because the machine is slower than the collector.
            Self::None | Self::Slow => 60,
            _ => 2,
        })
    }

    pub(crate) async fn run(self, strategy: Strategy, short: bool) -> Result<Ledger> {
        let collector = Collector::start(self == Self::Refuses).await?;
        let given_up = Arc::new(Mutex::new(HashSet::new()));
        let letters = Arc::clone(&given_up);
        let builder = Tracker::builder(PRODUCT, "source", collector.endpoint())
            .no_proxy()
            // Otherwise nothing that the collector refuses would be sent.
            .rules(Rules::lenient())
            .retry(Retry::default().with_backoff_factor(Duration::from_millis(100)))
            .request_timeout(self.request_timeout())
            .on_dead_letter(move |letter| {
                let mut letters = letters.lock().unwrap_or_else(PoisonError::into_inner);
                letters.extend(numbers(&letter));
            });
        let tracker = strategy.set(builder).build()?;
        let lasts = self.lasts(short);
        let load = Load {
            // It goes on for a while after the trouble.
            lasts: lasts + Duration::from_millis(if short { 500 } else { 2000 }),
            per_second: 100,
            bad_one_in: (self == Self::Refuses).then_some(97),
        };
        let (calls, collector) = tokio::join!(load.run(&tracker), self.befall(collector, lasts));
        let mut collector = collector?;
        let mut ledger = Ledger {
            trouble: self.name(),
            strategy: strategy.name(),
            events: calls.made,
            refused: calls.refused,
            ..Ledger::default()
        };
        let deadline = match self {
            Self::DownForGood => Duration::from_secs(2),
            _ => Duration::from_secs(60),
        };
        let began = Instant::now();
        let report = tracker.close(deadline).await;
        ledger.closed(began.elapsed(), deadline, &report);
        // It was closed for all clones, and the second close has nothing to do.
        let began = Instant::now();
        let report = tracker.close(deadline).await;
        ledger.closed(began.elapsed(), deadline, &report);
        ledger.closing.pop();

        let arrived = collector.arrived().await;
        let given_up = given_up.lock().unwrap_or_else(PoisonError::into_inner);
        ledger.settle(&calls.taken, &given_up, &arrived);
        self.judge(strategy, &calls, &given_up, &mut ledger);
        Ok(ledger)
    }

    /// Lets it happen, for so long.
    async fn befall(self, mut collector: Collector, lasts: Duration) -> Result<Collector> {
        match self {
            Self::None | Self::Refuses => {}
            Self::Down => {
                sleep(Duration::from_millis(200)).await;
                collector.stop().await;
                sleep(lasts).await;
                collector.start_again().await?;
            }
            Self::Flapping => {
                let ends = Instant::now() + lasts;
                while Instant::now() < ends {
                    sleep(Duration::from_millis(400)).await;
                    collector.stop().await;
                    sleep(Duration::from_millis(600)).await;
                    collector.start_again().await?;
                }
            }
            Self::DownForGood => {
                sleep(lasts / 2).await;
                collector.stop().await;
            }
            Self::Slow => collector.suffer(Fault::delay(SLOW)),
            Self::Fails => {
                let fault = Fault::refuse(500, "InternalServerError");
                // The first one in any case, however few requests a slow machine makes.
                collector.suffer(fault.clone().times(1));
                collector.suffer(fault.with_probability(0.3));
            }
            Self::AsksForTime => {
                let fault = Fault::refuse(429, "TooManyRequests");
                let fault = fault.with_retry_after(Duration::from_secs(1));
                collector.suffer(fault.times(4));
            }
            Self::LosesAnswers => {
                collector.suffer(Fault::cut_after().times(1));
                collector.suffer(Fault::cut_after().with_probability(0.2));
            }
        }
        Ok(collector)
    }

    /// What must have come of it beside no loss.
    fn judge(
        self,
        strategy: Strategy,
        calls: &Calls,
        given_up: &HashSet<u64>,
        ledger: &mut Ledger,
    ) {
        let mut must = |holds: bool, what: &str| {
            if !holds {
                ledger.wrong.push(what.to_owned());
            }
        };
        let counts = ledger.counts;
        match self {
            Self::None | Self::Slow => {
                must(counts.retried == 0, "something was sent twice");
                must(counts.delivered == calls.made, "not everything arrived");
            }
            Self::Fails | Self::AsksForTime => {
                must(counts.retried > 0, "nothing was sent again");
            }
            Self::Refuses if strategy == Strategy::Immediate => {
                must(calls.refused == bad(calls.made), "other calls failed");
            }
            Self::Refuses => {
                let wanted: HashSet<_> = (0..calls.made).filter(|id| id % 97 == 0).collect();
                must(*given_up == wanted, "other messages are dead letters");
            }
            Self::LosesAnswers => {
                must(ledger.duplicates > 0, "no answer was lost");
            }
            Self::Down | Self::Flapping | Self::DownForGood => {}
        }
        let may_repeat = matches!(
            self,
            Self::LosesAnswers | Self::Flapping | Self::Down | Self::DownForGood
        );
        must(
            may_repeat || ledger.duplicates == 0,
            "something arrived twice",
        );
        let may_drop = self == Self::DownForGood;
        must(may_drop || counts.dropped == 0, "something was dropped");
        if strategy == Strategy::Asynchronous {
            must(calls.refused == 0, "a call failed");
        }
    }
}

fn bad(made: u64) -> u64 {
    made.div_ceil(97)
}

/// The numbers of the events in a dead letter.
fn numbers(letter: &DeadLetter) -> Vec<u64> {
    let limits = DecodeLimits::default();
    let batch = decode_json(Route::Events, &letter.body(), &limits);
    let Ok(Batch::Events(events)) = batch else {
        return Vec::new();
    };
    let events = events.iter();
    let texts = events.filter_map(|event| event.attributes.get(ID)?.to_text());
    texts.filter_map(|text| text.parse().ok()).collect()
}

/// A collector that can go away and come back at the same address.
struct Collector {
    server: Option<LocalServer>,
    address: SocketAddr,
    strict: bool,
    /// What has arrived before the last time it went away.
    earlier: Vec<Arc<CollectedEvent>>,
}

impl Collector {
    async fn start(strict: bool) -> Result<Self> {
        let mut collector = Self {
            server: None,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            strict,
            earlier: Vec::new(),
        };
        collector.start_again().await?;
        Ok(collector)
    }

    async fn start_again(&mut self) -> Result<()> {
        let server = LocalServer::builder()
            .listen(self.address)
            .growingio_strict(self.strict)
            .growingio_budget(KEPT_BYTES)
            .start()
            .await?;
        self.address = server.addr();
        self.server = Some(server);
        Ok(())
    }

    fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    async fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            let collected = server.growingio();
            server.shutdown(Duration::from_millis(100)).await;
            self.earlier.extend(collected.events());
        }
    }

    fn suffer(&self, fault: Fault) {
        if let Some(server) = &self.server {
            server.service().inject(fault.on_operation("growingio"));
        }
    }

    /// All that was accepted; the collector is gone then.
    async fn arrived(&mut self) -> Vec<Arc<CollectedEvent>> {
        self.stop().await;
        std::mem::take(&mut self.earlier)
    }
}
