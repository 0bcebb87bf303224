//! The policy language, the model it becomes, and the compiled rules. Knows no sessions.

pub mod compile;
pub mod fact;
mod judge;
pub mod model;
pub mod pattern;
pub mod platform;
pub mod source;

pub use compile::CompiledPolicy;
pub use judge::{ConditionId, Hit, RuleId, RuleState, Verdict};
