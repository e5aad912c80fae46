//! How many connections each listener has, and why they ended.
//!
//! Does not: serve a metrics page; whoever does registers these counters in its own registry.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// The counters of connections; cheap to clone, and every clone counts the same.
#[derive(Clone, Debug, Default)]
pub struct Meter {
    open: Family<ListenerLabels, Gauge>,
    closed: Family<ClosedLabels, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ListenerLabels {
    listener: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ClosedLabels {
    listener: &'static str,
    reason: &'static str,
}

impl Meter {
    /// Puts the counters into `registry`, as `connections` and `connections_closed`.
    pub fn register(&self, registry: &mut Registry) {
        registry.register("connections", "Connections open now", self.open.clone());
        registry.register("connections_closed", "Connections closed, by reason", self.closed.clone());
    }

    /// Notes that `listener` has one connection more.
    pub fn opened(&self, listener: &'static str) {
        self.open.get_or_create(&ListenerLabels { listener }).inc();
    }

    /// Notes that `listener` has one connection less, and why.
    pub fn closed(&self, listener: &'static str, reason: &'static str) {
        self.open.get_or_create(&ListenerLabels { listener }).dec();
        self.refused(listener, reason);
    }

    /// Notes that `listener` closed a connection before it served it, and why.
    pub fn refused(&self, listener: &'static str, reason: &'static str) {
        self.closed.get_or_create(&ClosedLabels { listener, reason }).inc();
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text;

    use super::*;

    #[test]
    fn the_registry_shows_what_was_counted() {
        let (meter, mut registry) = (Meter::default(), Registry::default());
        meter.register(&mut registry);
        meter.opened("owner");
        meter.opened("owner");
        meter.clone().closed("owner", "ended");
        meter.refused("maker", "address-full");
        let mut page = String::new();
        text::encode(&mut page, &registry).unwrap();
        for line in [
            r#"connections{listener="owner"} 1"#,
            r#"connections_closed_total{listener="owner",reason="ended"} 1"#,
            r#"connections_closed_total{listener="maker",reason="address-full"} 1"#,
        ] {
            assert!(page.contains(line), "{line} is not in\n{page}");
        }
    }
}
