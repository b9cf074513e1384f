//! Connections that single statements read a SQLite file by, kept open.  A pool asks each connection that comes back whether it is still
//! there, which costs as much as the statement did; a file does not hang up.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};
use tokio::sync::{Semaphore, SemaphorePermit};

/// At most so many connections to one file, opened as they are wanted; the last used is the first to be used again, for it has its
/// statements at hand.
#[derive(Clone)]
pub(crate) struct Kept(Arc<Inner>);

struct Inner {
    free: Mutex<Vec<SqliteConnection>>,
    most: u32,
    turns: Semaphore,
    options: SqliteConnectOptions,
}

/// A connection, for as long as somebody has it.
pub(crate) struct Turn<'a> {
    of: &'a Inner,
    /// There until it goes back.
    connection: Option<SqliteConnection>,
    _permit: SemaphorePermit<'a>,
}

impl Kept {
    /// None is open yet.
    pub(crate) fn new(options: SqliteConnectOptions, most: u32) -> Self {
        Self(Arc::new(Inner { free: Mutex::default(), most, turns: Semaphore::new(most as usize), options }))
    }

    /// One of the connections, when there is one to be had.
    pub(crate) async fn take(&self) -> Result<Turn<'_>, sqlx::Error> {
        let of = &*self.0;
        let _permit = of.turns.acquire().await.map_err(|_| sqlx::Error::PoolClosed)?;
        let free = of.free().pop();
        let connection = match free {
            Some(connection) => connection,
            None => of.options.connect().await?,
        };
        Ok(Turn { of, connection: Some(connection), _permit })
    }

    /// Closes all connections, when nobody has one any more; nobody gets one from then on.
    pub(crate) async fn close(&self) {
        let _all = self.0.turns.acquire_many(self.0.most).await;
        self.0.turns.close();
        let free = std::mem::take(&mut *self.0.free());
        for connection in free {
            // It is of no use to anybody, whatever comes of it.
            let _ = connection.close().await;
        }
    }
}

impl Inner {
    fn free(&self) -> MutexGuard<'_, Vec<SqliteConnection>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Deref for Turn<'_> {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        self.connection.as_ref().expect("it is there until it goes back")
    }
}

impl DerefMut for Turn<'_> {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        self.connection.as_mut().expect("it is there until it goes back")
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.of.free().extend(self.connection.take());
    }
}
