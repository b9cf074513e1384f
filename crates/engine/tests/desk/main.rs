//! The engine against an app in memory, with a clock that is moved: sessions, increments, one person, ends of runs.

mod connector;
mod endings;
mod idp;
mod increments;
mod misbehaving;
mod named;
mod notices;
mod server;
mod sessions;
mod world;
