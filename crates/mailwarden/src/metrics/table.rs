//! The metrics there are: their names, labels and meanings. `docs/metrics.md` is this table, printed.

use prometheus_client::metrics::MetricType;

/// A family of metrics.
#[derive(Debug)]
pub(super) struct Metric {
    /// Without the prefix that all have, and the suffix that counters have.
    pub(super) name: &'static str,
    pub(super) kind: MetricType,
    pub(super) labels: &'static [&'static str],
    pub(super) help: &'static str,
}

impl Metric {
    const fn new(
        name: &'static str,
        kind: MetricType,
        labels: &'static [&'static str],
        help: &'static str,
    ) -> Self {
        Self { name, kind, labels, help }
    }

    /// The name on the page; of a histogram also the beginning of those of its parts.
    #[cfg(test)]
    pub(super) fn full_name(&self) -> String {
        let suffix = if matches!(self.kind, MetricType::Counter) { "_total" } else { "" };
        format!("mailwarden_{}{suffix}", self.name)
    }
}

const COUNTER: MetricType = MetricType::Counter;
const GAUGE: MetricType = MetricType::Gauge;
const HISTOGRAM: MetricType = MetricType::Histogram;

/// The labels of what is counted by attachment: the proxy, the top-level class (empty without one), the protocol.
macro_rules! of_attachment {
    ($($label:literal),*) => { &["proxy", "traffic_class", "protocol", $($label),*] };
}

/// Declares the families as constants, and all of them in their order.
macro_rules! metrics {
    ($($family:ident = $name:literal, $kind:ident, $labels:expr, $help:literal;)*) => {
        $(pub(super) const $family: Metric = Metric::new($name, $kind, $labels, $help);)*
        #[cfg(test)]
        pub(super) const ALL: &[&Metric] = &[$(&$family),*];
    };
}

metrics! {
    BUILD = "build_info", GAUGE, &["version"], "Always 1; the version of the program";
    START = "start_time_seconds", GAUGE, &[], "When the daemon started, in Unix time";
    GENERATION = "configuration_generation", GAUGE, &[], "Which configuration since the start is in force, from 1";
    RELOADED = "configuration_last_reload_successful", GAUGE, &[], "Whether the last reload was carried out; 0 when it was refused";
    RELOAD_TIME = "configuration_last_reload_timestamp_seconds", GAUGE, &[], "When the last reload was carried out or refused, in Unix time";
    RELOADS_REFUSED = "configuration_reloads_refused", COUNTER, &[], "Reloads that were refused";
    ACCEPTED = "sessions_accepted", COUNTER, of_attachment!(), "Clients that were admitted";
    CONNECTED = "sessions_connected", COUNTER, of_attachment!(), "Sessions that reached a server";
    SESSIONS = "sessions", GAUGE, of_attachment!("stage"), "Sessions there are, by stage: opening, open or closing";
    ENDED = "sessions_ended", COUNTER, of_attachment!("reason"), "Sessions that have ended, by reason, as in the event session_end";
    BYTES = "session_bytes", COUNTER, of_attachment!("to"), "Bytes sent to clients and servers by sessions that have ended";
    MESSAGES = "messages", COUNTER, of_attachment!("outcome"), "Messages, by what became of them, as in the event transaction";
    MESSAGE_BYTES = "message_bytes", COUNTER, of_attachment!(), "Bytes of messages that were sent whole, header and body";
    MATCHES = "matches", COUNTER, of_attachment!("policy", "class", "action"), "How often a class of a policy acted";
    ANOMALIES = "anomalies", COUNTER, of_attachment!("kind", "treatment"), "What peers did that their protocol does not allow, as in the event anomaly";
    REPLIES = "replies", COUNTER, of_attachment!("by", "code"), "Replies that clients got, of the server or of mailwarden";
    LOGINS = "logins", COUNTER, of_attachment!("outcome"), "Attempts to log in, by what became of them";
    UNINSPECTED = "sessions_uninspected", COUNTER, of_attachment!("reason"), "Sessions whose content passed uninspected: under TLS from some point on (tls), or by configuration from the beginning (pinhole)";
    DROPPED_SESSIONS = "sessions_dropped", COUNTER, of_attachment!(), "Connections that a class with drop closed";
    SERVER_UP = "server_up", GAUGE, &["proxy", "server"], "Whether an address of a server answers; 0 from a failure until it answers again";
    CONNECT = "server_connect_seconds", HISTOGRAM, of_attachment!(), "How long it took to connect a server";
    HOLD = "hold_seconds", HISTOGRAM, of_attachment!(), "How long bytes of clients waited before they went on: for a reply, a pace or their turn; 0 for those that went on at once";
    LIMIT_ACTIONS = "limit_actions", COUNTER, &["domain", "limit", "action"], "What limits on sessions did: clients refused, opening sessions evicted for others, hosts blocked";
    LIMIT_SESSIONS = "limit_sessions", GAUGE, &["domain", "stage"], "Sessions that are counted under a limit: opening, and all of them (any)";
    LIMIT_AGGRESSIVE = "limit_aggressive", GAUGE, &["domain"], "Whether opening sessions go as others come";
    LIMIT_BLOCKED = "limit_blocked_hosts", GAUGE, &["domain"], "Hosts to which nobody gets for some time";
    DROPPED = "report_lines_dropped", COUNTER, &[], "Lines of the log and of events that were lost because their writer was too slow";
}
