//! Whether an accepted client gets a session. Whatever limits sessions is asked here, before a server is
//! connected for the client.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::AsFd;
use std::rc::Rc;
use std::time::Duration;

use engine::SessionConfig;
use engine::admission::{self, Asked, DomainId, Seat};
use engine::config::Inspect;
use engine::event::Login;
use socket2::SockRef;

use super::Target;
use super::limits::{Admitted, attachment_number};
use super::sessions::SessionEntry;
use super::worker::Worker;

/// The server of a session for which none is known.
const NO_SERVER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

/// How a client learns that it gets no session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// By a last line, and FIN.
    Line(&'static str),
    /// By RST.
    Reset,
}

impl Refusal {
    /// That of a client that a limit keeps out.
    pub(super) fn by_limit(config: &SessionConfig) -> Self {
        admission::turned_away(config).map_or(Self::Reset, Self::Line)
    }
}

/// The entry of the client's session in the worker's table, or how the client is refused.
///
/// Where it is known only later who the client is, or to which class it belongs, limits are asked then: [`limit`].
pub(super) fn admit(
    client: SocketAddr,
    target: &Rc<Target>,
    worker: &Worker,
) -> Result<SessionEntry, Refusal> {
    match target.config.inspect {
        Inspect::Drop => Err(dropped(client, target, worker)),
        // Entered before its task runs: a worker that drains waits for sessions that have not begun to run, too.
        Inspect::Smtp | Inspect::Pop3 | Inspect::Imap | Inspect::Opaque => {
            // The server it is connected to is known later.
            let server = target.first_server().unwrap_or(NO_SERVER);
            let domain = target.limited.filter(|_| target.is_known_at_once());
            let place = worker.sessions.next_place();
            let admitted =
                domain.map(|domain| ask(domain, client, server, place, target, worker)).transpose()?;
            let info = worker.session_info(client, server, target.attachment);
            let entry = worker.sessions.enter(info, target);
            entry.admitted(admitted);
            Ok(entry)
        }
    }
}

/// A class drops the session.
pub(super) fn dropped(client: SocketAddr, target: &Target, worker: &Worker) -> Refusal {
    let server = target.first_server().unwrap_or(NO_SERVER);
    let info = worker.session_info(client, server, target.attachment);
    worker.recorder.session_dropped(worker.now(), &info, &target.config);
    Refusal::Reset
}

/// Asks the limits of a session of which it is known now who its client is, and what it is held to.
pub(super) fn limit(entry: &SessionEntry, target: &Target, worker: &Worker) -> Result<(), Refusal> {
    let Some(domain) = target.limited.filter(|_| !target.is_known_at_once()) else { return Ok(()) };
    let (client, server) = (entry.info().client, target.first_server().unwrap_or(NO_SERVER));
    entry.admitted(Some(ask(domain, client, server, entry.place(), target, worker)?));
    Ok(())
}

fn ask(
    domain: DomainId,
    client: SocketAddr,
    server: SocketAddr,
    place: usize,
    target: &Target,
    worker: &Worker,
) -> Result<Admitted, Refusal> {
    worker.update_now();
    let seat = Seat { worker: worker.number, place };
    let asked = Asked { client, server, attachment: attachment_number(target.attachment), seat };
    let tell = |report: &_| worker.recorder.limit(report);
    let answer = worker.limits.admit(worker.now(), domain, &asked, tell);
    answer.map_err(|_| Refusal::by_limit(&target.config))
}

/// A login of a session has ended: it counts where failed ones are limited.
pub(super) fn logged_in(login: &Login<'_>, entry: &SessionEntry, worker: &Worker) {
    if let Some(domain) = entry.target().limited {
        let tell = |report: &_| worker.recorder.limit(report);
        worker.limits.logged_in(worker.now(), domain, login, &asked(entry, worker), tell);
    }
}

/// Whether a session may not log in to an account, because too many logins to it have failed.
pub(super) fn refuses_login(account: &[u8], entry: &SessionEntry, worker: &Worker) -> bool {
    let tell = |report: &_| worker.recorder.limit(report);
    entry.target().limited.is_some_and(|domain| {
        worker.limits.refuses_login(worker.now(), domain, account, &asked(entry, worker), tell)
    })
}

/// A session that has begun, as limits know it.
fn asked(entry: &SessionEntry, worker: &Worker) -> Asked {
    let info = entry.info();
    let seat = Seat { worker: worker.number, place: entry.place() };
    Asked { client: info.client, server: info.server, attachment: attachment_number(info.attachment), seat }
}

/// Closes the connection of a refused client.
pub(super) fn refuse(client: impl AsFd, refusal: &Refusal) {
    let socket = SockRef::from(&client);
    // What a new connection cannot take at once, it is not waited for.
    let _ = match refusal {
        Refusal::Line(line) => socket.send(line.as_bytes()).map(drop),
        Refusal::Reset => socket.set_linger(Some(Duration::ZERO)),
    };
    drop(client);
}
