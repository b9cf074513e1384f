//! What is measured of the server, in the text that Prometheus reads (OpenMetrics).
//!
//! What happens here is counted as it happens; what stands in the store, and what the engine counted, is looked up when somebody reads.
//! Nobody is named: labels are routes, apps, and words from short lists.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use engine::{Engine, EngineError, PlanStatus};
use model::{AppName, Class, DeliveryState};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// The type of the text.
pub(crate) const KIND: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Bounds of the times of requests, in seconds.
const TIMES: [f64; 11] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    method: &'static str,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    route: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Job {
    task: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfApp {
    app: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AppOutcome {
    app: String,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AppStatus {
    app: String,
    /// Of the answer; `none` where there was none.
    status: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Held {
    held: &'static str,
}

/// What is counted as it happens.
pub(crate) struct Meters {
    registry: Registry,
    requests: Family<Answered, Counter>,
    times: Family<Route, Histogram, fn() -> Histogram>,
    jobs: Family<Job, Counter>,
    hooks: Family<Outcome, Counter>,
}

impl Meters {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("provost");
        let (requests, jobs, hooks) = (Family::default(), Family::default(), Family::default());
        let times: Family<Route, Histogram, fn() -> Histogram> = Family::new_with_constructor(|| Histogram::new(TIMES));
        registry.register("http_requests", "Requests that were answered", Family::clone(&requests));
        registry.register_with_unit("http_request_time", "From a request to the head of its answer", Unit::Seconds, times.clone());
        registry.register(
            "jobs",
            "Plannings, runs and undos that somebody asked this server for, and that ended",
            Family::clone(&jobs),
        );
        registry.register("webhooks", "Deliveries of apps: fresh, known before, refused, or not kept", Family::clone(&hooks));
        Self { registry, requests, times, jobs, hooks }
    }

    /// A request was answered.
    pub(crate) fn answered(&self, method: &'static str, route: &str, status: u16, took: Duration) {
        self.times.get_or_create(&Route { route: route.to_owned() }).observe(took.as_secs_f64());
        self.requests.get_or_create(&Answered { method, route: route.to_owned(), status }).inc();
    }

    /// A job ended.
    pub(crate) fn job(&self, task: &'static str, outcome: &'static str) {
        self.jobs.get_or_create(&Job { task, outcome }).inc();
    }

    /// A delivery came.
    pub(crate) fn hook(&self, outcome: &'static str) {
        self.hooks.get_or_create(&Outcome { outcome }).inc();
    }

    /// All of it, and what the engine and the store know, as text.
    ///
    /// # Errors
    /// The store fails.
    pub(crate) async fn text(&self, engine: &Engine) -> Result<String, EngineError> {
        let looked_up = look_up(engine).await?;
        let mut text = String::new();
        // A text takes whatever is written to it.
        encode_registry(&mut text, &self.registry).expect("a text can be written to");
        encode_registry(&mut text, &looked_up).expect("a text can be written to");
        encode_eof(&mut text).expect("a text can be written to");
        Ok(text)
    }
}

/// What the engine counted, and what stands in the store.
async fn look_up(engine: &Engine) -> Result<Registry, EngineError> {
    let mut registry = Registry::with_prefix("provost");
    counted(engine, &mut registry);
    stands(engine, &mut registry).await?;
    Ok(registry)
}

fn counted(engine: &Engine, registry: &mut Registry) {
    let done = engine.done();
    let requests = Family::<AppStatus, Counter>::default();
    for ((app, status), many) in &done.requests {
        let status = status.map_or_else(|| "none".to_owned(), |status| status.to_string());
        requests.get_or_create(&AppStatus { app: app.to_string(), status }).inc_by(*many);
    }
    registry.register("app_requests", "Requests to apps, by the status of the answer; 429 is \"slow down\"", requests);
    let steps = Family::<AppOutcome, Counter>::default();
    for ((app, outcome), many) in &done.steps {
        steps.get_or_create(&AppOutcome { app: app.to_string(), outcome }).inc_by(*many);
    }
    registry.register("steps", "Steps of runs, by outcome", steps);
    let waited = Family::<OfApp, Counter<f64, AtomicU64>>::default();
    for (app, millis) in &done.waited {
        waited.get_or_create(&OfApp { app: app.to_string() }).inc_by(*millis as f64 / 1000.0);
    }
    registry.register_with_unit("app_waited", "How long apps had us wait", Unit::Seconds, waited);
    let of_words = |words: &std::collections::BTreeMap<&'static str, u64>| {
        let family = Family::<Outcome, Counter>::default();
        for (outcome, many) in words {
            family.get_or_create(&Outcome { outcome }).inc_by(*many);
        }
        family
    };
    registry.register("runs", "Runs that finished, or stopped and are to be resumed", of_words(&done.runs));
    registry.register("notices", "Tries to deliver notices: sent, to be tried later, put aside", of_words(&done.notices));
}

async fn stands(engine: &Engine, registry: &mut Registry) -> Result<(), EngineError> {
    let store = engine.store();
    let (open, held) = (Gauge::<i64>::default(), Gauge::<i64>::default());
    for plan in store.plans(engine.now()).await? {
        if plan.status == PlanStatus::Pending {
            if plan.class == Class::Open {
                open.inc()
            } else {
                held.inc()
            };
        }
    }
    let waiting = Family::<Held, Gauge>::default();
    for (word, gauge) in [("no", open), ("yes", held)] {
        waiting.get_or_create(&Held { held: word }).set(gauge.get());
    }
    registry.register("plans_waiting", "Plans that wait for a decision; held ones by a guard", waiting);
    let unfinished = Gauge::<i64>::default();
    unfinished.set(whole(store.unfinished_runs().await?.len()));
    registry.register("runs_unfinished", "Runs that are under way, stopped or cut off", unfinished);
    let (pace, quarantined, ever) = (OfApps::default(), OfApps::default(), Family::<OfApp, Counter>::default());
    for app in engine.app_names() {
        let health = store.health(app).await?;
        quarantined.set(app, i64::from(health.quarantine.is_some()));
        ever.get_or_create(&OfApp { app: app.to_string() }).inc_by(health.quarantines.into());
        if let Some(found) = health.pace {
            pace.set(app, i64::try_from(found.per_minute).unwrap_or(i64::MAX));
        }
    }
    registry.register("app_quarantined", "1 while the app is in quarantine", quarantined.0);
    registry.register("app_quarantines", "How often the app was put in quarantine, ever", ever);
    registry.register("app_pace_per_minute", "Requests a minute that the app was last found to take", pace.0);
    let aside = Gauge::<i64>::default();
    let deliveries = store.deliveries().await?;
    aside.set(whole(deliveries.iter().filter(|delivery| delivery.state == DeliveryState::Aside).count()));
    registry.register("notices_aside", "Notices that are put aside", aside);
    let size = Gauge::<i64>::default();
    size.set(i64::try_from(store.size().await?).unwrap_or(i64::MAX));
    registry.register_with_unit("store_size", "What the database has for the store", Unit::Bytes, size);
    Ok(())
}

/// A number of each app.
#[derive(Default)]
struct OfApps(Family<OfApp, Gauge>);

impl OfApps {
    fn set(&self, app: &AppName, number: i64) {
        self.0.get_or_create(&OfApp { app: app.to_string() }).set(number);
    }
}

fn whole(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
