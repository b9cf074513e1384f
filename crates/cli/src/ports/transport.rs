//! HTTP out: TLS by rustls with ring, proxies from the environment, time-outs, no redirects, plain HTTP to this machine only.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use connector::{Broken, Transport};

use super::public::{PublicOnly, is_private};
use crate::failure::Failure;

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(10);
/// How long a whole exchange may take: batches of 200 are slow at some vendors.
const EXCHANGE: Duration = Duration::from_secs(120);

/// The transport over reqwest.
pub(crate) struct Http {
    /// For everywhere; honours the proxy variables of the environment.
    far: reqwest::Client,
    /// For this machine: never through a proxy.
    near: reqwest::Client,
    /// Whether it goes to private addresses, this machine's too.
    private: bool,
}

impl Http {
    /// Sets TLS up.
    ///
    /// # Errors
    /// A [`Failure`] when the machine has no usable certificates, or a proxy variable cannot be read.
    pub(crate) fn new() -> Result<Self, Failure> {
        Self::with(true)
    }

    /// A transport that goes to public addresses only, whatever a name turns out to stand for.
    ///
    /// # Errors
    /// As [`Http::new`].
    pub(crate) fn public() -> Result<Self, Failure> {
        Self::with(false)
    }

    fn with(private: bool) -> Result<Self, Failure> {
        // Whoever was first has set the same provider.
        rustls::crypto::ring::default_provider().install_default().ok();
        let builder = || {
            reqwest::Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                .connect_timeout(CONNECT)
                .timeout(EXCHANGE)
                .tcp_nodelay(true)
                .user_agent(concat!("provost/", env!("CARGO_PKG_VERSION")))
        };
        let failed = |error: reqwest::Error| {
            let next = "check the certificates of this machine, and HTTPS_PROXY and its like in the environment";
            Failure::new(format!("cannot set up HTTPS: {}", chain(error)), next)
        };
        let far = if private { builder() } else { builder().dns_resolver(Arc::new(PublicOnly::new())) };
        Ok(Self { far: far.build().map_err(failed)?, near: builder().no_proxy().build().map_err(failed)?, private })
    }
}

#[async_trait]
impl Transport for Http {
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, Broken> {
        let host = request.uri().host().unwrap_or_default();
        let near = is_loopback(host);
        let literal = host.trim_start_matches('[').trim_end_matches(']').parse();
        if !self.private && (near || literal.is_ok_and(is_private)) {
            return Err(Broken::NotSent(format!("{host} is a private address")));
        }
        let client = match request.uri().scheme_str() {
            Some("https") if !near => &self.far,
            Some("https" | "http") if near => &self.near,
            Some("http") => {
                return Err(Broken::NotSent(
                    "plain http would send credentials in the clear; use https (http is for this machine only)".into(),
                ));
            }
            _ => return Err(Broken::NotSent("the address is neither http nor https".into())),
        };
        let request = reqwest::Request::try_from(request).map_err(|error| Broken::NotSent(chain(error)))?;
        let answer = client.execute(request).await.map_err(broken)?;
        let mut response = http::Response::builder().status(answer.status());
        if let Some(headers) = response.headers_mut() {
            headers.extend(answer.headers().clone());
        }
        let body = answer.bytes().await.map_err(|error| Broken::NoAnswer(format!("the answer broke off: {}", chain(error))))?;
        response.body(body).map_err(|error| Broken::NoAnswer(error.to_string()))
    }
}

/// Whether a host is this machine.
pub(super) fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

/// Only what failed before a connection stood can have had no effect.
fn broken(error: reqwest::Error) -> Broken {
    if error.is_connect() || error.is_builder() { Broken::NotSent(chain(error)) } else { Broken::NoAnswer(chain(error)) }
}

/// An error with its causes, without the address, which the caller shows.
fn chain(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(uri: &str) -> http::Request<Bytes> {
        http::Request::get(uri).body(Bytes::new()).unwrap()
    }

    #[tokio::test]
    async fn l06_plain_http_leaves_this_machine_never() {
        let http = Http::new().unwrap();
        let refused = http.send(get("http://api.lessonly.example/api/v1")).await.unwrap_err();
        assert!(matches!(&refused, Broken::NotSent(why) if why.contains("use https")), "{refused}");
        assert!(!is_loopback("127.0.0.1.example.com") && !is_loopback("10.0.0.1"));
        assert!(is_loopback("127.0.0.1") && is_loopback("[::1]") && is_loopback("LOCALHOST"));
    }

    #[tokio::test]
    async fn a_public_transport_goes_to_no_private_address() {
        let http = Http::public().unwrap();
        for address in ["http://127.0.0.1:9/", "https://[::1]/", "https://10.0.0.1/", "https://[fd00::1]/", "https://localhost/"] {
            let refused = http.send(get(address)).await.unwrap_err();
            assert!(matches!(&refused, Broken::NotSent(why) if why.contains("private address")), "{address}: {refused}");
        }
    }

    #[tokio::test]
    async fn l06_a_redirect_is_an_answer_and_is_not_followed() {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let served = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut buffer = [0_u8; 2048];
            let read = stream.read(&mut buffer).await.unwrap();
            let answer = "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/elsewhere\r\ncontent-length: 0\r\n\r\n";
            stream.write_all(answer.as_bytes()).await.unwrap();
            String::from_utf8_lossy(&buffer[..read]).into_owned()
        });
        let answer = Http::new().unwrap().send(get(&format!("http://{address}/here"))).await.unwrap();
        assert_eq!(answer.status(), 302);
        assert!(served.await.unwrap().starts_with("GET /here "));
    }

    #[tokio::test]
    async fn f04_a_closed_port_is_not_sent_and_a_lost_answer_is_unknown() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let hang_up = tokio::spawn(async move {
            // Takes the request, and answers nothing.
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::io::AsyncReadExt::read(&mut stream, &mut [0_u8; 2048]).await.unwrap();
        });
        let http = Http::new().unwrap();
        let lost = http.send(get(&format!("http://{address}/"))).await.unwrap_err();
        hang_up.await.unwrap();
        assert!(matches!(lost, Broken::NoAnswer(_)), "{lost}");
        let closed = http.send(get(&format!("http://{address}/"))).await.unwrap_err();
        assert!(matches!(closed, Broken::NotSent(_)), "{closed}");
    }
}
