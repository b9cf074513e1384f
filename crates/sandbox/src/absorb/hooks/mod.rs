//! Webhooks: what the portal tells a listener by itself (contract, section 6).
//!
//! CHOSEN, as no public source says it: the body is JSON with the members of [`Told::body`]; it is signed with HMAC-SHA256 in lower-case
//! hexadecimal digits under the header that the admin set; any answer but 2xx, and none within ten seconds, is followed by another attempt with the same
//! bytes, six attempts in all, after 1, 2, 4, 8 and 16 times the first pause.  What is not taken by then is dropped, as is what waits when
//! the sandbox ends.  There is no TLS, so that only an address on this machine is taken.

mod deliver;
mod events;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::http::{HeaderName, Uri};
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use uuid::Uuid;

pub use events::Event;

use super::{Portal, Sandbox};
use crate::call::Call;
use crate::error::Error;
use crate::ledger::Change;

/// Where events are told, and how they are signed.
#[derive(Debug, Clone)]
pub struct Webhooks {
    /// The listener: `http://127.0.0.1:PORT/PATH`.
    pub url: String,
    /// What bodies are signed with.
    pub secret: SecretString,
    /// The header that carries the signature.
    pub header: String,
    /// How long it waits before the second attempt; twice as long before each that follows.
    pub pause: Duration,
}

impl Webhooks {
    /// To this address, signed with this, in the header `X-Absorb-Signature`, a second before the second attempt.
    pub fn to(url: &str, secret: impl Into<SecretString>) -> Self {
        let (header, pause) = ("X-Absorb-Signature".to_owned(), Duration::from_secs(1));
        Self { url: url.to_owned(), secret: secret.into(), header, pause }
    }

    fn check(&self) -> Result<(), Error> {
        let wrong = |what: String| Err(Error::Option(what));
        if self.secret.expose_secret().is_empty() {
            return wrong("the secret of the webhooks is empty".to_owned());
        }
        if self.header.parse::<HeaderName>().is_err() {
            return wrong(format!("`{}` is no name of a header", self.header));
        }
        let uri: Option<Uri> = self.url.parse().ok();
        let near = |host: &str| {
            host == "localhost" || host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
        };
        match uri {
            Some(uri) if uri.scheme_str() == Some("http") && uri.host().is_some_and(near) => Ok(()),
            _ => {
                wrong(format!("webhooks go to this machine only, e.g. http://127.0.0.1:8460/hooks/absorb; `{}` is not there", self.url))
            }
        }
    }
}

/// How many events were told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Deliveries {
    /// Events that happened while somebody was to be told.
    pub events: u64,
    /// Requests that were sent, repeated ones too.
    pub sent: u64,
    /// Events that the listener took.
    pub taken: u64,
    /// Events that were dropped after the last attempt.
    pub dropped: u64,
}

/// What a portal has of its webhooks.
#[derive(Debug)]
pub(super) struct Hooks {
    set: Mutex<Option<Webhooks>>,
    queue: UnboundedSender<Told>,
    /// Until the sandbox is served, which starts the delivery.
    waiting: Mutex<Option<UnboundedReceiver<Told>>>,
    counts: Mutex<Deliveries>,
}

/// One event on its way.
#[derive(Debug, Clone)]
struct Told {
    body: Vec<u8>,
    to: Webhooks,
}

impl Hooks {
    /// # Errors
    /// An address that is not on this machine, no secret, no header.
    pub(super) fn new(set: Option<Webhooks>) -> Result<Self, Error> {
        set.as_ref().map_or(Ok(()), Webhooks::check)?;
        let (queue, waiting) = unbounded_channel();
        Ok(Self { set: Mutex::new(set), queue, waiting: Mutex::new(Some(waiting)), counts: Mutex::default() })
    }

    fn count(&self, count: impl FnOnce(&mut Deliveries)) {
        count(&mut self.counts.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn set(&self) -> Option<Webhooks> {
        self.set.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Told {
    /// The lean body: which event, when, in which portal, who did it, and ids to look at.
    fn body(event: &Event, at: Timestamp, client: Uuid, admin: Option<Uuid>) -> Vec<u8> {
        let mut body = json!({
            "eventType": event.name(),
            "timestamp": at,
            "clientId": client,
            "correlationId": Uuid::now_v7(),
            "adminId": admin,
        });
        for (name, id) in event.ids() {
            body[name] = Value::String(id.to_string());
        }
        body.to_string().into_bytes()
    }
}

impl Sandbox {
    /// From now on events are told there, or nobody is told: what an admin of the portal sets in its pages.
    ///
    /// # Errors
    /// An address that is not on this machine, no secret, no header.
    pub fn set_webhooks(&self, to: Option<Webhooks>) -> Result<(), Error> {
        to.as_ref().map_or(Ok(()), Webhooks::check)?;
        *self.0.hooks.set.lock().unwrap_or_else(PoisonError::into_inner) = to;
        Ok(())
    }

    /// Tells of an event: the only way for what no object of this portal shows (competencies, sessions, and courses, which are fixed when it opens).
    pub fn announce(&self, event: &Event) {
        self.0.announce(event, self.0.backend.clock.now(), None);
    }

    /// How many events were told until now.
    pub fn deliveries(&self) -> Deliveries {
        *self.0.hooks.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to deliver, once.  It ends with the runtime that it began on.
    pub(super) fn deliver(&self) {
        let waiting = self.0.hooks.waiting.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(waiting) = waiting {
            tokio::spawn(deliver::deliver(Arc::downgrade(&self.0), waiting));
        }
    }
}

impl Portal {
    /// Tells what a call changed.
    pub(super) fn tell(&self, call: &Call, at: Timestamp, changes: &[Change]) {
        if self.hooks.set().is_none() {
            return;
        }
        let events = events::of(changes);
        if events.is_empty() {
            return;
        }
        let admin = self.admin_with(call.header("authorization"), at).ok();
        let admin = admin.map(|admin| self.auth().admin(admin).username.clone());
        let admin = admin.map(|name| self.backend.read(|state| state.admin_id(&name)));
        events.iter().for_each(|event| self.announce(event, at, admin));
    }

    fn announce(&self, event: &Event, at: Timestamp, admin: Option<Uuid>) {
        let Some(to) = self.hooks.set() else { return };
        let client = self.backend.read(|state| state.root);
        self.hooks.count(|counts| counts.events += 1);
        // Where nobody serves the sandbox nobody is told.
        self.hooks.queue.send(Told { body: Told::body(event, at, client, admin), to }).ok();
    }
}
