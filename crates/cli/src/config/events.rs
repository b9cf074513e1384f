//! `[app.X.webhook]` and `[schedule.NAME]`: what may happen elsewhere, and when by itself.

use engine::Schedule;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::connection::Credential;
use super::section::Section;
use super::sources::is_name;
use super::{Context, problem};

/// How far from now an event may have happened, in seconds, when the file says nothing.
const WINDOW: i64 = 300;
/// The widest that it may be: what a replay could still do, the store has to remember.
const WIDEST: i64 = 86_400;

/// How an app tells of events.
#[derive(Clone, Debug)]
pub(crate) struct Webhook {
    /// Where the secret is that it signs with.
    pub(crate) secret: Credential,
    /// The header with the signature, where it is not the connector's own.
    pub(crate) header: Option<String>,
    /// How far from now an event may have happened, in seconds.
    pub(crate) window: i64,
}

/// `[app.X.webhook]`.
pub(super) fn webhook(context: &Context<'_>, mut section: Section<'_>) -> Option<Webhook> {
    let source = section.source();
    let secret = section.take("secret").and_then(|value| Credential::read("secret", value, source, context.dir));
    if !section.had("secret") {
        section.missing("secret", "what the app signs its events with: secret = { env = \"NAME\" } or { file = \"PATH\" }");
    }
    let header = section.text("header").and_then(|text| {
        let fine = !text.text.is_empty() && text.text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        if !fine {
            let next = "write it as the app sends it: header = \"X-Absorb-Signature\"";
            context.problems.add(format!("`header` is no name of a header: \"{}\"", text.text), &text.span, "here", next);
        }
        fine.then_some(text.text)
    });
    let window = section.duration("window").unwrap_or(WINDOW);
    if !(1..=WIDEST).contains(&window) {
        let next = "write how far from now an event may have happened, up to a day: window = \"5m\"";
        context.problems.add("`window` is no time in which an event can come", &section.span, "in this block", next);
    }
    section.end();
    Some(Webhook { secret: secret?, header, window })
}

/// All `[schedule.NAME]`; `zone` is the organization's, for those that name none.
pub(super) fn schedules(context: &Context<'_>, section: Option<Section<'_>>, zone: Option<&str>) -> Vec<Schedule> {
    let Some(mut all) = section else { return Vec::new() };
    let mut schedules = Vec::new();
    for (name, value) in all.rest() {
        let Some(section) = all.below(&name.text, value) else { continue };
        if is_name(context, &name) {
            schedules.extend(schedule(context, &name.text, section, zone));
        }
    }
    schedules
}

fn schedule(context: &Context<'_>, name: &str, mut section: Section<'_>, zone: Option<&str>) -> Option<Schedule> {
    let cron =
        section.required("cron", "when everybody is planned for: minute, hour, day, month, day of the week: cron = \"30 5 * * *\"");
    let own = section.text("time_zone");
    section.end();
    let zone = match &own {
        Some(own) => {
            let found = TimeZone::get(&own.text).ok();
            if found.is_none() {
                let all: Vec<String> = jiff::tz::db().available().map(|name| name.to_string()).collect();
                let next = match problem::nearest(&own.text, all.iter().map(String::as_str)) {
                    Some(near) => format!("did you mean \"{near}\"?"),
                    None => "use an IANA name such as \"America/Chicago\" or \"Europe/Berlin\"".to_owned(),
                };
                context.problems.add(format!("there is no time zone \"{}\"", own.text), &own.span, "not known", next);
            }
            found
        }
        // Where the organization's is wrong, that is told there.
        None => zone.and_then(|zone| TimeZone::get(zone).ok()),
    };
    let cron = cron?;
    match Schedule::new(name, &cron.text, zone?, Timestamp::UNIX_EPOCH) {
        Ok(schedule) => Some(schedule),
        Err(why) => {
            let next = "write five fields: minute, hour, day, month, day of the week: cron = \"30 5 * * MON-FRI\"";
            context.problems.add(format!("`cron` is not understood: {why}"), &cron.span, "here", next);
            None
        }
    }
}
