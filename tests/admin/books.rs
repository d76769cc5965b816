//! What the kernel knows of a connection: bytes that it has taken and nobody has read.

use std::fs;
use std::net::SocketAddr;

/// Bytes that the kernel has taken for a client that reads nothing, on either side of the connection. While they are on
/// their way they may be counted twice.
#[track_caller]
pub(crate) fn unread(server: SocketAddr, client: SocketAddr) -> u64 {
    let table = fs::read_to_string("/proc/net/tcp").expect("this is Linux");
    let (server, client) = (name(server), name(client));
    let mut unsent = None;
    let mut unheard = None;
    for row in table.lines() {
        let fields: Vec<_> = row.split_whitespace().collect();
        let Some((sending, receiving)) = fields[4].split_once(':') else {
            continue;
        };
        if (fields[1], fields[2]) == (&*server, &*client) {
            unsent = u64::from_str_radix(sending, 16).ok();
        } else if (fields[1], fields[2]) == (&*client, &*server) {
            unheard = u64::from_str_radix(receiving, 16).ok();
        }
    }
    unsent.expect("the server's side") + unheard.expect("the client's side")
}

/// As in the table `/proc/net/tcp`.
fn name(addr: SocketAddr) -> String {
    match addr {
        SocketAddr::V4(addr) => {
            let ip = u32::from_le_bytes(addr.ip().octets());
            format!("{ip:08X}:{:04X}", addr.port())
        }
        SocketAddr::V6(_) => panic!("the table of IPv4 sockets has no {addr}"),
    }
}
