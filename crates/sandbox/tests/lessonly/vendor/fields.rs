//! Custom user fields that are made by writing them.

use sandbox::lessonly::{Config, VENDOR};
use serde_json::{Value, json};

use crate::api::{Api, options};

fn values(user: &Value) -> Vec<(u64, &str, &str)> {
    let data = user["custom_user_field_data"].as_array().unwrap();
    data.iter()
        .map(|field| {
            assert_eq!(field.as_object().unwrap().len(), 4);
            let text = |name: &str| field[name].as_str().unwrap();
            (field["custom_user_field_id"].as_u64().unwrap(), text("name"), text("value"))
        })
        .collect()
}

#[tokio::test]
async fn a_field_that_is_unknown_by_name_is_made() {
    let declared_fields = vec!["Cost Center".to_owned()];
    let api = Api::with(Config { options: options(), profile: &VENDOR, declared_fields, ..Config::default() });
    let fields = json!([{ "name": "Cost Centre", "value": 4711 }, { "name": "Cost Center", "value": "EU" }]);
    let (status, user) =
        api.call("POST", "/users", json!({ "name": "Jane", "email": "jane@example.com", "custom_user_fields": fields })).await;
    assert_eq!((status, values(&user)), (201, vec![(1, "Cost Center", "EU"), (2, "Cost Centre", "4711")]), "the typo too");
    let id = &user["custom_user_field_data"][1]["id"];
    assert!(id.is_u64() && *id != user["custom_user_field_data"][0]["id"]);

    // Made for all: by number, by name, under the other key and in the other spelling.
    let path = |user: &Value| format!("/users/{}", user["id"]);
    let (_, john) = api.call("POST", "/users", json!({ "name": "John", "email": "john@example.com" })).await;
    let (_, john) =
        api.call("PUT", &path(&john), json!({ "custom_user_fields": [{ "custom_user_field_id": "2", "value": "x" }] })).await;
    assert_eq!(values(&john), [(2, "Cost Centre", "x")]);
    let (_, john) = api.call("PUT", &path(&john), json!({ "custom_user_field_data": { "Team": true, "Cost Centre": "y" } })).await;
    assert_eq!(values(&john), [(2, "Cost Centre", "y"), (3, "Team", "true")]);
    let (_, john) = api.call("PUT", &path(&john), json!({ "custom_user_fields": [{ "name": "Team", "value": null }] })).await;
    assert_eq!(values(&john), [(2, "Cost Centre", "y")], "taken away; what is not mentioned stays");
    let (_, again) = api.call("PUT", &path(&user), json!({ "custom_user_fields": [{ "name": "Team", "value": "A" }] })).await;
    assert_eq!(values(&again)[2], (3, "Team", "A"), "the field stays when its last value goes");
    assert_eq!(api.richer("/users").await.1["users"][1]["custom_user_field_data"], again["custom_user_field_data"]);
}

#[tokio::test]
async fn a_number_that_is_no_field_s_makes_none() {
    let api = Api::vendor();
    let fields =
        json!([{ "custom_user_field_id": 1, "value": "x" }, { "custom_user_field_id": 2, "value": "y" }, { "name": "", "value": "z" }]);
    let (status, user) =
        api.call("POST", "/users", json!({ "name": "Jane", "email": "jane@example.com", "custom_user_fields": fields })).await;
    assert_eq!((status, values(&user)), (201, Vec::new()));
    for wrong in [json!("x"), json!([1]), json!([{ "value": "x" }]), json!([{ "name": "A" }]), json!([{ "name": "A", "value": [] }])] {
        let (status, _) = api.call("PUT", &format!("/users/{}", user["id"]), json!({ "custom_user_fields": wrong })).await;
        assert_eq!(status, 400, "{wrong}");
    }
}

#[tokio::test]
async fn a_field_keeps_its_number_over_restarts() {
    let dir = tempfile::tempdir().unwrap();
    let open = |declared: &[&str]| {
        let mut options = options();
        options.data = Some(dir.path().join("lessonly"));
        let declared_fields = declared.iter().map(|name| (*name).to_owned()).collect();
        Api::with(Config { options, profile: &VENDOR, declared_fields, ..Config::default() })
    };
    let write = async |api: &Api, fields: Value| {
        let email = format!("n{}@example.com", api.get("/users").await.1["total_users"]);
        api.call("POST", "/users", json!({ "name": "x", "email": email, "custom_user_fields": fields })).await.1
    };
    let api = open(&["A", "B"]);
    let user = write(&api, json!({ "C": "1", "B": "2" })).await;
    assert_eq!(values(&user), [(2, "B", "2"), (3, "C", "1")]);
    drop(api);
    let api = open(&["D", "B", "A"]);
    let user = write(&api, json!({ "A": "a", "B": "b", "C": "c", "D": "d", "E": "e" })).await;
    let mut names: Vec<&str> = values(&user).iter().map(|(_, name, _)| *name).collect();
    names.sort_unstable();
    assert_eq!(names, ["A", "B", "C", "D", "E"]);
    assert_eq!(values(&user)[1..3], [(2, "B", "b"), (3, "C", "c")], "as before the restart");
}
