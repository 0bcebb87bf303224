//! Whose sessions are counted together by limits on their number.

use std::fmt::{self, Display};

use crate::model::Name;

/// The sessions that a device counts together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LimitDomain {
    /// Those of a class of a proxy or zone-pair, held to one parameter-map; without classes all of it.
    Class { attachment: String, class: Option<String> },
    /// All that classic inspection has: `ip inspect` limits them together.
    Classic,
    /// Those of a class in a policy-map of an ASA, wherever that applies.
    Traffic { policy: String, class: String },
}

impl LimitDomain {
    pub(super) fn class(attachment: &Name, class: Option<&str>) -> Self {
        Self::Class { attachment: attachment.text.clone(), class: class.map(str::to_owned) }
    }

    pub(super) fn traffic(policy: &Name, class: Option<&str>) -> Self {
        Self::Traffic { policy: policy.text.clone(), class: class.unwrap_or_default().to_owned() }
    }
}

impl Display for LimitDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Class { attachment, class: None } => f.write_str(attachment),
            Self::Class { attachment, class: Some(class) } => write!(f, "{attachment}:{class}"),
            Self::Classic => f.write_str("ip inspect"),
            Self::Traffic { policy, class } => write!(f, "{policy}:{class}"),
        }
    }
}
