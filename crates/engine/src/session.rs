//! The session of a connection: kept sealed, renewed once and ahead of time, and never fought over.
//!
//! One token per admin is kept in the store and used by every process in turn until it nears its end.  A token that dies long before that
//! shows a rival: somebody else logs in with the same user name (A02).  One such death is mended and told; more of them end the work.

use connector::Session;
use jiff::{SignedDuration, Timestamp};
use model::{AppName, Finding, FindingKind, Secret};
use serde::{Deserialize, Serialize};
use store::Store;

use crate::connection::apart;
use crate::{Engine, EngineError};

/// A session with less time left than this is renewed first; of a short one, a tenth of its life.
const MARGIN: SignedDuration = SignedDuration::from_mins(10);
/// The life of a session of which nobody says when it ends, as far as dying early goes.
const ASSUMED_LIFE: SignedDuration = SignedDuration::from_hours(1);
/// Over how long deaths are counted.
const COUNTED: SignedDuration = SignedDuration::from_hours(1);
/// So many early deaths within that time are mended; one more ends the work.
const MENDED: usize = 3;

/// A session in use.
#[derive(Clone, Debug)]
pub(crate) struct Live {
    pub(crate) session: Session,
    /// When it was given out.
    pub(crate) since: Timestamp,
    /// Whether it was made because the one before died early.
    pub(crate) mends: bool,
}

impl Live {
    /// What there is before anybody logged in.
    pub(crate) fn none(now: Timestamp) -> Self {
        let session = Session { profile: String::new(), headers: Vec::new(), expires: None, refresh: None };
        Self { session, since: now, mends: false }
    }

    fn life(&self) -> SignedDuration {
        self.session.expires.map_or(ASSUMED_LIFE, |expires| expires.duration_since(self.since))
    }

    /// Whether so little of its time is left that it is to be renewed now.
    pub(crate) fn nears_its_end(&self, now: Timestamp) -> bool {
        self.session.expires.is_some_and(|expires| expires.duration_since(now) <= MARGIN.min(self.life() / 10))
    }

    /// Whether it is in the first tenth of its life.
    fn is_young(&self, now: Timestamp) -> bool {
        now.duration_since(self.since) < self.life() / 10
    }

    /// Whether both carry the same token.
    pub(crate) fn is(&self, other: &Session) -> bool {
        let words = |session: &Session| session.headers.iter().map(|(_, value)| value.expose().to_owned()).collect::<Vec<_>>();
        words(&self.session) == words(other)
    }
}

/// A session as it is kept, sealed.
#[derive(Serialize, Deserialize)]
pub(crate) struct Kept {
    /// Whose it is: another user name has a session of its own.
    tenant: String,
    /// Where it was given out: it is shown nowhere else, though the app has the same name (P11).
    base: String,
    profile: String,
    headers: Vec<(String, String)>,
    since: Timestamp,
    expires: Option<Timestamp>,
    refresh: Option<String>,
}

impl Kept {
    /// A session that is worth keeping: others log in when they need one.
    pub(crate) fn of(live: &Live, tenant: &str, base: &str) -> Option<Self> {
        let Session { profile, headers, expires, refresh } = &live.session;
        (expires.is_some() || refresh.is_some()).then(|| Self {
            tenant: tenant.to_owned(),
            base: base.to_owned(),
            profile: profile.clone(),
            headers: headers.iter().map(|(name, value)| (name.clone(), value.expose().to_owned())).collect(),
            since: live.since,
            expires: *expires,
            refresh: refresh.as_ref().map(|refresh| refresh.expose().to_owned()),
        })
    }

    /// What a dead session leaves: what renews it, if anything does.
    pub(crate) fn remains(live: &Live, tenant: &str, base: &str) -> Option<Self> {
        live.session.refresh.as_ref()?;
        Self::of(live, tenant, base).map(|kept| Self { expires: Some(Timestamp::UNIX_EPOCH), ..kept })
    }

    /// The session, if it is this tenant's at this address.
    pub(crate) fn open(secret: &Secret, tenant: &str, base: &str) -> Option<Live> {
        let kept: Self = serde_json::from_str(secret.expose()).ok()?;
        if kept.tenant != tenant || kept.base != base {
            return None;
        }
        let headers = kept.headers.into_iter().map(|(name, value)| (name, Secret::new(value))).collect();
        let session = Session { profile: kept.profile, headers, expires: kept.expires, refresh: kept.refresh.map(Secret::new) };
        Some(Live { session, since: kept.since, mends: false })
    }

    /// When a kept session was given out, and until when it is good, whoever's it is; none for what only renews one.
    pub(crate) fn times(secret: &Secret) -> Option<(Timestamp, Option<Timestamp>)> {
        let kept: Self = serde_json::from_str(secret.expose()).ok()?;
        (kept.expires != Some(Timestamp::UNIX_EPOCH)).then_some((kept.since, kept.expires))
    }

    pub(crate) fn seal(&self) -> Secret {
        Secret::new(serde_json::json!(self).to_string())
    }

    /// When it ends, for the store's own column.
    pub(crate) fn expires(&self) -> Timestamp {
        self.expires.unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

/// The early deaths of an app's sessions within the last hour, by whatever process saw them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Deaths {
    at: Vec<Timestamp>,
    /// How long the last one lived, and how long it was good for, in seconds.
    lived: i64,
    good_for: i64,
}

impl Deaths {
    fn name(app: &AppName) -> String {
        format!("rival/{app}")
    }

    pub(crate) async fn load(store: &Store, app: &AppName) -> Result<Self, EngineError> {
        let kept = store.meta(&Self::name(app)).await?;
        Ok(kept.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
    }

    /// Counts one more.
    pub(crate) async fn add(mut self, store: &Store, app: &AppName, live: &Live, now: Timestamp) -> Result<Self, EngineError> {
        self.at.retain(|at| now.duration_since(*at) < COUNTED);
        self.at.push(now);
        (self.lived, self.good_for) = (now.duration_since(live.since).as_secs(), live.life().as_secs());
        let (store, name, text) = (store.clone(), Self::name(app), serde_json::json!(self).to_string());
        apart(async move { store.set_meta(&name, &text).await }).await?;
        Ok(self)
    }

    /// Whether logging in once more would be fighting: it is the second in a row that died young, or there were too many.
    pub(crate) fn is_a_fight(&self, live: &Live, now: Timestamp) -> bool {
        (live.mends && live.is_young(now)) || self.at.len() > MENDED
    }

    pub(crate) fn last(&self) -> Option<Timestamp> {
        self.at.last().copied()
    }

    /// What was seen, in words.
    pub(crate) fn in_words(&self) -> String {
        let times = if self.at.len() > 1 { format!(", the {} time within an hour", ordinal(self.at.len())) } else { String::new() };
        format!(
            "a log-in that was good for {} was ended after {}{times}: most likely something else logs in with the same user name, and each \
             log-in ends the other's",
            span(self.good_for),
            span(self.lived)
        )
    }

    /// What is told of an app whose sessions died early.
    pub(crate) fn finding(&self, app: &AppName) -> Finding {
        Finding::new(FindingKind::RivalLogIn, self.in_words()).in_app(app).next(NEXT)
    }
}

/// What to do about a rival.
pub(crate) const NEXT: &str = "give Provost a user name that nothing else logs in with, or stop the other";

fn ordinal(count: usize) -> String {
    match count {
        2 => "second".into(),
        3 => "third".into(),
        more => format!("{more}th"),
    }
}

/// "45 s", "12 min", "3 h".
fn span(seconds: i64) -> String {
    match seconds {
        ..=119 => format!("{seconds} s"),
        120..=7199 => format!("{} min", seconds / 60),
        _ => format!("{} h", seconds / 3600),
    }
}

impl Engine {
    /// What is told of the apps where a rival logged in since an instant.
    pub(crate) async fn rivals(&self, since: Timestamp) -> Result<Vec<Finding>, EngineError> {
        let mut found = Vec::new();
        for app in self.setup.apps.keys() {
            let deaths = Deaths::load(&self.store, app).await?;
            if deaths.last().is_some_and(|last| last >= since) {
                found.push(deaths.finding(app));
            }
        }
        Ok(found)
    }
}
