//! What a browser brings back: one small HTTP exchange on loopback.

use std::borrow::Cow;
use std::io;

use model::Secret;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Longer than any request that a browser is sent here with.
const LONGEST: usize = 16 * 1024;
/// What a page says of the window.
const CLOSE: &str = "You may close this window.";

/// What came.
#[derive(Debug)]
pub(super) enum Answer {
    /// Somebody said yes, and this is the code.
    Code(Secret),
    /// Somebody said no, or the app did; why, in its words.
    No(String),
    /// The answer to a question that is not ours.
    Foreign,
    /// Something else that browsers ask for.
    Nothing,
}

/// Reads one request, shows a page, and says what it was.
///
/// # Errors
/// The connection broke.
pub(super) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, state: &str) -> io::Result<Answer> {
    let mut request = Vec::new();
    while !request.windows(4).any(|window| window == b"\r\n\r\n") {
        if request.len() > LONGEST || stream.read_buf(&mut request).await? == 0 {
            break;
        }
    }
    let line = String::from_utf8_lossy(request.split(|byte| *byte == b'\r').next().unwrap_or_default()).into_owned();
    let answer = read(&line, state);
    let (status, title, text) = match &answer {
        Answer::Code(_) => ("200 OK", "Provost has the answer", "It goes on where it was started."),
        Answer::No(_) => ("200 OK", "Provost was not let in", "Nothing was changed."),
        Answer::Foreign => {
            ("400 Bad Request", "This is not the answer that Provost waits for", "Begin again at the address that it printed.")
        }
        Answer::Nothing => ("404 Not Found", "There is nothing here", "Provost waits for an answer at another address."),
    };
    stream.write_all(page(status, title, text).as_bytes()).await?;
    stream.shutdown().await?;
    Ok(answer)
}

/// The meaning of a request line.
fn read(line: &str, state: &str) -> Answer {
    let mut words = line.split(' ');
    let (Some("GET"), Some(target)) = (words.next(), words.next()) else { return Answer::Nothing };
    let Some(query) = target.strip_prefix("/?") else { return Answer::Nothing };
    let parts: Vec<(Cow<'_, str>, Cow<'_, str>)> = form_urlencoded::parse(query.as_bytes()).collect();
    let part =
        |wanted: &str| parts.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_ref()).filter(|value| !value.is_empty());
    if part("state") != Some(state) {
        return Answer::Foreign;
    }
    match (part("code"), part("error")) {
        (_, Some("access_denied")) => Answer::No("the person said no".to_owned()),
        (_, Some(error)) => Answer::No(part("error_description").map_or_else(|| error.to_owned(), |text| format!("{error}, {text}"))),
        (Some(code), None) => Answer::Code(Secret::new(code)),
        (None, None) => Answer::Foreign,
    }
}

/// A page with nothing in it that came from outside, and nothing that is loaded.
fn page(status: &str, title: &str, text: &str) -> String {
    let body = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title>\
         <body style=\"font: 1.1rem system-ui; margin: 4rem auto; max-width: 32rem\"><h1>{title}</h1><p>{text}  {CLOSE}</p></body></html>"
    );
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/html; charset=utf-8\r\ncontent-length: {}\r\ncache-control: no-store\r\n\
         referrer-policy: no-referrer\r\ncontent-security-policy: default-src 'none'; style-src 'unsafe-inline'\r\n\
         connection: close\r\n\r\n{body}",
        body.len()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_answer_to_our_own_question_counts() {
        let read = |line: &str| read(line, "s1");
        assert!(matches!(read("GET /?code=a%2Fb&state=s1 HTTP/1.1"), Answer::Code(code) if code.expose() == "a/b"));
        for foreign in
            ["GET /?code=a&state=s2 HTTP/1.1", "GET /?code=a HTTP/1.1", "GET /?state=s1 HTTP/1.1", "GET /?error=access_denied HTTP/1.1"]
        {
            assert!(matches!(read(foreign), Answer::Foreign), "{foreign}");
        }
        assert!(matches!(read("GET /?error=access_denied&state=s1 HTTP/1.1"), Answer::No(why) if why == "the person said no"));
        assert!(
            matches!(read("GET /?error=server_error&error_description=later&state=s1 HTTP/1.1"), Answer::No(why) if why == "server_error, later")
        );
        for nothing in ["GET /favicon.ico HTTP/1.1", "POST /?code=a&state=s1 HTTP/1.1", "", "GET", "\u{fffd}"] {
            assert!(matches!(read(nothing), Answer::Nothing), "{nothing}");
        }
    }

    #[tokio::test]
    async fn p11_the_page_shows_nothing_that_came_from_outside() {
        let (mut browser, mut ours) = tokio::io::duplex(64 * 1024);
        browser.write_all(b"GET /?code=c0de&state=s1&x=<script> HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        let answer = serve(&mut ours, "s1").await.unwrap();
        drop(ours);
        let mut shown = String::new();
        browser.read_to_string(&mut shown).await.unwrap();
        assert!(shown.starts_with("HTTP/1.1 200 OK\r\n") && shown.contains(CLOSE), "{shown}");
        assert!(!shown.contains("c0de") && !shown.contains("script>"), "{shown}");
        assert!(matches!(&answer, Answer::Code(_)) && !format!("{answer:?}").contains("c0de"));
        // A request without an end is no answer, and does not fill the memory.
        let (mut browser, mut ours) = tokio::io::duplex(64 * 1024);
        browser.write_all(&vec![b'x'; LONGEST * 2]).await.unwrap();
        assert!(matches!(serve(&mut ours, "s1").await.unwrap(), Answer::Nothing));
    }
}
