//! The table and the routing of intercepted packets, put into the kernel and taken away again, by the programs `nft` and `ip`.
//!
//! What they are told is decided elsewhere. Nothing here waits for longer than [`TIME_MAX`].

use std::io::{self, Read as _, Write as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::retry_on_intr;
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use serde::Deserialize;

use super::nft::TABLE_NAME;
use super::{MARK_CLIENT, MARK_MASK, MARK_OWN, Netfilter, Ruleset, TABLE};

/// Limit: a list of 100,000 lines takes two seconds; a busy machine takes ten times as long.
const TIME_MAX: Duration = Duration::from_secs(60);

/// Limit: octets of what a program says that are kept. Ten thousand counters are 1 MB.
const SAID_MAX: u64 = 16 * 1024 * 1024;

/// What is in the kernel because of us.
#[derive(Debug, Default)]
pub(crate) struct Installed {
    ruleset: Option<Ruleset>,
    routed: Routing,
}

/// Which packets are delivered to this host though they are not for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Routing {
    /// The interfaces by which they come.
    interfaces: Vec<String>,
    /// Whether sessions to addresses of this host are among them.
    owns: bool,
}

impl Installed {
    /// Puts a table in the place of the one that is there, in one transaction, and routes what it intercepts. What of the
    /// table stays the same counts on. If it fails, the former table is still there.
    ///
    /// # Errors
    /// What the programs say.
    pub(crate) fn install(&mut self, netfilter: &Netfilter) -> io::Result<()> {
        let routing = Routing::of(netfilter);
        // Packets that are marked and not routed get lost, so they are routed before they are marked.
        routing.add()?;
        let text = match &self.ruleset {
            Some(previous) => netfilter.ruleset.replacing(previous),
            // Whatever an earlier run left there.
            None => format!("table {TABLE_NAME}\ndelete table {TABLE_NAME}\n{}", netfilter.ruleset),
        };
        let installed = match run("nft", &["-f", "-"], &text) {
            // Somebody else has flushed or changed what was there: it is made anew.
            Err(_) if self.ruleset.take().is_some() => return self.install(netfilter),
            installed => installed,
        };
        installed?;
        self.ruleset = Some(netfilter.ruleset.clone());
        let former = std::mem::replace(&mut self.routed, routing);
        former.remove_all_but(&self.routed);
        Ok(())
    }

    /// Takes away everything of ours, also what an earlier run left.
    ///
    /// # Errors
    /// What `nft` says.
    pub(crate) fn remove(&mut self) -> io::Result<()> {
        self.ruleset = None;
        run("nft", &["-f", "-"], &format!("table {TABLE_NAME}\ndelete table {TABLE_NAME}\n"))?;
        self.routed = Routing::default();
        for family in FAMILIES {
            // The kernel removes one rule at a time, and says so when there is none left.
            for _ in 0..RULES_MAX {
                if ip(family, &["rule", "del", "lookup", &TABLE.to_string()]).is_err() {
                    break;
                }
            }
            let _ = ip(family, &["route", "flush", "table", &TABLE.to_string()]);
        }
        Ok(())
    }
}

/// What a named counter has counted.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Count {
    pub(crate) name: String,
    pub(crate) packets: u64,
    pub(crate) bytes: u64,
}

/// The named counters of the table that is in the kernel, sorted by name.
///
/// # Errors
/// What `nft` says: there may be no table.
pub(crate) fn counters() -> io::Result<Vec<Count>> {
    let table = TABLE_NAME.split(' ');
    let arguments: Vec<&str> = ["-j", "list", "counters", "table"].into_iter().chain(table).collect();
    counted(&run("nft", &arguments, "")?)
}

/// The counters of a listing, which is an object for each thing that it lists.
fn counted(listing: &str) -> io::Result<Vec<Count>> {
    #[derive(Deserialize)]
    struct Listing {
        nftables: Vec<Listed>,
    }
    #[derive(Deserialize)]
    struct Listed {
        counter: Option<Count>,
    }
    let Listing { nftables } = serde_json::from_str(listing)?;
    let mut counts: Vec<Count> = nftables.into_iter().filter_map(|listed| listed.counter).collect();
    counts.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(counts)
}

const FAMILIES: [&str; 2] = ["-4", "-6"];

/// Limit: rules that are removed. A host has fewer interfaces.
const RULES_MAX: usize = 10_000;

impl Routing {
    fn of(netfilter: &Netfilter) -> Self {
        if netfilter.interceptions.is_empty() {
            return Self::default();
        }
        Self { interfaces: netfilter.interfaces.clone(), owns: netfilter.owns }
    }

    /// The selectors of the rules: which mark, by which interface.
    fn selectors(&self) -> Vec<[String; 4]> {
        let selector = |mark: u32, interface: &str| {
            let mark = format!("{mark:#010x}/{MARK_MASK:#010x}");
            ["fwmark".to_owned(), mark, "iif".to_owned(), interface.to_owned()]
        };
        let of_clients = self.interfaces.iter().map(|interface| selector(MARK_CLIENT, interface));
        of_clients.chain(self.owns.then(|| selector(MARK_OWN, "lo"))).collect()
    }

    /// Adds the rules that are missing, and the route.
    fn add(&self) -> io::Result<()> {
        let table = TABLE.to_string();
        for family in FAMILIES {
            for selector in self.selectors() {
                let [fwmark, mark, iif, interface] = &selector;
                let rule = [fwmark, mark, iif, interface, "lookup", &table];
                let [fwmark, mark, iif, interface, lookup, table] = rule;
                match ip(family, &["rule", "add", fwmark, mark, iif, interface, lookup, table]) {
                    Err(error) if !error.to_string().contains("File exists") => return Err(error),
                    Ok(()) | Err(_) => {}
                }
            }
            if !self.interfaces.is_empty() {
                ip(family, &["route", "replace", "local", "default", "dev", "lo", "table", &table])?;
            }
        }
        Ok(())
    }

    /// Removes the rules that others have not. One that is gone is as good as removed.
    fn remove_all_but(&self, others: &Self) {
        let kept = others.selectors();
        for selector in self.selectors().iter().filter(|selector| !kept.contains(selector)) {
            let [fwmark, mark, iif, interface] = selector;
            for family in FAMILIES {
                let _ =
                    ip(family, &["rule", "del", fwmark, mark, iif, interface, "lookup", &TABLE.to_string()]);
            }
        }
    }
}

fn ip(family: &str, arguments: &[&str]) -> io::Result<()> {
    let arguments: Vec<&str> = std::iter::once(family).chain(arguments.iter().copied()).collect();
    run("ip", &arguments, "").map(drop)
}

/// Runs a program with a text on its standard input, and returns what it prints.
fn run(program: &str, arguments: &[&str], input: &str) -> io::Result<String> {
    let child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = child.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            io::Error::new(error.kind(), format!("`{program}` is not installed, or not in PATH"))
        }
        kind => io::Error::new(kind, format!("cannot start `{program}`: {error}")),
    })?;
    let (Some(mut stdin), Some(stdout), Some(stderr)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(io::Error::other(format!("`{program}` has no pipes")));
    };
    // A program that writes much and reads slowly must not wait for us, nor we for it.
    let text = input.to_owned();
    let writing = thread::spawn(move || stdin.write_all(text.as_bytes()));
    let listening = thread::spawn(move || said(stderr));
    let reading = thread::spawn(move || said(stdout));
    let status = wait(&mut child, program)?;
    // A program that ends before it has read everything says why.
    let _ = writing.join();
    let complaint = listening.join().unwrap_or_default();
    let printed = reading.join().unwrap_or_default();
    if status.success() {
        return Ok(printed);
    }
    Err(failed(program, status, complaint.trim()))
}

/// Up to a limit, and the rest is read and dropped: the program must not wait for a reader.
fn said(mut from: impl io::Read) -> String {
    let mut bytes = Vec::new();
    let _ = from.by_ref().take(SAID_MAX).read_to_end(&mut bytes);
    let _ = io::copy(&mut from, &mut io::sink());
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Waits for the end of a program, which is killed when its time is over.
fn wait(child: &mut Child, program: &str) -> io::Result<ExitStatus> {
    let ended = pidfd_open(Pid::from_child(child), PidfdFlags::empty())?;
    let time = Timespec { tv_sec: TIME_MAX.as_secs().cast_signed(), tv_nsec: 0 };
    let ready = retry_on_intr(|| poll(&mut [PollFd::new(&ended, PollFlags::IN)], Some(&time)))?;
    if ready == 0 {
        child.kill()?;
        child.wait()?;
        let message = format!("`{program}` took more than {} s", TIME_MAX.as_secs());
        return Err(io::Error::new(io::ErrorKind::TimedOut, message));
    }
    child.wait()
}

/// A program that failed: by a signal like any other way.
fn failed(program: &str, status: ExitStatus, complaint: &str) -> io::Error {
    let complaint = if complaint.is_empty() { "it says nothing" } else { complaint };
    let is_forbidden = complaint.contains("Operation not permitted");
    let help = if is_forbidden { "; it needs the capability CAP_NET_ADMIN" } else { "" };
    io::Error::other(format!("`{program}` failed ({status}): {complaint}{help}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_fails_in_its_own_words_whatever_ends_it() {
        let error =
            |program: &str, arguments: &[&str]| run(program, arguments, "text").unwrap_err().to_string();
        assert_eq!(
            error("mailwarden-no-such-program", &[]),
            "`mailwarden-no-such-program` is not installed, or not in PATH"
        );
        assert_eq!(
            error("sh", &["-c", "echo Operation not permitted >&2; exit 1"]),
            "`sh` failed (exit status: 1): Operation not permitted; it needs the capability CAP_NET_ADMIN"
        );
        assert_eq!(
            error("sh", &["-c", "kill -TERM $$"]),
            "`sh` failed (signal: 15 (SIGTERM)): it says nothing"
        );
        assert_eq!(run("cat", &[], "text").unwrap(), "text");
    }

    #[test]
    fn counters_are_read_from_a_listing() {
        let listing = r#"{"nftables": [{"metainfo": {"version": "1.0.6"}},
            {"counter": {"family": "inet", "name": "zone-pair/in", "table": "mailwarden", "handle": 5, "packets": 9,
             "bytes": 99}},
            {"counter": {"family": "inet", "name": "in/wan0", "table": "mailwarden", "handle": 6, "packets": 0,
             "bytes": 0}}]}"#;
        let counted: Vec<(String, u64, u64)> = counted(listing)
            .unwrap()
            .into_iter()
            .map(|count| (count.name, count.packets, count.bytes))
            .collect();
        assert_eq!(counted, [("in/wan0".to_owned(), 0, 0), ("zone-pair/in".to_owned(), 9, 99)]);
        assert!(super::counted("{}").is_err());
    }

    /// A network namespace, which goes with its value, and the thread in it.
    struct Namespace(String);

    impl Namespace {
        /// `None` where tests may make none, which is said.
        fn enter(name: &str) -> Option<Self> {
            let name = format!("mw-{name}-{}", std::process::id());
            if !rustix::process::geteuid().is_root()
                || run("nft", &["--version"], "").is_err()
                || run("ip", &["netns", "add", &name], "").is_err()
            {
                println!("SKIPPED: netns: missing: root, nft or ip");
                return None;
            }
            let namespace = Self(name);
            let file = std::fs::File::open(format!("/run/netns/{}", namespace.0)).unwrap();
            let network = rustix::thread::LinkNameSpaceType::Network;
            rustix::thread::move_into_link_name_space(std::os::fd::AsFd::as_fd(&file), Some(network))
                .unwrap();
            run("ip", &["link", "set", "lo", "up"], "").unwrap();
            Some(namespace)
        }
    }

    impl Drop for Namespace {
        fn drop(&mut self) {
            let _ = run("ip", &["netns", "del", &self.0], "");
        }
    }

    fn compiled(text: &str) -> Netfilter {
        let loaded = policy::load("test", text.as_bytes());
        let configuration = loaded.configuration.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics));
        super::super::compile(
            &configuration,
            &loaded.attachments,
            super::super::Ports::default(),
            super::super::OnExit::Closed,
        )
    }

    fn rules() -> String {
        ["-4", "-6"].map(|family| run("ip", &[family, "rule"], "").unwrap()).concat()
    }

    #[test]
    fn a_replacement_counts_on_and_leaves_nothing_behind() {
        let Some(_namespace) = Namespace::enter("apply") else { return };
        let list = "access-list 101 deny tcp any any eq 9\naccess-list 101 permit tcp any any\n\
            access-list 101 permit udp any any\n";
        let mail = "ip inspect name IN smtp\n";
        let interface = |name: &str| {
            format!("interface {name}\n linux-interface {name}\n ip access-group 101 in\n ip inspect IN in\n")
        };
        let before = compiled(&format!("{list}{mail}{}", interface("lo")));
        let mut installed = Installed::default();
        installed.install(&before).unwrap();
        // Nobody listens: the packet is let through by the list, and refused.
        let connected = std::net::TcpStream::connect("127.0.0.1:9999");
        assert_eq!(connected.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
        let element = || {
            let listed = run("nft", &["list", "map", "inet", "mailwarden", "acl/101/map-1"], "").unwrap();
            listed.lines().find(|line| line.contains("permit tcp any any")).unwrap().trim().to_owned()
        };
        let counted = element();
        assert!(counted.contains(" counter packets ") && !counted.contains(" packets 0 "), "{counted}");
        assert!(rules().contains("iif lo lookup 2525"), "{}", rules());

        let other = compiled(&format!("{list}{mail}{}{}", interface("lo"), interface("eth1")));
        installed.install(&other).unwrap();
        assert_eq!(element(), counted, "the list is the same");
        assert!(rules().contains("iif eth1 [detached] lookup 2525"), "{}", rules());
        let names = || counters().unwrap().into_iter().map(|count| count.name).collect::<Vec<_>>();
        assert!(names().contains(&"in/eth1".to_owned()), "{:?}", names());

        // Another program has flushed everything.
        run("nft", &["flush", "ruleset"], "").unwrap();
        installed.install(&before).unwrap();
        assert!(!names().contains(&"in/eth1".to_owned()), "{:?}", names());
        assert!(!rules().contains("eth1"), "{}", rules());
        let text = run("nft", &["list", "table", "inet", "mailwarden"], "").unwrap();
        assert!(!text.contains("eth1"), "{text}");

        installed.remove().unwrap();
        assert!(counters().is_err() && !rules().contains("2525"), "{}", rules());
        installed.remove().unwrap();
    }
}
