//! Groups: members as providers send them, told to both sides.

use serde_json::{Value, json};

use crate::desk::{Desk, Said};

fn members(said: &Said) -> Vec<String> {
    let of = said.json();
    let all = of["members"].as_array().map_or(&[][..], Vec::as_slice);
    all.iter().map(|member| member["value"].as_str().expect("an id").to_owned()).collect()
}

fn group(desk: &Desk, name: &str, members: &[&str]) -> String {
    let members: Vec<Value> = members.iter().map(|id| json!({ "value": id })).collect();
    let body = json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": name, "members": members });
    let said = desk.post("/Groups", &body);
    assert_eq!(said.status, 201, "{said:?}");
    said.json()["id"].as_str().expect("an id").to_owned()
}

#[test]
fn members_come_and_go_in_all_the_ways_there_are() {
    let desk = Desk::new("okta");
    let (a, b, c) = (desk.user("a@x.example"), desk.user("b@x.example"), desk.user("c@x.example"));
    let g = group(&desk, "Sales", &[&a]);
    let at = format!("/Groups/{g}");
    let shown = desk.get(&at).json();
    assert_eq!(shown["members"][0]["$ref"], json!(format!("{}/Users/{a}", desk.url)));
    let change = |operations: Value| {
        let said = desk.patch(&at, &operations);
        assert_eq!(said.status, 200, "{said:?}");
        members(&desk.get(&at))
    };
    assert_eq!(change(json!([{ "op": "Add", "path": "members", "value": [{ "value": b }, { "value": a }] }])), [a.clone(), b.clone()]);
    assert_eq!(change(json!([{ "op": "remove", "path": format!("members[value eq \"{a}\"]") }])), [b.as_str()]);
    assert_eq!(
        change(
            json!([{ "op": "remove", "path": "members", "value": [{ "value": b }] }, { "op": "add", "path": "members", "value": [{ "value": c }] }])
        ),
        [c.as_str()]
    );
    assert_eq!(
        change(json!([{ "op": "replace", "path": "members", "value": [{ "value": a }, { "value": c }] }])),
        [a.clone(), c.clone()]
    );
    assert_eq!(change(json!([{ "op": "replace", "value": { "displayName": "Support", "members": [{ "value": b }] } }])), [b.as_str()]);
    assert_eq!(change(json!([{ "op": "remove", "path": "members" }])), [""; 0]);
    assert_eq!(desk.get(&at).json()["displayName"], "Support");

    // Both sides say the same, and what is asked for only is looked up only then.
    desk.patch(&at, &json!([{ "op": "add", "path": "members", "value": [{ "value": a, "display": "Ann" }] }]));
    assert_eq!(
        desk.get(&format!("/Users/{a}")).json()["groups"],
        json!([
            { "value": g, "$ref": format!("{}{at}", desk.url), "display": "Support", "type": "direct" }
        ])
    );
    assert!(desk.get(&format!("{at}?excludedAttributes=members")).json().get("members").is_none());
    assert_eq!(desk.get(&format!("/Groups?filter=members%20eq%20%22{a}%22")).json()["totalResults"], 1);
    assert_eq!(desk.get(&format!("/Users?filter=groups.value%20eq%20%22{g}%22")).json()["Resources"][0]["id"], json!(a));

    // Put again as it is: nothing changed, and its version says so.
    let whole = desk.get(&at).json();
    let put = desk.send("PUT", &at, &[], Some(&whole));
    assert_eq!((put.status, put.json()["meta"]["version"].clone()), (200, whole["meta"]["version"].clone()));
    assert_eq!(desk.send("DELETE", &format!("/Users/{a}"), &[], None).status, 204);
    assert_eq!(members(&desk.get(&at)), [""; 0], "who is deleted is in no group");
    assert_eq!(desk.send("DELETE", &at, &[], None).status, 204);
    desk.get(&at).is_error(404, None);
}

#[test]
fn a_large_group_is_changed_a_member_at_a_time() {
    let desk = Desk::new("entra");
    let many: Vec<Value> = (0..5000).map(|n| json!({ "value": format!("member-{n}") })).collect();
    let g = group(&desk, "Everybody", &[]);
    let at = format!("/Groups/{g}");
    let said = desk.patch(&at, &json!([{ "op": "add", "path": "members", "value": many }]));
    assert_eq!((said.status, said.body.as_str()), (204, ""), "Entra takes nothing for an answer");
    let said = desk.patch(&at, &json!([{ "op": "Remove", "path": "members[value eq \"member-17\"]" }]));
    assert_eq!(said.status, 204);
    assert_eq!(members(&desk.get(&at)).len(), 4999);
    let listed = desk.get("/Groups?excludedAttributes=members&filter=displayName%20eq%20%22everybody%22").json();
    assert_eq!(listed["Resources"][0]["id"], json!(g));
}

#[test]
fn to_the_letter_somebody_who_is_not_there_cannot_be_taken_out() {
    let desk = Desk::new("strict");
    let g = group(&desk, "Sales", &[]);
    desk.patch(&format!("/Groups/{g}"), &json!([{ "op": "remove", "path": "members[value eq \"nobody\"]" }]))
        .is_error(400, Some("noTarget"));
}

#[test]
fn a_group_is_made_once() {
    let desk = Desk::new("entra");
    let named = |name: &str, external: Option<&str>| {
        let mut body = json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": name });
        if let Some(external) = external {
            body["externalId"] = external.into();
        }
        desk.post("/Groups", &body)
    };
    for external in [None, Some("g-1")] {
        assert_eq!(named("Sales", external).status, 201);
        named("sales", external).is_error(409, Some("uniqueness"));
    }
    assert_eq!(named("Sales", Some("g-2")).status, 201, "another one of the provider's");
}

/// Who has the version of a group has its members.
#[test]
fn a_group_that_somebody_is_deleted_from_is_another_version() {
    let desk = Desk::new("okta");
    let (a, b) = (desk.user("a@x.example"), desk.user("b@x.example"));
    let at = format!("/Groups/{}", group(&desk, "Sales", &[&a, &b]));
    let before = desk.get(&at);
    let tag = before.header("etag").expect("a tag").to_owned();
    assert_eq!(desk.send("DELETE", &format!("/Users/{a}"), &[], None).status, 204);
    let after = desk.send("GET", &at, &[("If-None-Match", &tag)], None);
    assert_eq!((after.status, members(&after)), (200, vec![b]));
}

/// RFC 7644, section 3.5.2.1: who is in it already is not put in, however many are named.
#[test]
fn what_changes_no_member_makes_no_new_version() {
    for (dialect, most) in [("okta", 25), ("strict", 1200)] {
        let desk = Desk::new(dialect);
        let names = |prefix: &str| (0..most).map(|n| format!("{prefix}{n}")).collect::<Vec<_>>();
        let (ids, strangers) = (names("in-"), names("out-"));
        let at = format!("/Groups/{}", group(&desk, "Sales", &ids.iter().map(String::as_str).collect::<Vec<_>>()));
        let tag = || desk.get(&at).header("etag").expect("a tag").to_owned();
        let before = tag();
        let listed = |ids: &[String]| ids.iter().map(|id| json!({ "value": id })).collect::<Vec<_>>();
        for operation in [
            json!({ "op": "add", "path": "members", "value": listed(&ids) }),
            json!({ "op": "replace", "path": "members", "value": listed(&ids) }),
        ] {
            assert_eq!(desk.patch(&at, &json!([operation])).status, 200);
            assert_eq!(tag(), before, "{dialect}");
        }
        let taken: Vec<Value> =
            strangers.iter().map(|id| json!({ "op": "remove", "path": format!("members[value eq \"{id}\"]") })).collect();
        let said = desk.patch(&at, &taken.into());
        if dialect == "strict" {
            said.is_error(400, Some("noTarget"));
        }
        assert_eq!(tag(), before, "{dialect}");
        let some: Vec<String> = ids[..most / 2].iter().chain(&strangers).cloned().collect();
        assert_eq!(desk.patch(&at, &json!([{ "op": "replace", "path": "members", "value": listed(&some) }])).status, 200);
        assert_eq!((members(&desk.get(&at)).len(), tag() == before), (some.len(), false));
    }
}
