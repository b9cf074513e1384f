//! The composition root: configuration, ports, store, connectors and sandboxes become one engine.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use connector::{Clock, Signing};
use engine::{AppSetup, Approvers, Engine, EngineError, Hook, Sending, Setup, Telling};
use jiff::SignedDuration;
use model::{AppName, RateLimit, Secret, SourceName, digest_of};
use rand::TryRng;
use sandbox::Limit;
use serve::scim::Dialect;
use store::{Location, SealKey, Store};

use crate::args::Globals;
use crate::config::{Address, AppConnection, Config, NoticeConnection, OidcConnection, SourceConnection, Webhook, is_identity};
use crate::faces::{Face, Format};
use crate::failure::Failure;
use crate::sandboxes::{Sandboxes, Start, api_base, by_scim, known_credentials, known_scim_credentials};
use crate::whole::{Readers, Staged};
use crate::{owner, ports};

/// What a command is going to touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// The apps: sandboxes are started, every credential must be there.
    Apps,
    /// The store only: missing secrets do not matter.
    Store,
}

/// An engine with what has to live as long as it.
pub(crate) struct Opened {
    pub(crate) engine: Engine,
    /// Whose signatures count.
    pub(crate) approvers: Arc<Approvers>,
    /// The clock in force.
    pub(crate) clock: Arc<dyn Clock>,
    /// How the server listens.
    pub(crate) serve: serve::Options,
    /// Through whom people log in there, where they do.
    pub(crate) oidc: Option<OidcConnection>,
    /// How apps tell of events.
    webhooks: BTreeMap<AppName, Webhook>,
    face: Face,
    /// Where the audit trail was when this was opened; none where nobody is told of anything.
    began: Option<u64>,
    /// How the sources that push speak.
    dialects: BTreeMap<SourceName, Dialect>,
    sandboxes: Sandboxes,
}

/// What is left to be closed when a server has ended.
pub(crate) struct Closing {
    store: Store,
    sandboxes: Sandboxes,
}

impl Closing {
    /// Closes everything in order.
    pub(crate) async fn close(self) {
        self.store.close().await;
        self.sandboxes.stop().await;
    }
}

impl Opened {
    /// Reads the configuration and connects everything.
    ///
    /// # Errors
    /// A [`Failure`] with what is wrong; nothing was changed.
    pub(crate) async fn open(globals: &Globals, reach: Reach) -> Result<Self, Failure> {
        let face = globals.face();
        let mut config = Config::load(globals.config.as_deref())?;
        let keep_images = config.keep_images;
        let schedules = std::mem::take(&mut config.schedules);
        let webhooks = config.apps.iter().filter_map(|(name, app)| Some((name.clone(), app.webhook.clone()?))).collect();
        let behaviour = std::mem::take(&mut config.behaviour);
        let (serve, dialects) = (config.serve.clone(), dialects(&config));
        let notices = std::mem::take(&mut config.notices);
        let oidc = config.oidc.take();
        let ports = ports::ports(globals.now)?;
        let mut sandboxes = Sandboxes::default();
        let approvers = Arc::new(std::mem::take(&mut config.approvers));
        let (file, at) = (config.file.clone(), config.store.clone());
        let setup = setup(globals, config, reach, &mut sandboxes).await?;
        let key = seal_key(&key_file_of(&at, &file), face)?;
        let store = open_store(&at, &file).await?.sealed(key).acting_as(owner::user());
        let clock = Arc::clone(&ports.clock);
        let engine =
            Engine::new(store, ports, setup).trusting(Arc::clone(&approvers) as _).minding(behaviour).keeping_images(keep_images);
        let engine = engine.scheduled(schedules);
        let engine = if notices.is_empty() { engine } else { engine.telling(telling(notices, serve.url.clone())?) };
        let began = if engine.tells() { Some(engine.begin_notices().await?) } else { None };
        Ok(Self { engine, approvers, clock, serve, oidc, face, began, webhooks, dialects, sandboxes })
    }

    /// The engine hears the events of the apps that are configured to tell of them.
    ///
    /// # Errors
    /// A [`Failure`]: a secret is missing, or the app's connector knows no events.
    pub(crate) fn hearing(self) -> Result<Self, Failure> {
        let mut hooks = BTreeMap::new();
        for (name, webhook) in &self.webhooks {
            let secret = webhook.secret.resolve(name.as_str(), "webhook secret")?;
            let signing = Signing { secret, header: webhook.header.clone() };
            let hook = Hook { signing, window: SignedDuration::from_secs(webhook.window) };
            if !self.engine.can_hear(name, &hook)? {
                let next = format!("take [app.{name}.webhook] out; a schedule looks at the app instead (docs/events.md)");
                return Err(Failure::new(format!("app {name} tells of no events that Provost knows"), next));
            }
            hooks.insert(name.clone(), hook);
        }
        Ok(Self { engine: self.engine.hearing(hooks), ..self })
    }

    /// The parts of a server: what one planning knew serves the next.
    pub(crate) fn into_server(self) -> (Arc<Engine>, BTreeMap<SourceName, Dialect>, Closing) {
        let Self { engine, dialects, sandboxes, .. } = self;
        let store = engine.store().clone();
        (Arc::new(engine.planning_again()), dialects, Closing { store, sandboxes })
    }

    /// Tells whoever is to be told of what was done here, and closes everything in order.
    pub(crate) async fn close(self) {
        if let Some(began) = self.began {
            self.tell(began).await;
        }
        self.engine.store().close().await;
        self.sandboxes.stop().await;
    }
}

impl Opened {
    /// Sends what this command gave cause for, or one before it that was cut off, as far as that takes no longer than people wait for a prompt;
    /// the rest stays for the next command, or a server.  What was done is done, however this ends.
    async fn tell(&self, began: u64) {
        let telling = async {
            let head = self.engine.store().audit_head().await?.map_or(0, |head| head.seq);
            if self.engine.make_notices(SignedDuration::ZERO).await? == 0 && head == began {
                return Ok(());
            }
            let Sending { sent: _, later, aside } = self.engine.send_notices().await?;
            if later + aside > 0 {
                self.face.note(&format!("{} notices could not be delivered: provost notices", later + aside));
            }
            Ok::<(), EngineError>(())
        };
        match tokio::time::timeout(TELLING, telling).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => self.face.note(&format!("notices are still to be sent: {error}")),
            Err(_) => self.face.note("notices are still on their way; the next command, or `provost serve`, sends what was not taken"),
        }
    }
}

/// How long a command waits at its end for notices to be taken.
const TELLING: Duration = Duration::from_secs(5);

/// Who is told of what, and the way out.
fn telling(notices: BTreeMap<String, NoticeConnection>, url: Option<String>) -> Result<Telling, Failure> {
    let rules = notices.iter().map(|(name, notice)| (name.clone(), notice.rule.clone())).collect();
    Ok(Telling { rules, port: Arc::new(ports::WaysOut::new(notices)?), url })
}

/// What an engine is made of, as a configuration says it, for whoever fills ports and store by himself: policy, files and apps, whose
/// addresses must be given as they are, and where the store would be.
///
/// # Errors
/// What is wrong with the configuration, in words.
pub async fn assemble(config: &Path) -> Result<(Setup, Location), String> {
    let globals = Globals { config: Some(config.to_owned()), format: Format::default(), quiet: true, now: None };
    let told = |failure: Failure| format!("{}; {}", failure.told().what, failure.told().next);
    let config = Config::load(globals.config.as_deref()).map_err(told)?;
    let at = config.store.clone();
    let mut sandboxes = Sandboxes::default();
    let setup = setup(&globals, config, Reach::Apps, &mut sandboxes).await.map_err(told)?;
    Ok((setup, at))
}

/// How the sources that push speak.
fn dialects(config: &Config) -> BTreeMap<SourceName, Dialect> {
    let spoken = |connection: &SourceConnection| match connection {
        SourceConnection::Push(dialect) => Some(dialect.clone()),
        SourceConnection::File(_) | SourceConnection::Pull(_) => None,
    };
    config.sources.iter().filter_map(|(name, connection)| Some((name.clone(), spoken(connection)?))).collect()
}

/// Connects what a configuration names.
async fn setup(globals: &Globals, config: Config, reach: Reach, sandboxes: &mut Sandboxes) -> Result<Setup, Failure> {
    let Config {
        file: _,
        policy,
        store: _,
        keep_images: _,
        sources,
        apps,
        approvers: _,
        behaviour: _,
        serve: _,
        oidc: _,
        schedules: _,
        notices: _,
    } = config;
    let mut setups = BTreeMap::new();
    for (name, connection) in &apps {
        setups.insert(name.clone(), app(globals, ("app", name.as_str()), connection, reach, sandboxes).await?);
    }
    let (mut files, mut pulled) = (BTreeMap::new(), BTreeMap::new());
    for (name, source) in sources {
        match source {
            SourceConnection::File(file) => {
                files.insert(name, file);
            }
            SourceConnection::Push(_) => {}
            SourceConnection::Pull(connection) => {
                let setup = app(globals, ("source", name.as_str()), &connection, reach, sandboxes).await?;
                pulled.insert(name, setup);
            }
        }
    }
    Ok(Setup { policy, sources: files, pulled, apps: setups, owner: owner::owner(), owner_is_gone: owner::is_gone })
}

/// What is asked: an app, or a source, by the kind and the name of its section.
async fn app(
    globals: &Globals,
    (kind, name): (&str, &str),
    connection: &AppConnection,
    reach: Reach,
    sandboxes: &mut Sandboxes,
) -> Result<AppSetup, Failure> {
    let credentials = credentials((kind, name), connection, reach)?;
    let mut identity = BTreeMap::new();
    for (key, secret) in credentials.iter().filter(|(key, _)| is_identity(key)) {
        identity.insert(key.as_str(), secret.expose().to_owned());
    }
    for (key, value) in &connection.options {
        identity.insert(*key, value.clone());
    }
    let base_url = match (&connection.address, reach) {
        (Address::Url(url), _) => url.clone(),
        (Address::Sandbox(dir), Reach::Apps) => {
            let declared = connection.declared.iter().map(|field| custom_name(field).to_owned()).collect();
            let start = Start {
                app: name,
                connector: connection.entry.name,
                vendor: connection.stand_in(),
                dir,
                credentials: &credentials,
                declared,
                profile: Some(connection.profile.as_str()).filter(|profile| *profile != "auto"),
                limit: connection.sandbox_limit,
                faults: connection.faults.clone(),
                now: globals.now,
            };
            api_base(connection.entry.name, &sandboxes.address(start).await?)
        }
        // Nothing is going to be asked there.
        (Address::Sandbox(_), Reach::Store) => api_base(connection.entry.name, "http://127.0.0.1"),
    };
    let used = (reach == Reach::Apps).then(|| {
        let address = match &connection.address {
            Address::Url(url) => url.clone(),
            Address::Sandbox(dir) => format!("sandbox:{}", dir.display()),
        };
        let credentials: BTreeMap<&String, &str> = credentials.iter().map(|(name, secret)| (name, secret.expose())).collect();
        digest_of(&(address, &connection.profile, credentials))
    });
    let (fingerprint, home) = (connection.fingerprint(&identity), connection.home(&identity));
    let settings = connection.settings(base_url.clone(), credentials);
    let wrong = |error: vendors::registry::SettingsError| {
        Failure::new(format!("{kind} {name}: {} {}", error.setting, error.wrong), format!("{} (in [{kind}.{name}])", error.next))
    };
    let base_url = (connection.entry.complete_url)(&settings).map_err(wrong)?;
    let target = (connection.entry.build)(settings).map_err(wrong)?;
    let profile = (connection.profile != "auto").then(|| connection.profile.clone());
    Ok(AppSetup {
        target,
        base_url,
        fingerprint,
        home,
        profile,
        full_every: connection.full_every,
        settle: connection.settle,
        rate: connection.limit.or(unpaced(connection)),
        used,
    })
}

/// A sandbox that we start without a limit needs no pace: more than it can answer.
fn unpaced(connection: &AppConnection) -> Option<RateLimit> {
    let off = matches!(connection.address, Address::Sandbox(_)) && connection.sandbox_limit == Limit::Off;
    off.then_some(RateLimit { per_second: 1_000_000, burst: 1_000_000 })
}

/// The credentials of an app or a source, by name.  A sandbox takes its own well-known ones where none can be had.
pub(crate) fn credentials(
    (kind, of): (&str, &str),
    connection: &AppConnection,
    reach: Reach,
) -> Result<BTreeMap<String, Secret>, Failure> {
    let sandbox = matches!(connection.address, Address::Sandbox(_));
    let mut known = match connection.entry.name {
        _ if !sandbox => BTreeMap::new(),
        connector if by_scim(connector) => known_scim_credentials(connection.stand_in()),
        connector => known_credentials(connector),
    };
    let mut found = BTreeMap::new();
    for name in connection.way {
        let resolved = connection.credentials.get(name).map(|credential| credential.resolve_for(kind, of, name));
        let secret = match (resolved, known.remove(name)) {
            (Some(Ok(secret)), _) => Some(secret),
            (_, Some(well_known)) => Some(well_known),
            (Some(Err(_)), None) if reach == Reach::Store && !is_identity(name) => Some(Secret::new("not-needed")),
            (Some(Err(failure)), None) => return Err(failure),
            (None, None) => None,
        };
        if let Some(secret) = secret {
            found.insert((*name).to_owned(), secret);
        }
    }
    Ok(found)
}

/// A custom field's own name.
pub(crate) fn custom_name(field: &str) -> &str {
    field.strip_prefix("custom.").or_else(|| field.strip_prefix("customFields.")).unwrap_or(field)
}

/// Opens the store that the configuration names.
///
/// # Errors
/// A [`Failure`] that says where the store is named.
pub(crate) async fn open_store(at: &Location, config: &Path) -> Result<Store, Failure> {
    Store::open(at).await.map_err(|error| {
        let text = error.to_string();
        Failure::new(text, format!("`store` in {} names it", config.display()))
    })
}

/// The key's file: beside a store that is a file, else beside the configuration.
pub(crate) fn key_file_of(store: &Location, config: &Path) -> PathBuf {
    match store {
        Location::File(path) => key_file(path),
        Location::Postgres(_) => key_file(&config.with_file_name("provost.db")),
    }
}

/// The key that stored secrets are sealed with: from `PROVOST_KEY`, or its file, made when there is none.
///
/// # Errors
/// A [`Failure`] when the key is not one, or its file cannot be used.
fn seal_key(path: &Path, face: Face) -> Result<SealKey, Failure> {
    const SHAPE: &str = "it has to be 64 hexadecimal digits (32 bytes)";
    if let Ok(text) = std::env::var("PROVOST_KEY") {
        return parse_key(&text).ok_or_else(|| Failure::new("PROVOST_KEY is not a key", SHAPE));
    }
    match std::fs::read_to_string(path) {
        Ok(text) => parse_key(&text).ok_or_else(|| Failure::new(format!("{} does not hold a key", path.display()), SHAPE)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let text = make_key_file(path)?;
            face.note(&format!("made {}: log-ins that are kept are sealed with it", path.display()));
            parse_key(&text).ok_or_else(|| Failure::new("a key could not be made", SHAPE))
        }
        Err(error) => {
            Err(Failure::new(format!("cannot read the key {}: {error}", path.display()), "make it readable, or set PROVOST_KEY"))
        }
    }
}

/// The key's file: beside the store, with the ending `key`.
pub(crate) fn key_file(store: &Path) -> PathBuf {
    store.with_extension("key")
}

/// Makes a key file that only its owner can read, and gives its text.
///
/// # Errors
/// A [`Failure`] when it cannot be written or is there already.
pub(crate) fn make_key_file(path: &Path) -> Result<String, Failure> {
    let mut bytes = [0_u8; 32];
    let no_chance = |error| Failure::new(format!("the system gives no random numbers: {error}"), "set PROVOST_KEY");
    rand::rngs::SysRng.try_fill_bytes(&mut bytes).map_err(no_chance)?;
    let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    // Half a key would be none for ever: nothing is sealed before all of it is on disk.
    let written = Staged::write(path, format!("{text}\n").as_bytes(), Readers::Owner).and_then(Staged::add);
    let failed = |error| {
        Failure::new(
            format!("cannot write the key {}: {error}", path.display()),
            "free space and make its folder writable, or set PROVOST_KEY",
        )
    };
    written.map_err(failed)?;
    Ok(text)
}

fn parse_key(text: &str) -> Option<SealKey> {
    // A key has the form of a digest: 32 bytes in hexadecimal digits.
    let digest: model::Digest = text.trim().parse().ok()?;
    Some(SealKey::new(*digest.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_hexadecimal_and_do_not_print() {
        assert!(parse_key(&"ab".repeat(32)).is_some());
        assert!(parse_key("secret").is_none() && parse_key(&"zz".repeat(32)).is_none() && parse_key(&"ab".repeat(33)).is_none());
        assert!(!format!("{:?}", parse_key(&"ab".repeat(32))).contains("ab"));
    }

    #[test]
    fn a_key_file_is_its_owners_only_and_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("provost.key");
        let text = make_key_file(&path).unwrap();
        assert!(parse_key(&text).is_some());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert!(make_key_file(&path).is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap().trim(), text);
    }
}
