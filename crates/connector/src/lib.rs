//! The boundary between Provost and the apps it keeps true.
//!
//! A connector reads what a vendor holds and carries out approved steps.  It never plans, orders, retries, sleeps, stores or decides.
//! What it may send goes through a wire: [`Wire`] to log in, [`Read`] to read, [`Write`] to change; only the executor makes the last.

mod boundary;
#[cfg(feature = "conformance")]
pub mod conformance;
mod fault;
mod pace;
mod ports;
mod redact;
mod tally;
mod wire;

pub use boundary::{Body, Cursor, Done, Key, Outcome, Page, RawEvent, Record, Session, Signing, Source, Target, Told, Watermark};
pub use fault::{Fault, Scope};
pub use model::{Attribute, Compare, EnrolmentsBy, LandsLate, Manifest, RateLimit, Shape, Support};
pub use pace::Pace;
pub use ports::{Broken, Clock, Ids, Random, Sleep, Transport};
pub use tally::{Share, Tally};
pub use wire::{Answer, Counts, Read, Wire, Write, clock_ahead_ms};
