//! `provost init`: a commented configuration, for the sandboxes or for live tenants.

use std::path::{Path, PathBuf};

use clap::Args;
use sandbox::company::{Person, company};
use serde_json::json;

use crate::args::Globals;
use crate::config;
use crate::faces::End;
use crate::failure::Failure;
use crate::whole::{Readers, Staged};
use crate::wiring::{key_file, make_key_file};

const AFTER: &str = "\
Examples:
  provost init --sandbox                a folder to try everything in: no account anywhere is needed
  provost init --live                   a configuration for your own tenants, to be filled in
  provost init --scim fifteen           the same with a SCIM application besides; with --live for one of your own
  provost init --config acme/provost.toml";

const SANDBOX: &str = include_str!("sandbox.toml");
const LIVE: &str = include_str!("live.toml");
const SCIM: &str = include_str!("scim.toml");
/// What blocks of apps come before in both.
const GUARDS: &str = "# ── when to wait for a person ──";

/// Make a configuration to start from
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct InitArgs {
    /// For local stand-ins of both vendors, with a roster of an invented company (the default)
    #[arg(long, conflicts_with = "live")]
    sandbox: bool,
    /// For your own tenants
    #[arg(long)]
    live: bool,
    /// How many people the invented company has
    #[arg(long, value_name = "N", default_value_t = 60, conflicts_with = "live", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    people: u32,
    /// A SCIM application besides, by this name; again for more
    #[arg(long, value_name = "NAME", value_parser = name)]
    scim: Vec<String>,
}

/// A name that can stand in `[app.NAME]`, in a variable's name and in a path.
fn name(text: &str) -> Result<String, String> {
    let first = text.starts_with(|char: char| char.is_ascii_lowercase());
    if !first || !text.chars().all(|char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '_') {
        return Err("a name is of small letters, digits and underscores, and begins with a letter, e.g. fifteen".to_owned());
    }
    if ["lessonly", "absorb"].contains(&text) {
        return Err(format!("an app `{text}` is in the file already"));
    }
    Ok(text.to_owned())
}

/// The block of a SCIM application.
fn scim(name: &str, live: bool) -> String {
    let address = if live {
        let variable = name.to_uppercase();
        format!(
            "base_url = \"https://{name}.example.com/scim/v2\"   # <- its SCIM address, without /Users\n\
             token = {{ env = \"{variable}_SCIM_TOKEN\" }}"
        )
    } else {
        format!("base_url = \"sandbox:./{name}\"\nsandbox_limit = \"off\"")
    };
    let managed = if live {
        "[]                            # <- those that may be added and removed"
    } else {
        "[\"Sales\", \"Support\", \"Engineering\"]"
    };
    SCIM.replace("ADDRESS", &address).replace("MANAGED", managed).replace("NAME", name)
}

pub(crate) fn run(globals: &Globals, args: &InitArgs) -> Result<End, Failure> {
    let face = globals.face();
    let file = globals.config.clone().unwrap_or_else(|| PathBuf::from(config::FILE));
    let made = make(&file, args)?;
    let names: Vec<String> = made.iter().map(|path| path.display().to_string()).collect();
    face.show(&json!({ "made": names }), || {
        let next = if args.live {
            "next: fill in what is marked with <-, set the variables it names, then: provost check"
        } else {
            "next: provost plan"
        };
        format!("made {}\n{next}", names.join(", "))
    })?;
    Ok(End::Done)
}

/// Makes the files, none of which may be there.
fn make(file: &Path, args: &InitArgs) -> Result<Vec<PathBuf>, Failure> {
    let dir = file.parent().filter(|dir| *dir != Path::new("")).unwrap_or(Path::new("."));
    let key = key_file(&dir.join("provost.db"));
    let roster = dir.join("roster.csv");
    let blocks: String = args.scim.iter().map(|name| scim(name, args.live)).collect();
    let text = if args.live { LIVE } else { SANDBOX }.replace(GUARDS, &format!("{blocks}{GUARDS}"));
    let mut files = vec![(file.to_owned(), text)];
    if !args.live {
        files.push((roster, csv(&company(usize::try_from(args.people).unwrap_or(usize::MAX), 1))));
    }
    for path in files.iter().map(|(path, _)| path).chain([&key]) {
        if path.exists() {
            let next = "use another folder, or name another file with --config; nothing is ever overwritten";
            return Err(Failure::new(format!("{} is there already", path.display()), next));
        }
    }
    let failed = |path: &Path, error: std::io::Error| {
        Failure::new(format!("cannot write {}: {error}", path.display()), "free space and make the folder writable, or use another one")
    };
    std::fs::create_dir_all(dir).map_err(|error| failed(dir, error))?;
    let mut made = Vec::new();
    for (path, text) in files {
        let written = Staged::write(&path, text.as_bytes(), Readers::Usual).and_then(Staged::add);
        written.map_err(|error| failed(&path, error))?;
        made.push(path);
    }
    make_key_file(&key)?;
    made.push(key);
    Ok(made)
}

/// The invented company as an HR system would export it.  None of its words needs quoting.
fn csv(people: &[Person]) -> String {
    let mut text =
        "employee_id,first_name,last_name,work_email,job_title,department,manager_id,status,hire_date,termination_date\n".to_owned();
    for person in people {
        let manager = person.manager.and_then(|number| people.get(number - 1)).map_or("", |manager| manager.employee_id.as_str());
        let status = if person.active() { "active" } else { "terminated" };
        let row = [
            person.employee_id.as_str(),
            person.given,
            person.family,
            &person.email,
            person.title,
            person.department,
            manager,
            status,
            &person.hired,
            person.left.as_deref().unwrap_or_default(),
        ];
        text.push_str(&row.join(","));
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn args(live: bool) -> InitArgs {
        InitArgs { sandbox: !live, live, people: 40, scim: Vec::new() }
    }

    #[test]
    fn what_it_makes_can_be_read_and_is_never_overwritten() {
        for live in [false, true] {
            let dir = tempfile::tempdir().unwrap();
            let file = dir.path().join("new").join("provost.toml");
            let made = make(&file, &args(live)).unwrap();
            assert_eq!(made.len(), if live { 2 } else { 3 });
            let config = Config::load(Some(&file)).unwrap_or_else(|failure| panic!("{failure:?}"));
            assert_eq!(config.apps.len(), 2);
            assert!(make(&file, &args(live)).is_err());
            // A file of somebody else's in the way stops it before anything is written.
            let other = tempfile::tempdir().unwrap();
            std::fs::write(other.path().join("provost.key"), "").unwrap();
            assert!(make(&other.path().join("provost.toml"), &args(live)).is_err());
            assert!(!other.path().join("provost.toml").exists());
        }
    }

    #[test]
    fn a_scim_application_is_there_for_the_asking() {
        for live in [false, true] {
            let dir = tempfile::tempdir().unwrap();
            let file = dir.path().join("provost.toml");
            let scim = ["fifteen", "a_2"].map(str::to_owned).to_vec();
            make(&file, &InitArgs { scim, ..args(live) }).unwrap();
            let config = Config::load(Some(&file)).unwrap_or_else(|failure| panic!("{failure:?}"));
            let connectors: Vec<(&str, &str)> = config.apps.iter().map(|(name, app)| (name.as_str(), app.entry.name)).collect();
            assert_eq!(connectors, [("a_2", "scim"), ("absorb", "absorb"), ("fifteen", "scim"), ("lessonly", "lessonly")]);
            let text = std::fs::read_to_string(&file).unwrap();
            assert_eq!(text.contains("FIFTEEN_SCIM_TOKEN"), live);
            assert!(!text.contains("NAME]") && !text.contains("ADDRESS") && !text.contains("MANAGED"), "{text}");
        }
        for (wrong, told) in [("Fifteen", "small letters"), ("", "small letters"), ("a-b", "small letters"), ("absorb", "already")] {
            assert!(name(wrong).unwrap_err().contains(told), "{wrong}");
        }
    }

    #[test]
    fn the_roster_is_one_that_the_reader_takes_whole() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("provost.toml");
        make(&file, &args(false)).unwrap();
        let config = Config::load(Some(&file)).unwrap();
        let (name, policy) = config.policy.policy().sources.first_key_value().unwrap();
        let Some(config::SourceConnection::File(source)) = config.sources.get(name) else { panic!("{name} is not a file") };
        let roster = engine::read_file(name, source, policy, jiff::Timestamp::now()).unwrap();
        assert_eq!((roster.reading.people.len(), roster.reading.findings.len()), (40, 0));
    }
}
