//! What a SCIM server says when it does not do what was asked (RFC 7644, section 3.12; RFC 9865, section 2.1).

use serde_json::{Value, json};

use crate::urn;

/// The word that says which kind of 400 or 409 it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ScimType {
    /// The filter cannot be read, or its attribute cannot be compared so.
    InvalidFilter,
    /// More results than the server is willing to compute.
    TooMany,
    /// A value has to be unique and is taken (409).
    Uniqueness,
    /// A value may not be changed, or not be taken away.
    Mutability,
    /// The body is not of the shape that the request asks for.
    InvalidSyntax,
    /// The path of a PATCH operation cannot be read, or names no attribute.
    InvalidPath,
    /// The path of a PATCH operation yields nothing to operate on.
    NoTarget,
    /// A value is missing, or does not fit its attribute.
    InvalidValue,
    /// The protocol version is not supported.
    InvalidVers,
    /// Secret things may not stand in a URI.
    Sensitive,
    /// The cursor is not one of this server's (RFC 9865).
    InvalidCursor,
    /// The cursor is too old (RFC 9865).
    ExpiredCursor,
    /// The count is not one this server can page by (RFC 9865).
    InvalidCount,
}

impl ScimType {
    /// As it stands in an error document.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidFilter => "invalidFilter",
            Self::TooMany => "tooMany",
            Self::Uniqueness => "uniqueness",
            Self::Mutability => "mutability",
            Self::InvalidSyntax => "invalidSyntax",
            Self::InvalidPath => "invalidPath",
            Self::NoTarget => "noTarget",
            Self::InvalidValue => "invalidValue",
            Self::InvalidVers => "invalidVers",
            Self::Sensitive => "sensitive",
            Self::InvalidCursor => "invalidCursor",
            Self::ExpiredCursor => "expiredCursor",
            Self::InvalidCount => "invalidCount",
        }
    }

    /// The word as a server sent it, in any case; `None` for one that no RFC knows.
    pub fn parse(text: &str) -> Option<Self> {
        const ALL: [ScimType; 13] = [
            ScimType::InvalidFilter,
            ScimType::TooMany,
            ScimType::Uniqueness,
            ScimType::Mutability,
            ScimType::InvalidSyntax,
            ScimType::InvalidPath,
            ScimType::NoTarget,
            ScimType::InvalidValue,
            ScimType::InvalidVers,
            ScimType::Sensitive,
            ScimType::InvalidCursor,
            ScimType::ExpiredCursor,
            ScimType::InvalidCount,
        ];
        ALL.into_iter().find(|kind| kind.as_str().eq_ignore_ascii_case(text))
    }
}

/// An answer that is an error: the HTTP status, the SCIM word where there is one, and what happened in words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{status}{}: {detail}", .scim_type.map(|kind| format!(" {}", kind.as_str())).unwrap_or_default())]
pub struct Error {
    /// HTTP status.
    pub status: u16,
    /// Which kind, for 400 and 409.
    pub scim_type: Option<ScimType>,
    /// For a person: what, where, and what to do.
    pub detail: String,
}

impl Error {
    /// The methods that a 405 names as possible, for its `Allow` (RFC 9110, section 15.5.6).
    pub fn allow(&self) -> Option<String> {
        let named = self.detail.rsplit_once(';').map(|(_, rest)| rest).filter(|_| self.status == 405)?;
        let is_named = |method: &&str| named.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word == *method);
        Some(["GET", "POST", "PUT", "PATCH", "DELETE"].into_iter().filter(is_named).collect::<Vec<_>>().join(", "))
    }

    /// An error of any status, without a SCIM word.
    pub fn new(status: u16, detail: impl Into<String>) -> Self {
        Self { status, scim_type: None, detail: detail.into() }
    }

    /// 400 of one kind.
    pub fn bad(kind: ScimType, detail: impl Into<String>) -> Self {
        Self { status: 400, scim_type: Some(kind), detail: detail.into() }
    }

    /// 404: no such resource.
    pub fn not_found(what: &str) -> Self {
        Self::new(404, format!("{what} was not found"))
    }

    /// 409 `uniqueness`: somebody else has this value.
    pub fn taken(attribute: &str, value: &str) -> Self {
        Self { status: 409, scim_type: Some(ScimType::Uniqueness), detail: format!("{attribute} \"{value}\" is already in use") }
    }

    /// The error document.
    pub fn to_json(&self) -> Value {
        let mut document = json!({"schemas": [urn::ERROR], "status": self.status.to_string(), "detail": self.detail});
        if let Some(kind) = self.scim_type {
            document["scimType"] = kind.as_str().into();
        }
        document
    }

    /// What another server's error document says; `status` is the HTTP status it came with, which counts.
    pub fn from_json(status: u16, document: &Value) -> Self {
        let text = |name: &str| document.get(name).and_then(Value::as_str);
        Self {
            status,
            scim_type: text("scimType").and_then(ScimType::parse),
            detail: text("detail").unwrap_or("no detail given").to_owned(),
        }
    }
}
