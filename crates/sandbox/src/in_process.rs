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

impl InProcess {
    /// The sandbox whose router this is.
    pub fn new(router: Router) -> Self {
        Self(router)
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
