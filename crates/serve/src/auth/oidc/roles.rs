//! What somebody may do whom an OpenID provider vouches for: by name, else by what it says of them; else nothing.

use std::collections::BTreeMap;

use model::Role;
use serde_json::Value;

/// Who has which role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roles {
    /// The claim that says it, by its name or by the path to it: `groups`, `realm_access.roles`.
    pub claim: Option<String>,
    /// What a value of that claim gives.
    pub by_value: BTreeMap<String, Role>,
    /// What people have who are named: by the provider's own key for them (`sub`), or by e-mail address, in small letters.
    pub by_person: BTreeMap<String, Role>,
}

/// Whom a provider vouches for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Who {
    /// Which provider.
    pub(crate) issuer: String,
    /// Its own key for them: never another's, never changed.
    pub(crate) subject: String,
    /// The e-mail address, and whether the provider has verified it.
    pub(crate) email: Option<(String, bool)>,
    /// The values of the claim that says roles.
    pub(crate) values: Vec<String>,
}

impl Who {
    /// The name under which they ask and decide: stable, and nobody else's.
    pub(crate) fn name(&self) -> String {
        format!("{}#{}", self.issuer, self.subject)
    }

    /// What people call them.  An address that nobody verified may be anybody's, and says so.
    pub(crate) fn called(&self) -> String {
        match &self.email {
            Some((email, true)) => email.clone(),
            Some((email, false)) => format!("{email} (not verified)"),
            None => self.name(),
        }
    }
}

impl Roles {
    /// Their role: the one that their name has, else the highest that the claim gives; nobody has one by default.
    pub(crate) fn of(&self, who: &Who) -> Option<Role> {
        let verified = who.email.as_ref().filter(|(_, verified)| *verified).map(|(email, _)| email.to_lowercase());
        let named = self.by_person.get(&who.subject).or_else(|| self.by_person.get(&verified?));
        named.copied().or_else(|| who.values.iter().filter_map(|value| self.by_value.get(value)).max().copied())
    }

    /// What the claim says, where it is there: one text, or a list of them.
    pub(super) fn values(&self, claims: &BTreeMap<String, Value>) -> Option<Vec<String>> {
        let path = self.claim.as_deref()?;
        let found = claims.get(path).or_else(|| {
            let (first, rest) = path.split_once('.')?;
            rest.split('.').try_fold(claims.get(first)?, |value, name| value.get(name))
        })?;
        let one = |value: &Value| value.as_str().map(str::to_owned);
        match found {
            Value::Array(list) => Some(list.iter().filter_map(one).collect()),
            value => Some(one(value).into_iter().collect()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(subject: &str, email: Option<(&str, bool)>, values: &[&str]) -> Who {
        let email = email.map(|(email, verified)| (email.to_owned(), verified));
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        Who { issuer: "https://login.acme.example".into(), subject: subject.into(), email, values }
    }

    #[test]
    fn a_role_is_given_by_name_then_by_claim_and_never_by_default() {
        let roles = Roles {
            claim: Some("groups".into()),
            by_value: [("it".to_owned(), Role::Operator), ("boss".to_owned(), Role::Approver)].into(),
            by_person: [("amy@acme.example".to_owned(), Role::Admin), ("s-7".to_owned(), Role::Viewer)].into(),
        };
        assert_eq!(roles.of(&who("s-1", Some(("Amy@Acme.example", true)), &[])), Some(Role::Admin));
        assert_eq!(roles.of(&who("s-1", Some(("amy@acme.example", false)), &[])), None, "anybody can say that they are Amy");
        assert_eq!(roles.of(&who("s-1", Some(("amy@acme.example", false)), &["it", "other", "boss"])), Some(Role::Approver));
        assert_eq!(roles.of(&who("s-7", None, &["boss"])), Some(Role::Viewer), "who is named has what stands there, not more");
        assert_eq!(roles.of(&who("s-2", None, &["other"])), None);
        assert_eq!(Roles::default().of(&who("s-1", Some(("amy@acme.example", true)), &["it"])), None);
    }

    #[test]
    fn a_claim_is_found_by_its_name_or_its_path_and_is_a_text_or_a_list() {
        let said = serde_json::json!({
            "groups": ["a", 7, "b"], "department": "IT", "https://acme.example/role": "admin",
            "realm_access": { "roles": ["c"] }, "odd": { "a": 1 },
        });
        let claims: BTreeMap<String, Value> = serde_json::from_value(said).unwrap();
        let values = |claim: &str| Roles { claim: Some(claim.into()), ..Roles::default() }.values(&claims);
        let some = |all: &[&str]| Some(all.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>());
        assert_eq!(values("groups"), some(&["a", "b"]));
        assert_eq!(values("department"), some(&["IT"]));
        assert_eq!(values("https://acme.example/role"), some(&["admin"]));
        assert_eq!(values("realm_access.roles"), some(&["c"]));
        assert_eq!(values("odd"), some(&[]));
        assert_eq!((values("realm_access.other"), values("nothing"), Roles::default().values(&claims)), (None, None, None));
    }

    #[test]
    fn two_people_of_one_address_are_two() {
        let (one, other) = (who("s-1", Some(("amy@acme.example", true)), &[]), who("s-2", Some(("amy@acme.example", true)), &[]));
        assert_eq!(one.called(), other.called());
        assert_ne!(one.name(), other.name());
        assert_eq!(who("s-1", Some(("amy@new.example", false)), &[]).name(), one.name(), "and one who is called something else is one");
        assert!(who("s-1", Some(("boss@acme.example", false)), &[]).called().contains("not verified"));
    }
}
