//! SMTP, ESMTP and LMTP: what either side can say.
//!
//! `command` and `reply` turn lines into units, `address` reads what stands behind MAIL FROM: and
//! RCPT TO:, `extension` knows what an EHLO keyword unlocks, and `body` finds where a message
//! really ends.

pub mod address;
pub mod body;
pub mod command;
pub mod extension;
mod octets;
pub mod reply;
pub mod verb;
