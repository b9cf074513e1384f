//! Schedules and watched rosters: what happens by itself while the server runs.

use std::sync::Arc;
use std::time::Duration;

use engine::{Engine, Watched};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::planning::Planning;
use crate::server::Notes;

/// How long nobody looks at the clock at most: it may be set, or the machine sleep.
const LOOK: Duration = Duration::from_secs(30);

/// Starts what waits for schedules and looks at rosters this often, until `stop` says so; nothing where there are none.
pub(crate) fn begin(
    engine: Arc<Engine>,
    planning: Planning,
    notes: Notes,
    every: Duration,
    mut stop: watch::Receiver<bool>,
) -> Option<JoinHandle<()>> {
    let (scheduled, watches) = (!engine.schedules().is_empty(), engine.watches_rosters());
    if !scheduled && !watches {
        return None;
    }
    Some(tokio::spawn(async move {
        let mut seen = Watched::default();
        loop {
            match engine.take_turns().await {
                Ok(turns) => {
                    for (cause, turn) in turns {
                        if turn.missed > 0 {
                            notes(format!("{cause} was missed {} times before {:.0}; it is made up for once", turn.missed, turn.at));
                        }
                        planning.caused(&cause);
                    }
                }
                Err(error) => notes(format!("schedules cannot be looked at now: {error}")),
            }
            if watches {
                match engine.look_at_rosters(&mut seen).await {
                    Ok(causes) => causes.iter().for_each(|cause| planning.caused(cause)),
                    Err(error) => notes(format!("rosters cannot be watched now: {error}")),
                }
            }
            let mut pause = if watches { every.min(LOOK) } else { LOOK };
            if let Some(wait) = engine.until_due() {
                pause = pause.min(wait);
            }
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }))
}
