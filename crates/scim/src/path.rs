//! Names of attributes, resolved against a resource type (RFC 7644, section 3.10).

use std::fmt;
use std::sync::{Arc, LazyLock};

use serde_json::{Map, Value};

use crate::ResourceType;
use crate::schema::{Attribute, Kind, Schema};

/// An attribute of a resource, or a part of one. Prints as it is written: `userName`, `name.familyName`,
/// `urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department`.
#[derive(Clone, Debug, PartialEq)]
pub struct Path {
    /// The extension whose attribute it is; `None` for the base schema.
    pub extension: Option<Arc<Schema>>,
    /// The attribute.
    pub attribute: Arc<Attribute>,
    /// The part of it.
    pub sub: Option<Arc<Attribute>>,
}

/// What a name may mean.
#[derive(Clone, Debug, PartialEq)]
pub enum Named {
    /// An attribute or a part of one.
    Attribute(Path),
    /// A whole extension, by its URN.
    Extension(Arc<Schema>),
}

impl Path {
    /// Resolves a name: `userName`, `name.familyName`, or either after its schema's URN and a colon; in any case.
    /// `loose` finds attributes of extensions without their URN too, and takes a dot for the last colon.
    ///
    /// # Errors
    /// In words, what is wrong with the name.
    pub fn resolve(kind: &ResourceType, text: &str, loose: bool) -> Result<Named, String> {
        if starts_with(text, "urn:") {
            return Self::of_urn(kind, text, loose);
        }
        let (name, rest) = split(text);
        let found = kind.attribute(name).map(|attribute| (None, attribute));
        let within = || kind.extensions.iter().find_map(|one| Some((Some(&one.schema), one.schema.attribute(name)?)));
        let found = found.or_else(|| if loose { within() } else { None });
        let Some((extension, attribute)) = found else {
            return Err(format!("{} has no attribute {}{}", kind.name, quoted(name), nearest(kind, name)));
        };
        Self::part(extension, attribute, rest).map(Named::Attribute)
    }

    fn of_urn(kind: &ResourceType, text: &str, loose: bool) -> Result<Named, String> {
        for (at, schema) in kind.schemas().enumerate() {
            if !starts_with(text, &schema.id) {
                continue;
            }
            let extension = (at > 0).then_some(schema);
            let rest = &text[schema.id.len()..];
            if rest.is_empty() {
                return match extension {
                    Some(schema) => Ok(Named::Extension(schema.clone())),
                    None => Err(format!("{text} is the schema of the whole resource; name an attribute after it")),
                };
            }
            let Some(rest) = rest.strip_prefix(':').or_else(|| if loose { rest.strip_prefix('.') } else { None }) else { continue };
            let (name, rest) = split(rest);
            let attribute = match extension {
                None => kind.attribute(name),
                Some(schema) => schema.attribute(name),
            };
            let attribute = attribute.ok_or_else(|| format!("{} has no attribute {}", schema.id, quoted(name)))?;
            return Self::part(extension, attribute, rest).map(Named::Attribute);
        }
        Err(format!("{} has no schema {}", kind.name, quoted(text)))
    }

    fn part(extension: Option<&Arc<Schema>>, attribute: &Arc<Attribute>, rest: Option<&str>) -> Result<Self, String> {
        let sub = match rest {
            None => None,
            Some(name) => Some(part_of(attribute, name)?),
        };
        Ok(Self { extension: extension.cloned(), attribute: attribute.clone(), sub })
    }

    /// A part of an element, as names in a value path are (`emails[type eq "work"]`).
    pub(crate) fn within(attribute: &Attribute, text: &str) -> Result<Self, String> {
        Ok(Self { extension: None, attribute: part_of(attribute, text)?, sub: None })
    }

    /// A name that nothing has: for filters over several resource types (RFC 7644, section 3.4.2.1).
    pub(crate) fn absent(name: &str) -> Self {
        Self { extension: None, attribute: Arc::new(Attribute::new(name, Kind::String, "")), sub: None }
    }

    /// What is compared: the part, or the attribute itself.
    pub fn leaf(&self) -> &Arc<Attribute> {
        self.sub.as_ref().unwrap_or(&self.attribute)
    }

    /// Whether it is this one, written as it prints, in any case: `path.is("emails.value")`.
    pub fn is(&self, text: &str) -> bool {
        let rest = match &self.extension {
            None => Some(text),
            Some(schema) if starts_with(text, &schema.id) => text[schema.id.len()..].strip_prefix(':'),
            Some(_) => None,
        };
        let Some((name, part)) = rest.map(split) else { return false };
        name.eq_ignore_ascii_case(&self.attribute.name)
            && match (&self.sub, part) {
                (None, None) => true,
                (Some(sub), Some(part)) => part.eq_ignore_ascii_case(&sub.name),
                _ => false,
            }
    }

    /// The attribute's value in a resource whose names are spelled as its schemas spell them.
    pub fn get<'a>(&self, resource: &'a Map<String, Value>) -> Option<&'a Value> {
        match &self.extension {
            None => resource.get(&self.attribute.name),
            Some(schema) => resource.get(&schema.id)?.as_object()?.get(&self.attribute.name),
        }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(schema) = &self.extension {
            write!(to, "{}:", schema.id)?;
        }
        to.write_str(&self.attribute.name)?;
        match &self.sub {
            Some(sub) => write!(to, ".{}", sub.name),
            None => Ok(()),
        }
    }
}

/// The sub-attribute of this name; the one of a simple attribute is called `value`.
pub(crate) fn part_of(attribute: &Attribute, name: &str) -> Result<Arc<Attribute>, String> {
    static SIMPLE: LazyLock<Arc<Attribute>> = LazyLock::new(|| Arc::new(Attribute::new("value", Kind::String, "The value itself.")));
    if attribute.kind != Kind::Complex && attribute.multi && name.eq_ignore_ascii_case("value") {
        return Ok(if attribute.kind == Kind::String && !attribute.case_exact {
            SIMPLE.clone()
        } else {
            Arc::new(Attribute { name: "value".into(), multi: false, ..attribute.clone() })
        });
    }
    attribute.sub(name).cloned().ok_or_else(|| format!("{} has no part {}", attribute.name, quoted(name)))
}

/// Whether it could be the name of an attribute of some schema.
pub(crate) fn is_name(word: &str) -> bool {
    word.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && word.chars().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '.' | ':' | '_' | '-' | '$'))
}

/// Text within quotes, cut where it is long.
pub(crate) fn quoted(text: &str) -> String {
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}

/// Whether text begins with ASCII text, in any case.
pub(crate) fn starts_with(text: &str, beginning: &str) -> bool {
    text.get(..beginning.len()).is_some_and(|start| start.eq_ignore_ascii_case(beginning))
}

fn split(text: &str) -> (&str, Option<&str>) {
    match text.split_once('.') {
        Some((name, rest)) => (name, Some(rest)),
        None => (text, None),
    }
}

/// `; did you mean …` where a schema has a name that differs in little.
fn nearest(kind: &ResourceType, name: &str) -> String {
    let all = kind.schemas().flat_map(|schema| schema.attributes.iter());
    let plain = |text: &str| text.to_ascii_lowercase().replace(['_', '-'], "");
    let wanted = plain(name);
    let near = all.into_iter().find(|one| {
        let known = plain(&one.name);
        known == wanted || known.trim_end_matches('s') == wanted.trim_end_matches('s')
    });
    near.map(|one| format!("; did you mean {}?", one.name)).unwrap_or_default()
}
