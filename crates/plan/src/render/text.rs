//! For a terminal.

use std::borrow::Cow;
use std::fmt::Write;

use super::{Document, Sheet, kind_word, sheet};

/// Makes a text harmless on a terminal: control characters (escape sequences, line ends) and characters that change the direction of
/// writing are shown by their code instead.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    let bad = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
    };
    if !text.contains(bad) {
        return text.into();
    }
    text.chars()
        .fold(String::with_capacity(text.len() + 8), |mut clean, c| {
            if bad(c) {
                clean.extend(c.escape_unicode());
            } else {
                clean.push(c);
            }
            clean
        })
        .into()
}

/// Colours, or none.
#[derive(Clone, Copy)]
pub(crate) struct Paint(pub(crate) bool);

impl Paint {
    fn with(self, code: &str, text: &str) -> String {
        let text = clean(text);
        if self.0 { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.into_owned() }
    }

    pub(crate) fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    pub(crate) fn dim(self, text: &str) -> String {
        self.with("2", text)
    }

    pub(crate) fn red(self, text: &str) -> String {
        self.with("31", text)
    }

    pub(crate) fn green(self, text: &str) -> String {
        self.with("32", text)
    }

    pub(crate) fn yellow(self, text: &str) -> String {
        self.with("33", text)
    }
}

/// The plans and findings as text, with colours when the terminal has them.
pub fn text<'a>(document: impl Into<Document<'a>>, colour: bool) -> String {
    let Sheet { plans, findings } = sheet(&document.into());
    let paint = Paint(colour);
    let mut out = String::new();
    // Writing to a String cannot fail.
    let mut put = |line: String| {
        let _ = writeln!(out, "{line}");
    };
    for (at, plan) in plans.iter().enumerate() {
        if at > 0 {
            put(String::new());
        }
        put(if plan.held { paint.yellow(&plan.title) } else { paint.bold(&plan.title) });
        plan.facts.iter().for_each(|fact| put(format!("  {}", clean(fact))));
        for guard in &plan.guards {
            put(format!("  {}", if guard.tripped { paint.yellow(&guard.words) } else { paint.dim(&guard.words) }));
            if !guard.people.is_empty() {
                put(format!("    {}", clean(&guard.people)));
            }
        }
        for (app, lines) in &plan.apps {
            put(String::new());
            put(format!("  {}", paint.bold(app)));
            for line in lines {
                if line.verb.is_empty() {
                    put(format!("    {}", clean(&line.reason)));
                    continue;
                }
                let verb = format!("{:<8}", line.verb);
                let verb = match line.verb {
                    "create" | "restore" => paint.green(&verb),
                    "leave" => paint.red(&verb),
                    _ => paint.yellow(&verb),
                };
                put(format!("    {verb} {}: {}", clean(&line.who), clean(&line.reason)));
                line.details.iter().for_each(|detail| put(format!("             {}", clean(detail))));
                if !line.effects.is_empty() {
                    put(format!("             {}", paint.dim(&line.effects)));
                }
            }
        }
    }
    if !findings.is_empty() {
        if !plans.is_empty() {
            put(String::new());
        }
        put(paint.bold("findings"));
        for finding in &findings {
            let app = finding.app.as_ref().map(|app| format!(" in {app}")).unwrap_or_default();
            let many = if finding.about.len() > 1 { format!(" ({})", finding.about.len()) } else { String::new() };
            put(format!("  {}{}{many}: {}", paint.yellow(kind_word(finding.kind)), clean(&app), clean(&finding.what)));
            if !finding.about.is_empty() {
                put(format!("    {}", clean(&finding.subjects())));
            }
            if !finding.next.is_empty() {
                put(format!("    {}", paint.dim(&finding.next)));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::clean;

    #[test]
    fn nothing_from_outside_steers_the_terminal() {
        assert_eq!(clean("Ada\u{1b}[2J\nx\u{202e}y"), "Ada\\u{1b}[2J\\u{a}x\\u{202e}y");
        assert_eq!(clean("Zoë → Å"), "Zoë → Å");
    }
}
