//! `mailwarden check`: everything that is wrong or doubtful in configurations, and what they contain.
//!
//! Reads and compiles exactly as `run` does, opens nothing else and changes nothing. Of statements that are
//! not ours only the first word is ever repeated: the rest of the line may be a secret.

mod json;
mod machine;
mod standing;
mod text;

use crate::cli::{CheckFlags, Format};
use crate::terminal::{self, Paint};
use crate::{Exit, configuration};

/// Checks each file; what is worst in any of them decides the exit code.
pub(crate) fn run(flags: &CheckFlags) -> Exit {
    let mut worst = Exit::Done;
    for file in &flags.files {
        let read =
            if file.as_os_str() == "-" { configuration::read_stdin() } else { configuration::read(file) };
        let exit = match read {
            Ok(mut read) => {
                machine::look(&mut read);
                let printed = terminal::print(&match flags.format {
                    Format::Json => json::line(&read),
                    Format::Text => text::report(&read, flags.verbose, Paint::of_stdout()),
                });
                judge(&read, flags.strict).max(printed)
            }
            Err(error) => {
                terminal::complain(&format!("mailwarden: {error}\n"));
                Exit::System
            }
        };
        worst = worst.max(exit);
    }
    worst
}

fn judge(read: &configuration::Read, strict: bool) -> Exit {
    match read.diagnostics.warnings() {
        _ if read.diagnostics.has_errors() => Exit::Usage,
        warnings if strict && (warnings > 0 || !standing::enforces(read)) => Exit::Finding,
        _ => Exit::Done,
    }
}
