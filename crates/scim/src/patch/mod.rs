//! PATCH (RFC 7644, section 3.5.2): read once against a resource type, then applied whole or not at all.

mod apply;
mod elements;
mod parse;
mod target;

use std::fmt;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::filter::ElementFilter;
use crate::path::Path;
use crate::schema::{Attribute, Schema};
use crate::urn;

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A value is set, or put beside those of a list.
    Add,
    /// A value takes the place of another, or of a whole list.
    Replace,
    /// A value is taken away.
    Remove,
}

/// Where an operation does it. Prints as the path of a PATCH operation.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// An attribute or a part of it; a part of a list is the part of each element.
    Attribute(Path),
    /// The elements of a list that are so, or (with a part in the path) that part of them.
    Elements(Path, ElementFilter),
    /// All of an extension; only removed, setting it is setting its attributes.
    Extension(Arc<Schema>),
}

/// One change. What a request says in one operation may be several: a value without a path is one for each of its members, and an
/// object for a complex attribute one for each of its parts.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// What is done.
    pub action: Action,
    /// Where.
    pub target: Target,
    /// With what, typed as the attribute is. For `Remove`: the elements to take away where the request lists them.
    pub value: Option<Value>,
}

/// A PATCH request, read and typed. Callers that keep an attribute elsewhere (members as rows) take its changes out of
/// [`changes`](Self::changes) and apply the others.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Patch {
    /// In the order in which they are applied.
    pub changes: Vec<Change>,
}

impl Action {
    /// As it stands in a request.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Replace => "replace",
            Self::Remove => "remove",
        }
    }
}

impl Target {
    /// The attribute that is changed; `None` for a whole extension.
    pub fn attribute(&self) -> Option<&Arc<Attribute>> {
        match self {
            Self::Attribute(path) | Self::Elements(path, _) => Some(&path.attribute),
            Self::Extension(_) => None,
        }
    }

    /// Whether it is this attribute of the base schema, or a part or elements of it.
    pub fn is_of(&self, name: &str) -> bool {
        match self {
            Self::Attribute(path) | Self::Elements(path, _) => {
                path.extension.is_none() && path.attribute.name.eq_ignore_ascii_case(name)
            }
            Self::Extension(_) => false,
        }
    }
}

impl Change {
    /// The operation of a request that says this.
    pub fn to_json(&self) -> Value {
        let mut operation = json!({"op": self.action.as_str(), "path": self.target.to_string()});
        if let Some(value) = &self.value {
            operation["value"] = value.clone();
        }
        operation
    }
}

impl Patch {
    /// The body of a request that says this.
    pub fn to_json(&self) -> Value {
        json!({"schemas": [urn::PATCH_OP], "Operations": self.changes.iter().map(Change::to_json).collect::<Vec<_>>()})
    }
}

impl fmt::Display for Target {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Attribute(path) => path.fmt(to),
            Self::Extension(schema) => to.write_str(&schema.id),
            Self::Elements(path, filter) => {
                let whole = Path { sub: None, ..path.clone() };
                write!(to, "{whole}[{filter}]")?;
                match &path.sub {
                    Some(sub) => write!(to, ".{}", sub.name),
                    None => Ok(()),
                }
            }
        }
    }
}
