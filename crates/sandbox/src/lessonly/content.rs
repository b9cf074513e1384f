use axum::response::Response;
use serde_json::{Value, json};

use super::wire::{self, Refusal};

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

    /// The ids there are.  Content is made in the vendor's own pages only, and is the same in every sandbox.
    pub(super) fn ids(self) -> std::ops::RangeInclusive<u64> {
        1..=self.titles().len() as u64
    }

    /// No source names the members of content: `title`, and `name` with the same text (CHOSEN).
    fn record(self, id: u64) -> Value {
        let title = self.titles()[id as usize - 1];
        json!({ "id": id, "resource_type": self.singular(), "title": title, "name": title, "archived_at": null })
    }
}

const TAGS: [&str; 3] = ["compliance", "onboarding", "sales"];

/// GET /lessons, /paths, /courses: all of them, by id.
pub(super) async fn list(kind: Kind) -> Response {
    let all: Vec<Value> = kind.ids().map(|id| kind.record(id)).collect();
    wire::ok(json!({ "type": kind.plural(), kind.plural(): all }))
}

/// GET /lessons/:id, /paths/:id, /courses/:id.
pub(super) async fn show(kind: Kind, id: &str) -> Result<Response, Refusal> {
    let id = known(kind, id)?;
    Ok(wire::ok(wire::typed(kind.singular(), kind.record(id))))
}

/// GET /tags.
pub(super) async fn tags() -> Response {
    let tags: Vec<Value> = TAGS.iter().zip(1..).map(|(name, id)| json!({ "id": id, "name": name })).collect();
    wire::ok(json!({ "type": "tags", "tags": tags }))
}

/// The id in a path, if there is such content.
pub(super) fn known(kind: Kind, id: &str) -> Result<u64, Refusal> {
    wire::id(id).filter(|id| kind.ids().contains(id)).ok_or_else(|| Refusal::missing(kind.singular()))
}

/// GET /ping.
pub(super) async fn ping() -> Response {
    wire::ok(json!({ "response": "pong" }))
}
