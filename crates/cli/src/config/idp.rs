//! What belongs to an identity provider in `[source.X]`: the apps that it assigns, what its groups mean, for how long its word counts.

use std::collections::BTreeMap;

use engine::ScimPath;
use model::{AppName, GroupGives, IdpPolicy, SourceRole};

use super::section::{Section, Text};
use super::{Context, problem};

/// Reads it; none where nothing of it is said.
pub(super) fn read(context: &Context<'_>, section: &mut Section<'_>, role: Option<SourceRole>) -> Option<IdpPolicy> {
    let before = section.span.clone();
    let apps = section.texts("apps");
    let said_within = section.duration("said_within");
    let groups = section.section("groups");
    let any = apps.is_some() || said_within.is_some() || groups.is_some();
    if any && matches!(role, Some(SourceRole::Employment | SourceRole::Attributes)) {
        let what = "`apps`, `said_within` and `groups` are for identity providers";
        context.problems.add(what, &before, "another role", "give the source role = \"idp\", or take them out");
        return None;
    }
    let apps = apps.into_iter().flatten().filter_map(|name| app(context, &name)).collect();
    let groups = groups.map(|groups| self::groups(context, groups)).unwrap_or_default();
    any.then_some(IdpPolicy { apps, groups, said_within })
}

/// Says which of these are no paths into a SCIM record.
pub(super) fn paths<'a>(context: &Context<'_>, paths: impl Iterator<Item = &'a Text>) {
    for path in paths {
        if let Err(what) = ScimPath::parse(&path.text) {
            let next = "write it as name.givenName, emails[type eq \"work\"].value, or urn:…:User:department";
            context.problems.add(what, &path.span, "not a path", next);
        }
    }
}

/// `"LMS Sales" = { lessonly = { group = "Sales" }, absorb = { department = "Sales" } }`.
fn groups(context: &Context<'_>, mut section: Section<'_>) -> BTreeMap<String, BTreeMap<AppName, GroupGives>> {
    let mut all = BTreeMap::new();
    for (group, value) in section.rest() {
        let Some(mut apps) = section.below(&group.text, value) else { continue };
        let mut means = BTreeMap::new();
        for (name, value) in apps.rest() {
            let (Some(app), Some(mut gives)) = (app(context, &name), apps.below(&name.text, value)) else { continue };
            let mut text = |key| gives.text(key).map(|text| text.text);
            let read = GroupGives { department: text("department"), group: text("group"), role: text("role") };
            if read == GroupGives::default() {
                gives.missing("group", "say what it gives: group = \"…\", role = \"…\" or department = \"…\"");
            }
            gives.end();
            means.insert(app, read);
        }
        all.insert(group.text, means);
    }
    all
}

fn app(context: &Context<'_>, name: &Text) -> Option<AppName> {
    if context.apps.contains(&name.text.as_str()) {
        return Some(name.text.as_str().into());
    }
    let next = match problem::nearest(&name.text, context.apps.iter().copied()) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => format!("apps here: {}", context.apps.join(", ")),
    };
    context.problems.add(format!("there is no app \"{}\"", name.text), &name.span, "not an app", next);
    None
}
