//! The policy language, the model it becomes, and the compiled rules. Knows no sessions.
//!
//! A file goes through these stages, each in its module: octets become text ([`source`]), text
//! becomes lines, lines become statements in modes ([`dialect`]), statements become the model
//! ([`model`]); then names are looked up, and rules validated. No stage stops the next: all
//! complaints ([`diagnostic`]) are found at once, and [`render`] shows them. What has no errors is
//! attached to its traffic ([`mod@attach`]), and its rules are compiled ([`compile`]).

pub mod attach;
pub mod compile;
pub mod criterion;
pub mod diagnostic;
pub mod dialect;
mod display;
mod explain;
pub mod fact;
mod judge;
mod known;
mod lines;
mod link;
mod lint;
mod lists;
pub mod manual;
mod maps;
mod mismatch;
pub mod model;
mod nearest;
mod outline;
pub mod pattern;
pub mod platform;
pub mod profile;
pub mod render;
pub mod scope;
mod slip;
pub mod source;
mod statement;
pub mod survey;
mod validate;

pub use attach::Attachment;
pub use compile::{CompiledPolicy, ConditionId, RuleId};
pub use judge::{Ending, Held, Hit, RuleState, Verdict};

use diagnostic::{Code, Diagnostic, Diagnostics};
use dialect::Origin;
use model::Configuration;
use outline::Outline;
use platform::{Decision, Platform};
use source::{Flaw, Source, Span};
use statement::Statements;
use survey::Summary;

/// What became of a file.
#[derive(Debug)]
pub struct Loaded {
    /// `None` if there is any error: a configuration is never half applied.
    pub configuration: Option<Configuration>,
    /// What the configuration does with which traffic: its proxies, then its zone-pairs. None if there
    /// is any error.
    pub attachments: Vec<Attachment>,
    pub diagnostics: Diagnostics,
    /// What the file contains, whether or not it can be enforced.
    pub summary: Summary,
    pub source: Source,
}

/// Reads one configuration, which can name no lists of patterns.
pub fn load(name: &str, octets: &[u8]) -> Loaded {
    load_with(name, octets, &mut |_| Err("no files are read here".to_owned()))
}

/// Reads one configuration. `read` gives the octets of a list of patterns that it names, or says why it cannot:
/// of more than [`source::TEXT_MAX`] one more is enough.
pub fn load_with(name: &str, octets: &[u8], read: &mut dyn FnMut(&str) -> Result<Vec<u8>, String>) -> Loaded {
    let mut diagnostics = Diagnostics::default();
    let (source, flaw) = Source::decode(name, octets);
    if let Some(flaw) = flaw {
        diagnostics.push(complaint(flaw));
    }
    let decision = Decision::of(&source);
    let platform = decision.platform;
    let lines = lines::read(&source, platform, &mut diagnostics);
    let Statements { nodes, mut unused, not_used_here, in_full } =
        statement::read(&source, &lines, decision, &mut diagnostics);
    let outline = Outline::of(&source, &nodes);
    let lowered = dialect::lower(nodes, platform, Origin::File, &outline, &mut diagnostics);
    let dialect::Lowered { mut configuration, unused: of_others } = lowered;
    unused.extend(of_others);
    unused.sort_by_key(|map| map.name.at);
    let summary = Summary { unused, not_used_here, ..survey::read(&lines, &in_full) };
    lists::read(&mut configuration, read, &mut diagnostics);
    link::check(&configuration, &mut diagnostics);
    validate::check(&configuration, &source, &outline, &mut diagnostics);
    let mut attachments = Vec::new();
    if !diagnostics.has_errors() {
        lint::check(&configuration, &outline, &mut diagnostics);
        attachments = attach::attach(&configuration, &mut diagnostics);
    }
    diagnostics.acknowledge(&configuration.settings.acknowledged);
    diagnostics.sort();
    let configuration = (!diagnostics.has_errors()).then_some(configuration);
    attachments.retain(|_| configuration.is_some());
    Loaded { configuration, attachments, diagnostics, summary, source }
}

/// The model of a text of ours, in the language of the ASA, that has no faults.
fn read_built_in(text: &'static str) -> Configuration {
    let mut complaints = Diagnostics::default();
    let (source, _) = Source::decode("built in", text.as_bytes());
    let platform = Platform::Asa;
    let lines = lines::read(&source, platform, &mut complaints);
    let decision = Decision { platform, by: None };
    let nodes = statement::read(&source, &lines, decision, &mut complaints).nodes;
    let outline = Outline::of(&source, &nodes);
    let lowered = dialect::lower(nodes, platform, Origin::BuiltIn, &outline, &mut complaints);
    debug_assert!(complaints.iter().next().is_none(), "{complaints:?}");
    lowered.configuration
}

/// What is wrong with the file as a whole.
fn complaint(flaw: Flaw) -> Diagnostic {
    let whole = Span::default();
    match flaw {
        Flaw::TooLarge => {
            let limit = source::TEXT_MAX / 1024 / 1024;
            let message = format!("the file exceeds the limit of {limit} MiB");
            Diagnostic::new(Code::FileTooLarge, whole, message)
        }
        Flaw::Utf16(order) => Diagnostic::new(Code::Utf16, whole, "the file is in UTF-16, expected UTF-8")
            .help(format!("convert it with `iconv -f {order} -t UTF-8 FILE`")),
        Flaw::DecodedUtf16 => Diagnostic::new(Code::DecodedUtf16, whole, "the file is in UTF-16")
            .help("convert it with `iconv -f UTF-16 -t UTF-8 FILE`"),
        Flaw::NotText => Diagnostic::new(Code::NotText, whole, "the file is not a text file"),
        Flaw::NotUtf8(at) => Diagnostic::new(Code::NotUtf8, at, "invalid UTF-8"),
    }
}
