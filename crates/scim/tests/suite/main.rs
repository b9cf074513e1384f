//! The crate from outside: what RFC 7643, 7644 and 9865 say, and what identity providers really send.

mod common;
mod filter;
mod patch;
mod patch_wild;
