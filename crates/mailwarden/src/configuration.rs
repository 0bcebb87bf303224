//! Configuration files: read, checked, compiled, and complained about.

use std::cmp::Reverse;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;

use engine::SessionConfig;
use policy::Attachment;
use policy::diagnostic::{Diagnostics, Severity};
use policy::model::Configuration;
use policy::source::{Source, TEXT_MAX};
use policy::survey::Summary;
use policy::{Loaded, render};

use crate::plan::{Listener, Plan};
use crate::report::{Complaint, Configured, Holds};
use crate::{Exit, terminal};

/// A configuration file with everything that is to be said of it.
pub(crate) struct Read {
    /// `None` when there is any error: a file is never half applied.
    pub(crate) plan: Option<Plan>,
    /// The same in names; `None` along with the plan.
    pub(crate) configuration: Option<Arc<Configuration>>,
    pub(crate) attachments: Arc<[Attachment]>,
    pub(crate) diagnostics: Diagnostics,
    pub(crate) summary: Summary,
    pub(crate) source: Source,
}

/// Reads and compiles a file; the error says why it cannot be read at all.
pub(crate) fn read(path: &Path) -> Result<Read, String> {
    let name = path.display().to_string();
    let bytes = read_file(path).map_err(|error| format!("{name}: {error}"))?;
    Ok(read_in(path.parent().unwrap_or_else(|| Path::new("")), &name, &bytes))
}

/// The same for standard input, which is called `-`.
pub(crate) fn read_stdin() -> Result<Read, String> {
    let bytes = bounded(io::stdin().lock()).map_err(|error| format!("standard input: {error}"))?;
    Ok(read_bytes("-", &bytes))
}

/// What the sessions of a proxy are created with, the first of the file or the one that is named. What is wrong is
/// said, and decides how the program ends.
pub(crate) fn session_config(path: &Path, proxy: Option<&str>) -> Result<Arc<SessionConfig>, Exit> {
    let read = read(path).map_err(|error| {
        terminal::complain(&format!("mailwarden: {error}\n"));
        Exit::System
    })?;
    session_config_of(read, proxy)
}

/// The same of a configuration that has been read.
pub(crate) fn session_config_of(read: Read, proxy: Option<&str>) -> Result<Arc<SessionConfig>, Exit> {
    terminal::complain(&read.complaints());
    let plan = read.plan.ok_or(Exit::Usage)?;
    let mut configs = plan.listeners.iter().map(inspecting);
    let found = match proxy {
        None => configs.next(),
        Some(wanted) => configs.find(|config| config.name == wanted),
    };
    found.map(Arc::clone).ok_or_else(|| {
        let missing = proxy.map_or_else(
            || "no `proxy` block with `listen` and `server`".to_owned(),
            |wanted| format!("no proxy `{wanted}`"),
        );
        terminal::complain(&format!("mailwarden: {}: {missing}\n", read.source.name));
        Exit::Usage
    })
}

/// What sessions of a listener are held to: by the first class that inspects them, if one does.
fn inspecting(listener: &Listener) -> &Arc<SessionConfig> {
    let of_classes = listener.choices.iter().map(|choice| &choice.config);
    let mut configs = std::iter::once(&listener.config).chain(of_classes);
    configs.find(|config| config.inspect.is_parsed()).unwrap_or(&listener.config)
}

/// What a configuration may be long, and one byte more: by that byte a longer one is known, even if it never ends.
fn bounded(from: impl io::Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(TEXT_MAX as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    File::open(path).and_then(bounded)
}

/// A list of patterns. Of a pipe or a device nobody knows when its bytes come, and a reload must not wait for them.
fn read_list(path: &Path) -> io::Result<Vec<u8>> {
    let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let file = File::options().read(true).custom_flags(flags).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    bounded(file)
}

/// Reads and compiles a text that has no folder of its own.
pub(crate) fn read_bytes(name: &str, bytes: &[u8]) -> Read {
    read_in(Path::new(""), name, bytes)
}

/// Reads and compiles a text. Lists that it names without a leading `/` are looked for in `folder`.
pub(crate) fn read_in(folder: &Path, name: &str, bytes: &[u8]) -> Read {
    let mut list = |file: &str| read_list(&folder.join(file)).map_err(|error| error.to_string());
    let Loaded { configuration, attachments, diagnostics, summary, source } =
        policy::load_with(name, bytes, &mut list);
    let (configuration, attachments) = (configuration.map(Arc::new), attachments.into());
    let plan = configuration.as_ref().map(|configuration| Plan::of(name, configuration, &attachments));
    Read { plan, configuration, attachments, diagnostics, summary, source }
}

/// Limit: complaints of a configuration that are reported; `mailwarden check` prints all of them.
const REPORTED_MAX: usize = 20;

impl Read {
    /// What a report says of it: errors first, then warnings, each in the order of the file.
    pub(crate) fn configured(&self, result: Result<&str, &str>) -> Configured {
        let found = self.diagnostics.iter().filter(|complaint| complaint.severity() > Severity::Note);
        let mut found: Vec<_> = found.collect();
        found.sort_by_key(|complaint| Reverse(complaint.severity()));
        let complaints = found.iter().take(REPORTED_MAX).map(|complaint| {
            let place = self.source.position(complaint.at);
            Complaint {
                severity: complaint.severity(),
                code: complaint.code.as_str(),
                line: place.line,
                column: place.column,
                message: complaint.message.clone(),
                help: complaint.help.clone(),
            }
        });
        Configured {
            file: self.source.name.clone(),
            ok: result.is_ok(),
            result: result.unwrap_or_else(|why| why).to_owned(),
            errors: self.diagnostics.errors(),
            warnings: self.diagnostics.warnings(),
            holds: self.configuration.as_deref().map(Holds::of),
            complaints: complaints.collect(),
        }
    }

    /// Every complaint, with place and caret.
    pub(crate) fn complaints(&self) -> String {
        render::diagnostics(&self.source, &self.diagnostics)
    }
}
