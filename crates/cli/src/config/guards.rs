//! `[guard.X]` and `[approval]`: when to wait for a person.

use std::collections::{BTreeMap, BTreeSet};

use model::{Approval, By, Effect, GuardRule, SourcePolicy, SourceRole, StandingApproval};

use super::Context;
use super::problem::{Problems, nearest};
use super::section::{Section, Text};
use super::sources::{is_name, unknown_source};

const DAY: i64 = 86_400;

/// Classes that hold without a guard: a guard of that name could not be told from them.
const TAKEN: [&str; 7] = ["admin", "adopt", "beyond_standing", "first_run", "freeze", "idp_first", "role_lowered"];

pub(super) fn effect(word: &str) -> Option<Effect> {
    Effect::ALL.into_iter().find(|effect| effect.word() == word)
}

fn effect_words() -> impl Iterator<Item = &'static str> + Clone {
    Effect::ALL.into_iter().map(Effect::word)
}

pub(super) fn unknown_effect(problems: &Problems, word: &Text, next_if_far: &str) {
    let next = match nearest(&word.text, effect_words()) {
        Some(near) => format!("did you mean `{near}`? {next_if_far}"),
        None => format!("{next_if_far} Effects are: {}", effect_words().collect::<Vec<_>>().join(", ")),
    };
    problems.add(format!("`{}` is not an effect", word.text), &word.span, "not known", next.trim());
}

/// All guards by name.
pub(super) fn guards(context: &Context<'_>, mut all: Section<'_>) -> BTreeMap<String, GuardRule> {
    let mut guards = BTreeMap::new();
    for (name, value) in all.rest() {
        let Some(section) = all.below(&name.text, value) else { continue };
        if !is_name(context, &name) {
            continue;
        }
        if let Some(rule) = guard(&name, section) {
            guards.insert(name.text, rule);
        }
    }
    guards
}

fn guard(name: &Text, mut section: Section<'_>) -> Option<GuardRule> {
    let problems = section.problems();
    if TAKEN.contains(&name.text.as_str()) && effect(&name.text).is_none() {
        let next = "give it another name, and say effect = \"…\": plans are held under this one for other reasons";
        problems.add(format!("a guard cannot be called `{}`", name.text), &name.span, "taken", next);
    }
    let counted = match section.text("effect") {
        Some(word) => effect(&word.text).or_else(|| {
            unknown_effect(problems, &word, "");
            None
        }),
        None if section.had("effect") => None,
        None => effect(&name.text).or_else(|| {
            unknown_effect(problems, name, "A guard is named after the effect it counts, or says effect = \"…\".");
            None
        }),
    };
    let by = section.word("by", &[("app", By::App), ("group", By::Group), ("department", By::Department)]).unwrap_or(By::App);
    let exempt = section.count("exempt").unwrap_or(0);
    let max = section.count("max");
    let percent_milli = section.percent("percent");
    let window = section.duration("window").unwrap_or(DAY);
    if max.is_none() && percent_milli.is_none() && !section.had("max") && !section.had("percent") {
        section.missing("max", "without `max` or `percent` it never trips; max = 0 makes every one wait");
    }
    if by == By::Group && counted.is_some_and(|effect| !matches!(effect, Effect::GroupGained | Effect::GroupLost)) {
        let next = "count group_gained or group_lost by group; others by app or department";
        problems.add("this effect is not about a group, so it cannot be counted by group", &section.span, "here", next);
    }
    section.end();
    Some(GuardRule { effect: counted?, by, exempt, max, percent_milli, window })
}

/// `[approval]`; a yes counts for a day unless it says otherwise.
pub(super) fn approval(
    section: Option<Section<'_>>,
    guards: &BTreeMap<String, GuardRule>,
    sources: &BTreeMap<&str, &SourcePolicy>,
) -> Approval {
    let Some(mut section) = section else {
        return Approval { expires: DAY, four_eyes: BTreeSet::new(), standing: Vec::new() };
    };
    let problems = section.problems();
    let expires = section.duration("expires").unwrap_or(DAY);
    let mut four_eyes = BTreeSet::new();
    for word in section.texts("four_eyes").unwrap_or_default() {
        match effect(&word.text).or_else(|| guards.get(&word.text).map(|rule| rule.effect)) {
            Some(effect) => {
                four_eyes.insert(effect);
            }
            None => unknown_effect(problems, &word, "`four_eyes` lists effects, or guards of this file."),
        }
    }
    let standing = section.sections("standing").into_iter().filter_map(|section| standing(section, sources, &four_eyes)).collect();
    section.end();
    Approval { expires, four_eyes, standing }
}

fn standing(
    mut section: Section<'_>,
    sources: &BTreeMap<&str, &SourcePolicy>,
    four_eyes: &BTreeSet<Effect>,
) -> Option<StandingApproval> {
    let problems = section.problems();
    let source = section.required("source", "whose changes may go on by themselves: source = \"hr\"");
    let source = source.and_then(|source| {
        match sources.get(source.text.as_str()) {
            Some(known) if known.role == SourceRole::Employment => return Some(source.text),
            Some(known) if known.idp.as_ref().is_some_and(|idp| !idp.apps.is_empty()) => return Some(source.text),
            Some(_) => {
                let next = "name the source with role = \"employment\", or an identity provider with `apps`";
                problems.add(
                    "a standing approval is for changes that the employment source brings",
                    &source.span,
                    "another role",
                    next,
                );
            }
            None => unknown_source(problems, &source, sources.keys().copied()),
        }
        None
    });
    let mut effects = BTreeSet::new();
    let words = section.texts("effects");
    if words.as_ref().is_none_or(Vec::is_empty) && !section.had("effects") {
        section.missing("effects", "only these may go on: effects = [\"record_changed\"]");
    }
    for word in words.unwrap_or_default() {
        match effect(&word.text) {
            Some(effect) if four_eyes.contains(&effect) => {
                let next = "take it out of one of the two: what needs two people is never approved ahead";
                problems.add(format!("`{}` is in `four_eyes`", word.text), &word.span, "and here", next);
            }
            Some(effect) => {
                effects.insert(effect);
            }
            None => unknown_effect(problems, &word, ""),
        }
    }
    let max = section.count("max");
    if max.is_none() && !section.had("max") {
        section.missing("max", "at most so many steps: max = 200");
    }
    let until = section.day("until");
    if until.is_none() && !section.had("until") {
        section.missing("until", "the last day it counts: until = \"2027-06-30\"");
    }
    section.end();
    Some(StandingApproval { source: source?.into(), effects, max: max?, until: until? })
}
