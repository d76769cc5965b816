//! What stays the same in all measurements of a run, and one measurement from beginning to end.

use std::path::Path;
use std::process::Command;

use crate::Fallible;
use crate::cores::Pinning;
use crate::plan::{Entrant, Pace};
use crate::programs::Programs;
use crate::record::Figures;
use crate::rig::Rig;

/// What stays the same in all measurements of a run.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) programs: Programs,
    pub(crate) pinning: Pinning,
    pub(crate) pace: Pace,
}

impl Bench {
    /// Starts everything, warms up, measures one window and ends everything.
    pub(crate) fn measure(&self, entrant: &Entrant) -> Fallible<Figures> {
        let Entrant {
            server,
            load,
            terms,
            ..
        } = entrant;
        let mut rig = Rig::start(self, server, terms, load)?;
        let outcome = rig.play(load, &self.pace);
        outcome.map_err(|error| rig.explain(error))
    }

    /// A command that runs a server on its core.
    pub(crate) fn launch(&self, program: &Path) -> Command {
        self.pinning.command(&self.programs.bench, program)
    }
}
