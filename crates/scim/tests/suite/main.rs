//! The crate from outside: what RFC 7643, 7644 and 9865 say, and what identity providers really send.

mod bulk;
mod common;
mod differential;
mod filter;
mod laws;
mod lists;
mod patch;
mod patch_wild;
mod protocol;
mod resources;
mod schemas;
mod views;
