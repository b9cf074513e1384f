//! `[notice.NAME]`: who is told of what, and how.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use model::{AppName, NoticeRule, Occasion};

use super::Context;
use super::connection::Credential;
use super::section::{Section, Text};

/// One `[notice.NAME]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NoticeConnection {
    /// Of what.
    pub(crate) rule: NoticeRule,
    /// How.
    pub(crate) way: Way,
    /// Whether it may go to private addresses.
    pub(crate) private: bool,
}

/// A way out to people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Signed as Standard Webhooks says.
    Webhook {
        /// The address.
        url: String,
        /// What it is signed with.
        secret: Credential,
    },
    /// A message as Slack takes it.
    Slack {
        /// The address, which is a secret.
        url: Credential,
    },
    /// E-mail.
    Email(Mail),
}

/// How e-mail goes out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mail {
    /// The server.
    pub(crate) host: String,
    /// Its port.
    pub(crate) port: u16,
    /// How the connection is encrypted.
    pub(crate) tls: Tls,
    /// Who it is from.
    pub(crate) from: String,
    /// Who gets it.
    pub(crate) to: Vec<String>,
    /// User name, and where the password is.
    pub(crate) login: Option<(String, Credential)>,
}

/// How a connection to a mail server is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tls {
    /// From its beginning: `smtps://`.
    Implicit,
    /// By STARTTLS, or not at all: `smtp://`.
    Start,
    /// Not: on this machine.
    None,
}

#[derive(Clone, Copy)]
enum Kind {
    Webhook,
    Slack,
    Email,
}

/// Reads all of them.
pub(super) fn read(context: &Context<'_>, section: Option<Section<'_>>) -> BTreeMap<String, NoticeConnection> {
    let Some(mut all) = section else { return BTreeMap::new() };
    let mut notices = BTreeMap::new();
    for (name, value) in all.rest() {
        if let Some(section) = all.below(&name.text, value)
            && let Some(notice) = one(context, section)
        {
            notices.insert(name.text, notice);
        }
    }
    all.end();
    notices
}

fn one(context: &Context<'_>, mut section: Section<'_>) -> Option<NoticeConnection> {
    let kinds = [("webhook", Kind::Webhook), ("slack", Kind::Slack), ("email", Kind::Email)];
    if !section.has("kind") {
        section.missing("kind", "say how: kind = \"webhook\", \"slack\" or \"email\"");
    }
    let kind = section.word("kind", &kinds);
    let occasions = occasions(context, section.texts("events"));
    let apps = apps(context, section.texts("apps"));
    let people = section.bool("people").unwrap_or(false);
    let private = section.bool("private").unwrap_or(false);
    let way = kind.and_then(|kind| match kind {
        Kind::Webhook => webhook(context, &mut section),
        Kind::Slack => {
            let url =
                credential(context, &mut section, "url", "where messages are posted: url = { env = \"NAME\" }; who knows it can post");
            Some(Way::Slack { url: url? })
        }
        Kind::Email => email(context, &mut section),
    });
    // Without a kind nobody can say which keys belong there.
    if kind.is_some() {
        section.end();
    }
    Some(NoticeConnection { rule: NoticeRule { occasions, apps, people }, way: way?, private })
}

fn occasions(context: &Context<'_>, texts: Option<Vec<Text>>) -> BTreeSet<Occasion> {
    let Some(texts) = texts else { return Occasion::ALL.into() };
    let mut found = BTreeSet::new();
    for text in texts {
        match Occasion::ALL.into_iter().find(|occasion| occasion.word() == text.text) {
            Some(occasion) => drop(found.insert(occasion)),
            None => {
                let words = Occasion::ALL.map(|occasion| format!("\"{}\"", occasion.word())).join(", ");
                let what = format!("`events` cannot have \"{}\"", text.text);
                context.problems.add(what, &text.span, "not one of the words", format!("use some of {words}"));
            }
        }
    }
    found
}

fn apps(context: &Context<'_>, texts: Option<Vec<Text>>) -> BTreeSet<AppName> {
    let mut found = BTreeSet::new();
    for text in texts.into_iter().flatten() {
        if context.apps.contains(&text.text.as_str()) {
            found.insert(AppName::new(text.text.as_str()));
        } else {
            let next = match super::problem::nearest(&text.text, context.apps.iter().copied()) {
                Some(near) => format!("did you mean \"{near}\"?"),
                None => format!("the apps are {}", context.apps.join(", ")),
            };
            context.problems.add(format!("there is no app \"{}\"", text.text), &text.span, "not known", next);
        }
    }
    found
}

fn credential(context: &Context<'_>, section: &mut Section<'_>, key: &'static str, next: &str) -> Option<Credential> {
    match section.take(key) {
        Some(value) => Credential::read(key, value, section.source(), context.dir),
        None => {
            section.missing(key, next);
            None
        }
    }
}

fn webhook(context: &Context<'_>, section: &mut Section<'_>) -> Option<Way> {
    let url = section.required("url", "where it is posted: url = \"https://hooks.acme.example/provost\"");
    let url = url.and_then(|text| {
        let uri: Option<http::Uri> = text.text.parse().ok();
        let host = uri.as_ref().and_then(http::Uri::host).unwrap_or_default().to_owned();
        let scheme = uri.as_ref().and_then(http::Uri::scheme_str);
        let clear = scheme == Some("http") && near(&host);
        let named = uri.as_ref().and_then(http::Uri::authority).is_some_and(|authority| authority.as_str().contains('@'));
        if named {
            context.problems.blot(&text.span);
        }
        if host.is_empty() || uri.as_ref().is_none_or(odd) || !(scheme == Some("https") || clear) {
            let next = "write an https address without a user name in it (http is for this machine only)";
            context.problems.add("`url` is no address that a notice can be sent to", &text.span, "here", next);
            return None;
        }
        Some(text.text)
    });
    let next = "what deliveries are signed with: secret = { env = \"NAME\" }, with whsec_ and 24 to 64 bytes in base64";
    let secret = credential(context, section, "secret", next);
    Some(Way::Webhook { url: url?, secret: secret? })
}

fn email(context: &Context<'_>, section: &mut Section<'_>) -> Option<Way> {
    let server = section.required("server", "the mail server: server = \"smtps://mail.acme.example\", or smtp:// for STARTTLS");
    let server = server.and_then(|text| {
        let found = self::server(&text.text);
        if found.is_none() {
            let next = "write smtps://HOST or smtp://HOST (STARTTLS), with :PORT where it is another; a user name goes into `username`";
            if text.text.contains('@') {
                context.problems.blot(&text.span);
            }
            context.problems.add("`server` is no mail server's address", &text.span, "not understood", next);
        }
        found
    });
    let address = |text: Text| {
        let fits = text.text.parse::<lettre::message::Mailbox>().is_ok();
        if !fits {
            let next = "write it as \"provost@acme.example\" or \"Provost <provost@acme.example>\"";
            context.problems.add(format!("\"{}\" is no e-mail address", text.text), &text.span, "here", next);
        }
        fits.then_some(text.text)
    };
    let from = section.required("from", "who it is from: from = \"provost@acme.example\"").and_then(address);
    if !section.has("to") {
        section.missing("to", "who gets it: to = [\"it@acme.example\"]");
    }
    let to: Option<Vec<String>> = section.texts("to").and_then(|texts| texts.into_iter().map(address).collect());
    if to.as_ref().is_some_and(Vec::is_empty) {
        section.missing("to", "who gets it: to = [\"it@acme.example\"]");
    }
    let username = section.text("username");
    let login = match (username, section.has("secret")) {
        (None, false) => None,
        (Some(username), true) => Some((username.text, credential(context, section, "secret", "")?)),
        (Some(_), false) => {
            section.missing("secret", "where the password of `username` is: secret = { env = \"NAME\" }");
            None
        }
        (None, true) => {
            section.take("secret");
            section.missing("username", "whose password `secret` is");
            None
        }
    };
    let (host, port, tls) = server?;
    Some(Way::Email(Mail { host, port, tls, from: from?, to: to?, login }))
}

/// Host, port and encryption of a mail server.
fn server(text: &str) -> Option<(String, u16, Tls)> {
    let (scheme, rest) = text.split_once("://")?;
    let uri: http::Uri = format!("http://{}", rest.trim_end_matches('/')).parse().ok()?;
    let host = uri.host()?.trim_start_matches('[').trim_end_matches(']').to_owned();
    let plain = !odd(&uri) && uri.path() == "/" && uri.query().is_none();
    if host.is_empty() || !plain {
        return None;
    }
    let (tls, port) = match scheme {
        "smtps" => (Tls::Implicit, 465),
        "smtp" if near(&host) => (Tls::None, 25),
        "smtp" => (Tls::Start, 587),
        _ => return None,
    };
    Some((host, uri.port_u16().unwrap_or(port), tls))
}

/// Whether an address has a user name in it, or a port that is none.
fn odd(uri: &http::Uri) -> bool {
    let Some(authority) = uri.authority() else { return true };
    let text = authority.as_str();
    text.contains('@') || (text.len() > authority.host().len() && authority.port_u16().is_none())
}

/// Whether a host is this machine.
pub(super) fn near(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mail_is_encrypted_unless_it_stays_here() {
        assert_eq!(server("smtps://mail.acme.example"), Some(("mail.acme.example".into(), 465, Tls::Implicit)));
        assert_eq!(server("smtp://mail.acme.example:2587/"), Some(("mail.acme.example".into(), 2587, Tls::Start)));
        assert_eq!(server("smtp://127.0.0.1:2525"), Some(("127.0.0.1".into(), 2525, Tls::None)));
        for wrong in ["mail.acme.example", "smtp://", "http://mail", "smtp://bob:secret@mail", "smtps://mail/path", "smtp://mail:port"]
        {
            assert_eq!(server(wrong), None, "{wrong}");
        }
    }
}
