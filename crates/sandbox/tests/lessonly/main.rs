//! The Lessonly sandbox answers as the contract says, quirk by quirk, in both profiles.

#[allow(dead_code, unreachable_pub)]
#[path = "../api/mod.rs"]
mod api;
mod clients;
mod guide;
mod vendor;

use api::{Api, NOON, options};
use sandbox::Options;
use sandbox::lessonly::Config;
use serde_json::Value;

fn now() -> jiff::Timestamp {
    NOON.parse().unwrap()
}

fn company(people: usize) -> Api {
    Api::with(Config { options: Options { people: Some(people), ..options() }, ..Config::default() })
}

fn ids(list: &Value) -> Vec<u64> {
    list.as_array().unwrap().iter().map(|item| item["id"].as_u64().unwrap()).collect()
}

/// The members of an object, sorted.
fn keys(object: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = object.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}
