//! `Enrol`: one person in one course.

use connector::{Body, Done, Fault, Outcome, Record, Scope};
use model::{AccountId, EnrolmentState, Receipt, Step};
use serde_json::{Value as Json, json};

use super::convert::is_uuid;
use super::profile::Profile;
use super::read::enrolments;
use super::wire::{Writer, post};
use crate::sabotage::{Off, is_off};

/// Enrols, unless the look shows that the person is, by a rule of the department perhaps (A19), or has completed the course.  Where
/// only history is there, the vendor wants to be told that it starts again.
pub(super) async fn enrol(writer: Writer<'_>, step: &Step) -> Outcome {
    let (Some(account), Some(course)) = (step.account.as_ref().and_then(|account| account.id()), step.content.as_deref()) else {
        let detail = "an enrolment needs an account and a course that are known".to_owned();
        return Err(Fault::Refused { code: "unresolved".to_owned(), detail });
    };
    let before = of_course(writer, account, course).await?;
    if let Some(found) = standing(&before).filter(|_| !is_off(Off::LookBefore)) {
        return Ok(Done { already: true, receipt: receipt(account, &before, &found.raw) });
    }
    let (path, body) = call(writer.reader.profile, account, course, !before.is_empty())?;
    let unsaid = match post(writer, &path, &body, false).await {
        // The id of the new enrolment shows that it is there; any other answer is followed by a look.
        Ok(answer) => match answer.json.filter(|json| json.get("enrollmentId").is_some_and(Json::is_string)) {
            Some(made) => return Ok(Done { already: false, receipt: receipt(account, &before, &made) }),
            None => None,
        },
        // 409: somebody, or a rule, was faster.  The look tells.
        Err(fault @ Fault::Refused { .. }) if matches!(&fault, Fault::Refused { code, .. } if code == "409") => Some(fault),
        Err(fault @ Fault::Refused { .. }) => return gone(writer, account, fault).await,
        Err(Fault::Garbled { detail }) => Some(Fault::Garbled { detail }),
        Err(Fault::Unknown { why }) => Some(Fault::Unknown { why }),
        Err(fault) => return Err(fault),
    };
    if is_off(Off::LookAfter) && !matches!(unsaid, Some(Fault::Refused { .. })) {
        return Ok(Done { already: false, receipt: receipt(account, &before, &Json::Null) });
    }
    let after = of_course(writer, account, course).await.map_err(|fault| match fault {
        fault @ Fault::Garbled { .. } => fault,
        fault => Fault::Unknown { why: format!("written, and the look afterwards failed: {fault}") },
    })?;
    match (standing(&after), unsaid) {
        (Some(found), unsaid) => {
            let already = matches!(unsaid, Some(Fault::Refused { .. }));
            Ok(Done { already, receipt: receipt(account, &before, &found.raw) })
        }
        (None, Some(fault)) => Err(fault),
        (None, None) => Err(Fault::Unknown { why: "the enrolment was taken and is not to be seen".to_owned() }),
    }
}

/// Where and what to post; `again` where there is history.
fn call(profile: &Profile, account: &str, course: &str, again: bool) -> Result<(String, Json), Fault> {
    if profile.enrols_by_path {
        // The look has shown that the account's id is one; nothing but an id may get into a path.
        if !is_uuid(course) {
            return Err(Fault::Refused { code: "course".to_owned(), detail: format!("`{course}` is no id of a course") });
        }
        let again = if again { "?reEnroll=true" } else { "" };
        return Ok((format!("/users/{account}/enrollments/{course}{again}"), json!({})));
    }
    let mut body = json!({ "userId": account, "courseId": course });
    if again {
        body["reEnroll"] = json!(true);
    }
    Ok(("/enrollments".to_owned(), body))
}

/// A 404 may be the person's, who cannot be seen any more, or the path's.
async fn gone(writer: Writer<'_>, account: &str, fault: Fault) -> Outcome {
    match &fault {
        Fault::Refused { code, .. } if code == "404" && enrolments(writer.reader, account).await?.is_none() => Err(unseen(account)),
        _ => Err(fault),
    }
}

fn unseen(account: &str) -> Fault {
    Fault::Denied { scope: Scope::Object(format!("account {account} is not there, or not visible to this log-in")) }
}

async fn of_course(writer: Writer<'_>, account: &str, course: &str) -> Result<Vec<Record>, Fault> {
    let all = enrolments(writer.reader, account).await?.ok_or_else(|| unseen(account))?;
    let is = |record: &Record| matches!(&record.body, Body::Enrolment(one) if one.content.eq_ignore_ascii_case(course));
    Ok(all.into_iter().filter(is).collect())
}

/// The record that makes enrolling needless.
fn standing(records: &[Record]) -> Option<&Record> {
    records.iter().find(|record| matches!(&record.body, Body::Enrolment(one) if one.state != EnrolmentState::Ended))
}

fn receipt(account: &str, before: &[Record], after: &Json) -> Receipt {
    let before: Vec<Json> = before.iter().map(|record| record.raw.clone()).collect();
    Receipt { account: Some(AccountId::new(account)), before: Some(Json::Array(before)), after: Some(after.clone()) }
}
