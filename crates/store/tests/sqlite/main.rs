//! The store in a SQLite file: the whole suite, and what only a file can be.

#[path = "../suite/mod.rs"]
mod suite;

mod file;

use suite::common::Home;

/// A store that is not there yet.
pub(crate) fn home() -> Home {
    Home::file()
}

/// The other engine's, to copy to and from.
pub(crate) fn other() -> Home {
    Home::schema()
}
