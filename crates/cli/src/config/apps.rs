//! `[app.X]`: where an app is, who should have an account there, and what is ours in it.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;
use std::time::Duration;

use engine::QuarantineRule;
use model::{Adopt, AppName, AppPolicy, EnrolRule, GroupPolicy, Lower, MatchRule, On, SetRule, SourceRole};
use toml::Spanned;
use toml::de::DeValue;
use vendors::registry::{Entry, Settings, entries, entry};

use super::connection::{Address, AppConnection, Credential, rate};
use super::section::{Section, Text, text_of, wrong_type};
use super::sources::{Sources, is_name, unknown_source};
use super::{Context, problem};
use crate::sandboxes::stand_ins;

/// How old a reading may be, in seconds, for what rests on absence, when the file says nothing.
const MAX_AGE: i64 = 86_400;
/// After how long accounts are read as a whole again, when nothing is configured.
const FULL_EVERY: i64 = 86_400;
/// For how long a write whose outcome is unknown is looked for, where configuration does not say.
const SETTLE: Duration = Duration::from_secs(30);
/// The longest that it may say: a lease has to outlive it.
const LONGEST_SETTLE: i64 = 600;

pub(super) type Apps = BTreeMap<AppName, (AppPolicy, AppConnection, QuarantineRule)>;

/// All apps; `quarantine` is what holds for every one that does not say otherwise.
pub(super) fn read(
    context: &Context<'_>,
    quarantine: &QuarantineRule,
    section: Option<Section<'_>>,
    sources: &Sources,
    top: &Section<'_>,
) -> Apps {
    let mut apps = Apps::new();
    let Some(mut all) = section else {
        top.missing("[app.NAME]", "say which app to keep true: [app.lessonly] with connector = \"lessonly\"");
        return apps;
    };
    for (name, value) in all.rest() {
        let Some(section) = all.below(&name.text, value) else { continue };
        if !is_name(context, &name) {
            continue;
        }
        if let Some(app) = app(context, quarantine, section, sources) {
            apps.insert(name.text.into(), app);
        }
    }
    apps
}

fn app(
    context: &Context<'_>,
    quarantine: &QuarantineRule,
    mut section: Section<'_>,
    sources: &Sources,
) -> Option<(AppPolicy, AppConnection, QuarantineRule)> {
    let connector = section.required("connector", "which kind of app it is, e.g. \"lessonly\"")?;
    let Some(entry) = entry(&connector.text) else {
        let known: Vec<&str> = entries().iter().map(|entry| entry.name).collect();
        let next = match problem::nearest(&connector.text, known.iter().copied()) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => format!("there are: {}", known.join(", ")),
        };
        context.problems.add(format!("there is no connector \"{}\"", connector.text), &connector.span, "not known", next);
        return None;
    };
    let accounts = accounts(&mut section, entry);
    let set = section.section("set").map(set).unwrap_or_default();
    let groups = section.section("groups").map(groups);
    let create_departments = section.section("departments").is_some_and(|mut departments| {
        let create = departments.bool("create").unwrap_or(false);
        departments.end();
        create
    });
    let enrol = section.sections("enrol").into_iter().map(enrolment).collect::<Vec<_>>();
    let scope_all = section.word("scope", &[("all", true), ("auto", false)]).unwrap_or(false);
    let declared: BTreeSet<String> = section.texts("declared_fields").unwrap_or_default().into_iter().map(|text| text.text).collect();
    let max_age = section.duration("max_reading_age").unwrap_or(MAX_AGE);
    let also_provisioned_by = also(context, section.text("also_provisioned_by"), sources);
    let protect = accounts.as_ref().map(|accounts| accounts.protect.clone()).unwrap_or_default();
    let quarantine = super::behaviour::quarantine(section.section("quarantine"), quarantine);
    let connection = connection(context, &mut section, entry, scope_all, &declared, protect);
    section.end();
    let accounts = accounts?;
    let policy = AppPolicy {
        connector: connector.text,
        who: accounts.who?,
        matching: accounts.matching,
        adopt: accounts.adopt,
        leave: accounts.leave?,
        before_start: accounts.before_start,
        protect: accounts.protect,
        set,
        groups,
        create_departments,
        enrol: enrol.into_iter().collect::<Option<_>>()?,
        scope_all,
        declared,
        also_provisioned_by,
        max_age,
    };
    Some((policy, connection?, quarantine))
}

struct Accounts {
    who: Option<model::Expr>,
    matching: Vec<MatchRule>,
    adopt: Adopt,
    leave: Option<bool>,
    before_start: i64,
    protect: BTreeSet<String>,
}

fn accounts(app: &mut Section<'_>, entry: &Entry) -> Option<Accounts> {
    let Some(mut section) = app.section("accounts") else {
        if !app.had("accounts") {
            let below = app.name.trim_end_matches(']').to_owned();
            app.missing("accounts", &format!("say who should have an account: {below}.accounts] with who, match and leave"));
        }
        return None;
    };
    let who = section.required("who", "for whom there is an account: who = 'person.active'").map(Text::expr);
    let rules = section.texts("match");
    if rules.as_ref().map_or(!section.had("match"), Vec::is_empty) {
        section.missing("match", "how accounts are found for people: match = [\"email == person.email\"]");
    }
    let matching = rules.iter().flatten().filter_map(|rule| match_rule(&section, rule)).collect();
    let adopt = [("approve", Adopt::Approve), ("link", Adopt::Link), ("never", Adopt::Never)];
    let adopt = section.word("adopt", &adopt).unwrap_or(Adopt::Approve);
    let leave = section.word("leave", &[(entry.manifest.leave.0, true), ("keep", false)]);
    if leave.is_none() && !section.had("leave") {
        section.missing("leave", &format!("what a leaver gets: leave = \"{}\", or \"keep\"", entry.manifest.leave.0));
    }
    let before_start = section.duration("before_start").unwrap_or(0);
    let protect = section.texts("protect").unwrap_or_default().into_iter().map(|text| text.text).collect();
    section.end();
    Some(Accounts { who, matching, adopt, leave, before_start, protect })
}

/// `"attribute == expression"`.
fn match_rule(section: &Section<'_>, rule: &Text) -> Option<MatchRule> {
    let split = rule.text.find("==").map(|at| (rule.text[..at].trim(), at + 2));
    match split {
        Some((attribute, from)) if !attribute.is_empty() && !attribute.contains(' ') && !rule.text[from..].trim().is_empty() => {
            let side = &rule.text[from..];
            let from = from + side.len() - side.trim_start().len();
            // Inside quotes with escapes the place of the part cannot be told; the whole rule's is shown then.
            let exact = rule.span.len() == rule.text.len();
            let span = if exact { rule.span.start + from..rule.span.start + from + side.trim().len() } else { rule.span.clone() };
            let expr = model::Expr { text: side.trim().to_owned(), span };
            Some(MatchRule { attribute: attribute.to_owned(), expr })
        }
        _ => {
            let next =
                "write \"ATTRIBUTE == EXPRESSION\": the app's attribute left, the person's side right, e.g. \"email == person.email\"";
            section.problems().add("this rule does not say what is compared with what", &rule.span, "not understood", next);
            None
        }
    }
}

fn set(mut section: Section<'_>) -> BTreeMap<String, SetRule> {
    let source = section.source();
    let mut rules = BTreeMap::new();
    for (attribute, value) in section.rest() {
        let rule = match value.get_ref() {
            DeValue::Table(_) => section.below(&attribute.text, value).and_then(|mut rule| {
                let expr = rule.required("value", "the expression that gives the value");
                let on = rule.word("on", &[("always", On::Always), ("create", On::Create)]).unwrap_or(On::Always);
                let lower = rule.word("lower", &[("free", Lower::Free), ("approve", Lower::Approve)]).unwrap_or(Lower::Free);
                rule.end();
                Some(SetRule { value: expr?.expr(), on, lower })
            }),
            _ => match text_of(source, value) {
                Some(text) => Some(SetRule { value: text.expr(), on: On::Always, lower: Lower::Free }),
                None => {
                    let wanted = "an expression in quotes, or { value = '…', on = \"create\" }";
                    wrong_type(source.problems, &format!("`{}`", attribute.text), value, wanted);
                    None
                }
            },
        };
        if let Some(rule) = rule {
            rules.insert(attribute.text, rule);
        }
    }
    rules
}

/// `[app.X.groups]`.
fn groups(mut section: Section<'_>) -> GroupPolicy {
    let managed: Vec<String> = section.texts("managed").unwrap_or_default().into_iter().map(|text| text.text).collect();
    if managed.is_empty() && !section.had("managed") {
        section.missing("managed", "only the groups listed there are ever added or removed: managed = [\"Sales\"]");
    }
    let member = section.texts("member").unwrap_or_default().into_iter().map(Text::expr).collect();
    if !section.had("member") {
        section.missing("member", "expressions that give a group's name: member = ['person.department']");
    }
    let create = section.bool("create").unwrap_or(false);
    section.end();
    GroupPolicy { managed, member, create }
}

/// One `[[app.X.enrol]]`.
fn enrolment(mut section: Section<'_>) -> Option<EnrolRule> {
    let named: Vec<Text> = ["course", "lesson", "path"].into_iter().filter_map(|key| section.text(key)).collect();
    let had = ["course", "lesson", "path"].into_iter().filter(|key| section.had(key)).count();
    let when = section.required("when", "for whom: when = 'person.tenure_days < 90'; 'true' is everybody");
    if had != 1 {
        let next = "name one thing to learn: course = \"…\", lesson = \"…\" or path = \"…\"";
        section.problems().add(format!("{} names {had} things to learn", section.name), &section.span, "here", next);
    }
    section.end();
    let content = named.into_iter().next().filter(|_| had == 1)?;
    Some(EnrolRule { content: content.text, span: content.span, when: when?.expr() })
}

fn also(context: &Context<'_>, name: Option<Text>, sources: &Sources) -> Option<model::SourceName> {
    let name = name?;
    match sources.get(name.text.as_str()) {
        Some((policy, _)) if policy.role == SourceRole::Idp => Some(name.text.into()),
        Some(_) => {
            let next = format!("give [source.{}] role = \"idp\", or name the source that has it", name.text);
            context.problems.add(format!("source \"{}\" is not an identity provider", name.text), &name.span, "here", next);
            None
        }
        None => {
            unknown_source(context.problems, &name, sources.keys().map(model::SourceName::as_str));
            None
        }
    }
}

/// An option of a sandbox that we start.
fn sandboxed<T: FromStr<Err = String>>(context: &Context<'_>, section: &mut Section<'_>, name: &'static str) -> Option<T> {
    let text = section.text(name)?;
    let read = text.text.parse();
    if let Err(why) = &read {
        context.problems.add(format!("`{name}` is not understood"), &text.span, "here", why);
    }
    read.ok()
}

/// For how long a write whose outcome is unknown is looked for.
fn settle(context: &Context<'_>, section: &mut Section<'_>) -> Option<Duration> {
    let seconds = section.duration("settle")?;
    if seconds > LONGEST_SETTLE {
        let next = "write at most 10m: a run stands still for as long after each answer that did not come";
        context.problems.add("`settle` is too long", &section.span, "in this block", next);
        return None;
    }
    u64::try_from(seconds).ok().map(Duration::from_secs)
}

/// Where it is, and what one logs in with.
pub(super) fn connection(
    context: &Context<'_>,
    section: &mut Section<'_>,
    entry: &'static Entry,
    scope_all: bool,
    declared: &BTreeSet<String>,
    protect: BTreeSet<String>,
) -> Option<AppConnection> {
    let url = section.required("base_url", "the app's address, or \"sandbox:FOLDER\" for a local stand-in");
    let profiles: Vec<(&'static str, &'static str)> = ["auto"].iter().chain(entry.profiles).map(|name| (*name, *name)).collect();
    let profile = section.word("profile", &profiles);
    let profile_value = profile.unwrap_or("auto").to_owned();
    let limit = section.section("rate").and_then(rate);
    let full_every = section.duration("full_every").unwrap_or(FULL_EVERY);
    let settle = settle(context, section).unwrap_or(SETTLE);
    let sandbox_limit = sandboxed(context, section, "sandbox_limit");
    let stand_ins: Vec<(&str, &'static str)> = stand_ins(entry.name).iter().map(|vendor| (*vendor, *vendor)).collect();
    // There is something to say only where there is a choice.
    let sandbox_vendor = if stand_ins.len() > 1 { section.word("sandbox_vendor", &stand_ins) } else { None };
    let faults = sandboxed(context, section, "faults");
    let webhook = section.section("webhook").and_then(|section| super::events::webhook(context, section));
    let source = section.source();
    let mut credentials = BTreeMap::new();
    for (name, _) in entry.credentials {
        let value: Option<&Spanned<DeValue<'_>>> = section.take(name);
        if let Some(credential) = value.and_then(|value| Credential::read(name, value, source, context.dir)) {
            credentials.insert(*name, credential);
        }
    }
    let mut options = BTreeMap::new();
    for (name, _) in entry.options {
        if let Some(text) = section.text(name) {
            options.insert(*name, text.text);
        }
    }
    let given: Vec<&str> = entry.credentials.iter().map(|(name, _)| *name).filter(|name| section.had(name)).collect();
    let way = match entry.way(&given) {
        Ok(way) => way,
        Err(error) => {
            let what = format!("`{}` {}", error.setting, error.wrong);
            context.problems.add(what, &section.span, "in this block", error.next);
            return None;
        }
    };
    let url = url?;
    let mut connection = AppConnection {
        entry,
        address: Address::Url(url.text.clone()),
        profile: profile_value,
        credentials,
        way,
        options,
        limit,
        declared: declared.clone(),
        scope_all,
        protect,
        full_every,
        settle,
        sandbox_limit: sandbox_limit.unwrap_or_default(),
        sandbox_vendor,
        faults: faults.unwrap_or_default(),
        webhook,
    };
    if let Some(dir) = url.text.strip_prefix("sandbox:") {
        if dir.trim().is_empty() {
            context.problems.add("the sandbox has no folder", &url.span, "here", "name one: base_url = \"sandbox:./lessonly\"");
            return None;
        }
        connection.address = Address::Sandbox(context.dir.join(dir));
        return Some(connection);
    }
    if section.had("sandbox_vendor") {
        let next = "leave it out, or set base_url = \"sandbox:FOLDER\": it says whose stand-in is started there";
        context.problems.add("`sandbox_vendor` is for a sandbox only", &url.span, "this is none", next);
    }
    if section.had("faults") {
        let next = "leave it out, or set base_url = \"sandbox:FOLDER\": only a local stand-in fails on purpose";
        context.problems.add("`faults` are for a sandbox only", &url.span, "this is none", next);
    }
    for (name, what) in entry.credentials.iter().filter(|(name, _)| way.contains(name)) {
        if !section.had(name) {
            section.missing(name, &format!("set it to {what}: {name} = {{ env = \"NAME\" }} or {name} = {{ file = \"PATH\" }}"));
        }
    }
    let settings: Settings = connection.settings(url.text.clone(), BTreeMap::new());
    match (entry.complete_url)(&settings) {
        Ok(complete) => {
            connection.address = Address::Url(complete);
            Some(connection)
        }
        Err(error) => {
            context.problems.add(format!("`{}` {}", error.setting, error.wrong), &url.span, "here", error.next);
            None
        }
    }
}
