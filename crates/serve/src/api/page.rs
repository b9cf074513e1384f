//! Lists by pages: a cursor names the last one that was seen, so that a page stays where it is while others are added.

use std::cmp::Reverse;
use std::fmt::Write as _;

use axum::http::{StatusCode, Uri};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::problem::Problem;

/// How many come when nothing is said.
const USUAL: usize = 100;
/// How many come at most.
const MOST: u32 = 1000;
/// Bytes of a cursor at most.
const LONGEST: usize = 1024;

/// A page of a list.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PageOf{T}")]
pub(super) struct Page<T> {
    /// What is on it.
    items: Vec<T>,
    /// The next page, as a path of this server; left out on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Which page of a list.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    /// How many at most; 100 when nothing is said.
    #[schemars(range(min = 1, max = 1000))]
    pub(super) limit: Option<u32>,
    /// From `next` of the page before.
    #[schemars(regex(pattern = "^([0-9a-f]{2}){1,1024}$"))]
    pub(super) cursor: Option<String>,
}

/// A place in a list: after whom, and how many.
pub(super) struct Place {
    pub(super) after: Option<Vec<u8>>,
    pub(super) limit: usize,
}

/// In which order a list is.
#[derive(Clone, Copy)]
pub(super) enum Order {
    /// By key.
    Rising,
    /// The other way round: the newest first.
    Falling,
}

impl Which {
    /// The place.
    ///
    /// # Errors
    /// 400: a cursor that is none of ours, a limit that is none.
    pub(super) fn place(&self) -> Result<Place, Problem> {
        let wrong = |what: String, next: &str| Problem::new(StatusCode::BAD_REQUEST, "not-understood", what, next);
        let limit = match self.limit {
            None => USUAL,
            Some(limit) if (1..=MOST).contains(&limit) => limit as usize,
            Some(limit) => return Err(wrong(format!("limit: {limit} is not between 1 and {MOST}"), "leave it out for 100")),
        };
        let after = match &self.cursor {
            None => None,
            Some(text) => Some(bytes(text).ok_or_else(|| {
                wrong("cursor: it is none of this server's".to_owned(), "follow `next` as it is, or begin without a cursor")
            })?),
        };
        Ok(Place { after, limit })
    }
}

/// The page at this place of a whole list; each has a key of its own, which it keeps.
pub(super) fn page<T>(mut all: Vec<T>, order: Order, key: impl Fn(&T) -> Vec<u8>, place: &Place, uri: &Uri) -> Page<T> {
    match order {
        Order::Rising => all.sort_by_cached_key(&key),
        Order::Falling => all.sort_by_cached_key(|item| Reverse(key(item))),
    }
    let seen = |item: &T| {
        let Some(after) = &place.after else { return false };
        match order {
            Order::Rising => key(item) <= *after,
            Order::Falling => key(item) >= *after,
        }
    };
    let first = all.partition_point(seen);
    let more = all.len() - first > place.limit;
    let items: Vec<T> = all.into_iter().skip(first).take(place.limit).collect();
    let next = items.last().filter(|_| more).map(|last| link(uri, &key(last)));
    Page { items, next }
}

/// What is a page already, and the key of its last one where more come.
pub(super) fn ready<T>(items: Vec<T>, more: Option<Vec<u8>>, uri: &Uri) -> Page<T> {
    Page { items, next: more.map(|key| link(uri, &key)) }
}

impl<T> Page<T> {
    /// The page with others in their place.
    pub(super) fn map<U>(self, change: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(change).collect(), next: self.next }
    }
}

/// The same list from behind this key on.
fn link(uri: &Uri, key: &[u8]) -> String {
    let mut link = format!("{}?", uri.path());
    for part in uri.query().unwrap_or_default().split('&').filter(|part| !part.is_empty() && !part.starts_with("cursor=")) {
        link.push_str(part);
        link.push('&');
    }
    link.push_str("cursor=");
    for byte in key {
        write!(link, "{byte:02x}").expect("a text can be written to");
    }
    link
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if digits.is_empty() || !digits.len().is_multiple_of(2) || digits.len() > 2 * LONGEST {
        return None;
    }
    let digit = |digit: &u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    digits.chunks(2).map(|pair| Some(digit(&pair[0])? << 4 | digit(&pair[1])?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(uri: &str) -> (Page<&'static str>, Vec<&'static str>) {
        let all = vec!["d", "b", "a", "c", "e"];
        let uri: Uri = uri.parse().unwrap();
        let axum::extract::Query(which) = axum::extract::Query::<Which>::try_from_uri(&uri).unwrap();
        let page = page(all, Order::Falling, |item| item.as_bytes().to_vec(), &which.place().unwrap(), &uri);
        let items = page.items.clone();
        (page, items)
    }

    #[test]
    fn pages_follow_each_other_by_their_links() {
        let (first, items) = at("/people?limit=2");
        assert_eq!(items, ["e", "d"]);
        let (second, items) = at(first.next.as_deref().unwrap());
        assert_eq!((items, second.next.as_deref()), (vec!["c", "b"], Some("/people?limit=2&cursor=62")));
        let (last, items) = at(second.next.as_deref().unwrap());
        assert_eq!((items, last.next), (vec!["a"], None));
        assert_eq!(at("/people?cursor=6363").1, ["c", "b", "a"], "whoever it names need not be there any more");
    }

    #[test]
    fn what_is_no_cursor_or_no_limit_is_said() {
        for (limit, cursor, told) in [
            (Some(0), None, "between 1 and 1000"),
            (Some(1001), None, "between"),
            (None, Some("6"), "cursor"),
            (None, Some("zz"), "cursor"),
            (None, Some(""), "cursor"),
        ] {
            let problem = Which { limit, cursor: cursor.map(str::to_owned) }.place().err().unwrap();
            assert!(serde_json::to_string(&problem).unwrap().contains(told), "{problem:?}");
        }
        assert!(Which { limit: None, cursor: Some("6a".repeat(LONGEST + 1)) }.place().is_err());
    }
}
