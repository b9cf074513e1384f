//! Kinds of resources: a base schema and its extensions (RFC 7643, section 6).

use std::sync::{Arc, LazyLock};

use serde_json::{Value, json};

use crate::schema::{self, Attribute, Schema};
use crate::urn;

/// An extension that resources of a type may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extension {
    /// Its attributes; they stand in an object named by the schema's URN.
    pub schema: Arc<Schema>,
    /// Every resource has to have it.
    pub required: bool,
}

/// A kind of resources. Built once and shared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceType {
    /// Its name, which is its id too: `User`.
    pub name: String,
    /// For people.
    pub description: String,
    /// Where its resources are, below the base address: `/Users`.
    pub endpoint: String,
    /// The base schema.
    pub schema: Arc<Schema>,
    /// The extensions.
    pub extensions: Vec<Extension>,
}

impl ResourceType {
    /// Users, with the enterprise extension.
    pub fn user() -> Arc<Self> {
        static USER: LazyLock<Arc<ResourceType>> = LazyLock::new(|| {
            Arc::new(ResourceType {
                name: "User".into(),
                description: "User Account".into(),
                endpoint: "/Users".into(),
                schema: schema::user().clone(),
                extensions: vec![Extension { schema: schema::enterprise_user().clone(), required: false }],
            })
        });
        USER.clone()
    }

    /// Groups.
    pub fn group() -> Arc<Self> {
        static GROUP: LazyLock<Arc<ResourceType>> = LazyLock::new(|| {
            Arc::new(ResourceType {
                name: "Group".into(),
                description: "Group".into(),
                endpoint: "/Groups".into(),
                schema: schema::group().clone(),
                extensions: Vec::new(),
            })
        });
        GROUP.clone()
    }

    /// The document at `/ResourceTypes/{name}`; `base` is the server's base address, without a slash at its end.
    pub fn to_json(&self, base: &str) -> Value {
        let extensions: Vec<Value> =
            self.extensions.iter().map(|one| json!({"schema": one.schema.id, "required": one.required})).collect();
        json!({
            "schemas": [urn::RESOURCE_TYPE],
            "id": self.name,
            "name": self.name,
            "description": self.description,
            "endpoint": self.endpoint,
            "schema": self.schema.id,
            "schemaExtensions": extensions,
            "meta": {"resourceType": "ResourceType", "location": format!("{base}/ResourceTypes/{}", self.name)},
        })
    }

    /// The base schema and the extensions' ones.
    pub fn schemas(&self) -> impl Iterator<Item = &Arc<Schema>> {
        std::iter::once(&self.schema).chain(self.extensions.iter().map(|extension| &extension.schema))
    }

    /// The extension of this URN, in any case.
    pub fn extension(&self, id: &str) -> Option<&Extension> {
        self.extensions.iter().find(|extension| extension.schema.id.eq_ignore_ascii_case(id))
    }

    /// An attribute of the base schema, or one that every resource has, by its name in any case.
    pub fn attribute(&self, name: &str) -> Option<&Arc<Attribute>> {
        self.schema.attribute(name).or_else(|| schema::common().iter().find(|attribute| attribute.name.eq_ignore_ascii_case(name)))
    }
}
