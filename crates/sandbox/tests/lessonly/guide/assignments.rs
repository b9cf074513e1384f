//! Assignments and content, as the guide has them.

use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::api::{Api, NOON};
use crate::{company, ids, now};

#[tokio::test]
async fn assignments_come_in_every_status_unpaginated_for_a_user() {
    let api = company(60);
    let mut statuses = std::collections::BTreeSet::new();
    for id in 101..=160 {
        let (status, list) = api.get(&format!("/users/{id}/assignments")).await;
        assert_eq!((status, &list["type"]), (200, &json!("assignments")));
        for one in list["assignments"].as_array().unwrap() {
            assert_eq!(one.as_object().unwrap().len(), 14);
            assert_eq!(one["assignee_id"], id);
            assert_eq!(one["score"].is_null(), one["status"] != "completed");
            statuses.insert(one["status"].as_str().unwrap().to_owned());
        }
    }
    assert_eq!(Vec::from_iter(statuses), ["completed", "grade pending", "incomplete", "overdue"]);

    // The whole list is paginated, and so is each status.
    let mut all = 0;
    for status in ["completed", "Grade_Pending", "INCOMPLETE", "overdue"] {
        for page in 1.. {
            let (_, list) = api.get(&format!("/assignments/{status}?page={page}")).await;
            let list = list["assignments"].as_array().unwrap().clone();
            assert!(list.len() <= 50);
            all += list.len();
            if list.len() < 50 {
                break;
            }
        }
    }
    let mut whole = Vec::new();
    for page in 1..=3 {
        whole.extend(ids(&api.get(&format!("/assignments?page={page}")).await.1["assignments"]));
    }
    assert_eq!(whole.len(), all);
    assert!(whole.is_sorted_by(|a, b| a > b));
    assert_eq!(api.get("/assignments/lost").await.0, 400);
}

#[tokio::test]
async fn assignments_changed_after_an_instant() {
    let api = Api::new();
    let id = api.user("Jane Doe", "jane@example.com").await;
    let first = api.sandbox.assign(id, "Lesson", 1).unwrap();
    api.sandbox.clock().set(now() + SignedDuration::from_hours(1));
    let second = api.sandbox.assign(id, "Lesson", 2).unwrap();
    let after = async |text: &str| api.get(&format!("/assignments?gt[updated_at]={text}")).await;
    assert_eq!(ids(&after(NOON).await.1["assignments"]), [second]);
    assert_eq!(ids(&after("2025-06-01").await.1["assignments"]), [second, first]);
    assert_eq!(after("yesterday").await.0, 400);
}

#[tokio::test]
async fn assigning_again_changes_nothing_until_it_is_completed() {
    let api = Api::new();
    let id = api.user("Jane Doe", "jane@example.com").await;
    let path = "/courses/1/assignments";
    let body = |due: &str| json!({ "assignments": [{ "assignee_id": id, "due_by": due, "notify": "true" }] });
    let (status, made) = api.call("POST", path, body("2025-07-01")).await;
    assert_eq!((status, &made["type"]), (201, &json!("create_course_assignments")));
    let first = &made["assignments"][0];
    assert_eq!((&first["due_by"], &first["status"]), (&json!("2025-07-01T00:00:00Z"), &json!("incomplete")));
    assert_eq!((&first["assignable_type"], &first["score"]), (&json!("Course"), &Value::Null));

    api.sandbox.clock().set(now() + SignedDuration::from_hours(1));
    let (status, again) = api.call("PUT", path, body("2026-01-01T08:00:00Z")).await;
    assert_eq!(status, 200);
    assert_eq!(&again["assignments"][0], first, "the old record, not even due_by changed");

    api.sandbox.complete(first["id"].as_u64().unwrap(), 100).unwrap();
    let (_, again) = api.call("PUT", path, body("2026-01-01T08:00:00+01:00")).await;
    let again = &again["assignments"][0];
    assert_eq!((&again["id"], &again["status"]), (&first["id"], &json!("incomplete")));
    assert_eq!(again["reassigned_at"], "2025-06-01T13:00:00Z");
    assert_eq!((&again["completed_at"], &again["due_by"]), (&Value::Null, &json!("2026-01-01T07:00:00Z")));
    let (_, listed) = api.get(path).await;
    assert_eq!((&listed["type"], ids(&listed["assignments"])), (&json!("course_assignments"), vec![1]));

    // The same somebody twice in one call is assigned once.
    let twice = json!({ "assignments": [{ "assignee_id": id }, { "assignee_id": id }] });
    let (_, twice) = api.call("POST", "/paths/1/assignments", twice).await;
    assert_eq!(ids(&twice["assignments"]), [2, 2]);
    assert_eq!(twice["assignments"][0]["assignable_type"], "LearningPaths::Path");
}

#[tokio::test]
async fn what_cannot_be_assigned_is_refused_whole() {
    let api = Api::new();
    let id = api.user("Jane Doe", "jane@example.com").await;
    let gone = api.user("John Doe", "john@example.com").await;
    api.sandbox.archive_user(gone).unwrap();
    for second in [json!({ "assignee_id": 9999 }), json!({ "assignee_id": gone }), json!({}), json!({ "assignee_id": "x" })] {
        let body = json!({ "assignments": [{ "assignee_id": id }, second] });
        assert_eq!(api.call("POST", "/lessons/1/assignments", body).await.0, 400, "{second}");
    }
    let wrong_due = json!({ "assignments": [{ "assignee_id": id, "due_by": "soon" }] });
    assert_eq!(api.call("POST", "/lessons/1/assignments", wrong_due).await.0, 400);
    assert_eq!(api.call("POST", "/lessons/1/assignments", json!({})).await.0, 400);
    assert_eq!(api.call("POST", "/lessons/99/assignments", json!({})).await.0, 404);
    for item in [
        json!({ "assignable_type": "Book", "assignable_id": 1 }),
        json!({ "assignable_type": "Lesson", "assignable_id": 99 }),
        json!({ "assignable_type": "Lesson" }),
    ] {
        let body = json!({ "assignments": [item] });
        assert_eq!(api.call("POST", &format!("/users/{id}/assignments"), body).await.0, 400, "{item}");
    }
    assert_eq!(api.sandbox.assignments().len(), 0);
}

#[tokio::test]
async fn a_group_s_assignments_are_a_bare_array() {
    let api = Api::new();
    let id = api.user("Jane Doe", "jane@example.com").await;
    let group = api.group("Sales").await;
    api.sandbox.update_user(id, json!({ "group_ids": [group] })).unwrap();
    let assignment = api.sandbox.assign(id, "Lesson", 1).unwrap();
    let (status, list) = api.get(&format!("/groups/{group}/assignments")).await;
    assert_eq!((status, ids(&list)), (200, vec![assignment]));
}

#[tokio::test]
async fn content_is_there_and_cannot_be_made() {
    let api = Api::new();
    let (_, lessons) = api.get("/lessons").await;
    assert_eq!(lessons["type"], "lessons");
    assert_eq!(lessons["lessons"][0]["title"], "Security Basics");
    assert!(ids(&lessons["lessons"]).is_sorted());
    let (_, course) = api.get("/courses/1").await;
    assert_eq!((&course["type"], &course["title"]), (&json!("course"), &json!("Welcome to Acme")));
    assert_eq!(api.get("/paths/1").await.0, 200);
    assert_eq!(api.get("/paths/0").await.0, 404);
    assert_eq!(api.get("/lessons/99").await.0, 404);
    assert_eq!(api.get("/tags").await.1["type"], "tags");
    assert_eq!(api.call("POST", "/courses", json!({ "title": "x" })).await.0, 405);
}
