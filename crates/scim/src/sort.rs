//! Sorting (RFC 7644, section 3.4.2.3).

use std::cmp::Ordering;

use serde_json::{Map, Number, Value};

use crate::filter::numbers;
use crate::instant::Instant;
use crate::path::{Named, Path};
use crate::schema::Kind;
use crate::value::is_primary;
use crate::{Error, Leniency, ResourceType, ScimType, fold};

/// By which attribute a list is sorted, and which way.
#[derive(Clone, Debug, PartialEq)]
pub struct Sort {
    /// A simple attribute, or a part of a complex one.
    pub path: Path,
    /// The greatest first.
    pub descending: bool,
}

/// What a resource is sorted by; ascending, those without a value are last.
#[derive(Clone, Debug, PartialEq)]
pub enum SortKey {
    /// False before true.
    Boolean(bool),
    /// By size.
    Number(Number),
    /// By time.
    Instant(Instant),
    /// By its letters, folded where case does not count.
    Text(String),
    /// No value.
    None,
}

impl Eq for SortKey {}

impl PartialOrd for SortKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for SortKey {
    fn cmp(&self, other: &Self) -> Ordering {
        let rank = |key: &Self| match key {
            Self::Boolean(_) => 0,
            Self::Number(_) => 1,
            Self::Instant(_) => 2,
            Self::Text(_) => 3,
            Self::None => 4,
        };
        match (self, other) {
            (Self::Boolean(a), Self::Boolean(b)) => a.cmp(b),
            (Self::Number(a), Self::Number(b)) => numbers(a, b).unwrap_or(Ordering::Equal),
            (Self::Instant(a), Self::Instant(b)) => a.cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (a, b) => rank(a).cmp(&rank(b)),
        }
    }
}

impl Sort {
    /// Reads `sortBy`. A complex attribute is sorted by its `value`.
    ///
    /// # Errors
    /// `invalidValue` where it names nothing that can be sorted by.
    pub fn parse(kind: &ResourceType, by: &str, descending: bool, leniency: &Leniency) -> Result<Self, Error> {
        let wrong = |why: String| Error::bad(ScimType::InvalidValue, format!("sortBy: {why}"));
        let path = match Path::resolve(kind, by.trim(), leniency.loose_paths).map_err(wrong)? {
            Named::Attribute(path) => path,
            Named::Extension(schema) => return Err(wrong(format!("{} is a whole extension; name an attribute after it", schema.id))),
        };
        if path.leaf().kind != Kind::Complex {
            return Ok(Self { path, descending });
        }
        match path.attribute.sub("value") {
            Some(value) => Ok(Self { path: Path { sub: Some(value.clone()), ..path }, descending }),
            None => Err(wrong(format!("{path} cannot be sorted by; name a part of it"))),
        }
    }

    /// What a resource is sorted by: of a list, the primary element, else the first.
    pub fn key(&self, resource: &Map<String, Value>) -> SortKey {
        let value = match self.path.get(resource) {
            Some(Value::Array(all)) => all.iter().find(|one| is_primary(one)).or_else(|| all.first()),
            other => other,
        };
        let value = match (&self.path.sub, value) {
            (Some(sub), Some(Value::Object(object))) => object.get(&sub.name),
            (_, value) => value,
        };
        let leaf = self.path.leaf();
        match value {
            Some(Value::Bool(value)) => SortKey::Boolean(*value),
            Some(Value::Number(value)) => SortKey::Number(value.clone()),
            Some(Value::String(text)) => match leaf.kind {
                Kind::DateTime => Instant::parse(text).map_or(SortKey::None, SortKey::Instant),
                _ if leaf.case_exact => SortKey::Text(text.clone()),
                _ => SortKey::Text(fold(text)),
            },
            _ => SortKey::None,
        }
    }

    /// How two keys stand to each other in this order; descending, those without a value are first.
    pub fn order(&self, a: &SortKey, b: &SortKey) -> Ordering {
        if self.descending { b.cmp(a) } else { a.cmp(b) }
    }
}
