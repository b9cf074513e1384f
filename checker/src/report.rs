//! What the checker says.

use std::collections::BTreeMap;

use serde::Serialize;

/// One broken rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// `C1` … `C7`.
    pub rule: &'static str,
    /// The violation's name, as `docs/checker.md` lists it.
    pub name: &'static str,
    /// In which app; empty for what concerns a plan.
    pub app: String,
    /// What, where.
    pub what: String,
}

/// Requests of one app beside the least possible.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Traffic {
    /// Purpose → requests.
    pub requests: BTreeMap<&'static str, u64>,
    /// Requests that count: all but those answered by a fault (429, 5xx).
    pub counted: u64,
    /// How often the app was read for planning.
    pub readings: u64,
    /// The least possible.
    pub least: u64,
    /// Its parts.
    pub parts: Vec<(&'static str, u64)>,
    /// `counted / least`.
    pub ratio: f64,
}

/// Everything the checker found.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// Broken rules.
    pub violations: Vec<Violation>,
    /// What was not compared, and why.
    pub notes: Vec<String>,
    /// What was compared: people, steps and effects, by app.
    pub compared: BTreeMap<String, BTreeMap<&'static str, u64>>,
    /// Requests, by app.
    pub traffic: BTreeMap<String, Traffic>,
}

impl Report {
    /// Adds a broken rule.
    pub fn violation(&mut self, rule: &'static str, name: &'static str, app: &str, what: impl Into<String>) {
        self.violations.push(Violation { rule, name, app: app.to_owned(), what: what.into() });
    }

    /// Counts what was compared.
    pub fn count(&mut self, app: &str, what: &'static str, number: usize) {
        *self.compared.entry(app.to_owned()).or_default().entry(what).or_default() += number as u64;
    }

    /// As people read it; the parts of the formula only when asked for.
    pub fn text(&self, formula: bool) -> String {
        let mut out = String::new();
        let mut line = |text: String| out.extend([text.as_str(), "\n"]);
        for violation in &self.violations {
            let app = if violation.app.is_empty() { String::new() } else { format!(" {}:", violation.app) };
            line(format!("{} {}:{app} {}", violation.rule, violation.name, violation.what));
        }
        for note in &self.notes {
            line(format!("note: {note}"));
        }
        for (app, compared) in &self.compared {
            let words: Vec<String> = compared.iter().map(|(what, number)| format!("{number} {what}")).collect();
            line(format!("{app}: {}", words.join(", ")));
        }
        for (app, traffic) in &self.traffic {
            let words: Vec<String> = traffic.requests.iter().map(|(purpose, number)| format!("{number} {purpose}")).collect();
            line(format!(
                "{app}: {} requests ({}); least possible {} for {} readings and what was done; ratio {:.3}",
                traffic.counted,
                words.join(", "),
                traffic.least,
                traffic.readings,
                traffic.ratio
            ));
            if formula {
                traffic.parts.iter().for_each(|(part, number)| line(format!("    {number:>7}  {part}")));
            }
        }
        match self.violations.len() {
            0 => line("clean".to_owned()),
            number => line(format!("{number} violations")),
        }
        out
    }
}
