//! The SCIM 2.0 protocol, pure: schemas and their characteristics (RFC 7643), filters, PATCH, paging, Bulk and errors (RFC 7644).
//!
//! No async, no clock, no store: a face, a sandbox and a connector each bring their own.
