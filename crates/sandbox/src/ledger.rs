//! The effect ledger: every accepted change, one JSON object a line, written and flushed before the change is made and
//! before the request is answered.
//!
//! | member | |
//! |---|---|
//! | `seq` | 1, 2, 3, …; goes on after a restart |
//! | `call` | the request's `seq` in the access log; 0 for a change by hand in the vendor's own pages |
//! | `time` | the sandbox's instant, RFC 3339 |
//! | `method` | the request's; `ADMIN` for a change by hand |
//! | `path` | the request's path with its query; for a change by hand, what was done |
//! | `body_digest` | SHA-256 of the request's body in hex; empty when there was none |
//! | `object` | what changed, as `kind/id`: `user/101`, `group/5`, `assignment/9` |
//! | `before` | the whole object before, null when it is new |
//! | `after` | the whole object after, null when it is deleted |
//!
//! One line per changed object: a request that changes two hundred has two hundred lines with the same `call`.  What
//! changes nothing has no line.  No password is in it.  When a line cannot be written the request fails with 500 and
//! nothing is changed.  Flushed means handed to the system: it outlives the process, not a power cut.
//!
//! With a data folder the sandbox keeps the same ledger there for itself, and a `--ledger` file is a copy of that one:
//! what the copy lacks is added when the sandbox opens.  Without one, a file that already has lines is added to.

use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::call::Call;
use crate::error::Error;
use crate::jsonl::Jsonl;

/// One line of the ledger; the module's documentation says what the members mean.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The line's number.
    pub seq: u64,
    /// The request's number.
    pub call: u64,
    /// When.
    pub time: Timestamp,
    /// The request's method, or `ADMIN`.
    pub method: String,
    /// The request's path with its query.
    pub path: String,
    /// SHA-256 of the request's body in hex, or empty.
    pub body_digest: String,
    /// What changed.
    pub object: String,
    /// What it was.
    pub before: Value,
    /// What it became.
    pub after: Value,
}

/// A change decided on and not yet made.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Change {
    /// `kind/id`.
    pub(crate) object: String,
    /// Null when the object is new.
    pub(crate) before: Value,
    pub(crate) after: Value,
}

/// The ledger's files: the data folder's own first, then the copy asked for.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    files: Vec<Jsonl>,
    last: u64,
}

impl Ledger {
    /// Opens the files there are and hands every change of the data folder's own to `replay`.  Also gives the greatest
    /// `call` seen.
    pub(crate) fn open(
        own: Option<&Path>,
        copy: Option<&Path>,
        notes: &mut Vec<String>,
        mut replay: impl FnMut(&str, Value) -> Result<(), String>,
    ) -> Result<(Self, u64), Error> {
        let (mut ledger, mut last_call) = (Self::default(), 0);
        if let Some(path) = own {
            let file = Jsonl::open(path, notes, |entry: Entry| {
                if entry.seq != ledger.last + 1 {
                    return Err(format!("seq {} follows {}", entry.seq, ledger.last));
                }
                ledger.last = entry.seq;
                last_call = last_call.max(entry.call);
                replay(&entry.object, entry.after)
            })?;
            ledger.files.push(file);
        }
        if let Some(path) = copy {
            let mut copied = 0;
            let mut file = Jsonl::open(path, notes, |entry: Entry| {
                copied = entry.seq;
                last_call = last_call.max(entry.call);
                Ok(())
            })?;
            match own {
                Some(own) if copied > ledger.last => {
                    return Err(Error::Option(format!(
                        "{} goes on to change {copied}, but {} ends at {}: it is another sandbox's ledger",
                        path.display(),
                        own.display(),
                        ledger.last
                    )));
                }
                Some(own) => copy_missing(own, copied, &mut file, path)?,
                None => ledger.last = copied,
            }
            ledger.files.push(file);
        }
        Ok((ledger, last_call))
    }

    /// Writes a line for each change to every file, or to none.
    pub(crate) fn append(&mut self, call: &Call, time: Timestamp, changes: &[Change]) -> std::io::Result<()> {
        if self.files.is_empty() || changes.is_empty() {
            self.last += changes.len() as u64;
            return Ok(());
        }
        let body_digest = call.body_digest();
        let mut lines = Vec::new();
        for (change, seq) in changes.iter().zip(self.last + 1..) {
            let line = Line {
                seq,
                call: call.number,
                time,
                method: &call.method,
                path: &call.path,
                body_digest: &body_digest,
                object: &change.object,
                before: &change.before,
                after: &change.after,
            };
            serde_json::to_writer(&mut lines, &line)?;
            lines.push(b'\n');
        }
        let lengths: Vec<u64> = self.files.iter().map(Jsonl::len).collect();
        for at in 0..self.files.len() {
            if let Err(error) = self.files[at].append(&lines) {
                for (file, len) in self.files[..at].iter_mut().zip(lengths) {
                    file.cut(len);
                }
                return Err(error);
            }
        }
        self.last += changes.len() as u64;
        Ok(())
    }
}

/// An [`Entry`] about to be written.
#[derive(Serialize)]
struct Line<'a> {
    seq: u64,
    call: u64,
    time: Timestamp,
    method: &'a str,
    path: &'a str,
    body_digest: &'a str,
    object: &'a str,
    before: &'a Value,
    after: &'a Value,
}

fn copy_missing(own: &Path, copied: u64, file: &mut Jsonl, path: &Path) -> Result<(), Error> {
    let text = std::fs::read(own).map_err(|source| Error::File { what: "read", path: own.to_owned(), source })?;
    let missing: usize = text.split_inclusive(|b| *b == b'\n').take(copied as usize).map(<[u8]>::len).sum();
    file.append(&text[missing..]).map_err(|source| Error::File { what: "write", path: path.to_owned(), source })
}
