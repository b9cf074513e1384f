//! The pure verbs of Provost: correlate, desire, diff, order, guard, render, report.  No async, no clock, no IO.
//!
//! [`Compiled`] is policy with its expressions compiled, made once.  [`propose`] takes everything that was read and known ([`Given`]) and
//! gives a [`model::Proposal`]: one open plan, one held plan for each class that waits for a person, and findings.  The same inputs give
//! the same bytes, whatever their order, the machine or the number of its cores (P2).

mod again;
mod aside;
mod assemble;
mod compiled;
mod correlate;
mod desire;

mod done;
mod draft;
mod explain;
mod expr;
mod guard;
mod hash;
mod idp;
mod index;
mod known;
mod leave_out;
mod lookups;
pub mod notice;
mod order;
mod owners;
mod paper;
mod parallel;
mod part;
mod past;
mod planned;
mod propose;
pub mod rehearsal;
pub mod render;
pub mod report;
mod revert;
pub mod review;
mod roster;
mod scene;
mod settle;
mod slots;
mod split;
mod standing;
mod text;

pub use again::{Again, Undone};
pub use aside::PUT_ASIDE;
pub use compiled::{Compiled, PolicyError};
pub use explain::{Explanation, Heard, InApp};
pub use guard::{Counted, Counting, FREEZE, Frozen};
pub use leave_out::leave_out;
pub use lookups::{Lookups, lookups};
pub use paper::Paper;
pub use past::{Past, Standing, Taken};
pub use propose::{Given, Planner, enrolments_to_read, propose, time_zones};
pub use revert::{Deed, Reverted, Reverting, concerned, revert};
pub use text::{fold, nearest};
