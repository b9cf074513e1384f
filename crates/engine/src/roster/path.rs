//! Where a value stands in a SCIM record, in the words of RFC 7644 section 3.10: `name.givenName`, `emails[type eq "work"].value`,
//! `urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department`.

use serde_json::{Map, Value};

/// One path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScimPath {
    schema: Option<String>,
    attribute: String,
    /// Of several values, the one whose member is this.
    only: Option<(String, String)>,
    member: Option<String>,
}

impl ScimPath {
    /// Reads a path.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let before_filter = text.find('[').unwrap_or(text.len());
        let is_urn = text.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("urn:"));
        let (schema, rest) = match text[..before_filter].rfind(':') {
            Some(at) if is_urn => (Some(text[..at].to_owned()), &text[at + 1..]),
            Some(_) => return Err(format!("\"{text}\" has a colon, and is no URN")),
            None => (None, text),
        };
        let (head, only, tail) = match rest.split_once('[') {
            None => match rest.split_once('.') {
                Some((head, member)) => (head, None, Some(member)),
                None => (rest, None, None),
            },
            Some((head, filtered)) => {
                let (filter, tail) = filtered.rsplit_once(']').ok_or_else(|| format!("\"{text}\" has a [ that is not closed"))?;
                let tail = match tail.strip_prefix('.') {
                    Some(member) => Some(member),
                    None if tail.is_empty() => None,
                    None => return Err(format!("\"{text}\" goes on after its ] without a point")),
                };
                (head, Some(filter_of(text, filter)?), tail)
            }
        };
        let (attribute, member) = (named(text, head)?, tail.map(|member| named(text, member)).transpose()?);
        Ok(Self { schema, attribute, only, member })
    }

    /// The value as text; none where the record has none there.  Of several values it is the primary one, else the first.
    pub fn text_in(&self, record: &Value) -> Option<String> {
        let mut place = record.as_object()?;
        if let Some(schema) = &self.schema {
            place = get(place, schema)?.as_object()?;
        }
        let mut value = get(place, &self.attribute)?;
        if let Value::Array(list) = value {
            let is = |item: &&Value, name: &str, wanted: &str| {
                item.as_object().and_then(|item| get(item, name)).and_then(plain).is_some_and(|text| text.eq_ignore_ascii_case(wanted))
            };
            value = match &self.only {
                Some((name, wanted)) => list.iter().find(|item| is(item, name, wanted))?,
                None => list.iter().find(|item| is(item, "primary", "true")).or(list.first())?,
            };
        }
        match (value, &self.member) {
            (Value::Object(object), Some(member)) => plain(get(object, member)?),
            (Value::Object(object), None) => plain(get(object, "value")?),
            (value, None) => plain(value),
            // Some say a manager as text where the schema has an object.
            (value, Some(member)) if member.eq_ignore_ascii_case("value") => plain(value),
            (_, Some(_)) => None,
        }
    }
}

/// `type eq "work"`.
fn filter_of(path: &str, filter: &str) -> Result<(String, String), String> {
    let bad = || format!("\"{path}\": only [MEMBER eq \"VALUE\"] is understood between brackets");
    let mut words = filter.trim().splitn(3, ' ');
    let (Some(name), Some(operator), Some(value)) = (words.next(), words.next(), words.next()) else { return Err(bad()) };
    let value = value.trim();
    let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
    if !operator.eq_ignore_ascii_case("eq") || value.is_empty() || value.contains('"') {
        return Err(bad());
    }
    Ok((named(path, name)?, value.to_owned()))
}

fn named(path: &str, name: &str) -> Result<String, String> {
    let fine = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '$')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '$' | '-' | '_'));
    if fine { Ok(name.to_owned()) } else { Err(format!("\"{path}\": \"{name}\" is no name of a SCIM attribute")) }
}

/// A member whatever the case of its name (RFC 7643 section 2.1).
fn get<'v>(object: &'v Map<String, Value>, name: &str) -> Option<&'v Value> {
    object.get(name).or_else(|| object.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value))
}

fn plain(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.split_whitespace().collect::<Vec<_>>().join(" "),
        Value::Number(number) => number.to_string(),
        Value::Bool(yes) => yes.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => return None,
    };
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_found_where_the_rfc_says() {
        let enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
        let record = json!({
            "userName": "ada@acme.example", "active": true, "name": {"givenName": " Ada  B. "},
            "emails": [{"type": "home", "value": "a@home.example"}, {"type": "work", "value": "ada@acme.example", "primary": "True"}],
            enterprise: {"department": "Sales", "manager": {"value": "7"}, "employeeNumber": 12},
        });
        let text = |path: &str| ScimPath::parse(path).unwrap().text_in(&record);
        for (path, value) in [
            ("username", Some("ada@acme.example")),
            ("name.givenName", Some("Ada B.")),
            ("emails[type eq \"home\"].value", Some("a@home.example")),
            ("emails.value", Some("ada@acme.example")),
            ("emails", Some("ada@acme.example")),
            ("emails[type eq \"other\"].value", None),
            ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department", Some("Sales")),
            ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value", Some("7")),
            ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber", Some("12")),
            ("nickName", None),
        ] {
            assert_eq!(text(path).as_deref(), value, "{path}");
        }
    }

    #[test]
    fn what_is_no_path_says_why() {
        for (path, why) in [
            ("", "no name"),
            ("emails[type eq \"work\"", "not closed"),
            ("emails[type ne \"work\"].value", "[MEMBER eq"),
            ("emails[type eq \"work\"]value", "without a point"),
            ("a:b", "no URN"),
            ("name.given name", "no name"),
        ] {
            let error = ScimPath::parse(path).expect_err(path);
            assert!(error.contains(why), "{path}: {error}");
        }
    }
}
