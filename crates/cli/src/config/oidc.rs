//! `[serve.oidc]`: the OpenID provider that people log in through, and who has which role.

use std::collections::BTreeMap;

use model::{Role, Secret};
use serve::{Oidc, Roles};

use super::connection::Credential;
use super::section::{Section, Text, text_of, wrong_type};
use super::{Context, problem};
use crate::failure::Failure;

/// Where nothing is said, what is asked for beside `openid`.
const SCOPES: [&str; 2] = ["email", "profile"];

/// How people log in, with the secret still in its place.
#[derive(Clone, Debug)]
pub(crate) struct OidcConnection {
    settings: Oidc,
    secret: Credential,
}

impl OidcConnection {
    /// With the secret.
    ///
    /// # Errors
    /// A [`Failure`] when it is not in its place.
    pub(crate) fn resolve(&self) -> Result<Oidc, Failure> {
        let secret = self.secret.resolve_for("serve", "oidc", "client_secret")?;
        Ok(Oidc { secret, ..self.settings.clone() })
    }
}

/// Reads the section.
pub(super) fn read(context: &Context<'_>, mut section: Section<'_>) -> Option<OidcConnection> {
    let issuer = section.required("issuer", "the provider's own name for itself: issuer = \"https://login.acme.example\"");
    let issuer = issuer.and_then(|text| address(context, text));
    let client_id = section.required("client_id", "as which application Provost is known at the provider");
    let next = "what proves that to the provider: client_secret = { env = \"NAME\" } or { file = \"PATH\" }";
    let secret = match section.take("client_secret") {
        Some(value) => Credential::read("client_secret", value, section.source(), context.dir),
        None => {
            section.missing("client_secret", next);
            None
        }
    };
    let scopes = section.texts("scopes").map(|texts| texts.into_iter().map(|text| scope(context, text)).collect());
    let scopes = scopes.unwrap_or_else(|| Some(SCOPES.map(str::to_owned).to_vec()));
    let claim = section.text("role_claim");
    let by_value = section.section("roles").map(|section| roles(context, section)).unwrap_or_default();
    let people = section.section("people").map(|section| roles(context, section)).unwrap_or_default();
    if let Some(claim) = &claim
        && by_value.is_empty()
    {
        let next = "say what its values give: [serve.oidc.roles] with \"provost-approvers\" = \"approver\"";
        context.problems.add("`role_claim` gives nobody a role", &claim.span, "no [serve.oidc.roles]", next);
    }
    if claim.is_none() && !by_value.is_empty() {
        section.missing("role_claim", "say which claim has the values of [serve.oidc.roles]: role_claim = \"groups\"");
    }
    if claim.is_none() && by_value.is_empty() && people.is_empty() {
        section
            .missing("people", "nobody would be let in: name people in [serve.oidc.people], or a `role_claim` and [serve.oidc.roles]");
    }
    section.end();
    // Addresses are compared in small letters; the provider's own keys are in whatever letters they are.
    let mut by_person = people.clone();
    by_person.extend(people.into_iter().filter(|(name, _)| name.contains('@')).map(|(name, role)| (name.to_lowercase(), role)));
    let roles = Roles { claim: claim.map(|text| text.text), by_value, by_person };
    let settings = Oidc { issuer: issuer?, client_id: client_id?.text, secret: Secret::new(""), scopes: scopes?, roles };
    Some(OidcConnection { settings, secret: secret? })
}

/// An issuer's address: https, or this machine.
fn address(context: &Context<'_>, text: Text) -> Option<String> {
    let uri: Option<http::Uri> = text.text.parse().ok();
    let right = uri.as_ref().is_some_and(|uri| {
        let near = uri.host().is_some_and(super::near);
        let plain = uri.authority().is_some_and(|authority| !authority.as_str().contains('@')) && uri.query().is_none();
        plain && !text.text.contains('#') && (uri.scheme_str() == Some("https") || (uri.scheme_str() == Some("http") && near))
    });
    if right {
        return Some(text.text);
    }
    let next = "write it as the provider's discovery document has it: an https address (http is for this machine only) without ? and #";
    context.problems.add(format!("`issuer` is no address of a provider: \"{}\"", text.text), &text.span, "here", next);
    None
}

fn scope(context: &Context<'_>, text: Text) -> Option<String> {
    // RFC 6749, appendix A.4.
    let fits = !text.text.is_empty() && text.text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\');
    if !fits {
        let next = "write one scope a text, as the provider names it: scopes = [\"email\", \"groups\"]";
        context.problems.add(format!("`scopes` cannot have \"{}\"", text.text), &text.span, "no scope", next);
    }
    fits.then_some(text.text)
}

/// Values, or people, and the role of each.
fn roles(context: &Context<'_>, mut section: Section<'_>) -> BTreeMap<String, Role> {
    let mut found = BTreeMap::new();
    for (name, value) in section.rest() {
        let Some(text) = text_of(section.source(), value) else {
            wrong_type(context.problems, &format!("`{}`", name.text), value, "a role in quotes");
            continue;
        };
        match text.text.parse() {
            Ok(role) => drop(found.insert(name.text, role)),
            Err(_) => {
                let words = Role::ALL.map(Role::word);
                let next = match problem::nearest(&text.text, words) {
                    Some(near) => format!("did you mean \"{near}\"?"),
                    None => format!("the roles are {}", words.join(", ")),
                };
                context.problems.add(format!("there is no role \"{}\"", text.text), &text.span, "not known", next);
            }
        }
    }
    section.end();
    found
}
