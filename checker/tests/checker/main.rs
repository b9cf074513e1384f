//! The checker over hand-made inputs: as a library (`rules`) and as a program (`command`).

mod command;
mod rules;
mod scene;
