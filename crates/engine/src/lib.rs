//! The use-cases: read, propose, decide, execute, resume, report.  The only place where store and connectors meet.
//!
//! Faces call [`Engine`] and print what it gives; they hold no rules.  What the engine needs from outside comes in as [`Ports`].

mod aside;
mod callers;
mod check;
mod connection;
mod consent;
mod decide;
mod error;
mod execute;
mod freeze;
mod history;
mod home;
mod increments;
mod known;
mod look;
mod meter;
mod named;
mod next;
mod notices;
mod outside;
mod pages;
mod past;
mod propose;
mod pulled;
mod push;
mod quarantine;
mod read;
mod rehearse;
mod replies;
mod revert;
mod review;
mod roster;
mod session;
mod signing;
mod sources;
mod standing;
mod tokens;
mod trail;
mod triggers;
mod walk;
mod watch;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use connector::{Clock, Ids, Random, Sleep, Target, Transport};
use model::{AppName, Digest, Fingerprint, Nobody, RateLimit, Signatures, SourceName};
use plan::{Compiled, Planner};
use store::Store;

pub use aside::AsideRule;
pub use callers::{Caller, Shown};
pub use check::CheckReport;
pub use connector::{Broken, RawEvent, Signing};
pub use decide::Divided;
pub use error::EngineError;
pub use execute::RunSummary;
pub use history::{Happened, History};
pub use known::{Coverage, CoverageThen, Covered, Flow};
pub use look::{AppRow, Found, KeptSession, LinkedAccount, PersonRow};
pub use meter::Done;
pub use next::of_store as store_next;
pub use notices::{NotSent, Notices, Sending, Telling};
pub use pages::{PlanPage, Span, Word};
pub use plan::render::{Grouped, Shown as PlanShown, grouped, kind_word, verb_word};
pub use plan::report::Report;
pub use plan::{Explanation, InApp};
pub use propose::{Ask, Facts, Proposed};
pub use quarantine::QuarantineRule;
pub use rehearse::{Cast, Rehearse, Scene, Stage, StandIn};
pub use revert::{Revert, Undo};
pub use roster::{DateOrder, FileSource, Roster, RosterError, RowPlaces, ScimPath, read_file};
pub use signing::{Approvers, KeyError, SigningKey};
pub use standing::{StandingRow, StandingState};
pub use store::{AuditReport, Begun, PlanStatus, PlanSummary, PushedWhat, Replied, StoreError, Written};
pub use trail::AuditFilter;
pub use triggers::{Cause, Followed, FollowedPlan, HeardEvents, Hook, PlannedFor, Schedule, Turn, Unheard, Watched};
pub use watch::{Event, Silent, Watch};

/// What comes from outside, filled by the composition root; simulation replaces it.
#[derive(Clone)]
pub struct Ports {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Waiting.
    pub sleep: Arc<dyn Sleep>,
    /// Chance.
    pub random: Arc<dyn Random>,
    /// Ids.
    pub ids: Arc<dyn Ids>,
    /// The one way out.
    pub transport: Arc<dyn Transport>,
}

/// One app as the composition root connects it.
#[derive(Clone)]
pub struct AppSetup {
    /// The connector.
    pub target: Arc<dyn Target>,
    /// The base URL.
    pub base_url: String,
    /// Which tenant this is, and as whom it is used.
    pub fingerprint: Fingerprint,
    /// Where its ids mean the same: as the fingerprint, whoever logs in and whatever that log-in sees.
    pub home: Fingerprint,
    /// The profile that configuration pins, by the connector's name for it; none where logging in tells.
    pub profile: Option<String>,
    /// After how long (seconds) its accounts are read as a whole again, where it tells what changed since.
    pub full_every: i64,
    /// How long a write whose outcome is unknown may still take effect.
    pub settle: Duration,
    /// The rate to keep, where configuration says one; else the manifest's, else it is found.
    pub rate: Option<RateLimit>,
    /// The digest of the address and the credentials that it is used with, where those are at hand; never kept as it is.
    pub used: Option<Digest>,
}

impl AppSetup {
    /// The limit that is kept, in words.
    pub(crate) fn limit_in_words(&self) -> String {
        match self.rate.or(self.target.manifest().limit) {
            Some(rate) => format!("{} requests a second, {} more at once", rate.per_second, rate.burst),
            None => "not published: the pace adapts".into(),
        }
    }
}

/// An organization: its policy, where its people come from, its apps.
pub struct Setup {
    /// The policy, compiled.
    pub policy: Compiled,
    /// Files to read people from.
    pub sources: BTreeMap<SourceName, FileSource>,
    /// Services that are asked what they say of people, over the way that apps are asked.
    pub pulled: BTreeMap<SourceName, AppSetup>,
    /// The apps.
    pub apps: BTreeMap<AppName, AppSetup>,
    /// Who we are to other processes, for leases: names this process on this machine.
    pub owner: String,
    /// Whether the process that an owner names is known to be gone.
    pub owner_is_gone: fn(&str) -> bool,
}

/// The use-cases of one organization.
pub struct Engine {
    store: Store,
    ports: Ports,
    setup: Setup,
    /// What the last planning knew, where there is a next one.
    planner: Option<Mutex<Planner>>,
    /// Whose signatures count.
    keys: Arc<dyn Signatures + Send + Sync>,
    /// How long (seconds) the images of a finished run are kept; for ever where nobody says.
    keep_images: Option<i64>,
    behaviour: Behaviour,
    /// The apps that may tell of events, and how they are believed.
    hooks: BTreeMap<AppName, Hook>,
    /// When everybody is planned for.
    schedules: Vec<Schedule>,
    /// When tokens were last used.
    uses: tokens::Uses,
    /// What was read last.
    known: known::Known,
    /// Who is told of what, where anybody is.
    telling: Option<Telling>,
    /// What was done since it began.
    meter: Arc<meter::Meter>,
}

/// What is done about apps, and steps, that fail; nothing by default.
#[derive(Clone, Debug, Default)]
pub struct Behaviour {
    /// When an app is put in quarantine; apps that are not here never are.
    pub quarantine: BTreeMap<AppName, QuarantineRule>,
    /// For how long steps that fail alone are put aside; without it they are planned again each time.
    pub aside: Option<AsideRule>,
}

impl Engine {
    /// An engine over a store.
    pub fn new(store: Store, ports: Ports, setup: Setup) -> Self {
        let (keys, behaviour) = (Arc::new(Nobody), Behaviour::default());
        Self {
            store,
            ports,
            setup,
            planner: None,
            keys,
            behaviour,
            keep_images: None,
            hooks: BTreeMap::new(),
            schedules: Vec::new(),
            uses: tokens::Uses::default(),
            known: known::Known::default(),
            telling: None,
            meter: Arc::default(),
        }
    }

    /// The engine, hearing the events of these apps.
    #[must_use]
    pub fn hearing(self, hooks: BTreeMap<AppName, Hook>) -> Self {
        Self { hooks, ..self }
    }

    /// The engine, planning for everybody by these schedules while a server runs.
    #[must_use]
    pub fn scheduled(self, schedules: Vec<Schedule>) -> Self {
        Self { schedules, ..self }
    }

    /// The engine, doing this about apps and steps that fail.
    #[must_use]
    pub fn minding(self, behaviour: Behaviour) -> Self {
        Self { behaviour, ..self }
    }

    /// The engine, for planning time after time: it keeps what the last planning knew and works out anew only what may be another than
    /// then.  It costs about 250 bytes a person and app as long as the engine lives, and gives the same plans.
    #[must_use]
    pub fn planning_again(self) -> Self {
        Self { planner: Some(Mutex::default()), ..self }
    }

    /// The engine, counting signatures that these keys vouch for; without them none counts.
    #[must_use]
    pub fn trusting(self, keys: Arc<dyn Signatures + Send + Sync>) -> Self {
        Self { keys, ..self }
    }

    fn keys(&self) -> &dyn Signatures {
        self.keys.as_ref()
    }

    /// The engine, keeping the images of finished runs for so many seconds: an older run cannot be taken back any more.
    #[must_use]
    pub fn keeping_images(self, seconds: Option<i64>) -> Self {
        Self { keep_images: seconds, ..self }
    }

    /// What it has done since it began, in numbers.
    pub fn done(&self) -> Done {
        self.meter.read()
    }

    /// The configured apps.
    pub fn app_names(&self) -> impl Iterator<Item = &AppName> {
        self.setup.apps.keys()
    }

    /// The time, by the clock in force.
    pub fn now(&self) -> jiff::Timestamp {
        self.ports.clock.now()
    }

    /// A new id: a UUID v7.
    pub fn new_id(&self) -> String {
        self.ports.ids.id()
    }

    /// The policy in force.
    pub fn policy(&self) -> &Compiled {
        &self.setup.policy
    }

    /// The sources that push what they say, and are let in by a token.
    pub fn pushed_sources(&self) -> impl Iterator<Item = &SourceName> {
        let pushes = |name: &SourceName, kind: &str| kind == "scim" && !self.setup.pulled.contains_key(name);
        self.setup.policy.policy().sources.iter().filter(move |(name, source)| pushes(name, &source.kind)).map(|(name, _)| name)
    }

    /// The sources that are asked what they say.
    pub fn pulled_sources(&self) -> impl Iterator<Item = &SourceName> {
        self.setup.pulled.keys()
    }

    /// The store, for faces that list what is in it.
    pub fn store(&self) -> &Store {
        &self.store
    }

    fn app(&self, name: &AppName) -> Result<&AppSetup, EngineError> {
        self.setup
            .apps
            .get(name)
            .ok_or_else(|| EngineError::NoSuchApp { app: name.clone(), known: self.setup.apps.keys().cloned().collect() })
    }
}
