//! Every bound of a session, with a sentence on why that number.

#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Octets of a command line. RFC 5321 §4.5.3.1.4 asks for 512; DSN, SIZE and AUTH parameters
    /// and internationalised addresses together stay well below 4,096, and so does Postfix's limit.
    pub command_line: usize,
    /// The same where we only look on: a dialogue that went on is followed, however long its lines.
    pub observed_line: usize,
    /// Octets of a line behind 334: RFC 4954 §4 asks for 12,288.
    pub auth_line: usize,
    /// Octets of one line of a reply: eight times what RFC 5321 §4.5.3.1.5 allows.
    pub reply_line: usize,
    /// Lines of one reply. HELP texts run to a hundred; a thousand is a server gone wrong.
    pub reply_lines: u32,
    /// Lines and octets of an EHLO reply, which is judged whole: real ones have twenty lines.
    pub capability_lines: usize,
    pub capability_octets: usize,
    /// Octets of a message's header. Postfix stops at 100 KiB; relayed lists reach several hundred.
    pub header: u64,
    /// Commands that wait for their reply. Clients that pipeline send a few hundred RCPTs at once.
    pub outstanding: usize,
    /// Octets of a dialogue that are taken at once: some fifty commands. If each were refused with
    /// a line of ours, which the shortest make fifteen times as long, that stays below 32 KiB.
    pub portion: usize,
    /// Octets that the driver holds of one side: a header field at its bound, and room to see its end.
    pub held: usize,
    /// Octets of a refused message, from its beginning, behind which it is answered although it goes
    /// on, when it declared no size.
    pub swallow: u64,
    /// Octets of a command line over its bound before we stop listening.
    pub skip: u64,
    /// Recipients over a limit in one transaction that are answered one by one (RFC 5321 §4.5.3.1.10).
    pub surplus: u32,
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
            capability_octets: 16_384,
            header: 1 << 20,
            outstanding: 1000,
            portion: 2048,
            held: 80 << 10,
            swallow: 256 << 20,
            skip: 1 << 20,
            surplus: 100,
        }
    }
}

/// How long a session may take over what, in seconds.
#[derive(Clone, Copy, Debug)]
pub struct Timers {
    /// Nothing heard from either side.
    pub idle: u64,
    /// Connecting to one server.
    pub connect: u64,
    /// Listening on after our last word, so that the peer gets to read it.
    pub linger: u64,
    /// The server's answers to what stands before a refusal of ours.
    pub before_last: u64,
    /// Swallowing what a refused client still sends.
    pub swallow: u64,
    /// The answer to an end of data: RFC 5321 §4.5.3.2.6.
    pub end_of_data: u64,
    /// A command that waits because of a rule that paces; one that would have to wait longer is refused.
    pub pace: u64,
}

impl Default for Timers {
    fn default() -> Self {
        Self { idle: 3600, connect: 5, linger: 5, before_last: 30, swallow: 600, end_of_data: 600, pace: 60 }
    }
}
