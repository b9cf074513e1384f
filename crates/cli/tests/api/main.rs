//! The API from outside: the real binary serves, over two sandboxes.

mod doors;
mod house;
mod operation;
mod outside;
mod story;
