//! The Absorb sandbox as a client meets it: its calls quirk by quirk, its edges, ledger, restarts and speed.

mod calls;
mod client;
mod clients;
mod edges;
mod hooks;
mod ledger;
mod lists;
mod oauth;
mod vendor;
