//! What may be shown of an exchange: nothing that a request carried in secret, whatever the answer says back (P11).
//!
//! Texts are redacted before they are cut: what a cut leaves of a secret would not be known as one any more.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::Secret;
use serde_json::Value;

/// What stands in the place of a secret.
const BLOT: &str = "…";
/// Of a long body so much is looked at, in bytes.
const WINDOW: usize = 64 * 1024;

/// The secrets of one request, in every spelling in which an answer may say them back.
#[derive(Clone, Default)]
pub(crate) struct Secrets(Vec<String>);

impl Secrets {
    /// Those of a request: the values of its headers, and what its body has under names of secrets.
    pub(crate) fn of(headers: &[(String, Secret)], body: Option<(&str, &[u8])>) -> Self {
        let mut secrets = Self::default();
        for (_, value) in headers.iter().filter(|(name, _)| !name.contains("version")) {
            let value = value.expose();
            secrets.add(value);
            let Some((scheme, token)) = value.split_once(' ') else { continue };
            secrets.add(token);
            let decoded = STANDARD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            if let Some((_, password)) = decoded.as_deref().and_then(|pair| pair.split_once(':')).filter(|_| is(scheme, "basic")) {
                secrets.add(password);
            }
        }
        match body {
            Some((kind, bytes)) if kind.contains("json") => {
                if let Ok(json) = serde_json::from_slice(bytes) {
                    secrets.add_named(&json);
                }
            }
            Some((_, bytes)) => {
                let fields = form_urlencoded::parse(bytes);
                fields.filter(|(name, _)| is_secret(name) || is(name, "code")).for_each(|(_, value)| secrets.add(&value));
            }
            None => {}
        }
        // The longest first: one may be part of another.
        secrets.0.sort_unstable_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        secrets.0.dedup();
        secrets
    }

    fn add(&mut self, secret: &str) {
        if secret.is_empty() {
            return;
        }
        let form: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        let json = Value::from(secret).to_string();
        let percent = form.replace('+', "%20");
        self.0.extend([secret.to_owned(), json[1..json.len() - 1].to_owned(), percent, form]);
    }

    fn add_named(&mut self, json: &Value) {
        match json {
            Value::Object(members) => {
                for (name, value) in members {
                    match value {
                        Value::String(text) if is_secret(name) => self.add(text),
                        _ => self.add_named(value),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.add_named(item)),
            _ => {}
        }
    }

    /// The text without these secrets.
    pub(crate) fn blot(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| if text.contains(secret) { text.replace(secret, BLOT) } else { text })
    }

    /// The beginning of a body for people: without these secrets and without what goes by the name of one, then cut to so many bytes.
    pub(crate) fn shown(&self, body: &[u8], most: usize) -> String {
        let mut text = without_named(&self.beginning(body, most.saturating_mul(2)));
        cut(&mut text, most);
        text
    }

    /// The beginning of a body: redacted first, then cut to so many bytes at most.
    pub(crate) fn beginning(&self, body: &[u8], most: usize) -> String {
        let window = &body[..body.len().min(WINDOW)];
        let mut text = self.blot(&String::from_utf8_lossy(window));
        if window.len() < body.len() {
            // Where the window ends it may have cut a secret.
            let begun = |text: &str| {
                let ends =
                    |secret: &String| (1..secret.len()).rev().find(|at| secret.is_char_boundary(*at) && text.ends_with(&secret[..*at]));
                self.0.iter().filter_map(ends).max()
            };
            if let Some(begun) = begun(&text) {
                text.truncate(text.len() - begun);
            }
        }
        cut(&mut text, most);
        text
    }
}

/// Cuts a text to so many bytes at most, between characters.
fn cut(text: &mut String, most: usize) {
    if text.len() > most {
        let end = (0..=most).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
        text.truncate(end);
    }
}

/// Whether what goes by this name is a secret: `password`, `refresh_token`, `apiKey`, `Authorization`, ….
fn is_secret(name: &str) -> bool {
    let name: String = name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    let parts =
        ["password", "passwd", "passphrase", "secret", "token", "authorization", "credential", "signature", "cookie", "sessionid"];
    parts.iter().any(|part| name.contains(part)) || ["apikey", "privatekey", "accesskey"].iter().any(|end| name.ends_with(end))
}

fn is(word: &str, other: &str) -> bool {
    word.eq_ignore_ascii_case(other)
}

/// The text without what goes by the name of a secret in it, whoever's it is, and without what looks like a token: for what is kept.
/// It need not be whole, nor JSON: `"password": "…"`, `token=…&`, `Bearer …`.
pub(crate) fn without_named(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_ascii_alphanumeric()) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-')).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        rest = after;
        if word.starts_with("eyJ") && word.len() > 10 {
            out.push_str(BLOT);
            rest = &rest[rest.find(|c: char| !(c.is_ascii_alphanumeric() || "._-=".contains(c))).unwrap_or(rest.len())..];
            continue;
        }
        out.push_str(word);
        if is(word, "bearer") || is(word, "basic") {
            let token = rest.trim_start_matches(' ');
            let length = token.find(|c: char| !(c.is_ascii_alphanumeric() || "+/=._~-".contains(c))).unwrap_or(token.len());
            // "basic training" is no log-in.
            if token.len() < rest.len() && length >= 12 {
                out.push(' ');
                out.push_str(BLOT);
                rest = &token[length..];
            }
        } else if is_secret(word) {
            rest = value_blotted(rest, &mut out);
        }
    }
    out.push_str(rest);
    out
}

/// Blots the value that stands behind a name, if one does: after a closing quote, `:` or `=`, and maybe an opening quote.  What comes after
/// it.
fn value_blotted<'a>(rest: &'a str, out: &mut String) -> &'a str {
    let mut from = rest.trim_start_matches(['\\', '"', '\'']).trim_start();
    if !from.starts_with([':', '=']) {
        return rest;
    }
    from = from[1..].trim_start_matches([' ', '\t', '\\']);
    let quote = from.chars().next().filter(|c| matches!(c, '"' | '\''));
    let value = if quote.is_some() { &from[1..] } else { from };
    let end = match quote {
        Some(quote) => {
            let mut escaped = false;
            let ends = |c: char| {
                let ends = c == quote && !escaped;
                escaped = c == '\\' && !escaped;
                ends
            };
            value.find(ends)
        }
        None => value.find(|c: char| c.is_whitespace() || "&,;}]<>\"'".contains(c)),
    };
    let mut end = end.unwrap_or(value.len());
    if quote.is_none() && ["bearer", "basic", "token"].iter().any(|scheme| is(&value[..end], scheme)) {
        let token = value[end..].trim_start_matches(' ');
        let length = token.find(|c: char| c.is_whitespace() || "&,;}]<>\"'".contains(c)).unwrap_or(token.len());
        end = value.len() - token.len() + length;
    }
    let (value, after) = value.split_at(end);
    if value.is_empty() || ["null", "true", "false"].contains(&value) || value.starts_with(['{', '[']) {
        return rest;
    }
    out.push_str(&rest[..rest.len() - value.len() - after.len()]);
    out.push_str(BLOT);
    after
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets() -> Secrets {
        let basic = STANDARD.encode("acme:s3cr3t-key");
        let headers =
            [("authorization", format!("Basic {basic}")), ("x-api-key", "kk-77".to_owned()), ("x-api-version", "1.5".to_owned())];
        let headers = headers.map(|(name, value)| (name.to_owned(), Secret::new(value)));
        let body = br#"{"users":[{"username":"ada","password":"Ab#c d\"1"}],"privateKey":"pp-88"}"#;
        Secrets::of(&headers, Some(("application/json", body)))
    }

    #[test]
    fn p11_what_a_request_carried_in_secret_is_never_said_back() {
        let basic = STANDARD.encode("acme:s3cr3t-key");
        let said = format!(r#"acme {basic} s3cr3t-key kk-77 Ab#c d"1 Ab#c d\"1 Ab%23c+d%221 Ab%23c%20d%221 pp-88 ada version 1.5"#);
        assert_eq!(secrets().blot(&said), "acme … … … … … … … … ada version 1.5");
        let form = Secrets::of(&[], Some(("application/x-www-form-urlencoded", b"client_id=me&client_secret=a%2Fb&code=cc-1&grant=x")));
        assert_eq!(form.blot("me a/b a%2Fb cc-1 x"), "me … … … x");
    }

    #[test]
    fn p11_a_body_is_redacted_before_it_is_cut() {
        let secrets = secrets();
        for place in 280..300 {
            let body = format!("{}s3cr3t-key and more", "x".repeat(place));
            let text = secrets.beginning(body.as_bytes(), 300);
            assert!(!text.contains("s3") && text.len() <= 300, "{place}: {text}");
        }
        // The end of what is looked at may cut a secret too.
        for place in WINDOW - 10..WINDOW {
            let body = format!("{}s3cr3t-key and more", "kk-77".repeat(place / 5) + &"y".repeat(place % 5));
            let text = secrets.beginning(body.as_bytes(), usize::MAX);
            assert!(!text.contains("s3cr") && !text.ends_with("s3"), "{place}: {}", &text[text.len().saturating_sub(40)..]);
        }
        assert_eq!(secrets.beginning("ää".as_bytes(), 3), "ä");
    }

    #[test]
    fn p11_what_goes_by_the_name_of_a_secret_is_not_kept() {
        for (text, kept) in [
            (r#"{"id":1,"password":"a\"b","name":"Ada"}"#, r#"{"id":1,"password":"…","name":"Ada"}"#),
            (r#"{"refreshToken": "abc"#, r#"{"refreshToken": "…"#),
            (r#"{\"api_key\": \"abc\", \"x\": 1}"#, r#"{\"api_key\": \"…"#),
            ("token=abc&next=1", "token=…&next=1"),
            ("Authorization: Bearer abc.m, then", "Authorization: …, then"),
            ("sent Bearer abcdefghijkl.m, then", "sent Bearer …, then"),
            ("it is eyJhbGciOiJIUzI1NiJ9.e30.x-y_z!", "it is …!"),
            ("basic training; the password is too short", "basic training; the password is too short"),
            (r#"{"mustChangePassword":true,"tokens":[1]}"#, r#"{"mustChangePassword":true,"tokens":[1]}"#),
            ("<input type=password name='csrf_token' value='x'>", "<input type=password name='csrf_token' value='x'>"),
        ] {
            let got = without_named(text);
            // Blotting more than the value is right too where what follows may belong to it.
            assert!(got == kept || (kept.len() < text.len() && got.starts_with(kept)), "{text} became {got}, not {kept}");
        }
    }
}
