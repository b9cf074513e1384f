//! What tests and tasks share: a PostgreSQL server of their own, programs that others wrote.

pub mod outside;
pub mod postgres;
