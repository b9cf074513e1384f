//! Schemas and the characteristics of their attributes (RFC 7643, sections 2, 7 and 8.7), as data.

mod core;
mod discovery;
mod json;

use std::sync::Arc;

pub use self::core::{common, enterprise_user, group, user};
pub use self::discovery::{resource_type, schema, service_provider_config};

/// What kind of value an attribute has (RFC 7643, section 2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    String,
    /// True or false.
    Boolean,
    /// A number with a fraction.
    Decimal,
    /// A whole number.
    Integer,
    /// An instant, `xsd:dateTime`.
    DateTime,
    /// Bytes, in base64.
    Binary,
    /// A URI.
    Reference,
    /// An object of sub-attributes.
    Complex,
}

/// Who may write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutability {
    /// Only the server.
    ReadOnly,
    /// Anybody, any time.
    ReadWrite,
    /// Set once.
    Immutable,
    /// Written and never shown.
    WriteOnly,
}

/// When it is in answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Returned {
    /// Always, asked for or not.
    Always,
    /// Never.
    Never,
    /// Unless a request says otherwise.
    Default,
    /// Only when asked for.
    Request,
}

/// Among which resources a value is unique.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uniqueness {
    /// None.
    None,
    /// Those of this server.
    Server,
    /// All of the world.
    Global,
}

/// An attribute and its characteristics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// As it is spelled; compared without case.
    pub name: String,
    /// For people.
    pub description: String,
    /// What its values are.
    pub kind: Kind,
    /// A list of values.
    pub multi: bool,
    /// A resource has to have one.
    pub required: bool,
    /// Case counts when values are compared.
    pub case_exact: bool,
    /// Who may write it.
    pub mutability: Mutability,
    /// When it is in answers.
    pub returned: Returned,
    /// Among which resources a value is unique.
    pub uniqueness: Uniqueness,
    /// Values that are suggested.
    pub canonical: Vec<String>,
    /// What a reference may point to.
    pub reference_types: Vec<String>,
    /// Of a complex attribute.
    pub sub: Vec<Arc<Attribute>>,
}

impl Attribute {
    /// An attribute with the characteristics that RFC 7643, section 2.2, gives where nothing is said. Case counts for references
    /// and bytes (sections 2.3.6 and 2.3.7).
    pub fn new(name: &str, kind: Kind, description: &str) -> Self {
        Self {
            name: name.to_owned(),
            description: description.to_owned(),
            kind,
            multi: false,
            required: false,
            case_exact: matches!(kind, Kind::Reference | Kind::Binary),
            mutability: Mutability::ReadWrite,
            returned: Returned::Default,
            uniqueness: Uniqueness::None,
            canonical: Vec::new(),
            reference_types: Vec::new(),
            sub: Vec::new(),
        }
    }

    /// A complex attribute of these sub-attributes.
    pub fn complex(name: &str, description: &str, sub: impl IntoIterator<Item = Attribute>) -> Self {
        Self { sub: sub.into_iter().map(Arc::new).collect(), ..Self::new(name, Kind::Complex, description) }
    }

    /// With a list of values.
    pub fn multi(self) -> Self {
        Self { multi: true, ..self }
    }

    /// Every resource has to have it.
    pub fn required(self) -> Self {
        Self { required: true, ..self }
    }

    /// Case counts.
    pub fn exact(self) -> Self {
        Self { case_exact: true, ..self }
    }

    /// Who may write it.
    pub fn mutability(self, mutability: Mutability) -> Self {
        Self { mutability, ..self }
    }

    /// When it is in answers.
    pub fn returned(self, returned: Returned) -> Self {
        Self { returned, ..self }
    }

    /// Among which resources a value is unique.
    pub fn unique(self, uniqueness: Uniqueness) -> Self {
        Self { uniqueness, ..self }
    }

    /// With suggested values.
    pub fn canonical(self, values: &[&str]) -> Self {
        Self { canonical: values.iter().map(|&value| value.to_owned()).collect(), ..self }
    }

    /// Pointing to these resource types, to `external` or to `uri`.
    pub fn refers(self, types: &[&str]) -> Self {
        Self { reference_types: types.iter().map(|&kind| kind.to_owned()).collect(), ..self }
    }

    /// The sub-attribute of this name, in any case.
    pub fn sub(&self, name: &str) -> Option<&Arc<Attribute>> {
        find(&self.sub, name)
    }

    /// Read by everybody, written by the server only.
    pub fn is_read_only(&self) -> bool {
        self.mutability == Mutability::ReadOnly
    }
}

/// A schema: a URN and its attributes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema {
    /// Its URN.
    pub id: String,
    /// For people.
    pub name: String,
    /// For people.
    pub description: String,
    /// Its attributes; those that all resources have ([`common`]) are not among them.
    pub attributes: Vec<Arc<Attribute>>,
}

impl Schema {
    /// A schema.
    pub fn new(id: &str, name: &str, description: &str, attributes: impl IntoIterator<Item = Attribute>) -> Self {
        Self {
            id: id.to_owned(),
            name: name.to_owned(),
            description: description.to_owned(),
            attributes: attributes.into_iter().map(Arc::new).collect(),
        }
    }

    /// The attribute of this name, in any case.
    pub fn attribute(&self, name: &str) -> Option<&Arc<Attribute>> {
        find(&self.attributes, name)
    }

    /// The same schema with one attribute changed, for servers that ask for more or less than the RFC does.
    /// An attribute that it does not have changes nothing.
    pub fn with(mut self, name: &str, change: impl FnOnce(Attribute) -> Attribute) -> Self {
        if let Some(attribute) = self.attributes.iter_mut().find(|attribute| attribute.name.eq_ignore_ascii_case(name)) {
            *attribute = Arc::new(change(Attribute::clone(attribute)));
        }
        self
    }

    /// The same schema without one attribute.
    pub fn without(mut self, name: &str) -> Self {
        self.attributes.retain(|attribute| !attribute.name.eq_ignore_ascii_case(name));
        self
    }
}

/// The attribute of this name, in any case.
fn find<'a>(attributes: &'a [Arc<Attribute>], name: &str) -> Option<&'a Arc<Attribute>> {
    attributes.iter().find(|attribute| attribute.name.eq_ignore_ascii_case(name))
}
