//! Resources as clients send them, held against their schemas (RFC 7643, section 2.2; RFC 7644, sections 3.3 and 3.5.1).

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::path::{Named, Path, quoted};
use crate::schema::{Attribute, Kind, Mutability, Schema};
use crate::value::typed;
use crate::{Error, Leniency, ResourceType, ScimType, Unknown};

impl ResourceType {
    /// The body of a POST or a PUT as a resource that can be kept: names as the schemas spell them, values of their types,
    /// without what only the server writes (`id`, `meta`, `groups`), with the `schemas` it has. What it is to be new is whole then;
    /// for a PUT [`replace`](Self::replace) follows. `password` is in it where it was given.
    ///
    /// # Errors
    /// `invalidSyntax` where the body is of another shape, or has what no schema has and the leniency refuses that;
    /// `invalidValue` where a value is missing or does not fit.
    pub fn create(&self, body: Value, leniency: &Leniency) -> Result<Map<String, Value>, Error> {
        let Value::Object(body) = body else {
            return Err(Error::bad(ScimType::InvalidSyntax, format!("the body is no JSON object; a {} is one", self.name)));
        };
        let mut resource = Map::new();
        let mut schemas = None;
        for (name, value) in body {
            if name.eq_ignore_ascii_case("schemas") {
                schemas = Some(value);
                continue;
            }
            self.take(&mut resource, &name, value, leniency)?;
        }
        self.check_schemas(schemas, leniency)?;
        self.check_required(&resource)?;
        self.set_schemas(&mut resource);
        Ok(resource)
    }

    /// What a PUT leaves: the new resource, as [`create`](Self::create) made it, with what only the server writes, what cannot be
    /// read back and what is set once from the old one.
    ///
    /// # Errors
    /// `mutability` where a value that is set once is another one.
    pub fn replace(&self, old: &Map<String, Value>, mut new: Map<String, Value>) -> Result<Map<String, Value>, Error> {
        for attribute in self.schema.attributes.iter().chain(crate::schema::common()) {
            keep(attribute, old, &mut new, &attribute.name)?;
        }
        for extension in &self.extensions {
            let id = &extension.schema.id;
            let Some(Value::Object(old)) = old.get(id) else { continue };
            let mut part = match new.remove(id) {
                Some(Value::Object(part)) => part,
                _ => Map::new(),
            };
            for attribute in &extension.schema.attributes {
                keep(attribute, old, &mut part, &format!("{id}:{}", attribute.name))?;
            }
            if !part.is_empty() {
                new.insert(id.clone(), Value::Object(part));
            }
        }
        self.set_schemas(&mut new);
        Ok(new)
    }

    /// Sets `schemas` to the base schema and the extensions of which the resource has something.
    pub fn set_schemas(&self, resource: &mut Map<String, Value>) {
        let extensions = self.extensions.iter().map(|one| &one.schema.id).filter(|id| resource.contains_key(*id));
        let all: Vec<Value> = std::iter::once(&self.schema.id).chain(extensions).map(|id| id.clone().into()).collect();
        resource.insert("schemas".into(), Value::Array(all));
    }

    /// Whether all that is required is there.
    pub(crate) fn check_required(&self, resource: &Map<String, Value>) -> Result<(), Error> {
        let missing = |what: String| Error::bad(ScimType::InvalidValue, format!("{what} is required"));
        if let Some(attribute) = first_missing(&self.schema, resource) {
            return Err(missing(attribute.name.clone()));
        }
        for extension in &self.extensions {
            match resource.get(&extension.schema.id) {
                Some(Value::Object(part)) => {
                    if let Some(attribute) = first_missing(&extension.schema, part) {
                        return Err(missing(format!("{}:{}", extension.schema.id, attribute.name)));
                    }
                }
                _ if extension.required => return Err(missing(extension.schema.id.clone())),
                _ => {}
            }
        }
        Ok(())
    }

    fn check_schemas(&self, given: Option<Value>, leniency: &Leniency) -> Result<(), Error> {
        let wrong = |what: String| Err(Error::bad(ScimType::InvalidSyntax, what));
        let ids = match given {
            Some(Value::Array(ids)) => ids,
            Some(Value::String(one)) if leniency.loose_bodies => vec![one.into()],
            None | Some(Value::Null) if leniency.loose_bodies => return Ok(()),
            None | Some(Value::Null) => return wrong(format!("schemas is missing; it has {} in it", self.schema.id)),
            Some(_) => return wrong("schemas is a list of URNs".into()),
        };
        if leniency.loose_bodies {
            return Ok(());
        }
        let is = |id: &Value, wanted: &str| id.as_str().is_some_and(|id| id.eq_ignore_ascii_case(wanted));
        if !ids.iter().any(|id| is(id, &self.schema.id)) {
            return wrong(format!("schemas has no {} in it", self.schema.id));
        }
        match ids.iter().find(|id| !self.schemas().any(|schema| is(id, &schema.id))) {
            Some(id) if leniency.unknown == Unknown::Refuse => wrong(format!("a {} has no schema {id}", self.name)),
            _ => Ok(()),
        }
    }

    /// Takes one member of a body into the resource.
    fn take(&self, resource: &mut Map<String, Value>, name: &str, value: Value, leniency: &Leniency) -> Result<(), Error> {
        if let Some(attribute) = self.attribute(name) {
            return put(resource, attribute, value, leniency, &attribute.name);
        }
        if let Some(extension) = self.extension(name) {
            let id = &extension.schema.id;
            let members = match value {
                Value::Object(members) => members,
                Value::Null => return Ok(()),
                _ => return Err(Error::bad(ScimType::InvalidValue, format!("{id} is an object"))),
            };
            let mut part = inner(resource, id);
            for (name, value) in members {
                match extension.schema.attribute(&name) {
                    Some(attribute) => put(&mut part, attribute, value, leniency, &format!("{id}:{}", attribute.name))?,
                    // Clients that keep an extension as a resource of its own write its `schemas` too: it says nothing new.
                    None if name.eq_ignore_ascii_case("schemas") => {}
                    None => self.unknown(&format!("{id}:{name}"), leniency)?,
                }
            }
            if !part.is_empty() {
                resource.insert(id.clone(), Value::Object(part));
            }
            return Ok(());
        }
        match leniency.loose_paths.then(|| Path::resolve(self, name, true)) {
            Some(Ok(Named::Attribute(path))) => self.take_path(resource, &path, value, leniency),
            _ => self.unknown(name, leniency),
        }
    }

    /// A member whose name is a path: `name.givenName`, `urn:…:User:department`.
    fn take_path(&self, resource: &mut Map<String, Value>, path: &Path, value: Value, leniency: &Leniency) -> Result<(), Error> {
        let value = match &path.sub {
            None => value,
            Some(sub) => {
                // Beside what stands there already.
                let mut whole = match path.get(resource) {
                    Some(Value::Object(whole)) => whole.clone(),
                    _ => Map::new(),
                };
                whole.insert(sub.name.clone(), value);
                Value::Object(whole)
            }
        };
        let at = path.to_string();
        match &path.extension {
            None => {
                resource.remove(&path.attribute.name);
                put(resource, &path.attribute, value, leniency, &at)
            }
            Some(schema) => {
                let mut part = inner(resource, &schema.id);
                part.remove(&path.attribute.name);
                put(&mut part, &path.attribute, value, leniency, &at)?;
                if !part.is_empty() {
                    resource.insert(schema.id.clone(), Value::Object(part));
                }
                Ok(())
            }
        }
    }

    fn unknown(&self, name: &str, leniency: &Leniency) -> Result<(), Error> {
        match leniency.unknown {
            Unknown::Drop => Ok(()),
            Unknown::Refuse => Err(Error::bad(ScimType::InvalidSyntax, format!("a {} has no attribute {}", self.name, quoted(name)))),
        }
    }
}

/// Puts a value that a client may write where it belongs.
fn put(into: &mut Map<String, Value>, attribute: &Arc<Attribute>, value: Value, leniency: &Leniency, at: &str) -> Result<(), Error> {
    if attribute.is_read_only() {
        return Ok(());
    }
    if into.contains_key(&attribute.name) {
        return Err(Error::bad(ScimType::InvalidSyntax, format!("{at} is given twice")));
    }
    if let Some(value) = typed(attribute, value, leniency, at)? {
        into.insert(attribute.name.clone(), value);
    }
    Ok(())
}

/// The extension's object as it is so far, to be put back.
fn inner(resource: &mut Map<String, Value>, id: &str) -> Map<String, Value> {
    match resource.remove(id) {
        Some(Value::Object(part)) => part,
        _ => Map::new(),
    }
}

fn first_missing<'a>(schema: &'a Schema, members: &Map<String, Value>) -> Option<&'a Arc<Attribute>> {
    schema.attributes.iter().find(|attribute| {
        let empty = |value: &Value| attribute.kind == Kind::String && value == "";
        attribute.required && !attribute.is_read_only() && members.get(&attribute.name).is_none_or(empty)
    })
}

/// What of an attribute's old value a PUT leaves as it was.
fn keep(attribute: &Attribute, old: &Map<String, Value>, new: &mut Map<String, Value>, at: &str) -> Result<(), Error> {
    let Some(before) = old.get(&attribute.name) else { return Ok(()) };
    let given = new.get_mut(&attribute.name);
    match (attribute.mutability, given) {
        (Mutability::ReadOnly, _) | (Mutability::WriteOnly | Mutability::Immutable, None) => {
            new.insert(attribute.name.clone(), before.clone());
        }
        (Mutability::Immutable, Some(given)) if given != before => {
            return Err(Error::bad(ScimType::Mutability, format!("{at} is set once and is another one already")));
        }
        (Mutability::ReadWrite, Some(Value::Object(given))) if !attribute.multi => {
            let Value::Object(before) = before else { return Ok(()) };
            // Parts that only the server writes belong to the value that they say something about.
            let same = given.get("value") == before.get("value");
            for sub in attribute.sub.iter().filter(|sub| same || !sub.is_read_only()) {
                keep(sub, before, given, &format!("{at}.{}", sub.name))?;
            }
        }
        _ => {}
    }
    Ok(())
}
