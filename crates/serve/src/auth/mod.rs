//! Who may: who a request is from, and whether they may do what it asks.
//!
//! A program shows an API token (`Authorization: Bearer`), a browser the cookie of a log-in.  A request with a cookie that changes something
//! has to come from our own pages: the browser says where it comes from (`Sec-Fetch-Site`, else `Origin`), and what does not say is refused.
//! A log-in begins by a link that counts once, or through an OpenID provider (`oidc`).

mod cookie;
mod limits;
pub(crate) mod oidc;
mod origin;

use axum::http::Method;
use axum::http::header::{AUTHORIZATION, HeaderMap};
use engine::{Caller, Engine, EngineError};
use model::Role;

pub(crate) use cookie::Cookies;
pub(crate) use limits::{Limits, seconds};
pub use oidc::{BACK, NotLoggedIn, Oidc, Roles};

/// Who may use a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Least {
    /// Everybody, known or not.
    Anyone,
    /// Whoever has this role, or one that may do more.
    Role(Role),
}

/// Why somebody is not let in.
#[derive(Debug)]
pub(crate) enum Refused {
    /// They did not show who they are, or what they showed does not count (any more).
    Unknown {
        /// Whether they showed something.
        shown: bool,
    },
    /// They are known, and may not do this.
    NotAllowed {
        /// Who.
        caller: Caller,
        /// What it takes.
        least: Role,
    },
    /// A browser sent this from a page that is not ours.
    OtherSite,
    /// They ask too often.
    TooMany {
        /// After how long there is room for the next request.
        after: std::time::Duration,
    },
    /// It cannot be told now.
    Failed(EngineError),
}

/// Who this request is from, where it may be done at all.
///
/// # Errors
/// [`Refused`].
pub(crate) async fn let_in(
    engine: &Engine,
    cookies: Cookies,
    method: &Method,
    headers: &HeaderMap,
    least: Least,
) -> Result<Option<Caller>, Refused> {
    let bearer = bearer(headers);
    let cookie = cookies.shown(headers);
    let changes = !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
    // Log-ins, too, are changed from our pages only: a form elsewhere must not log somebody in as somebody else.
    let by_page = bearer.is_none() && (cookie.is_some() || least == Least::Anyone);
    if changes && by_page && !origin::is_ours(headers) {
        return Err(Refused::OtherSite);
    }
    let found = match (bearer, cookie) {
        (Some(token), _) => engine.caller(token, false).await,
        (None, Some(session)) => engine.caller(session, true).await,
        (None, None) => Ok(None),
    };
    let caller = match (found, least) {
        (Ok(caller), _) => caller,
        // What everybody may see is shown also while nobody can be told from anybody.
        (Err(_), Least::Anyone) => None,
        (Err(error), Least::Role(_)) => return Err(Refused::Failed(error)),
    };
    match (least, caller) {
        (Least::Anyone, caller) => Ok(caller),
        (Least::Role(least), Some(caller)) if caller.role >= least => Ok(Some(caller)),
        (Least::Role(least), Some(caller)) => Err(Refused::NotAllowed { caller, least }),
        (Least::Role(_), None) => Err(Refused::Unknown { shown: bearer.is_some() || cookie.is_some() }),
    }
}

/// The token behind `Authorization: Bearer`.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
