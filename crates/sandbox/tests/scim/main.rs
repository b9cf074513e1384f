//! SCIM as both sandboxes serve it: every line of the contracts' sections about it, and programs that others wrote.

mod absorb;
mod client;
mod lessonly_guide;
mod lessonly_vendor;
mod outside;
