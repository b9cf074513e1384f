//! The log of a server: a line for each thing that happened, for people or as JSON, on standard error.
//!
//! A line has the ids of what it belongs to (job, trigger, plan, run), whoever wrote it.  Only our own crates are listened to: what others
//! log of requests and statements may name people, or hold secrets.

use std::fmt;
use std::io::Write;

use clap::ValueEnum;
use jiff::Timestamp;
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::{LookupSpan, Registry};

use crate::faces::visible;
use crate::traces::Traces;

/// What the targets of our crates begin with.
pub(crate) const OURS: &str = "provost";
/// The member with what happened, in words.
const MESSAGE: &str = "message";

/// So many lines wait for a reader who is slow; what comes then is left out.
const LINES: usize = 10_000;

/// How the log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// For people.
    #[default]
    Text,
    /// One object a line, for programs.
    Json,
}

/// A log that is written; dropped, it is written to its end.
pub(crate) struct Log {
    lost: ErrorCounter,
    _writer: WorkerGuard,
}

/// Begins to write the log of this process; what is less than `level` is left out.  Traces hear of the same.
pub(crate) fn begin(form: Form, level: LevelFilter, traces: Option<&Traces>) -> Log {
    // By a thread of its own: a reader who has stopped reading stops nobody else.
    let (out, writer) = NonBlockingBuilder::default().buffered_lines_limit(LINES).finish(std::io::stderr());
    let lost = out.error_counter();
    // When standard error is gone, nobody is left to tell.
    let put = move |line: &str| drop(out.clone().write_all(line.as_bytes()));
    let lines = Lines { form, put };
    let lines = lines.with_filter(Targets::new().with_target(OURS, level));
    let all = Registry::default().with(lines).with(traces.map(Traces::layer));
    // A process has one log: where there is one already, it stays.
    tracing::subscriber::set_global_default(all).ok();
    Log { lost, _writer: writer }
}

impl Log {
    /// How many lines were left out since nobody read them.
    pub(crate) fn lost(&self) -> usize {
        self.lost.dropped_lines()
    }
}

/// Writes lines.
struct Lines<P> {
    form: Form,
    put: P,
}

/// Fields by name.
#[derive(Default)]
struct Fields(Map<String, Value>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}").into());
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.into());
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.insert(field.name().to_owned(), value.into());
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.insert(field.name().to_owned(), value.into());
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>, P: Fn(&str) + 'static> Layer<S> for Lines<P> {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, record: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            record.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        for span in context.event_scope(event).into_iter().flat_map(|scope| scope.from_root()) {
            if let Some(of_span) = span.extensions().get::<Fields>() {
                fields.0.extend(of_span.0.clone());
            }
        }
        event.record(&mut fields);
        let meta = event.metadata();
        let line = match self.form {
            Form::Text => text(fields.0),
            Form::Json => json(&meta.level().to_string().to_ascii_lowercase(), meta.target(), fields.0),
        };
        (self.put)(&line);
    }
}

/// What happened, and in brackets what it belongs to.
fn text(mut fields: Map<String, Value>) -> String {
    let message = fields.remove(MESSAGE).map(|message| words(&message)).unwrap_or_default();
    let more: Vec<String> = fields.iter().map(|(name, value)| format!("{name} {}", words(value))).collect();
    let more = if more.is_empty() { String::new() } else { format!(" ({})", more.join(", ")) };
    format!("{}\n", visible(&format!("{message}{more}")).replace('\n', " "))
}

fn words(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// All of it, in one object on one line.
fn json(level: &str, target: &str, fields: Map<String, Value>) -> String {
    let mut line = Map::new();
    line.insert("time".into(), format!("{:.3}", Timestamp::now()).into());
    line.insert("level".into(), level.into());
    line.insert("target".into(), target.into());
    line.extend(fields);
    format!("{}\n", Value::Object(line))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    static SAID: Mutex<Vec<String>> = Mutex::new(Vec::new());

    fn keep(line: &str) {
        SAID.lock().unwrap().push(line.to_owned());
    }

    #[test]
    fn a_line_has_the_ids_of_what_it_belongs_to_and_others_are_not_heard() {
        let level = Targets::new().with_target(OURS, LevelFilter::INFO);
        let to = |form| Registry::default().with(Lines { form, put: keep }.with_filter(level.clone()));
        let happen = || {
            let run = tracing::error_span!("run", run = "r1", plan = "abc");
            let _run = run.enter();
            let call = tracing::error_span!("call", call = 7_u64).entered();
            tracing::info!(app = "lms", "line one\nline two\u{1b}");
            drop(call);
            tracing::debug!("less than was asked for");
            tracing::info!(target: "sqlx::query", "SELECT secret");
        };
        tracing::subscriber::with_default(to(Form::Json), happen);
        tracing::subscriber::with_default(to(Form::Text), happen);
        let said = std::mem::take(&mut *SAID.lock().unwrap());
        assert_eq!(said.len(), 2, "{said:?}");
        let line: Value = serde_json::from_str(&said[0]).unwrap();
        assert_eq!(said[0].lines().count(), 1);
        for (name, value) in [("run", "r1"), ("plan", "abc"), ("app", "lms"), ("level", "info"), (MESSAGE, "line one\nline two\u{1b}")]
        {
            assert_eq!(line[name], value, "{line}");
        }
        assert_eq!(line["call"], 7);
        assert!(line["time"].as_str().unwrap().parse::<Timestamp>().is_ok());
        assert_eq!(said[1], "line one line two\\u{1b} (app lms, call 7, plan abc, run r1)\n");
    }
}
