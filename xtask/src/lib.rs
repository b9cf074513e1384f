//! What tests and tasks share: a PostgreSQL server of their own.

pub mod postgres;
