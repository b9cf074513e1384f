//! Filters, paths and requests that nobody meant: each is read or refused in words, whatever stands in it; no panic, no stack that ends.

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use crate::{Error, Filter, Leniency, ListRequest, Patch, Request, ResourceType, Service, Target};

/// Filters and paths as people and identity providers write them.
const WRITTEN: &[&str] = &[
    "userName eq \"bjensen\"",
    "name.familyName co \"O'Malley\"",
    "urn:ietf:params:scim:schemas:core:2.0:User:userName sw \"J\"",
    "title pr and userType eq \"Employee\" or not (active eq true)",
    "meta.lastModified ge \"2011-05-13T04:42:34Z\"",
    "userType ne \"Employee\" and not (emails co \"example.com\" or emails.value co \"\\u00e9.org\")",
    "emails[type eq \"work\" and value co \"@example.com\"] or ims[type eq \"xmpp\" and value co \"@foo.com\"]",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value eq null",
    "members[value eq \"2819c223-7f76-453a-919d-413861904646\"]",
    "emails[type eq \"work\"].value",
    "addresses[type eq \"home\" and primary eq \"True\"].streetAddress",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
    "emails[type eq \"work\"].value eq \"a@b.c\" and schemas[value ew \"User\"]",
    "name.givenName",
];

/// What filters and paths are made of, and what is none of it.
const PARTS: &[&str] = &[
    "userName",
    "NAME",
    "name.givenName",
    "emails",
    "emails.value",
    "emails.type",
    "active",
    "meta.created",
    "id",
    "schemas",
    "members",
    "manager",
    "x509Certificates.value",
    "password",
    "groups",
    "nothing",
    "type",
    "value",
    "primary",
    "$ref",
    "displayName",
    "urn:ietf:params:scim:schemas:core:2.0:User",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
    ":",
    ".",
    ":manager",
    ".value",
    " eq ",
    " ne ",
    " co ",
    " sw ",
    " ew ",
    " gt ",
    " ge ",
    " lt ",
    " le ",
    " pr",
    " and ",
    " or ",
    "not ",
    "not(",
    " EQ ",
    " AND ",
    "(",
    ")",
    "[",
    "]",
    "\"\"",
    "\"work\"",
    "\"a\\\"b\"",
    "\"\\u00df\"",
    "\"\\ud800\"",
    "\"2011-05-13T04:42:34+02:00\"",
    "\"",
    "\\",
    "null",
    "true",
    "FALSE",
    "0",
    "-1.5e300",
    "1e999",
    "18446744073709551616",
    " ",
    "\t",
    "\n",
    "\u{0}",
    "é",
    "ß",
    "İ",
    "ς",
    "🦀",
    "\u{202e}",
    "%20",
    "'",
    ",",
    "{",
    "}",
    "[[",
    "))",
    "no",
];

/// Numbers without chance: the same for everybody, so that what fails fails again (SplitMix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % sides as u64) as usize
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.roll(of.len())]
    }

    /// A right text with something changed, or parts in any order.
    fn text(&mut self) -> String {
        if self.roll(2) == 0 {
            let parts = 1 + self.roll(9);
            return (0..parts).map(|_| self.one(PARTS)).collect();
        }
        let mut text: Vec<char> = self.one(WRITTEN).chars().collect();
        for _ in 0..=self.roll(3) {
            let at = self.roll(text.len().max(1)).min(text.len());
            match self.roll(5) {
                0 => drop(text.splice(at..at, self.one(PARTS).chars())),
                1 => text.truncate(at),
                2 if at < text.len() => drop(text.remove(at)),
                3 => {
                    let other: Vec<char> = self.one(WRITTEN).chars().collect();
                    let from = self.roll(other.len());
                    text.splice(at.., other[from..].iter().copied());
                }
                _ if at < text.len() => text[at] = self.one(PARTS).chars().next().unwrap_or('x'),
                _ => {}
            }
        }
        text.into_iter().collect()
    }

    /// Some value, more often one that fits somewhere.
    fn value(&mut self, depth: usize) -> Value {
        match self.roll(if depth > 3 { 6 } else { 9 }) {
            0 => Value::Null,
            1 => (self.roll(2) == 0).into(),
            2 => json!(self.roll(3) as f64 * 0.5),
            3 => self.one(&["True", "work", "", "x@y.z", "2011-05-13T04:42:34Z", "QUJD", "é"]).into(),
            4 => self.one(PARTS).into(),
            5 => json!({"value": self.one(&["a", "b", ""]), "type": self.one(&["work", "home"]), "primary": self.roll(2) == 0}),
            6 => (0..self.roll(3)).map(|_| self.value(depth + 1)).collect(),
            _ => {
                let members = (0..self.roll(4)).map(|_| {
                    let name = if self.roll(3) == 0 { self.text() } else { self.one(PARTS).to_owned() };
                    (name, self.value(depth + 1))
                });
                Value::Object(members.collect())
            }
        }
    }
}

/// More of them in a soak (`cargo xtask soak fuzz`).
fn times(few: u64) -> u64 {
    let times: u64 = std::env::var("PROVOST_FUZZ").ok().and_then(|times| times.parse().ok()).unwrap_or(1);
    few.saturating_mul(times)
}

fn leniency(turn: u64) -> &'static Leniency {
    static BOTH: [Leniency; 2] = [Leniency::STRICT, Leniency::TOLERANT];
    &BOTH[(turn % 2) as usize]
}

static PERSON: LazyLock<Map<String, Value>> = LazyLock::new(|| {
    let person = json!({
        "userName": "Bjensen", "name": {"familyName": "O'Malley", "givenName": "Zoë"}, "active": true, "title": "ß",
        "emails": [{"value": "a@example.com", "type": "work", "primary": true}, {"value": "b@home.org", "type": "home"}],
        "addresses": [{"type": "home", "streetAddress": "1"}],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "D", "manager": {"value": "m"}},
    });
    ResourceType::user().create(person, &Leniency::TOLERANT).expect("a user")
});

fn in_words(why: &Error) {
    assert!(why.status == 400 && why.scim_type.is_some() && why.detail.len() > 10, "{why:?}");
    assert!(why.detail.len() < 2_000, "it is short enough to read");
}

#[test]
fn a_filter_is_read_or_refused() {
    let kind = ResourceType::user();
    let mut dice = Dice(1);
    let mut read = 0;
    for turn in 0..times(200_000) {
        let text = dice.text();
        match Filter::parse(&kind, &text, leniency(turn)) {
            Err(why) => in_words(&why),
            Ok(filter) => {
                read += 1;
                let found = filter.matches(&PERSON);
                let printed = filter.to_string();
                let again =
                    Filter::parse(&kind, &printed, &Leniency::STRICT).unwrap_or_else(|why| panic!("{text} prints as {printed}: {why}"));
                assert_eq!(again, filter, "{text}");
                assert_eq!(again.matches(&PERSON), found, "{text}");
            }
        }
    }
    assert!(read > 2_000, "enough of them mean something: {read}");
}

#[test]
fn a_path_is_read_or_refused_and_what_it_leads_to_is_changed_whole_or_not_at_all() {
    let kinds = [ResourceType::user(), ResourceType::group()];
    let mut dice = Dice(2);
    let mut changed = 0;
    for turn in 0..times(200_000) {
        let text = dice.text();
        let kind = &kinds[usize::from(turn % 16 == 0)];
        match Target::parse(kind, &text, leniency(turn)) {
            Err(why) => in_words(&why),
            Ok(target) => {
                let printed = target.to_string();
                assert_eq!(Target::parse(kind, &printed, &Leniency::STRICT), Ok(target), "{text} prints as {printed}");
                let op = dice.one(&["add", "replace", "remove"]);
                // Text fits most of what is not a list.
                let value = if dice.roll(2) == 0 { "new".into() } else { dice.value(0) };
                let operation = json!({"op": op, "path": text, "value": value});
                changed += usize::from(apply(kind, json!([operation]), leniency(turn)));
            }
        }
    }
    assert!(changed > 500, "enough of them change something: {changed}");
}

/// Whether operations change somebody; on an error nothing is changed.
fn apply(kind: &ResourceType, operations: Value, leniency: &Leniency) -> bool {
    let body = json!({"schemas": [crate::urn::PATCH_OP], "Operations": operations});
    let mut person = PERSON.clone();
    let done = Patch::parse(kind, &body, leniency).and_then(|patch| patch.apply(kind, &mut person, leniency));
    match &done {
        Err(why) => {
            in_words(why);
            assert_eq!(person, *PERSON, "{body}");
        }
        Ok(changed) => assert_eq!(*changed, person != *PERSON, "{body}"),
    }
    done.unwrap_or_default()
}

#[test]
fn a_whole_request_is_read_or_refused() {
    let mut dice = Dice(3);
    let services = [Leniency::STRICT, Leniency::TOLERANT]
        .map(|leniency| Service { kinds: vec![ResourceType::user(), ResourceType::group()], leniency });
    for turn in 0..times(20_000) {
        let service = &services[(turn % 2) as usize];
        let mut body = match dice.roll(3) {
            0 => json!({"userName": "x", "displayName": "y"}),
            1 => json!({"Operations": [{"op": dice.one(&["add", "Replace", "remove"]), "path": dice.text(), "value": dice.value(0)}]}),
            _ => dice.value(0),
        };
        if let Value::Object(members) = &mut body {
            members.insert(dice.text(), dice.value(1));
        }
        let mut bytes = body.to_string().into_bytes();
        if dice.roll(4) == 0 {
            let at = dice.roll(bytes.len());
            bytes[at] = dice.roll(256) as u8;
        }
        let query = format!("{}={}&filter={}", dice.one(&["count", "cursor", "attributes", "sortBy"]), dice.text(), dice.text());
        let path = dice.one(&["/Users", "/Users/1", "/Groups/%", "/.search", "/Users/.search", "/Bulk", "/", "//", "/Schemas/%ff"]);
        let method = dice.one(&["GET", "POST", "PUT", "PATCH", "DELETE", "BREW"]);
        if let Err(why) = service.operation(&Request { method, path, query: &query, body: &bytes }) {
            assert!((400..=501).contains(&why.status) && !why.detail.is_empty(), "{why:?}");
        }
        if let Ok(asked) = ListRequest::from_query(&query, &service.leniency) {
            drop(asked.of(&service.kinds[0], &service.leniency));
        }
    }
}
