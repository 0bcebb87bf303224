//! What this machine lacks for a configuration: looked at, never changed.

use std::path::Path;

use policy::diagnostic::{Code, Diagnostic};
use policy::model::Name;

use crate::configuration::Read;

/// Adds what is missing to the complaints about the file.
pub(super) fn look(read: &mut Read) {
    let Some(configuration) = &read.configuration else { return };
    let settings = &configuration.settings;
    for (what, file) in [("log", &settings.log_file), ("event", &settings.events)] {
        if let Some(missing) = file.as_ref().and_then(|file| missing_folder(what, file)) {
            read.diagnostics.push(missing);
        }
    }
    read.diagnostics.acknowledge(&settings.acknowledged);
    read.diagnostics.sort();
}

/// `run` makes the file, and no folder for it.
fn missing_folder(what: &str, file: &Name) -> Option<Diagnostic> {
    let folder = Path::new(&file.text).parent().filter(|folder| !folder.as_os_str().is_empty())?;
    if folder.is_dir() {
        return None;
    }
    let folder = folder.display();
    let message = format!("the folder `{folder}` of the {what} file does not exist on this machine");
    Some(
        Diagnostic::new(Code::MissingFolder, file.at, message)
            .help(format!("create it with `mkdir -p {folder}`")),
    )
}
