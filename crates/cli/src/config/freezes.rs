//! `[[freeze]]`: when nothing is changed without a decision of its own.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use model::{AppName, Freeze, FreezeWindow};

use super::guards::{effect, unknown_effect};
use super::problem::{Problems, nearest};
use super::section::{Section, Text};

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const ONCE: &str =
    "write a day \"2026-12-20\", a time in the organization's zone \"2026-12-20T18:00\", or an instant \"2026-12-20T18:00:00Z\"";
const WEEKLY: &str = "write a time of the day: \"18:00\"";

/// All freezes, in the order of the file.
pub(super) fn freezes(top: &mut Section<'_>, zone: Option<&str>, apps: &BTreeSet<&AppName>) -> Vec<Freeze> {
    let zone = zone.and_then(|zone| TimeZone::get(zone).ok()).unwrap_or(TimeZone::UTC);
    top.sections("freeze").into_iter().filter_map(|section| freeze(section, &zone, apps)).collect()
}

fn freeze(mut section: Section<'_>, zone: &TimeZone, apps: &BTreeSet<&AppName>) -> Option<Freeze> {
    let problems = section.problems();
    let reason = section.required("reason", "why nothing is changed then, for whoever waits: reason = \"year-end closing\"");
    let days = section.texts("days");
    let (from, until) = (section.text("from"), section.text("until"));
    let when = match (&days, section.had("days")) {
        (Some(days), _) => weekly(&section, days, from.as_ref(), until.as_ref()),
        (None, true) => None,
        (None, false) => once(&section, from.as_ref(), until.as_ref(), zone),
    };
    let mut covered = BTreeSet::new();
    for word in names(&mut section, "apps", "leave the key out to mean all apps") {
        match apps.iter().find(|app| app.as_str() == word.text) {
            Some(app) => {
                covered.insert((*app).clone());
            }
            None => {
                let known = apps.iter().map(|app| app.as_str());
                let next = match nearest(&word.text, known.clone()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("apps are: {}", known.collect::<Vec<_>>().join(", ")),
                };
                problems.add(format!("there is no app `{}`", word.text), &word.span, "not known", next);
            }
        }
    }
    let mut effects = BTreeSet::new();
    for word in names(&mut section, "effects", "leave the key out to mean all changes") {
        match effect(&word.text) {
            Some(effect) => {
                effects.insert(effect);
            }
            None => unknown_effect(problems, &word, ""),
        }
    }
    section.end();
    Some(Freeze { reason: reason?.text, when: when?, apps: covered, effects })
}

/// A list of names that, where it is there, names something.
fn names(section: &mut Section<'_>, key: &'static str, next: &str) -> Vec<Text> {
    let words = section.texts(key);
    if words.as_ref().is_some_and(Vec::is_empty) {
        section.problems().add(format!("`{key}` is empty, so that this freeze would be about nothing"), &section.span, "here", next);
    }
    words.unwrap_or_default()
}

fn once(section: &Section<'_>, from: Option<&Text>, until: Option<&Text>, zone: &TimeZone) -> Option<FreezeWindow> {
    for (key, text) in [("from", from), ("until", until)] {
        if text.is_none() && !section.had(key) {
            section.missing(key, "a freeze has `from` and `until`, or `days` of the week");
        }
    }
    let problems = section.problems();
    let (from, until) = (from?, until?);
    let (begins, ends) = (instant(problems, "from", from, zone), instant(problems, "until", until, zone));
    let (begins, ends) = (begins?, ends?);
    if ends <= begins {
        let next = "a freeze ends after it begins; a day alone means its beginning";
        problems.add(
            format!("this freeze ends before it begins: {} is not after {}", until.text, from.text),
            &until.span,
            "here",
            next,
        );
        return None;
    }
    Some(FreezeWindow::Once { from: begins, until: ends })
}

fn instant(problems: &Problems, key: &str, text: &Text, zone: &TimeZone) -> Option<Timestamp> {
    let words = text.text.trim();
    let local = |time: DateTime| zone.to_zoned(time).ok().map(|zoned| zoned.timestamp());
    let read = words.parse::<Timestamp>().ok().or_else(|| match words.contains(['T', ' ']) {
        true => words.parse::<DateTime>().ok().and_then(local),
        false => words.parse::<Date>().ok().and_then(|day| local(day.to_datetime(Time::midnight()))),
    });
    if read.is_none() {
        problems.add(format!("`{key}` is not a time"), &text.span, "not understood", ONCE);
    }
    read
}

fn weekly(section: &Section<'_>, days: &[Text], from: Option<&Text>, until: Option<&Text>) -> Option<FreezeWindow> {
    let problems = section.problems();
    if days.is_empty() {
        problems.add("`days` is empty, so that this freeze never is", &section.span, "here", format!("days are: {}", DAYS.join(", ")));
    }
    let mut numbers = BTreeSet::new();
    for day in days {
        match DAYS.iter().zip(1..).find(|(name, _)| day.text.trim().to_lowercase() == **name) {
            Some((_, number)) => {
                numbers.insert(number);
            }
            None => problems.add(
                format!("`{}` is not a day of the week", day.text),
                &day.span,
                "not known",
                format!("days are: {}", DAYS.join(", ")),
            ),
        }
    }
    let time = |key: &'static str, text: Option<&Text>| match text {
        None if section.had(key) => None,
        None => Some(Time::midnight()),
        Some(text) => {
            let read = text.text.trim().parse::<Time>().ok();
            if read.is_none() {
                problems.add(format!("`{key}` is not a time of the day"), &text.span, "not understood", WEEKLY);
            }
            read
        }
    };
    let (begins, ends) = (time("from", from)?, time("until", until)?);
    if begins == ends && begins != Time::midnight() {
        let span = until.or(from).map_or(&section.span, |text| &text.span);
        problems.add("this freeze ends when it begins", span, "here", "leave both times out to freeze whole days");
        return None;
    }
    if numbers.len() == DAYS.len() && begins == ends {
        problems.add(
            "this freeze never ends: every day of the week, all day",
            &section.span,
            "here",
            "leave out a day, or give times: from = \"18:00\", until = \"08:00\"",
        );
        return None;
    }
    (!numbers.is_empty()).then_some(FreezeWindow::Weekly { days: numbers, from: begins, until: ends })
}
