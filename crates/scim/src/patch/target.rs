//! The path of a PATCH operation: an attribute, a part of it, elements of a list, or an extension (RFC 7644, figure 7).

use super::Target;
use crate::filter::Parser;
use crate::path::{Named, Path, is_name, quoted};
use crate::schema::Kind;
use crate::{Error, Leniency, MAX_LENGTH, ResourceType, ScimType};

fn wrong(text: &str, why: impl AsRef<str>) -> Error {
    Error::bad(ScimType::InvalidPath, format!("path {}: {}", quoted(text), why.as_ref()))
}

impl Target {
    /// Whether a path is one of something that no schema of the resource type has, and not a broken one.
    pub(super) fn is_unknown(kind: &ResourceType, text: &str, leniency: &Leniency) -> bool {
        let name = text.trim().split('[').next().unwrap_or_default().trim_end();
        is_name(name) && Path::resolve(kind, name, leniency.loose_paths).is_err()
    }

    /// Reads the path of a PATCH operation.
    ///
    /// # Errors
    /// `invalidPath`: the grammar, or a name that no schema of the resource type has.
    pub fn parse(kind: &ResourceType, text: &str, leniency: &Leniency) -> Result<Self, Error> {
        let text = text.trim();
        if text.len() > MAX_LENGTH {
            return Err(wrong(text, format!("is longer than {MAX_LENGTH} bytes")));
        }
        let Some((name, rest)) = text.split_once('[') else {
            return match Path::resolve(kind, text, leniency.loose_paths).map_err(|why| wrong(text, why))? {
                Named::Extension(schema) => Ok(Self::Extension(schema)),
                Named::Attribute(path) if path.sub.is_some() && path.attribute.kind != Kind::Complex => {
                    Err(wrong(text, format!("{} has no parts", path.attribute.name)))
                }
                Named::Attribute(path) => Ok(Self::Attribute(path)),
            };
        };
        let path = match Path::resolve(kind, name.trim_end(), leniency.loose_paths).map_err(|why| wrong(text, why))? {
            Named::Attribute(path) if path.sub.is_none() && path.attribute.multi => path,
            _ => return Err(wrong(text, format!("{} is no list of which elements could be chosen", quoted(name)))),
        };
        let (filter, end) = Parser::element(&path.attribute, rest, leniency).bracketed()?;
        let after = &rest[end + 1..];
        if after.is_empty() {
            return Ok(Self::Elements(path, filter));
        }
        let Some(part) = after.strip_prefix('.') else {
            return Err(wrong(text, format!("expected the end or a part after \"]\", found {}", quoted(after))));
        };
        match path.attribute.sub(part).cloned() {
            Some(sub) => Ok(Self::Elements(Path { sub: Some(sub), ..path }, filter)),
            None => Err(wrong(text, format!("{} has no part {}", path.attribute.name, quoted(part)))),
        }
    }
}
