//! What is read of a rig while it runs.

use std::thread;
use std::time::{Duration, Instant};

use super::Rig;
use crate::Fallible;
use crate::children::Helper;
use crate::clock::monotonic_ns;
use crate::cpu;
use crate::mark::Mark;
use crate::plan::Load;
use crate::proc;
use crate::record::Figures;
use crate::window::{Holding, Moment, figures};

impl Rig {
    /// Measures the running load for so long.
    pub(crate) fn window(&mut self, load: &Load, length: Duration) -> Fallible<Figures> {
        let start = self.moment()?;
        self.sleep(length);
        let end = self.moment()?;
        if end.mark.deliveries == start.mark.deliveries {
            return Err("nothing was delivered".into());
        }
        let id = self.server.running.id();
        let holding = Holding {
            peak_resident_bytes: proc::peak_resident_bytes(id)?,
            threads: u32::try_from(proc::threads(id)?)?,
        };
        Ok(figures(&start, &end, holding, load.rate > 0))
    }

    /// Waits until nothing is delivered any more: a burst that still arrives is not the load proper.
    pub(super) fn await_quiet(&mut self) -> Fallible<()> {
        let deadline = Instant::now() + self.limit;
        let mut before = None;
        loop {
            let deliveries = Some(self.mark()?.deliveries);
            if deliveries == before {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err("the frames of the opening do not end".into());
            }
            before = deliveries;
            thread::sleep(QUIET);
        }
    }

    fn mark(&mut self) -> Fallible<Mark> {
        let (server, limit) = (self.server.running.id(), self.limit);
        let line = self.sink()?.ask(&format!("mark {server}"), "mark", limit)?;
        Ok(serde_json::from_str(
            line.strip_prefix("mark").unwrap_or(&line),
        )?)
    }

    fn moment(&mut self) -> Fallible<Moment> {
        let server = self.server.running.id();
        let limit = self.limit;
        let line = self.sink()?.ask(&format!("mark {server}"), "mark", limit)?;
        let mark: Mark = serde_json::from_str(line.strip_prefix("mark").unwrap_or(&line))?;
        let switches = proc::context_switches(server)?;
        Ok(Moment {
            mark,
            at_ns: monotonic_ns(),
            context_switches: switches.0 + switches.1,
            strangers_ns: self.strangers_ns()?,
        })
    }

    fn strangers_ns(&mut self) -> Fallible<u64> {
        let storm = self.storm.as_ref().map(Helper::id);
        let rig = [
            self.source.id(),
            self.server.running.id(),
            self.sink()?.id(),
        ];
        let ours = rig
            .into_iter()
            .chain(storm)
            .map(cpu::cpu_ns)
            .sum::<Fallible<u64>>()?;
        Ok(proc::machine_busy_ns()?.saturating_sub(ours))
    }
}

/// Silence after which nothing is on its way any more.
const QUIET: Duration = Duration::from_millis(50);
