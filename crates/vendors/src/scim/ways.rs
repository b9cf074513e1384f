//! The ways in which an application lets a resource be changed: what one refuses is tried in the next.
//!
//! A refusal has written nothing, and every way says the same, composed of the same look.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, Ordering};

use connector::{Fault, Write};
use http::Method;
use serde_json::{Map, Value as Json, json};

use super::convert::Place;
use super::wire::{self, Changes, Profile};

/// One way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// PATCH, an operation for each path.
    Paths = 1,
    /// PATCH, one operation with all values.
    Values = 2,
    /// PUT of all that was read, with the changes in it.
    Whole = 3,
}

impl Way {
    /// Those to try, the likeliest first.
    fn of(profile: &Profile, status_only: bool) -> [Option<Self>; 3] {
        match (profile.changes, status_only) {
            (Changes::Put, _) => [Some(Self::Whole), None, None],
            (_, true) => [Some(Self::Values), Some(Self::Paths), Some(Self::Whole)],
            (Changes::Patch, false) => [Some(Self::Paths), Some(Self::Values), Some(Self::Whole)],
            (Changes::Bare, false) => [Some(Self::Whole), Some(Self::Paths), Some(Self::Values)],
        }
    }
}

/// Which way was taken last: where to begin next time, so that nothing is refused twice.  No more than a hint.
#[derive(Debug, Default)]
pub(super) struct Taken {
    status: AtomicU8,
    values: AtomicU8,
}

impl Taken {
    fn of(&self, status_only: bool) -> &AtomicU8 {
        if status_only { &self.status } else { &self.values }
    }

    /// The ways to try, the one that was taken last first.
    pub(super) fn ways(&self, profile: &Profile, status_only: bool) -> Vec<Way> {
        let last = self.of(status_only).load(Ordering::Relaxed);
        let mut ways: Vec<Way> = Way::of(profile, status_only).into_iter().flatten().collect();
        ways.sort_by_key(|way| *way as u8 != last);
        ways
    }

    pub(super) fn took(&self, status_only: bool, way: Way) {
        self.of(status_only).store(way as u8, Ordering::Relaxed);
    }
}

/// A change, composed: what was read, the same with the changes, and what they are.
pub(super) struct Change<'a> {
    pub(super) places: Vec<(Place<'a>, Option<Json>)>,
    pub(super) active: Option<bool>,
    pub(super) whole: Map<String, Json>,
}

impl<'a> Change<'a> {
    pub(super) fn compose(raw: &Json, places: Vec<(Place<'a>, Option<Json>)>, active: Option<bool>) -> Self {
        let mut whole = raw.as_object().cloned().unwrap_or_default();
        for (place, value) in &places {
            place.write(&mut whole, value.clone());
        }
        if let Some(active) = active {
            whole.insert("active".to_owned(), active.into());
        }
        Self { places, active, whole }
    }

    fn paths(&self) -> Json {
        // Of two changes in one list there is one whole list.
        let mut by_path: BTreeMap<String, Option<Json>> = BTreeMap::new();
        for (place, value) in &self.places {
            let there = place.at_path(&self.whole).filter(|there| *there != json!([]));
            by_path.insert(place.path(), if matches!(place, Place::Manager) { value.as_ref().and(there) } else { there });
        }
        if let Some(active) = self.active {
            by_path.insert("active".to_owned(), Some(active.into()));
        }
        let operations = by_path.into_iter().map(|(path, value)| match value {
            Some(value) => json!({ "op": "replace", "path": path, "value": value }),
            None => json!({ "op": "remove", "path": path }),
        });
        patch(operations.collect())
    }

    fn values(&self) -> Json {
        let mut part = Map::new();
        for (place, value) in &self.places {
            place.part(&self.whole, value.clone(), &mut part);
        }
        if let Some(active) = self.active {
            part.insert("active".to_owned(), active.into());
        }
        patch(vec![json!({ "op": "replace", "value": part })])
    }

    /// Sends it in one way.
    ///
    /// # Errors
    /// As any write.
    pub(super) async fn send(&self, wire: &Write, path: &str, way: Way) -> Result<Json, Fault> {
        let version = self.whole.get("meta").and_then(|meta| meta.get("version")).and_then(Json::as_str);
        match way {
            Way::Paths => wire::send(wire, Method::PATCH, path, Some(&self.paths()), version).await,
            Way::Values => wire::send(wire, Method::PATCH, path, Some(&self.values()), version).await,
            Way::Whole => {
                let mut whole = self.whole.clone();
                // What only the application says.
                whole.remove("meta");
                wire::send(wire, Method::PUT, path, Some(&Json::Object(whole)), version).await
            }
        }
    }
}

/// A PATCH of these operations.
pub(super) fn patch(operations: Vec<Json>) -> Json {
    json!({ "schemas": [scim::urn::PATCH_OP], "Operations": operations })
}

/// Whether a refusal is about how it was said: then it may be said otherwise.
pub(super) fn is_about_form(fault: &Fault) -> bool {
    let Fault::Refused { code, .. } = fault else { return false };
    let (status, kind) = code.split_once(' ').unwrap_or((code, ""));
    matches!(status, "400" | "404" | "405" | "415" | "422" | "501")
        && !matches!(kind, "uniqueness" | "mutability" | "tooMany" | "sensitive")
}
