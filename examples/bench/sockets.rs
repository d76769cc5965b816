//! What stands at a server's door: whether its port is open, and who has not been let in yet (`/proc/net/tcp`).

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use crate::Fallible;

/// The state of a port of this machine.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Door {
    /// Whether anybody listens on it.
    pub(crate) is_open: bool,
    /// Connections in the accept queue.
    waiting: u64,
    /// Connections, those in the accept queue included.
    connected: usize,
}

/// The state of this port.
pub(crate) fn door(port: u16) -> Fallible<Door> {
    let text = fs::read_to_string(TABLE).map_err(|error| format!("{TABLE}: {error}"))?;
    Ok(parse(&text, port))
}

/// Waits until the server has accepted so many clients: one that it has not got round to would join later than the
/// load begins, and inside a frame where a server knows none.
pub(crate) fn await_accepted(port: u16, clients: usize, limit: Duration) -> Fallible<()> {
    let deadline = Instant::now() + limit;
    loop {
        let door = door(port)?;
        if door.waiting == 0 && door.connected >= clients {
            return Ok(());
        }
        if Instant::now() > deadline {
            let Door {
                waiting, connected, ..
            } = door;
            return Err(format!(
                "{connected} of {clients} clients are connected and {waiting} not accepted after {limit:?}"
            )
            .into());
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// Lines are `sl local_address rem_address st tx_queue:rx_queue ...`, numbers in hexadecimal. Of a listening socket the
/// second queue is the accept queue.
fn parse(text: &str, port: u16) -> Door {
    let mut door = Door::default();
    let suffix = format!(":{port:04X}");
    for line in text.lines().skip(1) {
        let mut fields = line.split_ascii_whitespace().skip(1);
        let is_ours = fields.next().is_some_and(|local| local.ends_with(&suffix));
        if !is_ours {
            continue;
        }
        match (fields.nth(1), fields.next()) {
            (Some(LISTENING), Some(queues)) => {
                door.is_open = true;
                let waiting = queues.split_once(':').map_or("", |(_, waiting)| waiting);
                door.waiting += u64::from_str_radix(waiting, 16).unwrap_or(0);
            }
            (Some(ESTABLISHED), _) => door.connected += 1,
            _ => {}
        }
    }
    door
}

/// The kernel's table of IPv4 sockets; nothing here is measured over IPv6.
const TABLE: &str = "/proc/net/tcp";

/// States in that table.
const ESTABLISHED: &str = "01";
const LISTENING: &str = "0A";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_door_is_read_from_the_kernels_table() {
        let text = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n\
            0: 0100007F:04D3 00000000:0000 0A 00000000:00000003 00:00000000 00000000     0\n\
            1: 0100007F:04D3 0100007F:9C40 01 00000000:00000000 00:00000000 00000000     0\n\
            2: 0100007F:9C40 0100007F:04D3 01 00000000:00000000 00:00000000 00000000     0\n\
            3: 0100007F:04D3 0100007F:9C41 06 00000000:00000000 00:00000000 00000000     0\n";
        let expected = Door {
            is_open: true,
            waiting: 3,
            connected: 1,
        };
        assert_eq!(parse(text, 1235), expected);
        assert_eq!(parse(text, 1236), Door::default());
    }

    #[test]
    fn a_client_that_is_not_accepted_is_waited_for() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let port = listener.local_addr().expect("it is bound").port();
        let _client = std::net::TcpStream::connect(("127.0.0.1", port)).expect("it listens");
        let limit = Duration::from_millis(100);
        await_accepted(port, 1, limit).expect_err("nobody has accepted");
        let _accepted = listener.accept().expect("one waits");
        await_accepted(port, 1, Duration::from_secs(5)).expect("it is accepted");
    }
}
