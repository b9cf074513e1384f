//! For a ticket or a pull request.

use std::fmt::Write;

use super::text::clean;
use super::{Document, Sheet, kind_word, sheet};

/// Escapes what Markdown, and HTML within it, would read as markup; a line stays one line.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 8);
    for c in clean(text).chars() {
        match c {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            // An e-mail or an address must not become a link, a mention or an image.
            '@' => escaped.push_str("&#64;"),
            ':' => escaped.push_str("&#58;"),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '(' | ')' | '#' | '+' | '-' | '!' | '|' | '~' | '$' => {
                escaped.push('\\');
                escaped.push(c);
            }
            c => escaped.push(c),
        }
    }
    escaped
}

/// The plans and findings as Markdown.
pub fn markdown<'a>(document: impl Into<Document<'a>>) -> String {
    let Sheet { plans, findings } = sheet(&document.into());
    let mut out = String::new();
    // Writing to a String cannot fail.
    let mut put = |line: String| {
        let _ = writeln!(out, "{line}");
    };
    for plan in &plans {
        put(format!("## {}\n", escape(&plan.title)));
        plan.facts.iter().for_each(|fact| put(format!("- {}", escape(fact))));
        for guard in &plan.guards {
            let words = escape(&guard.words);
            let people = if guard.people.is_empty() { String::new() } else { format!(": {}", escape(&guard.people)) };
            put(if guard.tripped { format!("- **{words}**{people}") } else { format!("- {words}") });
        }
        put(String::new());
        for (app, lines) in &plan.apps {
            put(format!("### {}\n", escape(app)));
            put("| do | to whom | why | what | effects |\n|---|---|---|---|---|".into());
            for line in lines {
                let details: Vec<String> = line.details.iter().map(|detail| escape(detail)).collect();
                let cells =
                    [line.verb.to_owned(), escape(&line.who), escape(&line.reason), details.join("<br>"), escape(&line.effects)];
                put(format!("| {} |", cells.join(" | ")));
            }
            put(String::new());
        }
    }
    if !findings.is_empty() {
        put("## findings\n".into());
        for finding in &findings {
            let app = finding.app.as_ref().map(|app| format!(" in {}", escape(app.as_str()))).unwrap_or_default();
            let next = if finding.next.is_empty() { String::new() } else { format!("; *{}*", escape(&finding.next)) };
            let about = if finding.about.is_empty() { String::new() } else { format!(" ({})", escape(&finding.subjects())) };
            put(format!("- **{}**{app}: {}{about}{next}", kind_word(finding.kind), escape(&finding.what)));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn nothing_from_outside_is_markup() {
        assert_eq!(escape("[x](javascript:a) <b>*"), "\\[x\\]\\(javascript&#58;a\\) &lt;b&gt;\\*");
        assert_eq!(escape("a|b\nc"), "a\\|b\\\\u\\{a\\}c");
        assert_eq!(escape("@all"), "&#64;all");
    }
}
