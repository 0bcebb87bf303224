//! The page and what is written about it.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use engine::Event;
use engine::admission::{Counted, DomainView, Limit, Thresholds};
use engine::event::{
    Anomaly, AnomalyKind, Author, Login, LoginOutcome, Outcome, Reply, ReplyCode, Treatment,
};
use policy::model::Action;
use proto::{Side, Time};

use super::page::{self, Format, Page};
use super::table::ALL;
use crate::attachments::Attachments;
use crate::configuration;
use crate::golden::{self, in_repository};
use crate::proxy::names::Directory;
use crate::report::{Counters, SessionEnd};
use crate::running::{InForce, Reloaded};

/// A page with something of everything, whose names need care.
fn sample(format: Format) -> String {
    let text = "proxy mx\n listen 0.0.0.0:25\n server 198.51.100.25:25\n protocol esmtp\n";
    let plan = configuration::read_bytes("edge.conf", text.as_bytes()).plan.unwrap();
    let (mut directory, mut attachments) = (Directory::default(), Attachments::default());
    directory.keep(plan.servers());
    let targets = plan.targets(&mut directory, &mut attachments);
    let in_force = Arc::new(InForce::new(1, plan, targets, &attachments));
    let (_, mx, _) = in_force.attachments[0];
    let mut counters = Counters::default();
    let anomaly = Anomaly {
        kind: AnomalyKind::Pipe,
        from: Side::Client,
        value: b"",
        treatment: Treatment::Reset,
        reference: None,
        count: 1,
    };
    let outcome = LoginOutcome::Accepted;
    let login = Login { mechanism: b"USER", account: None, is_clear_text: true, outcome };
    let events = [
        Event::SessionStart,
        Event::Anomaly(anomaly),
        Event::Login(login),
        Event::Reply(Reply { by: Author::Ours, code: ReplyCode::Number(550) }),
    ];
    events.iter().for_each(|event| counters.see(mx, event));
    counters.see_match(mx, ("p\"1\\", "c1", "cmd verb ATRN"), Some(Action::Mask));
    counters.see_message(mx, Outcome::Accepted);
    counters.see_end(mx, &SessionEnd::of_test());
    let last_reload = Reloaded { ok: true, at: UNIX_EPOCH, refused: 0 };
    let view = DomainView {
        thresholds: Thresholds::default(),
        sessions: 3,
        incomplete: 1,
        rate: 2,
        sessions_max: 3,
        incomplete_max: 1,
        rate_max: 2,
        is_aggressive: true,
        blocked: Vec::new(),
        counted: vec![(Limit::SessionsMaximum, Counted::default())],
    };
    let limits = vec![("mx".to_owned(), view)];
    let page =
        Page { in_force, last_reload, started: UNIX_EPOCH, dropped: 0, now: Time(1), counters, limits };
    page::write(page, format).unwrap()
}

/// A line of the page: the name and its labels.
fn samples(page: &str) -> impl Iterator<Item = (&str, BTreeSet<&str>)> {
    page.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let (series, _) = line.rsplit_once(' ').unwrap();
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let names = labels.trim_end_matches('}').split("\",").filter_map(|label| label.split_once("=\""));
        (name, names.map(|(name, _)| name.trim_start_matches(',')).collect())
    })
}

/// The family that a name on the page belongs to.
fn family(name: &str) -> String {
    let part = ["_bucket", "_sum", "_count"].iter().find_map(|suffix| name.strip_suffix(suffix));
    let known = |name: &str| ALL.iter().any(|metric| metric.full_name() == name);
    part.filter(|name| known(name)).unwrap_or(name).to_owned()
}

#[test]
fn every_metric_of_the_table_is_on_the_page_with_its_labels_and_no_other() {
    let page = sample(Format::Prometheus);
    let mut seen = BTreeSet::new();
    for (name, mut labels) in samples(&page) {
        labels.remove("le");
        let name = family(name);
        let metric = ALL.iter().find(|metric| metric.full_name() == name);
        let metric = metric.unwrap_or_else(|| panic!("{name} is not in the table\n{page}"));
        assert_eq!(labels, metric.labels.iter().copied().collect(), "{name}");
        seen.insert(name);
    }
    let all: BTreeSet<_> = ALL.iter().map(|metric| metric.full_name()).collect();
    assert_eq!(seen, all, "{page}");
}

#[test]
fn both_formats_say_the_same() {
    let [old, new] = [Format::Prometheus, Format::OpenMetrics].map(sample);
    let told = |page: &str| {
        page.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(told(&old).len(), told(&new).len());
    assert!(new.ends_with("# EOF\n") && !old.contains("# EOF"));
}

#[test]
fn a_label_of_a_configuration_cannot_break_a_line() {
    let page = sample(Format::Prometheus);
    assert!(page.contains(r#"policy="p\"1\\""#), "{page}");
}

#[test]
fn docs_metrics_md_is_the_table_printed() {
    let mut table = String::new();
    for metric in ALL {
        let kind = metric.kind.as_str();
        let labels: Vec<_> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        writeln!(table, "| `{}` | {kind} | {} | {} |", metric.full_name(), labels.join(" "), metric.help)
            .unwrap();
    }
    golden::compare_table("docs/metrics.md", "|---|---|---|---|\n", &table);
}

#[test]
fn the_board_and_the_alerts_name_only_metrics_and_labels_that_there_are() {
    for file in ["contrib/prometheus/mailwarden.rules.yml", "contrib/grafana/mailwarden.json"] {
        let text = std::fs::read_to_string(in_repository(file)).unwrap().replace("\\\"", "\"");
        let mut named = 0;
        for (at, _) in text.match_indices("mailwarden_") {
            let rest = &text[at..];
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            let (name, behind) = rest.split_at(end);
            let metric = ALL.iter().find(|metric| metric.full_name() == family(name));
            let metric = metric.unwrap_or_else(|| panic!("{file}: there is no {name}"));
            named += 1;
            if let Some(selector) = behind.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
                for label in selector.0.split(',') {
                    let label = label.split(['=', '!']).next().unwrap().trim();
                    let known = metric.labels.contains(&label) || ["le", "instance", "job"].contains(&label);
                    assert!(known, "{file}: {name} has no label {label}");
                }
            }
        }
        let labels: BTreeSet<_> = ALL.iter().flat_map(|metric| metric.labels).copied().collect();
        for (at, _) in text.match_indices("by (") {
            let (list, _) = text[at + 4..].split_once(')').unwrap();
            for label in list.split(',').map(str::trim) {
                assert!(labels.contains(label) || ["le", "instance"].contains(&label), "{file}: {label}");
            }
        }
        assert!(named >= 10, "{file} names {named} metrics");
    }
}
