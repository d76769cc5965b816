//! What the bench asks of the sink, and the answers.
//!
//! Deliveries and the server's CPU time are read in the same moment, here, when the order `mark` comes: a count taken
//! in one process and a clock read in another would not describe the same window.

use std::io;

use hdrhistogram::Histogram;
use socket2::SockRef;

use crate::Fallible;
use crate::clock::monotonic_ns;
use crate::cpu;
use crate::mark::Mark;
use crate::sink::Sink;
use crate::tally::Tally;

impl Sink<'_> {
    /// Carries out the orders that have come.
    pub(crate) fn obey(&mut self) -> Fallible<()> {
        while let Ok(order) = self.orders.try_recv() {
            let (verb, argument) = order.split_once(' ').unwrap_or((&order, ""));
            match verb {
                "first" => {
                    self.awaits_first = true;
                    self.report_first();
                }
                "mark" => {
                    let mark = self.mark(argument)?;
                    println!("mark {}", serde_json::to_string(&mark)?);
                }
                "receive-buffer" => println!("receive-buffer {}", self.receive_buffer_bytes()?),
                _ => return Err(format!("the sink does not know the order {order:?}").into()),
            }
        }
        Ok(())
    }

    pub(crate) fn report_first(&mut self) {
        if self.awaits_first && self.unstarted == 0 {
            println!("first");
            self.awaits_first = false;
        }
    }

    /// Ends one window and begins the next.
    fn mark(&mut self, server: &str) -> Fallible<Mark> {
        let cpu_ns = cpu::cpu_ns(server.parse()?)?;
        let mut mark = Mark {
            at_ns: monotonic_ns(),
            cpu_ns,
            deliveries: self.deliveries(),
            skipped: self.skipped(),
            p50_ns: 0,
            p99_ns: 0,
            p999_ns: 0,
            max_ns: 0,
        };
        if let Some(latencies) = self.take_latencies()? {
            mark.p50_ns = latencies.value_at_quantile(0.50);
            mark.p99_ns = latencies.value_at_quantile(0.99);
            mark.p999_ns = latencies.value_at_quantile(0.999);
            mark.max_ns = latencies.max();
        }
        Ok(mark)
    }

    /// The latencies of the clients that keep up, since they were last taken.
    fn take_latencies(&mut self) -> Fallible<Option<Histogram<u64>>> {
        let mut taken: Option<Histogram<u64>> = None;
        for Tally {
            kind, latencies, ..
        } in &mut self.tallies
        {
            let Some(latencies) = latencies else { continue };
            match &mut taken {
                _ if !kind.keeps_up() || latencies.is_empty() => {}
                Some(taken) => taken.add(&*latencies)?,
                None => taken = Some(latencies.clone()),
            }
            latencies.reset();
        }
        Ok(taken)
    }

    /// The largest receive buffer that the kernel gives any of the clients.
    fn receive_buffer_bytes(&self) -> io::Result<usize> {
        let mut largest = 0;
        for (_, client) in &self.clients {
            largest = largest.max(SockRef::from(&client.stream).recv_buffer_size()?);
        }
        Ok(largest)
    }
}
