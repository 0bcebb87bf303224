//! Limits on sessions, exact over all workers.
//!
//! All workers share one lock, which a session takes three times: when its client was accepted, when its server is
//! connected, and when it ends; and once more for each login, where failed ones are limited. A session that is not
//! limited never takes it, and nothing on the data path does.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use engine::admission::{
    Admission, Asked, DomainId, DomainView, Limit, Outcome, Thresholds, Ticket, Transition,
};
use engine::event::{Login, LoginOutcome};
use proto::Time;
use tokio::sync::mpsc::{UnboundedSender, WeakUnboundedSender};

use super::worker::Control;
use crate::attachments::{AttachmentId, Attachments};
use crate::plan::{self, Plan};
use crate::report::{LimitReport, Limited};

/// The limits that are in force, and what is counted.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    state: Mutex<State>,
    /// Of the workers, by their numbers.
    mailboxes: OnceLock<Vec<WeakUnboundedSender<Control>>>,
}

#[derive(Debug, Default)]
struct State {
    admission: Admission,
    /// Each that was ever limited: sessions may still be counted in one that no configuration has any more.
    domains: BTreeMap<DomainId, Limited>,
    /// The names of proxies, by the number of the attachment.
    proxies: HashMap<u32, Arc<str>>,
}

impl Limits {
    /// Where workers are told that a session must go.
    pub(super) fn deliver_to(&self, mailboxes: &[UnboundedSender<Control>]) {
        // Weak: a worker ends when nobody else can ask anything of it.
        let _ = self.mailboxes.set(mailboxes.iter().map(UnboundedSender::downgrade).collect());
    }

    /// From the next session on the limits of a plan are in force. What is counted stays.
    pub(crate) fn enforce(&self, plan: &Plan, attachments: &mut Attachments) {
        let mut state = self.state();
        let State { admission, domains, proxies } = &mut *state;
        domains.keys().for_each(|&number| admission.limit(number, Thresholds::default()));
        for (config, plan::Limited { domain, thresholds, alert, form }) in plan.limits() {
            let number = attachments.domain(domain);
            admission.limit(number, *thresholds);
            let told = Limited { domain: Arc::new(domain.clone()), alert: *alert, form: *form };
            domains.insert(number, told);
            proxies.insert(attachment_number(attachments.number(config)), config.name.as_str().into());
        }
    }

    /// Whether a client may have a session: what it is counted under, or the limit by which it is refused.
    pub(super) fn admit(
        self: &Arc<Self>,
        now: Time,
        domain: DomainId,
        asked: &Asked,
        tell: impl FnMut(&LimitReport),
    ) -> Result<Admitted, Limit> {
        let answer = self.ask(tell, |admission, out| admission.accept(now, domain, asked, out));
        answer.map(|ticket| Admitted { ticket: Some(ticket), limits: Arc::clone(self) })
    }

    /// A login of a session that is limited has succeeded or failed.
    pub(super) fn logged_in(
        &self,
        now: Time,
        domain: DomainId,
        login: &Login<'_>,
        asked: &Asked,
        tell: impl FnMut(&LimitReport),
    ) {
        self.ask(tell, |admission, out| match login.outcome {
            LoginOutcome::Accepted => admission.login_succeeded(domain, asked.client),
            LoginOutcome::RefusedByServer => admission.login_failed(now, domain, login.account, asked, out),
            LoginOutcome::RefusedByPolicy | LoginOutcome::NotTried | LoginOutcome::Cancelled => {}
        });
    }

    /// Whether a session may not log in to an account for now.
    pub(super) fn refuses_login(
        &self,
        now: Time,
        domain: DomainId,
        account: &[u8],
        asked: &Asked,
        tell: impl FnMut(&LimitReport),
    ) -> bool {
        self.ask(tell, |admission, out| admission.refuses_login(now, domain, account, asked, out))
    }

    /// What time alone brings; to be asked about once a second.
    pub(crate) fn expire(&self, now: Time) -> Vec<LimitReport> {
        let mut out = Outcome::default();
        let mut state = self.state();
        state.admission.expire(now, &mut out);
        state.reports(&out)
    }

    /// Every domain with what is counted in it.
    pub(crate) fn views(&self, now: Time) -> Vec<(Limited, DomainView)> {
        let mut state = self.state();
        let State { admission, domains, .. } = &mut *state;
        domains.iter().map(|(&number, domain)| (domain.clone(), admission.view(now, number))).collect()
    }

    /// Asks under the lock; what follows is done without it.
    fn ask<A>(
        &self,
        tell: impl FnMut(&LimitReport),
        question: impl FnOnce(&mut Admission, &mut Outcome) -> A,
    ) -> A {
        let mut out = Outcome::default();
        let (answer, reports) = {
            let mut state = self.state();
            let answer = question(&mut state.admission, &mut out);
            (answer, state.reports(&out))
        };
        self.evict(&out);
        reports.iter().for_each(tell);
        answer
    }

    fn evict(&self, out: &Outcome) {
        for &(seat, ticket) in &out.evicted {
            let mailbox = self.mailboxes.get().and_then(|mailboxes| mailboxes.get(usize::from(seat.worker)));
            if let Some(mailbox) = mailbox.and_then(WeakUnboundedSender::upgrade) {
                // A worker that has stopped has no sessions.
                let _ = mailbox.send(Control::Evict { place: seat.place, ticket });
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn reports(&self, out: &Outcome) -> Vec<LimitReport> {
        let report = |(number, transition): &(DomainId, Transition)| {
            let transition = *transition;
            let proxy = match transition {
                Transition::Refused(of) | Transition::Evicted(of) | Transition::LoginsBlocked(of) => {
                    self.proxies.get(&of.attachment).cloned()
                }
                _ => None,
            };
            let limited = self.domains.get(number)?.clone();
            Some(LimitReport { limited, proxy, transition })
        };
        out.told.iter().filter_map(report).collect()
    }
}

/// What attachments are known by to limits.
pub(super) fn attachment_number(attachment: AttachmentId) -> u32 {
    u32::try_from(attachment.index()).unwrap_or(u32::MAX)
}

/// A session that is counted, until it is dropped.
#[derive(Debug)]
pub(super) struct Admitted {
    ticket: Option<Ticket>,
    limits: Arc<Limits>,
}

impl Admitted {
    /// The number of its ticket.
    pub(super) fn number(&self) -> Option<u64> {
        self.ticket.as_ref().map(Ticket::number)
    }

    /// Its server is connected. False if it had to go before.
    pub(super) fn opened(&mut self, server: SocketAddr) -> bool {
        match &mut self.ticket {
            Some(ticket) => self.limits.state().admission.opened(ticket, server),
            None => false,
        }
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.limits.state().admission.ended(ticket);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configuration;
    use engine::admission::Seat;

    fn plan(sessions: u32) -> Plan {
        let text = format!(
            "parameter-map type inspect few\n sessions maximum {sessions}\n\
             proxy mx\n listen 192.0.2.25:25\n server 192.0.2.1:25\n parameter-map few\n"
        );
        configuration::read_bytes("edge.conf", text.as_bytes()).plan.unwrap()
    }

    #[test]
    fn a_reload_keeps_what_is_counted_and_sessions_end_in_what_they_began_in() {
        let (limits, mut attachments) = (Arc::new(Limits::default()), Attachments::default());
        let [client, server] = ["198.51.100.7:40000", "192.0.2.1:25"].map(|address| address.parse().unwrap());
        let asked = Asked { client, server, attachment: 0, seat: Seat::default() };
        let admit = |domain| limits.admit(Time(0), domain, &asked, |_| {});
        limits.enforce(&plan(2), &mut attachments);
        let domain = attachments.domain(&plan(2).limits().next().unwrap().1.domain);
        let (first, _second) = (admit(domain).unwrap(), admit(domain).unwrap());
        limits.enforce(&plan(1), &mut attachments);
        assert_eq!(attachments.domain(&plan(1).limits().next().unwrap().1.domain), domain);
        drop(first);
        assert_eq!(admit(domain).unwrap_err(), Limit::SessionsMaximum);
        let [(limited, view)] = &limits.views(Time(0))[..] else { panic!("one domain") };
        assert_eq!((limited.domain.to_string().as_str(), view.sessions), ("mx", 1));
        // Without a limit everybody is admitted.
        let unlimited = Plan { listeners: Vec::new(), ..plan(1) };
        limits.enforce(&unlimited, &mut attachments);
        admit(domain).unwrap();
    }
}
