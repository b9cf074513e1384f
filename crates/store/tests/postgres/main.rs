//! The store in a PostgreSQL schema: the whole suite, and what only a server can be.

#[path = "../suite/mod.rs"]
mod suite;

mod server;

use suite::common::Home;

/// A store that is not there yet.
pub(crate) fn home() -> Home {
    Home::schema()
}

/// The other engine's, to copy to and from.
pub(crate) fn other() -> Home {
    Home::file()
}
