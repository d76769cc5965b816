//! Who runs on which core: the server under test alone on the first, everything else on the others.

use std::ffi::OsString;
use std::fmt;
use std::path::Path;
use std::process::Command;

use crate::Fallible;

/// What became of the wish to keep the server apart.
#[derive(Debug, Clone)]
pub(crate) enum Pinning {
    /// The server has this core; this process and its helpers are kept off it.
    Apart { server_core: usize },
    /// Everything runs where the kernel likes, for this reason.
    Impossible(String),
}

impl Pinning {
    /// Keeps this process, and the helpers that it will start, off the first core it may use.
    pub(crate) fn establish() -> Self {
        match platform::leave_first_core() {
            Ok(server_core) => Self::Apart { server_core },
            Err(reason) => Self::Impossible(reason),
        }
    }

    /// A command that runs `program` on the server's core. It starts with `bench`, this very program.
    pub(crate) fn command(&self, bench: &Path, program: &Path) -> Command {
        let mut command = Command::new(bench);
        command.arg("launch");
        if let Self::Apart { server_core } = self {
            command.arg(format!("--core={server_core}"));
        }
        command.arg("--").arg(program);
        command
    }
}

impl fmt::Display for Pinning {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Apart { server_core } => {
                write!(
                    out,
                    "server on core {server_core}, source and sink on the others"
                )
            }
            Self::Impossible(reason) => write!(out, "NOT PINNED: {reason}"),
        }
    }
}

/// Becomes `words`, a program and its arguments, on one core. Returns only if that fails.
pub(crate) fn launch(core: Option<usize>, words: &[OsString]) -> Fallible<()> {
    use std::os::unix::process::CommandExt;

    let (program, arguments) = words.split_first().ok_or("no program to run")?;
    platform::end_with_the_bench()?;
    if let Some(core) = core {
        platform::stay_on(core)?;
    }
    let error = Command::new(program).args(arguments).exec();
    Err(format!("{}: {error}", program.display()).into())
}

#[cfg(target_os = "linux")]
mod platform {
    use rustix::process::{Signal, set_parent_process_death_signal};
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

    pub(super) fn leave_first_core() -> Result<usize, String> {
        let mut cores = sched_getaffinity(None).map_err(|error| error.to_string())?;
        let mut allowed = (0..CpuSet::MAX_CPU).filter(|&core| cores.is_set(core));
        let (Some(first), Some(_)) = (allowed.next(), allowed.next()) else {
            return Err("there is only one core".to_owned());
        };
        cores.unset(first);
        sched_setaffinity(None, &cores).map_err(|error| error.to_string())?;
        Ok(first)
    }

    pub(super) fn stay_on(core: usize) -> Result<(), String> {
        let mut cores = CpuSet::new();
        cores.set(core);
        sched_setaffinity(None, &cores).map_err(|error| format!("core {core}: {error}"))
    }

    /// A bench that is killed ends no children; the kernel then does (`PR_SET_PDEATHSIG` in prctl(2)).
    pub(super) fn end_with_the_bench() -> Result<(), String> {
        set_parent_process_death_signal(Some(Signal::KILL)).map_err(|error| error.to_string())
    }
}

#[cfg(not(target_os = "linux"))]
mod platform {
    const REASON: &str = "this system does not let a program choose its core";

    pub(super) fn leave_first_core() -> Result<usize, String> {
        Err(REASON.to_owned())
    }

    pub(super) fn stay_on(_core: usize) -> Result<(), String> {
        Err(REASON.to_owned())
    }

    #[expect(clippy::unnecessary_wraps, reason = "the same signature as on Linux")]
    pub(super) fn end_with_the_bench() -> Result<(), String> {
        Ok(())
    }
}
