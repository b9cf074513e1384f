//! Notices: made from the audit trail, which is written with what it tells of; kept before they are sent, tried again, put aside after a
//! while.  Nothing waits for them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream::{self, StreamExt};
use jiff::{SignedDuration, Timestamp};
use model::{AuditWhat, Audited, Class, Delivery, DeliveryState, Digest, Notice, NoticeRule, Occasion, RunId, digest_of};
use store::{NoticeMove, PlanStatus};

use crate::{Engine, EngineError};

/// After a try in vain, how long until the next (seconds), a tenth more or less; after the last one it is put aside.
const WAITS: [i64; 8] = [5, 60, 300, 1_800, 7_200, 18_000, 36_000, 72_000];
/// For how long whoever sends one has it alone; longer than any way out waits for an answer.
const ALONE: SignedDuration = SignedDuration::from_secs(120);
/// How many are under way at once.
const AT_ONCE: usize = 8;
/// How many are looked at together.
const TOGETHER: u32 = 500;
/// For how long what was sent or put aside is kept.
const KEPT: SignedDuration = SignedDuration::from_hours(24 * 90);
/// How many people are named where they may be.
const NAMED: usize = 8;

/// Why a delivery was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotSent {
    /// It may be another time, and not before so long.
    Later(String, Option<Duration>),
    /// It never will be, as things are configured.
    Never(String),
}

/// The ways out to people: e-mail, webhooks, chat.
#[async_trait]
pub trait Notices: Send + Sync {
    /// Hands a notice over to `[notice.TO]`; `id` is the same each time this delivery is tried.  Ends within two minutes.
    ///
    /// # Errors
    /// [`NotSent`].
    async fn send(&self, to: &str, id: &str, notice: &Notice, now: Timestamp) -> Result<(), NotSent>;
}

/// Who is told, by which way, and where people look.
#[derive(Clone)]
pub struct Telling {
    /// By the name of `[notice.NAME]`.
    pub rules: BTreeMap<String, NoticeRule>,
    /// The way out.
    pub port: Arc<dyn Notices>,
    /// The server's address, without a slash at its end, where it has one for people.
    pub url: Option<String>,
}

/// What became of an attempt to send what was due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sending {
    /// Taken by the other side.
    pub sent: u64,
    /// Not taken, and tried again later.
    pub later: u64,
    /// Not taken, and put aside.
    pub aside: u64,
}

impl Engine {
    /// The engine, telling people.
    #[must_use]
    pub fn telling(self, telling: Telling) -> Self {
        Self { telling: (!telling.rules.is_empty()).then_some(telling), ..self }
    }

    /// Whether anybody is told of anything.
    pub fn tells(&self) -> bool {
        self.telling.is_some()
    }

    /// Lets notices that are new in the configuration begin here: they are told of nothing that was before.  Where the trail is now.
    ///
    /// # Errors
    /// The store fails.
    pub async fn begin_notices(&self) -> Result<u64, EngineError> {
        let Some(telling) = &self.telling else { return Ok(0) };
        let known = self.store.notice_cursors().await?;
        let new: Vec<&str> = telling.rules.keys().map(String::as_str).filter(|name| !known.contains_key(*name)).collect();
        if !new.is_empty() {
            self.store.begin_notices(&new).await?;
        }
        Ok(self.store.audit_head().await?.map_or(0, |head| head.seq))
    }

    /// Makes deliveries of what happened since this was done last; how many.  What is younger than `rest` waits for the next time: a standing
    /// approval may be about to decide it.
    ///
    /// # Errors
    /// The store fails.
    pub async fn make_notices(&self, rest: SignedDuration) -> Result<u64, EngineError> {
        let Some(telling) = &self.telling else { return Ok(0) };
        let head = self.begin_notices().await?;
        let mut count = 0;
        loop {
            let cursors: BTreeMap<String, u64> =
                self.store.notice_cursors().await?.into_iter().filter(|(name, _)| telling.rules.contains_key(name)).collect();
            let from = cursors.values().copied().min().unwrap_or(head);
            let now = self.ports.clock.now();
            let mut entries = self.store.audited_after(from, TOGETHER).await?;
            let young = |entry: &Audited| (SignedDuration::ZERO..rest).contains(&now.duration_since(entry.at));
            entries.truncate(entries.iter().position(young).unwrap_or(entries.len()));
            let Some(to) = entries.last().map(|entry| entry.seq) else { return Ok(count) };
            let (mut made, mut before): (Vec<Delivery>, _) = (Vec::new(), None);
            for entry in &entries {
                let Some(notice) = self.notice_of(entry, telling).await? else { continue };
                if before.is_none() {
                    before = Some(self.store.deliveries().await?);
                }
                let before = before.as_deref().unwrap_or_default();
                for (name, rule) in
                    telling.rules.iter().filter(|(name, rule)| cursors.get(*name) < Some(&entry.seq) && rule.wants(&notice))
                {
                    let mut told = made.iter().rev().chain(before).filter(|delivery| delivery.to == *name);
                    if told.any(|delivery| notice.is_told_by(&delivery.notice)) {
                        continue;
                    }
                    let notice = if rule.people { notice.clone() } else { notice.clone().without_people() };
                    made.push(Delivery {
                        id: self.ports.ids.id(),
                        to: name.clone(),
                        entry: entry.seq,
                        made: now,
                        notice,
                        state: DeliveryState::Waiting,
                        tries: 0,
                        next: Some(now),
                        ended: None,
                        why: String::new(),
                    });
                }
            }
            let moves: Vec<NoticeMove> =
                cursors.into_iter().filter(|(_, from)| *from < to).map(|(notice, from)| NoticeMove { notice, from, to }).collect();
            // Somebody else may have told further meanwhile: then it is looked at anew.
            if self.store.put_deliveries(&moves, &made).await? {
                count += made.len() as u64;
            }
        }
    }

    /// Sends what is due, several at once; nothing else waits for it.
    ///
    /// # Errors
    /// The store fails; what was taken by the other side until then may be sent once more, with the same id.
    pub async fn send_notices(&self) -> Result<Sending, EngineError> {
        let Some(telling) = &self.telling else { return Ok(Sending::default()) };
        let now = self.ports.clock.now();
        if let Ok(before) = now.checked_sub(KEPT) {
            self.store.sweep_deliveries(before).await?;
        }
        let due = self.store.due_deliveries(now, TOGETHER).await?;
        let sending: Vec<Result<Sending, EngineError>> =
            stream::iter(due).map(|delivery| self.send_notice(telling, delivery)).buffer_unordered(AT_ONCE).collect().await;
        let mut all = Sending::default();
        for one in sending {
            let Sending { sent, later, aside } = one?;
            (all.sent, all.later, all.aside) = (all.sent + sent, all.later + later, all.aside + aside);
        }
        self.meter.notices(&all);
        if all != Sending::default() {
            tracing::info!(sent = all.sent, later = all.later, aside = all.aside, "notices");
        }
        Ok(all)
    }

    /// Sends a delivery again that is put aside, waits, or was sent already; where it then stands.
    ///
    /// # Errors
    /// There is no such delivery; nobody is told of anything; the store fails.
    pub async fn send_notice_again(&self, id: &str) -> Result<Delivery, EngineError> {
        let Some(telling) = &self.telling else { return Err(EngineError::TellsNobody) };
        let delivery = self.store.find_delivery(id).await?;
        self.store.delivery_again(&delivery.id, self.ports.clock.now()).await?;
        let delivery = self.store.delivery(&delivery.id).await?;
        let id = delivery.id.clone();
        self.send_notice(telling, delivery).await?;
        Ok(self.store.delivery(&id).await?)
    }

    /// Tries one delivery, unless another process does just now.
    async fn send_notice(&self, telling: &Telling, delivery: Delivery) -> Result<Sending, EngineError> {
        let mut sending = Sending::default();
        let now = self.ports.clock.now();
        if !self.store.claim_delivery(&delivery.id, now, now.checked_add(ALONE).unwrap_or(now)).await? {
            return Ok(sending);
        }
        let sent = if telling.rules.contains_key(&delivery.to) {
            telling.port.send(&delivery.to, &delivery.id, &delivery.notice, now).await
        } else {
            Err(NotSent::Never(format!("the configuration has no [notice.{}] any more", delivery.to)))
        };
        let now = self.ports.clock.now();
        let (why, next) = match sent {
            Ok(()) => {
                self.store.delivery_sent(&delivery.id, now).await?;
                sending.sent = 1;
                return Ok(sending);
            }
            Err(NotSent::Never(why)) => (why, None),
            Err(NotSent::Later(why, least)) => {
                let wait = WAITS.get(usize::try_from(delivery.tries).unwrap_or(usize::MAX)).map(|wait| self.about(*wait));
                let least = least.and_then(|least| SignedDuration::try_from(least).ok()).unwrap_or_default();
                (why, wait.map(|wait| now.checked_add(wait.max(least.min(LONGEST))).unwrap_or(now)))
            }
        };
        self.store.delivery_failed(&delivery.id, &why, now, next).await?;
        if next.is_some() {
            sending.later = 1;
        } else {
            sending.aside = 1;
        }
        Ok(sending)
    }

    /// So many seconds, a tenth more or less.
    fn about(&self, seconds: i64) -> SignedDuration {
        let mut byte = [0];
        self.ports.random.fill(&mut byte);
        let millis = seconds * 1000;
        SignedDuration::from_millis(millis - millis / 10 + millis / 5 * i64::from(byte[0]) / 255)
    }

    /// What an entry of the trail is worth telling, if it still is: a plan that was decided since waits for nobody.
    async fn notice_of(&self, entry: &Audited, telling: &Telling) -> Result<Option<Notice>, EngineError> {
        let is = |what: AuditWhat| entry.what == what.word();
        match entry.subject.split_once(':') {
            Some(("plan", digest)) if is(AuditWhat::Planned) => self.of_plan(entry, digest, telling).await,
            Some(("run", run)) if is(AuditWhat::RunFinished) || is(AuditWhat::RunStopped) => {
                self.of_run(entry, run, is(AuditWhat::RunStopped), telling).await
            }
            Some(("app", app)) if is(AuditWhat::Quarantined) => {
                let why = entry.details["why"].as_str().map(str::to_owned);
                let apps = [(app.into(), 0)].into();
                Ok(Some(Notice { apps, why, ..self.bare(entry, Occasion::Failed, ("app", app), telling) }))
            }
            _ => Ok(None),
        }
    }

    async fn of_plan(&self, entry: &Audited, digest: &str, telling: &Telling) -> Result<Option<Notice>, EngineError> {
        let Ok(known) = digest.parse::<Digest>() else { return Ok(None) };
        let stored = self.store.plan(&known, self.ports.clock.now()).await?;
        if stored.summary.status != PlanStatus::Pending || stored.plan.steps.is_empty() {
            return Ok(None);
        }
        let (occasion, guard) = match &stored.plan.class {
            Class::Open => (Occasion::Waits, None),
            Class::Held(class) => (Occasion::Held, Some(class.clone())),
        };
        let mut apps = BTreeMap::new();
        stored.plan.steps.iter().for_each(|step| *apps.entry(step.app.clone()).or_default() += 1);
        let named = stored.plan.steps.iter().filter(|step| step.person.is_some()).map(|step| step.label.to_string());
        let mut people: Vec<String> = named.collect();
        people.sort_unstable();
        people.dedup();
        people.truncate(NAMED);
        Ok(Some(Notice {
            apps,
            steps: stored.plan.steps.len() as u64,
            guard,
            content: Some(digest_of(&stored.plan.steps.iter().map(|step| step.id).collect::<BTreeSet<_>>())),
            expires: Some(stored.summary.expires),
            four_eyes: stored.plan.four_eyes,
            people,
            ..self.bare(entry, occasion, ("plan", digest), telling)
        }))
    }

    async fn of_run(&self, entry: &Audited, run: &str, stopped: bool, telling: &Telling) -> Result<Option<Notice>, EngineError> {
        let id = RunId::from(run);
        let digest = self.store.run(&id).await?.digest;
        let plan = self.store.plan(&digest, self.ports.clock.now()).await?.plan;
        let records = self.store.records(&id).await?;
        let done = plan.steps.iter().filter(|step| records.get(&step.id).is_some_and(|record| record.state.is_done())).count();
        let not_done = (plan.steps.len() - done) as u64;
        let mut apps = BTreeMap::new();
        plan.steps.iter().for_each(|step| *apps.entry(step.app.clone()).or_default() += 1);
        let occasion = if stopped || not_done > 0 { Occasion::Failed } else { Occasion::Done };
        Ok(Some(Notice {
            apps,
            steps: plan.steps.len() as u64,
            not_done: Some(not_done),
            why: entry.details["stopped_by"].as_str().map(str::to_owned),
            ..self.bare(entry, occasion, ("run", run), telling)
        }))
    }

    fn bare(&self, entry: &Audited, occasion: Occasion, (kind, id): (&str, &str), telling: &Telling) -> Notice {
        Notice {
            occasion,
            organization: self.setup.policy.policy().organization.name.clone(),
            at: entry.at,
            kind: kind.to_owned(),
            id: id.to_owned(),
            apps: BTreeMap::new(),
            steps: 0,
            not_done: None,
            guard: None,
            content: None,
            expires: None,
            four_eyes: false,
            link: telling.url.as_ref().map(|url| format!("{url}/{kind}s/{id}")),
            people: Vec::new(),
            why: None,
        }
    }
}

/// However long the other side wants us to wait.
const LONGEST: SignedDuration = SignedDuration::from_hours(24);
