//! Lists: what a request asks for and what an answer says (RFC 7644, sections 3.4.2 and 3.4.3; RFC 9865).

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::sort::Sort;
use crate::{Error, Filter, Leniency, ResourceType, ScimType, View, urn};

/// What a request for a list says, before it is held against a resource type.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListRequest {
    /// `filter`.
    pub filter: Option<String>,
    /// `sortBy`.
    pub sort_by: Option<String>,
    /// `sortOrder` is `descending`.
    pub descending: bool,
    /// `startIndex`, from 1.
    pub start: Option<usize>,
    /// `count`; a negative one is 0.
    pub count: Option<usize>,
    /// `cursor`; empty for the first page.
    pub cursor: Option<String>,
    /// `attributes`.
    pub attributes: Vec<String>,
    /// `excludedAttributes`.
    pub excluded: Vec<String>,
}

/// Where a page begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Page {
    /// At the so many-th result, from 1.
    Index(usize),
    /// At the beginning, and the answer has a cursor for what follows.
    First,
    /// Where a cursor says.
    Cursor(String),
}

/// A request for a list of one resource type, read and typed.
#[derive(Clone, Debug, PartialEq)]
pub struct Listing {
    /// What is listed.
    pub kind: Arc<ResourceType>,
    /// Which of them.
    pub filter: Option<Filter>,
    /// In which order.
    pub sort: Option<Sort>,
    /// From where.
    pub page: Page,
    /// How many at most; the server's own limit counts too.
    pub count: Option<usize>,
    /// Which attributes.
    pub view: View,
}

impl ListRequest {
    /// Reads the query of a GET, as it stands in the URI. Parameters that no RFC knows are passed over.
    ///
    /// # Errors
    /// `invalidValue` (`invalidCount` beside a cursor) for a value that is none.
    pub fn from_query(query: &str, leniency: &Leniency) -> Result<Self, Error> {
        let mut request = Self::default();
        for (name, value) in form_urlencoded::parse(pluses_kept(query).as_bytes()) {
            request.take(&name, &Value::String(value.into_owned()), leniency)?;
        }
        request.agree(leniency)
    }

    /// Reads the body of a `.search`.
    ///
    /// # Errors
    /// `invalidSyntax` for a body that is no search request, else as [`from_query`](Self::from_query).
    pub fn from_search(body: &Value, leniency: &Leniency) -> Result<Self, Error> {
        let syntax = |what: String| Error::bad(ScimType::InvalidSyntax, what);
        let Value::Object(body) = body else { return Err(syntax("the body is no JSON object; a search request is one".into())) };
        let schemas = body.get("schemas").and_then(Value::as_array);
        let is = |id: &Value| id.as_str().is_some_and(|id| id.eq_ignore_ascii_case(urn::SEARCH_REQUEST));
        if !leniency.loose_bodies && !schemas.is_some_and(|ids| ids.iter().any(is)) {
            return Err(syntax(format!("schemas has no {} in it", urn::SEARCH_REQUEST)));
        }
        let mut request = Self::default();
        for (name, value) in body {
            request.take(name, value, leniency)?;
        }
        request.agree(leniency)
    }

    fn take(&mut self, name: &str, value: &Value, leniency: &Leniency) -> Result<(), Error> {
        let wrong = |what: &str| Error::bad(ScimType::InvalidValue, format!("{name} is {what}"));
        let known = ["filter", "sortBy", "sortOrder", "startIndex", "count", "cursor", "attributes", "excludedAttributes"];
        let any_case = leniency.loose_bodies;
        let Some(known) = known.into_iter().find(|known| name == *known || any_case && name.eq_ignore_ascii_case(known)) else {
            return Ok(());
        };
        if value.is_null() {
            return Ok(());
        }
        let text = || value.as_str().ok_or_else(|| wrong("a text"));
        let some = |text: &str| if text.trim().is_empty() { None } else { Some(text.to_owned()) };
        let number = || match value {
            Value::Number(number) => number.as_i64(),
            Value::String(text) => text.trim().parse::<i64>().ok(),
            _ => None,
        };
        match known {
            "filter" => self.filter = Some(text()?.to_owned()),
            "sortBy" => self.sort_by = some(text()?),
            "sortOrder" => {
                self.descending = match text()?.to_ascii_lowercase().as_str() {
                    "" | "ascending" => false,
                    "descending" => true,
                    _ => return Err(wrong("ascending or descending")),
                }
            }
            "startIndex" => self.start = Some(number().ok_or_else(|| wrong("a whole number"))?.max(1) as usize),
            "count" => {
                let count = number().ok_or_else(|| Error::bad(ScimType::InvalidCount, "count is a whole number"))?;
                self.count = Some(count.max(0) as usize);
            }
            "cursor" => self.cursor = Some(text()?.to_owned()),
            "attributes" => self.attributes = names(value).ok_or_else(|| wrong("a list of names"))?,
            _ => self.excluded = names(value).ok_or_else(|| wrong("a list of names"))?,
        }
        Ok(())
    }

    fn agree(self, leniency: &Leniency) -> Result<Self, Error> {
        if self.cursor.is_some() && self.start.is_some() && !leniency.loose_bodies {
            return Err(Error::bad(ScimType::InvalidValue, "a list is paged by cursor or by startIndex, not by both"));
        }
        // RFC 9865, section 2: beside a cursor the count is positive.
        if self.cursor.is_some() && self.count == Some(0) && !leniency.loose_bodies {
            return Err(Error::bad(ScimType::InvalidCount, "count is a whole number from 1 where a list is paged by cursor"));
        }
        Ok(self)
    }

    /// Holds the request against a resource type.
    ///
    /// # Errors
    /// `invalidFilter`, and `invalidValue` for what it is sorted by.
    pub fn of(&self, kind: &Arc<ResourceType>, leniency: &Leniency) -> Result<Listing, Error> {
        self.listing(kind, leniency, Filter::parse)
    }

    /// The same where several resource types are listed at once: names that this one does not have are without a value.
    ///
    /// # Errors
    /// As [`of`](Self::of), unknown names in the filter apart.
    pub fn of_any(&self, kind: &Arc<ResourceType>, leniency: &Leniency) -> Result<Listing, Error> {
        self.listing(kind, leniency, Filter::parse_any)
    }

    fn listing(
        &self,
        kind: &Arc<ResourceType>,
        leniency: &Leniency,
        parse: fn(&ResourceType, &str, &Leniency) -> Result<Filter, Error>,
    ) -> Result<Listing, Error> {
        let filter = self.filter.as_deref().filter(|text| !(leniency.loose_bodies && text.trim().is_empty()));
        let sort = self.sort_by.as_deref().map(|by| Sort::parse(kind, by, self.descending, leniency));
        Ok(Listing {
            kind: kind.clone(),
            filter: filter.map(|text| parse(kind, text, leniency)).transpose()?,
            sort: sort.transpose()?,
            page: match &self.cursor {
                None => Page::Index(self.start.unwrap_or(1)),
                Some(cursor) if cursor.is_empty() => Page::First,
                Some(cursor) => Page::Cursor(cursor.clone()),
            },
            count: self.count,
            view: View::new(kind, &self.attributes, &self.excluded, leniency)?,
        })
    }
}

/// Whoever writes a space as `%20` means a plus by a plus within quotes: addresses have some.
fn pluses_kept(query: &str) -> Cow<'_, str> {
    if !query.contains("%20") {
        return Cow::Borrowed(query);
    }
    let parts = query.split("%22").flat_map(|part| part.split('"'));
    let kept: Vec<Cow<'_, str>> = parts
        .enumerate()
        .map(|(at, part)| if at % 2 == 1 { Cow::Owned(part.replace('+', "%2B")) } else { Cow::Borrowed(part) })
        .collect();
    Cow::Owned(kept.join("%22"))
}

/// Names in a list, or between commas.
fn names(value: &Value) -> Option<Vec<String>> {
    let split =
        |text: &str| -> Vec<String> { text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect() };
    match value {
        Value::String(text) => Some(split(text)),
        Value::Array(all) => all.iter().map(|one| one.as_str().map(str::to_owned)).collect(),
        _ => None,
    }
}

impl Listing {
    /// What the list is of, for cursors: the same for the next page's request.
    pub fn about(&self) -> String {
        let filter = self.filter.as_ref().map(Filter::to_string).unwrap_or_default();
        let sort = self.sort.as_ref().map(|sort| format!("{} {}", sort.path, sort.descending)).unwrap_or_default();
        format!("{}\n{filter}\n{sort}", self.kind.name)
    }
}

/// An answer with a list of resources.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListResponse {
    /// How many there are in all; left out where paging by cursor cannot say.
    pub total: Option<usize>,
    /// Those of this page.
    pub resources: Vec<Map<String, Value>>,
    /// The place of the first, from 1, where paged by index.
    pub start: Option<usize>,
    /// The cursor of the next page; none after the last.
    pub next: Option<String>,
    /// The cursor of the page before.
    pub previous: Option<String>,
}

impl ListResponse {
    /// All of a list that is not paged.
    pub fn all(resources: Vec<Map<String, Value>>) -> Self {
        Self { total: Some(resources.len()), start: Some(1), resources, next: None, previous: None }
    }

    /// The document.
    pub fn into_json(self) -> Value {
        let mut document = json!({"schemas": [urn::LIST_RESPONSE], "itemsPerPage": self.resources.len()});
        if let Some(total) = self.total {
            document["totalResults"] = total.into();
        }
        if let Some(start) = self.start {
            document["startIndex"] = start.into();
        }
        if let Some(next) = self.next {
            document["nextCursor"] = next.into();
        }
        if let Some(previous) = self.previous {
            document["previousCursor"] = previous.into();
        }
        document["Resources"] = self.resources.into_iter().map(Value::Object).collect();
        document
    }

    /// Reads the answer of another server. `Resources` may be missing where there are none, numbers may be text.
    ///
    /// # Errors
    /// In words, where it is no list of objects.
    pub fn from_json(document: Value) -> Result<Self, String> {
        let Value::Object(mut document) = document else { return Err("the answer is no JSON object".into()) };
        let number = |document: &Map<String, Value>, name: &str| match document.get(name) {
            Some(Value::Number(number)) => number.as_u64().map(|number| number as usize),
            Some(Value::String(text)) => text.parse().ok(),
            _ => None,
        };
        let cursor = |document: &Map<String, Value>, name: &str| {
            document.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let (total, start) = (number(&document, "totalResults"), number(&document, "startIndex"));
        let (next, previous) = (cursor(&document, "nextCursor"), cursor(&document, "previousCursor"));
        let resources = match document.remove("Resources").or_else(|| document.remove("resources")) {
            None | Some(Value::Null) if total.is_some() => Vec::new(),
            Some(Value::Array(all)) => all
                .into_iter()
                .map(|one| match one {
                    Value::Object(one) => Ok(one),
                    other => Err(format!("Resources has {other} in it, which is no object")),
                })
                .collect::<Result<_, _>>()?,
            _ => return Err("the answer has no Resources".into()),
        };
        Ok(Self { total, resources, start, next, previous })
    }
}
