//! Spans to a collector, a batch a request, by OpenTelemetry's own exporter.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::{InstrumentationScope, Key, KeyValue};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::{EnvResourceDetector, TelemetryResourceDetector};
use opentelemetry_sdk::trace::{SpanData, SpanExporter as _};

use super::Sent;
use super::collector::Collector;
use super::settings::{Settings, TracesError};
use super::tracer::{Scene, Span};
use crate::config::Target;
use crate::exchange::Endpoint;

const NAME: &str = "tapcompare";
const SERVICE: &str = "service.name";

/// Sends spans, one batch after the other.
#[derive(Debug)]
pub struct Exporter {
    inner: SpanExporter,
    client: Arc<Collector>,
    scene: Scene,
    timeout: Duration,
    collector: String,
}

impl Exporter {
    pub(super) fn open(
        settings: &Settings,
        candidate: &Target,
        legacy: Option<&Target>,
    ) -> Result<Exporter, TracesError> {
        let client = Arc::new(Collector::new(&settings.collector));
        let collector = settings.collector.to_string();
        let mut inner = SpanExporter::builder()
            .with_http()
            .with_shared_http_client(Arc::clone(&client) as Arc<dyn opentelemetry_http::HttpClient>)
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(collector.clone())
            .with_timeout(settings.timeout)
            .build()
            .map_err(|error| TracesError::Exporter(error.to_string()))?;
        inner.set_resource(&resource());
        let scope = InstrumentationScope::builder(NAME).with_version(env!("CARGO_PKG_VERSION")).build();
        let scene = Scene { candidate: candidate.clone(), legacy: legacy.cloned(), scope };
        Ok(Exporter { inner, client, scene, timeout: settings.timeout, collector })
    }

    /// Where spans go.
    pub fn collector(&self) -> &str {
        &self.collector
    }

    /// Sends one batch, and waits for the collector to say that it has it: within the time that one batch has, or `within`,
    /// where that is less. Needs a tokio runtime.
    pub async fn send(&self, spans: Vec<Span>, endpoints: &[Endpoint], within: Duration) -> Sent {
        let data = |span: Span| {
            let endpoint = endpoints.get(span.endpoint() as usize);
            self.scene.data(span, endpoint)
        };
        let batch: Vec<SpanData> = spans.into_iter().map(data).collect();
        let all = batch.len() as u64;
        let sending = tokio::time::timeout(self.timeout.min(within), self.inner.export(batch));
        match sending.await {
            Ok(Ok(())) => Sent::Taken { rejected: self.client.rejected().min(all) },
            Ok(Err(error)) => Sent::Failed(self.client.trouble().unwrap_or_else(|| error.to_string())),
            Err(_) => Sent::Failed("it took too long".to_owned()),
        }
    }
}

/// Who sends: what `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` say, and else our own name.
fn resource() -> Resource {
    let detected = Resource::builder_empty()
        .with_detector(Box::new(TelemetryResourceDetector))
        .with_detector(Box::new(EnvResourceDetector::new()));
    let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    let named = std::env::var("OTEL_SERVICE_NAME").ok().filter(|name| !name.is_empty());
    let known = detected.build();
    let name = match named {
        Some(name) => name,
        None => known.get(&Key::from_static_str(SERVICE)).map_or_else(|| NAME.to_owned(), |name| name.to_string()),
    };
    let known = known.iter().map(|(key, value)| KeyValue::new(key.clone(), value.clone()));
    Resource::builder_empty().with_attribute(version).with_attributes(known).with_service_name(name).build()
}
