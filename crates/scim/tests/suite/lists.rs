//! Lists: what is asked for, in which order, page by page.

use scim::{Leniency, ListRequest, ListResponse, Page, ResourceType, ScimType, Sort, SortKey, cursor};
use serde_json::json;

use crate::common::{Resource, ada, object, refused, strict, tolerant, user_type};

#[test]
fn a_query_and_a_search_say_the_same() {
    let query = "filter=userName%20sw%20%22a%22+and+title%20pr&sortBy=name.familyName&sortOrder=descending&startIndex=11&count=5&attributes=userName,%20title&x=y";
    let body = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": "userName sw \"a\" and title pr",
        "sortBy": "name.familyName", "sortOrder": "descending", "startIndex": 11, "count": 5, "attributes": ["userName", "title"]});
    let asked = ListRequest::from_query(query, &strict()).unwrap();
    assert_eq!(asked, ListRequest::from_search(&body, &strict()).unwrap());
    let listing = asked.of(&user_type(), &strict()).unwrap();
    assert_eq!((listing.page.clone(), listing.count), (Page::Index(11), Some(5)));
    assert!(listing.filter.as_ref().unwrap().matches(&ada()) && listing.view.shows("title") && !listing.view.shows("name"));
    assert_eq!(refused(ListRequest::from_search(&json!({"filter": "x"}), &strict())), Some(ScimType::InvalidSyntax));
    assert!(ListRequest::from_search(&json!({"filter": "x"}), &tolerant()).is_ok());
}

#[test]
fn numbers_out_of_range_are_brought_into_it_and_what_is_none_is_refused() {
    let asked = ListRequest::from_query("startIndex=-3&count=-1", &strict()).unwrap();
    assert_eq!((asked.start, asked.count), (Some(1), Some(0)));
    let bad = |query: &str, leniency: &Leniency| refused(ListRequest::from_query(query, leniency));
    assert_eq!(bad("startIndex=one", &strict()), Some(ScimType::InvalidValue));
    assert_eq!(bad("count=many", &strict()), Some(ScimType::InvalidCount));
    assert_eq!(bad("sortOrder=up", &strict()), Some(ScimType::InvalidValue));
    assert_eq!(bad("cursor=x&startIndex=1", &strict()), Some(ScimType::InvalidValue));
    assert_eq!(bad("cursor&count=0", &strict()), Some(ScimType::InvalidCount));
    let first = ListRequest::from_query("cursor&count=10", &strict()).unwrap();
    assert_eq!(first.of(&user_type(), &strict()).unwrap().page, Page::First);
    let both = ListRequest::from_query("CURSOR=abc&startIndex=1", &tolerant()).unwrap();
    assert_eq!(both.of(&user_type(), &tolerant()).unwrap().page, Page::Cursor("abc".into()));
}

#[test]
fn what_cannot_be_listed_by_is_refused() {
    let bad = |query: &str| refused(ListRequest::from_query(query, &strict()).unwrap().of(&user_type(), &strict()));
    assert_eq!(bad("filter=userName"), Some(ScimType::InvalidFilter));
    assert_eq!(bad("filter="), Some(ScimType::InvalidFilter));
    assert_eq!(bad("sortBy=shoeSize"), Some(ScimType::InvalidValue));
    assert_eq!(bad("sortBy=name"), Some(ScimType::InvalidValue));
    let group = ListRequest::from_query("filter=members%20pr%20or%20userName%20pr", &strict()).unwrap();
    assert_eq!(refused(group.of(&user_type(), &strict())), Some(ScimType::InvalidFilter));
    assert!(group.of_any(&user_type(), &strict()).unwrap().filter.unwrap().matches(&ada()));
}

fn someone(name: &str, title: Option<&str>, created: &str) -> Resource {
    object(json!({"id": name, "userName": name, "title": title, "meta": {"created": created}, "active": name.len() > 1,
        "emails": [{"value": "zzz"}, {"value": name, "primary": true}]}))
}

#[test]
fn sorting_goes_by_the_attributes_kind_and_its_case() {
    let people = [
        someone("b", Some("x"), "2026-01-01T00:00:00+02:00"),
        someone("A", None, "2025-12-31T23:00:00Z"),
        someone("cc", Some("X"), "2025-12-31T21:59:59Z"),
    ];
    let order = |by: &str, descending: bool| {
        let sort = Sort::parse(&user_type(), by, descending, &strict()).unwrap();
        let mut keys: Vec<(SortKey, &str)> = people.iter().map(|one| (sort.key(one), one["id"].as_str().unwrap())).collect();
        keys.sort_by(|a, b| sort.order(&a.0, &b.0));
        keys.iter().map(|(_, id)| *id).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(order("userName", false), "A b cc");
    assert_eq!(order("userName", true), "cc b A");
    assert_eq!(order("meta.created", false), "cc b A");
    assert_eq!(order("title", false), "b cc A", "without a value at the end");
    assert_eq!(order("title", true), "A b cc", "and at the beginning");
    assert_eq!(order("emails", false), "A b cc", "by the primary one");
    assert_eq!(order("active", false), "b A cc");
    assert_eq!(order("id", false), "A b cc");
}

#[test]
fn a_cursor_is_good_for_its_own_list_only() {
    let listing = |query: &str| ListRequest::from_query(query, &strict()).unwrap().of(&user_type(), &strict()).unwrap();
    let about = listing("filter=title%20pr&cursor").about();
    assert_eq!(about, listing("filter=TITLE%20%20PR&cursor=xyz&count=3").about());
    let sealed = cursor::seal("ada@example.com\u{0}7", &about);
    assert!(sealed.chars().all(|letter| letter.is_ascii_alphanumeric() || "-._~".contains(letter)), "{sealed}");
    assert_eq!(cursor::open(&sealed, &about).as_deref(), Ok("ada@example.com\u{0}7"));
    for other in [
        "filter=title%20pr%20or%20id%20pr",
        "",
        "filter=title%20pr&sortBy=title",
        "filter=title%20pr&sortBy=title&sortOrder=descending",
    ] {
        assert_eq!(refused(cursor::open(&sealed, &listing(other).about())), Some(ScimType::InvalidCursor), "{other}");
    }
    for broken in ["", "x", "é", &sealed[1..], &sealed[..sealed.len() - 2], "AAAAAAAAAAA"] {
        assert_eq!(refused(cursor::open(broken, &about)), Some(ScimType::InvalidCursor), "{broken}");
    }
}

#[test]
fn an_answer_is_written_and_read() {
    let answer = ListResponse { total: Some(7), resources: vec![ada()], start: Some(3), next: Some("n".into()), previous: None };
    let document = answer.clone().into_json();
    assert_eq!(document["itemsPerPage"], 1);
    assert_eq!(document["Resources"][0]["id"], "2819");
    assert!(document.get("previousCursor").is_none());
    assert_eq!(ListResponse::from_json(document), Ok(answer));
    assert_eq!(ListResponse::all(Vec::new()).into_json()["Resources"], json!([]));
    assert_eq!(ListResponse::from_json(json!({"totalResults": "0"})).unwrap().total, Some(0));
    for broken in [json!([]), json!({}), json!({"totalResults": 1, "Resources": [1]}), json!({"Resources": {}})] {
        assert!(ListResponse::from_json(broken.clone()).is_err(), "{broken}");
    }
    assert_eq!(ResourceType::group().endpoint, "/Groups");
}
