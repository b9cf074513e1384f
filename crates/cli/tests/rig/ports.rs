//! The engine's ports, filled with what a world has.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use connector::{Broken, Clock, Ids, Random, Sleep, Transport};
use http::{Request, Response};
use jiff::Timestamp;
use rand::Rng;
use sandbox::Slow;

use super::director::{After, Answered, Before};
use super::life::Life;

/// Who waits longer than this for an answer gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// The ports of one life.
pub fn ports(life: &Arc<Life>) -> engine::Ports {
    let port = Arc::new(Port(Arc::clone(life)));
    engine::Ports { clock: port.clone(), sleep: port.clone(), random: port.clone(), ids: port.clone(), transport: port }
}

struct Port(Arc<Life>);

impl Clock for Port {
    fn now(&self) -> Timestamp {
        self.0.shared.our_now()
    }

    fn elapsed(&self) -> Duration {
        self.0.shared.agenda.elapsed()
    }
}

#[async_trait]
impl Sleep for Port {
    async fn sleep(&self, duration: Duration) {
        self.0.shared.agenda.wait(duration).await;
        self.0.alive().await;
    }
}

impl Random for Port {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.shared.random.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(bytes);
    }
}

impl Ids for Port {
    fn id(&self) -> String {
        let mut bytes = [0; 10];
        self.fill(&mut bytes);
        let millis = u64::try_from(self.now().as_millisecond()).unwrap_or_default();
        uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid().to_string()
    }
}

#[async_trait]
impl Transport for Port {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Broken> {
        let (life, shared) = (&self.0, &self.0.shared);
        life.alive().await;
        let app = shared.app_at(request.uri());
        let mut exchange = shared.exchange(app, &request);
        let director = shared.director();
        let (there, back) = director.latency(&exchange);
        shared.leaves(&exchange, &request);
        shared.agenda.wait(there).await;
        life.alive().await;
        shared.arrives(&exchange);
        match director.before(&exchange) {
            Before::Arrives => {}
            Before::NotSent => {
                shared.note(life, &format!("{} not sent: {} {}", exchange.app, exchange.method, exchange.path));
                return Err(Broken::NotSent("the network is down".to_owned()));
            }
            Before::Lost => {
                shared.note(life, &format!("{} lost: {} {}", exchange.app, exchange.method, exchange.path));
                shared.agenda.wait(PATIENCE).await;
                life.alive().await;
                return Err(Broken::NoAnswer("nothing came for a minute".to_owned()));
            }
            Before::Crash => {
                life.die(&format!("before {} {} {}", exchange.app, exchange.method, exchange.path));
                return std::future::pending().await;
            }
        }
        let mut answer = shared.deliver(Some(life), &mut exchange, request).await;
        let answered = match &answer {
            Ok(answer) => Answered::Answer { status: answer.status().as_u16(), body: answer.body().clone() },
            Err(_) => Answered::Nothing,
        };
        match director.after(&exchange, &answered) {
            After::Comes => {}
            After::Garbled => {
                shared.note(life, &format!("{} answer garbled: {} {}", exchange.app, exchange.method, exchange.path));
                if let Ok(answer) = &mut answer {
                    let body = answer.body();
                    *answer.body_mut() = Bytes::from([&body[..body.len() / 2], &[0xff, 0xfe]].concat());
                }
            }
            After::Lost => {
                shared.note(life, &format!("{} answer lost: {} {}", exchange.app, exchange.method, exchange.path));
                shared.agenda.wait(PATIENCE).await;
                life.alive().await;
                return Err(Broken::NoAnswer("nothing came for a minute".to_owned()));
            }
            After::Crash => {
                life.die(&format!("after {} {} {}", exchange.app, exchange.method, exchange.path));
                return std::future::pending().await;
            }
        }
        let slow = answer.as_ref().ok().and_then(|answer| answer.extensions().get::<Slow>()).map_or(Duration::ZERO, |slow| slow.0);
        shared.agenda.wait(back + slow.min(PATIENCE)).await;
        life.alive().await;
        if slow > PATIENCE {
            return Err(Broken::NoAnswer("nothing came for a minute".to_owned()));
        }
        answer.map_err(|none| Broken::NoAnswer(none.to_string()))
    }
}
