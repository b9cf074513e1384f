//! The cookies of a log-in: of one that is there, and of one that is begun elsewhere.

use axum::http::HeaderValue;
use axum::http::header::{COOKIE, HeaderMap};

/// Names, where the server is reached over TLS, and on loopback: browsers take the first over TLS only, and for this host only.
type Names = (&'static str, &'static str);

/// Of a log-in.
const LOG_IN: Names = ("__Host-provost", "provost");
/// Of one that was begun, and that a provider is asked about.
const BEGUN: Names = ("__Host-provost-begun", "provost-begun");

/// How log-ins are kept by browsers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cookies {
    /// Whether the server is reached over TLS.
    pub(crate) secure: bool,
}

impl Cookies {
    /// What sets the cookie; it goes with the browser's session, and ends with the log-in.
    pub(crate) fn set(self, token: &str) -> HeaderValue {
        self.header(LOG_IN, token, "")
    }

    /// What removes it.
    pub(crate) fn clear(self) -> HeaderValue {
        self.header(LOG_IN, "", "; Max-Age=0")
    }

    /// The log-in that a browser shows.  Over TLS the plain name does not count: another host of the domain may have set it.
    pub(crate) fn shown(self, headers: &HeaderMap) -> Option<&str> {
        self.found(LOG_IN, headers)
    }

    /// What lets a browser be known again that a log-in was begun in, for so many seconds.
    pub(crate) fn set_begun(self, secret: &str, seconds: u64) -> HeaderValue {
        self.header(BEGUN, secret, &format!("; Max-Age={seconds}"))
    }

    /// What removes that.
    pub(crate) fn clear_begun(self) -> HeaderValue {
        self.header(BEGUN, "", "; Max-Age=0")
    }

    /// What a browser shows that a log-in was begun in.
    pub(crate) fn begun(self, headers: &HeaderMap) -> Option<&str> {
        self.found(BEGUN, headers)
    }

    fn header(self, names: Names, value: &str, more: &str) -> HeaderValue {
        let (name, secure) = (self.name(names), if self.secure { "; Secure" } else { "" });
        let mut header = HeaderValue::try_from(format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{more}"))
            .expect("a token has letters and digits only");
        header.set_sensitive(true);
        header
    }

    fn found(self, names: Names, headers: &HeaderMap) -> Option<&str> {
        let pairs = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok()).flat_map(|text| text.split(';'));
        let mut pairs = pairs.filter_map(|pair| pair.trim().split_once('='));
        pairs.find(|(name, value)| *name == self.name(names) && !value.is_empty()).map(|(_, value)| value)
    }

    fn name(self, (secure, plain): Names) -> &'static str {
        if self.secure { secure } else { plain }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_is_shown_again() {
        for secure in [true, false] {
            let set = Cookies { secure }.set("pvt_a_b");
            let set = set.to_str().unwrap();
            assert_eq!(set.contains("; Secure"), secure);
            assert!(set.contains("; HttpOnly") && set.contains("; SameSite=Lax") && set.contains("; Path=/"));
            let mut headers = HeaderMap::new();
            headers.insert(COOKIE, format!("other=1; {}", set.split(';').next().unwrap()).parse().unwrap());
            assert_eq!(Cookies { secure }.shown(&headers), Some("pvt_a_b"));
            assert_eq!(Cookies { secure: !secure }.shown(&headers), None);
            assert_eq!(Cookies { secure }.begun(&headers), None, "one that is begun is none");
        }
        assert_eq!(Cookies { secure: true }.shown(&HeaderMap::new()), None);
        let cleared = Cookies { secure: false }.clear();
        assert!(cleared.to_str().unwrap().starts_with("provost=; ") && cleared.to_str().unwrap().ends_with("Max-Age=0"));
    }
}
