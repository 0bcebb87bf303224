//! The policy language, the model it becomes, and the compiled rules. Knows no sessions.
pub mod compile;
pub mod fact;
pub mod model;
pub mod pattern;
pub mod platform;
pub mod source;
