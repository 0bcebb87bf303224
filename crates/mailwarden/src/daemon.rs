//! The daemon from start to stop: reads as a list.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::{self, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::attachments::Attachments;
use crate::cli::RunFlags;
use crate::plan::Plan;
use crate::proxy::names::Learned;
use crate::proxy::sessions::View;
use crate::proxy::watch::{Change, Watch};
use crate::proxy::worker::Control;
use crate::proxy::workers::WorkerPool;
use crate::report::{self, Configured, Reporter, ServerState, Sinks};
use crate::text::counted;
use crate::{Exit, configuration, in_force, terminal};

/// How long sessions may go on after SIGTERM. An end of data may wait ten minutes for its answer
/// (RFC 5321 §4.5.3.2.6), and a message that is not acknowledged is sent again.
const DRAIN: Duration = Duration::from_secs(600);

/// How long the workers may take to describe their sessions when the daemon stops.
const CENSUS: Duration = Duration::from_secs(2);

/// What is said of a configuration in which nobody listens.
const NOTHING_TO_DO: &str = "no `proxy` block with `listen` and `server`";

/// What is said of a configuration that took effect.
const APPLIED: &str = "applied";
const APPLIED_BUT_WORKERS: &str = "applied, except `workers`, which requires a restart";

/// `mailwarden run`.
pub(crate) fn run(flags: &RunFlags) -> Exit {
    let (runtime, hangup) = match install_signal_handlers() {
        Ok(handlers) => handlers,
        Err(error) => return refused(&format!("signals: {error}")),
    };
    let (plan, configured) = match plan(flags) {
        Ok(plan) => plan,
        Err(exit) => return exit,
    };
    raise_descriptor_limit();
    let spare = spare_descriptors();
    let sinks = match Sinks::open(&plan.files) {
        Ok(sinks) => sinks,
        Err(error) => return refused(&error),
    };
    let (reporter, writer) = report::start(sinks);
    let workers = match WorkerPool::new(plan.workers, &reporter) {
        Ok(workers) => workers,
        Err(error) => return refused(&format!("cannot start the workers: {error}")),
    };
    let exit = runtime.block_on(async {
        let watch = Watch::new(workers.started());
        let attachments = Attachments::default();
        let daemon = Daemon { flags, plan, workers, attachments, watch, reporter, spare };
        daemon.live(configured, hangup).await
    });
    // A look-up may still wait for its answer.
    runtime.shutdown_background();
    writer.join();
    exit
}

/// What the file says is to be done; and what there is to say of the file, if there is one.
fn plan(flags: &RunFlags) -> Result<(Plan, Option<Configured>), Exit> {
    if let Some(listen) = flags.listen {
        return Ok((Plan::without_file(listen, flags.server.clone(), flags.protocol), None));
    }
    let mut read = configuration::read(&flags.config).map_err(|error| refused(&error))?;
    match read.plan.take() {
        Some(plan) if !plan.listeners.is_empty() => Ok((plan, Some(read.configured(Ok(APPLIED))))),
        Some(_) => {
            let file = flags.config.display();
            terminal::complain(&format!("{}mailwarden: {file}: {NOTHING_TO_DO}\n", read.complaints()));
            Err(Exit::Usage)
        }
        None => {
            terminal::complain(&read.complaints());
            Err(Exit::Usage)
        }
    }
}

fn refused(what: &str) -> Exit {
    terminal::complain(&format!("mailwarden: {what}\n"));
    Exit::System
}

/// The runtime that handles signals, and SIGHUP handled from now on: its default action would end a daemon
/// that is reloaded while it is still starting.
fn install_signal_handlers() -> io::Result<(Runtime, Signal)> {
    let runtime = runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
    let hangup = runtime.block_on(async { signal(SignalKind::hangup()) })?;
    Ok((runtime, hangup))
}

/// What the daemon has beside the threads that do the work. It waits for nothing but signals and servers: whatever it
/// has to say goes to the writer's queue.
struct Daemon<'f> {
    flags: &'f RunFlags,
    /// What is in force.
    plan: Plan,
    workers: WorkerPool,
    attachments: Attachments,
    watch: Watch,
    reporter: Reporter,
    /// Descriptors that are given up for a reload, should all others be taken.
    spare: Vec<File>,
}

/// What the daemon wakes for.
enum Wake {
    Reload,
    Stop,
    Servers(Change),
}

impl Daemon<'_> {
    async fn live(mut self, configured: Option<Configured>, hangup: Signal) -> Exit {
        let learned = self.watch.keep(self.plan.servers()).await;
        if let Err(error) =
            self.workers.listen(self.plan.targets(&mut self.watch.directory, &mut self.attachments))
        {
            return refused(&error);
        }
        configured.iter().for_each(|configured| self.reporter.configuration(configured));
        self.tell_failures(learned);
        self.tell_proxies();
        let exit = match self.serve(hangup).await {
            Ok(()) => Exit::Done,
            Err(error) => refused(&format!("signals: {error}")),
        };
        let Self { workers, reporter, .. } = self;
        reporter.stopped(&workers.stop());
        exit
    }

    /// Waits for signals and does what they ask, until one asks to stop; and for news of servers.
    async fn serve(&mut self, mut hangup: Signal) -> io::Result<()> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        loop {
            let wake = tokio::select! {
                _ = hangup.recv() => Wake::Reload,
                _ = terminate.recv() => Wake::Stop,
                _ = interrupt.recv() => Wake::Stop,
                change = self.watch.next() => Wake::Servers(change),
            };
            match wake {
                Wake::Reload => self.reload().await,
                Wake::Servers(change) => self.servers_changed(change),
                Wake::Stop => break,
            }
        }
        self.workers.send_all(|| Control::Drain);
        let open = self.census().await;
        for (name, listeners) in in_force::proxies(&self.plan) {
            let sessions = open.get(name).map_or(0, |open| open.sessions);
            let (sessions, addresses) = (counted(sessions, "session"), in_force::addresses(&listeners));
            self.reporter.notice(&format!("Proxy {name}: draining {sessions}, {addresses} closed"));
        }
        // A second signal means now.
        let drained = tokio::select! {
            () = self.workers.wait_until_drained() => true,
            () = tokio::time::sleep(DRAIN) => false,
            _ = terminate.recv() => false,
            _ = interrupt.recv() => false,
        };
        self.tell_stopped(drained).await;
        Ok(())
    }

    /// Says of each proxy that it has stopped, and of how many sessions that is the end.
    async fn tell_stopped(&self, drained: bool) {
        let open = if drained { BTreeMap::new() } else { self.census().await };
        for (name, _) in in_force::proxies(&self.plan) {
            match open.get(name) {
                None => self.reporter.notice(&format!("Proxy {name}: stopped")),
                Some(Open { sessions, oldest }) => {
                    let sessions = counted(*sessions, "open session");
                    let (client, age) = (oldest.info.client, oldest.age.as_secs());
                    self.reporter.failure(&format!(
                        "Proxy {name}: stopped with {sessions}, the oldest of {client} for {age} s"
                    ));
                }
            }
        }
    }

    /// The open sessions of each proxy. A worker that cannot answer must not keep the daemon from stopping.
    async fn census(&self) -> BTreeMap<String, Open> {
        let mut open: BTreeMap<String, Open> = BTreeMap::new();
        let each = self.workers.each_session(|view| match open.get_mut(&view.config.name) {
            Some(Open { sessions, oldest }) => {
                *sessions += 1;
                if view.age > oldest.age {
                    *oldest = view;
                }
            }
            None => {
                open.insert(view.config.name.clone(), Open { sessions: 1, oldest: view });
            }
        });
        let _ = tokio::time::timeout(CENSUS, each).await;
        open
    }

    /// New sessions get the new policy, old ones finish on theirs; a file with errors changes nothing.
    async fn reload(&mut self) {
        if self.flags.listen.is_some() {
            return;
        }
        // What the spare ones are for.
        self.spare.clear();
        let hold = Arc::clone(self.workers.descriptors()).hold();
        let before: Vec<String> =
            in_force::proxies(&self.plan).iter().map(|(name, _)| (*name).to_owned()).collect();
        let configured = self.read_and_enforce().await;
        drop(hold);
        self.spare = spare_descriptors();
        self.reporter.configuration(&configured);
        if !configured.ok {
            return;
        }
        self.tell_proxies();
        let now = in_force::proxies(&self.plan);
        for name in before.iter().filter(|before| now.iter().all(|(name, _)| name != before)) {
            self.reporter.notice(&format!("Proxy {name}: removed, its sessions go on to their end"));
        }
    }

    /// Reads the file, and enforces it or says why not.
    async fn read_and_enforce(&mut self) -> Configured {
        let mut read = match configuration::read(&self.flags.config) {
            Ok(read) => read,
            Err(error) => {
                return self.unchanged(Configured::unread(self.flags.config.display().to_string(), error));
            }
        };
        let plan = match read.plan.take() {
            // A file that is being written is empty for a moment.
            Some(plan) if plan.listeners.is_empty() => Err(format!("{NOTHING_TO_DO}, not applied")),
            Some(plan) => Ok(plan),
            None => Err(format!("{}, not applied", counted(read.diagnostics.errors() as u64, "error"))),
        };
        let enforced = match plan {
            Ok(plan) => self.enforce(plan).await,
            Err(why) => Err(why),
        };
        match enforced {
            Ok(said) => read.configured(Ok(said)),
            Err(why) => self.unchanged(read.configured(Err(&why))),
        }
    }

    /// Whoever rotated the files we write to has moved them all the same.
    fn unchanged(&self, configured: Configured) -> Configured {
        if let Ok(sinks) = Sinks::open(&self.plan.files) {
            self.reporter.redirect(sinks);
        }
        configured
    }

    /// Everything of a plan or nothing: what can be refused is asked for first. What there is to say of it.
    async fn enforce(&mut self, plan: Plan) -> Result<&'static str, String> {
        let said = if self.workers.has_size(plan.workers) { APPLIED } else { APPLIED_BUT_WORKERS };
        // Opened anew even under the same name: whoever rotates files moves them away and tells us.
        let sinks = Sinks::open(&plan.files)?;
        // Sessions of the running configuration need its servers until the new one is in force.
        let learned = self.watch.keep(self.plan.servers().chain(plan.servers())).await;
        let listening = self.workers.listen(plan.targets(&mut self.watch.directory, &mut self.attachments));
        if listening.is_ok() {
            self.reporter.redirect(sinks);
            self.tell_failures(learned);
            self.plan = plan;
        }
        self.watch.directory.keep(self.plan.servers());
        listening.map(|()| said)
    }

    fn servers_changed(&mut self, change: Change) {
        match change {
            Change::Up(upstream) => {
                let address = upstream.address();
                let proxy = self.plan.proxy_of(address, &self.watch.directory);
                self.reporter.server(proxy, address, ServerState::Up);
            }
            Change::Name(Learned::Nothing) => {}
            Change::Name(Learned::Failed(what)) => self.reporter.failure(&what),
            Change::Name(Learned::Back(what)) => self.reporter.notice(&what),
            Change::Name(Learned::Changed(what)) => {
                self.reporter.notice(&what);
                // All of it goes on listening, which cannot be refused.
                let _ =
                    self.workers.listen(self.plan.targets(&mut self.watch.directory, &mut self.attachments));
                self.tell_circles();
            }
        }
    }

    /// Servers that are left out because they are no servers.
    fn tell_circles(&self) {
        self.plan.circles(&self.watch.directory).iter().for_each(|circle| self.reporter.failure(circle));
    }

    /// Names that cannot be resolved; the addresses of the others are in the line of their proxy.
    fn tell_failures(&self, learned: Vec<Learned>) {
        for learned in learned {
            if let Learned::Failed(what) = learned {
                self.reporter.failure(&what);
            }
        }
    }

    fn tell_proxies(&self) {
        self.tell_circles();
        for (name, listeners) in in_force::proxies(&self.plan) {
            let told = in_force::told(&listeners, &self.watch.directory);
            self.reporter.notice(&format!("Proxy {name}: {told}"));
        }
    }
}

/// The open sessions of a proxy.
struct Open {
    sessions: u64,
    oldest: View,
}

/// Enough for a configuration and the files for reports.
fn spare_descriptors() -> Vec<File> {
    const SPARE: usize = 4;
    (0..SPARE).map_while(|_| File::open("/dev/null").ok()).collect()
}

/// A session takes two descriptors; the soft limit of most systems is a thousand.
fn raise_descriptor_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}
