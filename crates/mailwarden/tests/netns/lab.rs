//! A firewall and its neighbours, each in a network namespace that goes with the laboratory.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::AsFd as _;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// What the kernel must be able to do.
const NEEDED: &str = "table inet needed {\n chain c {\n  type filter hook prerouting priority raw\n  \
                      meta l4proto tcp socket transparent 1 notrack\n  \
                      meta l4proto tcp tproxy ip to 127.0.0.1:2525\n }\n chain f {\n  \
                      type filter hook forward priority filter\n  ct state established accept\n }\n}\n";

/// `false`: the caller returns, and the reason has been printed. With `MAILWARDEN_REQUIRE_SERVERS=1` it fails instead.
pub(crate) fn lab_can_run() -> bool {
    let missing = if !rustix::process::geteuid().is_root() {
        "root"
    } else if run("nft", &["--version"], "").is_err() {
        "nft (scripts/test-servers installs it)"
    } else if run("ip", &["-V"], "").is_err() {
        "ip (scripts/test-servers installs it)"
    } else if let Err(why) = run("unshare", &["-n", "nft", "-f", "-"], NEEDED) {
        // Nothing that could be installed.
        println!("SKIPPED: netns: the kernel has no network namespaces with nf_tables and TPROXY: {why}");
        return false;
    } else {
        return true;
    };
    assert!(
        std::env::var_os("MAILWARDEN_REQUIRE_SERVERS").is_none_or(|value| value != "1"),
        "missing: {missing}"
    );
    println!("SKIPPED: netns: missing: {missing}");
    false
}

/// Who takes part. The firewall has an interface for each of the others, which is called as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Host {
    Firewall,
    /// `a0`
    A,
    /// `a1`
    A1,
    /// `b0`
    B,
    /// `n0`
    N,
    /// `n1`
    N1,
}

impl Host {
    const NEIGHBOURS: [Self; 5] = [Self::A, Self::A1, Self::B, Self::N, Self::N1];

    const fn name(self) -> &'static str {
        match self {
            Self::Firewall => "fw",
            Self::A => "a0",
            Self::A1 => "a1",
            Self::B => "b0",
            Self::N => "n0",
            Self::N1 => "n1",
        }
    }

    const fn number(self) -> u8 {
        self as u8
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    V4,
    V6,
}

pub(crate) struct Lab {
    /// Before the name of each namespace.
    prefix: String,
}

impl Lab {
    /// The firewall alone.
    pub(crate) fn empty() -> Self {
        static LABS: AtomicU32 = AtomicU32::new(0);
        let number = LABS.fetch_add(1, Ordering::Relaxed);
        let lab = Self { prefix: format!("mw-{}-{number}", std::process::id()) };
        run("ip", &["netns", "add", &lab.namespace(Host::Firewall)], "").unwrap();
        lab
    }

    /// The firewall with its neighbours, which route by it.
    pub(crate) fn new() -> Self {
        let lab = Self::empty();
        let firewall = lab.namespace(Host::Firewall);
        let mut batch = String::new();
        for host in Host::NEIGHBOURS {
            let (namespace, name, n) = (lab.namespace(host), host.name(), host.number());
            run("ip", &["netns", "add", &namespace], "").unwrap();
            let _ =
                writeln!(batch, "link add {name} netns {firewall} type veth peer name e0 netns {namespace}");
            let here = [
                "link set lo up".to_owned(),
                "link set e0 up".to_owned(),
                format!("addr add 10.77.{n}.2/24 dev e0"),
                format!("addr add fd77:{n}::2/64 dev e0 nodad"),
                format!("route add default via 10.77.{n}.1"),
                format!("route add ::/0 via fd77:{n}::1"),
            ];
            let there = [
                format!("link set {name} up"),
                format!("addr add 10.77.{n}.1/24 dev {name}"),
                format!("addr add fd77:{n}::1/64 dev {name} nodad"),
            ];
            run("ip", &["-batch", "-"], &batch).unwrap();
            batch.clear();
            run("ip", &["-n", &firewall, "-batch", "-"], &there.join("\n")).unwrap();
            run("ip", &["-n", &namespace, "-batch", "-"], &here.join("\n")).unwrap();
        }
        run("ip", &["-n", &firewall, "link", "set", "lo", "up"], "").unwrap();
        lab.inside(Host::Firewall, || {
            for switch in ["ipv4/ip_forward", "ipv6/conf/all/forwarding"] {
                fs::write(format!("/proc/sys/net/{switch}"), "1").unwrap();
            }
        });
        lab
    }

    /// Installs the table of a configuration in the place of what was there.
    pub(crate) fn install(&self, configuration: &str) {
        let path = std::env::temp_dir().join(format!("{}.conf", self.prefix));
        fs::write(&path, configuration).unwrap();
        let output =
            Command::new(env!("CARGO_BIN_EXE_mailwarden")).arg("netfilter").arg(&path).output().unwrap();
        fs::remove_file(path).unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{configuration}\n{said}");
        let table = String::from_utf8(output.stdout).unwrap();
        self.nft(&format!("flush ruleset\n{table}")).unwrap();
    }

    /// Gives nft a text, in the namespace of the firewall.
    pub(crate) fn nft(&self, text: &str) -> Result<String, String> {
        run("ip", &["netns", "exec", &self.namespace(Host::Firewall), "nft", "-f", "-"], text)
    }

    pub(crate) fn listed(&self) -> String {
        let namespace = self.namespace(Host::Firewall);
        run("ip", &["netns", "exec", &namespace, "nft", "list", "ruleset"], "").unwrap()
    }

    /// The address under which one reaches another.
    pub(crate) fn address(&self, from: Host, to: Host, family: Family) -> IpAddr {
        let (number, last) = if to == Host::Firewall { (from.number(), 1) } else { (to.number(), 2) };
        match family {
            Family::V4 => Ipv4Addr::new(10, 77, number, last).into(),
            Family::V6 => Ipv6Addr::new(0xfd77, number.into(), 0, 0, 0, 0, 0, last.into()).into(),
        }
    }

    /// Does something in the namespace of a host. Sockets that are made there stay there.
    pub(crate) fn inside<T: Send>(&self, host: Host, what: impl FnOnce() -> T + Send) -> T {
        let file = File::open(format!("/run/netns/{}", self.namespace(host))).unwrap();
        std::thread::scope(|scope| {
            let entered = scope.spawn(move || {
                move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
                what()
            });
            entered.join().unwrap()
        })
    }

    fn namespace(&self, host: Host) -> String {
        format!("{}-{}", self.prefix, host.name())
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for host in Host::NEIGHBOURS.into_iter().chain([Host::Firewall]) {
            let namespace = self.namespace(host);
            if fs::exists(format!("/run/netns/{namespace}")).unwrap_or(false) {
                let _ = run("ip", &["netns", "del", &namespace], "");
            }
        }
    }
}

/// Runs a program with a text on its standard input; the error is what it complains of.
fn run(program: &str, arguments: &[&str], input: &str) -> Result<String, String> {
    let child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = child.map_err(|error| format!("{program}: {error}"))?;
    // A program that reads nothing closes it.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().map_err(|error| format!("{program}: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(format!("{program} {arguments:?}: {}: {}", output.status, String::from_utf8_lossy(&output.stderr)))
}
