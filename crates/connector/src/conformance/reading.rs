//! What reading must do.

use std::collections::BTreeSet;

use model::{Account, Compare, Kind};

use super::{Bench, Checked, Rig, ensure};
use crate::{Body, Fault, Record, Scope};

/// As many people as make the last page full: the accounts that a sandbox has by itself are counted by looking.
async fn people_for(rig: &dyn Rig, accounts: usize) -> Result<usize, String> {
    let alone = Bench::open(rig, 0, false).await?.hand.accounts().len();
    accounts.checked_sub(alone).ok_or_else(|| format!("an empty sandbox has {alone} accounts already"))
}

fn ids(records: &[Record]) -> BTreeSet<&str> {
    records.iter().map(|record| record.id.as_str()).collect()
}

fn accounts(records: &[Record]) -> impl Iterator<Item = &Account> {
    records.iter().filter_map(|record| if let Body::Account(account) = &record.body { Some(account) } else { None })
}

async fn reads_all(bench: &Bench) -> Checked {
    let records = bench.everything(Kind::Accounts).await?;
    let there = bench.hand.accounts();
    let there: BTreeSet<&str> = there.iter().map(String::as_str).collect();
    ensure!(records.len() == ids(&records).len(), "some account came twice, and nothing was changed while reading");
    ensure!(ids(&records) == there, "read {} accounts of {}", ids(&records).len(), there.len());
    ensure!(accounts(&records).count() == records.len(), "a record of another kind is among the accounts");
    ensure!(
        records.iter().all(|record| matches!(&record.body, Body::Account(account) if account.id.as_str() == record.id)),
        "the id of a record is not that of its account"
    );
    ensure!(records.iter().all(|record| record.raw.is_object()), "a record lacks what the vendor sent");
    Ok(())
}

pub(super) async fn every_account_is_read_exactly_once(rig: &dyn Rig) -> Checked {
    let bench = Bench::open(rig, 0, false).await?;
    let page = bench.target.manifest().page(bench.read.profile());
    let bench = Bench::open(rig, page * 2 + page / 2, false).await?;
    reads_all(&bench).await?;
    let first = bench.target.read(&bench.read, Kind::Accounts, None).await.map_err(|fault| fault.to_string())?;
    let there = bench.hand.accounts().len();
    ensure!(first.total.is_none_or(|total| total as usize == there), "the total is {:?}, and there are {there}", first.total);
    let active = accounts(&first.records).filter(|account| account.active).count();
    ensure!(active > 0, "no account on the first page is active");
    Ok(())
}

pub(super) async fn a_full_last_page_is_followed_by_its_end(rig: &dyn Rig) -> Checked {
    let bench = Bench::open(rig, 0, false).await?;
    let page = bench.target.manifest().page(bench.read.profile());
    for accounts in [page, page + 1] {
        let people = people_for(rig, accounts).await?;
        let bench = Bench::open(rig, people, false).await?;
        ensure!(bench.hand.accounts().len() == accounts, "the rig made {} accounts for {people} people", bench.hand.accounts().len());
        reads_all(&bench).await.map_err(|why| format!("{accounts} accounts: {why}"))?;
    }
    Ok(())
}

pub(super) async fn every_kind_of_the_manifest_is_read_and_no_other(rig: &dyn Rig) -> Checked {
    let bench = Bench::open(rig, 20, false).await?;
    for kind in [Kind::Accounts, Kind::Groups, Kind::Departments, Kind::Content] {
        if bench.reads(kind) {
            let records = bench.everything(kind).await?;
            ensure!(!records.is_empty(), "{kind:?}: nothing was read");
            ensure!(ids(&records).len() == records.len(), "{kind:?}: a record came twice");
        } else {
            let fault = bench.target.read(&bench.read, kind, None).await.err();
            ensure!(
                matches!(fault, Some(Fault::Unsupported { .. })),
                "{kind:?} is not in the manifest, and reading it gives {fault:?}"
            );
        }
    }
    Ok(())
}

pub(super) async fn accounts_are_found_by_every_key(rig: &dyn Rig) -> Checked {
    let bench = Bench::open(rig, 120, false).await?;
    let someone = bench.someone(40).await?;
    let manifest = bench.target.manifest();
    ensure!(bench.account(someone.id.as_str()).await? == someone, "the account found by its id differs from one look to the next");
    for name in bench.telling() {
        let value = someone.attributes.get(name).and_then(model::Value::as_text);
        let value = value.ok_or_else(|| format!("the people of the sandbox have no {name}"))?;
        let mut spellings = vec![value.to_owned()];
        if manifest.attribute(name).is_some_and(|attribute| attribute.compare == Compare::Folded) {
            spellings.push(value.to_uppercase());
        }
        for spelling in spellings {
            let found = bench.find(Kind::Accounts, name, &spelling).await?;
            let ids: Vec<&str> = found.iter().map(|record| record.id.as_str()).collect();
            ensure!(ids == [someone.id.as_str()], "{name} = {spelling} finds {ids:?}, not {}", someone.id);
        }
    }
    Ok(())
}

pub(super) async fn groups_are_found_with_their_members(rig: &dyn Rig) -> Checked {
    let bench = Bench::open(rig, 12, false).await?;
    let Some(group) = bench.hand.make_group("Conformance Group").filter(|_| bench.reads(Kind::Groups)) else { return Ok(()) };
    let (one, other) = (bench.someone(1).await?, bench.someone(3).await?);
    bench.hand.put_into(one.id.as_str(), &group);
    bench.hand.put_into(other.id.as_str(), &group);
    let found = bench.find(Kind::Groups, "id", &group).await?;
    let [Record { body: Body::Group(found), .. }] = found.as_slice() else {
        return Err(format!("group {group} is found as {found:?}"));
    };
    ensure!(found.name == "Conformance Group" && found.writable, "the group is {found:?}");
    ensure!(found.members == [one.id, other.id], "the members are {:?}", found.members);
    Ok(())
}

pub(super) async fn nobody_is_found_by_an_unknown_key(rig: &dyn Rig) -> Checked {
    let bench = Bench::open(rig, 8, false).await?;
    let nobody = bench.hand.nobody();
    // An e-mail address and a traversal are no ids either; neither may reach a path.
    for id in [nobody.as_str(), "jane.doe@acme.example", "../groups", ""] {
        let found = bench.find(Kind::Accounts, "id", id).await?;
        ensure!(found.is_empty(), "id `{id}` finds {found:?}");
    }
    if let Some(attribute) = bench.target.manifest().key_attribute {
        let found = bench.find(Kind::Accounts, attribute, "nobody-has-this").await?;
        ensure!(found.is_empty(), "{attribute} `nobody-has-this` finds {found:?}");
    }
    Ok(())
}

pub(super) async fn wrong_credentials_are_told(rig: &dyn Rig) -> Checked {
    let bench = Bench::open(rig, 3, false).await?;
    ensure!(!bench.wrong.is_empty(), "the rig gave no connector with wrong credentials");
    for (which, target) in &bench.wrong {
        let refused = match target.log_in(&bench.wire, None).await {
            Err(fault) => fault,
            Ok(session) => match target.probe(&crate::Read::new(bench.wire.clone(), session)).await {
                Err(fault) => fault,
                Ok(tenant) => return Err(format!("with a wrong {which} the probe found {tenant:?}")),
            },
        };
        match refused {
            Fault::Denied { scope: Scope::Credentials(text) } => {
                ensure!(text.len() > 20, "a wrong {which} is told as no more than `{text}`");
            }
            other => return Err(format!("a wrong {which} is told as {other:?}")),
        }
    }
    Ok(())
}

pub(super) async fn the_probe_tells_who_it_is(rig: &dyn Rig) -> Checked {
    let bench = Bench::open(rig, 3, false).await?;
    let before = bench.hand.writes();
    let tenant = bench.target.probe(&bench.read).await.map_err(|fault| fault.to_string())?;
    ensure!(!tenant.profile.is_empty() && tenant.profile != "auto", "the profile is `{}`", tenant.profile);
    ensure!(tenant.sees_all != Some(false), "the rig's log-in sees everybody, and the probe says that it does not");
    ensure!(bench.hand.writes() == before, "probing changed something");
    Ok(())
}
