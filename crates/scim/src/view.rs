//! Which attributes of a resource an answer has (RFC 7643, section 2.2 `returned`; RFC 7644, section 3.9).

use serde_json::{Map, Value};

use crate::path::{Named, Path};
use crate::schema::{Attribute, Returned, common};
use crate::{Error, Leniency, ResourceType, ScimType};

/// What of one member is shown.
#[derive(Clone, Debug, PartialEq)]
enum Show {
    All,
    Parts(Vec<(String, Show)>),
}

/// Which attributes an answer has. Made once for a request, used for every resource of the answer.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    members: Vec<(String, Show)>,
}

/// What a request says of one attribute.
#[derive(Clone, Copy)]
struct Asked<'a> {
    only: Option<&'a [Path]>,
    without: &'a [Path],
}

impl View {
    /// What is shown where a request says nothing.
    pub fn default_of(kind: &ResourceType) -> Self {
        Self::of_paths(kind, None, &[], &[])
    }

    /// What is shown for `attributes` and `excludedAttributes`; an empty list is one that was not given. Names that no schema has
    /// are passed over.
    ///
    /// # Errors
    /// `invalidValue` where both are given and the request is taken to the letter; else `attributes` counts.
    pub fn new(kind: &ResourceType, attributes: &[String], excluded: &[String], leniency: &Leniency) -> Result<Self, Error> {
        if !attributes.is_empty() && !excluded.is_empty() && !leniency.loose_bodies {
            return Err(Error::bad(ScimType::InvalidValue, "attributes and excludedAttributes are not given together"));
        }
        let resolved = |names: &[String]| {
            let mut paths = Vec::new();
            let mut extensions = Vec::new();
            for name in names {
                match Path::resolve(kind, name.trim(), leniency.loose_paths) {
                    Ok(Named::Attribute(path)) => paths.push(path),
                    Ok(Named::Extension(schema)) => extensions.push(schema.id.clone()),
                    Err(_) => {}
                }
            }
            (paths, extensions)
        };
        Ok(if attributes.is_empty() {
            let (paths, extensions) = resolved(excluded);
            Self::of_paths(kind, None, &paths, &extensions)
        } else {
            let (paths, extensions) = resolved(attributes);
            Self::of_paths(kind, Some(&paths), &[], &extensions)
        })
    }

    /// `extensions` are named whole: the only ones, or those left out.
    fn of_paths(kind: &ResourceType, only: Option<&[Path]>, without: &[Path], extensions: &[String]) -> Self {
        let asked = Asked { only, without };
        let base = common().iter().chain(&kind.schema.attributes);
        let mut members: Vec<(String, Show)> =
            base.filter_map(|attribute| Some((attribute.name.clone(), asked.of(None, attribute)?))).collect();
        for schema in kind.extensions.iter().map(|extension| &extension.schema) {
            let named = extensions.contains(&schema.id);
            let asked = match (named, only) {
                (true, Some(_)) => Asked { only: None, without: &[] },
                _ => asked,
            };
            let parts: Vec<(String, Show)> = schema
                .attributes
                .iter()
                .filter(|attribute| !(named && only.is_none()) || attribute.returned == Returned::Always)
                .filter_map(|attribute| Some((attribute.name.clone(), asked.of(Some(&schema.id), attribute)?)))
                .collect();
            if !parts.is_empty() {
                members.push((schema.id.clone(), Show::Parts(parts)));
            }
        }
        Self { members }
    }

    /// The resource as it is shown.
    pub fn of(&self, resource: &Map<String, Value>) -> Map<String, Value> {
        shown(&self.members, resource)
    }

    /// Whether an attribute of the base schema, or part of it, is shown: what is not need not be looked up.
    pub fn shows(&self, name: &str) -> bool {
        self.members.iter().any(|(member, _)| member.eq_ignore_ascii_case(name))
    }
}

impl Asked<'_> {
    fn of(&self, extension: Option<&str>, attribute: &Attribute) -> Option<Show> {
        let named = |paths: &[Path], sub: Option<&Attribute>| {
            paths.iter().any(|path| {
                path.extension.as_ref().map(|schema| schema.id.as_str()) == extension
                    && path.attribute.name == attribute.name
                    && path.sub.as_ref().map(|sub| &sub.name) == sub.map(|sub| &sub.name)
            })
        };
        let whole = match (attribute.returned, self.only) {
            (Returned::Never, _) => return None,
            (Returned::Always, _) => true,
            (Returned::Default, None) => !named(self.without, None),
            (_, Some(only)) => named(only, None),
            (Returned::Request, None) => false,
        };
        if attribute.sub.is_empty() {
            return whole.then_some(Show::All);
        }
        let parts: Vec<(String, Show)> = attribute
            .sub
            .iter()
            .filter(|sub| {
                let asked = self.only.is_some_and(|only| named(only, Some(sub)));
                match sub.returned {
                    Returned::Never => false,
                    Returned::Request => asked,
                    Returned::Always => whole || self.only.is_some_and(|only| attribute.sub.iter().any(|sub| named(only, Some(sub)))),
                    Returned::Default => asked || whole && !named(self.without, Some(sub)),
                }
            })
            .map(|sub| (sub.name.clone(), Show::All))
            .collect();
        match parts.len() {
            0 => None,
            n if n == attribute.sub.len() => Some(Show::All),
            _ => Some(Show::Parts(parts)),
        }
    }
}

fn shown(members: &[(String, Show)], object: &Map<String, Value>) -> Map<String, Value> {
    let mut seen = Map::new();
    for (name, show) in members {
        let Some(value) = object.get(name) else { continue };
        let value = match (show, value) {
            (Show::All, value) => value.clone(),
            (Show::Parts(parts), Value::Object(object)) => Value::Object(shown(parts, object)),
            (Show::Parts(parts), Value::Array(all)) => Value::Array(
                all.iter()
                    .filter_map(Value::as_object)
                    .map(|one| shown(parts, one))
                    .filter(|one| !one.is_empty())
                    .map(Value::Object)
                    .collect(),
            ),
            (Show::Parts(_), _) => continue,
        };
        let empty = match &value {
            Value::Object(object) => object.is_empty(),
            Value::Array(all) => all.is_empty(),
            _ => false,
        };
        if !empty || matches!(show, Show::All) {
            seen.insert(name.clone(), value);
        }
    }
    seen
}
