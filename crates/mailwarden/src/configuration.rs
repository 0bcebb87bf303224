//! Configuration files: read, checked, compiled, and complained about.

use std::path::Path;

use policy::Attachment;
use policy::diagnostic::Diagnostics;
use policy::survey::Summary;
use policy::{Loaded, render, source::Source};

use crate::plan::Plan;

/// A configuration file with everything that is to be said of it.
pub(crate) struct Read {
    /// `None` when there is any error: a file is never half applied.
    pub(crate) plan: Option<Plan>,
    pub(crate) attachments: Vec<Attachment>,
    pub(crate) diagnostics: Diagnostics,
    pub(crate) summary: Summary,
    pub(crate) source: Source,
}

/// Reads and compiles a file; the error says why it cannot be read at all.
pub(crate) fn read(path: &Path) -> Result<Read, String> {
    let bytes = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(read_bytes(&path.display().to_string(), &bytes))
}

pub(crate) fn read_bytes(name: &str, bytes: &[u8]) -> Read {
    let Loaded { configuration, attachments, diagnostics, summary, source } = policy::load(name, bytes);
    let plan = configuration.map(|configuration| Plan::of(&configuration.settings, &attachments));
    Read { plan, attachments, diagnostics, summary, source }
}

impl Read {
    /// Every complaint, with place and caret.
    pub(crate) fn complaints(&self) -> String {
        render::diagnostics(&self.source, &self.diagnostics)
    }
}
