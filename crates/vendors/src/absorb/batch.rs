//! One call of a write, and what the vendor said about each user in it.

use connector::{Fault, Scope};
use model::Secret;
use serde_json::{Value as Json, json};

use super::convert::fold;
use super::look::{Told, Want};
use super::profile::Batch;
use super::wire::{Writer, encoded, garbled, post, put, redacted};
use super::write::Job;

/// What the vendor said about one of them.
#[derive(Clone, Debug)]
pub(super) enum Said {
    Taken,
    Refused(Fault),
    /// The call was refused as a whole; others in it may be why.
    AllRefused(Fault),
    /// Nothing that tells: the fault is what is left if the look does not tell either.
    Nothing(Fault),
    /// The call did not get there, so there is nothing to look for.
    NotSent(Fault),
}

impl Said {
    pub(super) fn told(&self) -> Told {
        match self {
            Self::Taken => Told::Taken,
            Self::Refused(_) => Told::Refused,
            Self::AllRefused(_) | Self::Nothing(_) | Self::NotSent(_) => Told::Nothing,
        }
    }
}

/// One call; for each job what the vendor said.
pub(super) async fn send(writer: Writer<'_>, jobs: &[Job<'_>]) -> Vec<Said> {
    let profile = writer.reader.profile;
    let secrets: Vec<&Secret> = jobs.iter().filter_map(|job| job.password.as_ref()).collect();
    let hidden = |text: String| redacted(text, &secrets);
    let all = |said: Said| vec![said; jobs.len()];
    let answer = match jobs {
        [job] => match &job.want {
            Want::New { .. } => post(writer, "/users", &job.item, false).await,
            Want::Id(id) => put(writer, &format!("/users/{}", encoded(id)), &job.item).await,
        },
        _ => {
            let users: Vec<&Json> = jobs.iter().map(|job| &job.item).collect();
            match profile.batch {
                Batch::Counted => post(writer, profile.batch_path, &json!({ "users": users }), true).await,
                Batch::Keyed => post(writer, profile.batch_path, &json!(users), false).await,
            }
        }
    };
    match answer {
        Ok(_) if jobs.len() == 1 => vec![Said::Taken],
        Ok(answer) => {
            let body = answer.json.unwrap_or_default();
            let said = match profile.batch {
                Batch::Counted => counted(&body, jobs.len(), &hidden),
                Batch::Keyed => keyed(&body, jobs),
            };
            said.unwrap_or_else(|wrong| all(Said::Nothing(garbled("POST", profile.batch_path, wrong))))
        }
        Err(Fault::Refused { code, .. }) if jobs.len() > 1 && matches!(code.as_str(), "404" | "405") => {
            all(Said::NotSent(Fault::Unreachable { detail: format!("the portal knows no POST {} ({code})", profile.batch_path) }))
        }
        Err(Fault::Refused { code, detail }) => all(Said::AllRefused(Fault::Refused { code, detail: hidden(detail) })),
        Err(Fault::Denied { scope: Scope::Object(what) }) => {
            all(Said::AllRefused(Fault::Denied { scope: Scope::Object(hidden(what)) }))
        }
        Err(Fault::Unknown { why }) => all(Said::Nothing(Fault::Unknown { why: hidden(why) })),
        Err(Fault::Garbled { detail }) => all(Said::Nothing(Fault::Garbled { detail: hidden(detail) })),
        Err(fault) => all(Said::NotSent(fault)),
    }
}

/// `{succeeded, failed, errors: [{index, message}]}`: for each user why it was refused, if it was.
fn counted(body: &Json, count: usize, hidden: &dyn Fn(String) -> String) -> Result<Vec<Said>, &'static str> {
    let number = |member: &str| body.get(member).and_then(Json::as_u64);
    let succeeded = number("succeeded").ok_or("succeeded is missing or no number")?;
    let failed = number("failed").ok_or("failed is missing or no number")?;
    let errors = match body.get("errors") {
        Some(Json::Array(errors)) => errors.as_slice(),
        None | Some(Json::Null) if failed == 0 => &[],
        _ => return Err("errors is missing or no list"),
    };
    let mut said = vec![Said::Taken; count];
    for error in errors {
        let index = error.get("index").and_then(Json::as_u64).and_then(|index| usize::try_from(index).ok());
        let slot = index.and_then(|index| said.get_mut(index)).ok_or("errors.index is missing or beyond what was sent")?;
        let detail = error.get("message").and_then(Json::as_str).unwrap_or("refused without a message").to_owned();
        *slot = Said::Refused(Fault::Refused { code: "422".to_owned(), detail: hidden(detail) });
    }
    let refused = said.iter().filter(|said| matches!(said, Said::Refused(_))).count() as u64;
    if refused == failed && succeeded + failed == count as u64 { Ok(said) } else { Err("succeeded and failed do not add up") }
}

/// `[{key: id, value: user name}]`: who was written, and as whom.  Whoever is not named may have been written all the same.
fn keyed(body: &Json, jobs: &[Job<'_>]) -> Result<Vec<Said>, &'static str> {
    let unnamed = || Said::Nothing(Fault::Unknown { why: "the answer to the batch does not name this account".to_owned() });
    let mut said: Vec<Said> = jobs.iter().map(|_| unnamed()).collect();
    for entry in body.as_array().ok_or("the answer is no list")? {
        let text = |member: &str| entry.get(member).and_then(Json::as_str).filter(|text| !text.is_empty());
        let (id, name) = text("key").zip(text("value")).ok_or("key or value is missing or no text")?;
        let is = |job: &Job<'_>| job.item.get("username").and_then(Json::as_str).is_some_and(|sent| fold(sent) == fold(name));
        let at = jobs.iter().position(is).ok_or("it names a user who was not sent")?;
        said[at] = match &jobs[at].want {
            Want::Id(wanted) if !wanted.eq_ignore_ascii_case(id) => {
                return Err("a user was written as another account than the one that was looked at");
            }
            _ => Said::Taken,
        };
    }
    Ok(said)
}
