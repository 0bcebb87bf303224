//! The daemon from start to stop: reads as a list.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::{self, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::LocalSet;
use tokio::time::MissedTickBehavior;

use crate::attachments::Attachments;
use crate::cli::RunFlags;
use crate::control::{Answer, Asked, Socket};
use crate::plan::Plan;
use crate::proxy::Target;
use crate::proxy::names::Learned;
use crate::proxy::sessions::View;
use crate::proxy::watch::{Change, Watch};
use crate::proxy::worker::Control;
use crate::proxy::workers::WorkerPool;
use crate::report::{self, Configured, Reporter, ServerState, Sinks};
use crate::running::{InForce, Running, rates};
use crate::text::counted;
use crate::{Exit, configuration, in_force, metrics, terminal};

/// How long sessions may go on after SIGTERM. An end of data may wait ten minutes for its answer
/// (RFC 5321 §4.5.3.2.6), and a message that is not acknowledged is sent again.
const DRAIN: Duration = Duration::from_secs(600);

/// How long the workers may take to describe their sessions when the daemon stops.
const CENSUS: Duration = Duration::from_secs(2);

/// How often it is looked at what time changes of limits on sessions: blocked hosts have minutes.
const SECOND: Duration = Duration::from_secs(1);

/// What is said of a configuration in which nobody listens.
const NOTHING_TO_DO: &str = "no `proxy` block with `listen` and `server`";

/// What is said of a configuration that took effect.
const APPLIED: &str = "applied";
const APPLIED_BUT_WORKERS: &str = "applied, except `workers`, which requires a restart";

/// `mailwarden run`.
pub(crate) fn run(flags: &RunFlags) -> Exit {
    let (runtime, signals) = match install_signal_handlers() {
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
        let in_force = InForce::new(1, plan.clone(), Vec::new(), &attachments);
        let running = Arc::new(Running::new(in_force, &workers, reporter.log()));
        let (asking, asked) = unbounded_channel();
        let control = ControlSocket { socket: None, asking, asked, metrics: None };
        let daemon = Daemon { flags, plan, workers, attachments, running, control, watch, reporter, spare };
        LocalSet::new().run_until(daemon.live(configured, signals)).await
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

/// What the daemon is told by.
struct Signals {
    /// SIGHUP: reload.
    hangup: Signal,
    /// SIGUSR1: open the files anew.
    reopen: Signal,
    terminate: Signal,
    interrupt: Signal,
}

/// The runtime that handles signals, and signals handled from now on: by default they would end a daemon that is still
/// starting, and leave its socket behind.
fn install_signal_handlers() -> io::Result<(Runtime, Signals)> {
    let runtime = runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
    let signals = runtime.block_on(async {
        io::Result::Ok(Signals {
            hangup: signal(SignalKind::hangup())?,
            reopen: signal(SignalKind::user_defined1())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    })?;
    Ok((runtime, signals))
}

/// What the daemon has beside the threads that do the work. It waits for nothing but signals and servers: whatever it
/// has to say goes to the writer's queue.
struct Daemon<'f> {
    flags: &'f RunFlags,
    /// What is in force.
    plan: Plan,
    workers: WorkerPool,
    attachments: Attachments,
    running: Arc<Running>,
    control: ControlSocket,
    watch: Watch,
    reporter: Reporter,
    /// Descriptors that are given up for a reload, should all others be taken.
    spare: Vec<File>,
}

/// Where the daemon is asked, and where it is measured.
struct ControlSocket {
    /// None where the configuration names none.
    socket: Option<Socket>,
    asking: UnboundedSender<Asked>,
    asked: UnboundedReceiver<Asked>,
    /// None where the configuration names no address.
    metrics: Option<metrics::Server>,
}

/// What the daemon wakes for.
enum Wake {
    Reload,
    Reopen,
    Asked(Asked),
    Stop,
    Servers(Change),
    Sample,
    /// A second has passed, in which limits may have changed.
    Second,
}

impl Daemon<'_> {
    async fn live(mut self, configured: Option<Configured>, signals: Signals) -> Exit {
        let learned = self.watch.keep(self.plan.servers()).await;
        let targets = self.plan.targets(&mut self.watch.directory, &mut self.attachments);
        let socket = match self.plan.control_socket.as_deref().map(Socket::open).transpose() {
            Ok(socket) => socket,
            Err(error) => return refused(&error),
        };
        let metrics = match self.plan.metrics.map(metrics::Server::open).transpose() {
            Ok(metrics) => metrics,
            Err(error) => return refused(&error),
        };
        self.workers.limits().enforce(&self.plan, &mut self.attachments);
        if let Err(error) = self.workers.listen(targets.clone()) {
            return refused(&error);
        }
        self.put_in_force(1, targets);
        self.ask_at(socket);
        self.serve_metrics(metrics);
        configured.iter().for_each(|configured| self.reporter.configuration(configured));
        self.tell_failures(learned);
        self.tell_proxies();
        self.serve(signals).await;
        let Self { workers, reporter, .. } = self;
        reporter.stopped(&workers.stop().totals());
        Exit::Done
    }

    /// Waits for signals and does what they ask, until one asks to stop; and for news of servers.
    async fn serve(&mut self, signals: Signals) {
        let Signals { mut hangup, mut reopen, mut terminate, mut interrupt } = signals;
        let mut second = tokio::time::interval(SECOND);
        second.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut sampling = tokio::time::interval(rates::INTERVAL);
        sampling.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let wake = tokio::select! {
                _ = hangup.recv() => Wake::Reload,
                _ = reopen.recv() => Wake::Reopen,
                _ = terminate.recv() => Wake::Stop,
                _ = interrupt.recv() => Wake::Stop,
                change = self.watch.next() => Wake::Servers(change),
                Some(asked) = self.control.asked.recv() => Wake::Asked(asked),
                _ = sampling.tick() => Wake::Sample,
                _ = second.tick(), if self.plan.limits().next().is_some() => Wake::Second,
            };
            match wake {
                Wake::Reload => {
                    self.reload().await;
                }
                Wake::Reopen => self.reopen(),
                Wake::Asked(Asked::Record { user, command }) => {
                    self.reporter.command(self.plan.log_form(), &user, &command);
                }
                Wake::Asked(Asked::Reload(reply)) => {
                    let answer = self.reload().await;
                    // Whoever asked may have left.
                    let _ = reply.send(answer);
                }
                Wake::Servers(change) => self.servers_changed(change),
                Wake::Sample => {
                    let running = Arc::clone(&self.running);
                    // A worker that is busy is waited for by nobody but this.
                    tokio::task::spawn_local(async move { running.sample_rates().await });
                }
                Wake::Second => self.workers.expire_limits(&self.reporter),
                Wake::Stop => break,
            }
        }
        self.running.drain();
        self.workers.mailboxes().send_all(|| Control::Drain);
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
        let each = self.workers.mailboxes().each_session(|view| match open.get_mut(&view.config.name) {
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

    /// New sessions get the new policy, old ones finish on theirs; a file with errors changes nothing. What came of it.
    async fn reload(&mut self) -> Answer {
        if self.flags.listen.is_some() {
            let complaints = "% The daemon runs without a configuration file\n".to_owned();
            return Answer { text: String::new(), complaints, exit: Exit::Usage };
        }
        // What the spare ones are for.
        self.spare.clear();
        let hold = Arc::clone(self.workers.descriptors()).hold();
        let before: Vec<String> =
            in_force::proxies(&self.plan).iter().map(|(name, _)| (*name).to_owned()).collect();
        let (configured, complaints) = self.read_and_enforce().await;
        drop(hold);
        self.spare = spare_descriptors();
        self.reporter.configuration(&configured);
        self.running.reloaded(configured.ok);
        let text = format!("{}: {}\n", configured.file, configured.result);
        if !configured.ok {
            let exit = if configured.errors > 0 { Exit::Usage } else { Exit::System };
            return Answer { text: String::new(), complaints: format!("{complaints}{text}"), exit };
        }
        self.tell_proxies();
        let now = in_force::proxies(&self.plan);
        for name in before.iter().filter(|before| now.iter().all(|(name, _)| name != before)) {
            self.reporter.notice(&format!("Proxy {name}: removed, its sessions go on to their end"));
        }
        Answer { text, complaints, exit: Exit::Done }
    }

    /// Reads the file, and enforces it or says why not; and what there is to complain of in it.
    async fn read_and_enforce(&mut self) -> (Configured, String) {
        let mut read = match configuration::read(&self.flags.config) {
            Ok(read) => read,
            Err(error) => {
                let unread = Configured::unread(self.flags.config.display().to_string(), error);
                return (self.unchanged(unread), String::new());
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
        let configured = match enforced {
            Ok(said) => read.configured(Ok(said)),
            Err(why) => self.unchanged(read.configured(Err(&why))),
        };
        (configured, read.complaints())
    }

    /// Whoever rotated the files we write to has moved them all the same.
    fn unchanged(&self, configured: Configured) -> Configured {
        self.reopen();
        configured
    }

    /// Opens the files anew, under the same names; where that fails, those that are open go on.
    fn reopen(&self) {
        match Sinks::open(&self.plan.files) {
            Ok(sinks) => self.reporter.redirect(sinks),
            Err(error) => self.reporter.failure(&format!("cannot reopen: {error}")),
        }
    }

    /// Everything of a plan or nothing: what can be refused is asked for first. What there is to say of it.
    async fn enforce(&mut self, plan: Plan) -> Result<&'static str, String> {
        let said = if self.workers.has_size(plan.workers) { APPLIED } else { APPLIED_BUT_WORKERS };
        // Opened anew even under the same name: whoever rotates files moves them away and tells us.
        let sinks = Sinks::open(&plan.files)?;
        let socket = match plan.control_socket.as_deref() {
            Some(path) if self.asks_at(path) => None,
            path => Some(path.map(Socket::open).transpose()?),
        };
        let metrics = match plan.metrics {
            Some(address) if self.control.metrics.as_ref().is_some_and(|it| it.address() == address) => None,
            address => Some(address.map(metrics::Server::open).transpose()?),
        };
        // Sessions of the running configuration need its servers until the new one is in force.
        let learned = self.watch.keep(self.plan.servers().chain(plan.servers())).await;
        self.workers.limits().enforce(&plan, &mut self.attachments);
        let targets = plan.targets(&mut self.watch.directory, &mut self.attachments);
        let listening = self.workers.listen(targets.clone());
        if listening.is_ok() {
            self.reporter.redirect(sinks);
            self.tell_failures(learned);
            self.plan = plan;
            self.put_in_force(self.running.in_force().generation + 1, targets);
            if let Some(socket) = socket {
                self.ask_at(socket);
            }
            if let Some(metrics) = metrics {
                self.serve_metrics(metrics);
            }
        } else {
            self.workers.limits().enforce(&self.plan, &mut self.attachments);
        }
        self.watch.directory.keep(self.plan.servers());
        listening.map(|()| said)
    }

    /// What is in force now can be seen.
    fn put_in_force(&self, generation: u64, targets: Vec<(SocketAddr, Target)>) {
        let in_force = InForce::new(generation, self.plan.clone(), targets, &self.attachments);
        self.running.put_in_force(in_force);
    }

    /// Whether the control socket is there.
    fn asks_at(&self, path: &Path) -> bool {
        self.control.socket.as_ref().is_some_and(|socket| socket.path() == path)
    }

    /// Takes commands there from now on, and nowhere else.
    fn ask_at(&mut self, socket: Option<Socket>) {
        self.control.socket = socket.map(|mut socket| {
            socket.serve(Arc::clone(&self.running), self.control.asking.clone());
            socket
        });
    }

    /// Serves metrics there from now on, and nowhere else.
    fn serve_metrics(&mut self, metrics: Option<metrics::Server>) {
        self.control.metrics = metrics;
        if let Some(Err(error)) =
            self.control.metrics.as_mut().map(|metrics| metrics.serve(Arc::clone(&self.running)))
        {
            self.reporter.failure(&error);
        }
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
                let targets = self.plan.targets(&mut self.watch.directory, &mut self.attachments);
                let _ = self.workers.listen(targets.clone());
                self.put_in_force(self.running.in_force().generation, targets);
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
