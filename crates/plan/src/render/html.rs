//! One page that needs nothing else: no script, no font, no address.

use std::fmt::Write;

use super::text::clean;
use super::{Document, Sheet, kind_word, sheet};

const STYLE: &str = ":root{color-scheme:light dark;--ink:#1b1b1b;--dim:#666;--line:#ddd;--bad:#a11;--good:#176b2c;--wait:#9a5b00}\
@media(prefers-color-scheme:dark){:root{--ink:#e6e6e6;--dim:#a0a0a0;--line:#444;--bad:#ff8a80;--good:#7fd48f;--wait:#f0b35a}}\
body{font:15px/1.45 system-ui,sans-serif;margin:2em auto;max-width:70em;padding:0 1em;color:var(--ink);overflow-wrap:break-word}\
h1{font-size:1.3em}h2{font-size:1.1em;margin-top:1.5em}table{border-collapse:collapse;width:100%}th{white-space:nowrap}\
td,th{border-bottom:1px solid var(--line);padding:.3em .6em;text-align:left;vertical-align:top}td:first-child{min-width:5em}\
.held h1,.trip{color:var(--wait)}.leave{color:var(--bad)}.create,.restore{color:var(--good)}.effects{color:var(--dim)}\
ul{padding-left:1.2em}.findings td:nth-child(3),.findings td:nth-child(5){min-width:14em}";

/// Escapes what HTML would read as markup, in text and in quoted attributes.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 8);
    for c in clean(text).chars() {
        match c {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// The plans and findings as one HTML page.
pub fn html<'a>(document: impl Into<Document<'a>>) -> String {
    let Sheet { plans, findings } = sheet(&document.into());
    let mut out = String::new();
    // Writing to a String cannot fail.
    let mut put = |line: String| {
        let _ = writeln!(out, "{line}");
    };
    put("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">".into());
    put("<meta name=\"viewport\" content=\"width=device-width\">".into());
    put("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">".into());
    put(format!("<title>Provost</title><style>{STYLE}</style></head><body>"));
    for plan in &plans {
        put(format!("<section{}><h1>{}</h1><ul>", if plan.held { " class=\"held\"" } else { "" }, escape(&plan.title)));
        plan.facts.iter().for_each(|fact| put(format!("<li>{}</li>", escape(fact))));
        for guard in &plan.guards {
            let people = if guard.people.is_empty() { String::new() } else { format!("<br>{}", escape(&guard.people)) };
            put(format!("<li{}>{}{people}</li>", if guard.tripped { " class=\"trip\"" } else { "" }, escape(&guard.words)));
        }
        put("</ul>".into());
        for (app, lines) in &plan.apps {
            put(format!("<h2>{}</h2><table><tr><th>do</th><th>to whom</th><th>why</th><th>what</th></tr>", escape(app)));
            for line in lines {
                let details: Vec<String> = line.details.iter().map(|detail| escape(detail)).collect();
                put(format!(
                    "<tr><td class=\"{}\">{}</td><td>{}</td><td>{}</td><td>{}<div class=\"effects\">{}</div></td></tr>",
                    line.verb.split(' ').next().unwrap_or_default(),
                    line.verb,
                    escape(&line.who),
                    escape(&line.reason),
                    details.join("<br>"),
                    escape(&line.effects)
                ));
            }
            put("</table>".into());
        }
        put("</section>".into());
    }
    if !findings.is_empty() {
        put("<section class=\"findings\"><h1>Findings</h1><table><tr><th>kind</th><th>app</th><th>what</th><th>about</th><th>next</th></tr>".into());
        for finding in &findings {
            let app = finding.app.as_ref().map_or("", |app| app.as_str());
            put(format!(
                "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
                kind_word(finding.kind),
                escape(app),
                escape(&finding.what),
                escape(&finding.subjects()),
                escape(&finding.next)
            ));
        }
        put("</table></section>".into());
    }
    put("</body></html>".into());
    out
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn nothing_from_outside_is_markup() {
        assert_eq!(escape("<script>alert('x')</script>&\""), "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;&quot;");
    }
}
