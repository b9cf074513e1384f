//! Log-in through an OpenID provider: an honest one that others wrote, in a real browser; and one of our own that lies in every way.
//!
//! The first needs Debian's `chromium` and `chromium-driver` and `oidc-provider` from npm, which `cargo xtask test` installs.

#[path = "../browser/mod.rs"]
mod browser;
mod honest;
mod hostile;
mod rogue;
mod world;
