//! Which plan or run a word on the command line means.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use jiff::Timestamp;
use model::{Class, PLAN_VERSION, Plan, Run};
use store::{PlanStatus, PlanSummary, Store, StoreError, StoredPlan};

use crate::failure::Failure;

/// What PLAN may be, for help texts.
pub(crate) const PLAN_HELP: &str = "A file written by `plan -o`, the first digits of a digest, `open`, or `held-CLASS`";
/// What RUN may be, for help texts.
pub(crate) const RUN_HELP: &str = "The first digits of a run's id, or `latest`";

/// The plan that a word means: a file, `open` or `latest`, `held-CLASS`, or the beginning of a digest.
///
/// # Errors
/// A [`Failure`]: there is none, several fit, or the file is not a plan of this store.
pub(crate) async fn plan(store: &Store, word: &str, now: Timestamp) -> Result<StoredPlan, Failure> {
    let path = Path::new(word);
    if path.is_file() {
        return from_file(store, path, now).await;
    }
    if path.exists() {
        let kind = if path.is_dir() { "a folder" } else { "no ordinary file" };
        return Err(Failure::new(format!("{word} is {kind}, and no plan"), "name a file that `provost plan -o FILE` wrote"));
    }
    let wanted = match word {
        "open" | "latest" => Class::Open,
        _ => match word.strip_prefix("held-") {
            Some(class) => Class::Held(class.to_owned()),
            None if word.len() >= 4 && word.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
                return Ok(store.find_plan(word, now).await?);
            }
            None => {
                let next = "give a file, at least four digits of a digest, `open` or `held-CLASS`; `provost show` lists the plans";
                return Err(Failure::new(format!("there is no file or plan called {word}"), next));
            }
        },
    };
    let found = store.plans(now).await?.into_iter().find(|plan| plan.class == wanted && plan.status != PlanStatus::Superseded);
    match found {
        Some(plan) => Ok(store.plan(&plan.digest, now).await?),
        None => {
            let what = match wanted {
                Class::Open => "there is no plan yet".to_owned(),
                Class::Held(class) => format!("no plan is held as {class}"),
            };
            Err(Failure::new(what, "`provost plan` makes one, `provost show` lists those there are"))
        }
    }
}

/// The plan in a file: its bytes must be a plan's canonical form, and its digest one that this store gave.
async fn from_file(store: &Store, path: &Path, now: Timestamp) -> Result<StoredPlan, Failure> {
    let name = path.display();
    let bytes = text_of(path).map_err(|error| Failure::new(format!("cannot read {name}: {error}"), "check that you may read it"))?;
    let plan = read(&bytes).map_err(|why| Failure::new(format!("{name} {why}"), "`provost plan -o FILE` writes one"))?;
    let digest = plan.digest();
    match store.plan(&digest, now).await {
        Ok(stored) => Ok(stored),
        Err(StoreError::NotFound { .. }) => {
            let what = format!(
                "{name} is plan {}, which this store never made: the file was changed, or comes from elsewhere",
                digest.short()
            );
            Err(Failure::new(what, "a plan is approved as it was made, to the byte; `provost plan -o FILE` makes a new one"))
        }
        Err(error) => Err(error.into()),
    }
}

/// What is in a file; of one that does not begin as a plan does only the beginning, however large it is.
fn text_of(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let mut bytes = Vec::new();
    file.by_ref().take(1).read_to_end(&mut bytes)?;
    if bytes == b"{" {
        file.read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

/// A plan from its bytes; the error goes on from the file's name.
fn read(bytes: &[u8]) -> Result<Plan, String> {
    if bytes.is_empty() {
        return Err("is empty".to_owned());
    }
    let value: serde_json::Value = serde_json::from_slice(bytes).map_err(|error| match error.is_eof() {
        true if bytes != b"{" => "is not a whole plan: it was cut off".to_owned(),
        _ => "is not a plan: plans are JSON; other formats are for reading only".to_owned(),
    })?;
    match value.get("version").and_then(serde_json::Value::as_u64) {
        Some(version) if version == u64::from(PLAN_VERSION) => {}
        Some(version) => return Err(format!("is a plan of form {version}, and this program knows form {PLAN_VERSION}")),
        None => return Err("is JSON, but not a plan".to_owned()),
    }
    let plan: Plan = serde_json::from_value(value).map_err(|error| format!("is not a plan: {error}"))?;
    if plan.to_bytes() != bytes {
        return Err("is not in a plan's canonical form: it was reformatted or changed".to_owned());
    }
    Ok(plan)
}

/// The run that a word means: `latest`, or the beginning of an id.
///
/// # Errors
/// A [`Failure`]: there is none, or several fit.
pub(crate) async fn run(store: &Store, word: &str) -> Result<Run, Failure> {
    if word != "latest" {
        return Ok(store.find_run(word).await?);
    }
    let newest = store.runs().await?.into_iter().next();
    newest.ok_or_else(|| Failure::new("nothing was run yet", "`provost plan` says what has to change, `provost apply` carries it out"))
}

/// A class as commands take it: `open`, or `held-` and the rule that holds it.
pub(crate) fn class_word(class: &Class) -> String {
    match class {
        Class::Open => "open".to_owned(),
        Class::Held(class) => format!("held-{class}"),
    }
}

/// Whether a plan waits for somebody's word.
pub(crate) fn waits(plan: &PlanSummary) -> bool {
    plan.status == PlanStatus::Pending && plan.steps > 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Digest;
    use std::collections::BTreeMap;

    fn sample() -> Plan {
        Plan {
            version: PLAN_VERSION,
            organization: "Acme".into(),
            class: Class::Open,
            inputs: model::Inputs {
                policy: Digest::new([1; 32]),
                readings: BTreeMap::new(),
                links: Digest::new([2; 32]),
                earlier: Digest::new([3; 32]),
                as_of: "2026-11-22T00:00:00Z".parse().unwrap(),
                time_zones: "2025b".into(),
                tenants: BTreeMap::new(),
                only: Vec::new(),
                first: Vec::new(),
                standing: None,
                reverts: None,
                aside: None,
            },
            guards: Vec::new(),
            four_eyes: false,
            names: BTreeMap::new(),
            steps: Vec::new(),
        }
    }

    #[test]
    fn f03_a_plan_file_is_read_to_the_byte() {
        let bytes = sample().to_bytes();
        assert_eq!(read(&bytes).unwrap(), sample());
        let text = String::from_utf8(bytes).unwrap();
        for (changed, why) in [
            (format!("{text}\n"), "canonical"),
            (text.replace("\"version\":1", "\"version\":2"), "form 2"),
            (text.replace("\"version\":1", "\"versio\":1"), "not a plan"),
            (text.replace("\"organization\":\"Acme\"", "\"organization\":7"), "not a plan"),
            ("<html>".to_owned(), "plans are JSON"),
            (text[..text.len() / 2].to_owned(), "cut off"),
            (String::new(), "empty"),
        ] {
            let told = read(changed.as_bytes()).unwrap_err();
            assert!(told.contains(why), "{told}");
        }
    }

    #[tokio::test]
    async fn a_word_that_means_no_plan_says_what_would() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path().join("provost.db")).await.unwrap();
        let now = Timestamp::now();
        let file = dir.path().join("plan.json");
        std::fs::write(&file, sample().to_bytes()).unwrap();
        let words = ["open", "held-access_lost", "abcd", "plan.html", file.to_str().unwrap()];
        for (word, told) in words.iter().zip(["no plan yet", "held as access_lost", "no plan abcd", "no file or plan", "never made"]) {
            match plan(&store, word, now).await {
                Err(Failure::Told { what, next }) => {
                    assert!(what.contains(told), "{what}");
                    assert!(!next.is_empty(), "{what}");
                }
                other => panic!("{word}: {other:?}"),
            }
        }
        assert!(run(&store, "latest").await.is_err());
    }

    proptest::proptest! {
        #![proptest_config(cases(200))]

        /// A plan file with any of its bytes changed is refused, and a digest that is right stands for these bytes only.
        #[test]
        fn fuzz_a_changed_plan_file_is_refused(
            at in proptest::prelude::any::<proptest::sample::Index>(),
            with in 1_u8..,
            cut in proptest::prelude::any::<bool>(),
            junk in ".{0,60}",
        ) {
            let bytes = sample().to_bytes();
            let at = at.index(bytes.len());
            let mut changed = bytes.clone();
            if cut { changed.truncate(at) } else { changed[at] ^= with }
            match read(&changed) {
                Ok(plan) => proptest::prop_assert!(plan.digest() != sample().digest() && plan.to_bytes() == changed),
                Err(why) => proptest::prop_assert!(why.starts_with("is "), "{}", why),
            }
            proptest::prop_assert!(read(junk.as_bytes()).is_err());
        }

        /// Whatever stands on the command line is a command, or refused in words.
        #[test]
        fn fuzz_words_are_commands_or_refused(
            command in proptest::sample::select(vec!["plan", "show", "approve", "apply", "resume", "report", "sandbox", "store", "explain"]),
            words in proptest::collection::vec(
                proptest::prelude::prop_oneof![
                    ".{0,12}",
                    "--(as-of|person|every|format|config|now|faults|people|seed|profile|to|reason|yes|output)(=.{0,12})?",
                    "[0-9]{0,24}[smhd]?",
                    "held-.{0,6}",
                ],
                0..5,
            ),
        ) {
            use clap::Parser as _;
            let words = ["provost", command].into_iter().map(str::to_owned).chain(words);
            if let Err(error) = crate::args::Cli::try_parse_from(words) {
                proptest::prop_assert!(!error.to_string().is_empty());
            }
        }
    }

    /// Depth in a plan file is refused, not followed until the stack ends.
    #[test]
    fn fuzz_deep_plan_files_are_refused() {
        for n in [100, 200, 100_000] {
            for text in [format!("{}{}", "[".repeat(n), "]".repeat(n)), format!("{}1{}", "{\"version\":".repeat(n), "}".repeat(n))] {
                assert!(read(text.as_bytes()).is_err());
            }
        }
    }

    /// More cases in a soak (`cargo xtask soak fuzz`).
    fn cases(few: u32) -> proptest::prelude::ProptestConfig {
        let times = std::env::var("PROVOST_FUZZ").ok().and_then(|times| times.parse().ok()).unwrap_or(1);
        proptest::prelude::ProptestConfig {
            cases: few.saturating_mul(times),
            failure_persistence: None,
            ..proptest::prelude::ProptestConfig::default()
        }
    }
}
