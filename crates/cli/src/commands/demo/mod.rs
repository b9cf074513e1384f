//! `provost demo`: the whole story in one command, with nothing else installed.

mod story;

use std::path::{Path, PathBuf};

use clap::Args;
use jiff::Timestamp;
use sandbox::{Clock, Limit, Options, absorb, lessonly};
use serde_json::json;

use crate::args::Globals;
use crate::faces::End;
use crate::failure::Failure;
use crate::whole::{Readers, Staged};
use crate::wiring::{key_file, make_key_file};

const AFTER: &str = "\
Examples:
  provost demo                      some seconds, in the new folder provost-demo
  provost demo --dir /tmp/tour      in another folder
  cd provost-demo && provost plan   go on there: nothing is left to do
  provost explain 10119             (in that folder) who is this, and why do they have what they have?

It exits with 0 only if every step of the story came out as it should.";

const CONFIG: &str = include_str!("../../../demo/provost.toml");
/// The roster on each day, and the instant that the story plays at.
const DAYS: [(&str, &str); 2] = [
    ("1998-01-01T18:00:00Z", include_str!("../../../demo/roster-1998-01-01.csv")),
    ("1998-07-01T18:00:00Z", include_str!("../../../demo/roster-1998-07-01.csv")),
];
/// Somebody who left in 1997, whose accounts are still there, inactive, when the story begins; they come back in its second part.
const FORMER: (&str, &str, &str, &str) = ("10119", "Domenick", "Peltason", "domenick.peltason@example.com");

/// See the whole story: two platforms, a roster, half a year, a guard that trips
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct DemoArgs {
    /// The folder to make
    #[arg(long, default_value = "provost-demo", value_name = "DIR")]
    dir: PathBuf,
}

/// Plays the story.
///
/// # Errors
/// The folder is there already, or the story did not come out as it should.
pub(crate) async fn run(globals: &Globals, args: &DemoArgs) -> Result<End, Failure> {
    make_folder(&args.dir)?;
    let platforms = Platforms::start(&args.dir).await?;
    let told = story::tell(globals, &args.dir, &platforms).await;
    platforms.stop().await;
    told?;
    Ok(End::Done)
}

fn make_folder(dir: &Path) -> Result<(), Failure> {
    if dir.exists() {
        let next = "name another folder with --dir, or remove this one; nothing is ever overwritten";
        return Err(Failure::new(format!("{} is there already", dir.display()), next));
    }
    std::fs::create_dir_all(dir).map_err(|error| cannot_write(dir, &error))?;
    write(&dir.join(crate::config::FILE), CONFIG)?;
    write(&dir.join("LICENSE-rosters.md"), include_str!("../../../demo/README.md"))?;
    make_key_file(&key_file(&dir.join("provost.db")))?;
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    Staged::write(path, text.as_bytes(), Readers::Usual).and_then(Staged::replace).map_err(|error| cannot_write(path, &error))
}

fn cannot_write(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(
        format!("cannot write {}: {error}", path.display()),
        "free space and make the folder writable, or name another one with --dir",
    )
}

/// Both vendors' stand-ins, with one clock.
struct Platforms {
    lessonly: (lessonly::Sandbox, sandbox::Running),
    absorb: (absorb::Sandbox, sandbox::Running),
}

impl Platforms {
    /// Starts them in the folder, with what was there before Provost came: the inactive accounts of somebody who had left.
    async fn start(dir: &Path) -> Result<Self, Failure> {
        let failed = |error: &sandbox::Error| crate::sandboxes::failed("a sandbox cannot be started", error);
        let now: Timestamp = DAYS[0].0.parse().expect("the story's days are instants");
        let options = |name: &str| Options {
            data: Some(dir.join(name)),
            access_log: Some(dir.join(format!("{name}.access.jsonl"))),
            limit: Limit::Off,
            now: Clock::From(now),
            ..Options::default()
        };
        let lessonly = lessonly::Sandbox::open(lessonly::Config { options: options("lessonly"), ..lessonly::Config::default() })
            .map_err(|error| failed(&error))?;
        let absorb = absorb::Sandbox::open(absorb::Config { options: options("absorb"), ..absorb::Config::default() })
            .map_err(|error| failed(&error))?;
        let (key, given, family, email) = FORMER;
        let user = lessonly
            .create_user(json!({ "name": format!("{given} {family}"), "email": email, "ext_uid": key }))
            .map_err(|error| failed(&error))?;
        lessonly.archive_user(user).map_err(|error| failed(&error))?;
        let root = absorb.departments().into_iter().next().unwrap_or_default();
        absorb
            .put_user(json!({
                "firstName": given, "lastName": family, "username": email, "emailAddress": email, "externalId": key,
                "departmentId": root["id"], "password": "changed at the first log-in", "activeStatus": "Inactive",
            }))
            .map_err(|error| failed(&error))?;
        let lessonly_running = lessonly.start().await.map_err(|error| failed(&error))?;
        let absorb_running = absorb.start().await.map_err(|error| failed(&error))?;
        Ok(Self { lessonly: (lessonly, lessonly_running), absorb: (absorb, absorb_running) })
    }

    fn set_clock(&self, now: Timestamp) {
        self.lessonly.0.clock().set(now);
        self.absorb.0.clock().set(now);
    }

    async fn stop(self) {
        self.lessonly.1.stop().await;
        self.absorb.1.stop().await;
    }
}
