//! The gate before the store's database: what the database does is done on the spot, on connections that live in a runtime of their own.

use std::pin::Pin;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

use async_trait::async_trait;
use store::{Gate, Operation, StoreError};
use tokio::runtime::Runtime;

use super::director::Touch;
use super::life::Life;

/// Where the connections to databases live.
static DATABASES: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime for the databases")
});

/// Polls to its end what belongs to the databases' runtime; this thread does nothing else meanwhile.
pub fn on_the_spot<T>(work: impl Future<Output = T>) -> T {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let _there = DATABASES.enter();
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    // Who asks from within a task must not run out of its budget.
    let mut work = std::pin::pin!(tokio::task::coop::unconstrained(work));
    loop {
        match work.as_mut().poll(&mut context) {
            Poll::Ready(done) => return done,
            Poll::Pending => std::thread::park(),
        }
    }
}

/// One life's gate: when the life is over, nothing passes it.
pub struct LifesGate(pub Arc<Life>);

impl LifesGate {
    async fn touched(&self, touch: Touch) -> Result<(), StoreError> {
        match touch {
            Touch::Passes => Ok(()),
            Touch::Fails(error) => {
                self.0.shared.note(&self.0, &format!("store fails: {error}"));
                Err(error)
            }
            Touch::Crash => {
                self.0.die("at the store");
                std::future::pending().await
            }
        }
    }
}

#[async_trait]
impl Gate for LifesGate {
    async fn before(&self, operation: Operation<'_>) -> Result<(), StoreError> {
        self.0.alive().await;
        if operation == Operation::Begin {
            let turn = self.0.shared.director().turn();
            self.0.shared.agenda.wait(turn).await;
            self.0.alive().await;
        }
        let touch = self.0.shared.director().before_store(operation);
        self.touched(touch).await
    }

    fn carry_out(&self, work: Pin<&mut (dyn Future<Output = ()> + Send)>) {
        on_the_spot(work);
    }

    async fn after(&self, operation: Operation<'_>) -> Result<(), StoreError> {
        self.0.shared.note_store(&self.0, operation);
        let touch = self.0.shared.director().after_store(operation);
        self.touched(touch).await
    }
}
