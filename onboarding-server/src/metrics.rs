//! Counters and histograms in the Prometheus text form.
//!
//! Source: OpenMetrics 1.0.
//! Does not: know a device; no label has more values than there are endpoints, listeners, reasons or statuses.
//! Invariants: names begin with `gangway_`; spans are in seconds; a label's words are those of the log.

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use proto::{Class, ReasonCode};
use server_listen::Meter;

/// The media type of [`Metrics::encode`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Upper bounds of the histograms, in seconds: from a cached answer to a slow MASA.
const SECONDS_BUCKETS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 10.0];

/// All that is counted; cheap to clone, all clones count together.
#[derive(Clone, Debug)]
pub struct Metrics(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    request_seconds: Family<EndpointLabels, Histogram>,
    refusals: Family<RefusalLabels, Counter>,
    connections: Meter,
    events: Family<EventLabels, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    endpoint: &'static str,
    status: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EndpointLabels {
    endpoint: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RefusalLabels {
    endpoint: &'static str,
    class: &'static str,
    reason: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EventLabels {
    event: &'static str,
}

impl Metrics {
    /// Makes a registry in which everything stands at zero.
    #[must_use]
    pub fn new() -> Self {
        let mut inner = Inner {
            registry: Registry::with_prefix("gangway"),
            requests: Family::default(),
            request_seconds: Family::new_with_constructor(|| Histogram::new(SECONDS_BUCKETS)),
            refusals: Family::default(),
            connections: Meter::default(),
            events: Family::default(),
        };
        inner.register();
        Self(Arc::new(inner))
    }

    /// Counts an answered request and how long its answer took.
    pub fn request(&self, endpoint: &'static str, status: u16, span: Duration) {
        self.0.requests.get_or_create(&RequestLabels { endpoint, status: u32::from(status) }).inc();
        self.0.request_seconds.get_or_create(&EndpointLabels { endpoint }).observe(span.as_secs_f64());
    }

    /// Counts a refusal by its reason.
    pub fn refusal(&self, endpoint: &'static str, class: Class, reason: &ReasonCode) {
        let labels = RefusalLabels { endpoint, class: class.name(), reason: reason.as_str().to_owned() };
        self.0.refusals.get_or_create(&labels).inc();
    }

    /// Counts something that happened once: `voucher-issued`, `certificate-issued`, `journal-rebuilt` …
    pub fn event(&self, event: &'static str) {
        self.0.events.get_or_create(&EventLabels { event }).inc();
    }

    /// Returns the counters of connections, for the listeners.
    #[must_use]
    pub fn connections(&self) -> Meter {
        self.0.connections.clone()
    }

    /// Writes everything in the OpenMetrics text form.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut page = String::new();
        // Writing into a String fails only if a metric refuses to encode itself, and none of ours does.
        if text::encode(&mut page, &self.0.registry).is_err() {
            tracing::error!("the metrics page could not be written");
        }
        page
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Inner {
    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register("requests", "Requests answered, by endpoint and status", self.requests.clone());
        registry.register("request_seconds", "Seconds until an answer began", self.request_seconds.clone());
        registry.register("refusals", "Requests refused, by reason", self.refusals.clone());
        self.connections.register(registry);
        registry.register("events", "Things that happened, by name", self.events.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_shows_what_was_counted() {
        let metrics = Metrics::new();
        metrics.request("requestvoucher", 200, Duration::from_millis(3));
        metrics.clone().refusal(
            "requestvoucher",
            Class::Untrusted,
            &ReasonCode::new("pvr-signature-invalid"),
        );
        let page = metrics.encode();
        for line in [
            r#"gangway_requests_total{endpoint="requestvoucher",status="200"} 1"#,
            r#"gangway_refusals_total{endpoint="requestvoucher",class="untrusted",reason="pvr-signature-invalid"} 1"#,
            r#"gangway_request_seconds_bucket{le="0.005",endpoint="requestvoucher"} 1"#,
        ] {
            assert!(page.contains(line), "{line} is not in\n{page}");
        }
        assert!(page.ends_with("# EOF\n"));
    }
}
