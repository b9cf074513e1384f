//! Looking at users before and after a write, with as few requests as can be.
//!
//! For a few users each is asked for.  For more, the portal is walked once (and counted) into a mirror, which is then kept true by increments: users
//! edited since a watermark, the newest first.  The watermark is the vendor's own clock (`dateEdited` and the `Date` header), with an
//! overlap (A12), so a portal that counts in days gives a longer increment, not a wrong one (A21).  What an increment should show and
//! does not is asked for by itself.  Where that clock was put back no increment shows what was written since: the portal is walked anew.
//!
//! An increment ends early only where it has shown everything that was sent, has come to what was edited before the newest edit that
//! the look before had seen, and ends in as many users as a batch holds that are as they were known.  On one clock nothing unseen can
//! come after that.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};

use connector::Fault;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::sync::Mutex;

use super::convert::{edited, fold, id_of};
use super::manifest::{BATCH, PAGE};
use super::read::user;
use super::wire::{Listed, Place, Reader, encoded, list};

/// How far an increment reaches back behind its watermark.
const OVERLAP: SignedDuration = SignedDuration::from_secs(5);
/// A look this young need not be repeated before the next batch.
const FRESH: SignedDuration = SignedDuration::from_secs(2);
/// A mirror that nobody looked at for so long belongs to a run that is over.
const LIFE: SignedDuration = SignedDuration::from_mins(4);
/// How often the portal is walked where users move between its pages meanwhile.
const WALKS: usize = 3;
/// No total is known yet.
const UNKNOWN: u64 = u64::MAX;

/// Who is looked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Want {
    /// The user with this id.
    Id(String),
    /// Whoever has this user name or this external id.
    New { username: String, external: Option<String> },
}

impl Want {
    /// What it is met by, for finding it among many rows.
    fn key(&self) -> String {
        match self {
            Self::Id(id) => id_key(id),
            Self::New { username, .. } => name_key(&fold(username)),
        }
    }

    /// Requests that asking for it by itself takes.
    fn cost(&self, names: bool) -> u64 {
        match self {
            Self::New { external: Some(_), .. } if names => 2,
            _ => 1,
        }
    }
}

/// What a look before a write found.
pub(super) struct Seen {
    /// For each want the users that meet it.
    pub(super) found: Vec<Vec<Value>>,
    /// For each want whether the user who meets it is known to be the only one with its external id; true where nobody meets it.
    pub(super) sole: Vec<bool>,
    /// The vendor's clock at the time; the look afterwards goes from there where there is no mirror.
    watermark: Option<Timestamp>,
}

/// Whether user names have to be asked for beside external ids: not for one alone where the vendor itself refuses a name that is taken.
fn names_too(reader: Reader<'_>, wants: &[Want]) -> bool {
    wants.len() > 1 || reader.profile.upserts
}

/// What the write after which one looks said about a want.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// It was taken: it must be seen.
    Taken,
    /// It was refused.
    Refused,
    /// Nothing certain.
    Nothing,
}

/// The looks of one connection.
pub(super) struct Look {
    mirror: Mutex<Option<Mirror>>,
    total: AtomicU64,
}

impl Look {
    pub(super) fn new() -> Self {
        Self { mirror: Mutex::new(None), total: AtomicU64::new(UNKNOWN) }
    }

    /// Remembers how many users the portal shows, so that the cheaper way can be told.
    pub(super) fn remember_total(&self, total: u64) {
        self.total.store(total, Ordering::Relaxed);
    }

    /// Pages of a walk, if anybody has counted.
    fn pages(&self) -> Option<u64> {
        let total = self.total.load(Ordering::Relaxed);
        (total != UNKNOWN).then(|| total.div_ceil(PAGE as u64).max(1))
    }

    /// Whether reading all users takes fewer requests than asking for so many.
    pub(super) fn walk_is_cheaper(&self, values: usize) -> bool {
        self.pages().is_some_and(|pages| pages < values as u64)
    }

    /// The look before a write.
    pub(super) async fn before(&self, reader: Reader<'_>, wants: &[Want]) -> Result<Seen, Fault> {
        let mut held = self.mirror.lock().await;
        if held.as_ref().is_some_and(|mirror| mirror.age(reader) > LIFE) {
            *held = None;
        }
        match held.as_mut() {
            Some(mirror) => {
                if (mirror.stale || mirror.age(reader) > FRESH) && mirror.refresh(reader, &[]).await?.is_none() {
                    *mirror = self.walk(reader, None).await?;
                }
            }
            None => match self.cheaper(reader, wants).await? {
                Cheaper::Direct(seen) => return Ok(seen),
                Cheaper::Walk(mirror) => *held = Some(mirror),
            },
        }
        let mirror = held.as_mut().expect("it was there, or was just put there");
        let missing: Vec<&Want> = wants.iter().filter(|want| matches!(want, Want::Id(_)) && mirror.find(want).is_empty()).collect();
        for want in missing {
            mirror.ask(reader, want).await?;
        }
        Ok(mirror.seen(wants, None))
    }

    /// The look after a write: for each want the users that meet it now.
    pub(super) async fn after(&self, reader: Reader<'_>, wants: &[Want], told: &[Told], seen: &Seen) -> Result<Vec<Vec<Value>>, Fault> {
        let mut held = self.mirror.lock().await;
        let mut part = Mirror::part(reader, seen.watermark);
        let whole = held.is_some();
        let mirror = held.as_mut().unwrap_or(&mut part);
        // Until this look has ended well, and for good where the write may still be on its way, it is none to write after.
        mirror.stale = true;
        let with = |which: &dyn Fn(Told) -> bool| -> Vec<&Want> {
            wants.iter().zip(told).filter(|(_, told)| which(**told)).map(|(want, _)| want).collect()
        };
        let mut missing: Vec<&Want> = if whole || (wants.len() > 1 && seen.watermark.is_some()) {
            let must = if whole { with(&|told| told == Told::Taken) } else { wants.iter().collect() };
            // What was refused and cannot be seen any more is not there for us: that needs a look of its own.
            let refused = with(&|told| told == Told::Refused).into_iter().filter(|want| whole && matches!(want, Want::Id(_)));
            match mirror.refresh(reader, &must).await? {
                Some(shown) => must.into_iter().chain(refused).filter(|want| !shown.contains(want)).collect(),
                None if whole => {
                    *mirror = self.walk(reader, None).await?;
                    mirror.stale = true;
                    must.into_iter().chain(refused).filter(|want| matches!(want, Want::Id(_)) && mirror.find(want).is_empty()).collect()
                }
                None => must,
            }
        } else {
            wants.iter().collect()
        };
        if whole && missing.len() as u64 > self.pages().unwrap_or(u64::MAX) {
            *mirror = self.walk(reader, None).await?;
            missing.retain(|want| matches!(want, Want::Id(_)) && mirror.find(want).is_empty());
        }
        for want in missing {
            mirror.ask(reader, want).await?;
        }
        mirror.stale = told.contains(&Told::Nothing);
        Ok(wants.iter().map(|want| mirror.find(want)).collect())
    }

    /// Asks for each, or walks, whichever takes fewer requests.
    async fn cheaper(&self, reader: Reader<'_>, wants: &[Want]) -> Result<Cheaper, Fault> {
        let cost: u64 = wants.iter().map(|want| want.cost(names_too(reader, wants))).sum();
        let first = match self.pages() {
            _ if cost <= 1 => return self.direct(reader, wants).await.map(Cheaper::Direct),
            Some(pages) if cost < pages => return self.direct(reader, wants).await.map(Cheaper::Direct),
            Some(_) => None,
            None => {
                let first = list(reader, "/users", BY_NAME, PAGE, Place::default()).await?;
                self.remember_total(first.total);
                if self.pages().is_some_and(|pages| cost < pages - 1) {
                    return self.direct(reader, wants).await.map(Cheaper::Direct);
                }
                Some(first)
            }
        };
        self.walk(reader, first).await.map(Cheaper::Walk)
    }

    async fn direct(&self, reader: Reader<'_>, wants: &[Want]) -> Result<Seen, Fault> {
        let mut part = Mirror::part(reader, None);
        for want in wants {
            part.ask(reader, want).await?;
            if let (Want::New { username, external: Some(_) }, true) = (want, names_too(reader, wants)) {
                part.ask(reader, &Want::New { username: username.clone(), external: None }).await?;
            }
        }
        Ok(part.seen(wants, part.date))
    }

    /// Reads every user into a new mirror; `first` is the first page, if somebody has it.
    async fn walk(&self, reader: Reader<'_>, mut first: Option<Listed>) -> Result<Mirror, Fault> {
        for _ in 0..WALKS {
            if let Some(mut mirror) = self.walk_once(reader, first.take()).await?
                && (mirror.age(reader) <= FRESH || mirror.refresh(reader, &[]).await?.is_some())
            {
                return Ok(mirror);
            }
        }
        let why = format!("users moved between pages, or the portal's clock was put back, in each of {WALKS} walks");
        Err(Fault::Wait { after: None, why })
    }

    /// None when fewer or more users came than the portal counts: somebody moved between the pages, and another may have been skipped,
    /// whom a batch would then write over (A05).
    async fn walk_once(&self, reader: Reader<'_>, mut first: Option<Listed>) -> Result<Option<Mirror>, Fault> {
        let mut mirror = Mirror { whole: true, ..Mirror::part(reader, None) };
        let mut place = Place::default();
        loop {
            let page = match first.take() {
                Some(page) => page,
                None => list(reader, "/users", BY_NAME, PAGE, place).await?,
            };
            self.remember_total(page.total);
            if place.is_first() {
                (mirror.date, mirror.newest) = (page.date, newest(&page));
            }
            for row in page.rows {
                mirror.put(row)?;
            }
            match page.next {
                Some(next) => place = next,
                None => return Ok((mirror.users.len() as u64 == page.total).then_some(mirror)),
            }
        }
    }
}

const BY_NAME: &str = "_sort=username";

enum Cheaper {
    Direct(Seen),
    Walk(Mirror),
}

/// Users as they were seen, by what they are looked for.
struct Mirror {
    /// Id → the record as JSON text, which takes a fraction of the room of a tree.
    users: HashMap<String, Box<str>>,
    by_username: HashMap<String, String>,
    by_external: BTreeMap<String, BTreeSet<String>>,
    /// The newest edit on the first page of the last list: whatever that list may have missed was edited then or later.
    newest: Option<Timestamp>,
    /// The vendor's clock when they were looked at last.
    date: Option<Timestamp>,
    /// Our clock when they were looked at last.
    at: Timestamp,
    /// Whether everybody whom the log-in sees is in it; else only who was asked for.
    whole: bool,
    /// Whether something may have been written that it does not show.
    stale: bool,
}

/// The newest edit on a page; edits that the vendor's own clock has not come to tell nothing.
fn newest(page: &Listed) -> Option<Timestamp> {
    let past = |at: &Timestamp| page.date.is_none_or(|clock| at.duration_since(clock) < FRESH);
    page.rows.iter().filter_map(edited).filter(past).max()
}

fn id_key(id: &str) -> String {
    format!("id {id}")
}

fn name_key(folded: &str) -> String {
    format!("name {folded}")
}

/// User name and external id of a record, folded.
fn keys(raw: &Value) -> (Option<String>, Option<String>) {
    let text = |member: &str| raw.get(member).and_then(Value::as_str).filter(|text| !text.is_empty()).map(fold);
    (text("username"), text("externalId"))
}

impl Mirror {
    /// Nobody yet.
    fn part(reader: Reader<'_>, date: Option<Timestamp>) -> Self {
        Self {
            users: HashMap::new(),
            by_username: HashMap::new(),
            by_external: BTreeMap::new(),
            newest: None,
            date,
            at: reader.now(),
            whole: false,
            stale: false,
        }
    }

    fn age(&self, reader: Reader<'_>) -> SignedDuration {
        // A clock that was put back makes it old, not young.
        reader.now().duration_since(self.at).abs()
    }

    fn parsed(&self, id: &str) -> Option<Value> {
        self.users.get(id).map(|text| serde_json::from_str(text).expect("it was written from a value"))
    }

    fn find(&self, want: &Want) -> Vec<Value> {
        let ids: BTreeSet<&str> = match want {
            Want::Id(id) => [id.as_str()].into(),
            Want::New { username, external } => {
                let named = self.by_username.get(&fold(username)).map(String::as_str);
                let external = external.as_deref().and_then(|external| self.by_external.get(&fold(external)));
                named.into_iter().chain(external.into_iter().flatten().map(String::as_str)).collect()
            }
        };
        ids.into_iter().filter_map(|id| self.parsed(id)).collect()
    }

    /// Everything about these wants.
    fn seen(&self, wants: &[Want], watermark: Option<Timestamp>) -> Seen {
        let found: Vec<Vec<Value>> = wants.iter().map(|want| self.find(want)).collect();
        let alone = |raw: &Value| match keys(raw).1 {
            None => true,
            Some(external) => self.whole && self.by_external.get(&external).is_none_or(|ids| ids.len() < 2),
        };
        Seen { sole: found.iter().map(|found| found.iter().all(alone)).collect(), found, watermark }
    }

    /// Takes a record in; whether it was known just so.
    fn put(&mut self, raw: Value) -> Result<bool, Fault> {
        let id = id_of(&raw)?.to_owned();
        let text = raw.to_string();
        if self.users.get(&id).is_some_and(|known| **known == *text) {
            return Ok(true);
        }
        self.forget(&id);
        let (username, external) = keys(&raw);
        if let Some(username) = username {
            self.by_username.insert(username, id.clone());
        }
        if let Some(external) = external {
            self.by_external.entry(external).or_default().insert(id.clone());
        }
        self.users.insert(id, text.into());
        Ok(false)
    }

    fn forget(&mut self, id: &str) {
        let Some(old) = self.parsed(id) else { return };
        self.users.remove(id);
        let (username, external) = keys(&old);
        if let Some(username) = username.filter(|name| self.by_username.get(name).is_some_and(|of| of == id)) {
            self.by_username.remove(&username);
        }
        if let Some(ids) = external.and_then(|external| self.by_external.get_mut(&external)) {
            ids.remove(id);
        }
    }

    /// Asks for one want by itself.
    async fn ask(&mut self, reader: Reader<'_>, want: &Want) -> Result<(), Fault> {
        let query = match want {
            Want::Id(id) => {
                let found = user(reader, id).await?;
                self.forget(id);
                let Some((raw, date)) = found else { return Ok(()) };
                self.date = self.date.or(date);
                return self.put(raw).map(drop);
            }
            Want::New { external: Some(external), .. } => format!("externalId={}", encoded(external)),
            Want::New { username, external: None } => format!("username={}", encoded(username)),
        };
        let page = list(reader, "/users", &query, PAGE, Place::default()).await?;
        self.date = self.date.or(page.date);
        page.rows.into_iter().try_for_each(|row| self.put(row).map(drop))
    }

    /// Takes in what was edited since the last look; which of `must` were among it.  None where the portal's clock was put back since:
    /// what was written then is dated before the watermark, and nothing was taken in.
    async fn refresh<'a>(&mut self, reader: Reader<'_>, must: &[&'a Want]) -> Result<Option<BTreeSet<&'a Want>>, Fault> {
        let (at, seen_to) = (reader.now(), self.newest);
        let watermark = match (self.newest, self.date) {
            (Some(newest), Some(date)) => Some(newest.min(date)),
            (newest, date) => newest.or(date),
        };
        let since = watermark.and_then(|watermark| watermark.checked_sub(OVERLAP).ok());
        let since = since.map(|since| format!("&modifiedSince={}", encoded(&since.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())));
        let query = format!("_sort=-dateEdited{}", since.unwrap_or_default());
        let mut waiting: HashMap<String, &'a Want> = must.iter().map(|want| (want.key(), *want)).collect();
        let mut shown = BTreeSet::new();
        let (mut place, mut known, mut first) = (Place::default(), 0, (None, None));
        loop {
            let page = list(reader, "/users", &query, PAGE, place).await?;
            if place.is_first() {
                if page.date.zip(self.date).is_some_and(|(now, before)| before.duration_since(now) > FRESH) {
                    return Ok(None);
                }
                first = (page.date, newest(&page));
            }
            let oldest = page.rows.last().and_then(edited);
            for row in page.rows {
                let id = id_of(&row)?.to_owned();
                let name = row.get("username").and_then(Value::as_str).map(fold).unwrap_or_default();
                for key in [id_key(&id), name_key(&name)] {
                    shown.extend(waiting.remove(&key));
                }
                known = if self.put(row)? { known + 1 } else { 0 };
            }
            let behind = seen_to.zip(oldest).is_some_and(|(seen_to, oldest)| oldest < seen_to);
            let all_known = !self.whole || (behind && known >= BATCH);
            match page.next {
                Some(next) if !(waiting.is_empty() && all_known) => place = next,
                _ => break,
            }
        }
        self.at = at;
        self.stale = false;
        (self.date, self.newest) = (first.0.or(self.date), first.1.max(self.newest));
        Ok(Some(shown))
    }
}
