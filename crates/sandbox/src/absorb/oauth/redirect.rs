//! Where people are sent back to: which addresses a client may name, and what is added to them.

use form_urlencoded::Serializer;

use super::OauthClient;

/// Whether a client may have people sent there.
pub(super) fn allowed(client: &OauthClient, wanted: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_graphic() && !br##"#\<>"{}|^`"##.contains(&byte);
    if !wanted.bytes().all(plain) {
        return false;
    }
    client.redirect_uris.iter().any(|known| known == wanted || on_loopback(known, wanted))
}

/// Whether both are the same but for the port, on loopback (RFC 8252, 7.3).
fn on_loopback(known: &str, wanted: &str) -> bool {
    let (Some((host, rest)), Some((other, wanted))) = (taken_apart(known), taken_apart(wanted)) else { return false };
    host == other && (rest.is_empty() || rest == wanted)
}

/// Host, and what follows the port, of an address on loopback.
fn taken_apart(uri: &str) -> Option<(&str, &str)> {
    let after = uri.strip_prefix("http://")?;
    let end = after.find(['/', '?']).unwrap_or(after.len());
    let (authority, rest) = after.split_at(end);
    let host = ["127.0.0.1", "[::1]", "localhost"].into_iter().find(|host| {
        authority.strip_prefix(*host).is_some_and(|port| {
            port.is_empty() || port.strip_prefix(':').is_some_and(|number| number.parse::<u16>().is_ok_and(|number| number > 0))
        })
    })?;
    Some((&authority[..host.len()], rest))
}

/// The address with these parameters added to those it has.
pub(super) fn with(uri: &str, parameters: &[(&str, &str)]) -> String {
    let added = Serializer::new(String::new()).extend_pairs(parameters).finish();
    let sign = if uri.contains('?') { '&' } else { '?' };
    format!("{uri}{sign}{added}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(uris: &[&str]) -> OauthClient {
        let redirect_uris = uris.iter().map(|uri| (*uri).to_owned()).collect();
        OauthClient { client_id: "c".to_owned(), client_secret: "s".into(), redirect_uris }
    }

    #[test]
    fn an_address_is_the_registered_one_or_on_loopback_with_any_port() {
        let client = client(&["https://app.example/back?x=1", "http://127.0.0.1/back", "http://localhost"]);
        for good in [
            "https://app.example/back?x=1",
            "http://127.0.0.1/back",
            "http://127.0.0.1:49152/back",
            "http://localhost",
            "http://localhost:1",
            "http://localhost:8080/any/path?q=1",
        ] {
            assert!(allowed(&client, good), "{good}");
        }
        for bad in [
            "",
            "https://app.example/back",
            "https://app.example/back?x=2",
            "https://app.example:8443/back?x=1",
            "http://127.0.0.1:1/other",
            "http://127.0.0.1:1/back?x=1",
            "http://127.0.0.1:0/back",
            "http://127.0.0.1:99999/back",
            "http://127.0.0.1:80@evil.example/back",
            "http://127.0.0.1.evil.example/back",
            "http://localhost:1@evil.example/",
            "http://localhost\\@evil.example/",
            "http://localhost.evil.example/",
            "http://localhost/#fragment",
            "http://localhost/a b",
            "http://localhost/\r\nx",
            "https://localhost/",
            "http://[::1]/",
            "javascript:alert(1)",
        ] {
            assert!(!allowed(&client, bad), "{bad}");
        }
    }

    #[test]
    fn parameters_are_added_to_those_that_are_there() {
        assert_eq!(
            with("http://localhost/back", &[("code", "a&b"), ("state", "ü =")]),
            "http://localhost/back?code=a%26b&state=%C3%BC+%3D"
        );
        assert_eq!(with("http://localhost/?x=1", &[("error", "access_denied")]), "http://localhost/?x=1&error=access_denied");
    }
}
