//! `provost connect APP`: a person lets us into an app with a browser, once; what comes of it is kept sealed.

mod answer;

use std::time::Duration;

use clap::Args;
use model::{AppName, Secret};
use rand::TryRng;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::args::Globals;
use crate::faces::{End, Face, Format};
use crate::failure::Failure;
use crate::stops::Stops;
use crate::wiring::{Opened, Reach};
use answer::Answer;

const AFTER: &str = "\
Examples:
  provost connect absorb
  provost connect absorb --no-browser --port 8765     for a browser on another machine, through a tunnel to that port";

/// Let Provost into an app with a browser, once, where the app is configured with client_id and client_secret
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct ConnectArgs {
    /// Which app
    #[arg(value_name = "APP")]
    app: String,
    /// Only print the address; open it in any browser on this machine
    #[arg(long)]
    no_browser: bool,
    /// The port on 127.0.0.1 that the browser comes back to; 0 takes any that is free
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    port: u16,
    /// How many minutes to wait for the person
    #[arg(long, value_name = "MINUTES", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=1440))]
    wait: u64,
}

pub(crate) async fn run(globals: &Globals, args: &ConnectArgs) -> Result<End, Failure> {
    let face = globals.face();
    face.plain()?;
    let mut stops = Stops::listen()?;
    let opened = Opened::open(globals, Reach::Apps).await?;
    let connected = connect(face, &opened, args, &mut stops).await;
    opened.close().await;
    connected
}

async fn connect(face: Face, opened: &Opened, args: &ConnectArgs, stops: &mut Stops) -> Result<End, Failure> {
    let app = AppName::new(args.app.as_str());
    let listener = TcpListener::bind(("127.0.0.1", args.port)).await.map_err(|error| {
        Failure::new(
            format!("cannot listen on 127.0.0.1:{}: {error}", args.port),
            "choose another port with --port; 0 takes any that is free",
        )
    })?;
    let port = listener.local_addr().map_or(args.port, |address| address.port());
    let (redirect, state) = (format!("http://127.0.0.1:{port}/"), state()?);
    let Some(address) = opened.engine.consent(&app, &redirect, &state).await? else {
        let next = "`provost check` tells whether its credentials work";
        return Err(Failure::new(
            format!("nobody has to let Provost into {app}: it logs in with the credentials of its configuration"),
            next,
        ));
    };
    invite(face, &app, &address, args.no_browser);
    let code = tokio::select! {
        code = wait_for_code(face, &listener, &state) => code?,
        () = tokio::time::sleep(Duration::from_secs(args.wait * 60)) => {
            return Err(Failure::new(format!("nobody let Provost into {app} within {} minutes; nothing was changed", args.wait), again(&app)));
        }
        () = stops.next() => return Err(Failure::new("stopped before anybody answered; nothing was changed", again(&app))),
    };
    let profile = opened.engine.redeem(&app, &code, &redirect).await?;
    if face.format == Format::Json {
        face.json(&json!({ "app": app, "connected": true, "profile": profile }));
    } else {
        face.text(&format!("{app}: connected ({profile} profile); what keeps it so is in the store, sealed"));
    }
    face.note(&format!("next: provost check --app {app}"));
    Ok(End::Done)
}

fn again(app: &AppName) -> String {
    format!("`provost connect {app}` begins anew")
}

/// Shows the address, and opens it where that is wanted.
fn invite(face: Face, app: &AppName, address: &str, no_browser: bool) {
    if face.format == Format::Json {
        face.json(&json!({ "app": app, "open": address }));
    } else {
        face.text(&format!("to let Provost into {app}, log in and say yes here:\n{address}"));
    }
    if !no_browser && let Err(error) = open::that_detached(address) {
        face.note(&format!("no browser could be opened ({error}); open the address yourself"));
    }
    face.note("waiting for the answer; control-C stops");
}

/// What tells our own question from anybody else's: 32 bytes that nobody can guess.
fn state() -> Result<String, Failure> {
    let mut bytes = [0_u8; 32];
    rand::rngs::SysRng
        .try_fill_bytes(&mut bytes)
        .map_err(|error| Failure::new(format!("the system gives no random numbers: {error}"), "check the machine's random device"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Answers browsers until one brings the code, or the person's no.  What has another state is shown a page, told, and ignored.
async fn wait_for_code(face: Face, listener: &TcpListener, state: &str) -> Result<Secret, Failure> {
    let (sender, mut answers) = mpsc::channel::<Answer>(4);
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // A connection that breaks before it says anything is no answer.
                let Ok((stream, _)) = accepted else { continue };
                tokio::spawn(serve(stream, state.to_owned(), sender.clone()));
            }
            Some(answer) = answers.recv() => match answer {
                Answer::Code(code) => return Ok(code),
                Answer::No(why) => {
                    return Err(Failure::new(format!("the app let nobody in: {why}; nothing was changed"), "run it again when somebody wants to say yes"));
                }
                Answer::Foreign => face.note("an answer to another question came, and was ignored (its state is not ours)"),
                Answer::Nothing => {}
            },
        }
    }
}

async fn serve(mut stream: TcpStream, state: String, sender: mpsc::Sender<Answer>) {
    // A browser that hangs holds nobody up.
    let served = tokio::time::timeout(Duration::from_secs(10), answer::serve(&mut stream, &state)).await;
    if let Ok(Ok(answer)) = served {
        // Nobody listens any more when another browser was faster.
        sender.send(answer).await.ok();
    }
}
