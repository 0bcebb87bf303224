//! What a test found, as JSON: one object for each message or pattern, on a line of its own.

use policy::pattern::PatternError;
use serde::Serialize;

use super::delivery::{Finding, Outcome, Step};

/// A line that ends; structs of texts and numbers do not fail.
fn line(value: &impl Serialize) -> String {
    serde_json::to_string(value).map(|text| text + "\n").unwrap_or_default()
}

/// One message.
pub(super) fn mail(file: &str, outcome: &Outcome, acts: bool) -> String {
    line(&Mail {
        file,
        delivered: outcome.is_delivered,
        class_acts: acts,
        accepted_recipients: outcome.accepted,
        steps: outcome.steps.iter().map(StepFields::of).collect(),
    })
}

#[derive(Serialize)]
struct Mail<'o> {
    file: &'o str,
    /// Whether the server got the message, end and all.
    delivered: bool,
    /// Whether a class acted on the message or its envelope.
    class_acts: bool,
    accepted_recipients: usize,
    /// What the client said, in order.
    steps: Vec<StepFields<'o>>,
}

#[derive(Serialize)]
struct StepFields<'o> {
    /// A command, `message` or `end of message`.
    said: &'o str,
    reply: &'o [String],
    findings: Vec<FindingFields<'o>>,
}

impl<'o> StepFields<'o> {
    fn of(step: &'o Step) -> Self {
        let findings = step.findings.iter().map(FindingFields::of).collect();
        Self { said: &step.said, reply: &step.reply, findings }
    }
}

#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum FindingFields<'o> {
    Match { policy: &'o str, class: &'o str, criterion: &'o str, value: String, action: &'o str, log: bool },
    Anomaly { kind: &'o str, value: String, treatment: &'o str },
}

impl<'o> FindingFields<'o> {
    fn of(finding: &'o Finding) -> Self {
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        match finding {
            Finding::Class { policy, class, criterion, value, action, log } => {
                Self::Match { policy, class, criterion, value: text(value), action, log: *log }
            }
            Finding::Anomaly { kind, value, treatment } => {
                Self::Anomaly { kind, value: text(value), treatment: treatment.name() }
            }
        }
    }
}

/// One pattern; `found` is null if it cannot be tried.
pub(super) fn regex(pattern: &str, text: &str, found: Option<bool>, wrong: Option<Wrong<'_>>) -> String {
    #[derive(Serialize)]
    struct Regex<'o> {
        pattern: &'o str,
        text: &'o str,
        found: Option<bool>,
        error: Option<Wrong<'o>>,
    }
    line(&Regex { pattern, text, found, error: wrong })
}

/// Why a pattern cannot be tried.
#[derive(Serialize)]
pub(super) struct Wrong<'o> {
    message: &'o str,
    /// The bytes of the pattern in front of the fault.
    offset: usize,
    help: Option<&'o str>,
}

impl<'o> Wrong<'o> {
    pub(super) fn of(error: &'o PatternError) -> Self {
        Self { message: &error.message, offset: error.at.start, help: error.help.as_deref() }
    }

    pub(super) fn too_large(help: &'o str) -> Self {
        Self { message: "the pattern is too large to compile", offset: 0, help: Some(help) }
    }
}
