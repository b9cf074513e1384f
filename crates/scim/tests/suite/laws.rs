//! What holds for every filter, every PATCH and every list.

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use scim::{Filter, ListRequest, Patch, ResourceType, View};
use serde_json::{Map, Value, json};

use crate::common::{ENTERPRISE, Resource, ada, object, patch, strict, tolerant, user_type};

const WORDS: &[&str] = &["", "a", "A", "ab", "Ada", "é", "É", "work", "home", "x\"y\\z", "2011-05-13T04:42:34Z"];

fn text() -> impl Strategy<Value = &'static str> {
    select(WORDS)
}

fn quoted(text: &str) -> String {
    Value::String(text.to_owned()).to_string()
}

/// Filters as text, by the grammar.
fn filter() -> impl Strategy<Value = String> {
    let attribute = select(&[
        "userName",
        "TITLE",
        "name.givenName",
        "emails",
        "emails.type",
        "externalId",
        "urn:ietf:params:scim:schemas:core:2.0:User:nickName",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
    ]);
    let operator = select(&["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "LE"]);
    let compared = (attribute.clone(), operator, text())
        .prop_map(|(attribute, operator, text)| format!("{attribute} {operator} {}", quoted(text)));
    let present = attribute.prop_map(|attribute| format!("{attribute} pr"));
    let boolean = (select(&["active eq", "active ne"]), any::<bool>()).prop_map(|(begin, value)| format!("{begin} {value}"));
    let element = (select(&["type", "value", "display"]), select(&["eq", "ne", "co"]), text(), any::<bool>())
        .prop_map(|(part, operator, text, primary)| format!("emails[{part} {operator} {} and primary ne {primary}]", quoted(text)));
    let null = select(&["title eq null", "nickName ne null"]).prop_map(str::to_owned);
    prop_oneof![4 => compared, 1 => present, 1 => boolean, 1 => element, 1 => null].prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} and {b}")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) AND ({b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} or {b}")),
            inner.clone().prop_map(|a| format!("({a})")),
            inner.prop_map(|a| format!("not ({a})")),
        ]
    })
}

/// People of whom anything may be known.
fn person() -> impl Strategy<Value = Resource> {
    let some = || proptest::option::of(text());
    let emails = proptest::collection::vec((text(), select(&["work", "home", "other"]), any::<bool>()), 0..4);
    (text(), some(), some(), some(), some(), proptest::option::of(any::<bool>()), emails).prop_map(|(user, title, nick, given, department, active, emails)| {
        let emails: Vec<Value> =
            emails.into_iter().map(|(value, kind, primary)| json!({"value": value, "type": kind, "primary": primary})).collect();
        let body = json!({
            "userName": format!("u{user}"), "title": title, "nickName": nick, "name": {"givenName": given}, "active": active, "emails": emails,
            ENTERPRISE: {"department": department},
        });
        let mut person = user_type().create(body, &tolerant()).expect("it fits");
        person.insert("id".into(), "1".into());
        person
    })
}

fn read(text: &str) -> Filter {
    Filter::parse(&user_type(), text, &strict()).unwrap_or_else(|why| panic!("{text}: {why}"))
}

/// Operations that fit the schema.
fn operation() -> impl Strategy<Value = Value> {
    let single = (select(&["title", "nickName", "name.givenName", "externalId", "displayName"]), text());
    let single = single.prop_map(|(path, value)| json!({"path": path, "value": value}));
    let department = text().prop_map(|value| json!({"path": format!("{ENTERPRISE}:department"), "value": value}));
    let name =
        (text(), text()).prop_map(|(given, family)| json!({"path": "name", "value": {"givenName": given, "familyName": family}}));
    let emails = proptest::collection::vec((text(), select(&["work", "home", "other"]), any::<bool>()), 1..3).prop_map(|all| {
        let all: Vec<Value> =
            all.into_iter().map(|(value, kind, primary)| json!({"value": value, "type": kind, "primary": primary})).collect();
        json!({"path": "emails", "value": all})
    });
    let element = (select(&["work", "home", "other"]), text())
        .prop_map(|(kind, value)| json!({"path": format!("emails[type eq \"{kind}\"].value"), "value": value}));
    let primary =
        select(&["work", "home"]).prop_map(|kind| json!({"path": format!("emails[type eq \"{kind}\"].primary"), "value": true}));
    let pathless =
        (text(), text()).prop_map(|(title, department)| json!({"value": {"title": title, ENTERPRISE: {"department": department}}}));
    prop_oneof![4 => single, 1 => department, 1 => name, 2 => emails, 2 => element, 1 => primary, 1 => pathless]
}

fn with_op(mut operation: Value, op: &str) -> Value {
    operation["op"] = op.into();
    operation
}

fn wellformed(person: &Resource) {
    let again = user_type().create(Value::Object(person.clone()), &strict()).expect("what a PATCH leaves is a user");
    let mut again = user_type().replace(person, again).expect("nothing is set once");
    again.retain(|name, _| name != "meta");
    assert_eq!(&again, person, "and it is kept as it is");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_printed_reads_as_the_same(text in filter(), person in person()) {
        let filter = read(&text);
        let printed = filter.to_string();
        prop_assert_eq!(&read(&printed), &filter);
        prop_assert_eq!(read(&printed).to_string(), printed.as_str());
        prop_assert_eq!(&read(&format!("({text})")), &filter);
        prop_assert_eq!(read(&printed).matches(&person), filter.matches(&person));
    }

    #[test]
    fn and_or_and_not_are_those_of_logic(a in filter(), b in filter(), person in person()) {
        let is = |text: &str| read(text).matches(&person);
        let (x, y) = (is(&a), is(&b));
        prop_assert_eq!(is(&format!("not ({a})")), !x);
        prop_assert_eq!(is(&format!("not (not ({a}))")), x);
        prop_assert_eq!(is(&format!("({a}) and ({b})")), x && y);
        prop_assert_eq!(is(&format!("({a}) or ({b})")), x || y);
        prop_assert_eq!(is(&format!("not (({a}) and ({b}))")), is(&format!("not ({a}) or not ({b})")));
        prop_assert_eq!(is(&format!("({a}) or ({a}) and ({b})")), x, "and binds before or");
    }

    #[test]
    fn every_match_satisfies_what_it_must(a in filter(), b in text(), person in person()) {
        let text = format!("title eq {} and ({a})", quoted(b));
        let filter = read(&text);
        let musts = filter.must();
        prop_assert!(musts.iter().any(|(path, _)| path.is("title")));
        if filter.matches(&person) {
            for (path, one) in musts {
                let alone = read(&format!("{path} {} {}", one.operator.as_str(), one.operand));
                prop_assert!(alone.matches(&person), "{} must be so for {}", alone, text);
            }
        }
    }

    #[test]
    fn the_same_replacement_twice_is_once(person in person(), operation in operation()) {
        let mut once = person;
        let replace = json!([with_op(operation, "replace")]);
        patch(&user_type(), &mut once, replace.clone(), &tolerant()).expect("it fits");
        wellformed(&once);
        let mut twice = once.clone();
        prop_assert_eq!(patch(&user_type(), &mut twice, replace, &tolerant()), Ok(false));
        prop_assert_eq!(twice, once);
    }

    #[test]
    fn the_same_addition_twice_is_once(person in person(), operation in operation()) {
        let mut once = person;
        let add = json!([with_op(operation, "add")]);
        patch(&user_type(), &mut once, add.clone(), &tolerant()).expect("it fits");
        wellformed(&once);
        let mut twice = once.clone();
        prop_assert_eq!(patch(&user_type(), &mut twice, add, &tolerant()), Ok(false));
        prop_assert_eq!(twice, once);
    }

    #[test]
    fn what_was_added_and_is_removed_was_never_there(person in person(), path in select(&["title", "nickName", "displayName", "name.middleName", "ims"]), value in text()) {
        let mut before = person;
        let remove = json!([{"op": "remove", "path": path}]);
        patch(&user_type(), &mut before, remove.clone(), &strict()).expect("it fits");
        let value = if path == "ims" { json!([{"value": value, "type": "xmpp"}]) } else { value.into() };
        let mut after = before.clone();
        patch(&user_type(), &mut after, json!([{"op": "add", "path": path, "value": value}]), &strict()).expect("it fits");
        patch(&user_type(), &mut after, remove, &strict()).expect("it fits");
        prop_assert_eq!(after, before);
    }

    #[test]
    fn members_that_come_and_go_leave_the_others(start in subsequence(vec!["a", "b", "c", "d", "e"], 0..5), one in select(&["x", "y"])) {
        let kind = ResourceType::group();
        let before = crate::common::group(&start);
        for remove in [
            json!([{"op": "remove", "path": format!("members[value eq \"{one}\"]")}]),
            json!([{"op": "Remove", "path": "members", "value": [{"value": one}]}]),
        ] {
            let mut group = before.clone();
            patch(&kind, &mut group, json!([{"op": "add", "path": "members", "value": [{"value": one}]}]), &tolerant()).expect("it fits");
            prop_assert!(group != before);
            patch(&kind, &mut group, remove, &tolerant()).expect("it fits");
            prop_assert_eq!(&group, &before);
        }
    }

    #[test]
    fn all_of_a_patch_or_nothing(person in person(), operations in proptest::collection::vec((operation(), select(&["add", "replace", "remove"])), 0..5), at in any::<prop::sample::Index>()) {
        let mut operations: Vec<Value> = operations.into_iter().map(|(one, op)| {
            let mut one = with_op(one, op);
            if op == "remove" && one.get("path").is_some() {
                one.as_object_mut().expect("an object").remove("value");
            }
            one
        }).collect();
        // `patch` looks that a failure leaves the person as it was.
        let mut whole = person.clone();
        if patch(&user_type(), &mut whole, operations.clone().into(), &tolerant()).is_ok() {
            wellformed(&whole);
        }
        operations.insert(at.index(operations.len() + 1), json!({"op": "replace", "path": "userName", "value": ""}));
        let mut broken = person.clone();
        let failed = patch(&user_type(), &mut broken, operations.into(), &tolerant());
        prop_assert!(failed.is_err());
        prop_assert_eq!(broken, person);
    }

    #[test]
    fn a_patch_that_is_printed_does_the_same(person in person(), operation in operation(), op in select(&["add", "replace"])) {
        let kind = user_type();
        let body = json!({"Operations": [with_op(operation, op)]});
        let first = Patch::parse(&kind, &body, &tolerant()).expect("it fits");
        let printed = Patch::parse(&kind, &first.to_json(), &tolerant()).expect("it is one");
        prop_assert_eq!(&printed, &first);
        let (mut a, mut b) = (person.clone(), person);
        prop_assert_eq!(first.apply(&kind, &mut a, &tolerant()), printed.apply(&kind, &mut b, &tolerant()));
        prop_assert_eq!(a, b);
    }

    #[test]
    fn looking_twice_shows_the_same(person in person(), names in subsequence(vec!["userName", "name.givenName", "emails.value", "emails", "title", "id", ENTERPRISE, "nothing"], 0..5), only in any::<bool>()) {
        let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
        let (attributes, excluded) = if only { (names, Vec::new()) } else { (Vec::new(), names) };
        let view = View::new(&user_type(), &attributes, &excluded, &strict()).expect("one of both");
        let seen = view.of(&person);
        prop_assert_eq!(&view.of(&seen), &seen);
        prop_assert!(seen.contains_key("schemas") && seen.contains_key("id"));
        for (name, value) in &seen {
            prop_assert!(person.contains_key(name) && (person[name] == *value || value.is_object() || value.is_array()));
        }
    }

    #[test]
    fn paging_by_cursor_visits_each_once_whatever_comes_and_goes(
        people in proptest::collection::btree_map("[a-z]{1,3}", (proptest::option::of(select(WORDS)), any::<bool>()), 0..20),
        gone in proptest::collection::vec(any::<prop::sample::Index>(), 0..4),
        come in proptest::collection::vec("[a-z]{4}", 0..4),
        count in 1..5_usize,
        sort in select(&["", "&sortBy=title", "&sortBy=title&sortOrder=descending", "&sortBy=active", "&sortBy=userName&sortOrder=descending"]),
    ) {
        let someone = |id: &str, title: Option<&str>, active: bool| object(json!({"id": id, "userName": id, "title": title, "active": active}));
        let mut all: Vec<Map<String, Value>> = people.iter().map(|(id, (title, active))| someone(id, *title, *active)).collect();
        let mut stays: Vec<String> = people.keys().cloned().collect();
        let mut seen: Vec<String> = Vec::new();
        let (mut cursor, mut turn) = (String::new(), 0);
        loop {
            let query = format!("cursor={cursor}&count={count}{sort}&filter=userName%20pr");
            let listing = ListRequest::from_query(&query, &strict()).unwrap().of(&user_type(), &strict()).unwrap();
            let page = listing.answer(&all, 100).expect("its own cursor");
            prop_assert!(page.resources.len() <= count && page.total == Some(all.len()));
            seen.extend(page.resources.iter().map(|one| one["id"].as_str().unwrap().to_owned()));
            let Some(next) = page.next else { break };
            prop_assert_eq!(page.resources.len(), count, "only the last page is short");
            cursor = next;
            if let Some(index) = gone.get(turn) && !all.is_empty() {
                let id = all.remove(index.index(all.len()))["id"].as_str().unwrap().to_owned();
                stays.retain(|one| *one != id);
            }
            if let Some(id) = come.get(turn) {
                all.push(someone(id, Some("a"), true));
            }
            turn += 1;
        }
        for id in &stays {
            prop_assert_eq!(seen.iter().filter(|one| *one == id).count(), 1, "{}", id);
        }
        let mut once = seen.clone();
        once.sort();
        once.dedup();
        prop_assert!(once.len() == seen.len() || come.iter().any(|id| seen.iter().filter(|one| *one == id).count() > 1));
    }

    #[test]
    fn paging_back_shows_the_same_pages_from_the_last_to_the_first(
        people in proptest::collection::btree_map("[a-z]{1,3}", proptest::option::of(select(WORDS)), 0..20),
        count in 1..5_usize,
        sort in select(&["", "&sortBy=title", "&sortBy=title&sortOrder=descending"]),
    ) {
        let all: Vec<Map<String, Value>> =
            people.iter().map(|(id, title)| object(json!({"id": id, "userName": id, "title": title}))).collect();
        let page = |cursor: &str| {
            let query = format!("cursor={cursor}&count={count}{sort}");
            let listing = ListRequest::from_query(&query, &strict()).unwrap().of(&user_type(), &strict()).unwrap();
            listing.answer(&all, 100).expect("its own cursor")
        };
        let mut forward = vec![page("")];
        prop_assert!(forward[0].previous.is_none(), "nothing is before the first");
        while let Some(next) = &forward[forward.len() - 1].next {
            forward.push(page(next));
        }
        for at in (1..forward.len()).rev() {
            let before = page(forward[at].previous.as_ref().expect("one is before it"));
            prop_assert_eq!(&before.resources, &forward[at - 1].resources);
            prop_assert_eq!(before.previous.is_some(), at > 1);
            let again = page(before.next.as_ref().expect("one is behind it"));
            prop_assert_eq!(&again.resources, &forward[at].resources);
        }
    }

    #[test]
    fn paging_by_index_visits_each_once(n in 0..20_usize, count in 1..7_usize) {
        let all: Vec<Map<String, Value>> = (0..n).map(|id| object(json!({"id": id.to_string(), "userName": "x"}))).collect();
        let mut seen = Vec::new();
        let mut start = 1;
        loop {
            let query = format!("startIndex={start}&count={count}");
            let page = ListRequest::from_query(&query, &strict()).unwrap().of(&user_type(), &strict()).unwrap().answer(&all, 100).unwrap();
            prop_assert_eq!((page.total, page.start, page.next), (Some(n), Some(start), None));
            if page.resources.is_empty() {
                break;
            }
            start += page.resources.len();
            seen.extend(page.resources);
        }
        prop_assert_eq!(seen.len(), n);
    }
}

#[test]
fn a_cursor_of_another_list_is_refused_and_a_count_of_nothing_is_nothing() {
    let all = [ada()];
    let ask = |query: &str| ListRequest::from_query(query, &strict()).unwrap().of(&user_type(), &strict()).unwrap().answer(&all, 100);
    assert!(ask("cursor=AAAA").is_err());
    let none = ask("count=0").unwrap();
    assert_eq!((none.total, none.resources.len()), (Some(1), 0));
    assert_eq!(ask("startIndex=99").unwrap().resources.len(), 0);
}
