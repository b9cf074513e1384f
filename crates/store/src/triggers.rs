//! Triggers: kept once however often they come, and what came of them.

use jiff::Timestamp;
use model::{PersonKey, Planning, Trigger, TriggerKind, TriggerState};

use crate::db::{Row, args};
use crate::pack::{json, millis, time};
use crate::{Store, StoreError, sql};

const TRIGGER: &str = "a trigger";

/// What became of a trigger when it was planned for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TriggerEnd {
    /// Which, by id.
    pub id: String,
    /// Whom of the roster it concerns, where it is one person.
    pub person: Option<PersonKey>,
    /// [`TriggerState::Planned`] or [`TriggerState::Nobody`].
    pub state: TriggerState,
}

impl Store {
    /// Keeps triggers, all or none; how many of them are new.  Of two with the same kind, origin and key the first is kept.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn put_triggers(&self, triggers: &[Trigger]) -> Result<u64, StoreError> {
        let mut tx = self.db.begin().await?;
        let mut fresh = 0;
        for trigger in triggers {
            let Trigger { id, kind, from, event, account, key, at, came, state, person, planning } = trigger;
            let person = person.as_ref().map_or("", PersonKey::as_str);
            let row = args![
                id.as_str(),
                kind.word(),
                from.as_str(),
                key.as_str(),
                event.as_str(),
                account.as_str(),
                millis(*at),
                millis(*came),
                state.word(),
                person,
                planning.as_deref().unwrap_or_default()
            ];
            fresh += tx.execute(sql::TRIGGER_PUT, row).await?;
        }
        tx.commit().await?;
        Ok(fresh)
    }

    /// The triggers of an origin that nobody planned for yet, the oldest first.
    ///
    /// # Errors
    /// When the database fails or a row is damaged.
    pub async fn triggers_waiting(&self, kind: TriggerKind, from: &str) -> Result<Vec<Trigger>, StoreError> {
        self.db.fetch(sql::TRIGGERS_WAITING, args![kind.word(), from]).await?.iter().map(read).collect()
    }

    /// Where triggers wait: kinds and origins.
    ///
    /// # Errors
    /// When the database fails or a row is damaged.
    pub async fn triggers_wait_in(&self) -> Result<Vec<(TriggerKind, String)>, StoreError> {
        let rows = self.db.fetch(sql::TRIGGERS_WAIT_IN, args![]).await?;
        rows.iter().map(|row| Ok((kind(&row.text(0)?)?, row.text(1)?))).collect()
    }

    /// Says what came of triggers: the planning, and what became of each.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_triggers(&self, planning: Option<&Planning>, ends: &[TriggerEnd]) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        if let Some(planning) = planning {
            tx.execute(sql::PLANNING_PUT, args![planning.id.as_str(), json(planning)]).await?;
        }
        for TriggerEnd { id, person, state } in ends {
            let of = planning.filter(|_| *state == TriggerState::Planned).map_or("", |planning| planning.id.as_str());
            let person = person.as_ref().map_or("", PersonKey::as_str);
            tx.execute(sql::TRIGGER_END, args![id.as_str(), state.word(), person, of]).await?;
        }
        tx.commit().await
    }

    /// The trigger whose id begins so.
    ///
    /// # Errors
    /// [`StoreError::BadPrefix`], [`StoreError::NotFound`], [`StoreError::Ambiguous`] with those that fit.
    pub async fn find_trigger(&self, prefix: &str) -> Result<Trigger, StoreError> {
        let low = prefix.to_ascii_lowercase();
        if low.len() < 4 || !low.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-') {
            return Err(StoreError::BadPrefix { what: "trigger", prefix: prefix.to_owned() });
        }
        let found: Vec<Trigger> = self
            .db
            .fetch(sql::TRIGGER_FIND, args![low.as_str(), format!("{low}g")])
            .await?
            .iter()
            .map(read)
            .collect::<Result<_, _>>()?;
        match found.len() {
            0 => Err(StoreError::NotFound { what: "trigger", name: low }),
            1 => Ok(found.into_iter().next().expect("there is one")),
            _ => Err(StoreError::Ambiguous { prefix: low, matches: found.into_iter().map(|trigger| trigger.id).collect() }),
        }
    }

    /// The newest triggers, at most so many.
    ///
    /// # Errors
    /// When the database fails or a row is damaged.
    pub async fn triggers(&self, most: u64) -> Result<Vec<Trigger>, StoreError> {
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        self.db.fetch(sql::TRIGGERS, args![most]).await?.iter().map(read).collect()
    }

    /// A planning that triggers made, if it is kept.
    ///
    /// # Errors
    /// When the database fails or it is damaged.
    pub async fn planning(&self, id: &str) -> Result<Option<Planning>, StoreError> {
        let row = self.db.fetch_one(sql::PLANNING, args![id]).await?;
        row.map(|row| row.json(0, "what came of a trigger")).transpose()
    }

    /// Forgets triggers that were planned for and came before this, and what came of them.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sweep_triggers(&self, before: Timestamp) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        if tx.execute(sql::TRIGGERS_SWEEP, args![millis(before)]).await? > 0 {
            tx.execute(sql::PLANNINGS_SWEEP, args![]).await?;
        }
        tx.commit().await
    }
}

fn kind(word: &str) -> Result<TriggerKind, StoreError> {
    let found = TriggerKind::ALL.into_iter().find(|kind| kind.word() == word);
    found.ok_or_else(|| StoreError::corrupt(TRIGGER, format!("{word:?} is no kind of trigger")))
}

fn read(row: &Row) -> Result<Trigger, StoreError> {
    let word = row.text(8)?;
    let state = TriggerState::ALL.into_iter().find(|state| state.word() == word);
    let some = |text: String| Some(text).filter(|text| !text.is_empty());
    Ok(Trigger {
        id: row.text(0)?,
        kind: kind(&row.text(1)?)?,
        from: row.text(2)?,
        key: row.text(3)?,
        event: row.text(4)?,
        account: row.text(5)?,
        at: time(row.int(6)?, TRIGGER)?,
        came: time(row.int(7)?, TRIGGER)?,
        state: state.ok_or_else(|| StoreError::corrupt(TRIGGER, format!("{word:?} is no state of one")))?,
        person: some(row.text(9)?).map(PersonKey::from),
        planning: some(row.text(10)?),
    })
}
