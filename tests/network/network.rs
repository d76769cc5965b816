//! A network of two hosts: the program's, near, and one that plays everybody else, far.
//!
//! ```text
//!     near (the program)                              far (server A, the clients, name servers)
//!     10.7.1.1  near1 ───────────── cable ─────────── far1  10.7.1.2    hosts 10.8.1.*
//!     10.7.2.1  near2 ───────────── cable ─────────── far2  10.7.2.2    hosts 10.8.2.*
//! ```
//!
//! Every address of the two ranges of hosts is at home on the far side, so a test names a host by making it up. The
//! test itself stands on the far side; what is to happen on the near side is done by a thread that goes there.
//!
//! The invariant: the near side lasts as long as this value, and not longer than the test.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::Ipv4Addr;
use std::os::fd::{AsFd, OwnedFd};
use std::panic::resume_unwind;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Instant;

use rustix::process::{Pid, PidfdFlags, pidfd_open};
use rustix::thread::{ThreadNameSpaceType, move_into_thread_name_spaces};

use crate::harness::DEADLINE;

pub(crate) struct Network {
    /// A process that does nothing but live on the near side.
    holder: Child,
    near: OwnedFd,
}

/// One of the two cables, by its number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cable(pub(crate) u8);

impl Network {
    /// Both sides, and the cables between them.
    pub(crate) fn lay() -> Self {
        let mut holder = Command::new("unshare")
            .args(["--net", "sh", "-c", "echo here; exec cat"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("unshare has been tried");
        let output = holder.stdout.take().expect("stdout is a pipe");
        let mut line = String::new();
        BufReader::new(output)
            .read_line(&mut line)
            .expect("the holder says that it is there");
        let near = pidfd_open(Pid::from_child(&holder), PidfdFlags::empty());
        let near = near.expect("the holder lives");
        let network = Self { holder, near };
        network.connect();
        network
    }

    /// Does something on the near side.
    #[track_caller]
    pub(crate) fn near<T: Send>(&self, action: impl FnOnce() -> T + Send) -> T {
        let visit = || {
            move_into_thread_name_spaces(self.near.as_fd(), ThreadNameSpaceType::NETWORK)
                .expect("the near side is ours");
            action()
        };
        thread::scope(|scope| scope.spawn(visit).join())
            .unwrap_or_else(|panic| resume_unwind(panic))
    }

    fn connect(&self) {
        run("ip link set lo up");
        self.near(|| run("ip link set lo up"));
        let near = self.holder.id();
        for cable in CABLES {
            let Cable(number) = cable;
            run(&format!(
                "ip link add far{number} type veth peer name near{number} netns {near}"
            ));
            run(&format!("ip addr add 10.7.{number}.2/24 dev far{number}"));
            self.near(|| run(&format!("ip addr add 10.7.{number}.1/24 dev near{number}")));
            run(&format!("ip link set far{number} up"));
            self.plug_in(cable);
            // Whatever is addressed to such a host has arrived, and may be answered in its name.
            run(&format!("ip route add local 10.8.{number}.0/24 dev lo"));
        }
        for command in [
            "nft add table inet fault",
            "nft add chain inet fault arriving { type filter hook prerouting priority raw ; }",
            "nft add chain inet fault answered { type filter hook input priority filter ; }",
        ] {
            run(command);
            self.near(|| run(command));
        }
        // The only one that every system lets everybody choose; others pace what they send, each in its way.
        set("tcp_congestion_control", "reno");
        self.near(|| set("tcp_congestion_control", "reno"));
    }

    /// Brings the near end of a cable up, with the route to the hosts behind it.
    pub(crate) fn plug_in(&self, Cable(number): Cable) {
        self.near(|| {
            run(&format!("ip link set near{number} up"));
            run(&format!(
                "ip route add 10.8.{number}.0/24 via 10.7.{number}.2"
            ));
        });
    }

    /// Takes the near end of a cable down.
    pub(crate) fn pull_out(&self, Cable(number): Cable) {
        self.near(|| run(&format!("ip link set near{number} down")));
    }

    /// From now on nothing that this host sends arrives, nor anything that is sent to it.
    pub(crate) fn black_hole(&self, host: Ipv4Addr) {
        self.mistreat(host, "drop");
    }

    /// From now on this is done to whatever is on its way from the host, and to the host.
    ///
    /// Both act where it arrives: a rule at the sender would tell the sender.
    pub(crate) fn mistreat(&self, host: Ipv4Addr, rule: &str) {
        let rules = "nft add rule inet fault arriving ip";
        self.near(|| run(&format!("{rules} saddr {host} {rule}")));
        run(&format!("{rules} daddr {host} {rule}"));
    }

    /// From now on there is no way to this host, nor back, and a router says so to whoever tries, in the host's name.
    pub(crate) fn deny(&self, host: Ipv4Addr) {
        let arriving = "nft add rule inet fault arriving";
        self.near(|| run(&format!("{arriving} ip saddr {host} ip protocol tcp drop")));
        let answered = "nft add rule inet fault answered";
        let answer = "reject with icmp type host-unreachable";
        run(&format!("{answered} ip daddr {host} {answer}"));
    }

    /// Everything arrives again.
    pub(crate) fn heal(&self) {
        run("nft flush table inet fault");
        self.near(|| run("nft flush table inet fault"));
    }

    /// Send buffers of the program and receive buffers of its clients so small that one that does not read lags at
    /// once. For sockets that are made from now on.
    pub(crate) fn shrink_buffers(&self) {
        self.near(|| set("tcp_wmem", "4096 16384 16384"));
        set("tcp_rmem", "4096 8192 8192");
    }

    /// The TCP sockets on the near side, listeners and those in `TIME_WAIT` included.
    pub(crate) fn sockets(&self) -> Vec<Endpoints> {
        // Not /proc/net: that is the network of the first thread.
        let table = self.near(|| fs::read_to_string("/proc/thread-self/net/tcp"));
        let table = table.expect("there is a table of sockets");
        table.lines().skip(1).map(Endpoints::of).collect()
    }

    /// How many sockets of the near side lead to this host, in any state but `TIME_WAIT`, which is no connection.
    pub(crate) fn sockets_to(&self, host: Ipv4Addr) -> usize {
        let sockets = self.sockets();
        let leads_there = |socket: &&Endpoints| socket.remote == host && socket.state != TIME_WAIT;
        sockets.iter().filter(leads_there).count()
    }

    /// Waits until no socket of the near side leads to this host.
    #[track_caller]
    pub(crate) fn wait_for_no_socket_to(&self, host: Ipv4Addr) {
        let give_up = Instant::now() + DEADLINE;
        while self.sockets_to(host) > 0 {
            let left = self.sockets();
            assert!(Instant::now() < give_up, "a socket is left: {left:?}");
        }
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // If it is gone already, so much the better.
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

/// What the kernel's table says about a socket.
#[derive(Debug)]
pub(crate) struct Endpoints {
    remote: Ipv4Addr,
    state: u8,
}

impl Endpoints {
    fn of(row: &str) -> Self {
        // proc_net_tcp: the number, local and remote address, and the state, all but the first in hexadecimal.
        let fields: Vec<_> = row.split_whitespace().collect();
        let (remote, _) = fields[2].split_once(':').expect("address:port");
        let remote = u32::from_str_radix(remote, 16).expect("an address");
        Self {
            remote: Ipv4Addr::from(remote.to_le_bytes()),
            state: u8::from_str_radix(fields[3], 16).expect("a state"),
        }
    }
}

/// Runs a command on the side on which the calling thread is.
#[track_caller]
pub(crate) fn run(command: &str) {
    let mut words = command.split_whitespace();
    let program = words.next().expect("a command");
    let output = Command::new(program).args(words).output();
    let output = output.unwrap_or_else(|error| panic!("{command}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command}: {said}");
}

/// Sets a parameter of IPv4 on the side on which the calling thread is.
#[track_caller]
pub(crate) fn set(parameter: &str, value: &str) {
    let path = format!("/proc/sys/net/ipv4/{parameter}");
    fs::write(&path, value).unwrap_or_else(|error| panic!("{path}: {error}"));
}

pub(crate) const FIRST: Cable = Cable(1);
pub(crate) const SECOND: Cable = Cable(2);
const CABLES: [Cable; 2] = [FIRST, SECOND];

/// Of the states in `include/net/tcp_states.h`.
const TIME_WAIT: u8 = 6;
