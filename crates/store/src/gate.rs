//! What may stand between a store and its database: simulation and fault sweeps do, to let one thing happen at a time, to fail it, or to
//! end the process's life right there.  A store that was opened without one goes straight to its database.

use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;

use crate::StoreError;

/// One thing that is about to be done to the database, or was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation<'a> {
    /// The store is opened, and made when there is none.
    Open,
    /// A statement that reads, outside any transaction.
    Read(&'a str),
    /// A transaction that writes begins.
    Begin,
    /// A statement within it.
    Statement(&'a str),
    /// It is committed: what was written in it is there from now on.
    Commit,
    /// It is given up: nothing of it ever was.
    Undo,
}

/// Stands before a database.
#[async_trait]
pub trait Gate: Send + Sync {
    /// Asked before an operation.  It may wait before [`Operation::Open`], [`Operation::Read`] and [`Operation::Begin`]; within a
    /// transaction others wait for the database, so that there it may only let pass, fail, or never return.  Not asked before
    /// [`Operation::Undo`].
    ///
    /// # Errors
    /// What the operation fails with; it is not done then.
    async fn before(&self, operation: Operation<'_>) -> Result<(), StoreError>;

    /// Does it: polls the work to its end, in whatever runtime the database's connections live.
    fn carry_out(&self, work: Pin<&mut (dyn Future<Output = ()> + Send)>);

    /// Told after an operation that went well.
    ///
    /// # Errors
    /// What the caller gets to hear although it was done.
    async fn after(&self, operation: Operation<'_>) -> Result<(), StoreError>;
}

/// The gate of a database, if it has one.
#[derive(Clone, Default)]
pub(crate) struct Through(pub(crate) Option<Arc<dyn Gate>>);

impl Through {
    /// Does one thing to the database.
    pub(crate) async fn pass<T: Send>(
        &self,
        operation: Operation<'_>,
        work: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        let Some(gate) = &self.0 else { return work.await };
        gate.before(operation).await?;
        let done = carried_out(&**gate, work)?;
        gate.after(operation).await?;
        Ok(done)
    }

    /// Gives something up that belongs to the database's runtime.
    pub(crate) fn undo<T: Send>(&self, begun: T) {
        match &self.0 {
            Some(gate) => {
                let mut begun = Some(begun);
                let mut work = std::pin::pin!(async { drop(begun.take()) });
                gate.carry_out(work.as_mut());
            }
            None => drop(begun),
        }
    }
}

fn carried_out<T: Send>(gate: &dyn Gate, work: impl Future<Output = Result<T, StoreError>> + Send) -> Result<T, StoreError> {
    let mut done = None;
    {
        let mut work = std::pin::pin!(async { done = Some(work.await) });
        gate.carry_out(work.as_mut());
    }
    done.unwrap_or(Err(StoreError::Closed))
}
