//! Which attributes of a resource an answer has (RFC 7643, section 2.2 `returned`; RFC 7644, section 3.9).

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::path::{Named, Path};
use crate::schema::{Attribute, Returned, Schema, common};
use crate::{Error, Leniency, ResourceType, ScimType};

/// What of one member is shown.
#[derive(Clone, Debug, PartialEq)]
enum Show {
    All,
    Parts(Members),
}

type Members = Vec<(Name, Show)>;

/// A member's name, held where the schema has it: a view is made for each request.
#[derive(Clone, Debug, PartialEq)]
enum Name {
    Of(Arc<Attribute>),
    Extension(Arc<Schema>),
}

impl Name {
    fn as_str(&self) -> &str {
        match self {
            Self::Of(attribute) => &attribute.name,
            Self::Extension(schema) => &schema.id,
        }
    }
}

/// Which attributes an answer has. Made once for a request, used for every resource of the answer.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    members: Members,
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
                // Which elements are shown cannot be chosen: all of them are.
                let name = if leniency.loose_paths { name.split('[').next().unwrap_or_default() } else { name };
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
        let mut members: Members =
            base.filter_map(|attribute| Some((Name::Of(attribute.clone()), asked.of(None, attribute)?))).collect();
        for schema in kind.extensions.iter().map(|extension| &extension.schema) {
            let named = extensions.contains(&schema.id);
            let asked = match (named, only) {
                (true, Some(_)) => Asked { only: None, without: &[] },
                _ => asked,
            };
            let parts: Members = schema
                .attributes
                .iter()
                .filter(|attribute| !(named && only.is_none()) || attribute.returned == Returned::Always)
                .filter_map(|attribute| Some((Name::Of(attribute.clone()), asked.of(Some(&schema.id), attribute)?)))
                .collect();
            if !parts.is_empty() {
                members.push((Name::Extension(schema.clone()), Show::Parts(parts)));
            }
        }
        Self { members }
    }

    /// The resource as it is shown.
    pub fn of(&self, resource: &Map<String, Value>) -> Map<String, Value> {
        self.cut(resource.clone())
    }

    /// The same of a resource that nobody needs any more otherwise.
    pub fn cut(&self, mut resource: Map<String, Value>) -> Map<String, Value> {
        cut(&self.members, &mut resource);
        resource
    }

    /// Whether an attribute of the base schema, or part of it, is shown: what is not need not be looked up.
    pub fn shows(&self, name: &str) -> bool {
        self.members.iter().any(|(member, _)| member.as_str().eq_ignore_ascii_case(name))
    }
}

impl Asked<'_> {
    fn of(&self, extension: Option<&str>, attribute: &Arc<Attribute>) -> Option<Show> {
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
        let always = || whole || self.only.is_some_and(|only| attribute.sub.iter().any(|sub| named(only, Some(sub))));
        let shown = |sub: &&Arc<Attribute>| {
            let asked = self.only.is_some_and(|only| named(only, Some(sub)));
            match sub.returned {
                Returned::Never => false,
                Returned::Request => asked,
                Returned::Always => always(),
                Returned::Default => asked || whole && !named(self.without, Some(sub)),
            }
        };
        match attribute.sub.iter().filter(shown).count() {
            0 => None,
            n if n == attribute.sub.len() => Some(Show::All),
            _ => Some(Show::Parts(attribute.sub.iter().filter(shown).map(|sub| (Name::Of(sub.clone()), Show::All)).collect())),
        }
    }
}

/// Takes away what is not shown; an object or a list of which nothing is left goes too.
fn cut(members: &Members, object: &mut Map<String, Value>) {
    object.retain(|name, value| {
        let Some((_, show)) = members.iter().find(|(member, _)| member.as_str() == name) else { return false };
        match (show, value) {
            (Show::All, _) => true,
            (Show::Parts(parts), Value::Object(object)) => {
                cut(parts, object);
                !object.is_empty()
            }
            (Show::Parts(parts), Value::Array(all)) => {
                all.retain_mut(|one| {
                    one.as_object_mut().is_some_and(|one| {
                        cut(parts, one);
                        !one.is_empty()
                    })
                });
                !all.is_empty()
            }
            (Show::Parts(_), _) => false,
        }
    });
}
