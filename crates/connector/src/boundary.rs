//! `Source` and `Target`: what a connector is.

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use model::{
    Account, Approved, Content, Department, Enrolment, Finding, Group, Image, Kind, LogIn, Manifest, Receipt, Secret, Step, Tenant,
};

use crate::{Fault, Read, Wire, Write};

/// A log-in: which reading of the API it speaks, the headers that every request carries, and until when.
#[derive(Clone, Debug)]
pub struct Session {
    /// The profile in force, by the name that the connector knows it by: pinned by configuration, or told by logging in.
    pub profile: String,
    /// Header name (lower case) → value.
    pub headers: Vec<(String, Secret)>,
    /// When it dies; none when it does not.
    pub expires: Option<Timestamp>,
    /// What [`Source::log_in`] renews it with once a person has allowed it (OAuth); none where credentials suffice.
    pub refresh: Option<Secret>,
}

/// Where the next page begins; opaque to everybody but the connector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor(pub String);

/// Up to where changes are known; opaque to everybody but the connector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watermark(pub String);

/// A record in the one shape for all vendors.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// An account.
    Account(Account),
    /// A group; members are given by `find` with the group's id only.
    Group(Group),
    /// A department.
    Department(Department),
    /// Something to learn.
    Content(Content),
    /// An enrolment.
    Enrolment(Enrolment),
}

/// A record as read, with what the vendor sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// The vendor's id: what de-duplicates.
    pub id: String,
    /// In our shape.
    pub body: Body,
    /// As it came.
    pub raw: serde_json::Value,
}

/// One page of a reading.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// Its records.
    pub records: Vec<Record>,
    /// Where the next page begins; none after the last.
    pub next: Option<Cursor>,
    /// How many records there are in all, where the app says so.
    pub total: Option<u64>,
    /// From where [`Source::changed`] goes on later, where the app dates such records: taken from its own clock (A12).
    pub watermark: Option<Watermark>,
}

/// What to look for: any of these values of one attribute; `"id"` is the vendor's id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Attribute by the app's name, or `"id"`.  For enrolments: `"account"` or `"content"`.
    pub attribute: String,
    /// Values; many are one look where the API allows it.
    pub values: Vec<String>,
}

impl Key {
    /// One value.
    pub fn one(attribute: &str, value: &str) -> Self {
        Self { attribute: attribute.to_owned(), values: vec![value.to_owned()] }
    }
}

/// What an app sent by itself, as it came: nothing in it is believed before its signature was looked at.
#[derive(Clone, Debug)]
pub struct RawEvent {
    /// Header name (lower case) → value.
    pub headers: Vec<(String, String)>,
    /// The body, byte for byte.
    pub body: Bytes,
}

impl RawEvent {
    /// The value of a header, by its name in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// How an app's events are signed, as configuration says it.
#[derive(Clone, Debug)]
pub struct Signing {
    /// The secret that only the app and we know.
    pub secret: Secret,
    /// The header that carries the signature, where it is not the connector's own.
    pub header: Option<String>,
}

/// What an event says happened.  None of it is taken for a value: whom it is about is read from the app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The vendor's word for what happened.
    pub event: String,
    /// The account that it is about, by the vendor's id; none where it is about nobody's.
    pub account: Option<String>,
    /// When it happened, by the vendor's clock.
    pub at: Timestamp,
    /// What tells it from every other event: the same whenever it is delivered again.
    pub key: String,
}

/// A step that ended well.
#[derive(Clone, Debug, PartialEq)]
pub struct Done {
    /// The look found it done already: nothing was written.
    pub already: bool,
    /// Ids and images.
    pub receipt: Receipt,
}

/// What became of one step.
pub type Outcome = Result<Done, Fault>;

/// An app, or a pulled source, that can be read.
#[async_trait]
pub trait Source: Send + Sync {
    /// What it can do.
    fn manifest(&self) -> &'static Manifest;

    /// Logs in.  The engine keeps the session and leases it; `old` is the one that died, if any.
    ///
    /// # Errors
    /// `Denied` says which credential is wrong as far as it can be told; `Unreachable`, `Wait`.
    async fn log_in(&self, wire: &Wire, old: Option<&Session>) -> Result<Session, Fault>;

    /// Asks who we are talking to: profile, scope, declared fields, clock.
    ///
    /// # Errors
    /// As any read.
    async fn probe(&self, wire: &Read) -> Result<Tenant, Fault>;

    /// One page of everything of a kind; page after page from `None` is the whole of it.
    ///
    /// # Errors
    /// `Wait`, `Denied`, `Garbled`, `Unsupported`.
    async fn read(&self, wire: &Read, kind: Kind, after: Option<Cursor>) -> Result<Page, Fault>;

    /// One page of the records of a kind that changed since a watermark, for the kinds that [`Manifest::dated`] lists.  Some may come that
    /// did not change; none that did is left out.
    ///
    /// # Errors
    /// As [`Source::read`]; `Unsupported` for a kind that is not dated.
    async fn changed(&self, _wire: &Read, kind: Kind, _since: &Watermark, _after: Option<Cursor>) -> Result<Page, Fault> {
        Err(Fault::Unsupported { what: format!("the app does not date its {kind:?}") })
    }

    /// Where a person allows us in, if that is how one logs in here: an address to be opened in a browser, which then goes to `redirect`
    /// with `state` and a code for [`Source::redeem`].
    fn consent(&self, _redirect: &str, _state: &str) -> Option<String> {
        None
    }

    /// The first session, for the code that a person's consent gave.
    ///
    /// # Errors
    /// As [`Source::log_in`]; `Unsupported` where nobody has to consent.
    async fn redeem(&self, _wire: &Wire, _code: &Secret, _redirect: &str) -> Result<Session, Fault> {
        Err(Fault::Unsupported { what: "a log-in by consent".to_owned() })
    }

    /// The account that a kept record shows ([`model::Receipt`]), whichever profile it was read in; none where it shows none, or cannot be
    /// read any more.
    fn image(&self, _raw: &serde_json::Value) -> Option<Image> {
        None
    }

    /// What an event says, if the app sent it: the signature is compared in constant time, before anything is read.
    ///
    /// # Errors
    /// `Denied` where it is not signed rightly; `Garbled` where it is signed and cannot be read; `Unsupported` where the app sends none.
    fn decode(&self, _event: &RawEvent, _signing: &Signing) -> Result<Vec<Told>, Fault> {
        Err(Fault::Unsupported { what: "events".to_owned() })
    }

    /// When whoever has the account of a kept record logged in last, as far as the record tells.
    fn last_log_in(&self, _raw: &serde_json::Value) -> LogIn {
        LogIn::NotTold
    }

    /// Every record with this key; none is an answer, not an error.  A group found by id has its members.
    ///
    /// # Errors
    /// `Wait`, `Denied`, `Garbled`, `Unsupported`.
    async fn find(&self, wire: &Read, kind: Kind, key: &Key) -> Result<Vec<Record>, Fault>;
}

/// An app that can be changed.
#[async_trait]
pub trait Target: Source {
    /// What the vendor would refuse about this step, told without asking; findings of kind `Objection`.  `tenant` is what the probe of the
    /// reading found that the step was planned from.
    fn review(&self, step: &Step, tenant: &Tenant) -> Vec<Finding>;

    /// Carries out steps of one verb, at most a batch ([`Manifest::batch`]), all references resolved: looks, composes the whole write,
    /// writes, looks.  One outcome per step, in their order.
    async fn apply(&self, wire: &Write, steps: &[Approved<Step>]) -> Vec<Outcome>;
}
