//! Delivering: one request an event, again while it is not taken; repeated, late and shuffled where faults ask for it.

use std::sync::{Arc, Weak};
use std::time::Duration;

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, HeaderValue, Request};
use hmac::{Hmac, KeyInit, Mac};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use secrecy::ExposeSecret as _;
use sha2::Sha256;
use tokio::sync::Semaphore;
use tokio::sync::mpsc::UnboundedReceiver;

use super::{Told, Webhooks};
use crate::absorb::Portal;
use crate::faults::Delivery;

/// Requests to the listener that are under way at once.
const AT_ONCE: usize = 16;
/// Attempts in all.
const ATTEMPTS: u32 = 6;
/// How long one waits for its answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long an event that others are to overtake waits, should none come.
const OVERTAKEN: Duration = Duration::from_secs(1);

type Caller = Client<HttpConnector, Body>;

/// Delivers until the portal is gone.
pub(super) async fn deliver(portal: Weak<Portal>, mut waiting: UnboundedReceiver<Told>) {
    let caller: Caller = Client::builder(TokioExecutor::new()).build_http();
    let room = Arc::new(Semaphore::new(AT_ONCE));
    let mut held: Option<Told> = None;
    loop {
        let told = match held.is_some() {
            false => waiting.recv().await,
            true => match tokio::time::timeout(OVERTAKEN, waiting.recv()).await {
                Ok(told) => told,
                Err(_) => held.take(),
            },
        };
        let Some(told) = told else { return };
        let fault = portal.upgrade().and_then(|portal| portal.backend.delivery());
        let mut now = vec![(told, Duration::ZERO)];
        match fault {
            Some(Delivery::Twice) => now.push(now[0].clone()),
            Some(Delivery::Late(by)) => now[0].1 = by,
            Some(Delivery::Shuffled) if held.is_none() => {
                held = now.pop().map(|(told, _)| told);
                continue;
            }
            Some(Delivery::Shuffled) | None => {}
        }
        now.extend(held.take().map(|told| (told, Duration::ZERO)));
        for (told, after) in now {
            let (portal, caller, room) = (portal.clone(), caller.clone(), Arc::clone(&room));
            tokio::spawn(async move {
                tokio::time::sleep(after).await;
                attempts(&portal, &caller, &room, &told).await;
            });
        }
    }
}

async fn attempts(portal: &Weak<Portal>, caller: &Caller, room: &Semaphore, told: &Told) {
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            tokio::time::sleep(told.to.pause.saturating_mul(1 << (attempt - 1))).await;
        }
        let Ok(_place) = room.acquire().await else { return };
        let Some(strong) = portal.upgrade() else { return };
        strong.hooks.count(|counts| counts.sent += 1);
        drop(strong);
        let taken = match tokio::time::timeout(PATIENCE, caller.request(request(told))).await {
            Ok(Ok(answer)) => answer.status().is_success(),
            _ => false,
        };
        if taken {
            if let Some(portal) = portal.upgrade() {
                portal.hooks.count(|counts| counts.taken += 1);
            }
            return;
        }
    }
    if let Some(portal) = portal.upgrade() {
        portal.hooks.count(|counts| counts.dropped += 1);
    }
}

fn request(told: &Told) -> Request<Body> {
    let Told { body, to: Webhooks { url, secret, header, .. } } = told;
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()).expect("HMAC takes keys of any length");
    mac.update(body);
    let signature: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let mut request = Request::new(Body::from(body.clone()));
    *request.method_mut() = axum::http::Method::POST;
    *request.uri_mut() = url.parse().expect("it was parsed when it was set");
    let header: HeaderName = header.parse().expect("it was parsed when it was set");
    request.headers_mut().insert(header, HeaderValue::try_from(signature).expect("digits"));
    request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    request
}
