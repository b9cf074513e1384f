//! What the faces share.

use std::sync::Arc;

use engine::Engine;

use crate::auth::Cookies;
use crate::mcp;
use crate::server::Notes;
use crate::work::Work;

/// What every handler can use.
pub(crate) struct Faces {
    /// The use-cases.
    pub(crate) engine: Arc<Engine>,
    /// What is under way.
    pub(crate) work: Work,
    /// How log-ins are kept by browsers.
    pub(crate) cookies: Cookies,
    /// The door for assistants.
    pub(crate) mcp: mcp::Door,
    /// Where failures on our side are told.
    pub(crate) notes: Notes,
}
