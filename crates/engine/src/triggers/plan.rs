//! Planning for whom triggers concern.

use std::collections::{BTreeMap, BTreeSet};

use connector::Body;
use jiff::Timestamp;
use model::{Account, Actor, AppName, Kind, PersonKey, Planning, Proof, Trigger, TriggerState};
use store::TriggerEnd;
use tracing::Instrument;

use super::{Cause, KEPT, PlannedFor};
use crate::walk::{bodies, looks};
use crate::{Ask, Engine, EngineError, Watch};

/// Whom triggers concern.
enum Whom {
    Everybody,
    /// These; and whom each trigger concerns, by its id, where that is one person.
    People(BTreeSet<PersonKey>, BTreeMap<String, PersonKey>),
}

impl Engine {
    /// Where triggers wait to be planned for, as the configuration has it now: after a start, what came before the end.
    ///
    /// # Errors
    /// The store fails.
    pub async fn causes_waiting(&self) -> Result<Vec<Cause>, EngineError> {
        let waiting = self.store.triggers_wait_in().await?;
        let causes = waiting.iter().map(|(kind, origin)| Cause::of(*kind, origin));
        Ok(causes.filter(|cause| cause.is_known(self)).collect())
    }

    /// Plans for the people whom the waiting triggers of this cause concern, and carries out what a standing approval covers; the rest waits.
    /// None where nothing waits, or nobody of the roster is concerned.  What comes meanwhile is left for the next time.
    ///
    /// # Errors
    /// As [`Engine::propose`] and [`Engine::execute_ahead`]: then the triggers go on waiting, but for those whose plans were kept.
    pub async fn plan_for(&self, cause: &Cause, watch: &dyn Watch) -> Result<Option<PlannedFor>, EngineError> {
        let pushed = match cause {
            Cause::Push(source) => match self.touched(source).await? {
                Some(touched) => Some(touched),
                None => return Ok(None),
            },
            _ => None,
        };
        let waiting = self.store.triggers_waiting(cause.kind(), cause.origin()).await?;
        if waiting.is_empty() {
            return Ok(None);
        }
        let whom = match (cause, &pushed) {
            (Cause::Webhook(app), _) => self.whom_events_concern(app, &waiting, watch).await?,
            (Cause::Push(source), Some(touched)) => Whom::People(self.concerned(source, &touched.users, watch).await?, BTreeMap::new()),
            _ => Whom::Everybody,
        };
        let planned = match whom {
            Whom::People(people, _) if people.is_empty() => {
                self.end(None, &waiting, &BTreeMap::new(), |_| TriggerState::Nobody).await?;
                None
            }
            whom => {
                let trigger = waiting.first().map(|trigger| trigger.id.as_str()).unwrap_or_default();
                let within = tracing::error_span!("trigger", %cause, trigger, triggers = waiting.len());
                Some(self.plan_triggered(cause, &waiting, whom, watch).instrument(within).await?)
            }
        };
        if let (Cause::Push(source), Some(touched)) = (cause, &pushed) {
            self.planned_until(source, touched.until).await?;
        }
        let now = self.ports.clock.now();
        let window = self.hooks.values().map(|hook| hook.window).max().unwrap_or_default();
        let kept = KEPT.max(window.saturating_mul(2));
        if let Ok(before) = now.checked_sub(kept) {
            self.store.sweep_triggers(before).await?;
        }
        match planned {
            Some((planned, Ok(ran))) => Ok(Some(PlannedFor { ran, ..planned })),
            Some((_, Err(error))) => Err(error),
            None => Ok(None),
        }
    }

    /// Plans, says so beside the triggers, and only then carries out: a run that is cut off is resumed, not planned for again.
    async fn plan_triggered(
        &self,
        cause: &Cause,
        waiting: &[Trigger],
        whom: Whom,
        watch: &dyn Watch,
    ) -> Result<(PlannedFor, Result<Option<crate::RunSummary>, EngineError>), EngineError> {
        let (people, of) = match whom {
            Whom::Everybody => (None, BTreeMap::new()),
            Whom::People(people, of) => (Some(people), of),
        };
        let now = self.ports.clock.now();
        let as_of = Timestamp::from_second(now.as_second()).unwrap_or(now);
        let asker = Actor { name: cause.to_string(), proof: Proof::Unauthenticated };
        let proposed = self.propose(Ask { as_of, only: people.clone(), full: false, asker }, watch).await?;
        let planning = Planning {
            id: self.ports.ids.id(),
            at: now,
            people: people.as_ref().map(|people| people.len() as u64),
            plans: proposed.stands.iter().filter(|plan| plan.steps > 0).map(|plan| plan.digest).collect(),
        };
        let state = |trigger: &Trigger| match cause {
            Cause::Webhook(_) if !of.contains_key(&trigger.id) => TriggerState::Nobody,
            _ => TriggerState::Planned,
        };
        self.end(Some(&planning), waiting, &of, state).await?;
        tracing::info!(planning = planning.id, plans = planning.plans.len(), "planned for what happened");
        let ran = self.execute_ahead(&proposed, watch).await;
        let planned = PlannedFor { planning: planning.id, triggers: waiting.len(), people, proposed, ran: None };
        Ok((planned, ran))
    }

    async fn end(
        &self,
        planning: Option<&Planning>,
        triggers: &[Trigger],
        of: &BTreeMap<String, PersonKey>,
        state: impl Fn(&Trigger) -> TriggerState,
    ) -> Result<(), EngineError> {
        let end =
            |trigger: &Trigger| TriggerEnd { id: trigger.id.clone(), person: of.get(&trigger.id).cloned(), state: state(trigger) };
        let ends: Vec<TriggerEnd> = triggers.iter().map(end).collect();
        Ok(self.store.end_triggers(planning, &ends).await?)
    }

    /// The people whose accounts events are about.  Each account is read by its id; nothing that an event says is taken for it.  Whose it is, the
    /// link says, and where there is none, the match rules: so somebody who was hired again is found by an account that was made by hand.
    async fn whom_events_concern(&self, app: &AppName, waiting: &[Trigger], watch: &dyn Watch) -> Result<Whom, EngineError> {
        let ids: BTreeSet<String> =
            waiting.iter().map(|trigger| trigger.account.clone()).filter(|account| !account.is_empty()).collect();
        if ids.is_empty() {
            return Ok(Whom::People(BTreeSet::new(), BTreeMap::new()));
        }
        let connection = self.connect(app).await?;
        let read = looks(&connection, Kind::Accounts, "id", ids, watch).await;
        connection.close().await;
        let accounts: BTreeMap<String, Account> = bodies(read?, |body| match body {
            Body::Account(account) => Some(account),
            _ => None,
        })
        .into_iter()
        .map(|account| (account.id.as_str().to_lowercase(), account))
        .collect();
        let links = self.store.links_of(app).await?;
        let linked: BTreeMap<String, &PersonKey> =
            links.iter().map(|link| (link.account.as_str().to_lowercase(), &link.person)).collect();
        let free: Vec<&Account> = accounts.iter().filter(|(id, _)| !linked.contains_key(*id)).map(|(_, account)| account).collect();
        let mut owners: BTreeMap<String, BTreeSet<PersonKey>> = BTreeMap::new();
        if !free.is_empty() {
            let roster = self.read_sources(false, watch).await?.reading;
            let likely = self.setup.policy.owners(app, roster.people.iter(), &free);
            let likely: Vec<_> = roster.people.iter().filter(|person| likely.contains(&person.key)).collect();
            for account in free {
                let of = self.setup.policy.owners(app, likely.iter().copied(), &[account]);
                owners.insert(account.id.as_str().to_lowercase(), of);
            }
        }
        let (mut people, mut of) = (BTreeSet::new(), BTreeMap::new());
        for trigger in waiting {
            // An account that is not seen is nobody's here: it is gone, or hidden, and absence shows nothing (P4).
            let Some(id) = Some(trigger.account.to_lowercase()).filter(|id| accounts.contains_key(id)) else { continue };
            let found: Vec<&PersonKey> = match linked.get(&id) {
                Some(person) => vec![*person],
                None => owners.get(&id).into_iter().flatten().collect(),
            };
            if let Some(first) = found.first() {
                of.insert(trigger.id.clone(), (*first).clone());
            }
            people.extend(found.into_iter().cloned());
        }
        Ok(Whom::People(people, of))
    }
}
