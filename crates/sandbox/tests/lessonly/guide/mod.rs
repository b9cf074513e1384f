//! The `guide` profile.

mod assignments;
mod groups;
mod transport;
mod users;
