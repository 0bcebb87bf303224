//! POP3 (RFC 1939) up to the login: what either side can say.
//!
//! `command` and `reply` turn lines into units; `verb` is the table of commands. What follows the login is not
//! read here.

pub mod command;
pub mod reply;
pub mod verb;
