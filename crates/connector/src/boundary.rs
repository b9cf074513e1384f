//! `Source` and `Target`: what a connector is.

use async_trait::async_trait;
use jiff::Timestamp;
use model::{Account, Approved, Content, Department, Enrolment, Finding, Group, Kind, Manifest, Receipt, Secret, Step, Tenant};

use crate::{Fault, Read, Wire, Write};

/// A log-in: the headers that every request carries, and until when.
#[derive(Clone, Debug)]
pub struct Session {
    /// Header name (lower case) → value.
    pub headers: Vec<(String, Secret)>,
    /// When it dies; none when it does not.
    pub expires: Option<Timestamp>,
}

/// Where the next page begins; opaque to everybody but the connector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor(pub String);

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

    /// Every record with this key; none is an answer, not an error.  A group found by id has its members.
    ///
    /// # Errors
    /// `Wait`, `Denied`, `Garbled`, `Unsupported`.
    async fn find(&self, wire: &Read, kind: Kind, key: &Key) -> Result<Vec<Record>, Fault>;
}

/// An app that can be changed.
#[async_trait]
pub trait Target: Source {
    /// What the vendor would refuse about this step, told without asking; findings of kind `Objection`.
    fn review(&self, step: &Step) -> Vec<Finding>;

    /// Carries out steps of one verb, at most a batch ([`Manifest::batch`]), all references resolved: looks, composes the whole write,
    /// writes, looks.  One outcome per step, in their order.
    async fn apply(&self, wire: &Write, steps: &[Approved<Step>]) -> Vec<Outcome>;
}
