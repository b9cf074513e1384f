//! E-mail out: SMTP through `lettre`, over TLS, or in clear to this machine only.

use std::net::IpAddr;

use engine::NotSent;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use model::{Notice, Secret};

use super::notices::later;
use super::public::is_private;
use crate::config::{Mail, Tls as Wanted};

/// Hands one message over; `id` becomes its Message-ID, so that whoever gets it twice can tell.
///
/// # Errors
/// [`NotSent`]; what the server refuses for good is not tried again.
pub(super) async fn send(mail: &Mail, password: Option<&Secret>, private: bool, id: &str, notice: &Notice) -> Result<(), NotSent> {
    let message = message(mail, id, notice)?;
    let address = address(mail, private).await?;
    let tls = TlsParameters::builder(mail.host.clone()).build_rustls();
    let tls = || tls.as_ref().cloned().map_err(|error| later(format!("TLS cannot be set up: {error}")));
    let tls = match mail.tls {
        Wanted::Implicit => Tls::Wrapper(tls()?),
        Wanted::Start => Tls::Required(tls()?),
        Wanted::None => Tls::None,
    };
    let mut smtp = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(address.to_string()).port(mail.port).tls(tls);
    if let (Some((name, _)), Some(password)) = (&mail.login, password) {
        smtp = smtp.credentials(Credentials::new(name.clone(), password.expose().to_owned()));
    }
    match smtp.build().send(message).await {
        Ok(_) => Ok(()),
        Err(error) if error.is_permanent() => Err(NotSent::Never(format!("the mail server refused it: {error}"))),
        Err(error) => Err(later(format!("the mail server did not take it: {error}"))),
    }
}

/// Where the server is; what its name stands for is looked up once, and that very address is used.
async fn address(mail: &Mail, private: bool) -> Result<IpAddr, NotSent> {
    let found = tokio::net::lookup_host((mail.host.as_str(), mail.port)).await;
    let found = found.map_err(|error| later(format!("{} cannot be looked up: {error}", mail.host)))?;
    let found: Vec<IpAddr> = found.map(|address| address.ip()).collect();
    let fits = |address: &&IpAddr| match mail.tls {
        Wanted::None => address.is_loopback(),
        _ => private || !is_private(**address),
    };
    found.iter().find(fits).copied().ok_or_else(|| later(format!("{} is a private address; private = true allows that", mail.host)))
}

fn message(mail: &Mail, id: &str, notice: &Notice) -> Result<Message, NotSent> {
    let wrong = |what: &str| NotSent::Never(format!("{what} is no e-mail address"));
    let from = mail.from.parse().map_err(|_| wrong("`from`"))?;
    let domain = mail.from.rsplit('@').next().unwrap_or_default().trim_end_matches('>');
    let automatic = HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned());
    let mut message = Message::builder()
        .from(from)
        .subject(plan::notice::line(notice))
        .date(std::time::SystemTime::from(notice.at))
        .message_id(Some(format!("<{id}@{domain}>")))
        .header(ContentType::TEXT_PLAIN);
    for to in &mail.to {
        message = message.to(to.parse().map_err(|_| wrong("`to`"))?);
    }
    let message = message.body(plan::notice::text(notice));
    let mut message = message.map_err(|error| NotSent::Never(format!("the message cannot be written: {error}")))?;
    message.headers_mut().insert_raw(automatic);
    Ok(message)
}
