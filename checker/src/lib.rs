//! The checker: judges from outside what Provost did.  It shares no code with the engine and reads only what anyone can
//! read: ledgers, access logs, plans, configuration and roster.  `docs/checker.md` says what each rule means.

pub mod args;
pub mod expect;
pub mod formula;
pub mod idp;
pub mod inputs;
pub mod policy;
pub mod replay;
pub mod report;
pub mod reverts;
pub mod rules;
pub mod scim;
pub mod state;
pub mod traffic;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use args::{AppFiles, Args};
use expect::{Person, Standing, desire};
use inputs::{BaseObject, Decision, Effect, PlanFile, Request};
use policy::Config;
use replay::World;
use report::Report;
use rules::Case;
use traffic::Asked;

/// Reads everything the command line names and judges it.
///
/// # Errors
/// A file cannot be read or understood; the message names it.
pub fn judge(args: &Args) -> Result<Report, String> {
    let config = Config::read(&inputs::text_of(&args.config)?).map_err(|error| format!("{}: {error}", args.config.display()))?;
    let mut people =
        expect::people(&inputs::text_of(&args.roster)?, &config).map_err(|error| format!("{}: {error}", args.roster.display()))?;
    let folder = args.config.parent().unwrap_or(std::path::Path::new("."));
    for (name, provider) in &config.providers {
        let list = provider.path.as_ref().map(|path| inputs::text_of(&folder.join(path))).transpose()?;
        provider.speak(list.as_deref(), &mut people).map_err(|error| format!("source {name}: {error}"))?;
    }
    let as_of = instant(&args.as_of, &config)?;
    let mut earlier = Vec::new();
    for (time, file) in &args.earlier {
        let people = expect::people(&inputs::text_of(file)?, &config).map_err(|error| format!("{}: {error}", file.display()))?;
        earlier.push((instant(time, &config)?, people));
    }
    earlier.sort_by_key(|(from, _)| *from);
    let plans = inputs::plans(&args.plans)?;
    let held = inputs::plans(&args.held)?;
    let (mut outcomes, mut runs) = (BTreeMap::new(), BTreeMap::new());
    for file in &args.outcomes {
        let told = inputs::outcomes(file)?;
        if let Some((run, plan)) = inputs::run_of(file)? {
            // A report names what its run did not do: all else of that plan was done, though an earlier run had left the same step.
            let steps = plans.iter().filter(|file| file.digest == plan).flat_map(|file| &file.plan.steps);
            steps.filter(|step| !told.contains_key(&step.id)).for_each(|step| drop(outcomes.remove(&step.id)));
            runs.insert(run, plan);
        }
        outcomes.extend(told);
    }
    let told = Told { outcomes: &outcomes, runs: &runs };
    let mut report = Report::default();
    let decisions = args.decisions.as_deref().map(inputs::json_lines::<Decision>).transpose()?;
    judge_plans(&plans, &held, decisions.as_deref(), &mut report);
    for step in plans.iter().flat_map(|file| &file.plan.steps) {
        if !args.apps.iter().any(|app| app.name == step.app) {
            report.notes.push(format!("steps for {} are not compared: no --app names its ledger", step.app));
        }
    }
    report.notes.sort();
    report.notes.dedup();
    let waiting = held.iter().flat_map(|file| &file.plan.steps);
    for app in &args.apps {
        let mut except: BTreeSet<String> = args.except.iter().cloned().collect();
        except.extend(waiting.clone().filter(|step| step.app == app.name).filter_map(|step| step.person.clone()));
        except.extend(reverts::undone(&plans, &app.name));
        let roster = state::Roster { config: &config, people: &people, as_of, except: &except };
        judge_app(args, app, &roster, &earlier, &plans, told, &mut report)?;
    }
    report.notes.sort();
    report.notes.dedup();
    Ok(report)
}

/// What reports of runs tell.
#[derive(Clone, Copy)]
struct Told<'a> {
    /// Step → how it ended.
    outcomes: &'a BTreeMap<String, String>,
    /// Run → the digest of its plan.
    runs: &'a BTreeMap<String, String>,
}

/// RFC 3339, or a day: its start in the organization's zone.
fn instant(text: &str, config: &Config) -> Result<Timestamp, String> {
    if let Ok(instant) = text.parse() {
        return Ok(instant);
    }
    let day: jiff::civil::Date = text.parse().map_err(|_| format!("--as-of: `{text}` is neither an instant (RFC 3339) nor a day"))?;
    day.to_zoned(config.zone.clone()).map(|start| start.timestamp()).map_err(|error| format!("--as-of: {error}"))
}

/// What plans and decisions say about each other.
fn judge_plans(plans: &[PlanFile], held: &[PlanFile], decisions: Option<&[Decision]>, report: &mut Report) {
    let mut seen = BTreeSet::new();
    for file in plans.iter().chain(held) {
        let named = format!("{} ({:.12})", file.path.display(), file.digest);
        if !file.canonical {
            report.violation("C1", "plan_not_canonical", "", format!("{named} is not the canonical JSON of what it holds"));
        }
        for id in &file.wrong_ids {
            report.violation("C1", "step_id_wrong", "", format!("{named}: step {id} is not the hash of its content"));
        }
        if !seen.insert(&file.digest) {
            report.violation("C3", "plan_given_twice", "", named);
        }
    }
    let Some(decisions) = decisions else { return };
    for file in plans {
        let yes: Vec<&Decision> = decisions.iter().filter(|decision| decision.digest == file.digest && decision.is_yes()).collect();
        let runs: BTreeSet<&str> = yes.iter().filter_map(|decision| decision.run.as_deref()).collect();
        let named = format!("{} ({:.12})", file.path.display(), file.digest);
        if yes.is_empty() {
            report.violation("C1", "plan_not_approved", "", format!("{named} was applied, and nobody said yes to it"));
        } else if runs.len() > 1 {
            report.violation("C3", "decision_used_twice", "", format!("{named} went into runs {}", Vec::from_iter(runs).join(" and ")));
        }
    }
}

fn judge_app(
    args: &Args,
    files: &AppFiles,
    roster: &state::Roster<'_>,
    earlier: &[(Timestamp, BTreeMap<String, Person>)],
    plans: &[PlanFile],
    told: Told<'_>,
    report: &mut Report,
) -> Result<(), String> {
    let name = files.name.as_str();
    let policy = roster
        .config
        .apps
        .get(name)
        .ok_or_else(|| format!("--app {name}: the configuration has no such app that this checker knows"))?;
    let lines: Vec<Effect> = inputs::json_lines(&files.ledger)?;
    let access: Option<Vec<Request>> = files.access.as_deref().map(inputs::json_lines).transpose()?;
    let base: Vec<BaseObject> = args.bases.get(name).map(|file| inputs::json_lines(file)).transpose()?.unwrap_or_default();
    traffic::secrets(name, lines.iter().map(|line| (line.seq, line.path.as_str(), [&line.before, &line.after])), report);
    let nothing = serde_json::Value::Null;
    let logged = access.iter().flatten().map(|line| (line.seq, line.path.as_str(), [&nothing, &nothing]));
    traffic::secrets(&format!("{name} (access log)"), logged, report);
    let world = World::replay(policy.vendor, &base, lines).map_err(|error| format!("{}: {error}", files.ledger.display()))?;
    let mut names = BTreeMap::new();
    for file in plans {
        names.extend(file.plan.names.get(name).into_iter().flatten().map(|(id, text)| (id.clone(), text.clone())));
    }
    let case = Case { name, policy, world: &world, names: &names };
    let matched = rules::explain(&case, plans, told.outcomes, report);
    matched.complete(&case, told.outcomes, args.expect_complete, report);
    reverts::judge(&case, plans, &matched, told.runs, report);
    state::compare(&case, roster, plans, &matched, report)?;
    if let Some(mut requests) = access {
        // Requests at the same time may be logged out of order.
        requests.sort_by_key(|request| request.seq);
        let mut asked_when = Vec::new();
        for (as_of, people) in earlier {
            asked_when.push(asked(&case, &state::Roster { people, as_of: *as_of, ..*roster })?);
        }
        asked_when.push(asked(&case, roster)?);
        traffic::requests(&case, &requests, &matched, args.readings.get(name).copied(), &asked_when, report);
    }
    if let (Some(max), Some(traffic)) = (args.max_ratio, report.traffic.get(name))
        && traffic.ratio > max
    {
        let what = format!("{} requests are {:.3} times the least possible, {}", traffic.counted, traffic.ratio, traffic.least);
        report.violation("C7", "too_many_requests", name, what);
    }
    Ok(())
}

/// Accounts about whose enrolments policy asks.
fn asked(case: &Case<'_>, roster: &state::Roster<'_>) -> Result<Asked, String> {
    let mut asked = Asked { from: roster.as_of, accounts: BTreeSet::new() };
    if case.policy.enrol.is_empty() {
        return Ok(asked);
    }
    let owners = state::owners(case, roster)?;
    let here = |person: &&Person| person.standing(case.policy, roster.as_of) == Standing::Here;
    for person in roster.people.values().filter(here) {
        let wanted = desire(case.policy, person, &person.context(roster.config, true, roster.as_of))?;
        if !wanted.enrolments.is_empty() {
            asked.accounts.extend(owners.get(person.key.as_str()).into_iter().flatten().map(|id| (*id).to_owned()));
        }
    }
    Ok(asked)
}
