//! Faults on demand: what goes wrong between a client and a vendor, as often as one likes, the same again for the same seed.
//!
//! A specification is a list of rules and settings with commas between them: `500-after@POST=2%, reset-before=1%, seed=7`.
//!
//! ```text
//! RULE     KIND [":" ARGUMENT] ["@" WHERE] [HOW OFTEN]
//! WHERE    METHOD["|"METHOD…] [PATH]  or  PATH       POST, POST /users, /users/*
//! HOW OFTEN  "=" N "%"                               of the requests that the rule is about
//!            "=" DURATION                            one, and one again after each such time by the sandbox's clock
//!            "#" N  or  "#" N "-" M  or  "#" N "-"   the Nth of them since the sandbox opened, to the Mth, to the last
//!            nothing                                 every one
//! SETTING  "seed=" N  or  "clock=" ("+" or "-") DURATION
//! ```
//!
//! A path is the end of the request's, whatever comes before: `/users` is `/api/v1/users` too, and not `/users/5`; `*` is any one
//! segment; case does not matter.  A duration is a whole number with `ms`, `s`, `m` or `h`.
//!
//! | kind | what happens | argument |
//! |---|---|---|
//! | `429` | a bare "too many requests", nothing done | `Retry-After`, in whole seconds; none |
//! | `throttle` | what this vendor, in this profile, says over the limit; nothing done | the same |
//! | `5NN-before`, `-after`, `-late` | this status, bare: nothing done, done, or done after a while | `-before`: `Retry-After`; `-late`: the while, `2s` |
//! | `reset-before`, `-after`, `-late` | the connection is reset without an answer | `-late`: the while, `2s` |
//! | `html-before`, `-after` | a page of HTML instead of the answer | its status, `200` |
//! | `redirect` | a redirect, nothing done | `other` host (which there is not) or the `same`; `other` |
//! | `slow` | the answer comes late, by the system's time | how late, `1s` |
//! | `truncated` | the answer's body ends in its middle | |
//! | `garbled` | the answer's body has bytes that no JSON has | |
//! | `moved` | the list's record that comes first on the page asked for stands at the list's beginning from now on, and what was before it moves down by one; only past the first page, and then not again while the list is read twice | |
//! | `rival` | somebody else logs in with the user name whose token the request carries, which is dead before it is looked at | |
//! | `hook-twice` | a webhook is delivered twice | |
//! | `hook-late` | a webhook is delivered late, by the system's time | how late, `1s` |
//! | `hook-shuffled` | a webhook is delivered after the one that follows it, or a second later | |
//!
//! Rules of webhooks count deliveries where the others count requests, and name no method or path.  A request has one fault: the first rule that hits it.  By chance a rule hits as the seed and the request's number in the access log
//! say, so that the same requests in the same order have the same faults.  No fault makes the ledger lie: it has what was done.

mod armed;
mod moves;
mod spec;
mod spoil;

pub(crate) use armed::{Armed, Hit};
pub(crate) use moves::{Moves, Shuffle};
pub(crate) use spoil::{html, redirect, spoiled, with_retry_after};

use std::time::Duration;

use axum::http::StatusCode;
use jiff::SignedDuration;

/// What goes wrong, and how often; the module's documentation says how it is written.  The default is nothing.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Faults {
    rules: Vec<Rule>,
    seed: u64,
    clock: SignedDuration,
}

impl Faults {
    /// How far the sandbox's clock is ahead of what it would be.
    pub(crate) fn clock(&self) -> SignedDuration {
        self.clock
    }

    /// The first rule about webhooks, for a vendor that has none.
    pub(crate) fn delivery(&self) -> Option<&str> {
        self.rules.iter().find(|rule| matches!(rule.kind, Kind::Delivered(_))).map(|rule| rule.name.as_str())
    }

    /// The first rule that needs log-ins which can be taken, for a vendor that has none.
    pub(crate) fn rival(&self) -> Option<&str> {
        self.rules.iter().find(|rule| rule.kind == Kind::Rival).map(|rule| rule.name.as_str())
    }
}

#[derive(Debug, Clone, PartialEq)]
struct Rule {
    /// Kind and argument as written, for the access log.
    name: String,
    kind: Kind,
    at: Where,
    often: Often,
}

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    /// Another answer than the vendor's.
    Instead(Answer, When),
    /// The vendor's answer, late.
    Slow(Duration),
    /// The vendor's answer, its body spoiled.
    Spoiled(Spoil),
    /// A record moves between pages.
    Moved,
    /// Somebody else logs in.
    Rival,
    /// A webhook goes astray.
    Delivered(Delivery),
}

/// How a webhook goes astray.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Delivery {
    /// It comes again.
    Twice,
    /// It comes this much later.
    Late(Duration),
    /// It comes after the one that follows it.
    Shuffled,
}

/// What is answered instead.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Answer {
    /// This status and no body, with a `Retry-After` in seconds.
    Status(StatusCode, Option<u64>),
    /// What the vendor says over the limit, with a `Retry-After` in seconds.
    Throttled(Option<u64>),
    /// Nothing: the connection ends.
    Reset,
    /// HTML with this status.
    Html(StatusCode),
    /// A redirect, to the same host or to another.
    Redirect { same: bool },
}

/// Whether the request is carried out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum When {
    /// It is not.
    Before,
    /// It is, then it is answered.
    After,
    /// It is answered, and carried out after this long.
    Late(SignedDuration),
}

/// How a body is spoiled.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Spoil {
    Truncated,
    Garbled,
}

/// Which requests a rule is about.
#[derive(Debug, Clone, PartialEq, Default)]
struct Where {
    /// In capitals; none is any.
    methods: Vec<String>,
    /// The path's last segments in small letters, `*` for any one; none is any path.
    path: Option<Vec<String>>,
}

/// How many of them it hits.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Often {
    Always,
    /// Of a million.
    Chance(u32),
    /// One, then one after each such time.
    Every(SignedDuration),
    /// From this one to that one.
    Calls(u64, u64),
}
