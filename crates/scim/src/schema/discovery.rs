//! What the discovery documents have (RFC 7643, sections 5, 6, 7 and 8.7.2; RFC 9865, section 4).

use std::sync::{Arc, LazyLock};

use super::{Attribute, Kind, Mutability, Schema};
use crate::urn;

fn text(name: &str, description: &str) -> Attribute {
    Attribute::new(name, Kind::String, description).mutability(Mutability::ReadOnly)
}

fn flag(name: &str, description: &str) -> Attribute {
    Attribute::new(name, Kind::Boolean, description).mutability(Mutability::ReadOnly)
}

fn number(name: &str, description: &str) -> Attribute {
    Attribute::new(name, Kind::Integer, description).mutability(Mutability::ReadOnly)
}

fn link(name: &str, to: &str, description: &str) -> Attribute {
    Attribute::new(name, Kind::Reference, description).refers(&[to]).mutability(Mutability::ReadOnly)
}

fn object(name: &str, description: &str, sub: impl IntoIterator<Item = Attribute>) -> Attribute {
    Attribute::complex(name, description, sub).mutability(Mutability::ReadOnly)
}

/// `urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig`.
pub fn service_provider_config() -> &'static Arc<Schema> {
    static CONFIG: LazyLock<Arc<Schema>> = LazyLock::new(|| {
        let supported = || flag("supported", "Whether the server can do it.").required();
        let schemes = [
            text("type", "The kind of authentication.")
                .canonical(&["oauth", "oauth2", "oauthbearertoken", "httpbasic", "httpdigest"])
                .required(),
            text("name", "Its common name.").required(),
            text("description", "What it is.").required(),
            link("specUri", "external", "Where it is specified."),
            link("documentationUri", "external", "How to use it."),
            flag("primary", "The preferred one; true for one at most."),
        ];
        let pagination = [
            flag("cursor", "Whether lists can be paged by cursor.").required(),
            flag("index", "Whether lists can be paged by index.").required(),
            text("defaultPaginationMethod", "What is used where a request says nothing.").canonical(&["cursor", "index"]),
            number("defaultPageSize", "How many results a page has where a request says nothing."),
            number("maxPageSize", "How many results a page has at most."),
            number("cursorTimeout", "For how many seconds a cursor is good."),
        ];
        Arc::new(Schema::new(
            urn::SERVICE_PROVIDER_CONFIG,
            "Service Provider Configuration",
            "What the server can do",
            [
                link("documentationUri", "external", "Where the server's documentation is."),
                object("patch", "PATCH.", [supported()]).required(),
                object(
                    "bulk",
                    "Bulk operations.",
                    [
                        supported(),
                        number("maxOperations", "How many operations one request may have.").required(),
                        number("maxPayloadSize", "How many bytes one request may have.").required(),
                    ],
                )
                .required(),
                object(
                    "filter",
                    "Filters.",
                    [supported(), number("maxResults", "How many results one answer has at most.").required()],
                )
                .required(),
                object("changePassword", "Changing passwords.", [supported()]).required(),
                object("sort", "Sorting.", [supported()]).required(),
                object("etag", "Entity tags.", [supported()]).required(),
                object("pagination", "Paging of lists.", pagination),
                object("authenticationSchemes", "How clients say who they are.", schemes).multi().required(),
            ],
        ))
    });
    &CONFIG
}

/// `urn:ietf:params:scim:schemas:core:2.0:ResourceType`.
pub fn resource_type() -> &'static Arc<Schema> {
    static TYPE: LazyLock<Arc<Schema>> = LazyLock::new(|| {
        let extension = [
            link("schema", "uri", "The URN of the extension.").required(),
            flag("required", "Whether a resource has to have it.").required(),
        ];
        Arc::new(Schema::new(
            urn::RESOURCE_TYPE,
            "ResourceType",
            "A kind of resource and its schemas",
            [
                text("id", "The server's name of the resource type; often the same as its name."),
                text("name", "The name of the resource type.").required(),
                text("description", "What it is, for people."),
                link("endpoint", "uri", "Where its resources are, below the base address.").required(),
                link("schema", "uri", "The URN of its base schema.").required(),
                object("schemaExtensions", "Its extensions.", extension).multi(),
            ],
        ))
    });
    &TYPE
}

/// `urn:ietf:params:scim:schemas:core:2.0:Schema`.
pub fn schema() -> &'static Arc<Schema> {
    static SCHEMA: LazyLock<Arc<Schema>> = LazyLock::new(|| {
        let characteristics = || {
            vec![
                text("name", "The attribute's name.").required().exact(),
                text("type", "What its values are.").required().canonical(&[
                    "string",
                    "complex",
                    "boolean",
                    "decimal",
                    "integer",
                    "dateTime",
                    "reference",
                    "binary",
                ]),
                flag("multiValued", "Whether it is a list.").required(),
                text("description", "What it is, for people.").exact(),
                flag("required", "Whether a resource has to have it."),
                text("canonicalValues", "Values that are suggested.").multi().exact(),
                flag("caseExact", "Whether case counts when values are compared."),
                text("mutability", "Who may write it.").exact().canonical(&["readOnly", "readWrite", "immutable", "writeOnly"]),
                text("returned", "When it is in answers.").exact().canonical(&["always", "never", "default", "request"]),
                text("uniqueness", "Among which resources a value is unique.").exact().canonical(&["none", "server", "global"]),
                text("referenceTypes", "What a reference may point to.").multi().exact(),
            ]
        };
        let mut attributes = characteristics();
        attributes.push(object("subAttributes", "The parts of a complex attribute.", characteristics()).multi());
        Arc::new(Schema::new(
            urn::SCHEMA,
            "Schema",
            "Attributes and their characteristics",
            [
                text("id", "The URN of the schema.").required(),
                text("name", "The schema's name, for people.").required(),
                text("description", "What it is, for people."),
                object("attributes", "The attributes.", attributes).multi().required(),
            ],
        ))
    });
    &SCHEMA
}
