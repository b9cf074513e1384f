//! One life of the program.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use super::world::Shared;

/// How a life ended.
#[derive(Debug)]
pub enum Lived<T> {
    /// What it was asked to do is done.
    Done(T),
    /// The director ended it.
    Crashed,
}

impl<T> Lived<T> {
    /// What was done, where nobody ends lives.
    pub fn done(self) -> T {
        match self {
            Self::Done(done) => done,
            Self::Crashed => panic!("the program was ended"),
        }
    }

    pub fn ok(self) -> Option<T> {
        match self {
            Self::Done(done) => Some(done),
            Self::Crashed => None,
        }
    }
}

/// What a life's parts share.
pub struct Life {
    pub number: u32,
    pub shared: Arc<Shared>,
    dead: AtomicBool,
    stuck: AtomicBool,
    main: Mutex<Option<Waker>>,
}

impl Life {
    pub fn new(number: u32, shared: Arc<Shared>) -> Arc<Self> {
        Arc::new(Self { number, shared, dead: AtomicBool::new(false), stuck: AtomicBool::new(false), main: Mutex::default() })
    }

    /// Ends the life: nothing of it goes on.
    pub fn die(&self, how: &str) {
        self.shared.note(self, &format!("CRASH {how}"));
        self.dead.store(true, Ordering::SeqCst);
        self.wake();
    }

    /// Nothing can happen any more.
    pub fn get_stuck(&self) {
        self.stuck.store(true, Ordering::SeqCst);
        self.wake();
    }

    pub fn is_dead(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }

    /// Never returns once the life is over.
    pub async fn alive(&self) {
        if self.is_dead() {
            std::future::pending().await
        }
    }

    /// It is over: who would wake it holds its runtime, and that holds it.
    pub fn rest(&self) {
        self.main.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    fn wake(&self) {
        if let Some(main) = self.main.lock().unwrap_or_else(PoisonError::into_inner).take() {
            main.wake();
        }
    }
}

/// What a life does, until it is done or the life is over.
pub struct Mortal<F> {
    pub life: Arc<Life>,
    pub deed: Pin<Box<F>>,
}

impl<F: Future> Future for Mortal<F> {
    type Output = Lived<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        *self.life.main.lock().unwrap_or_else(PoisonError::into_inner) = Some(context.waker().clone());
        if self.life.is_dead() {
            return Poll::Ready(Lived::Crashed);
        }
        assert!(!self.life.stuck.load(Ordering::SeqCst), "nothing can happen any more, and something is waited for");
        let polled = self.deed.as_mut().poll(context);
        if self.life.is_dead() {
            return Poll::Ready(Lived::Crashed);
        }
        polled.map(Lived::Done)
    }
}
