//! What goes wrong: decided by chance, seen by the observer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use jiff::SignedDuration;
use sandbox::{absorb, lessonly};
use serde_json::{Value, json};
use store::{Operation, StoreError};

use crate::chance::Chance;
use crate::observer::Observer;
use crate::rig::{After, Answered, Before, Director, Exchange, Shared, Touch};

/// How often things happen, in a thousand.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rates {
    /// Of requests: never sent, lost, the answer lost.
    pub(crate) network: usize,
    /// The program dies, at a request or a commit.
    pub(crate) crash: usize,
    /// The store fails at a commit.
    pub(crate) store: usize,
    /// Somebody changes something by hand, at a request.
    pub(crate) hand: usize,
    /// A clock jumps, at a request.
    pub(crate) jump: usize,
}

impl Rates {
    pub(crate) fn new(chance: &Chance) -> Self {
        let often = |most: usize| if chance.in_thousand(500) { chance.below(most + 1) } else { 0 };
        Self { network: often(25), crash: often(12), store: often(8), hand: often(40), jump: often(10) }
    }
}

pub(crate) struct Storm {
    chance: Chance,
    rates: Rates,
    calm: AtomicBool,
    pub(crate) observer: Observer,
    shared: Arc<Shared>,
    lessonly: lessonly::Sandbox,
    absorb: absorb::Sandbox,
    events: AtomicU64,
    addresses: Vec<String>,
}

impl Storm {
    pub(crate) fn new(
        chance: Chance,
        rates: Rates,
        observer: Observer,
        shared: Arc<Shared>,
        (lessonly, absorb): (lessonly::Sandbox, absorb::Sandbox),
        addresses: Vec<String>,
    ) -> Self {
        let (calm, events) = (AtomicBool::new(false), AtomicU64::new(0));
        Self { chance, rates, calm, observer, shared, lessonly, absorb, events, addresses }
    }

    /// Nothing goes wrong any more.
    pub(crate) fn calm_down(&self) {
        self.calm.store(true, Ordering::SeqCst);
        self.lessonly.misbehave(false);
        self.absorb.misbehave(false);
        self.shared.set_skew(SignedDuration::ZERO);
        for app in ["lessonly", "absorb"] {
            self.shared.set_skew_of(app, SignedDuration::ZERO);
        }
    }

    pub(crate) fn events(&self) -> u64 {
        self.events.load(Ordering::Relaxed)
    }

    fn happens(&self, often: usize) -> bool {
        !self.calm.load(Ordering::SeqCst) && self.chance.in_thousand(often)
    }

    fn a_clock_jumps(&self) {
        let by = SignedDuration::from_secs(self.chance.between(-3600, 3600));
        match self.chance.below(3) {
            0 => {
                self.shared.note_outside(&format!("our clock is {by} ahead"));
                self.shared.set_skew(by);
            }
            at => {
                let app = ["lessonly", "absorb"][at - 1];
                self.shared.note_outside(&format!("the clock of {app} is {by} ahead"));
                self.shared.set_skew_of(app, by);
            }
        }
    }

    /// Somebody changes something in the apps' own pages.
    pub(crate) fn by_hand(&self) {
        let chance = &self.chance;
        let number = chance.below(10_000);
        let said = if chance.in_thousand(500) {
            let users: Vec<Value> = self.lessonly.users().into_iter().filter(|user| user["role"] != "admin").collect();
            let Some(id) = users.get(chance.below(users.len())).and_then(|user| user["id"].as_u64()) else { return };
            match chance.below(7) {
                0 => self.lessonly.update_user(id, json!({ "job_title": format!("by hand {number}") })),
                1 => self.lessonly.update_user(id, json!({ "location": format!("by hand {number}") })),
                2 => self.lessonly.archive_user(id),
                3 => self.lessonly.restore_user(id),
                4 => self.lessonly.update_user(id, json!({ "name": format!("By Hand {number}") })),
                5 => {
                    let groups = self.lessonly.groups();
                    let club = groups.iter().find(|group| group["name"] == "Book Club").and_then(|group| group["id"].as_u64());
                    let old = users.iter().find(|user| user["id"] == id).map(|user| user["group_ids"].clone()).unwrap_or_default();
                    let mut ids: Vec<Value> = old.as_array().cloned().unwrap_or_default();
                    let club = Value::from(club.unwrap_or(1));
                    if ids.contains(&club) {
                        ids.retain(|id| *id != club)
                    } else {
                        ids.push(club)
                    }
                    self.lessonly.update_user(id, json!({ "group_ids": ids }))
                }
                _ => {
                    let email = self.address(number);
                    self.lessonly.create_user(json!({ "name": format!("By Hand {number}"), "email": email })).map(drop)
                }
            }
        } else {
            let users: Vec<Value> = self.absorb.users().into_iter().filter(|user| user["isAdmin"] != true).collect();
            let change = |members: Value| self.absorb.put_user(members).map(drop);
            let Some(id) = users.get(chance.below(users.len())).map(|user| user["id"].clone()) else { return };
            match chance.below(5) {
                0 => change(json!({ "id": id, "jobTitle": format!("by hand {number}") })),
                1 => change(json!({ "id": id, "phone": format!("{number}") })),
                2 => change(json!({ "id": id, "lastName": format!("By Hand {number}") })),
                3 => change(json!({ "id": id, "mobilePhone": format!("{number}") })),
                _ => {
                    let email = self.address(number);
                    let department = self.absorb.departments().first().map(|one| one["id"].clone()).unwrap_or_default();
                    change(json!({
                        "username": email, "emailAddress": email, "firstName": "By", "lastName": format!("Hand {number}"),
                        "departmentId": department, "password": "by-Hand-1998!",
                    }))
                }
            }
        };
        self.shared.note_outside(&format!("by hand: {}", said.map_or_else(|error| error.to_string(), |()| "done".to_owned())));
        self.observer.look();
    }

    /// Mostly somebody's own address, as single sign-on makes accounts.
    fn address(&self, number: usize) -> String {
        if self.chance.in_thousand(600) { self.chance.pick(&self.addresses).clone() } else { format!("hand{number}@acme.example") }
    }
}

impl Director for Storm {
    fn latency(&self, _exchange: &Exchange) -> (Duration, Duration) {
        let millis = || Duration::from_millis(1 + self.chance.below(120) as u64);
        (millis(), millis())
    }

    fn turn(&self) -> Duration {
        Duration::from_micros(1 + self.chance.below(5000) as u64)
    }

    fn before(&self, exchange: &Exchange) -> Before {
        self.events.fetch_add(1, Ordering::Relaxed);
        if self.happens(self.rates.jump) {
            self.a_clock_jumps();
        }
        if self.happens(self.rates.hand) {
            self.by_hand();
        }
        if self.happens(self.rates.crash) {
            return Before::Crash;
        }
        if self.happens(self.rates.network) {
            return if self.chance.in_thousand(300) { Before::NotSent } else { Before::Lost };
        }
        self.observer.arrives(exchange);
        Before::Arrives
    }

    fn after(&self, exchange: &Exchange, answered: &Answered) -> After {
        self.events.fetch_add(1, Ordering::Relaxed);
        let body = if let Answered::Answer { body, .. } = answered { &body[..] } else { &[] };
        if self.happens(self.rates.network) {
            self.observer.look();
            return After::Lost;
        }
        self.observer.answered(exchange, body);
        if self.happens(self.rates.crash) { After::Crash } else { After::Comes }
    }

    fn outlives(&self, exchange: &Exchange) -> bool {
        let outlives = self.chance.in_thousand(500);
        if outlives {
            self.observer.arrives(exchange);
        }
        outlives
    }

    fn before_store(&self, operation: Operation<'_>) -> Touch {
        match operation {
            Operation::Commit if self.happens(self.rates.crash) => Touch::Crash,
            Operation::Commit if self.happens(self.rates.store) => Touch::Fails(StoreError::Busy),
            _ => Touch::Passes,
        }
    }

    fn after_store(&self, operation: Operation<'_>) -> Touch {
        if operation != Operation::Commit {
            return Touch::Passes;
        }
        self.events.fetch_add(1, Ordering::Relaxed);
        self.observer.committed();
        self.observer.look();
        if self.happens(self.rates.crash) {
            return Touch::Crash;
        }
        let lost = || StoreError::Lost { why: "the connection to the server broke".into() };
        if self.happens(self.rates.store) { Touch::Fails(lost()) } else { Touch::Passes }
    }
}
