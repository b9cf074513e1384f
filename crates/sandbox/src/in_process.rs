use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use bytes::Bytes;
use tower::ServiceExt as _;

use crate::front::NoAnswer;

/// A sandbox called in the process: the same routes, limiter, faults and logs as over a socket, without the socket.
///
/// Nothing of it waits, so that whoever calls it keeps the time: an answer that a fault makes slow comes at once with a [`Slow`] among its
/// extensions, and a request that is carried out late is carried out by the first request after its time on the sandbox's clock.
#[derive(Debug, Clone)]
pub struct InProcess(Router);

/// Among an answer's extensions: how much later it would have come over a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slow(pub Duration);

/// The mark of a request that comes through [`InProcess`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct CallerKeepsTime;

/// The mark of what is no request: time went on, and what was put off may be due.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TimeWentOn;

impl InProcess {
    /// The sandbox whose router this is.
    pub fn new(router: Router) -> Self {
        Self(router)
    }

    /// Carries out what was put off and is due by now on the sandbox's clock: for a caller who does not want to wait for the next request.
    pub async fn carry_out_what_is_due(&self) {
        let mut none = Request::new(Body::empty());
        none.extensions_mut().insert(TimeWentOn);
        let _: Response<Body> = self.0.clone().oneshot(none).await.unwrap_or_else(|never| match never {});
    }

    /// One request and its whole answer.  Only path and query of its address count.
    ///
    /// # Errors
    /// [`NoAnswer`] where over a socket the connection is closed without one; the request may have been carried out.
    pub async fn send(&self, mut request: Request<Bytes>) -> Result<Response<Bytes>, NoAnswer> {
        request.extensions_mut().insert(CallerKeepsTime);
        let answer = self.0.clone().oneshot(request.map(Body::from)).await.unwrap_or_else(|never| match never {});
        if answer.extensions().get::<NoAnswer>().is_some() {
            return Err(NoAnswer);
        }
        let (parts, body) = answer.into_parts();
        // A body that breaks off is no whole answer either.
        let body = axum::body::to_bytes(body, usize::MAX).await.map_err(|_| NoAnswer)?;
        Ok(Response::from_parts(parts, body))
    }
}
