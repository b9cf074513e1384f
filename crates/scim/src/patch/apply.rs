//! Applying a PATCH to a resource: all of it, or nothing.

use serde_json::{Map, Value};

use super::{Action, Change, Patch, Target, elements};
use crate::filter::ElementFilter;
use crate::path::Path;
use crate::schema::{Attribute, Mutability};
use crate::value::{is_primary, set_once, without_doubles};
use crate::{Error, Leniency, ResourceType, ScimType};

impl Patch {
    /// Applies the changes in their order, and says whether anything is another than before. On an error the resource is as it was.
    /// `schemas` follows the extensions that are there afterwards.
    ///
    /// # Errors
    /// `noTarget` where elements are named that are not there (unless [`Leniency::make_targets`]), `mutability` for what is set once
    /// or may not be taken away, `invalidValue` for a required value that is empty.
    pub fn apply(&self, kind: &ResourceType, resource: &mut Map<String, Value>, leniency: &Leniency) -> Result<bool, Error> {
        let mut touched: Vec<&str> = vec!["schemas"];
        for change in &self.changes {
            let name = change.target.member();
            if !touched.contains(&name) {
                touched.push(name);
            }
        }
        let before: Vec<(&str, Option<Value>)> = touched.into_iter().map(|name| (name, resource.get(name).cloned())).collect();
        let done = self.changes.iter().try_for_each(|change| change.apply(resource, leniency));
        match done.and_then(|()| self.check(kind, resource)) {
            Ok(()) => {
                kind.set_schemas(resource);
                Ok(before.iter().any(|(name, value)| resource.get(*name) != value.as_ref()))
            }
            Err(why) => {
                for (name, value) in before {
                    match value {
                        Some(value) => resource.insert(name.to_owned(), value),
                        None => resource.remove(name),
                    };
                }
                Err(why)
            }
        }
    }

    /// What was touched and has to be there is there.
    fn check(&self, kind: &ResourceType, resource: &Map<String, Value>) -> Result<(), Error> {
        let gone = |what: &dyn std::fmt::Display| {
            Err(Error::bad(ScimType::Mutability, format!("{what} is required and cannot be taken away")))
        };
        for change in &self.changes {
            let path = match &change.target {
                Target::Attribute(path) | Target::Elements(path, _) => path,
                Target::Extension(schema) => match kind.extension(&schema.id) {
                    Some(extension) if extension.required && !resource.contains_key(&schema.id) => return gone(&schema.id),
                    _ => continue,
                },
            };
            match path.get(resource) {
                None if path.attribute.required => return gone(&path.attribute.name),
                Some(Value::String(text)) if path.attribute.required && text.is_empty() => {
                    return Err(Error::bad(ScimType::InvalidValue, format!("{} is required and cannot be empty", path.attribute.name)));
                }
                None => {}
                Some(value) => {
                    let lacks = |element: &Value| {
                        let subs = path.attribute.sub.iter().filter(|sub| sub.required && !sub.is_read_only());
                        subs.into_iter().find(|sub| element.is_object() && element.get(&sub.name).is_none()).cloned()
                    };
                    let missing = match value {
                        Value::Array(all) => all.iter().find_map(lacks),
                        one => lacks(one),
                    };
                    if let Some(sub) = missing {
                        return gone(&format!("{}.{}", path.attribute.name, sub.name));
                    }
                }
            }
        }
        Ok(())
    }
}

impl Target {
    /// The member of a resource that is changed.
    fn member(&self) -> &str {
        match self {
            Self::Extension(schema) => &schema.id,
            Self::Attribute(path) | Self::Elements(path, _) => match &path.extension {
                Some(schema) => &schema.id,
                None => &path.attribute.name,
            },
        }
    }
}

fn once(what: &dyn std::fmt::Display) -> Error {
    Error::bad(ScimType::Mutability, format!("{what} is set once and cannot be changed"))
}

impl Change {
    fn apply(&self, resource: &mut Map<String, Value>, leniency: &Leniency) -> Result<(), Error> {
        let (path, filter) = match &self.target {
            Target::Extension(schema) => {
                resource.remove(&schema.id);
                return Ok(());
            }
            Target::Attribute(path) => (path, None),
            Target::Elements(path, filter) => (path, Some(filter)),
        };
        let Some(schema) = &path.extension else { return self.within(resource, path, filter, leniency) };
        let mut part = match resource.remove(&schema.id) {
            Some(Value::Object(part)) => part,
            _ => Map::new(),
        };
        let done = self.within(&mut part, path, filter, leniency);
        if !part.is_empty() {
            resource.insert(schema.id.clone(), Value::Object(part));
        }
        done
    }

    fn within(
        &self,
        members: &mut Map<String, Value>,
        path: &Path,
        filter: Option<&ElementFilter>,
        leniency: &Leniency,
    ) -> Result<(), Error> {
        let attribute = &*path.attribute;
        if attribute.multi {
            let mut all = match members.remove(&attribute.name) {
                Some(Value::Array(all)) => all,
                Some(Value::Null) | None => Vec::new(),
                Some(one) => vec![one],
            };
            let done = match filter {
                Some(filter) => self.elements(path, filter, &mut all, leniency),
                None => self.list(path, &mut all, leniency),
            };
            if !all.is_empty() {
                members.insert(attribute.name.clone(), Value::Array(all));
            }
            return done;
        }
        match &path.sub {
            None => put(members, attribute, self.value.as_ref(), &self.target),
            Some(sub) => {
                let mut object = match members.remove(&attribute.name) {
                    Some(Value::Object(object)) => object,
                    _ => Map::new(),
                };
                let done = part(&mut object, attribute, sub, self.value.as_ref(), &self.target);
                if !object.is_empty() {
                    members.insert(attribute.name.clone(), Value::Object(object));
                }
                done
            }
        }
    }

    /// All of a list, or a part of each of its elements.
    fn list(&self, path: &Path, all: &mut Vec<Value>, leniency: &Leniency) -> Result<(), Error> {
        let attribute = &*path.attribute;
        if let Some(sub) = &path.sub {
            if all.is_empty() && self.action != Action::Remove {
                if !leniency.make_targets {
                    return Err(self.no_target());
                }
                all.push(Value::Object(Map::new()));
            }
            let every: Vec<usize> = (0..all.len()).collect();
            return self.parts(attribute, sub, all, &every);
        }
        let given = match &self.value {
            Some(Value::Array(given)) => given.clone(),
            Some(one) => vec![one.clone()],
            None => Vec::new(),
        };
        match self.action {
            Action::Add => {
                elements::add(attribute, all, given);
                // Another one that is primary now makes the others not so.
                settle(attribute, all);
            }
            Action::Replace => *all = given,
            Action::Remove if self.value.is_some() => elements::remove_listed(all, &given),
            Action::Remove => all.clear(),
        }
        Ok(())
    }

    /// The elements that are as the filter says.
    fn elements(&self, path: &Path, filter: &ElementFilter, all: &mut Vec<Value>, leniency: &Leniency) -> Result<(), Error> {
        let attribute = &*path.attribute;
        let mut found: Vec<usize> = (0..all.len()).filter(|&at| filter.matches(&all[at])).collect();
        if self.action == Action::Remove {
            if found.is_empty() && !leniency.make_targets {
                return Err(self.no_target());
            }
            return match &path.sub {
                Some(sub) => self.parts(attribute, sub, all, &found),
                None => {
                    let mut at = 0..;
                    all.retain(|_| found.binary_search(&at.next().unwrap_or_default()).is_err());
                    Ok(())
                }
            };
        }
        if found.is_empty() {
            let made = elements::described(filter).filter(|_| leniency.make_targets && !attribute.sub.is_empty());
            let made = made.ok_or_else(|| self.no_target())?;
            all.push(Value::Object(made));
            found.push(all.len() - 1);
            if is_primary(&all[all.len() - 1]) {
                elements::only_primary(all, found[0]);
            }
            if path.sub.is_none() {
                return self.merge(attribute, all, &found);
            }
        }
        match (&path.sub, self.action) {
            (Some(sub), _) => self.parts(attribute, sub, all, &found),
            (None, Action::Add) => self.merge(attribute, all, &found),
            (None, _) => {
                let Some(value) = &self.value else { return Ok(()) };
                for &at in &found {
                    if set_once(attribute) && all[at].get("value") != value.get("value") {
                        return Err(once(&self.target));
                    }
                    all[at] = value.clone();
                }
                if is_primary(value) {
                    elements::only_primary(all, found[0]);
                }
                settle(attribute, all);
                Ok(())
            }
        }
    }

    /// What is said is put into elements.
    fn merge(&self, attribute: &Attribute, all: &mut Vec<Value>, found: &[usize]) -> Result<(), Error> {
        let Some(Value::Object(said)) = &self.value else { return Ok(()) };
        for (name, value) in said {
            let Some(sub) = attribute.sub(name) else { continue };
            for &at in found {
                if let Value::Object(element) = &mut all[at] {
                    part(element, attribute, sub, Some(value), &self.target)?;
                }
            }
        }
        if let (Some(true), Some(&at)) = (said.get("primary").and_then(Value::as_bool), found.last()) {
            elements::only_primary(all, at);
        }
        settle(attribute, all);
        Ok(())
    }

    /// One part of elements; elements of which nothing is left are gone.
    fn parts(&self, attribute: &Attribute, sub: &Attribute, all: &mut Vec<Value>, found: &[usize]) -> Result<(), Error> {
        for &at in found {
            if let Value::Object(element) = &mut all[at] {
                part(element, attribute, sub, self.value.as_ref(), &self.target)?;
            }
        }
        if sub.name == "primary"
            && self.value == Some(Value::Bool(true))
            && let Some(&at) = found.first()
        {
            elements::only_primary(all, at);
        }
        all.retain(|element| element.as_object().is_none_or(|element| !element.is_empty()));
        settle(attribute, all);
        Ok(())
    }

    fn no_target(&self) -> Error {
        Error::bad(ScimType::NoTarget, format!("{} yields nothing to operate on", self.target))
    }
}

/// Elements that a change made the same are one. What is set once stays what it was, so that nobody looks through all of a large group.
fn settle(attribute: &Attribute, all: &mut Vec<Value>) {
    if !set_once(attribute) {
        without_doubles(attribute, all);
    }
}

/// Sets or takes away a single value.
fn put(members: &mut Map<String, Value>, attribute: &Attribute, value: Option<&Value>, target: &Target) -> Result<(), Error> {
    let before = members.get(&attribute.name);
    if attribute.mutability == Mutability::Immutable && before.is_some() && before != value {
        return Err(once(target));
    }
    match value {
        Some(value) => members.insert(attribute.name.clone(), value.clone()),
        None => members.remove(&attribute.name),
    };
    Ok(())
}

/// Sets or takes away a part of an object. With another `value` go what only the server says of the old one, and where it was.
fn part(object: &mut Map<String, Value>, of: &Attribute, sub: &Attribute, value: Option<&Value>, target: &Target) -> Result<(), Error> {
    let another = sub.name == "value" && object.get("value") != value;
    put(object, sub, value, target)?;
    if another {
        object.retain(|name, _| name != "$ref" && of.sub(name).is_none_or(|one| !one.is_read_only()));
    }
    Ok(())
}
