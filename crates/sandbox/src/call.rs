use std::fmt::Write as _;

use axum::http::HeaderMap;
use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::faults::Shuffle;

/// A request as it arrived.  The front of the server puts it, in an `Arc`, among the request's extensions; handlers
/// take all they need from here.
#[derive(Debug, Clone, Default)]
pub(crate) struct Call {
    /// Its number in the access log; 0 for a change by hand.
    pub(crate) number: u64,
    pub(crate) method: String,
    /// The path with its query.
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Which records of the list it asks for have moved, where records may.
    pub(crate) shuffle: Option<Shuffle>,
    query: Vec<(String, String)>,
}

impl Call {
    /// A request; it has no number until it is admitted.
    pub(crate) fn new(method: &str, path: &str, headers: HeaderMap, body: Bytes) -> Self {
        let query = path.split_once('?').map_or_else(Vec::new, |(_, query)| pairs(query));
        Self { number: 0, method: method.to_owned(), path: path.to_owned(), headers, body, shuffle: None, query }
    }

    /// What an admin does in the vendor's own pages.
    pub(crate) fn by_hand(what: &str) -> Self {
        Self { method: "ADMIN".to_owned(), path: what.to_owned(), ..Self::default() }
    }

    /// The last query parameter of that name, decoded: later ones win.
    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        self.query.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The list that is asked for, whichever page of it.
    pub(crate) fn list(&self) -> String {
        let paging = ["page", "per_page", "_offset", "_limit", "startindex", "count"];
        let mut list = self.path.split_once('?').map_or(self.path.as_str(), |(path, _)| path).to_ascii_lowercase();
        for (name, value) in self.query.iter().filter(|(name, _)| !paging.contains(&name.to_ascii_lowercase().as_str())) {
            list.extend(["&", name.as_str(), "=", value.as_str()]);
        }
        list
    }

    /// A header's value, when it is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// SHA-256 of the body in hex, empty when there is none.
    pub(crate) fn body_digest(&self) -> String {
        if self.body.is_empty() {
            return String::new();
        }
        Sha256::digest(&self.body).iter().fold(String::with_capacity(64), |mut hex, byte| {
            write!(hex, "{byte:02x}").expect("a string takes all that is written to it");
            hex
        })
    }
}

/// The pairs of a query or a form, decoded.
pub(crate) fn pairs(text: &str) -> Vec<(String, String)> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(key), decoded(value))
        })
        .collect()
}

/// `+` is a space, `%41` is `A`; a percent sign that introduces no byte stands for itself.
pub(crate) fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let digit = |offset: usize| bytes.get(at + offset).and_then(|b| char::from(*b).to_digit(16));
        match (bytes[at], digit(1), digit(2)) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                at += 3;
                continue;
            }
            (b'+', ..) => out.push(b' '),
            (byte, ..) => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_decoded() {
        let call =
            Call::new("GET", "/users?gt%5Bupdated_at%5D=2024-06-01T12%3A00%3A00Z&a=1&a=x+y&b=100%&c", HeaderMap::new(), Bytes::new());
        assert_eq!(call.param("gt[updated_at]"), Some("2024-06-01T12:00:00Z"));
        assert_eq!(call.param("a"), Some("x y"));
        assert_eq!(call.param("b"), Some("100%"));
        assert_eq!(call.param("c"), Some(""));
        assert_eq!(call.param("d"), None);
    }
}
