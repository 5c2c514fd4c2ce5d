//! Families of figures, one call each.

use std::fmt;

use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;

use super::latency::Shape;

/// Names and values; the library escapes the values for each format.
pub(super) type Labels = Vec<(&'static str, String)>;

/// One label.
pub(super) fn label(name: &'static str, value: impl Into<String>) -> Labels {
    vec![(name, value.into())]
}

/// Writes families.
pub(super) struct Writer<'a>(DescriptorEncoder<'a>);

impl<'a> Writer<'a> {
    pub(super) fn new(encoder: DescriptorEncoder<'a>) -> Writer<'a> {
        Writer(encoder)
    }

    /// What only grows; the name without its `_total`. A family without figures is left out.
    pub(super) fn counters(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<&Unit>,
        figures: impl IntoIterator<Item = (Labels, u64)>,
    ) -> fmt::Result {
        let mut figures = figures.into_iter().peekable();
        if figures.peek().is_none() {
            return Ok(());
        }
        let mut family = self.0.encode_descriptor(name, help, unit, MetricType::Counter)?;
        for (labels, figure) in figures {
            family.encode_family(&labels)?.encode_counter::<NoLabelSet, _, f64>(&figure, None)?;
        }
        Ok(())
    }

    /// What goes up and down.
    pub(super) fn gauges(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<&Unit>,
        figures: impl IntoIterator<Item = (Labels, f64)>,
    ) -> fmt::Result {
        let mut figures = figures.into_iter().peekable();
        if figures.peek().is_none() {
            return Ok(());
        }
        let mut family = self.0.encode_descriptor(name, help, unit, MetricType::Gauge)?;
        for (labels, figure) in figures {
            family.encode_family(&labels)?.encode_gauge(&figure)?;
        }
        Ok(())
    }

    /// One figure without labels.
    pub(super) fn gauge(&mut self, name: &str, help: &str, unit: Option<&Unit>, figure: f64) -> fmt::Result {
        self.gauges(name, help, unit, [(Labels::new(), figure)])
    }

    /// A word out of several, as OpenMetrics has state sets: the state that holds is 1, the others are 0.
    pub(super) fn state(
        &mut self,
        name: &str,
        help: &str,
        (key, states): (&'static str, &[&'static str]),
        state: &str,
    ) -> fmt::Result {
        self.gauges(name, help, None, states.iter().map(|one| (label(key, *one), f64::from(*one == state))))
    }

    /// Words; the name without its `_info`.
    pub(super) fn info(&mut self, name: &str, help: &str, labels: &Labels) -> fmt::Result {
        self.0.encode_descriptor(name, help, None, MetricType::Info)?.encode_info(labels)
    }

    /// Distributions.
    pub(super) fn histograms(
        &mut self,
        name: &str,
        help: &str,
        unit: &Unit,
        figures: impl IntoIterator<Item = (Labels, Shape)>,
    ) -> fmt::Result {
        let mut figures = figures.into_iter().peekable();
        if figures.peek().is_none() {
            return Ok(());
        }
        let mut family = self.0.encode_descriptor(name, help, Some(unit), MetricType::Histogram)?;
        for (labels, shape) in figures {
            family.encode_family(&labels)?.encode_histogram_with_native::<NoLabelSet>(
                shape.sum,
                shape.count,
                &shape.classic,
                None,
                shape.native(),
            )?;
        }
        Ok(())
    }
}
