//! Filters (RFC 7644, section 3.4.2.2): read once against a resource type, then asked of any number of resources.

mod eval;
mod parse;
mod print;
mod text;

use serde_json::{Map, Value};

pub use self::parse::{MAX_DEPTH, MAX_LENGTH};
pub use self::text::fold;
use crate::instant::Instant;
use crate::path::Path;
use crate::schema::Attribute;
use crate::{Error, Leniency, ResourceType};

pub(crate) use self::eval::numbers;
pub(crate) use self::parse::Parser;

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operator {
    /// Equal.
    Eq,
    /// Not equal.
    Ne,
    /// Contains.
    Co,
    /// Starts with.
    Sw,
    /// Ends with.
    Ew,
    /// Greater.
    Gt,
    /// Greater or equal.
    Ge,
    /// Less.
    Lt,
    /// Less or equal.
    Le,
}

/// What an attribute is compared with, typed as the attribute is.
#[derive(Clone, Debug, PartialEq)]
pub enum Operand {
    /// No value.
    Null,
    /// For booleans.
    Boolean(bool),
    /// For numbers.
    Number(serde_json::Number),
    /// For times that are compared as instants.
    Instant {
        /// As it was written.
        text: String,
        /// What it means.
        instant: Instant,
    },
    /// For everything else.
    Text {
        /// As it was written.
        text: String,
        /// Folded where case does not count ([`fold`]); `None` where it does.
        folded: Option<String>,
    },
}

/// One comparison.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// What is compared. Within [`Node::Any`] it is a part of the element.
    pub path: Path,
    /// How.
    pub operator: Operator,
    /// With what.
    pub operand: Operand,
}

/// A filter as a tree. `And` and `Or` have two parts at least.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// All of these.
    And(Vec<Node>),
    /// One of these.
    Or(Vec<Node>),
    /// Not this.
    Not(Box<Node>),
    /// The attribute has a value.
    Present(Path),
    /// A comparison.
    Compare(Comparison),
    /// One element of the attribute is so (`emails[type eq "work"]`).
    Any(Path, Box<Node>),
}

/// A filter, read and typed.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    root: Node,
}

impl Filter {
    /// Reads a filter against the attributes of a resource type.
    ///
    /// # Errors
    /// `invalidFilter`, with the place in the text: the grammar, a name that no schema has, a comparison that the attribute's
    /// type does not have, more than [`MAX_LENGTH`] bytes or [`MAX_DEPTH`] brackets within each other.
    pub fn parse(kind: &ResourceType, text: &str, leniency: &Leniency) -> Result<Self, Error> {
        Parser::resource(kind, text, leniency).filter().map(|root| Self { root })
    }

    /// The same for a filter over several resource types at once: what this type does not have is taken as having no value
    /// (RFC 7644, section 3.4.2.1).
    ///
    /// # Errors
    /// As [`parse`](Self::parse), unknown names apart.
    pub fn parse_any(kind: &ResourceType, text: &str, leniency: &Leniency) -> Result<Self, Error> {
        Parser::resource(kind, text, leniency).absent().filter().map(|root| Self { root })
    }

    /// Whether a resource is so. Its names are spelled as its schemas spell them, as [`ResourceType::create`] leaves them.
    pub fn matches(&self, resource: &Map<String, Value>) -> bool {
        eval::matches(&self.root, eval::Subject::Object(resource))
    }

    /// The tree, for whoever makes an indexed query of it.
    pub fn root(&self) -> &Node {
        &self.root
    }

    /// The comparisons that every match satisfies: an index over one of them finds all candidates. For an element of a list
    /// (`emails[value eq "a@b.c"]`) the path is the element's whole one (`emails.value`).
    pub fn must(&self) -> Vec<(Path, &Comparison)> {
        let mut found = Vec::new();
        narrowing(&self.root, None, &mut found);
        found
    }
}

fn narrowing<'a>(node: &'a Node, within: Option<&Path>, found: &mut Vec<(Path, &'a Comparison)>) {
    match node {
        Node::And(all) => all.iter().for_each(|one| narrowing(one, within, found)),
        Node::Any(path, node) => narrowing(node, Some(path), found),
        Node::Compare(comparison) => {
            let path = match within {
                None => comparison.path.clone(),
                Some(path) => Path { sub: Some(comparison.path.attribute.clone()), ..path.clone() },
            };
            found.push((path, comparison));
        }
        Node::Or(_) | Node::Not(_) | Node::Present(_) => {}
    }
}

/// A filter over the elements of one attribute, as the path of a PATCH operation has it.
#[derive(Clone, Debug, PartialEq)]
pub struct ElementFilter {
    pub(crate) root: Node,
}

impl ElementFilter {
    /// Whether an element is so.
    pub fn matches(&self, element: &Value) -> bool {
        let subject = match element {
            Value::Object(object) => eval::Subject::Object(object),
            other => eval::Subject::Simple(other),
        };
        eval::matches(&self.root, subject)
    }

    /// The tree; its paths are parts of an element.
    pub fn root(&self) -> &Node {
        &self.root
    }

    /// The part and its text where the filter is nothing but one comparison `part eq "text"`: what finds a member.
    pub fn equals(&self) -> Option<(&Attribute, &str)> {
        match &self.root {
            Node::Compare(Comparison { path, operator: Operator::Eq, operand: Operand::Text { text, .. } }) => {
                Some((&path.attribute, text))
            }
            _ => None,
        }
    }
}
