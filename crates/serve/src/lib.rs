//! The server's faces, one folder each: thin skins over the engine's use-cases.  None imports another, and none holds a rule.
//!
//! [`Server::start`] listens.  `/scim/v2` is the gateway for identity providers, `/api/v1` the API, `/mcp` the door for assistants, `/hooks` where
//! apps tell of events, everything else the console.  What the faces share is here: who may (`auth`), the routes with what each takes
//! (`route`), what is under way (`work`), and what whoever operates the server asks it (`ops`, `meters`).

mod api;
mod auth;
mod console;
mod limit;
pub mod mcp;
mod meters;
mod ops;
mod planning;
mod route;
pub mod scim;
mod server;
mod sorted;
mod state;
mod turns;
mod webhooks;
mod work;

pub use auth::{BACK, NotLoggedIn, Oidc, Roles};
pub use limit::Rate;
pub use server::{Notes, Options, Running, ServeError, Server};
