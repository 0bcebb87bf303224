//! What reports say of a configuration.

use policy::diagnostic::Severity;
use policy::model::Configuration;

/// What came of a configuration.
#[derive(Clone, Debug)]
pub(crate) struct Configured {
    pub(crate) file: String,
    /// It is in force; else the one before stays so.
    pub(crate) ok: bool,
    /// `applied`, or why not.
    pub(crate) result: String,
    pub(crate) errors: usize,
    pub(crate) warnings: usize,
    /// What it holds; absent of one with errors.
    pub(crate) holds: Option<Holds>,
    /// In the order of the file, as many as are reported.
    pub(crate) complaints: Vec<Complaint>,
}

impl Configured {
    /// A file that cannot even be read.
    pub(crate) fn unread(file: String, why: String) -> Self {
        Self { file, ok: false, result: why, errors: 0, warnings: 0, holds: None, complaints: Vec::new() }
    }
}

/// How much of what a configuration holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Holds {
    /// Class maps of every type.
    pub(crate) class_maps: usize,
    /// Policy maps of every type.
    pub(crate) policy_maps: usize,
    pub(crate) parameter_maps: usize,
    /// Rules of `ip inspect`.
    pub(crate) inspection_rules: usize,
    pub(crate) access_lists: usize,
    pub(crate) zone_pairs: usize,
    pub(crate) service_policies: usize,
    pub(crate) proxies: usize,
}

impl Holds {
    pub(crate) fn of(configuration: &Configuration) -> Self {
        let it = configuration;
        let layers_3_and_4 = it.l3_classes.len() + it.traffic_classes.len();
        Self {
            class_maps: it.l7_classes.len() + it.regex_classes.len() + layers_3_and_4,
            policy_maps: it.l7_policies.len()
                + it.esmtp_maps.len()
                + it.l3_policies.len()
                + it.traffic_policies.len(),
            parameter_maps: it.regex_maps.len() + it.inspect_maps.len(),
            inspection_rules: it.inspect_rules.len(),
            access_lists: it.access_lists.len(),
            zone_pairs: it.zone_pairs.len(),
            service_policies: it.service_policies.len(),
            proxies: it.proxies.len(),
        }
    }
}

/// What is wrong or doubtful about a line of a configuration.
#[derive(Clone, Debug)]
pub(crate) struct Complaint {
    pub(crate) severity: Severity,
    pub(crate) code: &'static str,
    /// Both from 1.
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}
