//! Configuration files: read, checked, compiled, and complained about.

use std::path::Path;

use policy::diagnostic::Diagnostics;
use policy::survey::Summary;
use policy::{render, source::Source};

use crate::plan::Plan;

/// A configuration file with everything that is to be said of it.
pub(crate) struct Read {
    /// Nothing when there is any error: a file is never half applied.
    pub(crate) plan: Option<Plan>,
    pub(crate) diagnostics: Diagnostics,
    pub(crate) summary: Summary,
    pub(crate) source: Source,
}

/// Reads and compiles a file; the error says why it cannot be read at all.
pub(crate) fn read(path: &Path) -> Result<Read, String> {
    let octets = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(read_octets(&path.display().to_string(), &octets))
}

pub(crate) fn read_octets(name: &str, octets: &[u8]) -> Read {
    let mut loaded = policy::load(name, octets);
    let plan = loaded.configuration.as_ref().map(|policy| Plan::of(policy, &mut loaded.diagnostics));
    let plan = plan.filter(|_| !loaded.diagnostics.has_errors());
    loaded.diagnostics.sort();
    Read { plan, diagnostics: loaded.diagnostics, summary: loaded.summary, source: loaded.source }
}

impl Read {
    /// Every complaint, with place and caret.
    pub(crate) fn complaints(&self) -> String {
        render::diagnostics(&self.source, &self.diagnostics)
    }
}
