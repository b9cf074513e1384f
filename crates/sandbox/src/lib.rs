//! Faithful local servers of the vendors' APIs, and of a SCIM application of nobody in particular, so that everything can be rehearsed
//! without an account anywhere.
//!
//! They are written from the vendors' documents alone and share no code with the connectors: two readings of one
//! document.  Each sandbox is opened from its `Config`, and then served on an address (`start`) or called in
//! the process ([`InProcess`] over its `router`).  What they have in common: a clock that can be set ([`clock`]), a seeded
//! company ([`company`]), the effect ledger ([`ledger`]), the access log ([`access`]), a rate limiter, faults on
//! demand ([`faults`]), and a data
//! folder that outlives the process, kill -9 included.  `Sandbox::standing_in` opens one that holds what [`records`] of a
//! tenant show.

pub mod absorb;
pub mod access;
pub mod application;
mod backend;
mod call;
pub mod clock;
pub mod company;
mod data;
mod error;
pub mod faults;
mod front;
mod in_process;
mod jsonl;
pub mod ledger;
pub mod lessonly;
mod limit;
mod options;
mod provisioning;
pub mod records;
mod server;

pub use clock::{Clock, SandboxClock};
pub use data::{made_by, made_with, running};
pub use error::Error;
pub use faults::Faults;
pub use front::NoAnswer;
pub use in_process::{InProcess, Slow};
pub use options::{Limit, Options};
pub use server::Running;
