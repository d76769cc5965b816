//! Source, server and sink put together, and a window measured on them.

use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::Duration;

use crate::Fallible;
use crate::children::{Helper, Server};
use crate::cores::Pinning;
use crate::proc;
use crate::window::{Mark, Window};

/// What stays the same in all measurements of a run.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) pinning: Pinning,
    /// The program under test.
    pub(crate) server: Candidate,
    /// Pairs that are measured, at least 1.
    pub(crate) repetitions: usize,
    /// How long the load runs before it is measured.
    pub(crate) warm_up: Duration,
    /// How long the load is measured.
    pub(crate) window: Duration,
}

/// The program under test.
#[derive(Debug, Clone)]
pub(crate) enum Candidate {
    /// A `fanout` binary, with options that are added to those of the scenario.
    Fanout { path: PathBuf, options: Vec<String> },
    /// The floor in fanout's place, to see how much two runs of the same thing differ.
    Floor,
}

/// What stands between source and sink.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    /// The bare loop, reading so many bytes at once.
    Floor { block: usize },
    /// fanout with these options.
    Fanout { path: PathBuf, options: Vec<String> },
}

/// What the server is put under.
#[derive(Debug, Clone)]
pub(crate) struct Load {
    /// Frames in a second; 0 is as fast as they are taken.
    pub(crate) rate: u64,
    /// Clients that read everything.
    pub(crate) readers: usize,
    /// Clients that never read.
    pub(crate) stalled: usize,
    /// Whether the sink counts skipped frames instead of failing.
    pub(crate) may_skip: bool,
    /// Frames sent as fast as they are taken before the load proper, to fill stalled clients and the log.
    pub(crate) opening_burst: u64,
}

impl Load {
    /// Nothing but readers, which are owed every frame.
    pub(crate) fn readers(rate: u64, readers: usize) -> Self {
        Self {
            rate,
            readers,
            stalled: 0,
            may_skip: false,
            opening_burst: 0,
        }
    }

    /// The order that makes the source send this load.
    pub(crate) fn pace(&self) -> String {
        match self.rate {
            0 => "flat-out".to_owned(),
            rate => format!("rate {rate}"),
        }
    }
}

/// One source, one server and one sink, ended together. The sink goes first, so that it sees no end that it would
/// complain of; the server last.
pub(crate) struct Rig {
    pub(crate) sink: Option<Helper>,
    pub(crate) source: Helper,
    pub(crate) server: Server,
}

impl Rig {
    /// Starts a source that is silent, and the server.
    pub(crate) fn start(bench: &Bench, kind: &Kind, clients: usize) -> Fallible<Self> {
        Self::start_with(kind, clients, &[], |program| bench.pinning.command(program))
    }

    /// As `start`, with options for the source and another way to make the server's command.
    pub(crate) fn start_with(
        kind: &Kind,
        clients: usize,
        source_options: &[String],
        command: impl Fn(&str) -> Fallible<Command>,
    ) -> Fallible<Self> {
        let mut source = Helper::start("source", source_options)?;
        let line = source.hear("listening ")?;
        let source_addr = line.rsplit(' ').next().unwrap_or_default().to_owned();
        let server = Server::start(kind.command(&source_addr, clients, command)?)?;
        Ok(Self {
            sink: None,
            source,
            server,
        })
    }

    /// Connects the clients.
    pub(crate) fn connect(&mut self, load: &Load) -> Fallible<()> {
        let mut options = vec![
            format!("--connect={}", self.server.addr()),
            format!("--readers={}", load.readers),
            format!("--stalled={}", load.stalled),
        ];
        if load.may_skip {
            options.push("--gaps-allowed".to_owned());
        }
        if load.rate > 0 {
            options.push("--latency".to_owned());
        }
        let mut sink = Helper::start("sink", &options)?;
        sink.hear("connected")?;
        self.sink = Some(sink);
        Ok(())
    }

    /// Sends frames as fast as they are taken, then none.
    pub(crate) fn burst(&mut self, frames: u64) -> Fallible<()> {
        self.source.ask(&format!("burst {frames}"), "sent")?;
        Ok(())
    }

    /// Starts the load and waits until every reader has had a frame.
    pub(crate) fn begin(&mut self, load: &Load) -> Fallible<()> {
        if load.opening_burst > 0 {
            self.burst(load.opening_burst)?;
        }
        self.source.order(&load.pace())?;
        self.sink()?.ask("first", "first")?;
        Ok(())
    }

    /// Measures the running load for so long.
    pub(crate) fn window(&mut self, length: Duration) -> Fallible<Window> {
        let strangers_before = self.strangers_ns()?;
        let start = self.mark()?;
        thread::sleep(length);
        let end = self.mark()?;
        let strangers_ns = self.strangers_ns()?.saturating_sub(strangers_before);
        if end.deliveries == start.deliveries {
            return Err("nothing was delivered".into());
        }
        Ok(Window::between(&start, &end, strangers_ns))
    }

    /// The sink, which must have been connected.
    pub(crate) fn sink(&mut self) -> Fallible<&mut Helper> {
        Ok(self.sink.as_mut().ok_or("no clients are connected")?)
    }

    /// CPU time so far of all that is no part of the rig. Only differences mean anything.
    fn strangers_ns(&mut self) -> Fallible<u64> {
        let ours = [self.source.id(), self.server.id(), self.sink()?.id()];
        let ours_ns = ours.into_iter().map(proc::cpu_ns).sum::<Fallible<u64>>()?;
        Ok(proc::machine_busy_ns()?.saturating_sub(ours_ns))
    }

    fn mark(&mut self) -> Fallible<Mark> {
        let order = format!("mark {}", self.server.id());
        Ok(self.sink()?.ask(&order, "mark")?.parse()?)
    }
}

impl Bench {
    /// Starts everything, warms up, measures one window and ends everything.
    pub(crate) fn measure(&self, kind: &Kind, load: &Load) -> Fallible<Window> {
        let mut rig = Rig::start(self, kind, load.readers + load.stalled)?;
        rig.connect(load)?;
        rig.begin(load)?;
        thread::sleep(self.warm_up);
        rig.window(self.window)
    }

    /// fanout with a scenario's options. The scenario has to be one that the floor can be compared in.
    pub(crate) fn candidate(&self, options: &[&str], block: usize) -> Kind {
        match &self.server {
            Candidate::Fanout { .. } => self.fanout(options).unwrap_or(Kind::Floor { block }),
            Candidate::Floor => Kind::Floor { block },
        }
    }

    /// fanout with a scenario's options, for scenarios that the floor cannot play.
    pub(crate) fn fanout(&self, options: &[&str]) -> Fallible<Kind> {
        match &self.server {
            Candidate::Fanout {
                path,
                options: extra,
            } => {
                let mut all: Vec<String> = options.iter().map(ToString::to_string).collect();
                all.extend(extra.iter().cloned());
                Ok(Kind::Fanout {
                    path: path.clone(),
                    options: all,
                })
            }
            Candidate::Floor => Err("the floor cannot play this scenario".into()),
        }
    }
}

impl Kind {
    fn command(
        &self,
        source: &str,
        clients: usize,
        command: impl Fn(&str) -> Fallible<Command>,
    ) -> Fallible<Command> {
        match self {
            Self::Floor { block } => {
                let mut command = command(&std::env::current_exe()?.display().to_string())?;
                command.arg("floor");
                command.arg(format!("--source={source}"));
                command.arg(format!("--clients={clients}"));
                command.arg(format!("--block={block}"));
                Ok(command)
            }
            Self::Fanout { path, options } => {
                let mut command = command(&path.display().to_string())?;
                // Once the source is gone there is nothing left to wait for.
                command.args(["--listen=127.0.0.1:0", "--log-level=info", "--no-reconnect"]);
                command.args(options).arg(source);
                Ok(command)
            }
        }
    }
}
