//! Who decides what becomes of requests and of what is done to the database, and sees all of it.

use std::time::Duration;

use bytes::Bytes;
use http::Method;
use jiff::Timestamp;
use store::{Operation, StoreError};

/// A request on its way to a sandbox.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// The app.
    pub app: &'static str,
    /// Its number among all requests of this world, from 1.
    pub number: u64,
    /// Its number in the app's access log; 0 before it has arrived.
    pub call: u64,
    pub method: Method,
    /// With the query.
    pub path: String,
    pub body: Bytes,
    /// When it left, by the true time.
    pub left: Timestamp,
}

/// What came back from the sandbox, before it is on its way.
#[derive(Clone, Debug)]
pub enum Answered {
    Answer {
        status: u16,
        body: Bytes,
    },
    /// The sandbox closed the connection.
    Nothing,
}

/// What becomes of a request before it has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    /// It arrives.
    Arrives,
    /// It never leaves, and we know.
    NotSent,
    /// It is lost on its way, and we hear nothing.
    Lost,
    /// The program dies, and the request never left.
    Crash,
}

/// What becomes of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// It comes.
    Comes,
    /// It comes, and nobody can read it: its body is cut in its middle, and ends in bytes that no text has.
    Garbled,
    /// It is lost on its way.
    Lost,
    /// The program dies before it comes.
    Crash,
}

/// What becomes of an operation on the database, before or after it.
#[derive(Debug)]
pub enum Touch {
    Passes,
    Fails(StoreError),
    /// The program dies right there.
    Crash,
}

/// Decides, and sees.  What is called here happens one at a time.
pub trait Director: Send + Sync {
    /// How long a request takes to arrive, and its answer to come.
    fn latency(&self, _exchange: &Exchange) -> (Duration, Duration) {
        (Duration::from_millis(20), Duration::from_millis(20))
    }

    /// How long one waits for a transaction to begin.
    fn turn(&self) -> Duration {
        Duration::from_millis(1)
    }

    /// Asked when a request is about to arrive.
    fn before(&self, _exchange: &Exchange) -> Before {
        Before::Arrives
    }

    /// Asked when it was answered.
    fn after(&self, _exchange: &Exchange, _answered: &Answered) -> After {
        After::Comes
    }

    /// Whether a request that had left when the program died, or ended, arrives all the same.
    fn outlives(&self, _exchange: &Exchange) -> bool {
        true
    }

    /// Asked before an operation on the database.
    fn before_store(&self, _operation: Operation<'_>) -> Touch {
        Touch::Passes
    }

    /// Asked after it.
    fn after_store(&self, _operation: Operation<'_>) -> Touch {
        Touch::Passes
    }
}

/// Lets everything pass.
#[derive(Clone, Copy, Debug)]
pub struct Straight;

impl Director for Straight {}
