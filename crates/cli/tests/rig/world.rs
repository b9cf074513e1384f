//! One world: two sandboxes, a folder, a time, and the lives of the program in it.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

use bytes::Bytes;
use connector::Target;
use engine::Engine;
use http::{Request, Response, Uri};
use jiff::{SignedDuration, Timestamp};
use rand::SeedableRng;
use rand::rngs::StdRng;
use sandbox::faults::Faults;
use sandbox::{Clock, InProcess, Limit, NoAnswer, Options, SandboxClock, absorb, lessonly};
use store::{Location, Operation, SealKey, Store};
use tempfile::TempDir;
use xtask::postgres::Database;

use super::agenda::Agenda;
use super::director::{Director, Exchange, Straight};
use super::files::Kept;
use super::gate::{LifesGate, on_the_spot};
use super::life::{Life, Lived, Mortal};
use super::ports::ports;

/// How a world begins.
pub struct Setup {
    /// What chance is made from: passwords, ids, jitter.
    pub seed: u64,
    pub now: Timestamp,
    /// The reading of their APIs that both sandboxes answer by.
    pub profile: &'static str,
    /// The configuration; `{lessonly}`, `{absorb}` and `{store}` in it become their addresses.
    pub config: String,
    pub store: StoreAt,
    /// What goes wrong at the sandboxes on purpose, as `--faults` writes it: at Lessonly, at Absorb.
    pub faults: (String, String),
    pub limit: Limit,
    /// `[app.lessonly.groups] managed`, and others.
    pub groups: Vec<String>,
    /// Enrolment rules of the Absorb portal.
    pub rules: Vec<absorb::Rule>,
}

/// Where the store of a world is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreAt {
    /// A SQLite file.
    File,
    /// A database of its own on the tests' PostgreSQL.
    Postgres,
}

/// Everything that happened, a line for each.
#[derive(Clone, Debug, Default)]
pub struct Trace(Arc<Mutex<Vec<String>>>);

impl Trace {
    pub fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn add(&self, line: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }
}

/// What the parts of a world share.
pub struct Shared {
    pub agenda: Arc<Agenda>,
    pub random: Mutex<StdRng>,
    pub trace: Trace,
    director: RwLock<Arc<dyn Director>>,
    /// How far our clock is ahead of the true time.
    skew: Mutex<SignedDuration>,
    apps: BTreeMap<&'static str, App>,
    requests: AtomicU64,
    /// The world's folder, which has another name each time.
    folder: String,
    /// What has left and not arrived.
    under_way: Mutex<BTreeMap<u64, (Exchange, Request<Bytes>)>>,
}

/// One app's sandbox as it is reached.
struct App {
    port: u16,
    way: InProcess,
    clock: SandboxClock,
    /// How far its clock is ahead of the true time.
    skew: Mutex<SignedDuration>,
    arrived: AtomicU64,
}

/// A world.
pub struct World {
    pub lessonly: lessonly::Sandbox,
    pub absorb: absorb::Sandbox,
    pub shared: Arc<Shared>,
    pub(super) kept: Kept,
    pub(super) at: StoreAt,
    lives: AtomicU32,
    /// What is put around every connector.
    around: RwLock<Option<Around>>,
    /// The store as another process has it open, once somebody looks.
    outside: OnceLock<Store>,
    /// Goes after the stores that are open in it.
    database: Option<Database>,
    dir: TempDir,
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(store) = self.outside.take() {
            on_the_spot(store.close());
        }
    }
}

/// Puts something around a connector.
pub type Around = fn(Arc<dyn Target>) -> Arc<dyn Target>;

/// The bytes of a new store: made once, so that a world needs no migration.
fn new_store() -> &'static [u8] {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    BYTES.get_or_init(|| {
        let dir = folder();
        let path = dir.path().join("new.db");
        on_the_spot(async {
            let store = Store::open(path.clone()).await.expect("a new store");
            store.close().await;
        });
        std::fs::read(&path).expect("the new store is read")
    })
}

/// A database with a new store, for the same reason.
fn new_database() -> Database {
    static READY: OnceLock<Database> = OnceLock::new();
    let ready = READY.get_or_init(|| {
        let database = Database::empty();
        let at = Location::parse(&database.url(), Path::new("")).expect("an address");
        on_the_spot(async {
            let store = Store::open(at).await.expect("a new store");
            store.close().await;
        });
        database
    });
    ready.copy()
}

/// A folder in memory where there is one: what a disk would keep is not looked at here.
fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    let dir = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() };
    dir.expect("a folder")
}

impl World {
    pub fn new(setup: Setup) -> Self {
        let dir = folder();
        let options = |name: &str, faults: &str| Options {
            limit: setup.limit,
            faults: if faults.is_empty() { Faults::default() } else { faults.parse().expect("a specification of faults") },
            now: Clock::Fixed(setup.now),
            ledger: Some(dir.path().join(format!("{name}.ledger.jsonl"))),
            access_log: Some(dir.path().join(format!("{name}.access.jsonl"))),
            ..Options::default()
        };
        let profile = *lessonly::PROFILES.iter().find(|known| known.name == setup.profile).expect("lessonly has the profile");
        let config = lessonly::Config { options: options("lessonly", &setup.faults.0), profile, ..lessonly::Config::default() };
        let lessonly = lessonly::Sandbox::open(config).expect("lessonly opens");
        let profile = *absorb::PROFILES.iter().find(|known| known.name == setup.profile).expect("absorb has the profile");
        let options = options("absorb", &setup.faults.1);
        let config = absorb::Config { options, profile, rules: setup.rules.clone(), ..absorb::Config::default() };
        let absorb = absorb::Sandbox::open(config).expect("absorb opens");
        for group in &setup.groups {
            lessonly.create_group(group).expect("a group");
        }
        let app = |port, router, clock: &SandboxClock| App {
            port,
            way: InProcess::new(router),
            clock: clock.clone(),
            skew: Mutex::default(),
            arrived: AtomicU64::new(0),
        };
        let apps = BTreeMap::from([
            ("lessonly", app(1, lessonly.router(), lessonly.clock())),
            ("absorb", app(2, absorb.router(), absorb.clock())),
        ]);
        let shared = Arc::new(Shared {
            agenda: Agenda::new(setup.now),
            random: Mutex::new(StdRng::seed_from_u64(setup.seed)),
            trace: Trace::default(),
            director: RwLock::new(Arc::new(Straight)),
            skew: Mutex::default(),
            apps,
            requests: AtomicU64::new(0),
            folder: dir.path().display().to_string(),
            under_way: Mutex::default(),
        });
        let database = (setup.store == StoreAt::Postgres).then(new_database);
        let store = database.as_ref().map_or_else(|| "provost.db".to_owned(), Database::url);
        if database.is_none() {
            std::fs::write(dir.path().join("provost.db"), new_store()).expect("the store is written");
        }
        let text = setup.config.replace("{lessonly}", "http://127.0.0.1:1/api/v1").replace("{absorb}", "http://127.0.0.1:2");
        let text = text.replace("{store}", &store);
        let world = Self {
            lessonly,
            absorb,
            shared,
            kept: Kept::default(),
            at: setup.store,
            lives: AtomicU32::new(0),
            around: RwLock::default(),
            outside: OnceLock::new(),
            database,
            dir,
        };
        world.write("provost.toml", &text);
        world.write("lessonly.key", "lessonly-sandbox-key");
        world.write("absorb.password", "absorb-sandbox-password");
        world.write("absorb.key", "absorb-sandbox-key");
        world
    }

    /// A file of this world.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), text).expect("a file is written");
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).expect("a file is read")
    }

    /// Who decides from now on.
    pub fn direct(&self, director: Arc<dyn Director>) {
        *self.shared.director.write().unwrap_or_else(PoisonError::into_inner) = director;
    }

    /// What is put around every connector from now on.
    pub fn put_around(&self, around: Around) {
        *self.around.write().unwrap_or_else(PoisonError::into_inner) = Some(around);
    }

    /// The true time.
    pub fn now(&self) -> Timestamp {
        self.shared.agenda.now()
    }

    /// Time passes while the program does not run.
    pub fn pass(&self, by: SignedDuration) {
        self.shared.agenda.pass(by);
        self.shared.bring_up_to_time();
    }

    /// Our clock jumps.
    pub fn set_skew(&self, ahead: SignedDuration) {
        *self.shared.skew.lock().unwrap_or_else(PoisonError::into_inner) = ahead;
    }

    /// An app's clock jumps.
    pub fn set_skew_of(&self, app: &str, ahead: SignedDuration) {
        self.shared.set_skew_of(app, ahead);
    }

    /// One life of the program: a store, an engine and a runtime of its own, until the deed is done or the director ends it.
    ///
    /// # Panics
    /// When nothing can happen any more and the deed is not done; when the store or the configuration cannot be opened.
    pub fn live<T>(&self, deed: impl AsyncFnOnce(&Engine) -> T) -> Lived<T> {
        let life = Life::new(self.lives.fetch_add(1, Ordering::Relaxed) + 1, Arc::clone(&self.shared));
        let (mut setup, at) = on_the_spot(provost_cli::assemble(&self.path("provost.toml"))).expect("the configuration is right");
        if let Some(around) = *self.around.read().unwrap_or_else(PoisonError::into_inner) {
            for app in setup.apps.values_mut() {
                app.target = around(Arc::clone(&app.target));
            }
        }
        setup.owner = own_name(life.number);
        setup.owner_is_gone = is_gone;
        LIVING.set(life.number);
        let parking = Arc::clone(&life);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .on_thread_park(move || {
                if !parking.is_dead() {
                    parking.shared.something_happens(&parking);
                }
            })
            .build()
            .expect("a runtime");
        let open = Mutex::new(None);
        let lived = runtime.block_on(Mortal {
            life: Arc::clone(&life),
            deed: Box::pin(async {
                let gate = Arc::new(LifesGate(Arc::clone(&life)));
                let store = Store::open_behind(gate, at).await.expect("the store opens").sealed(SealKey::new([7; 32]));
                *open.lock().unwrap_or_else(PoisonError::into_inner) = Some(store.clone());
                deed(&Engine::new(store, ports(&life), setup)).await
            }),
        });
        drop(runtime);
        life.rest();
        if let Some(store) = open.into_inner().unwrap_or_else(PoisonError::into_inner) {
            on_the_spot(store.close());
        }
        // Also a program that ends by itself may leave requests behind, as a run does that stops with calls under way.
        self.shared.what_outlives(&life);
        lived
    }

    /// The store as another process has it open, all the time.
    pub fn store_from_outside(&self) -> Store {
        let open = || {
            let (_, at) = on_the_spot(provost_cli::assemble(&self.path("provost.toml"))).expect("the configuration is right");
            on_the_spot(Store::open(at)).expect("the store opens").sealed(SealKey::new([7; 32]))
        };
        self.outside.get_or_init(open).clone()
    }

    /// Looks at the store from outside, as nobody's life.
    pub fn look<T>(&self, look: impl AsyncFnOnce(&Store) -> T) -> T {
        let store = self.store_from_outside();
        on_the_spot(look(&store))
    }
}

thread_local! {
    /// The life that this thread lives.
    static LIVING: std::cell::Cell<u32> = const { std::cell::Cell::new(0) };
}

fn own_name(life: u32) -> String {
    format!("rig/{life}")
}

/// All lives but the one at hand are over.
fn is_gone(owner: &str) -> bool {
    owner != own_name(LIVING.get())
}

impl Shared {
    pub fn director(&self) -> Arc<dyn Director> {
        Arc::clone(&self.director.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The time as our clock shows it.
    pub fn our_now(&self) -> Timestamp {
        let skew = *self.skew.lock().unwrap_or_else(PoisonError::into_inner);
        self.agenda.now().saturating_add(skew).expect("a time in the calendar")
    }

    /// Our clock jumps.
    pub fn set_skew(&self, ahead: SignedDuration) {
        *self.skew.lock().unwrap_or_else(PoisonError::into_inner) = ahead;
    }

    /// An app's clock jumps.
    pub fn set_skew_of(&self, app: &str, ahead: SignedDuration) {
        let app = &self.apps[app];
        let before = std::mem::replace(&mut *app.skew.lock().unwrap_or_else(PoisonError::into_inner), ahead);
        app.clock.put_by(ahead - before);
        self.bring_up_to_time();
    }

    /// Nothing of a life can go on: the next thing happens.
    fn something_happens(&self, life: &Life) {
        if self.agenda.go_on() {
            self.bring_up_to_time();
        } else {
            life.get_stuck();
        }
    }

    /// The sandboxes' clocks show the time, and what they put off until now is done.
    fn bring_up_to_time(&self) {
        let now = self.agenda.now();
        for app in self.apps.values() {
            let skew = *app.skew.lock().unwrap_or_else(PoisonError::into_inner);
            app.clock.set(now.saturating_add(skew).expect("a time in the calendar"));
            at_once(app.way.carry_out_what_is_due());
        }
    }

    /// Which app an address is.
    pub fn app_at(&self, uri: &Uri) -> &'static str {
        let found = self.apps.iter().find(|(_, app)| Some(app.port) == uri.port_u16());
        found.map(|(name, _)| *name).unwrap_or_else(|| panic!("nobody is at {uri}"))
    }

    pub fn exchange(&self, app: &'static str, request: &Request<Bytes>) -> Exchange {
        Exchange {
            app,
            number: self.requests.fetch_add(1, Ordering::Relaxed) + 1,
            call: 0,
            method: request.method().clone(),
            path: request.uri().path_and_query().map_or_else(String::new, ToString::to_string),
            body: request.body().clone(),
            left: self.agenda.now(),
        }
    }

    pub fn leaves(&self, exchange: &Exchange, request: &Request<Bytes>) {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        under_way.insert(exchange.number, (exchange.clone(), request.clone()));
    }

    pub fn arrives(&self, exchange: &Exchange) {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner).remove(&exchange.number);
    }

    /// The program is gone: what it had sent may arrive all the same, and nobody hears the answer.
    fn what_outlives(&self, life: &Life) {
        let under_way = std::mem::take(&mut *self.under_way.lock().unwrap_or_else(PoisonError::into_inner));
        for (mut exchange, request) in under_way.into_values() {
            if self.director().outlives(&exchange) {
                // Nobody is there to hear it.
                let _unheard = at_once(self.deliver(Some(life), &mut exchange, request));
            }
        }
    }

    /// A request arrives at its sandbox and is answered.
    pub async fn deliver(
        &self,
        life: Option<&Life>,
        exchange: &mut Exchange,
        request: Request<Bytes>,
    ) -> Result<Response<Bytes>, NoAnswer> {
        let app = &self.apps[exchange.app];
        exchange.call = app.arrived.fetch_add(1, Ordering::Relaxed) + 1;
        let sent = hashed(request.body());
        let answer = app.way.send(request).await;
        let said = match &answer {
            Ok(answer) => format!("{} {:016x}", answer.status().as_u16(), hashed(answer.body())),
            Err(_) => "no answer".to_owned(),
        };
        let Exchange { app, call, method, path, .. } = exchange;
        let line = format!("{app} #{call} {method} {path} {sent:016x} → {said}");
        match life {
            Some(life) => self.note(life, &line),
            None => self.trace.add(line),
        }
        answer
    }

    /// Notes something that happened.
    pub fn note(&self, life: &Life, what: &str) {
        self.trace.add(format!("{} life {} {what}", self.agenda.now(), life.number));
    }

    /// Notes something that happened outside any life.  Errors name files: where their folder is, no story decides.
    pub fn note_outside(&self, what: &str) {
        self.trace.add(format!("{} {}", self.agenda.now(), what.replace(&self.folder, "FOLDER")));
    }

    /// Notes what was done to the database, where it changes anything.
    pub fn note_store(&self, life: &Life, operation: Operation<'_>) {
        match operation {
            Operation::Read(_) | Operation::Begin => {}
            Operation::Statement(sql) if sql.trim_start().starts_with("SELECT") => {}
            Operation::Statement(sql) => {
                let words: Vec<&str> = sql.split_whitespace().take(3).collect();
                self.note(life, &format!("store {} {:016x}", words.join(" "), hashed(sql.as_bytes())));
            }
            other => self.note(life, &format!("store {other:?}")),
        }
    }
}

fn hashed(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

/// What a sandbox does in the process, it does at once.
fn at_once<T>(work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    match work.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
        std::task::Poll::Ready(done) => done,
        std::task::Poll::Pending => panic!("a sandbox waits, in the process"),
    }
}
