//! The server's faces, one folder each: thin skins over the engine's use-cases.  None imports another, and none holds a rule.
//!
//! [`Server::start`] listens; whatever is below `/scim/v2` is the gateway for identity providers.

mod limit;
mod planning;
pub mod scim;
mod server;

pub use limit::Rate;
pub use server::{Notes, Options, Running, ServeError, Server};
