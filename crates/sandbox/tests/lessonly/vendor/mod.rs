//! The `vendor` profile, row by row of the contract.

mod assignments;
mod bodies;
mod fields;
mod files;
mod groups;
mod lists;
mod transport;
mod users;
