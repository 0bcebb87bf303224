//! Time runs out for those who stay away.

use crate::daemon::{Configuration, Daemon};
use crate::server::Mailbox;
use crate::wire::End;

const IMPATIENT: Configuration<'_> = Configuration {
    maps: "parameter-map type inspect impatient\n tcp idle-time 1\n tcp finwait-time 1\n",
    settings: " workers 1\n",
    proxy: " parameter-map impatient\n",
};

#[test]
fn an_idle_session_is_told_so_and_ends() {
    let mailbox = Mailbox::start();
    let daemon = Daemon::start(IMPATIENT, &[mailbox.address()]);
    let mut client = daemon.greeted();
    let (last, end) = client.rest();
    assert_eq!((last.as_str(), end), ("421 4.4.2 Idle for too long\r\n", End::Fin));
    assert_eq!(daemon.ended(1), ["idle"]);
    assert_eq!(mailbox.visits(1)[0].end, End::Fin);
}
