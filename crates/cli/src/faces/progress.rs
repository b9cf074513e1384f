//! Progress while it happens: bars on a terminal, a line now and then elsewhere, nothing when asked to be quiet.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use engine::{Event, Watch};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::{Face, visible};
use crate::failure::Failure;
use crate::stops::Stops;

/// How often a line is written where there is no terminal.
const EVERY: Duration = Duration::from_secs(5);

/// Watches a use-case, and hears control-C.
pub(crate) struct Progress {
    face: Face,
    stop: Arc<AtomicBool>,
    shown: Mutex<Shown>,
}

struct Shown {
    bars: Option<MultiProgress>,
    lines: BTreeMap<String, Line>,
}

/// One subject: a reading, or the steps of one app.
struct Line {
    bar: Option<ProgressBar>,
    done: u64,
    failed: u64,
    total: Option<u64>,
    said: Instant,
}

impl Progress {
    pub(crate) fn new(face: Face) -> Self {
        let bars = (!face.quiet && std::io::stderr().is_terminal()).then(MultiProgress::new);
        Self { face, stop: Arc::new(AtomicBool::new(false)), shown: Mutex::new(Shown { bars, lines: BTreeMap::new() }) }
    }

    /// From now on control-C asks the run to stop between calls; pressed again, it ends the program.  A run that was cut off is as safe
    /// to go on with as one that stopped.
    ///
    /// # Errors
    /// A [`Failure`] when control-C cannot be heard.
    pub(crate) fn stop_on_control_c(&self) -> Result<(), Failure> {
        let mut stops = Stops::listen()?;
        let (stop, face) = (Arc::clone(&self.stop), self.face);
        tokio::spawn(async move {
            stops.next().await;
            stop.store(true, Ordering::Relaxed);
            face.note("stopping when the calls under way have ended; press control-C again to stop at once");
            stops.next().await;
            face.note("stopped at once; `provost resume` goes on");
            std::process::exit(1);
        });
        Ok(())
    }

    /// Shows how far something has come.
    pub(crate) fn count(&self, subject: &str, done: u64, total: u64) {
        self.update(subject, |line| {
            line.done = done;
            line.total = Some(total);
        });
    }

    /// Takes the bars away, so that what follows stands on clean lines.
    pub(crate) fn end(&self) {
        self.clear(|_| true);
    }

    /// Takes away the bars of what has ended.
    fn clear(&self, ended: impl Fn(&str) -> bool) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        shown.lines.retain(|subject, line| {
            if !ended(subject) {
                return true;
            }
            if let Some(bar) = &line.bar {
                bar.finish_and_clear();
            }
            false
        });
    }

    /// Changes one subject's line and shows it.
    fn update(&self, subject: &str, change: impl FnOnce(&mut Line)) {
        if self.face.quiet {
            return;
        }
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let Shown { bars, lines } = &mut *shown;
        let line = lines.entry(subject.to_owned()).or_insert_with(|| Line {
            bar: bars.as_ref().map(|bars| bars.add(bar(subject))),
            done: 0,
            failed: 0,
            total: None,
            said: Instant::now(),
        });
        change(line);
        match &line.bar {
            Some(bar) => {
                if let Some(total) = line.total {
                    bar.set_length(total);
                }
                bar.set_position(line.done);
                if line.failed > 0 {
                    bar.set_message(format!("{} not done", line.failed));
                }
            }
            None if line.said.elapsed() >= EVERY => {
                line.said = Instant::now();
                let of = line.total.map(|total| format!(" of {total}")).unwrap_or_default();
                let failed = if line.failed > 0 { format!(", {} not done", line.failed) } else { String::new() };
                self.face.note(&format!("{subject}: {}{of}{failed}", line.done));
            }
            None => {}
        }
    }

    fn say(&self, text: &str) {
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        match &shown.bars {
            // A terminal that cannot be written to shows nothing; the run goes on.
            Some(bars) => drop(bars.println(visible(text))),
            None => self.face.note(text),
        }
    }
}

fn bar(subject: &str) -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix:24} {bar:32} {pos}/{len} {elapsed} {msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::no_length().with_style(style);
    bar.set_prefix(visible(subject));
    bar
}

impl Watch for Progress {
    fn event(&self, event: Event) {
        match event {
            Event::Reading { subject, what, records, total } => self.update(&format!("{subject} {what}"), |line| {
                line.done = records;
                line.total = total;
            }),
            Event::Read { subject, certificate } => {
                self.clear(|line| line.strip_prefix(&subject).is_some_and(|what| what.starts_with(' ')));
                self.say(&format!("{subject}: {certificate}"));
            }
            Event::NotNarrowed { subject, why } => {
                self.say(&format!("{subject}: read as for everybody, though only some people are named, because {why}"));
            }
            Event::RunStarted { run, steps } => {
                let of = steps
                    .iter()
                    .filter(|(_, count)| *count > 0)
                    .map(|(app, count)| format!("{app} {count}"))
                    .collect::<Vec<_>>()
                    .join(", ");
                self.say(&format!("run {run}: steps to do: {}", if of.is_empty() { "none" } else { &of }));
                for (app, count) in steps {
                    self.update(app.as_str(), |line| line.total = u64::try_from(count).ok());
                }
            }
            Event::StepsEnded { app, done, other } => self.update(app.as_str(), |line| {
                line.done += u64::try_from(done + other).unwrap_or_default();
                line.failed += u64::try_from(other).unwrap_or_default();
            }),
            Event::Rehearsing { app, faulty, steps, total } => {
                let pass = if faulty { "under faults" } else { "nothing fails" };
                self.update(&format!("{app}, {pass}"), |line| {
                    line.done += u64::try_from(steps).unwrap_or_default();
                    line.total = u64::try_from(total).ok();
                });
            }
            Event::Recovered { app, since } => {
                self.say(&format!("{app} answers again: its quarantine since {since:.0} is over"));
            }
            Event::LeftOut { why, .. } => self.say(&format!("{why}; the others go on without it")),
            // Shorter waits are the ordinary pace.
            Event::Waiting { app, millis, why } if millis >= 2_000 => {
                self.say(&format!("{app} asks to wait {} s ({why})", millis / 1000));
            }
            _ => {}
        }
    }

    fn stop_asked(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}
