#[allow(dead_code, reason = "the replay command is the only user and comes with the command line")]
mod replay;

fn main() {}
