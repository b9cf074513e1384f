use std::collections::BTreeMap;

use axum::response::Response;
use serde_json::{Value, json};

use super::Api;
use super::state::State;
use super::wire::{self, Refusal, Segment};

/// What can be assigned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Kind {
    Lesson,
    Path,
    Course,
}

impl Kind {
    /// As an assignment names it.
    pub(super) fn assignable_type(self) -> &'static str {
        match self {
            Self::Lesson => "Lesson",
            Self::Path => "LearningPaths::Path",
            Self::Course => "Course",
        }
    }

    pub(super) fn from_assignable_type(text: &str) -> Option<Self> {
        [Self::Lesson, Self::Path, Self::Course].into_iter().find(|kind| kind.assignable_type() == text)
    }

    pub(super) fn singular(self) -> &'static str {
        match self {
            Self::Lesson => "lesson",
            Self::Path => "path",
            Self::Course => "course",
        }
    }

    fn plural(self) -> &'static str {
        match self {
            Self::Lesson => "lessons",
            Self::Path => "paths",
            Self::Course => "courses",
        }
    }

    fn titles(self) -> &'static [&'static str] {
        match self {
            Self::Lesson => {
                &["Security Basics", "Code of Conduct", "Product Tour", "Handling Customer Data", "Giving Feedback", "Expense Reports"]
            }
            Self::Path => &["New Manager Path"],
            Self::Course => &["Welcome to Acme", "Sales Onboarding"],
        }
    }

    /// The kind that a record's `resource_type` names.
    pub(super) fn from_word(word: &str) -> Option<Self> {
        [Self::Lesson, Self::Path, Self::Course].into_iter().find(|kind| kind.singular() == word)
    }

    /// The ids of the standard content.  Content is made in the vendor's own pages only, and is the same in every sandbox that does not stand in for a tenant.
    fn ids(self) -> std::ops::RangeInclusive<u64> {
        1..=self.titles().len() as u64
    }

    /// A list item.  The documents name no members; `name` is the title once more (CHOSEN), the others are what the vendor's
    /// own clients read.
    fn record(self, subdomain: &str, id: u64) -> Value {
        let (title, singular) = (self.titles()[id as usize - 1], self.singular());
        let slug = title.to_lowercase().replace(' ', "-");
        let (overview, shareable) = (self.plural(), singular);
        let mut record = json!({
            "id": id,
            "resource_type": singular,
            "title": title,
            "name": title,
            "description": null,
            "public": false,
            "created_at": MADE,
            "last_updated_at": MADE,
            "archived_at": null,
            "archived_by_user_id": null,
            "tags": [tag(id % TAGS.len() as u64 + 1)],
            "links": {
                "overview": format!("https://{subdomain}.lessonly.com/{overview}/{id}-{slug}"),
                "shareable": format!("https://{subdomain}.lessonly.com/{shareable}/{id}-{slug}"),
            },
        });
        match self {
            Self::Lesson => record["retake_score"] = 80.into(),
            Self::Path => record["published_at"] = MADE.into(),
            Self::Course => {}
        }
        record
    }

    /// What is in it, as the whole record says: lessons, in their order.
    fn parts(self) -> Option<(&'static str, Vec<Value>)> {
        let name = match self {
            Self::Lesson => return None,
            Self::Path => "contents",
            Self::Course => "lessons",
        };
        let lesson = |id: u64| {
            let title = Self::Lesson.titles()[id as usize - 1];
            json!({ "id": id, "resource_type": "lesson", "title": title, "archived_at": null, "archived_by_user_id": null })
        };
        Some((name, [1, 2].map(lesson).to_vec()))
    }
}

/// What can be assigned.
#[derive(Debug)]
pub(super) enum Catalog {
    /// What every company has.
    Standard,
    /// What the records of a tenant show, as they show it.
    Shown(BTreeMap<(Kind, u64), Value>),
}

impl Catalog {
    /// Whether there is such content.
    pub(super) fn has(&self, kind: Kind, id: u64) -> bool {
        match self {
            Self::Standard => kind.ids().contains(&id),
            Self::Shown(shown) => shown.contains_key(&(kind, id)),
        }
    }

    /// All of a kind, by id.
    fn all(&self, kind: Kind, subdomain: &str) -> Vec<Value> {
        match self {
            Self::Standard => kind.ids().map(|id| kind.record(subdomain, id)).collect(),
            Self::Shown(shown) => shown.range((kind, 0)..=(kind, u64::MAX)).map(|(_, record)| record.clone()).collect(),
        }
    }

    /// The whole record of content that there is; in what a tenant's records show, what is in it is not known.
    fn whole(&self, kind: Kind, subdomain: &str, id: u64) -> Value {
        match self {
            Self::Standard => {
                let mut record = kind.record(subdomain, id);
                if let Some((name, parts)) = kind.parts() {
                    record[name] = parts.into();
                }
                record
            }
            Self::Shown(shown) => shown.get(&(kind, id)).cloned().unwrap_or_else(|| json!({ "id": id })),
        }
    }
}

/// When the company's content was made.
const MADE: &str = "2023-12-29T09:00:00Z";

const TAGS: [&str; 3] = ["compliance", "onboarding", "sales"];

fn tag(id: u64) -> Value {
    json!({ "id": id, "resource_type": "tag", "name": TAGS[id as usize - 1] })
}

/// GET /lessons, /paths, /courses: all of them, by id.
pub(super) async fn list(kind: Kind, api: &Api) -> Response {
    let all = api.app.backend.read(|state| state.catalog.all(kind, &api.app.subdomain));
    wire::ok(json!({ "type": kind.plural(), kind.plural(): all }))
}

/// GET /lessons/:id, /paths/:id, /courses/:id: with what is in it and how many have done it.
pub(super) async fn show(kind: Kind, api: &Api, id: &str) -> Result<Response, Refusal> {
    let id = known(api, kind, id)?;
    let mut record = api.app.backend.read(|state| state.catalog.whole(kind, &api.app.subdomain, id));
    record["type"] = kind.singular().into();
    let (assigned, completed) = api.app.backend.read(|state| (state.assignments_of(kind, id).len(), completed(state, kind, id)));
    record["assignees_count"] = assigned.into();
    record["completed_count"] = completed.into();
    Ok(wire::ok(record))
}

/// How many have completed it.
pub(super) fn completed(state: &State, kind: Kind, content: u64) -> usize {
    let ids = state.assignments_of(kind, content).iter();
    ids.filter(|id| state.assignments[id].completed_at.is_some()).count()
}

/// GET /tags.
pub(super) async fn tags() -> Response {
    let tags: Vec<Value> = (1..=TAGS.len() as u64).map(tag).collect();
    wire::ok(json!({ "type": "tags", "tags": tags }))
}

/// GET /tags/:id.
pub(super) async fn show_tag(Segment(id): Segment) -> Result<Response, Refusal> {
    let id = wire::id(&id).filter(|id| (1..=TAGS.len() as u64).contains(id)).ok_or_else(|| Refusal::missing("tag"))?;
    let mut tag = tag(id);
    tag["type"] = "tag".into();
    Ok(wire::ok(tag))
}

/// The id in a path, if there is such content.
pub(super) fn known(api: &Api, kind: Kind, id: &str) -> Result<u64, Refusal> {
    let is_there = |id: &u64| api.app.backend.read(|state| state.catalog.has(kind, *id));
    wire::id(id).filter(is_there).ok_or_else(|| Refusal::missing(kind.singular()))
}

/// GET /ping.
pub(super) async fn ping() -> Response {
    wire::ok(json!({ "response": "pong" }))
}
