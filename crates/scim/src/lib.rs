//! The SCIM 2.0 protocol, pure: schemas and their characteristics (RFC 7643), filters, PATCH, paging, Bulk and errors (RFC 7644).
//!
//! No async, no clock, no store: a face, a sandbox and a connector each bring their own.
//!
//! - [`ResourceType`] is what everything is held against: [`ResourceType::user`], [`ResourceType::group`], or one of one's own from
//!   [`schema`]. Built once and shared.
//! - A resource is a JSON object whose names are spelled as the schemas spell them: [`ResourceType::create`] makes one of a body,
//!   [`ResourceType::replace`] what a PUT leaves, [`Patch::apply`] what a PATCH leaves, [`View::of`] what is shown of it.
//! - [`Service::operation`] reads a whole request; [`Filter`], [`Patch`], [`ListRequest`] and [`View`] are its parts.
//! - [`Leniency`] is how literally requests are taken.
//! - Everything that goes wrong is an [`Error`], which is an answer.

mod bulk;
pub mod cursor;
pub mod discovery;
mod error;
pub mod etag;
mod filter;
#[cfg(test)]
mod fuzz;
mod instant;
mod leniency;
mod list;
mod page;
mod patch;
mod path;
mod protocol;
mod resource;
mod resource_type;
pub mod schema;
mod sort;
pub mod urn;
mod value;
mod view;

pub use bulk::{Bulk, BulkItem, BulkOperation, BulkOutcome, BulkRun};
pub use error::{Error, ScimType};
pub use filter::{Comparison, ElementFilter, Filter, MAX_DEPTH, MAX_LENGTH, Node, Operand, Operator, fold};
pub use instant::Instant;
pub use leniency::{Leniency, Unknown};
pub use list::{ListRequest, ListResponse, Listing, Page};
pub use patch::{Action, Change, Patch, Target};
pub use path::{Named, Path};
pub use protocol::{Operation, Request, Service, location};
pub use resource_type::{Extension, ResourceType};
pub use sort::{Sort, SortKey};
pub use view::View;
