//! What an assistant can do: look, and plan.

use std::collections::BTreeSet;

use engine::{Ask, EngineError, PersonRow, Silent};
use jiff::Timestamp;
use model::{Class, Digest, PersonKey, Role};
use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::{CallToolResult, ContentBlock, ErrorData};
use rmcp::schemars::{self, JsonSchema};
use rmcp::service::RequestContext;
use rmcp::{RoleServer, tool, tool_router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Assistant, told};

/// How many of something are shown where nothing else is said.
const SOME: usize = 50;
/// How many are shown at most.
const MOST: usize = 500;

/// Who is looked for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PeopleWanted {
    /// Part of a key, name or e-mail address; everybody when nothing is said.
    #[serde(default)]
    search: String,
    /// Only this department, exactly as the roster writes it.
    department: Option<String>,
    /// Skip so many.
    #[serde(default)]
    offset: usize,
    /// Show at most so many: 50 when nothing is said, 500 at most.
    limit: Option<usize>,
}

/// Whom to explain.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Whom {
    /// The person's key in the roster, an e-mail address, or the whole name.
    who: String,
}

/// Which findings.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FindingsWanted {
    /// Only in this app.
    app: Option<String>,
    /// Only of this kind, as `findings` names them.
    kind: Option<String>,
    /// Skip so many.
    #[serde(default)]
    offset: usize,
    /// Show at most so many: 50 when nothing is said, 500 at most.
    limit: Option<usize>,
}

/// Which plan, and which part of it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PlanWanted {
    /// Its digest: 64 digits.
    digest: String,
    /// Skip so many steps.
    #[serde(default)]
    offset: usize,
    /// Show at most so many steps: 50 when nothing is said, 500 at most.
    limit: Option<usize>,
}

/// For whom to plan.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PlanFor {
    /// Keys of the people to plan for; everybody when none are named.
    #[serde(default)]
    people: Vec<String>,
}

/// Which run.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RunWanted {
    /// Its id, or the beginning of it.
    run: String,
}

type Answer = Result<CallToolResult, ErrorData>;

/// A result, or what to do where there is none: an error that the assistant reads.
fn answer(found: Result<Value, EngineError>) -> Answer {
    Ok(match found {
        Ok(value) => CallToolResult::structured(value),
        Err(error) => CallToolResult::error(vec![ContentBlock::text(told(&error))]),
    })
}

fn page<T>(all: Vec<T>, offset: usize, limit: Option<usize>) -> (usize, Vec<T>) {
    let total = all.len();
    (total, all.into_iter().skip(offset).take(limit.unwrap_or(SOME).min(MOST)).collect())
}

#[tool_router(router = tools, vis = "pub(super)")]
impl Assistant {
    /// Find people in the roster, with their linked accounts.
    #[tool(annotations(read_only_hint = true))]
    async fn people(&self, Parameters(wanted): Parameters<PeopleWanted>, context: RequestContext<RoleServer>) -> Answer {
        self.behind(&context)?;
        let PeopleWanted { search, department, offset, limit } = wanted;
        let search = search.trim().to_lowercase();
        answer(self.engine.people().await.map(|people| {
            let in_it = |person: &&PersonRow| department.as_ref().is_none_or(|wanted| person.department == *wanted);
            let found: Vec<&PersonRow> = people.iter().filter(|person| person.has(&search)).filter(in_it).collect();
            let (total, people) = page(found, offset, limit);
            json!({ "total": total, "people": people })
        }))
    }

    /// Everything known of one person: accounts, the evidence for each link, and what the next plan would do, and why.
    #[tool(annotations(read_only_hint = true))]
    async fn explain(&self, Parameters(Whom { who }): Parameters<Whom>, context: RequestContext<RoleServer>) -> Answer {
        self.behind(&context)?;
        answer(self.engine.explain_now(&who).await.map(|explanation| json!({ "explanation": explanation })))
    }

    /// What a person should know: orphans, ghosts, duplicates, drift, blind spots, as of the last planning.
    #[tool(annotations(read_only_hint = true))]
    async fn findings(&self, Parameters(wanted): Parameters<FindingsWanted>, context: RequestContext<RoleServer>) -> Answer {
        self.behind(&context)?;
        let FindingsWanted { app, kind, offset, limit } = wanted;
        answer(self.engine.findings().await.map(|found| {
            let fits = |finding: &model::Finding| {
                let named = json!(finding.kind);
                app.as_ref().is_none_or(|app| finding.app.as_ref().is_some_and(|name| name.as_str() == app))
                    && kind.as_ref().is_none_or(|kind| named.as_str() == Some(kind))
            };
            let (total, findings) = page(found.findings.into_iter().filter(fits).collect(), offset, limit);
            json!({ "at": found.at, "everybody": found.everybody, "total": total, "findings": findings })
        }))
    }

    /// The apps: accounts, how complete the last reading is, limits, quarantines, what is put aside.
    #[tool(annotations(read_only_hint = true))]
    async fn apps(&self, context: RequestContext<RoleServer>) -> Answer {
        self.behind(&context)?;
        answer(self.engine.apps().await.map(|apps| json!({ "apps": apps })))
    }

    /// The plans there are, the newest first, and where each stands.
    #[tool(annotations(read_only_hint = true))]
    async fn plans(&self, context: RequestContext<RoleServer>) -> Answer {
        self.behind(&context)?;
        let plans = self.engine.store().plans(self.engine.now()).await;
        answer(plans.map(|plans| json!({ "plans": plans })).map_err(EngineError::from))
    }

    /// One plan: where it stands, its guards, and its steps with before, after and reason.
    #[tool(annotations(read_only_hint = true))]
    async fn show_plan(&self, Parameters(wanted): Parameters<PlanWanted>, context: RequestContext<RoleServer>) -> Answer {
        self.behind(&context)?;
        let PlanWanted { digest, offset, limit } = wanted;
        let parsed: Digest = match digest.parse() {
            Ok(digest) => digest,
            Err(error) => return Ok(CallToolResult::error(vec![ContentBlock::text(format!("{digest:?} is no digest: {error}"))])),
        };
        let stored = self.engine.store().plan(&parsed, self.engine.now()).await;
        answer(stored.map_err(EngineError::from).map(|stored| {
            let mut plan = json!(stored.plan);
            let (total, steps) = page(stored.plan.steps, offset, limit);
            plan["steps"] = json!(steps);
            json!({ "stands": stored.summary, "steps": total, "offset": offset, "plan": plan })
        }))
    }

    /// Read the roster and the apps, compute what has to change, and ask for approval: nothing is changed.  A person approves it elsewhere.
    #[tool(annotations(read_only_hint = false, destructive_hint = false, idempotent_hint = true))]
    async fn plan(&self, Parameters(PlanFor { people }): Parameters<PlanFor>, context: RequestContext<RoleServer>) -> Answer {
        let behind = self.behind(&context)?;
        if behind.role < Role::Operator {
            let why = format!("{} is {}; planning takes {}", behind.name, behind.role, Role::Operator);
            return Ok(CallToolResult::error(vec![ContentBlock::text(why)]));
        }
        let now = self.engine.now();
        let as_of = Timestamp::from_second(now.as_second()).unwrap_or(now);
        let only: BTreeSet<PersonKey> = people.into_iter().map(PersonKey::from).collect();
        let only = (!only.is_empty()).then_some(only);
        let proposed = self.engine.propose(Ask { as_of, only, full: false, asker: behind.actor() }, &Silent).await;
        answer(proposed.map(|proposed| {
            let plans: Vec<Value> = proposed
                .stands
                .iter()
                .zip(proposed.proposal.plans())
                .map(|(stands, plan)| {
                    let held = (plan.class != Class::Open).then_some(&plan.class);
                    json!({ "digest": stands.digest, "status": stands.status, "steps": stands.steps, "held": held, "expires": stands.expires })
                })
                .collect();
            let waits = "a person approves a plan in the console, or with `provost approve DIGEST`; nothing here can";
            json!({ "plans": plans, "findings": proposed.proposal.findings.len(), "waits": waits })
        }))
    }

    /// What was carried out, the newest first.
    #[tool(annotations(read_only_hint = true))]
    async fn runs(&self, context: RequestContext<RoleServer>) -> Answer {
        self.behind(&context)?;
        answer(self.engine.store().runs().await.map(|runs| json!({ "runs": runs })).map_err(EngineError::from))
    }

    /// What became of a run: counts, and whatever is not done, with its reason.
    #[tool(annotations(read_only_hint = true))]
    async fn report(&self, Parameters(RunWanted { run }): Parameters<RunWanted>, context: RequestContext<RoleServer>) -> Answer {
        self.behind(&context)?;
        let found = self.engine.store().find_run(&run).await.map_err(EngineError::from);
        let report = match found {
            Ok(run) => self.engine.report(&run.id).await,
            Err(error) => Err(error),
        };
        answer(report.map(|report| json!({ "report": report })))
    }
}
