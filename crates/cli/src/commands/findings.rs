//! `provost findings`: what the last planning found that a human should know.

use clap::Args;
use model::{Finding, FindingKind};
use serde_json::json;

use crate::args::Globals;
use crate::faces::{End, Format, sheet};
use crate::failure::Failure;
use crate::wiring::{Opened, Reach};

const AFTER: &str = "\
Examples:
  provost findings
  provost findings --kind ghost --kind orphan
  provost findings --app absorb --format json";

/// List what a human should know: orphans, ghosts, duplicates, broken rows, …
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct FindingsArgs {
    /// Only this sort
    #[arg(long, value_name = "KIND", value_parser = kind)]
    kind: Vec<FindingKind>,
    /// Only in this app
    #[arg(long, value_name = "APP")]
    app: Option<String>,
}

/// A sort by its word, as JSON and `--kind` write it.
fn kind(word: &str) -> Result<FindingKind, String> {
    serde_json::from_value(serde_json::Value::from(word)).map_err(|_| {
        "the sorts are orphan, ghost, duplicate, ambiguous, unmanaged, drift, cycle, blind_spot, hidden, bad_row, absent, \
         unknown_reference, objection, protected, adoptable, unsettled"
            .to_owned()
    })
}

pub(crate) async fn run(globals: &Globals, args: &FindingsArgs) -> Result<End, Failure> {
    let face = globals.face();
    face.no_csv()?;
    let opened = Opened::open(globals, Reach::Store).await?;
    let found = opened.engine.findings().await;
    opened.close().await;
    let latest = found?;
    let wanted = |finding: &Finding| {
        (args.kind.is_empty() || args.kind.contains(&finding.kind))
            && args.app.as_ref().is_none_or(|app| finding.app.as_ref().is_some_and(|its| its.as_str() == app))
    };
    let findings: Vec<Finding> = latest.findings.into_iter().filter(wanted).collect();
    match face.format {
        Format::Json => face.json(&json!({ "at": latest.at, "everybody": latest.everybody, "findings": findings })),
        Format::Text if findings.is_empty() => face.text("nothing found"),
        format => face.rendered(&sheet(format, findings.as_slice(), face.colour)),
    }
    Ok(End::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorts_go_by_the_words_of_the_json() {
        assert_eq!(kind("ghost"), Ok(FindingKind::Ghost));
        // Every word of the help is one.
        let words = kind("gost").unwrap_err();
        for word in words.trim_start_matches("the sorts are ").split(", ") {
            assert!(kind(word).is_ok(), "{word}");
        }
    }
}
