//! `CreateDepartment`: below the portal's root, unless one of that name is there.

use connector::{Done, Fault, Outcome};
use jiff::{SignedDuration, Timestamp};
use model::{AccountId, Kind, Receipt, Step};
use serde_json::{Value as Json, json};
use tokio::sync::Mutex;

use super::Absorb;
use super::convert::fold;
use super::read::walk;
use super::wire::{Reader, Writer, post};
use crate::sabotage::{Off, is_off};

/// A look this young need not be repeated before the next department.
const FRESH: SignedDuration = SignedDuration::from_secs(2);

/// The list of departments as it was looked at last, with those that were made since: one look serves several.
#[derive(Default)]
pub(super) struct Seen(Mutex<Option<(Timestamp, Vec<Json>)>>);

/// Makes one department.  The vendor would make two of the same name, so the list is looked at first; an unknown outcome is settled
/// by the list too.
pub(super) async fn create(absorb: &Absorb, writer: Writer<'_>, step: &Step) -> Outcome {
    let refused = |detail: String| Err(Fault::Refused { code: "department".to_owned(), detail });
    let Some(name) = step.set.get("name").and_then(|change| change.after.as_text()) else {
        return refused("a department needs a name".to_owned());
    };
    let mut seen = absorb.departments_seen.0.lock().await;
    let now = writer.reader.now();
    let (at, mut listed) = match seen.take() {
        Some((at, listed)) if now.duration_since(at).abs() <= FRESH => (at, listed),
        _ => (now, walk(absorb, writer.reader, Kind::Departments).await?),
    };
    match named(&listed, name).as_slice() {
        _ if is_off(Off::LookBefore) => {}
        [] => {}
        [found] => {
            let receipt = receipt(Some(found), found);
            *seen = Some((at, listed));
            return Ok(Done { already: true, receipt });
        }
        several => return refused(format!("there are {} departments called {name} already", several.len())),
    }
    let roots: Vec<&str> =
        listed.iter().filter(|one| one.get("parentId").is_none_or(Json::is_null)).filter_map(|one| one.get("id")?.as_str()).collect();
    let [root] = roots.as_slice() else {
        return refused(format!(
            "the portal shows {} departments without one above them, so there is no telling the root",
            roots.len()
        ));
    };
    let written = post(writer, "/departments", &json!({ "name": name, "parentId": root }), false).await;
    let unknown = match written {
        Ok(answer) => {
            let made = answer.json.filter(|made| named(std::slice::from_ref(made), name).len() == 1);
            // The answer is the department as it is now; any other is followed by a look.
            if let Some(made) = made.filter(|made| made.get("id").is_some_and(Json::is_string)) {
                let receipt = receipt(None, &made);
                listed.push(made);
                *seen = Some((at, listed));
                return Ok(Done { already: false, receipt });
            }
            None
        }
        Err(Fault::Unknown { why }) => Some(why),
        Err(fault @ Fault::Garbled { .. }) => Some(fault.to_string()),
        Err(fault) => return Err(fault),
    };
    if is_off(Off::LookAfter) {
        return Ok(Done { already: false, receipt: Receipt::default() });
    }
    let at = writer.reader.now();
    let (listed, found) = look(absorb, writer.reader, name, unknown.is_none()).await?;
    *seen = Some((at, listed));
    match found {
        Some(found) => Ok(Done { already: false, receipt: receipt(None, &found) }),
        None => Err(Fault::Unknown { why: unknown.unwrap_or_else(|| format!("{name} was taken and is not to be seen")) }),
    }
}

async fn look(absorb: &Absorb, reader: Reader<'_>, name: &str, taken: bool) -> Result<(Vec<Json>, Option<Json>), Fault> {
    let listed = walk(absorb, reader, Kind::Departments).await.map_err(|fault| match fault {
        fault @ Fault::Garbled { .. } => fault,
        fault if taken => Fault::Unknown { why: format!("written, and the look afterwards failed: {fault}") },
        fault => Fault::Unknown { why: format!("the outcome is unknown, and so is what is there: {fault}") },
    })?;
    let found = named(&listed, name).first().map(|found| (*found).clone());
    Ok((listed, found))
}

fn named<'a>(listed: &'a [Json], name: &str) -> Vec<&'a Json> {
    let is = |one: &&Json| one.get("name").and_then(Json::as_str).is_some_and(|found| fold(found) == fold(name));
    listed.iter().filter(is).collect()
}

fn receipt(before: Option<&Json>, after: &Json) -> Receipt {
    let account = after.get("id").and_then(Json::as_str).map(AccountId::new);
    Receipt { account, before: before.cloned(), after: Some(after.clone()) }
}
