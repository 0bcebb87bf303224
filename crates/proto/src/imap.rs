//! IMAP (RFC 9051) up to the login: what either side can say.
//!
//! `command` and `response` turn lines into units, `literal` finds what a line announces, and `verb` is the table
//! of commands. What follows the login is not read here, but for where its literals are.

pub mod command;
pub mod literal;
pub mod response;
pub mod verb;
