//! The rig: engine, store, connectors and both sandboxes in one process, behind the ports of the design, with a clock that nobody waits for.
//!
//! A [`World`] has two sandboxes, a folder with configuration, roster and store, and a virtual time.  [`World::live`] is one life of the
//! program: a fresh store, engine and runtime of one thread, until what it is asked to do is done or the [`Director`] ends it.  Within a life one thing
//! happens at a time: when nothing can go on, the earliest of what is waited for happens (a request arrives, an answer comes back, a sleep
//! ends, a transaction begins) and the time is that.  Whatever the database does is done on the spot.  So the same decisions of the
//! director give the same life, event by event; the [`Trace`] has them all.
//!
//! Nothing waits in real time: the runtime has no timer, and who asks it for one panics.

#![allow(dead_code, unused_imports, unreachable_pub, reason = "each test target uses its part")]

mod agenda;
mod director;
mod files;
mod gate;
mod life;
mod ports;
mod world;

pub use agenda::Agenda;
pub use director::{After, Answered, Before, Director, Exchange, Straight, Touch};
pub use files::{Planned, known_text};
pub use gate::on_the_spot;
pub use life::Lived;
pub use world::{Setup, Shared, StoreAt, Trace, World};
