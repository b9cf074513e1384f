//! Whether a request that changes something comes from our own pages.

use axum::http::header::{HOST, HeaderMap, ORIGIN};

/// The header in which browsers say where a request comes from, next to where it goes.
const SITE: &str = "sec-fetch-site";

/// Whether a browser says that the request comes from a page of this very server.  What says nothing does not.
pub(super) fn is_ours(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text(SITE) {
        return site == "same-origin";
    }
    let (Some(origin), Some(host)) = (text(ORIGIN.as_str()), text(HOST.as_str())) else { return false };
    origin.split_once("://").is_some_and(|(_, from)| from.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(pairs: &[(&'static str, &str)]) -> bool {
        is_ours(&pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect())
    }

    #[test]
    fn only_a_page_of_this_server_counts() {
        assert!(said(&[("sec-fetch-site", "same-origin")]));
        assert!(said(&[("origin", "http://127.0.0.1:8460"), ("host", "127.0.0.1:8460")]));
        assert!(!said(&[("sec-fetch-site", "cross-site"), ("origin", "http://a"), ("host", "a")]));
        assert!(!said(&[("sec-fetch-site", "same-site")]), "another name under the same domain is not ours");
        assert!(!said(&[("sec-fetch-site", "none")]), "nobody types a form into the address line");
        assert!(!said(&[("origin", "http://127.0.0.1:1"), ("host", "127.0.0.1:8460")]));
        assert!(!said(&[("origin", "null"), ("host", "127.0.0.1:8460")]));
        assert!(!said(&[("host", "127.0.0.1:8460")]), "nothing said is not enough");
    }
}
