//! Schemas as documents (RFC 7643, section 8.7), written and read.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{Attribute, Kind, Mutability, Returned, Schema, Uniqueness};
use crate::{Error, ScimType, urn};

impl Kind {
    /// As it stands in a schema document.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Boolean => "boolean",
            Self::Decimal => "decimal",
            Self::Integer => "integer",
            Self::DateTime => "dateTime",
            Self::Binary => "binary",
            Self::Reference => "reference",
            Self::Complex => "complex",
        }
    }
}

impl Mutability {
    /// As it stands in a schema document.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ReadOnly => "readOnly",
            Self::ReadWrite => "readWrite",
            Self::Immutable => "immutable",
            Self::WriteOnly => "writeOnly",
        }
    }
}

impl Returned {
    /// As it stands in a schema document.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::Never => "never",
            Self::Default => "default",
            Self::Request => "request",
        }
    }
}

impl Uniqueness {
    /// As it stands in a schema document.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Server => "server",
            Self::Global => "global",
        }
    }
}

impl Attribute {
    /// The attribute as a schema document has it. Case says nothing of booleans, numbers, times and objects, and is left out there.
    pub fn to_json(&self) -> Value {
        let mut document = json!({
            "name": self.name,
            "type": self.kind.as_str(),
            "multiValued": self.multi,
            "description": self.description,
            "required": self.required,
            "mutability": self.mutability.as_str(),
            "returned": self.returned.as_str(),
            "uniqueness": self.uniqueness.as_str(),
        });
        if matches!(self.kind, Kind::String | Kind::Reference | Kind::Binary) {
            document["caseExact"] = self.case_exact.into();
        }
        if !self.canonical.is_empty() {
            document["canonicalValues"] = self.canonical.clone().into();
        }
        if !self.reference_types.is_empty() {
            document["referenceTypes"] = self.reference_types.clone().into();
        }
        if self.kind == Kind::Complex {
            document["subAttributes"] = self.sub.iter().map(|sub| sub.to_json()).collect();
        }
        document
    }

    /// Reads an attribute of a server's schema document; what it does not say is as RFC 7643, section 2.2, has it.
    ///
    /// # Errors
    /// `invalidSyntax` where it has no name, or a type that the RFC does not know.
    pub fn from_json(document: &Value) -> Result<Self, Error> {
        Self::read(document, 0)
    }

    fn read(document: &Value, depth: usize) -> Result<Self, Error> {
        let text = |name: &str| document.get(name).and_then(Value::as_str);
        let flag = |name: &str| document.get(name).and_then(Value::as_bool).unwrap_or(false);
        let list = |name: &str| -> Vec<String> {
            let all = document.get(name).and_then(Value::as_array);
            all.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let bad = |what: String| Error::bad(ScimType::InvalidSyntax, what);
        let name = text("name").ok_or_else(|| bad("an attribute of the schema has no name".into()))?;
        let kind = text("type").unwrap_or("string");
        let all =
            [Kind::String, Kind::Boolean, Kind::Decimal, Kind::Integer, Kind::DateTime, Kind::Binary, Kind::Reference, Kind::Complex];
        let kind = all
            .into_iter()
            .find(|known| known.as_str().eq_ignore_ascii_case(kind))
            .ok_or_else(|| bad(format!("attribute {name} has the type {kind:?}, which RFC 7643 does not know")))?;
        let mut attribute = Self::new(name, kind, text("description").unwrap_or_default());
        attribute.multi = flag("multiValued");
        attribute.required = flag("required");
        attribute.case_exact = document.get("caseExact").and_then(Value::as_bool).unwrap_or(attribute.case_exact);
        attribute.mutability = match text("mutability") {
            Some("readOnly") => Mutability::ReadOnly,
            Some("immutable") => Mutability::Immutable,
            Some("writeOnly") => Mutability::WriteOnly,
            _ => Mutability::ReadWrite,
        };
        attribute.returned = match text("returned") {
            Some("always") => Returned::Always,
            Some("never") => Returned::Never,
            Some("request") => Returned::Request,
            _ => Returned::Default,
        };
        attribute.uniqueness = match text("uniqueness") {
            Some("server") => Uniqueness::Server,
            Some("global") => Uniqueness::Global,
            _ => Uniqueness::None,
        };
        attribute.canonical = list("canonicalValues");
        attribute.reference_types = list("referenceTypes");
        if let Some(subs) = document.get("subAttributes").and_then(Value::as_array) {
            // Sub-attributes have none of their own (RFC 7643, section 2.3.8); only the Schema schema's `attributes` do.
            if depth > 1 {
                return Err(bad(format!("attribute {name} has sub-attributes of sub-attributes")));
            }
            attribute.sub = subs.iter().map(|sub| Self::read(sub, depth + 1).map(Arc::new)).collect::<Result<_, _>>()?;
        }
        Ok(attribute)
    }
}

impl Schema {
    /// The document at `/Schemas/{id}`; `base` is the server's base address, without a slash at its end.
    pub fn to_json(&self, base: &str) -> Value {
        json!({
            "schemas": [urn::SCHEMA],
            "id": self.id,
            "name": self.name,
            "description": self.description,
            "attributes": self.attributes.iter().map(|attribute| attribute.to_json()).collect::<Vec<_>>(),
            "meta": {"resourceType": "Schema", "location": format!("{base}/Schemas/{}", self.id)},
        })
    }

    /// Reads a schema document of another server.
    ///
    /// # Errors
    /// `invalidSyntax` where it has no id, or an attribute of it cannot be read.
    pub fn from_json(document: &Map<String, Value>) -> Result<Self, Error> {
        let text = |name: &str| document.get(name).and_then(Value::as_str);
        let id = text("id").ok_or_else(|| Error::bad(ScimType::InvalidSyntax, "a schema document has no id"))?;
        let attributes = document.get("attributes").and_then(Value::as_array).into_iter().flatten();
        Ok(Self {
            id: id.to_owned(),
            name: text("name").unwrap_or(id).to_owned(),
            description: text("description").unwrap_or_default().to_owned(),
            attributes: attributes.map(|one| Attribute::from_json(one).map(Arc::new)).collect::<Result<_, _>>()?,
        })
    }
}
