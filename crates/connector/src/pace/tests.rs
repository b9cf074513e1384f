//! The pace against a model of an app: a token bucket behind a network, asked by several clients at once.  Time is simulated: it goes on to
//! the next one who waits when nobody can go on.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};

use async_trait::async_trait;
use jiff::Timestamp;

use super::*;

#[derive(Default)]
struct Simulated {
    now: Mutex<Duration>,
    /// When somebody wants to go on.
    due: Mutex<Vec<Duration>>,
}

impl Clock for Simulated {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }
    fn elapsed(&self) -> Duration {
        *self.now.lock().unwrap()
    }
}

#[async_trait]
impl Sleep for Simulated {
    async fn sleep(&self, duration: Duration) {
        let until = self.elapsed() + duration;
        poll_fn(|_| {
            if self.elapsed() >= until {
                return Poll::Ready(());
            }
            self.due.lock().unwrap().push(until);
            Poll::Pending
        })
        .await;
    }
}

/// An app with a limit, and what it was asked: when, and whether it said "slow down".
struct App {
    per_second: f64,
    capacity: f64,
    level: f64,
    last: Duration,
    /// Requests that others send, a second.
    others: f64,
    /// Of so many requests one is turned away for no reason.
    chance: usize,
    asked: Vec<(Duration, bool)>,
}

impl App {
    fn new(per_second: f64, capacity: f64) -> Mutex<Self> {
        Mutex::new(Self {
            per_second,
            capacity,
            level: capacity,
            last: Duration::ZERO,
            others: 0.0,
            chance: usize::MAX,
            asked: Vec::new(),
        })
    }

    fn ask(&mut self, now: Duration) -> bool {
        let passed = (now - self.last).as_secs_f64();
        self.last = now;
        self.level = (self.level + passed * (self.per_second - self.others)).clamp(0.0, self.capacity);
        let good = self.level >= 1.0 && !(self.asked.len() + 1).is_multiple_of(self.chance);
        self.level -= f64::from(u8::from(good));
        self.asked.push((now, !good));
        good
    }

    /// Between two minutes: how much of the limit was used, and how much of what was asked was turned away.
    fn between(&self, from: u64, to: u64) -> (f64, f64) {
        let span = Duration::from_secs(from * 60)..Duration::from_secs(to * 60);
        let asked: Vec<bool> = self.asked.iter().filter(|(at, _)| span.contains(at)).map(|(_, slow)| *slow).collect();
        let slow = asked.iter().filter(|slow| **slow).count() as f64;
        let all = asked.len() as f64;
        ((all - slow) / (self.per_second * (to - from) as f64 * 60.0), slow / all.max(1.0))
    }
}

fn pace(limit: Option<RateLimit>) -> (Pace, Arc<Simulated>) {
    let clock = Arc::new(Simulated::default());
    (Pace::new(limit, Arc::clone(&clock) as Arc<dyn Clock>, Arc::clone(&clock) as Arc<dyn Sleep>), clock)
}

/// Runs all until the clock says so.
fn run(clock: &Simulated, until: Duration, mut all: Vec<Pin<Box<dyn Future<Output = ()> + '_>>>) {
    let mut context = Context::from_waker(Waker::noop());
    while clock.elapsed() < until && !all.is_empty() {
        all.retain_mut(|one| one.as_mut().poll(&mut context).is_pending());
        let next = std::mem::take(&mut *clock.due.lock().unwrap()).into_iter().min();
        let mut now = clock.now.lock().unwrap();
        *now = next.unwrap_or(until).max(*now);
    }
}

/// Asks the app until the time is over; what is turned away waits longer each time, as a connection does.
async fn client(pace: &Pace, clock: &Simulated, app: &Mutex<App>, latency: Duration) {
    let mut tries = 0;
    loop {
        pace.permit().await;
        clock.sleep(latency / 2).await;
        let good = app.lock().unwrap().ask(clock.elapsed());
        clock.sleep(latency / 2).await;
        if good {
            pace.went_well();
            tries = 0;
        } else {
            pace.was_throttled(None);
            clock.sleep(Duration::from_millis(400) * 2_u32.pow(tries.min(7))).await;
            tries += 1;
        }
    }
}

/// Several clients for so many minutes.
fn ask(pace: &Pace, clock: &Simulated, app: &Mutex<App>, clients: usize, latency: u64, minutes: u64) {
    let latency = Duration::from_millis(latency);
    let all = (0..clients).map(|_| Box::pin(client(pace, clock, app, latency)) as Pin<Box<dyn Future<Output = ()>>>);
    run(clock, clock.elapsed() + Duration::from_secs(minutes * 60), all.collect());
}

#[test]
fn a09_a_known_limit_is_kept_just_under() {
    for (clients, latency) in [(8, 5), (8, 35), (40, 150)] {
        let (pace, clock) = pace(Some(RateLimit { per_second: 200, burst: 100 }));
        let app = App::new(200.0, 300.0);
        ask(&pace, &clock, &app, clients, latency, 2);
        let (used, slow) = app.lock().unwrap().between(0, 2);
        assert!(used >= 0.95, "{clients} clients at {latency} ms: {:.1}% of the limit used", used * 100.0);
        assert!(slow == 0.0, "{:.2}% turned away", slow * 100.0);
    }
}

#[test]
fn a09_a_known_limit_that_others_use_too_is_shared_and_taken_back() {
    let (pace, clock) = pace(Some(RateLimit { per_second: 200, burst: 100 }));
    let app = App::new(200.0, 300.0);
    app.lock().unwrap().others = 120.0;
    ask(&pace, &clock, &app, 8, 5, 4);
    let (used, slow) = app.lock().unwrap().between(1, 4);
    assert!((0.36..=0.41).contains(&used), "{:.1}% of the limit used, 40% is left", used * 100.0);
    assert!(slow <= 0.02, "{:.1}% turned away", slow * 100.0);
    app.lock().unwrap().others = 0.0;
    ask(&pace, &clock, &app, 8, 5, 8);
    let (used, _) = app.lock().unwrap().between(10, 12);
    assert!(used >= 0.9, "{:.1}% used after the others have gone", used * 100.0);
}

#[test]
fn l04_an_unknown_limit_is_found_and_used() {
    for (per_second, capacity, clients, latency) in [
        (500.0 / 60.0, 50.0, 4, 5),
        (500.0 / 60.0, 50.0, 4, 400),
        (500.0 / 60.0, 50.0, 1, 30),
        (500.0 / 60.0, 1.0, 4, 30),
        (1.0, 5.0, 4, 30),
        (50.0, 100.0, 8, 50),
    ] {
        let (pace, clock) = pace(None);
        let app = App::new(per_second, capacity);
        ask(&pace, &clock, &app, clients, latency, 6);
        let (used, slow) = app.lock().unwrap().between(1, 6);
        let name = format!("{per_second:.2} a second, {capacity} at once, {clients} clients at {latency} ms");
        assert!(used >= 0.85, "{name}: {:.1}% of the limit used in minutes 2 to 6", used * 100.0);
        assert!(slow <= 0.025, "{name}: {:.1}% turned away", slow * 100.0);
    }
}

#[test]
fn l04_a_slow_down_now_and_then_hides_no_limit() {
    for (per_second, chance) in [(500.0 / 60.0, 140), (500.0 / 60.0, 61), (60.0, 140)] {
        let (pace, clock) = pace(None);
        let app = App::new(per_second, 50.0);
        app.lock().unwrap().chance = chance;
        ask(&pace, &clock, &app, 8, 30, 10);
        let (used, slow) = app.lock().unwrap().between(1, 10);
        let name = format!("{per_second:.2} a second, one of {chance} turned away by chance");
        assert!(used >= 0.85, "{name}: {:.1}% of the limit used", used * 100.0);
        assert!(slow <= 0.025 + 1.0 / chance as f64, "{name}: {:.1}% turned away", slow * 100.0);
    }
}

#[test]
fn l04_an_unknown_limit_that_changes_is_followed() {
    for (then, least, most_slow) in [(4.0, 0.85, 0.06), (20.0, 0.8, 0.02)] {
        let (pace, clock) = pace(None);
        let app = App::new(500.0 / 60.0, 50.0);
        ask(&pace, &clock, &app, 4, 30, 3);
        app.lock().unwrap().per_second = then;
        ask(&pace, &clock, &app, 4, 30, 9);
        let (used, slow) = app.lock().unwrap().between(8, 12);
        assert!(used >= least, "{then} a second: {:.1}% used", used * 100.0);
        assert!(slow <= most_slow, "{then} a second: {:.1}% turned away", slow * 100.0);
    }
}

#[test]
fn l04_requests_are_spaced() {
    let (pace, clock) = pace(None);
    let app = App::new(500.0 / 60.0, 50.0);
    ask(&pace, &clock, &app, 20, 5, 3);
    let app = app.lock().unwrap();
    let late: Vec<Duration> = app.asked.iter().map(|(at, _)| *at).filter(|at| *at >= Duration::from_secs(60)).collect();
    let closest = late.windows(2).map(|pair| pair[1] - pair[0]).min().unwrap();
    assert!(closest >= Duration::from_millis(60), "two requests within {closest:?}, though one every 120 ms is the limit");
}

#[test]
fn answers_that_were_under_way_together_slow_it_down_once() {
    let (pace, clock) = pace(None);
    (0..40).for_each(|_| pace.went_well());
    let before = pace.found().unwrap();
    *clock.now.lock().unwrap() += Duration::from_secs(2);
    (0..10).for_each(|_| pace.was_throttled(None));
    let after = pace.found().unwrap();
    assert!((after / before - 0.7).abs() < 0.01, "{before} became {after}");
}

#[test]
fn nothing_leaves_before_the_app_said() {
    for limit in [None, Some(RateLimit { per_second: 200, burst: 100 })] {
        let (pace, clock) = pace(limit);
        pace.was_throttled(Some(Duration::from_secs(30)));
        pace.hold(Duration::from_secs(20));
        run(&clock, Duration::from_secs(60), vec![Box::pin(pace.permit())]);
        let (left, still) = (Mutex::new(Duration::ZERO), &clock);
        run(
            &clock,
            Duration::from_secs(120),
            vec![Box::pin(async {
                pace.was_throttled(Some(Duration::from_secs(30)));
                let asked = still.elapsed();
                pace.permit().await;
                *left.lock().unwrap() = still.elapsed() - asked;
            })],
        );
        assert_eq!(*left.lock().unwrap(), Duration::from_secs(30));
    }
}
