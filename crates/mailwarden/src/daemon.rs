//! The daemon from start to stop: reads as a list.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs::File;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use policy::model::Protocol;
use tokio::runtime::{self, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::cli::{RunFlags, Spoken};
use crate::plan::{Files, Plan};
use crate::proxy::sessions::View;
use crate::proxy::worker::Control;
use crate::proxy::workers::WorkerPool;
use crate::report::{self, Reporter, Sinks};
use crate::{Exit, configuration, terminal, text};

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
    let plan = match plan(flags) {
        Ok(plan) => plan,
        Err(exit) => return exit,
    };
    raise_descriptor_limit();
    let mut files = Open { reports: plan.files.clone(), spare: spare_descriptors() };
    let sinks = match Sinks::open(&files.reports) {
        Ok(sinks) => sinks,
        Err(error) => return refused(&error),
    };
    let (reporter, writer) = report::start(sinks);
    let mut workers = match WorkerPool::new(plan.workers, &reporter) {
        Ok(workers) => workers,
        Err(error) => return refused(&format!("cannot start the workers: {error}")),
    };
    if let Err(error) = workers.listen(plan) {
        return refused(&error);
    }
    if flags.listen.is_none() {
        reporter.configuration(&flags.config.display().to_string(), APPLIED);
    }
    let serving = serve_signals(hangup, flags, &mut workers, &reporter, &mut files);
    let exit = match runtime.block_on(serving) {
        Ok(()) => Exit::Done,
        Err(error) => refused(&format!("signals: {error}")),
    };
    reporter.stopped(&workers.stop());
    drop(reporter);
    writer.join();
    exit
}

fn plan(flags: &RunFlags) -> Result<Plan, Exit> {
    if let Some(listen) = flags.listen {
        let protocol = match flags.protocol {
            Spoken::Smtp | Spoken::Esmtp => Protocol::Smtp,
            Spoken::Tcp => Protocol::Tcp,
        };
        return Ok(Plan::without_file(listen, flags.server.clone(), protocol));
    }
    let read = configuration::read(&flags.config).map_err(|error| refused(&error))?;
    terminal::complain(&read.complaints());
    match read.plan {
        Some(plan) if plan.listeners.is_empty() => {
            let file = flags.config.display();
            terminal::complain(&format!("mailwarden: {file}: {NOTHING_TO_DO}\n"));
            Err(Exit::Usage)
        }
        Some(plan) => Ok(plan),
        None => Err(Exit::Usage),
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

/// Waits for signals and does what they ask, until one asks to stop.
async fn serve_signals(
    mut hangup: Signal,
    flags: &RunFlags,
    workers: &mut WorkerPool,
    reporter: &Reporter,
    files: &mut Open,
) -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    loop {
        tokio::select! {
            _ = hangup.recv() => reload(flags, workers, reporter, files),
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
        }
    }
    workers.send_all(|| Control::Drain);
    // A second signal means now.
    let drained = tokio::select! {
        () = workers.wait_until_drained() => true,
        () = tokio::time::sleep(DRAIN) => false,
        _ = terminate.recv() => false,
        _ = interrupt.recv() => false,
    };
    if !drained {
        // A worker that cannot answer must not keep the daemon from stopping.
        let _ = tokio::time::timeout(CENSUS, report_cut_off(workers, reporter)).await;
    }
    Ok(())
}

/// Reports how many sessions of each proxy the stop cuts off, and the oldest of them.
async fn report_cut_off(workers: &WorkerPool, reporter: &Reporter) {
    let mut open: BTreeMap<String, (u64, View)> = BTreeMap::new();
    workers
        .each_session(|view| match open.entry(view.config.name.clone()) {
            Entry::Vacant(entry) => {
                entry.insert((1, view));
            }
            Entry::Occupied(mut entry) => {
                let (count, oldest) = entry.get_mut();
                *count += 1;
                if view.age > oldest.age {
                    *oldest = view;
                }
            }
        })
        .await;
    for (proxy, (count, oldest)) in open {
        let sessions = text::counted(count, "open session");
        let (client, age) = (oldest.info.client, oldest.age.as_secs());
        reporter
            .failure(&format!("proxy {proxy}: stopped with {sessions}, the oldest of {client} for {age} s"));
    }
}

/// New sessions get the new policy, old ones finish on theirs; a file with errors changes nothing.
fn reload(flags: &RunFlags, workers: &mut WorkerPool, reporter: &Reporter, files: &mut Open) {
    let file = flags.config.display().to_string();
    if flags.listen.is_some() {
        return;
    }
    // What the spare ones are for.
    files.spare.clear();
    let descriptors = Arc::clone(workers.descriptors());
    descriptors.first_for(|| reload_now(flags, workers, reporter, files, &file));
    files.spare = spare_descriptors();
}

fn reload_now(flags: &RunFlags, workers: &mut WorkerPool, reporter: &Reporter, files: &mut Open, file: &str) {
    let result = match configuration::read(&flags.config) {
        Err(error) => Err(error),
        Ok(read) => {
            terminal::complain(&read.complaints());
            match read.plan {
                // A file that is being written is empty for a moment.
                Some(plan) if plan.listeners.is_empty() => Err(format!("{NOTHING_TO_DO}, not applied")),
                Some(plan) => Ok(plan),
                None => Err(format!("{} errors, not applied", read.diagnostics.errors())),
            }
        }
    };
    match result.and_then(|plan| enforce(plan, workers, reporter, files)) {
        Ok(said) => reporter.configuration(file, said),
        Err(error) => {
            // Whoever rotated the files we write to has moved them all the same.
            if let Ok(sinks) = Sinks::open(&files.reports) {
                reporter.redirect(sinks);
            }
            reporter.configuration(file, &error);
        }
    }
}

/// Everything of a plan or nothing: what can be refused is asked for first. What there is to say of it.
fn enforce(
    plan: Plan,
    workers: &mut WorkerPool,
    reporter: &Reporter,
    files: &mut Open,
) -> Result<&'static str, String> {
    let said = if workers.has_size(plan.workers) { APPLIED } else { APPLIED_BUT_WORKERS };
    // Opened anew even under the same name: whoever rotates files moves them away and tells us.
    let (next, sinks) = (plan.files.clone(), Sinks::open(&plan.files)?);
    workers.listen(plan)?;
    reporter.redirect(sinks);
    files.reports = next;
    Ok(said)
}

/// What the daemon has open beside sessions and listeners.
struct Open {
    /// Where reports go.
    reports: Files,
    /// Descriptors that are given up for a reload, should all others be taken.
    spare: Vec<File>,
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
