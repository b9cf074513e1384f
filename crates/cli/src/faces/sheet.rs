//! Plans and findings in the format asked for; the rendering is `plan`'s.

use model::Plan;
use plan::render::{Document, html, markdown, text};
use serde_json::{Value, json};
use store::PlanSummary;

use super::Format;

/// A document in any format but JSON.
pub(crate) fn sheet<'a>(format: Format, document: impl Into<Document<'a>>, colour: bool) -> String {
    match format {
        Format::Markdown => markdown(document),
        Format::Html => html(document),
        Format::Text | Format::Json | Format::Csv => text(document, colour),
    }
}

/// A plan as JSON: where it stands, and the plan itself.
pub(crate) fn plan_json(stands: &PlanSummary, plan: &Plan) -> Value {
    json!({
        "digest": stands.digest,
        "class": stands.class,
        "status": stands.status,
        "steps": stands.steps,
        "asker": stands.asker,
        "created": stands.created,
        "expires": stands.expires,
        "plan": plan,
    })
}
