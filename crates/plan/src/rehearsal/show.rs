//! The three forms: text for a terminal, Markdown for a ticket; JSON is the value itself.

use std::collections::BTreeSet;
use std::fmt::Write;

use model::StepId;

use super::{Pass, Rehearsal, Rehearsed};
use crate::render::{Paint, clean, markdown_escape};

/// Deviations shown of one pass; the others are counted, and in the JSON.
const SHOWN: usize = 10;

impl Rehearsal {
    fn verdict(&self) -> &'static str {
        if self.as_promised { "as promised" } else { "NOT as promised" }
    }

    fn facts(&self) -> Vec<String> {
        let mut facts = vec![format!(
            "{} steps, about {} at the vendors' limits where nothing fails, and the time that answers take",
            self.steps,
            span(self.millis)
        )];
        if !self.effects.is_empty() {
            let effects: Vec<String> = self.effects.iter().map(|(effect, count)| format!("{effect} {count}")).collect();
            facts.push(format!("effects: {}", effects.join(", ")));
        }
        if !self.notified.is_empty() {
            facts.push(format!("the vendor writes to: {}", few(&self.notified)));
        }
        facts.extend(self.notes.iter().cloned());
        facts
    }

    /// For a terminal.
    pub fn text(&self, colour: bool) -> String {
        let paint = Paint(colour);
        let mut out = String::new();
        let title = format!("rehearsal of plan {}, {}: {}", self.plan.short(), self.class, self.verdict());
        let title = if self.as_promised { paint.green(&title) } else { paint.red(&title) };
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{title}");
        for fact in self.facts() {
            let _ = writeln!(out, "  {}", clean(&fact));
        }
        for (app, rehearsed) in &self.apps {
            let _ = writeln!(out, "  {}: {}", clean(app.as_str()), clean(&rehearsed.head()));
            for (name, pass) in rehearsed.passes() {
                let said = format!("{name}: {}", pass.verdict());
                let _ = writeln!(out, "    {}", if pass.as_promised { paint.green(&said) } else { paint.red(&said) });
                for fact in pass.facts(rehearsed.least) {
                    let _ = writeln!(out, "      {}", clean(&fact));
                }
                for trouble in pass.troubles() {
                    let _ = writeln!(out, "      {}", paint.yellow(&clean(&trouble)));
                }
            }
        }
        out
    }

    /// For a ticket.
    pub fn markdown(&self) -> String {
        let mut out = format!("## Rehearsal of plan {}, {}: {}\n\n", self.plan.short(), markdown_escape(&self.class), self.verdict());
        for fact in self.facts() {
            let _ = writeln!(out, "- {}", markdown_escape(&fact));
        }
        for (app, rehearsed) in &self.apps {
            let _ = writeln!(out, "\n### {}\n\n{}\n", markdown_escape(app.as_str()), markdown_escape(&rehearsed.head()));
            for (name, pass) in rehearsed.passes() {
                let _ = writeln!(out, "- **{name}: {}**", pass.verdict());
                for fact in pass.facts(rehearsed.least).into_iter().chain(pass.troubles()) {
                    let _ = writeln!(out, "  - {}", markdown_escape(&fact));
                }
            }
        }
        out
    }
}

impl Rehearsed {
    fn head(&self) -> String {
        format!("stand-in loaded from {} accounts, read {:.0}; {}", self.accounts, self.read, self.limit)
    }

    fn passes(&self) -> impl Iterator<Item = (&'static str, &Pass)> {
        std::iter::once(("nothing fails", &self.clean)).chain(self.faulty.as_ref().map(|pass| ("under faults", pass)))
    }
}

impl Pass {
    fn verdict(&self) -> &'static str {
        if self.as_promised { "as promised" } else { "NOT as promised" }
    }

    fn facts(&self, least: u64) -> Vec<String> {
        let mut facts = Vec::new();
        for (verb, outcomes) in &self.counts {
            let outcomes: Vec<String> = outcomes.iter().map(|(outcome, count)| format!("{outcome} {count}")).collect();
            facts.push(format!("{verb}: {}", outcomes.join(", ")));
        }
        facts.push(format!(
            "{} requests, {} of them more than a look (it cannot be done in fewer than {least}), {}",
            self.requests,
            self.writes,
            span(self.millis)
        ));
        if !self.faults.is_empty() {
            let met: Vec<String> = self.faults.iter().map(|(fault, count)| format!("{fault} {count}")).collect();
            facts.push(format!("faults met: {}", met.join(", ")));
        }
        if self.crashes + self.resumed > 0 {
            facts.push(format!("cut off {}, gone on with {}", times(self.crashes), times(self.resumed)));
        }
        facts
    }

    fn troubles(&self) -> Vec<String> {
        let mut troubles = Vec::new();
        if !self.stopped_by.is_empty() {
            troubles.push(format!("stopped for good: {}", self.stopped_by));
        }
        for undone in self.undone.iter().take(SHOWN) {
            troubles.push(format!("{}, {}: {}: {}", undone.outcome, undone.verb, undone.who, undone.detail));
        }
        // What was not done is otherwise than promised, and planned again: that says nothing new.
        let undone: BTreeSet<&StepId> = self.undone.iter().map(|undone| &undone.step).collect();
        let told: BTreeSet<(&str, &str)> = self.undone.iter().map(|undone| (undone.verb, undone.who.as_str())).collect();
        let deviations: Vec<_> =
            self.deviations.iter().filter(|one| one.step.as_ref().is_none_or(|step| !undone.contains(step))).collect();
        let left: Vec<_> = self.left.iter().filter(|left| !told.contains(&(left.verb, left.who.as_str()))).collect();
        for deviation in deviations.iter().take(SHOWN) {
            let verb = if deviation.verb.is_empty() { "no step" } else { deviation.verb };
            let (expected, found) = (&deviation.expected, &deviation.found);
            troubles.push(format!("{}, {verb}: {}: expected {expected}, found {found}", deviation.who, deviation.what));
        }
        for left in left.iter().take(SHOWN) {
            troubles.push(format!("planned again, {}: {}: {}", left.verb, left.who, left.reason));
        }
        let more: usize = [self.undone.len(), deviations.len(), left.len()].map(|count| count.saturating_sub(SHOWN)).iter().sum();
        if more > 0 {
            troubles.push(format!("and {more} more; --format json has them all"));
        }
        troubles
    }
}

fn times(count: u64) -> String {
    match count {
        0 => "never".to_owned(),
        1 => "once".to_owned(),
        more => format!("{more} times"),
    }
}

fn few(names: &[String]) -> String {
    const MOST: usize = 10;
    let shown = names.iter().take(MOST).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > MOST { format!("{shown} and {} more", names.len() - MOST) } else { shown }
}

/// "0.4 s", "45 s", "12 min", "3 h 5 min".
fn span(millis: u64) -> String {
    match millis {
        0..10_000 => format!("{}.{} s", millis / 1000, millis % 1000 / 100),
        10_000..120_000 => format!("{} s", millis / 1000),
        120_000..7_200_000 => format!("{} min", millis / 60_000),
        _ => format!("{} h {} min", millis / 3_600_000, millis % 3_600_000 / 60_000),
    }
}
