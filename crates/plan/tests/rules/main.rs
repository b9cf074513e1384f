//! The rules of planning, each shown on a small world in memory (`world.rs`), and the laws that hold for any world (`laws.rs`).

extern crate provost_plan as plan;

mod accounts;
mod again;
mod aside;
mod goldens;
mod guards;
mod idp;
mod laws;
mod people;
mod policy;
mod reviews;
mod undo;
mod values;
mod world;
