//! Answers, errors, pages and instants.

use std::ops::Range;

use axum::extract::{FromRequestParts, Path};
use axum::http::{StatusCode, header, request::Parts};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::profile::Profile;
use super::render;
use crate::backend::LedgerFailed;
use crate::call::Call;
use crate::faults::Shuffle;

/// A request that is refused, with nothing changed: `{"error": "…"}`.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) error: String,
}

impl Refusal {
    /// 400: a parameter is malformed or missing.
    pub(super) fn malformed(error: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, error: error.into() }
    }

    /// 404: there is no such object.
    pub(super) fn missing(what: &str) -> Self {
        Self { status: StatusCode::NOT_FOUND, error: format!("{what} not found") }
    }
}

impl From<LedgerFailed> for Refusal {
    fn from(LedgerFailed(error): LedgerFailed) -> Self {
        Self { status: StatusCode::INTERNAL_SERVER_ERROR, error }
    }
}

impl From<Refusal> for scim::Error {
    fn from(refusal: Refusal) -> Self {
        Self::new(refusal.status.as_u16(), refusal.error)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        answer(self.status, json!({ "error": self.error }).to_string().into_bytes())
    }
}

/// An answer with a JSON body.
pub(super) fn answer(status: StatusCode, body: Vec<u8>) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json; charset=utf-8")], body).into_response()
}

/// 200.
pub(super) fn ok(body: Value) -> Response {
    answer(StatusCode::OK, body.to_string().into_bytes())
}

/// 200 with a list: its `type`, the list of what `each` writes, and the totals of its page where the profile says them.
pub(super) fn listed<T>(
    (kind, plural): (&str, &str),
    page: Option<(&Page, usize)>,
    all: impl IntoIterator<Item = T>,
    each: impl FnMut(&mut Vec<u8>, T),
) -> Response {
    let mut out = Vec::with_capacity(32 << 10);
    out.extend_from_slice(format!("{{\"type\":\"{kind}\",\"{plural}\":").as_bytes());
    render::list(&mut out, all, each);
    if let Some((page, total)) = page
        && page.totals
    {
        render::member(&mut out, &format!("total_{plural}"), &total);
        render::member(&mut out, "total_pages", &total.div_ceil(page.size));
        render::member(&mut out, "page", &page.number);
        render::member(&mut out, "per_page", &page.size);
    }
    out.push(b'}');
    answer(StatusCode::OK, out)
}

/// The variable part of a path.
#[derive(Debug)]
pub(super) struct Segment(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for Segment {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let found = Path::<String>::from_request_parts(parts, state).await;
        found.map(|Path(text)| Self(text)).map_err(|error| Refusal::malformed(error.body_text()))
    }
}

/// An id: digits only.
pub(super) fn id(text: &str) -> Option<u64> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// The page of a list that a request asks for.
#[derive(Debug)]
pub(super) struct Page {
    number: usize,
    size: usize,
    totals: bool,
    /// Records that moved while somebody reads: a fault on demand.
    shuffle: Option<Shuffle>,
}

impl Page {
    /// `page`, and `per_page` where the profile reads it, up to its most.
    pub(super) fn asked(call: &Call, profile: &Profile) -> Result<Self, Refusal> {
        let number = positive(call, "page")?.unwrap_or(1);
        let size = match profile.page_max {
            None => profile.page,
            Some(most) => positive(call, "per_page")?.map_or(profile.page, |size| size.min(most)),
        };
        Ok(Self { number, size, totals: profile.totals, shuffle: call.shuffle.clone() })
    }

    /// The places in a list of `total`, the newest first, that are on the page; none are past the end.
    pub(super) fn places(&self, total: usize) -> Range<usize> {
        let start = (self.number - 1).saturating_mul(self.size).min(total);
        start..start.saturating_add(self.size).min(total)
    }

    /// The part of a list, oldest first, that is on the page, newest first.
    pub(super) fn of<'a, T>(&self, oldest_first: &'a [T]) -> impl Iterator<Item = &'a T> + use<'a, T> {
        let total = oldest_first.len();
        let places = self.places(total);
        let moved = self.shuffle.as_ref().and_then(|shuffle| shuffle.rows(total, places.start, places.len()));
        let rows: Vec<usize> = moved.unwrap_or_else(|| places.collect());
        rows.into_iter().map(move |row| &oldest_first[total - 1 - row])
    }
}

/// A parameter that counts from 1; one too great for a number is the greatest.
fn positive(call: &Call, name: &str) -> Result<Option<usize>, Refusal> {
    let Some(text) = call.param(name) else { return Ok(None) };
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match digits.then(|| text.parse().unwrap_or(usize::MAX)) {
        None | Some(0) => Err(Refusal::malformed(format!("{name} `{text}` is no number from 1 up"))),
        some => Ok(some),
    }
}

/// An instant in a parameter, to the second: with its offset, or else in UTC; a day is its first moment.
pub(super) fn instant(name: &str, text: &str) -> Result<Timestamp, Refusal> {
    let text = text.trim();
    let utc = text.strip_suffix(" UTC").map(|time| format!("{time}Z"));
    // A plus sign that a query left bare has become a space.
    let offset = text.rsplit_once(' ').map(|(time, offset)| match offset.starts_with(['+', '-']) {
        true => format!("{time}{offset}"),
        false => format!("{time}+{offset}"),
    });
    let local = || {
        let time = text.parse::<DateTime>().or_else(|_| text.parse::<Date>().map(|day| day.at(0, 0, 0, 0)));
        time.ok()?.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
    };
    let at = [Some(text.to_owned()), utc, offset].into_iter().flatten().find_map(|text| text.parse().ok()).or_else(local);
    at.map(whole_seconds).ok_or_else(|| Refusal::malformed(format!("{name} `{text}` is no date or time")))
}

/// The API dates to the second.
pub(super) fn whole_seconds(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderMap;

    use super::super::profile::{GUIDE, VENDOR};
    use super::*;

    fn asked(query: &str, profile: &Profile) -> Option<(usize, usize)> {
        let call = Call::new("GET", &format!("/users?{query}"), HeaderMap::new(), bytes::Bytes::new());
        Page::asked(&call, profile).ok().map(|page| (page.number, page.size))
    }

    #[test]
    fn pages_are_counted_from_one() {
        for (query, guide, vendor) in [
            ("", Some((1, 50)), Some((1, 50))),
            ("page=3&per_page=20", Some((3, 50)), Some((3, 20))),
            ("per_page=1000", Some((1, 50)), Some((1, 1000))),
            ("per_page=1001", Some((1, 50)), Some((1, 1000))),
            ("per_page=99999999999999999999999", Some((1, 50)), Some((1, 1000))),
            ("page=1&page=2", Some((2, 50)), Some((2, 50))),
            ("page=99999999999999999999999", Some((usize::MAX, 50)), Some((usize::MAX, 50))),
            ("per_page=0", Some((1, 50)), None),
            ("per_page=abc", Some((1, 50)), None),
            ("page=0", None, None),
            ("page=-1", None, None),
            ("page=abc", None, None),
            ("page=", None, None),
        ] {
            assert_eq!((asked(query, &GUIDE), asked(query, &VENDOR)), (guide, vendor), "{query}");
        }
    }

    #[test]
    fn a_page_is_a_part_of_the_list_turned_round() {
        let list: Vec<u32> = (1..=7).collect();
        let page = |number, size| Page { number, size, totals: true, shuffle: None }.of(&list).copied().collect::<Vec<_>>();
        assert_eq!(page(1, 3), [7, 6, 5]);
        assert_eq!(page(3, 3), [1]);
        assert_eq!(page(4, 3), [0; 0]);
        assert_eq!(page(usize::MAX, 3), [0; 0]);
        assert_eq!(page(1, 1000).len(), 7);
    }

    #[test]
    fn instants_are_read_as_clients_write_them() {
        for (text, seen) in [
            ("2024-06-01T12:00:00Z", "2024-06-01T12:00:00Z"),
            ("2016-10-13T09:34:24.151-04:00", "2016-10-13T13:34:24Z"),
            ("2024-06-01T12:00:00 02:00", "2024-06-01T10:00:00Z"),
            ("2024-06-01 12:00:00 UTC", "2024-06-01T12:00:00Z"),
            ("2024-06-01 12:00:00 -0500", "2024-06-01T17:00:00Z"),
            ("2024-06-01T12:00:00.5", "2024-06-01T12:00:00Z"),
            ("2024-06-01 12:00", "2024-06-01T12:00:00Z"),
            ("2024-06-01", "2024-06-01T00:00:00Z"),
        ] {
            assert_eq!(instant("due_by", text).unwrap().to_string(), seen, "{text}");
        }
        for text in ["", "soon", "2024-02-30", "12:00"] {
            assert!(instant("due_by", text).is_err(), "{text}");
        }
    }
}
