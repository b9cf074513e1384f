//! Assignments and content.

use jiff::SignedDuration;
use sandbox::Options;
use serde_json::{Value, json};

use crate::api::{Api, options};
use crate::{ids, keys, now};

#[tokio::test]
async fn a_record_has_its_members_and_the_vendor_s_words() {
    let api = Api::vendor_with(Options { people: Some(80), ..options() });
    let mut statuses = std::collections::BTreeSet::new();
    for id in 101..=180 {
        let (status, list) = api.get(&format!("/users/{id}/assignments?per_page=1")).await;
        assert_eq!((status, keys(&list), &list["type"]), (200, vec!["assignments", "type"], &json!("user_assignments")));
        for one in list["assignments"].as_array().unwrap() {
            let members = "assignable_id assignable_type assigned_at assignee_id completed_at due_by ext_uid id reassigned_at \
                           resource_type score started_at status updated_at";
            assert_eq!(keys(one).join(" "), members);
            assert_eq!(one["score"].is_null(), one["status"] != "Completed", "null until complete");
            statuses.insert(one["status"].as_str().unwrap().to_owned());
        }
    }
    assert_eq!(Vec::from_iter(statuses), ["Completed", "Grade Pending", "Incomplete", "Overdue"]);
}

#[tokio::test]
async fn all_assignments_are_paged_by_status_and_by_change() {
    let api = Api::vendor_with(Options { people: Some(80), ..options() });
    let (_, all) = api.get("/assignments?per_page=1000").await;
    let total = all["total_assignments"].as_u64().unwrap();
    assert_eq!((all["assignments"].as_array().unwrap().len() as u64, &all["total_pages"]), (total, &json!(1)));
    let mut sum = 0;
    for status in ["completed", "Incomplete", "overdue", "grade_pending", "Grade%20Pending", "grade-pending"] {
        let (code, list) = api.get(&format!("/assignments/{status}?per_page=10")).await;
        assert_eq!((code, &list["type"], &list["per_page"]), (200, &json!("assignments"), &json!(10)));
        sum += if status.to_lowercase().starts_with("grade") && status != "grade_pending" {
            0
        } else {
            list["total_assignments"].as_u64().unwrap()
        };
    }
    assert_eq!(sum, total);
    assert_eq!(api.get("/assignments/lost").await.0, 400);

    let id = all["assignments"][5]["assignee_id"].as_u64().unwrap();
    api.sandbox.clock().set(now() + SignedDuration::from_hours(1));
    let made = api.call("POST", "/paths/1/assignments", json!({ "assignments": [{ "assignee_id": id }] })).await.1;
    for after in ["2025-06-01T12:30:00Z", "2025-06-01T08:30:00-04:00", "2025-06-01T14:30:00%2B02:00", "2025-06-01%2012:30:00"] {
        for query in [format!("/assignments?gt[updated_at]={after}"), format!("/assignments/incomplete?gt%5Bupdated_at%5D={after}")] {
            let (status, list) = api.get(&query).await;
            assert_eq!((status, &list["assignments"], &list["total_assignments"]), (200, &made["assignments"], &json!(1)), "{query}");
        }
    }
    assert_eq!(api.richer("/assignments?gt[updated_at]=2000-01-01").await.1["total_assignments"], total + 1);
    assert_eq!(api.get("/assignments?gt[updated_at]=2025-06-01T13:00:00Z").await.1["assignments"], json!([]), "not at that moment");
    assert_eq!(api.get("/assignments?gt[updated_at]=yesterday").await.0, 400);
}

#[tokio::test]
async fn what_is_assigned_stays_until_it_is_completed() {
    let api = Api::vendor();
    let id = api.user("Jane Doe", "jane@example.com").await;
    for (n, plural, kind, singular) in
        [(1, "lessons", "Lesson", "lesson"), (2, "paths", "LearningPaths::Path", "path"), (3, "courses", "Course", "course")]
    {
        let path = format!("/{plural}/1/assignments");
        let body = |due: &str| json!({ "assignments": [{ "assignee_id": id.to_string(), "due_by": due, "notify": "false" }] });
        api.sandbox.clock().set(now());
        let (status, made) = api.call("POST", &path, body("2025-07-01")).await;
        assert_eq!((status, &made["type"]), (201, &json!(format!("update_{singular}_assignments"))));
        let first = &made["assignments"][0];
        assert_eq!((&first["id"], &first["assignable_type"], &first["assignable_id"]), (&json!(n), &json!(kind), &json!(1)));
        assert_eq!(
            (&first["due_by"], &first["status"], &first["score"]),
            (&json!("2025-07-01T00:00:00Z"), &json!("Incomplete"), &Value::Null)
        );

        api.sandbox.clock().set(now() + SignedDuration::from_hours(1));
        let (status, again) = api.call("PUT", &path, body("2026-01-01")).await;
        assert_eq!((status, &again["assignments"][0]), (200, first), "nothing changes, not even due_by: the old record");
        let mine = json!({ "assignments": [{ "assignable_id": 1, "assignable_type": kind, "due_by": "2026-01-01", "notify": false }] });
        let (status, again) = api.call("POST", &format!("/users/{id}/assignments"), mine.clone()).await;
        assert_eq!((status, &again["type"], &again["assignments"][0]), (201, &json!("create_user_assignments"), first));

        api.sandbox.complete(n, 100).unwrap();
        let (_, again) = api.call("POST", &format!("/users/{id}/assignments"), mine).await;
        let again = &again["assignments"][0];
        assert_eq!((&again["id"], &again["status"], &again["completed_at"]), (&first["id"], &json!("Incomplete"), &Value::Null));
        assert_eq!((&again["reassigned_at"], &again["due_by"]), (&json!("2025-06-01T13:00:00Z"), &json!("2026-01-01T00:00:00Z")));
        assert_eq!(again["assigned_at"], first["assigned_at"]);
        let (_, list) = api.get(&path).await;
        assert_eq!((&list["type"], &list["total_assignments"]), (&json!(format!("{singular}_assignments")), &json!(1)));
        assert_eq!(ids(&list["assignments"]), [n]);
    }
    let none = api.call("PUT", "/lessons/1/assignments", json!({ "assignments": [] })).await;
    assert_eq!(none, (200, json!({ "type": "update_lesson_assignments", "assignments": [] })));
    assert_eq!(api.call("PUT", "/lessons/1/assignments", json!({})).await.0, 400);
    assert_eq!(api.call("PUT", "/lessons/99/assignments", json!({ "assignments": [] })).await.0, 404);
}

#[tokio::test]
async fn content_has_what_clients_read_and_is_not_written() {
    let api = Api::vendor();
    let id = api.user("Jane Doe", "jane@example.com").await;
    let done = api.sandbox.assign(id, "Course", 1).unwrap();
    api.sandbox.complete(done, 80).unwrap();
    for (plural, singular, count) in [("lessons", "lesson", 6), ("paths", "path", 1), ("courses", "course", 2)] {
        for (status, list) in [api.get(&format!("/{plural}")).await, api.richer(&format!("/{plural}?page=9")).await] {
            assert_eq!((status, keys(&list)), (200, vec![plural, "type"]), "not paginated");
            assert_eq!((&list["type"], ids(&list[plural])), (&json!(plural), (1..=count).collect()), "by id");
            assert!(list[plural][0]["title"].is_string() && list[plural][0]["tags"].is_array());
        }
        let (status, one) = api.get(&format!("/{plural}/1")).await;
        assert_eq!((status, &one["type"], &one["resource_type"]), (200, &json!(singular), &json!(singular)));
        assert!(one["links"]["overview"].as_str().unwrap().starts_with("https://acme.lessonly.com/"));
        for (method, path) in [("POST", format!("/{plural}")), ("DELETE", format!("/{plural}/1")), ("PUT", format!("/{plural}/1"))] {
            assert_eq!(api.call(method, &path, json!({ "title": "x" })).await.0, 405, "{method} {path}");
        }
        assert_eq!(api.get(&format!("/{plural}/99")).await.0, 404);
    }
    assert_eq!(api.get("/paths/1").await.1["contents"][0]["resource_type"], "lesson");
    let (_, course) = api.get("/courses/1").await;
    assert_eq!((&course["assignees_count"], &course["completed_count"]), (&json!(1), &json!(1)));
    assert_eq!(course["lessons"].as_array().unwrap().len(), 2);
    let counted = api.richer("/courses/1/assignments/completed").await;
    assert_eq!(counted, (200, json!({ "type": "course_assignments_completed", "completed_count": 1 })));
    let (_, tags) = api.get("/tags").await;
    assert_eq!(keys(&tags["tags"][0]), ["id", "name", "resource_type"]);
    assert_eq!(api.get("/tags/1").await.1["type"], "tag");
    assert_eq!(api.get("/tags/99").await.0, 404);
    assert_eq!(api.richer("/ping").await, (200, json!({ "response": "pong" })));
    let group = api.group("Sales").await;
    assert_eq!(api.get(&format!("/groups/{group}/assignments")).await, (200, json!([])), "a bare array");
}
