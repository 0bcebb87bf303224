//! The page and what is written about it.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::page::{self, Format};
use super::table::ALL;

fn in_repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
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
    let page = page::sample(Format::Prometheus);
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
    let [old, new] = [Format::Prometheus, Format::OpenMetrics].map(page::sample);
    let told = |page: &str| {
        page.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(told(&old).len(), told(&new).len());
    assert!(new.ends_with("# EOF\n") && !old.contains("# EOF"));
}

#[test]
fn a_label_of_a_configuration_cannot_break_a_line() {
    let page = page::sample(Format::Prometheus);
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
    let path = in_repository("docs/metrics.md");
    let text = std::fs::read_to_string(&path).unwrap();
    const BEGIN: &str = "|---|---|---|---|\n";
    let (before, behind) = text.split_once(BEGIN).unwrap();
    let rest: String = behind.split_inclusive('\n').skip_while(|line| line.starts_with('|')).collect();
    let got = format!("{before}{BEGIN}{table}{rest}");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &got).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap();
    assert!(got == expected, "docs/metrics.md differs: run scripts/golden");
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
