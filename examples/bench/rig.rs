//! Source, server and sink put together, and a window measured on them.
//!
//! Owns the order in which they start and end. Every wait in here has a limit that grows with the number of clients.

mod measuring;

use std::error::Error;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use crate::Fallible;
use crate::bench::Bench;
use crate::children::{Complaint, Helper};
use crate::deadline::Deadline;
use crate::plan::{Gaps, Load, Opening, Pace};
use crate::programs::Programs;
use crate::record::Figures;
use crate::servers::{Inlet, Server, Started, Terms};
use crate::sockets::await_accepted;

/// One source, one server and one or two sinks, ended together. The sinks go first, so that they see no end that they
/// would complain of; the server last.
pub(crate) struct Rig {
    pub(crate) sink: Option<Helper>,
    storm: Option<Helper>,
    pub(crate) source: Helper,
    pub(crate) server: Started,
    inlet: Inlet,
    programs: Programs,
    /// For one answer.
    limit: Duration,
    /// For everything.
    deadline: Deadline,
}

impl Rig {
    /// Starts a source that is silent, and the server.
    pub(crate) fn start(
        bench: &Bench,
        server: &Server,
        terms: &Terms,
        load: &Load,
    ) -> Fallible<Self> {
        Self::start_with(bench, server, terms, load, &[], |program| {
            bench.launch(program)
        })
    }

    /// As `start`, with options for the source and another way to make the server's command.
    pub(crate) fn start_with(
        bench: &Bench,
        server: &Server,
        terms: &Terms,
        load: &Load,
        source_options: &[String],
        launch: impl Fn(&Path) -> Command,
    ) -> Fallible<Self> {
        let source_program = bench.programs.example("frame-source");
        let limit = PATIENCE + PATIENCE_FOR_CLIENT * u32::try_from(load.clients())?;
        let deadline = Deadline::after(limit * ANSWERS);
        let mut options = source_options.to_vec();
        options.push(format!("--frame-size={}", load.frame_size));
        let inlet = server.inlet();
        let start_source = |options: &[String], word| -> Fallible<(Helper, String)> {
            let mut source = Helper::start("frame-source", &source_program, options)?;
            let line = source.hear(word, limit)?;
            Ok((
                source,
                line.rsplit(' ').next().unwrap_or_default().to_owned(),
            ))
        };
        let (source, server) = match inlet {
            Inlet::Dials => {
                options.push("--listen=127.0.0.1:0".to_owned());
                let (source, addr) = start_source(&options, "listening ")?;
                let server = server.start(terms, &addr, load.clients(), launch)?;
                (source, server)
            }
            Inlet::IsDialled { dialect } => {
                let server = server.start(terms, "", load.clients(), launch)?;
                options.push(format!("--connect={}", server.addr));
                options.push(format!("--dialect={dialect}"));
                let (source, _) = start_source(&options, "connected ")?;
                (source, server)
            }
        };
        let programs = bench.programs.clone();
        Ok(Self {
            sink: None,
            storm: None,
            source,
            server,
            inlet,
            programs,
            limit,
            deadline,
        })
    }

    /// Connects the clients, and waits until the server has accepted all of them.
    pub(crate) fn connect(&mut self, load: &Load) -> Fallible<()> {
        let mut options = self.sink_options(load);
        options.push(format!("--readers={}", load.readers));
        options.push(format!("--stalled={}", load.stalled));
        if load.gaps == Gaps::Allowed {
            options.push("--gaps-allowed".to_owned());
        }
        if load.rate > 0 {
            options.push("--latency".to_owned());
        }
        self.sink = Some(self.start_sink(&options)?);
        await_accepted(self.server.addr.port(), load.clients(), self.limit)
    }

    /// Sends so many frames while one client does not read, and lets that client go: every page of the relay's log,
    /// which starts over whenever nobody lags, has then been written to.
    pub(crate) fn fill_log(&mut self, load: &Load, frames: u64) -> Fallible<()> {
        let mut options = self.sink_options(load);
        options.extend(["--readers=0", "--stalled=1", "--gaps-allowed"].map(String::from));
        let mut filler = self.start_sink(&options)?;
        await_accepted(self.server.addr.port(), 1, self.limit)?;
        self.burst(frames)?;
        // One that broke off has filled nothing.
        filler.ask("first", "first", self.limit)?;
        Ok(())
    }

    /// Sends frames as fast as they are taken, then none.
    pub(crate) fn burst(&mut self, frames: u64) -> Fallible<()> {
        self.source
            .ask(&format!("burst {frames}"), "sent", self.limit)?;
        Ok(())
    }

    /// Starts the load and waits until every reader has had a frame.
    pub(crate) fn begin(&mut self, load: &Load) -> Fallible<()> {
        if let Opening::Burst(frames) = load.opening {
            self.burst(frames)?;
            self.await_quiet()?;
        }
        self.source.order(&load.pace())?;
        self.sleep(load.opening.length());
        let limit = self.limit;
        self.sink()?.ask("first", "first", limit)?;
        Ok(())
    }

    /// The sink, which must have been connected.
    pub(crate) fn sink(&mut self) -> Fallible<&mut Helper> {
        Ok(self.sink.as_mut().ok_or("no clients are connected")?)
    }

    /// Lets the load run for so long.
    pub(crate) fn sleep(&self, time: Duration) {
        self.deadline.extend(time);
        thread::sleep(time);
    }

    /// The limit for an answer of a helper.
    pub(crate) fn limit(&self) -> Duration {
        self.limit
    }

    /// All of one measurement, from the first connect to the end of the window.
    pub(crate) fn play(&mut self, load: &Load, pace: &Pace) -> Fallible<Figures> {
        self.connect(load)?;
        self.begin(load)?;
        if load.storm > 0 {
            self.begin_storm(load)?;
        }
        self.sleep(pace.warm_up);
        let figures = self.window(load, pace.window * load.windows)?;
        let limit = self.limit;
        if let Some(storm) = &mut self.storm {
            // One that broke off was no storm, and it says why.
            storm.ask("first", "first", limit)?;
        }
        Ok(figures)
    }

    /// Starts a second sink, whose clients come and go. What they read is checked too.
    fn begin_storm(&mut self, load: &Load) -> Fallible<()> {
        let mut options = self.sink_options(load);
        options.push("--readers=0".to_owned());
        options.push(format!("--storm={}", load.storm));
        let mut storm =
            Helper::start("frame-sink", &self.programs.example("frame-sink"), &options)?;
        storm.hear("connected", self.limit)?;
        self.storm = Some(storm);
        Ok(())
    }

    /// A sink whose clients are connected.
    fn start_sink(&self, options: &[String]) -> Fallible<Helper> {
        let program = self.programs.example("frame-sink");
        let mut sink = Helper::start("frame-sink", &program, options)?;
        sink.hear("connected", self.limit)?;
        Ok(sink)
    }

    fn sink_options(&self, load: &Load) -> Vec<String> {
        let mut options = vec![
            self.server.addr.to_string(),
            "--check=ends".to_owned(),
            format!("--frame-size={}", load.frame_size),
        ];
        if let Inlet::IsDialled { dialect } = self.inlet {
            options.push(format!("--dialect={dialect}"));
        }
        options
    }

    /// The error, and what the server has to say to it. Frames that were wrong were so before it ended.
    pub(crate) fn explain(&mut self, error: Box<dyn Error>) -> Box<dyn Error> {
        let is_about_frames = error.downcast_ref().is_some_and(Complaint::is_about_frames);
        match self.server.running.end_within(LAST_WORDS) {
            _ if is_about_frames => error,
            Some(end) => format!("{end} ({error})").into(),
            None if error.is::<Complaint>() => error,
            None => format!("{error} (the server runs)").into(),
        }
    }
}

/// How long any answer may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// And how much longer for each client: 10,000 of them are connected in a second or two, by a slow server in ten.
const PATIENCE_FOR_CLIENT: Duration = Duration::from_millis(4);

/// Answers that a rig may wait for the longest time; more, and it never comes to an end.
const ANSWERS: u32 = 8;

/// How long a server that is failing is given to end.
const LAST_WORDS: Duration = Duration::from_millis(300);
