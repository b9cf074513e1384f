//! Reading the sources: who works here, what others say about them, and whether so few of them can be right.

use std::collections::HashSet;

use model::{PersonKey, SourceName, SourceReading, SourceRole};

use crate::roster::{Idp, Other, attributes, join, read_pushed, say};
use crate::{Engine, EngineError, Event, Roster, Watch, read_file};

impl Engine {
    /// The one employment source.
    pub(crate) fn employment(&self) -> Result<SourceName, EngineError> {
        let policy = self.setup.policy.policy();
        let mut sources = policy.sources.iter().filter(|(_, source)| source.role == SourceRole::Employment);
        match (sources.next(), sources.next()) {
            (Some((name, _)), None) => Ok(name.clone()),
            _ => Err(EngineError::Source("exactly one source must have role = \"employment\"".into())),
        }
    }

    /// Reads every source and keeps what each said; what comes back is the employment source's reading, each person as all of them say.  Where
    /// it is not for everybody, what a provider answered a short while ago will do.
    pub(crate) async fn read_sources(&self, everybody: bool, watch: &dyn Watch) -> Result<Roster, EngineError> {
        let policy = self.setup.policy.policy();
        let name = self.employment()?;
        let mut roster = self.read_source(&name, watch).await?;
        let more = policy.sources.iter().filter(|(_, source)| source.role == SourceRole::Attributes);
        let mut others = Vec::new();
        for (name, policy) in more {
            let last_good = self.store.last_good_source_reading(name).await?;
            let Roster { reading, raw, attributes, .. } = self.read_source(name, watch).await?;
            self.store.put_source_reading(&reading, &raw).await?;
            others.push(Other { name, policy, reading, last_good, attributes });
        }
        if !others.is_empty() {
            join(policy, &mut roster.reading, &others).map_err(EngineError::Source)?;
            others.iter_mut().for_each(|other| roster.attributes.append(&mut other.attributes));
        }
        let mut idps = Vec::new();
        for (name, policy) in policy.sources.iter().filter(|(_, source)| source.role == SourceRole::Idp) {
            let lately = if everybody { None } else { self.read_lately(name).await? };
            if let Some(reading) = lately {
                let said = reading.certificate.at;
                idps.push(Idp { name, policy, reading, attributes: attributes(policy), said });
                continue;
            }
            let Some(read) = self.read_idp(name, watch).await? else { continue };
            self.store.put_source_reading(&read.reading, &read.raw).await?;
            idps.push(Idp { name, policy, reading: read.reading, attributes: read.attributes, said: read.said });
        }
        if !idps.is_empty() {
            say(&mut roster.reading, &idps).map_err(EngineError::Source)?;
        }
        self.store.put_source_reading(&roster.reading, &roster.raw).await?;
        Ok(roster)
    }

    /// Reads an identity provider; none where it never said anything.
    async fn read_idp(&self, name: &SourceName, watch: &dyn Watch) -> Result<Option<Roster>, EngineError> {
        let read = self.read_source(name, watch).await?;
        let silent = self.pushed_sources().any(|pushed| pushed == name) && read.raw.is_empty();
        Ok(Some(read).filter(|_| !silent))
    }

    /// Reads what a source pushed until now.
    async fn read_pushes(&self, name: &SourceName, watch: &dyn Watch) -> Result<Roster, EngineError> {
        let policy = &self.setup.policy.policy().sources[name];
        let pushed = self.store.pushed(name).await?;
        let roster = read_pushed(name, policy, &pushed, self.ports.clock.now());
        watch.event(Event::Read { subject: format!("source.{name}"), certificate: roster.reading.certificate.in_words() });
        Ok(roster)
    }

    /// Reads one source: its file, or what it answers, distrusting what is too small or about other people; or what was pushed.
    async fn read_source(&self, name: &SourceName, watch: &dyn Watch) -> Result<Roster, EngineError> {
        let policy = &self.setup.policy.policy().sources[name];
        let mut roster = match (self.setup.sources.get(name), self.setup.pulled.get(name)) {
            (Some(file), _) => read_file(name, file, policy, self.ports.clock.now())
                .map_err(|error| EngineError::Roster { source_name: name.clone(), error })?,
            (None, Some(setup)) => self.pull(name, setup, watch).await?,
            (None, None) => return self.read_pushes(name, watch).await,
        };
        let mut doubt = self.shrunk(name, self.store.last_good_count(name).await?, roster.reading.certificate.count);
        if doubt.is_none() && policy.absent_leaves {
            let last = self.store.last_good_source_reading(name).await?;
            doubt = last.and_then(|last| self.vanished(name, &last, &roster.reading));
        }
        if let Some(why) = doubt {
            roster.reading.distrust(why);
        }
        watch.event(Event::Read { subject: format!("source.{name}"), certificate: roster.reading.certificate.in_words() });
        Ok(roster)
    }

    /// Why a reading is too small to be trusted, if it is.  It is then kept as partial, so that it never becomes the measure of the next.
    fn shrunk(&self, name: &SourceName, last_good: Option<u64>, count: u64) -> Option<String> {
        let shrink = self.setup.policy.policy().sources.get(name)?.shrink;
        let last = last_good?;
        let gone = last.saturating_sub(count);
        let trips = gone > shrink.max || gone * 100_000 > shrink.percent_milli * last;
        trips.then(|| {
            format!("it shrank from {last} rows to {count}, beyond what `shrink` allows; if that is right, raise it for one plan")
        })
    }

    /// Why too many people of the last good reading are missing, if they are, where missing means leaving: as many rows as before prove
    /// nothing when they are other people's, or the same people's twice (another company's file, keys that lost their zeros).
    fn vanished(&self, name: &SourceName, last: &SourceReading, now: &SourceReading) -> Option<String> {
        let shrink = self.setup.policy.policy().sources.get(name)?.shrink;
        let here: HashSet<&PersonKey> = keys(now).collect();
        let (before, gone) = keys(last).fold((0_u64, 0_u64), |(all, gone), key| (all + 1, gone + u64::from(!here.contains(key))));
        let trips = gone > shrink.max || gone * 100_000 > shrink.percent_milli * before;
        trips.then(|| {
            format!(
                "{gone} of the {before} people of the last good reading are not in it, beyond what `shrink` allows; if that is right, \
                 raise it for one plan"
            )
        })
    }
}

/// Everybody whom a reading names, in a usable row or a held one.
fn keys(reading: &SourceReading) -> impl Iterator<Item = &PersonKey> {
    reading.people.iter().map(|person| &person.key).chain(&reading.held)
}
