//! The quarantine of an app that fails too much: nothing is asked of it until a next time to try, and then once, before anything else.
//!
//! What counts is told by the wire ([`connector::Tally`]) and by how pieces of work (a reading, a run) end.  Being slowed down is no
//! misbehaviour, and neither is a refusal of what was asked.

use jiff::{SignedDuration, Timestamp};
use model::{AppName, AuditWhat, Digest, Failing, Finding, FindingKind, FoundPace, Health, Quarantine};
use serde_json::json;

use crate::connection::Connection;
use crate::{Engine, EngineError, Silent};

/// When an app fails too much, and for how long it is left alone then.  A limit of 0 is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuarantineRule {
    /// Readings or runs in a row that the app made come to nothing.
    pub in_vain: u32,
    /// Exchanges that failed, one after the other.
    pub in_a_row: u32,
    /// More than so many thousandths of a per cent of the reads, or of the writes, of one piece of work …
    pub percent_milli: u64,
    /// … where there were at least so many.
    pub least: u64,
    /// Seconds until the first try; doubled after each that fails.
    pub first: i64,
    /// The longest, in seconds.
    pub longest: i64,
}

impl Default for QuarantineRule {
    fn default() -> Self {
        Self { in_vain: 3, in_a_row: 10, percent_milli: 50_000, least: 40, first: 900, longest: 86_400 }
    }
}

impl QuarantineRule {
    /// What was too much, in words, if anything was.
    pub(crate) fn broken_by(&self, tally: &connector::Tally) -> Option<String> {
        if self.in_a_row > 0 && tally.row >= self.in_a_row {
            return Some(format!("{} exchanges in a row failed", tally.row));
        }
        let shares = [("reads", tally.reads), ("writes", tally.writes)];
        let too_many = shares.into_iter().find(|(_, share)| {
            self.least > 0
                && share.all >= self.least
                && u128::from(share.failed) * 100_000 > u128::from(self.percent_milli) * u128::from(share.all)
        });
        too_many.map(|(what, share)| format!("{} of {} {what} failed", share.failed, share.all))
    }

    /// How long nothing is asked after so many tries in vain; `chance` makes it up to a tenth more or less.
    fn pause(&self, tries: u32, chance: u8) -> SignedDuration {
        let grown = self.first.max(1).saturating_mul(1 << tries.min(30)).min(self.longest.max(1));
        SignedDuration::from_millis(grown.saturating_mul(900 + i64::from(chance) * 200 / 255))
    }
}

/// What is done about a quarantine: what to do next, for every face.
pub(crate) fn next_words(app: &AppName) -> String {
    format!(
        "`provost apps {app}` shows the exchange that failed; `provost check --app {app}` asks now, and ends it when the app answers; \
         `provost apps {app} --release` ends it by hand"
    )
}

pub(crate) fn quarantined(app: &AppName, quarantine: &Quarantine) -> EngineError {
    let Quarantine { since, why, next, .. } = quarantine.clone();
    EngineError::Quarantined { app: app.clone(), since, why, next }
}

impl Engine {
    /// The pause after so many tries in vain, by the clock in force.
    fn next_try(&self, rule: &QuarantineRule, tries: u32, now: Timestamp) -> Timestamp {
        let mut byte = [0_u8; 1];
        self.ports.random.fill(&mut byte);
        now.checked_add(rule.pause(tries, byte[0])).unwrap_or(Timestamp::MAX)
    }

    /// Leases the app and makes sure of a session; nothing is asked of an app in quarantine before its next try, and then one probe first.
    ///
    /// # Errors
    /// [`EngineError::Quarantined`]; otherwise as a log-in.
    pub(crate) async fn connect(&self, app: &AppName) -> Result<Connection, EngineError> {
        let quarantine = match self.behaviour.quarantine.get(app) {
            Some(rule) => self.store.health(app).await?.quarantine.map(|quarantine| (rule, quarantine)),
            None => None,
        };
        let used = self.used(app)?;
        // Somebody changed the address or the credentials: that is worth a try at once.
        let changed = quarantine.as_ref().is_some_and(|(_, old)| used.is_some() && old.used.is_some() && old.used != used);
        match &quarantine {
            Some((_, quarantine)) if !changed && quarantine.next > self.ports.clock.now() => return Err(quarantined(app, quarantine)),
            _ => {}
        }
        let connection = self.turn(app).await?;
        let begun = match &quarantine {
            None => connection.log_in_with_kept().await,
            Some(_) => self.probe_once(&connection).await,
        };
        let error = match (begun, quarantine) {
            (Ok(()), None) => return Ok(connection),
            (Ok(()), Some(_)) => {
                let why = if changed { "its address or its credentials were changed, and it answers" } else { "it answered again" };
                let ended = self.end_quarantine(app, why).await;
                connection.has_recovered(connection.or_close(ended).await?);
                return Ok(connection);
            }
            (Err(error), None) => self.failed(&connection, error, true).await,
            (Err(error), Some((rule, _))) => self.failed_again(&connection, error, rule, used.filter(|_| changed)).await,
        };
        connection.close().await;
        Err(error)
    }

    /// Logs in and asks who the app is, without patience.
    async fn probe_once(&self, connection: &Connection) -> Result<(), EngineError> {
        connection.be_patient(false);
        let answered = self.probed(connection).await.map(drop);
        connection.be_patient(true);
        answered
    }

    /// Logs in, and asks who the app is.
    pub(crate) async fn probed(&self, connection: &Connection) -> Result<model::Tenant, EngineError> {
        connection.log_in_with_kept().await?;
        let target = &connection.target;
        connection.ask(&Silent, |wire| async move { target.probe(&wire).await }).await
    }

    /// What marks the address and the credentials that an app is used with now.
    fn used(&self, app: &AppName) -> Result<Option<Digest>, EngineError> {
        Ok(self.app(app)?.used.as_ref().and_then(|used| self.store.mark_of(used)))
    }

    /// The try failed: the next one is later.  What is used in the place of what failed before (`anew`) has its own tries.
    async fn failed_again(
        &self,
        connection: &Connection,
        error: EngineError,
        rule: &QuarantineRule,
        anew: Option<Digest>,
    ) -> EngineError {
        let Some(failing) = self.to_blame(connection, &error) else { return error };
        let now = self.ports.clock.now();
        let changed = self.store.change_health(&connection.app, now, |health, _| {
            health.failing = Some(failing);
            let quarantine = health.quarantine.as_mut()?;
            quarantine.tries = if anew.is_some() { 0 } else { quarantine.tries + 1 };
            quarantine.used = anew.or(quarantine.used);
            quarantine.next = self.next_try(rule, quarantine.tries, now);
            Some(quarantine.clone())
        });
        match changed.await {
            Ok(Some(quarantine)) => quarantined(&connection.app, &quarantine),
            Ok(None) => error,
            Err(error) => error.into(),
        }
    }

    /// The app's own failure that ended a piece of work, if it was that.
    fn to_blame(&self, connection: &Connection, error: &EngineError) -> Option<Failing> {
        match error {
            EngineError::App { .. } | EngineError::Failing { .. } => connection.failing(),
            _ => None,
        }
    }

    /// A piece of work ended with this error; `in_vain` says whether nothing came of it.  When that is too much, the app is in quarantine
    /// from now on, and that is the error.
    pub(crate) async fn failed(&self, connection: &Connection, error: EngineError, in_vain: bool) -> EngineError {
        let Some(rule) = self.behaviour.quarantine.get(&connection.app) else { return error };
        let Some(failing) = self.to_blame(connection, &error) else { return error };
        let now = self.ports.clock.now();
        let used = self.used(&connection.app).ok().flatten();
        let at_once = match &error {
            EngineError::Failing { why, .. } => Some(why.clone()),
            _ => None,
        };
        let changed = self.store.change_health(&connection.app, now, |health, noted| {
            let last = failing.why.clone();
            health.failing = Some(failing);
            health.in_vain += u32::from(in_vain);
            let too_often = in_vain && rule.in_vain > 0 && health.in_vain >= rule.in_vain;
            let too_often = too_often.then(|| format!("{} readings or runs in a row came to nothing", health.in_vain));
            let why = at_once.or(too_often)?;
            if health.quarantine.is_none() {
                health.quarantines += 1;
                let next = self.next_try(rule, 0, now);
                let why = format!("{why}; the last: {last}");
                noted.push((AuditWhat::Quarantined, json!({ "why": why, "next": next })));
                health.quarantine = Some(Quarantine { since: now, why, next, tries: 0, used });
            }
            health.quarantine.clone()
        });
        match changed.await {
            Ok(Some(quarantine)) => quarantined(&connection.app, &quarantine),
            Ok(None) => error,
            Err(error) => error.into(),
        }
    }

    /// A piece of work went well: what came to nothing before is forgotten, and the pace that was found is kept.
    ///
    /// # Errors
    /// The store fails.
    pub(crate) async fn went_well(&self, connection: &Connection) -> Result<(), EngineError> {
        if !self.behaviour.quarantine.contains_key(&connection.app) {
            return Ok(());
        }
        let now = self.ports.clock.now();
        let found = connection.counts().found_per_minute.map(|per_minute| FoundPace { per_minute, at: now });
        let change = |health: &mut Health, _: &mut Vec<_>| {
            health.in_vain = 0;
            health.well = Some(now);
            health.pace = found.or(health.pace);
        };
        Ok(self.store.change_health(&connection.app, self.ports.clock.now(), change).await?)
    }

    /// An app in quarantine was asked by hand and did not answer: what failed is kept; the next try stays when it is.
    ///
    /// # Errors
    /// The store fails.
    pub(crate) async fn still_failing(&self, connection: &Connection) -> Result<(), EngineError> {
        let Some(failing) = connection.failing() else { return Ok(()) };
        let change = |health: &mut Health, _: &mut Vec<_>| {
            if health.quarantine.is_some() {
                health.failing = Some(failing);
            }
        };
        Ok(self.store.change_health(&connection.app, self.ports.clock.now(), change).await?)
    }

    /// Ends a quarantine, if there is one; `why` ends the sentence "it ended because …".
    ///
    /// # Errors
    /// The store fails.
    pub(crate) async fn end_quarantine(&self, app: &AppName, why: &str) -> Result<Option<Quarantine>, EngineError> {
        let now = self.ports.clock.now();
        let change = |health: &mut Health, noted: &mut Vec<_>| {
            health.in_vain = 0;
            let ended = health.quarantine.take();
            if let Some(ended) = &ended {
                noted.push((AuditWhat::QuarantineEnded, json!({ "because": why, "since": ended.since, "tries": ended.tries })));
            }
            ended
        };
        Ok(self.store.change_health(app, now, change).await?)
    }

    /// Ends an app's quarantine by hand; what it was, if there was one.
    ///
    /// # Errors
    /// There is no such app; the store fails.
    pub async fn release(&self, app: &AppName) -> Result<Option<Quarantine>, EngineError> {
        self.app(app)?;
        self.end_quarantine(app, "it was released by hand").await
    }

    /// The quarantines that apps are in now.
    pub(crate) async fn quarantines(&self) -> Result<Vec<(AppName, Quarantine)>, EngineError> {
        let mut found = Vec::new();
        for app in self.behaviour.quarantine.keys().filter(|app| self.setup.apps.contains_key(*app)) {
            if let Some(quarantine) = self.store.health(app).await?.quarantine {
                found.push((app.clone(), quarantine));
            }
        }
        Ok(found)
    }

    /// What is told of the apps in quarantine.
    pub(crate) async fn told_of_quarantines(&self) -> Result<Vec<Finding>, EngineError> {
        let told = |(app, quarantine): (AppName, Quarantine)| {
            let Quarantine { since, why, next, tries, .. } = quarantine;
            let tried = match tries {
                0 => String::new(),
                1 => ", tried once since".to_owned(),
                tries => format!(", tried {tries} times since"),
            };
            let what = format!(
                "the app is in quarantine since {since:.0}{tried}: {why}; nothing is asked of it until {next:.0}, and nothing is planned for it"
            );
            Finding::new(FindingKind::Quarantined, what).in_app(&app).next(next_words(&app))
        };
        Ok(self.quarantines().await?.into_iter().map(told).collect())
    }
}

#[cfg(test)]
mod tests {
    use connector::{Share, Tally};

    use super::*;

    #[test]
    fn pauses_double_up_to_a_day_and_are_never_all_the_same() {
        let rule = QuarantineRule::default();
        let minutes = |tries| rule.pause(tries, 128).as_secs() / 60;
        assert_eq!([0, 1, 2, 6, 7, 40].map(minutes), [15, 30, 60, 960, 1440, 1440]);
        assert_eq!((rule.pause(0, 0).as_secs(), rule.pause(0, 255).as_secs()), (810, 990));
    }

    #[test]
    fn a_share_counts_where_there_were_enough() {
        let rule = QuarantineRule { in_a_row: 0, ..QuarantineRule::default() };
        let of = |rule: &QuarantineRule, all, failed| {
            let mut tally = Tally::default();
            (tally.writes, tally.row) = (Share { all, failed }, 1000);
            rule.broken_by(&tally)
        };
        assert_eq!((of(&rule, 39, 39), of(&rule, 40, 20)), (None, None));
        assert_eq!(of(&rule, 40, 21), Some("21 of 40 writes failed".to_owned()));
        assert_eq!(of(&QuarantineRule { least: 0, ..rule }, 1000, 1000), None);
    }
}
