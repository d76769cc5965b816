//! The CPU time of the server while the run lasts.
//!
//! It is looked at now and then, because a server that has ended says nothing any more: what counts is between the
//! first look and the last that succeeded.

use serde::Serialize;

use crate::Fallible;
use crate::cpu;

/// The server's process, looked at.
pub(crate) struct Watch {
    server: u32,
    first: Look,
    last: Look,
}

#[derive(Clone, Copy)]
struct Look {
    cpu_ns: u64,
    deliveries: u64,
}

/// What the server has used.
#[derive(Debug, Serialize)]
pub(crate) struct Usage {
    pub(crate) cpu_ns: u64,
    pub(crate) deliveries: u64,
}

impl Watch {
    pub(crate) fn begin(server: u32, deliveries: u64) -> Fallible<Self> {
        let cpu_ns = cpu::cpu_ns(server)
            .map_err(|error| format!("cannot watch process {server}: {error}"))?;
        let first = Look { cpu_ns, deliveries };
        Ok(Self {
            server,
            first,
            last: first,
        })
    }

    pub(crate) fn look(&mut self, deliveries: u64) {
        if let Ok(cpu_ns) = cpu::cpu_ns(self.server) {
            self.last = Look { cpu_ns, deliveries };
        }
    }

    /// What the server has used between the first and the last look.
    pub(crate) fn usage(&self) -> Usage {
        Usage {
            cpu_ns: self.last.cpu_ns - self.first.cpu_ns,
            deliveries: self.last.deliveries - self.first.deliveries,
        }
    }
}
