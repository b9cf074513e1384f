//! The stories: one file each, run with the real binary against the sandboxes, and ended by the checker.

#[path = "../company/mod.rs"]
mod company;
mod naive;
#[path = "../../../vendors/tests/rigs/outside.rs"]
#[allow(dead_code, unreachable_pub, reason = "the connector's tests use the rest")]
mod outside;
mod proxy;
mod small;
mod world;

mod absorb_offboard;
mod absorb_profile_sync;
mod absorb_provision;
mod asked;
mod assistant;
mod contradictions;
mod decisions;
mod every_verb;
mod existing;
mod guards;
mod history;
mod hooks;
mod idp;
mod kill;
mod lessonly_offboard;
mod lessonly_provision;
mod matrix;
mod misbehaving;
mod notices;
mod person;
mod power;
mod pushed;
mod rehearsal;
mod rehire;
mod rename_chain;
mod reviews;
mod scim_app;
mod scope;
mod sources;
mod syscalls;
mod thin_slice;
mod traps_apps;
mod traps_field;
mod traps_people;
mod undo;
mod wrong_inputs;
