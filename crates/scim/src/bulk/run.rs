//! Carrying out a Bulk request in an order in which every name is known when it is needed.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Map, Value, json};

use super::{Bulk, links};
use crate::path::quoted;
use crate::{Error, ScimType, urn};

/// What to do next: a request as any other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BulkItem {
    /// For [`BulkRun::done`].
    pub at: usize,
    /// The method.
    pub method: String,
    /// Below the base address, with ids in the place of names.
    pub path: String,
    /// As in `If-Match`.
    pub version: Option<String>,
    /// The body; empty where there is none.
    pub body: Vec<u8>,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BulkOutcome {
    /// HTTP status where it was done.
    pub status: u16,
    /// The resource's id, of one that was made.
    pub id: Option<String>,
    /// Where the resource is.
    pub location: Option<String>,
    /// Its entity tag.
    pub version: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
enum State {
    Waiting,
    /// Handed out; with what has to be put in afterwards.
    Out(Map<String, Value>),
    Done(BulkOutcome),
    Failed(Error, Option<String>),
}

/// A Bulk request while it is carried out.
#[derive(Clone, Debug)]
pub struct BulkRun {
    bulk: Bulk,
    /// The names that each operation refers to.
    names: Vec<BTreeSet<String>>,
    /// Which operation makes what a name stands for.
    makers: HashMap<String, usize>,
    states: Vec<State>,
    /// The ids of what was made, by name.
    ids: HashMap<String, String>,
    /// What was made without something that refers to a later one: the operation, the path, and what is added then.
    later: Vec<(usize, String, Map<String, Value>)>,
    errors: usize,
}

impl BulkRun {
    pub(super) fn new(bulk: Bulk) -> Self {
        let names = bulk.operations.iter().map(|operation| {
            let mut found: BTreeSet<String> = links::of_path(&operation.path).map(str::to_owned).into_iter().collect();
            operation.data.iter().for_each(|data| links::of_value(data, &mut found));
            found
        });
        let makers = bulk.operations.iter().enumerate().filter(|(_, operation)| operation.method == "POST");
        Self {
            names: names.collect(),
            makers: makers.filter_map(|(at, operation)| Some((operation.bulk_id.clone()?, at))).collect(),
            states: vec![State::Waiting; bulk.operations.len()],
            ids: HashMap::new(),
            later: Vec::new(),
            errors: 0,
            bulk,
        }
    }

    /// What to do next; `None` when all is done, or as many errors happened as the client allows. In the order of the request, but
    /// after what it refers to; where operations refer to each other in a circle, the first is done without what it refers to, and
    /// that is added when it is there.
    pub fn take_next(&mut self) -> Option<BulkItem> {
        loop {
            if self.bulk.fail_on_errors.is_some_and(|most| self.errors >= most) {
                return None;
            }
            if let Some(at) = self.later.iter().position(|(_, _, part)| self.unknown(&names_of(part)).is_empty()) {
                let (at, path, part) = self.later.remove(at);
                let part = links::resolved(&Value::Object(part), &self.ids);
                let body = json!({"schemas": [urn::PATCH_OP], "Operations": [{"op": "add", "value": part}]});
                return Some(BulkItem { at, method: "PATCH".into(), path, version: None, body: bytes(&body) });
            }
            let waiting: Vec<usize> = (0..self.states.len()).filter(|&at| self.states[at] == State::Waiting).collect();
            let next = waiting.iter().copied().find(|&at| self.ready(at));
            // Only what makes something can stand in a circle; whoever waits for it goes on afterwards.
            let next =
                next.or_else(|| waiting.iter().copied().find(|&at| self.in_a_circle(at))).or_else(|| waiting.first().copied())?;
            if let Some(item) = self.hand_out(next) {
                return Some(item);
            }
        }
    }

    /// Whether all that it refers to is made, or never will be.
    fn ready(&self, at: usize) -> bool {
        self.names[at].iter().all(|name| match self.makers.get(name) {
            Some(&maker) => matches!(self.states[maker], State::Done(_) | State::Failed(..)),
            None => true,
        })
    }

    fn in_a_circle(&self, at: usize) -> bool {
        let mut seen = BTreeSet::new();
        let mut open = vec![at];
        while let Some(one) = open.pop() {
            for maker in self.names[one].iter().filter_map(|name| self.makers.get(name).copied()) {
                if maker == at {
                    return true;
                }
                if self.states[maker] == State::Waiting && seen.insert(maker) {
                    open.push(maker);
                }
            }
        }
        false
    }

    /// The names that stand for nothing yet.
    fn unknown(&self, names: &BTreeSet<String>) -> BTreeSet<String> {
        names.iter().filter(|name| !self.ids.contains_key(*name)).cloned().collect()
    }

    fn hand_out(&mut self, at: usize) -> Option<BulkItem> {
        let operation = &self.bulk.operations[at];
        let unknown = self.unknown(&self.names[at]);
        let never = unknown.iter().find(|name| match self.makers.get(*name) {
            None => true,
            Some(&maker) => matches!(self.states[maker], State::Failed(..) | State::Done(_)),
        });
        let in_path = links::of_path(&operation.path).filter(|name| unknown.contains(*name));
        if let Some(name) = never.map(String::as_str).or(in_path) {
            let why = match self.makers.contains_key(name) {
                true => Error::new(409, format!("bulkId {} made nothing that could be referred to", quoted(name))),
                false => Error::bad(ScimType::InvalidValue, format!("no POST of the request has the bulkId {}", quoted(name))),
            };
            self.failed(at, why);
            return None;
        }
        let mut data = operation.data.as_ref().map(|data| links::resolved(data, &self.ids));
        let later = match &mut data {
            Some(data) if !unknown.is_empty() => links::take_out(data, &unknown),
            _ => Map::new(),
        };
        let item = BulkItem {
            at,
            method: operation.method.clone(),
            path: links::resolved_path(&operation.path, &self.ids),
            version: operation.version.clone(),
            body: data.as_ref().map(bytes).unwrap_or_default(),
        };
        self.states[at] = State::Out(later);
        Some(item)
    }

    /// What came of what [`take_next`](Self::take_next) handed out.
    pub fn done(&mut self, at: usize, outcome: Result<BulkOutcome, Error>) {
        let before = std::mem::replace(&mut self.states[at], State::Waiting);
        match (outcome, before) {
            (Ok(outcome), State::Out(later)) => {
                let operation = &self.bulk.operations[at];
                if let (Some(name), Some(id)) = (&operation.bulk_id, &outcome.id)
                    && operation.method == "POST"
                {
                    self.ids.insert(name.clone(), id.clone());
                    if !later.is_empty() {
                        self.later.push((at, format!("{}/{id}", operation.path.trim_end_matches('/')), later));
                    }
                }
                self.states[at] = State::Done(outcome);
            }
            // What was added afterwards: the operation's own status stays.
            (Ok(added), State::Done(made)) => {
                let version = added.version.or(made.version);
                self.states[at] = State::Done(BulkOutcome { version, ..made });
            }
            (Err(why), State::Done(made)) => {
                self.errors += 1;
                self.states[at] = State::Failed(why, made.location);
            }
            (Err(why), _) => self.failed(at, why),
            (Ok(outcome), _) => self.states[at] = State::Done(outcome),
        }
    }

    fn failed(&mut self, at: usize, why: Error) {
        self.errors += 1;
        self.states[at] = State::Failed(why, None);
    }

    /// The answer: what was done, in the order of the request; what was left undone is not in it. `base` is the server's base
    /// address, without a slash at its end.
    pub fn into_json(self, base: &str) -> Value {
        let mut done = Vec::with_capacity(self.states.len());
        // What waits for a name that will never be known was made, but not whole.
        let mut states = self.states;
        for (at, _, part) in &self.later {
            if let (State::Done(made), Some(name)) =
                (&states[*at], names_of(part).into_iter().find(|name| !self.ids.contains_key(name)))
            {
                let why = Error::new(409, format!("made, but without what refers to bulkId {}, which made nothing", quoted(&name)));
                states[*at] = State::Failed(why, made.location.clone());
            }
        }
        for (operation, state) in self.bulk.operations.iter().zip(states) {
            let mut answer = json!({"method": operation.method});
            if let Some(id) = &operation.bulk_id {
                answer["bulkId"] = id.as_str().into();
            }
            match state {
                State::Waiting | State::Out(_) => continue,
                State::Done(outcome) => {
                    answer["status"] = outcome.status.to_string().into();
                    if let Some(version) = outcome.version {
                        answer["version"] = version.into();
                    }
                    let own =
                        || (operation.method != "POST").then(|| format!("{base}{}", links::resolved_path(&operation.path, &self.ids)));
                    if let Some(location) = outcome.location.or_else(own) {
                        answer["location"] = location.into();
                    }
                }
                State::Failed(why, location) => {
                    answer["status"] = why.status.to_string().into();
                    answer["response"] = why.to_json();
                    let own =
                        || (operation.method != "POST").then(|| format!("{base}{}", links::resolved_path(&operation.path, &self.ids)));
                    if let Some(location) = location.or_else(own) {
                        answer["location"] = location.into();
                    }
                }
            }
            done.push(answer);
        }
        json!({"schemas": [urn::BULK_RESPONSE], "Operations": done})
    }
}

fn names_of(part: &Map<String, Value>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    part.values().for_each(|value| links::of_value(value, &mut found));
    found
}

fn bytes(body: &Value) -> Vec<u8> {
    body.to_string().into_bytes()
}
