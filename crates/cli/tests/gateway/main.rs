//! The gateway from outside: the real binary serves, and what identity providers, and those who check servers, send is sent.

mod desk;
mod dialects;
mod doors;
mod groups;
mod lists;
mod outside;
mod users;
