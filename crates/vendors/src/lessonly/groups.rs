//! Groups: which an account joins and leaves, and new ones.

use std::collections::BTreeSet;

use connector::{Done, Fault, Outcome, Write};
use model::{Few, Receipt, Ref, Step};
use serde_json::{Value as Json, json};

use super::convert::{self, typed};
use super::read;
use super::wire::{Memberships, post, profile, put};
use super::write::{Look, drift, gone, unreadable};
use crate::sabotage::{Off, is_off};

/// How an account's memberships have to change.
pub(super) struct Moves {
    add: BTreeSet<u64>,
    remove: BTreeSet<u64>,
    /// All memberships as they shall be.
    pub(super) all: BTreeSet<u64>,
}

impl Moves {
    /// Of an account that is in no group yet.
    pub(super) fn into(groups: BTreeSet<u64>) -> Self {
        Self { add: groups.clone(), remove: BTreeSet::new(), all: groups }
    }
}

/// How the memberships have to change, by a look at those there are; none when they are right already, so that nothing is sent.  What the
/// step does not name stays (L07).  The look keeps them, for the before-image.
pub(super) async fn moves(wire: &Write, step: &Step, look: &mut Look) -> Result<Option<Moves>, Fault> {
    if step.add_groups.is_empty() && step.remove_groups.is_empty() {
        return Ok(None);
    }
    let now = match profile(wire.read()).memberships {
        Memberships::Whole => convert::group_ids(&look.raw)?,
        Memberships::Additive => {
            let (now, list) = read::memberships_of(wire.read(), look.id).await?.ok_or_else(|| gone(look.id))?;
            look.raw["memberships"] = list;
            now
        }
    };
    let remove = step.remove_groups.iter().map(|id| group_number(id)).collect::<Result<BTreeSet<u64>, Fault>>()?;
    let remove: BTreeSet<u64> = remove.intersection(&now).copied().collect();
    let add: BTreeSet<u64> = group_numbers(&step.add_groups)?.difference(&now).copied().collect();
    let all = now.difference(&remove).chain(&add).copied().collect();
    Ok((!(add.is_empty() && remove.is_empty())).then_some(Moves { add, remove, all }))
}

pub(super) fn group_numbers(groups: &Few<Ref>) -> Result<BTreeSet<u64>, Fault> {
    groups.iter().map(|group| group_number(group.id().unwrap_or_default())).collect()
}

fn group_number(id: &str) -> Result<u64, Fault> {
    let wrong = || Fault::Refused { code: "group".to_owned(), detail: format!("`{id}` is no id of a Lessonly group") };
    convert::number(id).ok_or_else(wrong)
}

/// Adds to groups and takes out of them, where that is a call of its own; the memberships afterwards.
pub(super) async fn regroup(wire: &Write, account: u64, moves: &Moves) -> Result<Json, Fault> {
    let add = moves.add.iter().map(|group| json!({ "id": group }));
    let remove = moves.remove.iter().map(|group| json!({ "id": group, "remove": "true" }));
    let body = json!({ "memberships": add.chain(remove).collect::<Vec<_>>() });
    let answer = put(wire, &format!("/users/{account}/groups"), Some(&body)).await?;
    let there = typed(&answer, "update_user_groups").and_then(|()| convert::memberships(&answer)).map_err(unreadable)?;
    if moves.add.is_subset(&there) && moves.remove.is_disjoint(&there) {
        return Ok(answer["memberships"].clone());
    }
    Err(drift(format!("account {account} should join {:?} and leave {:?}, and is in {there:?}", moves.add, moves.remove)))
}

/// Makes a group, unless there is one of that name.
pub(super) async fn create_group(wire: &Write, step: &Step) -> Outcome {
    let name = step.set.get("name").and_then(|change| change.after.as_text()).unwrap_or(&step.label);
    let named = |record: &connector::Record| matches!(&record.body, connector::Body::Group(group) if group.name == name);
    if let Some(there) = read::groups(wire.read()).await?.into_iter().find(|group| named(group) && !is_off(Off::LookBefore)) {
        return if matches!(&there.body, connector::Body::Group(group) if group.writable) {
            let receipt = Receipt { account: Some(there.id.into()), before: Some(there.raw.clone()), after: Some(there.raw) };
            Ok(Done { already: true, receipt })
        } else {
            Err(Fault::Refused {
                code: "archived".to_owned(),
                detail: format!("group `{name}` is there (id {}) and is archived or built in; restore it in Lessonly", there.id),
            })
        };
    }
    let answer = post(wire, "/groups", &json!({ "name": name })).await?;
    let made = convert::group_record(&answer, "group").map_err(unreadable)?;
    if !named(&made) {
        return Err(drift(format!("group {} was made, and its name is not `{name}`", made.id)));
    }
    Ok(Done { already: false, receipt: Receipt { account: Some(made.id.into()), before: None, after: Some(answer) } })
}
