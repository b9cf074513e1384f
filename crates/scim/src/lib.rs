//! The SCIM 2.0 protocol, pure: schemas and their characteristics (RFC 7643), filters, PATCH, paging, Bulk and errors (RFC 7644).
//!
//! No async, no clock, no store: a face, a sandbox and a connector each bring their own.

mod error;
mod filter;
mod instant;
mod leniency;
mod path;
mod resource;
mod resource_type;
pub mod schema;
pub mod urn;
mod value;

pub use error::{Error, ScimType};
pub use filter::{Comparison, ElementFilter, Filter, MAX_DEPTH, MAX_LENGTH, Node, Operand, Operator, fold};
pub use instant::Instant;
pub use leniency::{Leniency, Unknown};
pub use path::{Named, Path};
pub use resource_type::{Extension, ResourceType};
