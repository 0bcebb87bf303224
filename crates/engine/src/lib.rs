//! Sessions and verdicts. Knows no sockets and no clock: bytes and time come in, effects go out.
