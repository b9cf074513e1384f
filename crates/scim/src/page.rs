//! Answering a list request from resources that are all at hand, as a server in memory has them.

use serde_json::{Map, Value, json};

use crate::instant::Instant;
use crate::list::{ListResponse, Listing, Page};
use crate::sort::SortKey;
use crate::{Error, ScimType, cursor};

impl Listing {
    /// The page that is asked for, of at most `limit` resources. Paged by index, resources are in the order in which they come
    /// unless the request sorts them; paged by cursor they are in the order of their ids then, so that whatever is made or deleted
    /// between two pages, what is there all the time is on exactly one page.
    ///
    /// # Errors
    /// `invalidCursor` where the cursor is none of this list.
    pub fn answer<'a>(&self, resources: impl IntoIterator<Item = &'a Map<String, Value>>, limit: usize) -> Result<ListResponse, Error> {
        let chosen = resources.into_iter().filter(|one| self.filter.as_ref().is_none_or(|filter| filter.matches(one)));
        let mut chosen: Vec<(SortKey, &str, &Map<String, Value>)> = chosen
            .map(|one| {
                let key = self.sort.as_ref().map_or(SortKey::None, |sort| sort.key(one));
                (key, one.get("id").and_then(Value::as_str).unwrap_or_default(), one)
            })
            .collect();
        let order = |a: &(SortKey, &str), b: &(SortKey, &str)| {
            let keys = self.sort.as_ref().map_or(std::cmp::Ordering::Equal, |sort| sort.order(&a.0, &b.0));
            keys.then_with(|| a.1.cmp(b.1))
        };
        let by_cursor = !matches!(self.page, Page::Index(_));
        if by_cursor {
            chosen.sort_by(|a, b| order(&(a.0.clone(), a.1), &(b.0.clone(), b.1)));
        } else if let Some(sort) = &self.sort {
            chosen.sort_by(|a, b| sort.order(&a.0, &b.0));
        }
        let count = self.count.unwrap_or(limit).min(limit);
        let (from, to) = match &self.page {
            Page::Index(start) => (start.saturating_sub(1).min(chosen.len()), None),
            Page::First => (0, None),
            Page::Cursor(text) => {
                let place = cursor::open(text, &self.about())?;
                let (key, id, back) = read_place(&place)?;
                let here = |one: &(SortKey, &str, _)| order(&(one.0.clone(), one.1), &(key.clone(), &id));
                match back {
                    false => (chosen.partition_point(|one| here(one).is_le()), None),
                    true => {
                        let to = chosen.partition_point(|one| here(one).is_lt());
                        (to.saturating_sub(count), Some(to))
                    }
                }
            }
        };
        let to = to.unwrap_or_else(|| from.saturating_add(count).min(chosen.len()));
        let page = &chosen[from..to];
        let sealed = |(key, id, _): &(SortKey, &str, _), back| cursor::seal(&place(key, id, back), &self.about());
        Ok(ListResponse {
            total: Some(chosen.len()),
            start: match self.page {
                Page::Index(start) => Some(start),
                _ => None,
            },
            next: page.last().filter(|_| by_cursor && to < chosen.len()).map(|last| sealed(last, false)),
            previous: page.first().filter(|_| by_cursor && from > 0).map(|first| sealed(first, true)),
            resources: page.iter().map(|(_, _, one)| self.view.of(one)).collect(),
        })
    }
}

/// The place behind a resource, or (`back`) before it.
fn place(key: &SortKey, id: &str, back: bool) -> String {
    let key = match key {
        SortKey::Boolean(value) => (*value).into(),
        SortKey::Number(value) => value.clone().into(),
        SortKey::Instant(value) => json!([value.seconds(), value.nanos()]),
        SortKey::Text(text) => text.as_str().into(),
        SortKey::None => Value::Null,
    };
    json!([key, id, back]).to_string()
}

fn read_place(place: &str) -> Result<(SortKey, String, bool), Error> {
    let wrong = || Error::bad(ScimType::InvalidCursor, "the cursor is none of this list; begin again without one");
    let (key, id, back): (Value, String, bool) = serde_json::from_str(place).map_err(|_| wrong())?;
    let key = match key {
        Value::Bool(value) => SortKey::Boolean(value),
        Value::Number(value) => SortKey::Number(value),
        Value::String(text) => SortKey::Text(text),
        Value::Null => SortKey::None,
        Value::Array(parts) => match (parts.first().and_then(Value::as_i64), parts.get(1).and_then(Value::as_u64)) {
            (Some(seconds), Some(nanos)) => SortKey::Instant(Instant::from_parts(seconds, nanos as u32)),
            _ => return Err(wrong()),
        },
        Value::Object(_) => return Err(wrong()),
    };
    Ok((key, id, back))
}
