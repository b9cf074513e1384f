//! What the faces share.

use std::sync::{Arc, OnceLock};

use engine::Engine;

use crate::auth::oidc::LogIns;
use crate::auth::{Cookies, Limits};
use crate::mcp;
use crate::meters::Meters;
use crate::route::Entry;
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
    /// Log-ins through a provider, where there is one.
    pub(crate) log_ins: Option<LogIns>,
    /// The door for assistants.
    pub(crate) mcp: mcp::Door,
    /// How often somebody may ask.
    pub(crate) limits: Limits,
    /// An id of this server as it runs.
    pub(crate) server: String,
    /// What is counted of it.
    pub(crate) meters: Arc<Meters>,
    /// All routes of all faces, once they are known.
    pub(crate) table: OnceLock<Vec<Entry>>,
    /// Where failures on our side are told.
    pub(crate) notes: Notes,
}
