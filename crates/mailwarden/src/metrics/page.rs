//! The page of metrics: the counters of all workers, and what is in force.

use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use engine::admission::{Counted, DomainView};
use engine::config::Inspect;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, prometheus_text, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;
use proto::Time;

use super::table::{self, Metric};
use crate::attachments::{AttachmentId, AttachmentName};
use crate::proxy::sessions::Stage;
use crate::report::{AttachmentCounters, Counters, Histogram};
use crate::running::{InForce, Reloaded, Running};

/// How the page is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Prometheus,
    OpenMetrics,
}

impl Format {
    /// What a reader takes: who does not ask for OpenMetrics gets the older format.
    pub(super) fn for_reader(accept: &str) -> Self {
        if accept.contains("application/openmetrics-text") { Self::OpenMetrics } else { Self::Prometheus }
    }

    pub(super) const fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// The page.
pub(super) fn render(running: &Running, counters: Counters, format: Format) -> Result<String, fmt::Error> {
    let page = Page {
        in_force: running.in_force(),
        last_reload: running.last_reload(),
        started: running.start_time(),
        dropped: running.log().dropped(),
        now: running.now(),
        limits: running.limits(),
        counters,
    };
    write(page, format)
}

pub(super) fn write(page: Page, format: Format) -> Result<String, fmt::Error> {
    let mut registry = Registry::with_prefix("mailwarden");
    registry.register_collector(Box::new(page));
    let mut out = String::new();
    match format {
        Format::Prometheus => prometheus_text::encode(&mut out, &registry)?,
        Format::OpenMetrics => text::encode(&mut out, &registry)?,
    }
    Ok(out)
}

/// Everything that is on it.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) in_force: Arc<InForce>,
    pub(super) last_reload: Reloaded,
    pub(super) started: SystemTime,
    pub(super) dropped: u64,
    pub(super) now: Time,
    pub(super) counters: Counters,
    pub(super) limits: Vec<(String, DomainView)>,
}

/// The labels of one metric and their values.
type Labels<'l> = Vec<(&'static str, &'l str)>;

impl Collector for Page {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut to = Families { encoder: &mut encoder };
        to.gauge(&table::BUILD, vec![("version", env!("CARGO_PKG_VERSION"))], 1.0)?;
        to.gauge(&table::START, vec![], unix(self.started))?;
        to.gauge(&table::GENERATION, vec![], self.in_force.generation as f64)?;
        to.gauge(&table::RELOADED, vec![], f64::from(u8::from(self.last_reload.ok)))?;
        to.gauge(&table::RELOAD_TIME, vec![], unix(self.last_reload.at))?;
        to.counter(&table::RELOADS_REFUSED, vec![], self.last_reload.refused)?;
        to.counter(&table::DROPPED, vec![], self.dropped)?;
        self.population(&mut to)?;
        self.counted(&mut to)?;
        self.limits(&mut to)?;
        self.servers(&mut to)
    }
}

impl Page {
    /// How many sessions there are and were.
    fn population(&self, to: &mut Families<'_, '_>) -> fmt::Result {
        const STAGES: [(Stage, &str); 3] =
            [(Stage::Opening, "opening"), (Stage::Open, "open"), (Stage::Closing, "closing")];
        to.family(&table::ACCEPTED, |family| {
            self.in_force.attachments.iter().try_for_each(|(name, _, census)| {
                family.counter(of(name), census.population(self.now).created)
            })
        })?;
        to.family(&table::SESSIONS, |family| {
            self.in_force.attachments.iter().try_for_each(|(name, _, census)| {
                let population = census.population(self.now);
                STAGES.iter().zip(population.now).try_for_each(|((_, stage), sessions)| {
                    family.gauge(with(of(name), [("stage", stage)]), f64::from(sessions))
                })
            })
        })
    }

    /// What the workers have counted of each attachment.
    fn counted(&self, to: &mut Families<'_, '_>) -> fmt::Result {
        self.each(to, &table::CONNECTED, |family, name, counted| family.counter(name, counted.connected))?;
        self.each(to, &table::ENDED, |family, name, counted| {
            counted.ended.iter().try_for_each(|(reason, times)| {
                family.counter(with(name.clone(), [("reason", reason.name())]), times)
            })
        })?;
        self.each(to, &table::BYTES, |family, name, counted| {
            let [to_client, to_server] = counted.bytes;
            family.counter(with(name.clone(), [("to", "client")]), to_client)?;
            family.counter(with(name, [("to", "server")]), to_server)
        })?;
        self.each(to, &table::MESSAGES, |family, name, counted| {
            counted.messages.iter().try_for_each(|(outcome, times)| {
                family.counter(with(name.clone(), [("outcome", outcome.name())]), times)
            })
        })?;
        self.each(to, &table::MESSAGE_BYTES, |family, name, counted| {
            family.counter(name, counted.message_bytes)
        })?;
        self.each(to, &table::MATCHES, |family, name, counted| {
            counted.by_class().iter().try_for_each(|((policy, class, action), times)| {
                let labels = [("policy", *policy), ("class", *class), ("action", *action)];
                family.counter(with(name.clone(), labels), *times)
            })
        })?;
        self.each(to, &table::ANOMALIES, |family, name, counted| {
            counted.anomalies.iter().try_for_each(|((kind, treatment), times)| {
                let labels = [("kind", kind.name()), ("treatment", treatment.name())];
                family.counter(with(name.clone(), labels), times)
            })
        })?;
        self.each(to, &table::REPLIES, |family, name, counted| {
            counted.replies.iter().try_for_each(|(reply, times)| {
                let code = reply.code.to_string();
                family.counter(with(name.clone(), [("by", reply.by.name()), ("code", &code)]), times)
            })
        })?;
        self.each(to, &table::LOGINS, |family, name, counted| {
            counted.logins.iter().try_for_each(|(outcome, times)| {
                family.counter(with(name.clone(), [("outcome", outcome.name())]), times)
            })
        })?;
        self.each(to, &table::UNINSPECTED, |family, name, counted| {
            family.counter(with(name.clone(), [("reason", "tls")]), counted.tls)?;
            family.counter(with(name, [("reason", "pinhole")]), counted.pinholes)
        })?;
        self.each(to, &table::DROPPED_SESSIONS, |family, name, counted| {
            family.counter(name, counted.dropped)
        })?;
        self.each(to, &table::CONNECT, |family, name, counted| family.histogram(name, &counted.connect))?;
        self.each(to, &table::HOLD, |family, name, counted| family.histogram(name, &counted.hold))
    }

    /// What limits sessions, and what it did.
    fn limits(&self, to: &mut Families<'_, '_>) -> fmt::Result {
        to.family(&table::LIMIT_ACTIONS, |family| {
            for (domain, view) in &self.limits {
                for (limit, Counted { refused, evicted, blocked }) in &view.counted {
                    for (action, times) in [("refused", refused), ("evicted", evicted), ("blocked", blocked)]
                    {
                        let labels = with(of_domain(domain), [("limit", limit.name()), ("action", action)]);
                        family.counter(labels, *times)?;
                    }
                }
            }
            Ok(())
        })?;
        to.family(&table::LIMIT_SESSIONS, |family| {
            self.limits.iter().try_for_each(|(domain, view)| {
                family.gauge(with(of_domain(domain), [("stage", "opening")]), view.incomplete.into())?;
                family.gauge(with(of_domain(domain), [("stage", "any")]), view.sessions.into())
            })
        })?;
        to.family(&table::LIMIT_AGGRESSIVE, |family| {
            self.limits.iter().try_for_each(|(domain, view)| {
                family.gauge(of_domain(domain), f64::from(u8::from(view.is_aggressive)))
            })
        })?;
        to.family(&table::LIMIT_BLOCKED, |family| {
            self.limits.iter().try_for_each(|(domain, view)| {
                family.gauge(of_domain(domain), u32::try_from(view.blocked.len()).unwrap_or(u32::MAX).into())
            })
        })
    }

    fn servers(&self, to: &mut Families<'_, '_>) -> fmt::Result {
        let mut told = Vec::new();
        to.family(&table::SERVER_UP, |family| {
            for (_, target) in &self.in_force.targets {
                if target.config.inspect == Inspect::Drop {
                    continue;
                }
                for server in &*target.servers {
                    let row = (&target.config.name, server.address());
                    if told.contains(&row) {
                        continue;
                    }
                    told.push(row);
                    let address = server.address().to_string();
                    let labels = vec![("proxy", target.config.name.as_str()), ("server", &address)];
                    family.gauge(labels, f64::from(u8::from(server.health().is_none())))?;
                }
            }
            Ok(())
        })
    }

    /// One family of all attachments.
    fn each(
        &self,
        to: &mut Families<'_, '_>,
        metric: &Metric,
        put: impl Fn(&mut Family<'_>, Labels<'_>, &AttachmentCounters) -> fmt::Result,
    ) -> fmt::Result {
        to.family(metric, |family| {
            let all = self.in_force.attachments.iter();
            let counted = |number: &AttachmentId| self.counters.of(*number);
            all.filter_map(|(name, number, _)| Some((name, counted(number)?)))
                .try_for_each(|(name, counted)| put(family, of(name), counted))
        })
    }
}

/// The labels that name an attachment.
fn of(name: &AttachmentName) -> Labels<'_> {
    vec![("proxy", &name.name), ("traffic_class", &name.class), ("protocol", name.protocol.name())]
}

/// The label that names what is limited together.
fn of_domain(domain: &str) -> Labels<'_> {
    vec![("domain", domain)]
}

/// The same with others.
fn with<'l, const N: usize>(mut labels: Labels<'l>, more: [(&'static str, &'l str); N]) -> Labels<'l> {
    labels.extend(more);
    labels
}

struct Families<'e, 'd> {
    encoder: &'e mut DescriptorEncoder<'d>,
}

impl Families<'_, '_> {
    /// The metrics of one family, together as the format wants them.
    fn family(&mut self, metric: &Metric, put: impl FnOnce(&mut Family<'_>) -> fmt::Result) -> fmt::Result {
        let Metric { name, kind, help, .. } = metric;
        let kind = match kind {
            MetricType::Counter => MetricType::Counter,
            MetricType::Histogram => MetricType::Histogram,
            _ => MetricType::Gauge,
        };
        let encoder = self.encoder.encode_descriptor(name, help, None, kind)?;
        put(&mut Family { encoder, metric_labels: metric.labels })
    }

    fn gauge(&mut self, metric: &Metric, labels: Labels<'_>, value: f64) -> fmt::Result {
        self.family(metric, |family| family.gauge(labels, value))
    }

    fn counter(&mut self, metric: &Metric, labels: Labels<'_>, value: u64) -> fmt::Result {
        self.family(metric, |family| family.counter(labels, value))
    }
}

struct Family<'e> {
    encoder: MetricEncoder<'e>,
    /// As the table has them.
    metric_labels: &'static [&'static str],
}

impl Family<'_> {
    fn gauge(&mut self, labels: Labels<'_>, value: f64) -> fmt::Result {
        self.check(&labels);
        self.encoder.encode_family(&labels)?.encode_gauge(&value)
    }

    fn counter(&mut self, labels: Labels<'_>, value: u64) -> fmt::Result {
        self.check(&labels);
        self.encoder.encode_family(&labels)?.encode_counter::<NoLabelSet, u64, f64>(&value, None)
    }

    fn histogram(&mut self, labels: Labels<'_>, value: &Histogram) -> fmt::Result {
        self.check(&labels);
        let buckets: Vec<_> = value.buckets().collect();
        let sum = value.sum().as_secs_f64();
        self.encoder.encode_family(&labels)?.encode_histogram::<NoLabelSet>(
            sum,
            value.count(),
            &buckets,
            None,
        )
    }

    /// A metric has the labels that the page on them says.
    fn check(&self, labels: &Labels<'_>) {
        debug_assert!(labels.iter().map(|(name, _)| *name).eq(self.metric_labels.iter().copied()));
    }
}

fn unix(at: SystemTime) -> f64 {
    at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}
