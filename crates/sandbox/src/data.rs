use std::fs::{self, File, TryLockError};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::options::Options;

/// What a company was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Origin {
    /// `lessonly`, `absorb` or `application`.
    pub(crate) vendor: String,
    /// `guide` or `vendor`; `rfc` of an application.
    pub(crate) profile: String,
    pub(crate) people: usize,
    pub(crate) seed: u64,
}

/// A data folder, held against other processes as long as this value lives:
///
/// `lock` is locked by the process that serves it, `sandbox.json` holds the [`Origin`], `ledger.jsonl` every change
/// since, `address` where the running server listens.
#[derive(Debug)]
pub(crate) struct DataDir {
    dir: PathBuf,
    _lock: File,
}

impl DataDir {
    /// Opens or makes the folder.  What the options leave open is as the folder was made.
    pub(crate) fn open(dir: &Path, vendor: &str, profile: &str, options: &Options) -> Result<(Self, Origin), Error> {
        let failed = |what, path: PathBuf| move |source| Error::File { what, path, source };
        fs::create_dir_all(dir).map_err(failed("make the folder", dir.to_owned()))?;
        let lock = lock(dir)?;
        // Whoever wrote this is gone: the lock was free.
        fs::remove_file(dir.join("address")).ok();

        let path = dir.join("sandbox.json");
        let origin = match fs::read(&path) {
            Ok(text) => {
                let recorded: Origin = serde_json::from_slice(&text).map_err(|e| Error::Line {
                    path: path.clone(),
                    line: e.line() as u64,
                    why: e.to_string(),
                })?;
                let same = |option, recorded: String, given: Option<String>| match given {
                    Some(given) if given != recorded => Err(Error::OtherOption { dir: dir.to_owned(), option, recorded, given }),
                    _ => Ok(()),
                };
                same("vendor", recorded.vendor.clone(), Some(vendor.to_owned()))?;
                same("profile", recorded.profile.clone(), Some(profile.to_owned()))?;
                same("people", recorded.people.to_string(), options.people.map(|n| n.to_string()))?;
                same("seed", recorded.seed.to_string(), options.seed.map(|n| n.to_string()))?;
                recorded
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let origin = origin(vendor, profile, options);
                let text = serde_json::to_vec_pretty(&origin).expect("names and numbers can be written as JSON");
                put(&path, &text).map_err(failed("write", path))?;
                origin
            }
            Err(error) => return Err(failed("read", path)(error)),
        };
        Ok((Self { dir: dir.to_owned(), _lock: lock }, origin))
    }

    pub(crate) fn ledger(&self) -> PathBuf {
        self.dir.join("ledger.jsonl")
    }

    /// Says where the server listens, until it is dropped.
    pub(crate) fn announce(&self, address: SocketAddr) -> Result<Announcement, Error> {
        let path = self.dir.join("address");
        put(&path, address.to_string().as_bytes()).map_err(|source| Error::File { what: "write", path: path.clone(), source })?;
        Ok(Announcement(path))
    }
}

/// The profile that a data folder was made with; None when it is not made yet, or cannot be read (opening it says why).
pub fn made_with(dir: &Path) -> Option<String> {
    let origin: Origin = serde_json::from_slice(&fs::read(dir.join("sandbox.json")).ok()?).ok()?;
    Some(origin.profile)
}

/// The vendor whose sandbox made a data folder, `lessonly`, `absorb` or `application`; None as with [`made_with`].
pub fn made_by(dir: &Path) -> Option<String> {
    let origin: Origin = serde_json::from_slice(&fs::read(dir.join("sandbox.json")).ok()?).ok()?;
    Some(origin.vendor)
}

/// The options' origin, for a company that is new.
pub(crate) fn origin(vendor: &str, profile: &str, options: &Options) -> Origin {
    Origin {
        vendor: vendor.to_owned(),
        profile: profile.to_owned(),
        people: options.people.unwrap_or(0),
        seed: options.seed.unwrap_or(1),
    }
}

#[derive(Debug)]
pub(crate) struct Announcement(PathBuf);

impl Drop for Announcement {
    fn drop(&mut self) {
        fs::remove_file(&self.0).ok();
    }
}

/// Where the sandbox that serves this data folder listens; None when none does.
pub fn running(dir: &Path) -> Option<SocketAddr> {
    let lock = File::open(dir.join("lock")).ok()?;
    match lock.try_lock_shared() {
        Err(TryLockError::WouldBlock) => fs::read_to_string(dir.join("address")).ok()?.trim().parse().ok(),
        _ => None,
    }
}

fn lock(dir: &Path) -> Result<File, Error> {
    let path = dir.join("lock");
    let failed = |source| Error::File { what: "lock", path: path.clone(), source };
    let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
    // [`running`] holds the lock for a moment while it looks: that is no other server.
    for _ in 0..5 {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(20)),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
    }
    Err(Error::InUse { dir: dir.to_owned(), address: running(dir) })
}

/// Writes a file so that nobody sees half of it.
fn put(path: &Path, text: &[u8]) -> io::Result<()> {
    let half = path.with_extension("new");
    fs::write(&half, text)?;
    fs::rename(&half, path)
}
