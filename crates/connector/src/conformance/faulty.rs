//! A transport that fails on demand.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use http::Method;

use crate::{Broken, Transport};

/// Which requests fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// GET.
    Reads,
    /// Anything else.
    Writes,
}

/// How they fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fail {
    /// This status and body, and the request never reaches the app.
    Answer(u16, &'static str),
    /// The request is carried out, and the answer is this instead.
    AnswerAfter(u16, &'static str),
    /// A redirect to another host.
    Redirect,
    /// No connection: it never left.
    NotSent,
    /// The connection is closed before anything was done.
    ClosedBefore,
    /// The request is carried out, and the connection closed without an answer.
    ClosedAfter,
}

/// A transport around another that fails as it is told.
pub struct FaultyTransport {
    inner: Arc<dyn Transport>,
    /// Which, how, and how many of them yet.
    fails: Mutex<Option<(When, Fail, usize)>>,
}

impl FaultyTransport {
    /// Fails nothing yet.
    pub fn new(inner: Arc<dyn Transport>) -> Self {
        Self { inner, fails: Mutex::new(None) }
    }

    /// From now on these requests fail so.
    pub fn fail(&self, when: When, how: Fail) {
        self.fail_times(when, how, usize::MAX);
    }

    /// The next so many of these requests fail so.
    pub fn fail_times(&self, when: When, how: Fail, times: usize) {
        *self.fails.lock().unwrap_or_else(PoisonError::into_inner) = Some((when, how, times));
    }

    /// From now on nothing fails.
    pub fn heal(&self) {
        *self.fails.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn how(&self, method: &Method) -> Option<Fail> {
        let mut fails = self.fails.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, how, left) = fails.as_mut().filter(|(when, ..)| (*when == When::Reads) == (*method == Method::GET))?;
        *left = left.checked_sub(1)?;
        Some(*how)
    }
}

fn answer(status: u16, body: &'static str) -> Result<http::Response<Bytes>, Broken> {
    http::Response::builder()
        .status(status)
        .body(Bytes::from_static(body.as_bytes()))
        .map_err(|error| Broken::NotSent(error.to_string()))
}

#[async_trait]
impl Transport for FaultyTransport {
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, Broken> {
        match self.how(request.method()) {
            None => self.inner.send(request).await,
            Some(Fail::Answer(status, body)) => answer(status, body),
            Some(Fail::AnswerAfter(status, body)) => {
                self.inner.send(request).await?;
                answer(status, body)
            }
            Some(Fail::Redirect) => http::Response::builder()
                .status(302)
                .header("location", "https://elsewhere.example/api")
                .body(Bytes::new())
                .map_err(|error| Broken::NotSent(error.to_string())),
            Some(Fail::NotSent) => Err(Broken::NotSent("connection refused".to_owned())),
            Some(Fail::ClosedBefore) => Err(Broken::NoAnswer("connection closed".to_owned())),
            Some(Fail::ClosedAfter) => {
                self.inner.send(request).await?;
                Err(Broken::NoAnswer("connection closed".to_owned()))
            }
        }
    }
}
