//! The command line.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// What `--help` prints.
pub const HELP: &str = "\
provost-checker: says from outside whether what was done is what was approved, and whether the end is what roster and policy say

  provost-checker --config provost.toml --roster FILE --as-of TIME --app NAME=LEDGER[,ACCESS]… [options]

  --config FILE            the configuration (read by the checker itself)
  --roster FILE            the roster as of the end, CSV
  --as-of TIME             the instant of the last plan: RFC 3339, or a day (its start in the organization's zone)
  --app NAME=LEDGER[,ACCESS]  an app of the configuration, its effect ledger and its access log; once for each app
  --plans PATH…            approved plans that were applied: files, or folders of *.json
  --held PATH…             plans that still wait: nothing of them may have been done, their people are left out of C4
  --expect-complete        nothing may be held, drifted or failed
  --decisions FILE         JSON lines of {digest, verdict, run}: every applied plan needs one yes, used by one run
  --outcomes FILE          the JSON of `provost report RUN --format json`; may be given for every run
  --base NAME=FILE         JSON lines of {object, state}: what an app held before the first line of its ledger
  --except KEY[,KEY]…      people who are left out of C4 (held by a finding); @FILE reads one key a line
  --earlier TIME=FILE…     the rosters of earlier plans, each with its instant (C7)
  --readings NAME=K        how often the app was read for planning (default: counted in the access log)
  --max-ratio R            more requests than R times the least possible are a violation
  --formula                also print the parts of the least possible number of requests
  --format text|json       default text

Exit code: 0 clean, 1 violations, 2 the checker could not be used this way.
";

/// One app's files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppFiles {
    /// The app's name in the configuration.
    pub name: String,
    /// Its ledger.
    pub ledger: PathBuf,
    /// Its access log.
    pub access: Option<PathBuf>,
}

/// The command line, read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Args {
    /// `--config`.
    pub config: PathBuf,
    /// `--roster`.
    pub roster: PathBuf,
    /// `--as-of`.
    pub as_of: String,
    /// `--app`.
    pub apps: Vec<AppFiles>,
    /// `--plans`.
    pub plans: Vec<PathBuf>,
    /// `--held`.
    pub held: Vec<PathBuf>,
    /// `--expect-complete`.
    pub expect_complete: bool,
    /// `--decisions`.
    pub decisions: Option<PathBuf>,
    /// `--outcomes`.
    pub outcomes: Vec<PathBuf>,
    /// `--base`.
    pub bases: BTreeMap<String, PathBuf>,
    /// `--except`.
    pub except: Vec<String>,
    /// `--earlier`: instant and file.
    pub earlier: Vec<(String, PathBuf)>,
    /// `--readings`.
    pub readings: BTreeMap<String, u64>,
    /// `--max-ratio`.
    pub max_ratio: Option<f64>,
    /// `--formula`.
    pub formula: bool,
    /// `--format json`.
    pub json: bool,
    /// `--help`.
    pub help: bool,
}

/// Reads the command line, without the program's name.
///
/// # Errors
/// Something is missing, unknown, given twice, or contradicts something else.
pub fn parse(words: impl IntoIterator<Item = String>) -> Result<Args, String> {
    let mut args = Args::default();
    let mut words = words.into_iter().peekable();
    let mut given = std::collections::BTreeSet::new();
    while let Some(word) = words.next() {
        if !word.starts_with("--") {
            return Err(format!("`{word}` is not an option; see --help"));
        }
        let (option, inline) = match word.split_once('=') {
            Some((option, value)) => (option.to_owned(), Some(value.to_owned())),
            None => (word, None),
        };
        let flag = matches!(option.as_str(), "--help" | "--formula" | "--expect-complete");
        let mut values: Vec<String> = inline.into_iter().collect();
        if !flag && values.is_empty() {
            while let Some(value) = words.next_if(|next| !next.starts_with("--")) {
                values.push(value);
            }
            if values.is_empty() {
                return Err(format!("{option} needs a value"));
            }
        }
        if flag && !values.is_empty() {
            return Err(format!("{option} takes no value"));
        }
        let once = matches!(option.as_str(), "--config" | "--roster" | "--as-of" | "--decisions" | "--format" | "--max-ratio");
        if once && (values.len() > 1 || !given.insert(option.clone())) {
            return Err(format!("{option} takes one value, once"));
        }
        take(&mut args, &option, values)?;
    }
    if args.help {
        return Ok(args);
    }
    for (option, missing) in [
        ("--config", args.config.as_os_str().is_empty()),
        ("--roster", args.roster.as_os_str().is_empty()),
        ("--as-of", args.as_of.is_empty()),
        ("--app", args.apps.is_empty()),
    ] {
        if missing {
            return Err(format!("{option} is missing; see --help"));
        }
    }
    if args.expect_complete && !args.held.is_empty() {
        return Err("--expect-complete says that nothing is held, and --held names what is".to_owned());
    }
    for name in args.bases.keys().chain(args.readings.keys()) {
        if !args.apps.iter().any(|app| app.name == *name) {
            return Err(format!("`{name}` is named by --base or --readings, but not by --app"));
        }
    }
    Ok(args)
}

fn take(args: &mut Args, option: &str, values: Vec<String>) -> Result<(), String> {
    let named = |value: &str| match value.split_once('=') {
        Some((name, rest)) if !name.is_empty() && !rest.is_empty() => Ok((name.to_owned(), rest.to_owned())),
        _ => Err(format!("{option} takes NAME=VALUE, not `{value}`")),
    };
    for value in &values {
        match option {
            "--config" => args.config = value.into(),
            "--roster" => args.roster = value.into(),
            "--as-of" => args.as_of.clone_from(value),
            "--plans" => args.plans.push(value.into()),
            "--held" => args.held.push(value.into()),
            "--decisions" => args.decisions = Some(value.into()),
            "--outcomes" => args.outcomes.push(value.into()),
            "--format" => match value.as_str() {
                "text" => args.json = false,
                "json" => args.json = true,
                other => return Err(format!("--format is text or json, not `{other}`")),
            },
            "--max-ratio" => match value.parse() {
                Ok(ratio) if f64::is_finite(ratio) && ratio > 0.0 => args.max_ratio = Some(ratio),
                _ => return Err(format!("--max-ratio takes a number above 0, not `{value}`")),
            },
            "--app" => {
                let (name, files) = named(value)?;
                let (ledger, access) = match files.split_once(',') {
                    Some((ledger, access)) => (ledger.to_owned(), Some(PathBuf::from(access))),
                    None => (files, None),
                };
                if args.apps.iter().any(|app| app.name == name) {
                    return Err(format!("--app {name} is given twice"));
                }
                args.apps.push(AppFiles { name, ledger: ledger.into(), access });
            }
            "--base" => {
                let (name, file) = named(value)?;
                args.bases.insert(name, file.into());
            }
            "--earlier" => {
                let (time, file) = named(value)?;
                args.earlier.push((time, file.into()));
            }
            "--readings" => {
                let (name, count) = named(value)?;
                let count = count.parse().map_err(|_| format!("--readings {name} takes a whole number, not `{count}`"))?;
                args.readings.insert(name, count);
            }
            "--except" => match value.strip_prefix('@') {
                Some(file) => {
                    let text = crate::inputs::text_of(file.as_ref())?;
                    args.except.extend(text.lines().map(str::trim).filter(|key| !key.is_empty()).map(str::to_owned));
                }
                None => args.except.extend(value.split(',').map(str::trim).filter(|key| !key.is_empty()).map(str::to_owned)),
            },
            _ => return Err(format!("{option} is no option; see --help")),
        }
    }
    match option {
        "--help" => args.help = true,
        "--formula" => args.formula = true,
        "--expect-complete" => args.expect_complete = true,
        _ => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Args, String> {
        parse(line.split(' ').map(str::to_owned))
    }

    #[test]
    fn a_whole_line() {
        let args = read("--config p.toml --roster r.csv --as-of 1998-01-01 --app a=l,x --app=b=m --plans p q --held h --earlier 1997-01-01=e --readings a=2 --formula --format json").unwrap();
        assert_eq!(args.apps[0].access, Some("x".into()));
        assert_eq!((args.apps[1].name.as_str(), args.plans.len(), args.held.len(), args.readings["a"]), ("b", 2, 1, 2));
        assert_eq!(args.earlier, [("1997-01-01".to_owned(), "e".into())]);
        assert!(args.formula && args.json);
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (line, says) in [
            ("--config", "needs a value"),
            ("--config a --config b", "once"),
            ("--roster r", "--config is missing"),
            ("x", "not an option"),
            ("--config p --roster r --as-of t --app a", "NAME=VALUE"),
            ("--config p --roster r --as-of t --app a=l --app a=m", "twice"),
            ("--config p --roster r --as-of t --app a=l --base b=f", "not by --app"),
            ("--config p --roster r --as-of t --app a=l --held h --expect-complete", "nothing is held"),
            ("--config p --roster r --as-of t --app a=l --readings a=x", "whole number"),
            ("--earlier 1997-01-01", "NAME=VALUE"),
            ("--format xml", "text or json"),
            ("--max-ratio NaN", "above 0"),
            ("--nonsense 1", "no option"),
            ("--formula=yes", "no value"),
        ] {
            let error = read(line).unwrap_err();
            assert!(error.contains(says), "{line}: {error}");
        }
    }
}
