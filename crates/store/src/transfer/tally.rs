//! Counting a store, and its digest.

use std::collections::BTreeMap;

use futures_util::TryStreamExt;
use model::Digest;
use sha2::{Digest as _, Sha256};

use super::{Contents, Heard, Tally};
use crate::db::{Arg, Table, Tx};
use crate::{Store, StoreError};

impl Store {
    /// How many rows each table has now.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn contents(&self) -> Result<Contents, StoreError> {
        contents(&mut self.db.snapshot().await?).await
    }

    /// Everything it holds now, as counts and a digest; others may go on to write.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn tally(&self, heard: &mut Heard<'_>) -> Result<Tally, StoreError> {
        tally(&mut self.db.snapshot().await?, heard).await
    }
}

/// How many rows each table has.
pub(super) async fn contents(tx: &mut Tx) -> Result<Contents, StoreError> {
    let mut rows = BTreeMap::new();
    for table in tx.tables().await? {
        let count = tx.count(&table).await?;
        rows.insert(table.name, count);
    }
    Ok(Contents { rows })
}

/// Reads everything.
pub(super) async fn tally(tx: &mut Tx, heard: &mut Heard<'_>) -> Result<Tally, StoreError> {
    let mut digests = Digests::default();
    for table in tx.tables().await? {
        let total = tx.count(&table).await?;
        let mut of_table = TableDigest::new(&table);
        let mut rows = tx.stream(table.read_all());
        while let Some(row) = rows.try_next().await? {
            of_table.row(&table.values(&row)?);
            if of_table.rows.is_multiple_of(1000) {
                heard(&table.name, of_table.rows, total);
            }
        }
        digests.end(&table, of_table);
    }
    Ok(digests.tally())
}

/// The digest of one table while its rows come by.
pub(super) struct TableDigest {
    pub(super) rows: u64,
    hash: Sha256,
}

impl TableDigest {
    pub(super) fn new(table: &Table) -> Self {
        let mut digest = Self { rows: 0, hash: Sha256::new() };
        for (name, _) in &table.columns {
            digest.value(b'c', name.as_bytes());
        }
        digest
    }

    /// The next row, in byte order of the key.
    pub(super) fn row(&mut self, values: &[Arg]) {
        self.rows += 1;
        for value in values {
            match value {
                Arg::Int(value) => self.value(b'i', &value.to_le_bytes()),
                Arg::Text(value) => self.value(b't', value.as_bytes()),
                Arg::Bytes(value) => self.value(b'b', value),
            }
        }
    }

    /// With its kind and length, so that nothing can be taken for something else.
    fn value(&mut self, kind: u8, bytes: &[u8]) {
        self.hash.update([kind]);
        self.hash.update((bytes.len() as u64).to_le_bytes());
        self.hash.update(bytes);
    }
}

/// The digests of all tables.
#[derive(Default)]
pub(super) struct Digests(BTreeMap<String, (u64, [u8; 32])>);

impl Digests {
    pub(super) fn end(&mut self, table: &Table, digest: TableDigest) {
        self.0.insert(table.name.clone(), (digest.rows, digest.hash.finalize().into()));
    }

    pub(super) fn tally(&self) -> Tally {
        let mut hash = Sha256::new();
        for (name, (rows, digest)) in &self.0 {
            hash.update(format!("{name} {rows} "));
            hash.update(digest);
        }
        let rows = self.0.iter().map(|(name, (rows, _))| (name.clone(), *rows)).collect();
        Tally { contents: Contents { rows }, digest: Digest::new(hash.finalize().into()) }
    }
}
