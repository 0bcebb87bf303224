//! What counters and limits know an attachment by: a number that outlives reloads.
//!
//! A reload makes new attachments of the same names. What was counted of the old ones is counted on, and sessions that
//! still run under them count where those count that begin under the new.

mod census;

use std::collections::HashMap;
use std::sync::Arc;

use engine::SessionConfig;
use engine::admission::DomainId;
use policy::Attachment;
use policy::attach::LimitDomain;
use policy::model::Protocol;

pub(crate) use census::{Census, Population};

/// The number of an attachment, from 0 in the order in which they were first in force.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct AttachmentId(u32);

impl AttachmentId {
    /// Its place in whatever has one for each attachment.
    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }
}

/// What an attachment is, whatever its rules say.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct AttachmentName {
    /// Of the proxy, zone-pair or interface.
    pub(crate) name: String,
    /// The top-level class; empty without one.
    pub(crate) class: String,
    pub(crate) protocol: Protocol,
}

impl AttachmentName {
    /// Of an attachment of a configuration.
    pub(crate) fn of_model(attachment: &Attachment) -> Self {
        Self {
            name: attachment.name.text.clone(),
            class: attachment.class.clone().unwrap_or_default(),
            protocol: attachment.protocol,
        }
    }

    fn of(config: &SessionConfig) -> Self {
        Self { name: config.name.clone(), class: config.class.clone(), protocol: config.protocol }
    }
}

/// The attachments that were ever in force. One that no configuration has any more keeps its number: it may come back,
/// and sessions may still run under it.
#[derive(Debug, Default)]
pub(crate) struct Attachments {
    numbers: HashMap<AttachmentName, AttachmentId>,
    /// By number.
    census: Vec<Arc<Census>>,
    total: Arc<Census>,
    domains: HashMap<LimitDomain, DomainId>,
}

impl Attachments {
    /// The number of the attachment that sessions of a configuration are under.
    pub(crate) fn number(&mut self, config: &SessionConfig) -> AttachmentId {
        let next = AttachmentId(u32::try_from(self.numbers.len()).unwrap_or(u32::MAX));
        let number = *self.numbers.entry(AttachmentName::of(config)).or_insert(next);
        if number == next {
            self.census.push(Arc::new(Census::part_of(&self.total)));
        }
        number
    }

    /// Where the sessions of an attachment are counted.
    pub(crate) fn census(&self, number: AttachmentId) -> Arc<Census> {
        self.census.get(number.index()).unwrap_or(&self.total).clone()
    }

    /// Where all sessions are counted.
    pub(crate) const fn total(&self) -> &Arc<Census> {
        &self.total
    }

    /// Each attachment that was ever in force.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&AttachmentName, AttachmentId)> {
        self.numbers.iter().map(|(name, number)| (name, *number))
    }

    /// The number of the sessions that limits count together, which outlives reloads too.
    pub(crate) fn domain(&mut self, domain: &LimitDomain) -> DomainId {
        let next = DomainId(u32::try_from(self.domains.len()).unwrap_or(u32::MAX));
        *self.domains.entry(domain.clone()).or_insert(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attachment_keeps_its_number_whatever_its_rules_are() {
        let mut attachments = Attachments::default();
        let config = |name: &str, class: &str| SessionConfig {
            name: name.to_owned(),
            class: class.to_owned(),
            ..SessionConfig::default()
        };
        let numbers = [("mx", ""), ("mx", "mail"), ("submission", ""), ("mx", "")]
            .map(|(name, class)| attachments.number(&config(name, class)).index());
        assert_eq!(numbers, [0, 1, 2, 0]);
        let audited = SessionConfig { audit_trail: true, ..config("mx", "mail") };
        assert_eq!(attachments.number(&audited).index(), 1);
    }
}
