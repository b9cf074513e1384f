//! The stories: one file each, run with the real binary against the sandboxes, and ended by the checker.

mod world;

mod absorb_offboard;
mod absorb_profile_sync;
mod absorb_provision;
mod lessonly_offboard;
mod lessonly_provision;
mod rehire;
mod thin_slice;
