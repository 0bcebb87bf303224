//! Every bound and timer of a session, with the reason for its number.

/// What a session may hold and take.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Bytes of a command line. RFC 5321 §4.5.3.1.4 asks for 512; DSN, SIZE and AUTH parameters
    /// and internationalised addresses together stay well below 4,096, and so does Postfix's limit.
    pub command_line: usize,
    /// The same in a recording, which is followed however long its lines are.
    pub observed_line: usize,
    /// Bytes of a line that answers a 334 reply: RFC 4954 §4 asks for 12,288.
    pub auth_line: usize,
    /// Bytes of one line of a reply: eight times what RFC 5321 §4.5.3.1.5 allows.
    pub reply_line: usize,
    /// Lines of one reply. HELP texts run to a hundred; a server that sends a thousand is broken.
    pub reply_lines: u32,
    /// Lines of an EHLO reply, which is judged whole: real ones have twenty.
    pub capability_lines: usize,
    /// Bytes of an EHLO reply.
    pub capability_bytes: usize,
    /// Bytes of a message's header. Postfix stops at 100 KiB; relayed lists reach several hundred.
    pub header: u64,
    /// Bytes of boundaries, names and values that are held of one message, together. Mail that people send
    /// needs one or two thousand; of what exceeds it some reader sees more than we do.
    pub structure: usize,
    /// Commands that wait for their reply. Clients that pipeline send a few hundred RCPTs at once.
    pub outstanding: usize,
    /// Bytes of a dialogue that are offered at once: some fifty commands. If each is refused, and the
    /// shortest are refused with fifteen times their length, the replies stay below 32 KiB.
    pub portion: usize,
    /// Bytes that the driver holds of one side: a header field at its bound, and room to see its end.
    pub held: usize,
    /// Bytes of a refused message, from its beginning, after which it is answered although it goes on, if
    /// MAIL declared no size.
    pub swallow: u64,
    /// Bytes of a command line over its bound after which its end is not waited for.
    pub skip: u64,
    /// Recipients over a limit in one transaction that are answered one by one (RFC 5321 §4.5.3.1.10).
    pub surplus: u32,
    /// Recipients of a message that has a reply for each of them (RFC 2033 §4.2), because one refusal of it is said
    /// to all: ten times what RFC 5321 §4.5.3.1.8 asks for. Postfix names 50 in a transaction, Exim 100.
    pub recipients: u32,
    /// Commands that are refused or masked before the session ends: somebody who goes on has not understood
    /// the first hundred replies.
    pub refused: u32,
    /// Commands that are answered after a refusal that ends the session. Clients send one to five: RSET, the
    /// rest of a pipelined group, QUIT.
    pub closing_commands: u32,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            command_line: 4096,
            observed_line: 64 << 10,
            auth_line: 12_288,
            reply_line: 4096,
            reply_lines: 1000,
            capability_lines: 100,
            capability_bytes: 16_384,
            header: 1 << 20,
            structure: proto::mime::ROOM,
            outstanding: 1000,
            portion: 2048,
            held: 80 << 10,
            swallow: 256 << 20,
            skip: 1 << 20,
            surplus: 100,
            recipients: 1000,
            refused: 100,
            closing_commands: 30,
        }
    }
}

/// How long a session may take for what, in seconds.
#[derive(Clone, Copy, Debug)]
pub struct Timers {
    /// Neither side sends anything.
    pub idle: u64,
    /// Neither side sends anything before the login of a mailbox, at least: servers let whoever failed wait
    /// for up to fifteen seconds.
    pub login: u64,
    /// Connecting to one server.
    pub connect: u64,
    /// Reading on after everything was sent to a peer, so that it gets to read that.
    pub linger: u64,
    /// The server's replies to the commands that precede our last reply.
    pub before_last: u64,
    /// The rest of a message that was refused.
    pub swallow: u64,
    /// The reply to an end of data: RFC 5321 §4.5.3.2.6.
    pub end_of_data: u64,
    /// A command that waits because of a rule that paces; one that would have to wait longer is refused.
    pub pace: u64,
    /// The whole of a closing state.
    pub closing: u64,
    /// The client sends nothing in a closing state.
    pub closing_silence: u64,
}

impl Default for Timers {
    fn default() -> Self {
        Self {
            idle: 3600,
            login: 60,
            connect: 5,
            linger: 5,
            before_last: 30,
            swallow: 600,
            end_of_data: 600,
            pace: 60,
            closing: 30,
            closing_silence: 5,
        }
    }
}
