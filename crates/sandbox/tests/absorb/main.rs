//! The Absorb sandbox as a client meets it: its calls quirk by quirk, its ledger, restarts and speed.

mod calls;
mod client;
mod ledger;
