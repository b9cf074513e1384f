//! Members of groups: what a request changes in them, as rows.

use std::collections::{BTreeMap, BTreeSet};

use model::{Member, MemberChange};
use scim::{Action, Change, Error, ScimType, Target};
use serde_json::Value;

use super::answer::Trouble;
use super::{Call, record};

/// Up to so many members of a request are looked for one by one, to tell whether they are in the group already; for more the whole group is
/// read.
const LOOKED_FOR: usize = 1000;

/// From those there are to those that are wanted.
pub(super) fn difference(kept: Vec<Member>, wanted: &[Member]) -> MemberChange {
    let wanted: BTreeMap<&str, &Member> = wanted.iter().map(|member| (member.id.as_str(), member)).collect();
    let same: BTreeSet<&str> = kept
        .iter()
        .filter(|member| wanted.get(member.id.as_str()).is_some_and(|one| one.body == member.body))
        .map(|one| one.id.as_str())
        .collect();
    MemberChange {
        clear: false,
        remove: kept.iter().filter(|member| !same.contains(member.id.as_str())).map(|member| member.id.clone()).collect(),
        add: wanted.into_iter().filter(|(id, _)| !same.contains(id)).map(|(_, member)| member.clone()).collect(),
    }
}

/// What changes in members where that can be told without knowing who is in the group; none where it cannot.
///
/// # Errors
/// `invalidValue` for a member without `value`.
pub(super) fn simple(changes: &[Change]) -> Result<Option<MemberChange>, Error> {
    let mut all = MemberChange::default();
    for Change { action, target, value } in changes {
        let list = value.as_ref().map(record::members).transpose()?;
        match (action, target) {
            (Action::Add, Target::Attribute(path)) if path.sub.is_none() => put_in(&mut all, list.unwrap_or_default()),
            (Action::Replace, Target::Attribute(path)) if path.sub.is_none() => {
                all = MemberChange { clear: true, ..MemberChange::default() };
                put_in(&mut all, list.unwrap_or_default());
            }
            (Action::Remove, Target::Attribute(path)) if path.sub.is_none() => match list {
                Some(list) => take_out(&mut all, list.into_iter().map(|member| member.id)),
                None => all = MemberChange { clear: true, ..MemberChange::default() },
            },
            (Action::Remove, Target::Elements(path, filter)) if path.sub.is_none() && value.is_none() => match filter.equals() {
                Some((part, id)) if part.name == "value" => take_out(&mut all, [id.to_owned()]),
                _ => return Ok(None),
            },
            _ => return Ok(None),
        }
    }
    Ok(Some(all))
}

fn put_in(all: &mut MemberChange, members: Vec<Member>) {
    let there: BTreeSet<String> = all.add.iter().map(|member| member.id.clone()).collect();
    all.add.extend(members.into_iter().filter(|member| !there.contains(&member.id)));
}

fn take_out(all: &mut MemberChange, ids: impl IntoIterator<Item = String>) {
    for id in ids {
        all.add.retain(|member| member.id != id);
        if !all.remove.contains(&id) {
            all.remove.push(id);
        }
    }
}

impl Call<'_> {
    /// What of a change is one: whoever is in the group already is not put in, whoever is not is not taken out.
    ///
    /// # Errors
    /// `noTarget` for somebody who is not in it, where requests are taken to the letter.
    pub(super) async fn effective(&self, group: &str, mut change: MemberChange) -> Result<MemberChange, Trouble> {
        if change.clear {
            return Ok(difference(self.engine().pushed_members(&self.source, group).await?, &change.add));
        }
        let there = self.among(group, change.remove.iter().chain(change.add.iter().map(|member| &member.id))).await?;
        let added: BTreeSet<&str> = change.add.iter().map(|member| member.id.as_str()).collect();
        let missed = change.remove.iter().find(|id| !there.contains(*id) && !added.contains(id.as_str()));
        if let (Some(id), false) = (missed, self.dialect.leniency.make_targets) {
            return Err(Error::bad(ScimType::NoTarget, format!("{} is not in the group", Value::from(id.as_str()))).into());
        }
        change.remove.retain(|id| there.contains(id));
        let out: BTreeSet<&str> = change.remove.iter().map(String::as_str).collect();
        change.add.retain(|member| out.contains(member.id.as_str()) || !there.contains(&member.id));
        Ok(change)
    }

    /// Who of these is in the group.
    async fn among(&self, group: &str, ids: impl Iterator<Item = &String>) -> Result<BTreeSet<String>, Trouble> {
        let ids: Vec<&String> = ids.collect();
        if ids.len() > LOOKED_FOR {
            return Ok(self.engine().pushed_members(&self.source, group).await?.into_iter().map(|member| member.id).collect());
        }
        let mut there = BTreeSet::new();
        for id in ids {
            if self.engine().pushed_member(&self.source, group, id).await?.is_some() {
                there.insert(id.clone());
            }
        }
        Ok(there)
    }
}

#[cfg(test)]
mod tests {
    use scim::{Leniency, Patch, ResourceType};
    use serde_json::json;

    use super::*;

    fn read(operations: Value) -> Option<MemberChange> {
        let body = json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations });
        let patch = Patch::parse(&ResourceType::group(), &body, &Leniency::TOLERANT).unwrap();
        simple(&patch.changes).unwrap()
    }

    fn ids(members: &[Member]) -> Vec<&str> {
        members.iter().map(|member| member.id.as_str()).collect()
    }

    #[test]
    fn what_providers_send_is_told_without_the_group() {
        let change = read(json!([
            { "op": "Add", "path": "members", "value": [{ "value": "a" }, { "value": "b", "display": "B" }] },
            { "op": "remove", "path": "members[value eq \"a\"]" },
            { "op": "Remove", "path": "members", "value": [{ "value": "c" }] },
        ]))
        .unwrap();
        assert_eq!((change.clear, ids(&change.add), change.remove), (false, vec!["b"], vec!["a".to_owned(), "c".to_owned()]));
        assert_eq!(change.add[0].body, r#"{"display":"B"}"#);
        let change = read(json!([
            { "op": "add", "path": "members", "value": [{ "value": "a" }] },
            { "op": "replace", "path": "members", "value": [{ "value": "b" }] },
        ]))
        .unwrap();
        assert_eq!((change.clear, ids(&change.add)), (true, vec!["b"]));
        assert!(read(json!([{ "op": "remove", "path": "members" }])).unwrap().clear);
        assert_eq!(read(json!([{ "op": "remove", "path": "members[type eq \"User\"]" }])), None);
        assert_eq!(read(json!([{ "op": "remove", "path": "members[value eq \"a\"].display" }])), None);
    }

    #[test]
    fn a_difference_leaves_who_is_there_alone() {
        let member = |id: &str, body: &str| Member { id: id.into(), body: body.into() };
        let change = difference(
            vec![member("a", "{}"), member("b", "{}"), member("c", "{}")],
            &[member("b", "{}"), member("c", "{\"display\":\"C\"}"), member("d", "{}")],
        );
        assert_eq!((ids(&change.add), change.remove), (vec!["c", "d"], vec!["a".to_owned(), "c".to_owned()]));
    }
}
