//! Configuration files: read, checked, compiled, and complained about.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use policy::Attachment;
use policy::diagnostic::Diagnostics;
use policy::model::Configuration;
use policy::source::{Source, TEXT_MAX};
use policy::survey::Summary;
use policy::{Loaded, render};

use crate::plan::Plan;

/// A configuration file with everything that is to be said of it.
pub(crate) struct Read {
    /// `None` when there is any error: a file is never half applied.
    pub(crate) plan: Option<Plan>,
    /// The same in names; `None` along with the plan.
    pub(crate) configuration: Option<Configuration>,
    pub(crate) attachments: Vec<Attachment>,
    pub(crate) diagnostics: Diagnostics,
    pub(crate) summary: Summary,
    pub(crate) source: Source,
}

/// Reads and compiles a file; the error says why it cannot be read at all.
pub(crate) fn read(path: &Path) -> Result<Read, String> {
    let name = path.display().to_string();
    let bytes = File::open(path).and_then(bounded).map_err(|error| format!("{name}: {error}"))?;
    Ok(read_bytes(&name, &bytes))
}

/// The same for standard input, which is called `-`.
pub(crate) fn read_stdin() -> Result<Read, String> {
    let bytes = bounded(io::stdin().lock()).map_err(|error| format!("standard input: {error}"))?;
    Ok(read_bytes("-", &bytes))
}

/// What a configuration may be long, and one byte more: by that byte a longer one is known, even if it never ends.
fn bounded(from: impl io::Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(TEXT_MAX as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

pub(crate) fn read_bytes(name: &str, bytes: &[u8]) -> Read {
    let Loaded { configuration, attachments, diagnostics, summary, source } = policy::load(name, bytes);
    let plan = configuration.as_ref().map(|configuration| Plan::of(&configuration.settings, &attachments));
    Read { plan, configuration, attachments, diagnostics, summary, source }
}

impl Read {
    /// Every complaint, with place and caret.
    pub(crate) fn complaints(&self) -> String {
        render::diagnostics(&self.source, &self.diagnostics)
    }
}
