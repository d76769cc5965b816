//! Passing sockets on: a parent that starts the program as a service manager would, `sd_listen_fds(3)`.
//!
//! The invariant: the program has the socket and nothing else beyond its standard streams, and `LISTEN_PID` is its own
//! number unless the test says otherwise.

use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};

use super::launch::Launch;

/// The program with a socket as descriptor 3, and variables as a shell writes them. `$$` is its own number.
pub(crate) fn with_socket(socket: impl Into<OwnedFd>, variables: &str, arguments: &str) -> Launch {
    let script = format!("exec 3<&0 0</dev/null; {variables} exec \"$@\"");
    let mut command = Command::new("sh");
    command.args(["-c", &script, "sh"]);
    Launch::by(command, arguments).stdin(Stdio::from(socket.into()))
}

/// The program, started by systemd's own tool when the first client has connected to one of these.
pub(crate) fn by_systemd(listeners: &[&str], options: &[&str], arguments: &str) -> Launch {
    let mut command = Command::new("systemd-socket-activate");
    for listener in listeners {
        command.args(["--listen", listener]);
    }
    command.args(options);
    Launch::by(command, arguments)
}
