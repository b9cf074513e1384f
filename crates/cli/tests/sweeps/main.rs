//! Fault sweeps over the real engine, store, connectors and sandboxes: a story with a step of every kind is failed, crashed or repeated at
//! every point of it, gone on with as a person would, and judged by the independent checker.

#[path = "../company/mod.rs"]
mod company;
#[path = "../rig/mod.rs"]
mod rig;

mod points;
mod repeated;
mod saboteur;
mod scenes;
mod story;
