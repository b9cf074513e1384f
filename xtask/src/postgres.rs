//! A throw-away PostgreSQL server for tests and benchmarks, and schemas of one's own in it.
//!
//! `cargo xtask test` starts one server for all tests and names it in [`VARIABLE`].  A test that is run by itself, without the
//! variable, starts one for its process.  Where PostgreSQL is not installed, it fails and says what to do: nothing is skipped.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// The environment variable with the server's address: `postgres://user@host:port/database`, without a schema.
pub const VARIABLE: &str = "PROVOST_TEST_POSTGRES";

/// A server that ends with this value, or with this process, however that ends.
#[derive(Debug)]
pub struct Cluster {
    guardian: Child,
    /// The guardian ends the server when this pipe does.
    pipe: Option<ChildStdin>,
    /// What the guardian says.
    says: BufReader<ChildStdout>,
    folder: PathBuf,
    port: u16,
}

impl Cluster {
    /// Makes and starts a server.  `durable`: whether it flushes to disk, as it has to where anything is measured.
    ///
    /// # Errors
    /// In words: PostgreSQL is not installed, or what it said.
    pub fn start(durable: bool) -> Result<Self, String> {
        let bin = programs().ok_or("PostgreSQL is not installed: `cargo xtask test` installs it (Debian's package `postgresql`)")?;
        // A port that is free now may be taken in a moment: another try.
        let mut said = String::new();
        for _ in 0..3 {
            match Self::try_start(&bin, durable) {
                Ok(cluster) => return Ok(cluster),
                Err(error) => said = error,
            }
        }
        Err(said)
    }

    fn try_start(bin: &Path, durable: bool) -> Result<Self, String> {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let port = free.map_err(|error| format!("no free port: {error}"))?.port();
        let mut command = if is_root()? {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--", "sh"]);
            command
        } else {
            Command::new("sh")
        };
        command.args(["-c", include_str!("postgres.sh"), "sh"]).arg(bin).arg(port.to_string());
        command.arg(if durable { "on" } else { "off" }).stdin(Stdio::piped()).stdout(Stdio::piped());
        // Control-C is for us: the guardian hears of our end by its pipe.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut guardian = command.spawn().map_err(|error| format!("PostgreSQL cannot be started: {error}"))?;
        let (pipe, out) = (guardian.stdin.take(), guardian.stdout.take());
        let mut line = String::new();
        let mut says = BufReader::new(out.ok_or("PostgreSQL has no output")?);
        says.read_line(&mut line).map_err(|error| format!("PostgreSQL says nothing: {error}"))?;
        if line.trim().is_empty() {
            let ended = guardian.wait().map_or_else(|error| error.to_string(), |status| status.to_string());
            return Err(format!("PostgreSQL did not start ({ended}); what it said stands above"));
        }
        Ok(Self { guardian, pipe, says, folder: line.trim().into(), port })
    }

    /// Its address, over a socket in a folder of its own; the user is `provost`, the database `postgres`.
    pub fn url(&self) -> String {
        let host = self.folder.display().to_string().replace('/', "%2F");
        format!("postgres://provost@{host}:{}/postgres", self.port)
    }

    /// Ends it as a crash would: nothing is written that was not.
    ///
    /// # Panics
    /// When its guardian is gone.
    pub fn crash(&mut self) {
        self.order("crash");
    }

    /// Starts it again after a crash, at the same address.
    ///
    /// # Panics
    /// When it does not start, or its guardian is gone.
    pub fn start_again(&mut self) {
        self.order("start");
    }

    /// Has the guardian do it, and waits until it is done.
    fn order(&mut self, word: &str) {
        let asked = self.pipe.as_mut().map(|pipe| writeln!(pipe, "{word}"));
        let mut line = String::new();
        let heard = self.says.read_line(&mut line);
        assert!(matches!((asked, heard), (Some(Ok(())), Ok(1..))) && line.trim() == word, "PostgreSQL did not {word}");
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.pipe.take());
        // It ends by itself; there is nobody left to tell if not.
        self.guardian.wait().ok();
    }
}

/// The address of the server for tests: the one that `cargo xtask test` started, or one for this process.
///
/// # Panics
/// Where PostgreSQL is not installed or does not start: such a test fails and says what to do.
pub fn url() -> String {
    static OWN: OnceLock<Cluster> = OnceLock::new();
    match std::env::var(VARIABLE) {
        Ok(url) if !url.is_empty() => url,
        _ => OWN.get_or_init(|| Cluster::start(false).unwrap_or_else(|said| panic!("{said}"))).url(),
    }
}

/// A store's address that nobody else uses: `store = "…"` of a test's configuration.  Its schema is made when it is opened.
///
/// # Panics
/// Like [`url`].
pub fn fresh() -> String {
    let url = url();
    format!("{url}{}schema={}", if url.contains('?') { '&' } else { '?' }, unique())
}

/// A name that no other test has.
fn unique() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros());
    let (process, count) = (std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    format!("test_{since:x}_{process}_{count}")
}

/// A database of one's own on the server for tests, which ends with this value.  A story that is told a thousand times copies one that is ready,
/// and leaves the server as it was: schemas that stay make every later one slower.
#[derive(Debug)]
pub struct Database {
    name: String,
}

impl Database {
    /// An empty one.
    ///
    /// # Panics
    /// Like [`url`], and with what PostgreSQL said.
    pub fn empty() -> Self {
        Self::copied("template1")
    }

    /// A copy of this one, which nobody has open.
    ///
    /// # Panics
    /// Like [`Database::empty`].
    pub fn copy(&self) -> Self {
        Self::copied(&self.name)
    }

    fn copied(from: &str) -> Self {
        let name = unique();
        let made = order(&format!("CREATE DATABASE {name} TEMPLATE {from} STRATEGY file_copy"));
        made.unwrap_or_else(|said| panic!("PostgreSQL makes no database: {said}"));
        Self { name }
    }

    /// Its address: `store = "…"` of a test's configuration.
    pub fn url(&self) -> String {
        let server = url();
        let at = server.rfind('/').map_or(server.as_str(), |end| &server[..end]);
        format!("{at}/{}", self.name)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // The server may be gone before, and all databases with it.
        order(&format!("DROP DATABASE {} WITH (FORCE)", self.name)).ok();
    }
}

/// Has the server for tests carry out one statement.
fn order(statement: &str) -> Result<(), String> {
    let bin = programs().ok_or("PostgreSQL is not installed")?;
    let mut command = Command::new(bin.join("psql"));
    command.args(["--no-psqlrc", "--quiet", "--dbname", &url(), "--command", statement]);
    let said = command.output().map_err(|error| format!("psql cannot be run: {error}"))?;
    if said.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&said.stderr).trim().to_owned()) }
}

/// The folder of the newest server's programs: Debian keeps them out of the path.
pub fn programs() -> Option<PathBuf> {
    let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|entry| entry.path().join("bin"));
    let newest = debian.filter(|bin| bin.join("initdb").is_file()).max_by_key(|bin| {
        let version = bin.parent().and_then(Path::file_name).map(OsString::from);
        version.and_then(|version| version.to_string_lossy().parse::<u32>().ok())
    });
    newest.or_else(|| std::env::split_paths(&std::env::var_os("PATH")?).find(|folder| folder.join("initdb").is_file()))
}

fn is_root() -> Result<bool, String> {
    let output = Command::new("id").arg("-u").output().map_err(|error| format!("`id` cannot be run: {error}"))?;
    Ok(output.stdout.trim_ascii() == b"0")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nothing is left of it: no process, no folder.
    #[test]
    fn a_server_ends_with_whoever_wanted_it() {
        let cluster = Cluster::start(false).unwrap_or_else(|said| panic!("{said}"));
        assert!(cluster.url().starts_with("postgres://provost@%2Ftmp%2F"), "{}", cluster.url());
        let (folder, port) = (cluster.folder.clone(), cluster.port);
        assert!(folder.join("data").is_dir());
        assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
        drop(cluster);
        assert!(!folder.exists());
        assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err());
    }

    #[test]
    fn databases_are_ones_own_and_go() {
        let ready = Database::empty();
        let copy = ready.copy();
        let there = |name: &str| order(&format!("ALTER DATABASE {name} CONNECTION LIMIT 10"));
        assert_eq!((there(&ready.name), there(&copy.name)), (Ok(()), Ok(())));
        assert!(copy.url().ends_with(&format!("/{}", copy.name)), "{}", copy.url());
        let name = copy.name.clone();
        drop(copy);
        assert!(there(&name).unwrap_err().contains("does not exist"));
    }

    #[test]
    fn schemas_are_ones_own() {
        let (one, two) = (fresh(), fresh());
        assert_ne!(one, two);
        assert!(one.contains("schema=test_"), "{one}");
    }
}
