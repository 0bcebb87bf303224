//! What reports say of a configuration.

use policy::diagnostic::Severity;

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
    /// In the order of the file, as many as are reported.
    pub(crate) complaints: Vec<Complaint>,
}

impl Configured {
    /// A file that cannot even be read.
    pub(crate) fn unread(file: String, why: String) -> Self {
        Self { file, ok: false, result: why, errors: 0, warnings: 0, complaints: Vec::new() }
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
