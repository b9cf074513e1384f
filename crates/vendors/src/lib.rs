//! One folder per connector, the same files in each; [`registry`] is the only list of them.
//!
//! A folder holds `mod.rs` (the connector and its registry entry), `manifest.rs` (what the app can do), `wire.rs` (log-in, what
//! statuses mean, the profiles), `convert.rs` (records to and from the model), `read.rs` and `write.rs`.

pub mod absorb;
pub mod lessonly;
pub mod registry;
pub mod sabotage;
pub mod scim;
