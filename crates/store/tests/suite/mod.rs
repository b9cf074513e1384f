//! What has to be so on every engine; each test target runs it on its own (`crate::home`).

mod audit;
pub(crate) mod common;
mod connections;
mod coverage;
mod images;
mod journal;
mod notices;
mod opening;
mod parts;
mod plans;
mod pushed;
mod readings;
mod replies;
mod standing;
mod together;
mod tokens;
mod transfer;
mod triggers;
