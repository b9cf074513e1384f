//! OpenTelemetry traces of a server: what a job, a run, a call and a request took, sent to a collector.
//!
//! The standard variables say whether, where and how: nothing is sent where none of them names a collector.  Names of people and secrets
//! are in no span, as they are in no line of the log.

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SdkTracerProvider, Tracer};
use tracing::{Level, Metadata, Subscriber};
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::filter::{FilterFn, Filtered, filter_fn};
use tracing_subscriber::layer::Layer as _;
use tracing_subscriber::registry::LookupSpan;

use crate::failure::Failure;
use crate::logs::OURS;

/// What name a collector: for all that is told, or for traces alone.
const COLLECTORS: [&str; 2] = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"];
/// The server's name among others, unless this says another one.
const NAMED: &str = "OTEL_SERVICE_NAME";
const NAME: &str = "provost";

/// Traces on their way to a collector.
pub(crate) struct Traces(SdkTracerProvider);

impl Traces {
    /// Traces, where a collector is named.
    ///
    /// # Errors
    /// It cannot be sent to: no address, or one that is none.
    pub(crate) fn begin() -> Result<Option<Self>, Failure> {
        let said = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let Some(named) = COLLECTORS.into_iter().rev().find(|name| said(name)) else { return Ok(None) };
        // What it sends with looks for this.
        rustls::crypto::ring::default_provider().install_default().ok();
        let exporter = SpanExporter::builder().with_http().with_protocol(Protocol::HttpBinary).build();
        let exporter = exporter.map_err(|error| {
            Failure::new(format!("traces cannot be sent to the collector that {named} names: {error}"), "give it as http://HOST:4318")
        })?;
        let resource = Resource::builder();
        let resource = if said(NAMED) { resource } else { resource.with_service_name(NAME) };
        Ok(Some(Self(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource.build()).build())))
    }

    /// What hears of spans and of what happens within them.
    pub(crate) fn layer<S: Subscriber + for<'a> LookupSpan<'a>>(&self) -> Filtered<OpenTelemetryLayer<S, Tracer>, FilterFn, S> {
        tracing_opentelemetry::layer().with_tracer(self.0.tracer(NAME)).with_filter(filter_fn(heard))
    }

    /// Sends what is still here; a collector that does not answer is not waited for long.
    pub(crate) async fn end(self) {
        let sent = tokio::task::spawn_blocking(move || self.0.shutdown()).await;
        if let Ok(Err(error)) = sent {
            tracing::warn!("the last traces did not reach the collector: {error}");
        }
    }
}

/// Our own spans, and what is told within them; others' may name people.
fn heard(meta: &Metadata<'_>) -> bool {
    meta.target().starts_with(OURS) && (meta.is_span() || *meta.level() <= Level::INFO)
}
