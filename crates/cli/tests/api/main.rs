//! The API from outside: the real binary serves, over two sandboxes.

mod doors;
mod house;
mod outside;
mod story;
