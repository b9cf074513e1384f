//! `[serve]`: how the server listens, and how people log in.

use std::net::SocketAddr;
use std::time::Duration;

use serve::{Options, Rate};

use super::Context;
use super::oidc::{self, OidcConnection};
use super::section::Section;

/// Where it listens when nothing is said.
const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8460);
/// How many requests a second are taken from each source when nothing is said.
const LIMIT: u64 = 1000;
/// How long it is quiet before what was pushed is planned for.
const SETTLE: i64 = 3;
/// How often watched rosters are looked at.
const LOOK: i64 = 5;
/// How many times as long that waits at most.
const AT_MOST: u32 = 10;

/// Reads the section.
pub(super) fn read(context: &Context<'_>, section: Option<Section<'_>>) -> (Options, Option<OidcConnection>) {
    let mut options = options(LIMIT, SETTLE);
    let Some(mut section) = section else { return (options, None) };
    let limit = section.count("limit").unwrap_or(LIMIT);
    let settle = section.duration("settle").unwrap_or(SETTLE);
    let look = section.duration("look").unwrap_or(LOOK);
    options = self::options(limit, settle);
    // A look that follows at once would find no file that holds still.
    options.look = Duration::from_secs(look.unsigned_abs().max(1));
    if let Some(text) = section.text("listen") {
        match text.text.parse() {
            Ok(address) => options.listen = address,
            Err(_) => {
                let next = "write an address and a port: listen = \"127.0.0.1:8460\"";
                context.problems.add(format!("`listen` is no address: \"{}\"", text.text), &text.span, "not understood", next);
            }
        }
    }
    if let Some(text) = section.text("url") {
        let url = text.text.trim_end_matches('/');
        let known = ["https://", "http://"].iter().find_map(|scheme| url.strip_prefix(scheme));
        match known {
            Some(host) if !host.is_empty() && !host.contains(['?', '#', '@', ' ']) => options.url = Some(url.to_owned()),
            _ => {
                let next = "write what clients write, without a path of ours: url = \"https://provost.acme.example\"";
                context.problems.add(format!("`url` is no address of a server: \"{}\"", text.text), &text.span, "here", next);
            }
        }
    }
    if let Some(text) = section.text("metrics") {
        match text.text.parse::<SocketAddr>() {
            Ok(address) if address.ip().is_loopback() => options.metrics = Some(address),
            _ => {
                let next = "write an address of this machine and a port: metrics = \"127.0.0.1:8461\"; from elsewhere /metrics takes a viewer's token";
                let what = format!("`metrics` is no address of this machine: \"{}\"", text.text);
                context.problems.add(what, &text.span, "told here without a token", next);
            }
        }
    }
    let oidc = section.section("oidc").and_then(|section| oidc::read(context, section));
    section.end();
    (options, oidc)
}

fn options(limit: u64, settle: i64) -> Options {
    let per_second = u32::try_from(limit).unwrap_or(u32::MAX);
    let settle = Duration::from_secs(settle.unsigned_abs());
    Options {
        listen: LISTEN,
        url: None,
        metrics: None,
        limit: (limit > 0).then_some(Rate { per_second, burst: per_second.saturating_mul(2) }),
        settle: (settle, settle.saturating_mul(AT_MOST)),
        look: Duration::from_secs(LOOK.unsigned_abs()),
    }
}
