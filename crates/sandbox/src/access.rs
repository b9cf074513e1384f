//! The access log: every request, one JSON object a line, written and flushed before the answer is sent.
//!
//! | member | |
//! |---|---|
//! | `seq` | the request's number, 1, 2, 3, …; goes on after a restart.  Requests at the same time may be written out of order |
//! | `time` | the sandbox's instant when the request had arrived, RFC 3339 |
//! | `method`, `path` | as sent, with the query |
//! | `status` | of the answer; 0 when the connection was closed without one |
//! | `bytes` | length of the answer's body |
//! | `fault` | the fault that befell it, as [`crate::faults`] names it; absent when none did |
//!
//! Refused requests (401, 404, 429, …) are in it too.

use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::jsonl::Jsonl;

/// One line of the access log; the module's documentation says what the members mean.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    /// The request's number.
    pub seq: u64,
    /// When it had arrived.
    pub time: Timestamp,
    /// Its method.
    pub method: String,
    /// Its path with its query.
    pub path: String,
    /// The answer's status; 0 when there was none.
    pub status: u16,
    /// The length of the answer's body.
    pub bytes: u64,
    /// The fault that befell it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

/// Where requests are written.
#[derive(Debug)]
pub(crate) struct AccessLog {
    file: Jsonl,
    /// Lines that found no space: what they tell of was done, so they are written before the next one.
    owed: Vec<u8>,
}

impl AccessLog {
    /// Opens the file if there is to be one, and gives the greatest number in it.
    pub(crate) fn open(path: Option<&Path>, notes: &mut Vec<String>) -> Result<(Option<Self>, u64), Error> {
        let Some(path) = path else { return Ok((None, 0)) };
        let mut last = 0;
        let file = Jsonl::open(path, notes, |line: Access| {
            last = last.max(line.seq);
            Ok(())
        })?;
        Ok((Some(Self { file, owed: Vec::new() }), last))
    }

    pub(crate) fn write(&mut self, line: &Access) -> std::io::Result<()> {
        serde_json::to_writer(&mut self.owed, line)?;
        self.owed.push(b'\n');
        self.file.append(&self.owed)?;
        self.owed.clear();
        Ok(())
    }
}
