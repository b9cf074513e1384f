//! `[quarantine]`, `[app.X.quarantine]` and `[put_aside]`: what is done about apps, and steps, that fail.

use engine::{AsideRule, QuarantineRule};

use super::section::Section;

/// When apps are put in quarantine; what the table does not say is as in `rule`.
pub(super) fn quarantine(section: Option<Section<'_>>, rule: &QuarantineRule) -> QuarantineRule {
    let mut rule = rule.clone();
    let Some(mut section) = section else { return rule };
    let small = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
    rule.in_vain = section.count("in_vain").map_or(rule.in_vain, small);
    rule.in_a_row = section.count("in_a_row").map_or(rule.in_a_row, small);
    rule.percent_milli = section.percent("percent").unwrap_or(rule.percent_milli);
    rule.least = section.count("least").unwrap_or(rule.least);
    let (first, longest) = lengths(&mut section, rule.first, rule.longest);
    (rule.first, rule.longest) = (first, longest);
    section.end();
    rule
}

/// For how long steps that fail alone are put aside.
pub(super) fn put_aside(section: Option<Section<'_>>) -> AsideRule {
    let mut rule = AsideRule::default();
    let Some(mut section) = section else { return rule };
    rule.drifts = section.count("drifts").map_or(rule.drifts, |count| u32::try_from(count).unwrap_or(u32::MAX));
    let (first, longest) = lengths(&mut section, rule.first, rule.longest);
    (rule.first, rule.longest) = (first, longest);
    section.end();
    rule
}

/// `first` and `longest`: how long until the next try, at first and at most.
fn lengths(section: &mut Section<'_>, first: i64, longest: i64) -> (i64, i64) {
    let said = (section.duration("first"), section.duration("longest"));
    let first = said.0.unwrap_or(first);
    // Whoever says only one of them means that one.
    let longest = said.1.unwrap_or(longest.max(first));
    if first < 1 || longest < first {
        let next = "write how long until the first try, and not less for the longest: first = \"15m\", longest = \"24h\"";
        section.problems().add("the times to the next try contradict each other", &section.span, "here", next);
    }
    (first, longest)
}
