//! The body of a PATCH request, as the RFC has it and as identity providers send it.

use serde_json::{Map, Value};

use super::{Action, Change, Patch, Target};
use crate::path::{Path, quoted};
use crate::schema::{Attribute, Kind};
use crate::value::{single, typed};
use crate::{Error, Leniency, ResourceType, ScimType, Unknown, urn};

fn syntax(what: impl Into<String>) -> Error {
    Error::bad(ScimType::InvalidSyntax, what)
}

fn no_value(what: impl Into<String>) -> Error {
    Error::bad(ScimType::InvalidValue, what)
}

/// A member of an object, in any case where that is allowed.
fn member<'a>(object: &'a Map<String, Value>, name: &str, any_case: bool) -> Option<&'a Value> {
    let other = || object.iter().find(|(key, _)| any_case && key.eq_ignore_ascii_case(name)).map(|(_, value)| value);
    object.get(name).or_else(other)
}

impl Patch {
    /// Reads the body of a PATCH request.
    ///
    /// # Errors
    /// `invalidSyntax` (the body), `invalidPath`, `invalidValue`, `mutability` (what only the server writes), `noTarget` (a removal
    /// that does not say of what), each with the operation's place.
    pub fn parse(kind: &ResourceType, body: &Value, leniency: &Leniency) -> Result<Self, Error> {
        let Value::Object(body) = body else { return Err(syntax("the body is no JSON object; a PATCH has Operations")) };
        if !leniency.loose_bodies {
            let schemas = body.get("schemas").and_then(Value::as_array);
            let is = |id: &Value| id.as_str().is_some_and(|id| id.eq_ignore_ascii_case(urn::PATCH_OP));
            if !schemas.is_some_and(|ids| ids.iter().any(is)) {
                return Err(syntax(format!("schemas has no {} in it", urn::PATCH_OP)));
            }
        }
        let Some(Value::Array(operations)) = member(body, "Operations", leniency.loose_bodies) else {
            return Err(syntax("Operations is missing, or no list"));
        };
        if operations.is_empty() && !leniency.loose_bodies {
            return Err(syntax("Operations is empty"));
        }
        let mut reader = Reader { kind, leniency, changes: Vec::with_capacity(operations.len()) };
        for (at, operation) in operations.iter().enumerate() {
            reader.operation(operation).map_err(|mut why| {
                why.detail = format!("operation {}: {}", at + 1, why.detail);
                why
            })?;
        }
        Ok(Self { changes: reader.changes })
    }
}

struct Reader<'a> {
    kind: &'a ResourceType,
    leniency: &'a Leniency,
    changes: Vec<Change>,
}

impl Reader<'_> {
    fn operation(&mut self, operation: &Value) -> Result<(), Error> {
        let any_case = self.leniency.loose_bodies;
        let Value::Object(operation) = operation else { return Err(syntax("is no JSON object")) };
        let Some(Value::String(op)) = member(operation, "op", any_case) else { return Err(syntax("op is missing, or no text")) };
        let all = [Action::Add, Action::Replace, Action::Remove];
        let action = all.into_iter().find(|one| op == one.as_str() || any_case && op.eq_ignore_ascii_case(one.as_str()));
        let action = action.ok_or_else(|| syntax(format!("op is add, replace or remove, not {}", quoted(op))))?;
        let value = member(operation, "value", any_case);
        let path = match member(operation, "path", any_case) {
            None | Some(Value::Null) => None,
            Some(Value::String(path)) if path.trim().is_empty() && self.leniency.loose_paths => None,
            Some(Value::String(path)) => Some(path),
            Some(_) => return Err(Error::bad(ScimType::InvalidPath, "path is no text")),
        };
        if action != Action::Remove && value.is_none() {
            return Err(no_value(format!("{} needs a value", action.as_str())));
        }
        match (path, value) {
            (Some(path), value) => match Target::parse(self.kind, path, self.leniency) {
                Ok(target) => self.change(action, target, value),
                Err(_) if self.drops(path) => Ok(()),
                Err(why) => Err(why),
            },
            (None, Some(Value::Object(members))) if action != Action::Remove || self.leniency.remove_listed => {
                self.members(action, members)
            }
            (None, _) if action == Action::Remove => Err(Error::bad(ScimType::NoTarget, "remove needs a path")),
            (None, _) => Err(no_value("without a path the value is an object of attributes")),
        }
    }

    /// Whether what a path names is left out: nothing has it, and the rest of the request is about what is there.
    fn drops(&self, path: &str) -> bool {
        self.leniency.unknown == Unknown::Drop && Target::is_unknown(self.kind, path, self.leniency)
    }

    /// A value without a path: its members are attributes, and where that is allowed their names are paths.
    fn members(&mut self, action: Action, members: &Map<String, Value>) -> Result<(), Error> {
        for (name, value) in members {
            if name.eq_ignore_ascii_case("schemas") {
                continue;
            }
            let plain = !name.contains(['.', '[', ':']) || self.kind.extension(name).is_some();
            let target = if plain || self.leniency.loose_paths {
                Target::parse(self.kind, name, self.leniency)
            } else {
                Err(Error::bad(ScimType::InvalidPath, format!("{} is no name of an attribute", quoted(name))))
            };
            let target = match target {
                Ok(target) => target,
                Err(_) if self.drops(name) => continue,
                Err(why) => return Err(why),
            };
            if target.attribute().is_some_and(|attribute| attribute.is_read_only()) && self.leniency.loose_values {
                continue;
            }
            self.change(action, target, Some(value))?;
        }
        Ok(())
    }

    fn change(&mut self, action: Action, target: Target, value: Option<&Value>) -> Result<(), Error> {
        let path = match &target {
            Target::Extension(schema) => {
                return match (action, value) {
                    (Action::Remove, _) | (Action::Replace, Some(Value::Null)) => {
                        self.push(Action::Remove, target, None);
                        Ok(())
                    }
                    (Action::Add, Some(Value::Null)) => Ok(()),
                    (_, Some(Value::Object(members))) => {
                        let schema = schema.clone();
                        self.extension(action, &schema, members)
                    }
                    _ => Err(no_value(format!("{} is an object", schema.id))),
                };
            }
            Target::Attribute(path) | Target::Elements(path, _) => path,
        };
        if path.extension.is_none() && path.attribute.name == "schemas" {
            return Ok(());
        }
        if path.attribute.is_read_only() || path.leaf().is_read_only() {
            return Err(Error::bad(ScimType::Mutability, format!("{path} is written by the server only")));
        }
        match (action, value) {
            (Action::Remove, value) => self.remove(target, value),
            (_, Some(value)) => self.set(action, target, value.clone()),
            (_, None) => Err(no_value(format!("{} needs a value", action.as_str()))),
        }
    }

    fn extension(
        &mut self,
        action: Action,
        schema: &std::sync::Arc<crate::schema::Schema>,
        members: &Map<String, Value>,
    ) -> Result<(), Error> {
        for (name, value) in members {
            let Some(attribute) = schema.attribute(name) else {
                match self.leniency.unknown {
                    // Clients that keep an extension as a resource of its own write its `schemas` too: it says nothing new.
                    _ if name.eq_ignore_ascii_case("schemas") => continue,
                    Unknown::Drop => continue,
                    Unknown::Refuse => return Err(syntax(format!("{} has no attribute {}", schema.id, quoted(name)))),
                }
            };
            let path = Path { extension: Some(schema.clone()), attribute: attribute.clone(), sub: None };
            if attribute.is_read_only() && self.leniency.loose_values {
                continue;
            }
            self.change(action, Target::Attribute(path), Some(value))?;
        }
        Ok(())
    }

    fn set(&mut self, action: Action, target: Target, value: Value) -> Result<(), Error> {
        let at = target.to_string();
        let value = self.unwrapped(&target, value);
        let value = match &target {
            Target::Attribute(path) if path.sub.is_none() && !path.attribute.multi && path.attribute.kind == Kind::Complex => {
                return self.parts(action, path.clone(), value);
            }
            // A single value is put beside the others (RFC 7644, section 3.5.2.1).
            Target::Attribute(path) if path.leaf().multi && action == Action::Add && !value.is_array() && !value.is_null() => {
                typed(path.leaf(), Value::Array(vec![value]), self.leniency, &at)?
            }
            Target::Elements(path, _) if path.sub.is_none() => single(&path.attribute, value, self.leniency, &at)?,
            Target::Attribute(path) | Target::Elements(path, _) => typed(path.leaf(), value, self.leniency, &at)?,
            Target::Extension(_) => None,
        };
        match (action, value) {
            (_, Some(value)) => self.push(action, target, Some(value)),
            (Action::Replace, None) => self.push(Action::Remove, target, None),
            _ => {}
        }
        Ok(())
    }

    /// One text, number or truth in a list of one object, as older tenants of Entra send it: `[{"value": "False"}]`.
    fn unwrapped(&self, target: &Target, value: Value) -> Value {
        let simple = target.attribute().is_some_and(|attribute| attribute.kind != Kind::Complex && !attribute.multi);
        let inner = match &value {
            Value::Array(all) if simple && self.leniency.loose_values && all.len() == 1 => all[0].get("value").cloned(),
            _ => None,
        };
        inner.unwrap_or(value)
    }

    /// An object for a complex attribute: its parts are set, the others stay (RFC 7644, section 3.5.2.3).
    fn parts(&mut self, action: Action, path: Path, value: Value) -> Result<(), Error> {
        let loose = self.leniency.loose_values;
        let value = match value {
            Value::Array(mut all) if loose && all.len() < 2 => all.pop().unwrap_or(Value::Null),
            value => value,
        };
        let of_value = path.attribute.sub("value");
        let members = match (value, of_value) {
            (Value::Null, _) => Map::new(),
            (Value::String(text), Some(_)) if loose && text.is_empty() => Map::new(),
            (Value::String(text), Some(sub)) if loose => Map::from_iter([(sub.name.clone(), text.into())]),
            (Value::Object(members), Some(sub)) if loose && is_none(&members, sub) => Map::new(),
            (Value::Object(members), _) => members,
            (other, _) => return Err(no_value(format!("{path} is an object, not {}", quoted(&other.to_string())))),
        };
        if members.is_empty() {
            if action == Action::Replace {
                self.push(Action::Remove, Target::Attribute(path), None);
            }
            return Ok(());
        }
        // What the others belong to comes first.
        let (first, others): (Vec<_>, Vec<_>) = members.into_iter().partition(|(name, _)| name.eq_ignore_ascii_case("value"));
        for (name, value) in first.into_iter().chain(others) {
            let Some(sub) = path.attribute.sub(&name) else {
                match self.leniency.unknown {
                    Unknown::Drop => continue,
                    Unknown::Refuse => return Err(syntax(format!("{path} has no part {}", quoted(&name)))),
                }
            };
            if !sub.is_read_only() {
                self.set(action, Target::Attribute(Path { sub: Some(sub.clone()), ..path.clone() }), value)?;
            }
        }
        Ok(())
    }

    fn remove(&mut self, target: Target, value: Option<&Value>) -> Result<(), Error> {
        let listed = match (value, &target) {
            (None | Some(Value::Null), _) => None,
            (Some(_), _) if !self.leniency.remove_listed => {
                return Err(no_value("remove takes no value; a filter in the path says which elements (members[value eq \"…\"])"));
            }
            (Some(value), Target::Attribute(path)) if path.sub.is_none() && path.attribute.multi => {
                Some(self.listed(&path.attribute, value, &target.to_string())?)
            }
            _ => None,
        };
        self.push(Action::Remove, target, listed);
        Ok(())
    }

    /// The elements that a removal lists; none of them have to be whole.
    fn listed(&self, attribute: &Attribute, value: &Value, at: &str) -> Result<Value, Error> {
        let all = match value {
            Value::Array(all) => all.clone(),
            one => vec![one.clone()],
        };
        let mut listed = Vec::with_capacity(all.len());
        for one in all {
            listed.extend(single(attribute, one, self.leniency, at)?);
        }
        Ok(Value::Array(listed))
    }

    fn push(&mut self, action: Action, target: Target, value: Option<Value>) {
        self.changes.push(Change { action, target, value });
    }
}

/// Whether an object says that there is none, by a `value` that is empty.
fn is_none(members: &Map<String, Value>, sub: &Attribute) -> bool {
    let value = members.iter().find(|(name, _)| name.eq_ignore_ascii_case(&sub.name)).map(|(_, value)| value);
    value.is_some_and(|value| value.is_null() || value == "")
}
