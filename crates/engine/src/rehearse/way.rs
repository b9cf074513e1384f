//! The way to a stand-in: the only transport that a rehearsal has.  It leads nowhere else.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use connector::{Broken, Clock as _, Random, Sleep as _, Transport};
use tokio::sync::Notify;

use super::stage::StandIn;
use super::time::StageTime;

/// Where the work is cut off: at the request of this number, counted from 1, which was carried out by then or was not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CutOff {
    pub(super) request: u64,
    pub(super) carried_out: bool,
}

/// A transport that ends at a stand-in.
pub(super) struct Way {
    stand_in: Arc<dyn StandIn>,
    time: Arc<StageTime>,
    base_url: String,
    requests: AtomicU64,
    writes: AtomicU64,
    cut_off: Mutex<Option<CutOff>>,
    /// Told once the work is cut off.
    pub(super) is_cut: Notify,
}

impl Way {
    pub(super) fn new(stand_in: Arc<dyn StandIn>, time: Arc<StageTime>, base_url: &str) -> Self {
        let (requests, writes) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { stand_in, time, base_url: base_url.to_owned(), requests, writes, cut_off: Mutex::new(None), is_cut: Notify::new() }
    }

    /// Counts anew from here on, and cuts off where it is said.
    pub(super) fn begin(&self, cut_off: Option<CutOff>) {
        self.requests.store(0, Ordering::Relaxed);
        self.writes.store(0, Ordering::Relaxed);
        *self.cut_off.lock().unwrap_or_else(PoisonError::into_inner) = cut_off;
    }

    /// Requests since then, and those of them that were more than a look.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.requests.load(Ordering::Relaxed), self.writes.load(Ordering::Relaxed))
    }

    async fn pass(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, Broken> {
        self.stand_in.set_clock(self.time.now());
        let (answer, late) = self.stand_in.send(request).await?;
        if !late.is_zero() {
            self.time.sleep(late).await;
        }
        Ok(answer)
    }
}

#[async_trait]
impl Transport for Way {
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, Broken> {
        let rest = request.uri().to_string().strip_prefix(&self.base_url).map(str::to_owned);
        if !rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?'])) {
            let what = format!("{} is not the stand-in of this rehearsal, and nothing else is reached from one", request.uri());
            return Err(Broken::NotSent(what));
        }
        let number = self.requests.fetch_add(1, Ordering::Relaxed) + 1;
        if request.method() != http::Method::GET {
            self.writes.fetch_add(1, Ordering::Relaxed);
        }
        let cut = {
            let mut cut_off = self.cut_off.lock().unwrap_or_else(PoisonError::into_inner);
            cut_off.take_if(|cut| number >= cut.request)
        };
        if let Some(cut) = cut {
            if cut.carried_out {
                // Nobody hears the answer.
                self.pass(request).await.ok();
            }
            self.is_cut.notify_one();
            std::future::pending::<()>().await;
            return Err(Broken::NoAnswer("the work was cut off".to_owned()));
        }
        self.pass(request).await
    }
}

/// Chance that repeats itself for the same seed (SplitMix64): what it makes passwords from is thrown away with the stand-in.
pub(super) struct SeededRandom(AtomicU64);

impl SeededRandom {
    pub(super) fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// A number below `end`, which is not 0.
    pub(super) fn below(&self, end: u64) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        u64::from_le_bytes(bytes) % end
    }
}

impl Random for SeededRandom {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let mut z = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed).wrapping_add(0x9e37_79b9_7f4a_7c15);
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            chunk.copy_from_slice(&(z ^ (z >> 31)).to_le_bytes()[..chunk.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use connector::Clock as _;
    use jiff::Timestamp;

    use super::*;

    /// Answers everything, ten minutes late, and remembers.
    #[derive(Default)]
    struct Echo(Mutex<Vec<String>>);

    #[async_trait]
    impl StandIn for Echo {
        async fn send(&self, request: http::Request<Bytes>) -> Result<(http::Response<Bytes>, Duration), Broken> {
            self.0.lock().unwrap().push(request.uri().to_string());
            Ok((http::Response::new(Bytes::new()), Duration::from_secs(600)))
        }
        fn set_clock(&self, _now: Timestamp) {}
        fn misbehave(&self, _on: bool) {}
        fn faults(&self) -> BTreeMap<String, u64> {
            BTreeMap::new()
        }
    }

    fn way() -> (Arc<Echo>, Arc<StageTime>, Way) {
        let (echo, time) = (Arc::new(Echo::default()), Arc::new(StageTime::at(Timestamp::UNIX_EPOCH)));
        let way = Way::new(Arc::clone(&echo) as _, Arc::clone(&time), "https://rehearsal.invalid/api");
        (echo, time, way)
    }

    fn request(method: &str, uri: &str) -> http::Request<Bytes> {
        http::Request::builder().method(method).uri(uri).body(Bytes::new()).unwrap()
    }

    #[tokio::test]
    async fn p01_no_request_of_a_rehearsal_leaves_it() {
        let (echo, time, way) = way();
        for uri in ["https://api.example/api/users", "https://rehearsal.invalid.example/api", "http://127.0.0.1:80/", "/api/users"] {
            let refused = way.send(request("POST", uri)).await.unwrap_err();
            assert!(matches!(&refused, Broken::NotSent(why) if why.contains("not the stand-in")), "{uri}: {refused:?}");
        }
        assert!(echo.0.lock().unwrap().is_empty());
        way.send(request("GET", "https://rehearsal.invalid/api/users")).await.unwrap();
        way.send(request("PUT", "https://rehearsal.invalid/api/users/7")).await.unwrap();
        assert_eq!((echo.0.lock().unwrap().len(), way.counts()), (2, (2, 1)), "what is refused is no request");
        assert_eq!(time.elapsed(), Duration::from_secs(1200), "a late answer takes the rehearsal's own time");
    }

    #[tokio::test]
    async fn work_is_cut_off_once_before_or_after_the_request_is_carried_out() {
        for carried_out in [true, false] {
            let (echo, _, way) = way();
            way.begin(Some(CutOff { request: 2, carried_out }));
            let send = || way.send(request("POST", "https://rehearsal.invalid/api/users"));
            send().await.unwrap();
            {
                let (cut, told) = (std::pin::pin!(send()), std::pin::pin!(way.is_cut.notified()));
                assert!(matches!(futures_util::future::select(cut, told).await, futures_util::future::Either::Right(_)));
            }
            assert_eq!(echo.0.lock().unwrap().len(), if carried_out { 2 } else { 1 });
            send().await.unwrap();
        }
    }
}
