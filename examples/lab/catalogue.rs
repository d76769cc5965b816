//! Every variant of the server, and what it takes to start it.
//!
//! Owns the rule that a program of another language is compiled when it is missing or older than its sources, and that
//! it appears in one piece, however many threads and processes ask for it at once. It knows nothing of what the
//! variants promise, and starts none of them.

use std::env;
use std::ffi::OsStr;
use std::fmt;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::sync::Mutex;
use std::time::SystemTime;

/// One of the programs that serve as the relay does, in a style of their own.
pub(crate) struct Variant {
    pub(crate) name: &'static str,
    origin: Origin,
}

impl Variant {
    /// The words of the command that starts it, to which upstream and port are appended. `builds` is `target/debug` or
    /// `target/release`. What Cargo does not build is built here, the first time and after every change.
    pub(crate) fn prepare(&self, builds: &Path) -> Result<Vec<String>, Unavailable> {
        match self.origin {
            Origin::Rust { example, options } => rust(builds, example, options),
            Origin::Go => Build::go(builds)?.program(),
            Origin::Cpp => Build::cpp(builds)?.program(),
            Origin::Python(script) => python(script),
        }
    }
}

/// Why a variant cannot be started here.
#[derive(Debug)]
pub(crate) enum Unavailable {
    /// What it takes is not installed.
    Missing(&'static str),
    /// It ought to work, and does not: what was tried, and what came of it.
    Broken(String),
}

impl fmt::Display for Unavailable {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(tool) => write!(out, "no {tool}"),
            Self::Broken(what) => out.write_str(what),
        }
    }
}

/// What a variant is made of.
enum Origin {
    /// An example of this package, which Cargo builds.
    Rust {
        example: &'static str,
        options: &'static [&'static str],
    },
    Go,
    Cpp,
    /// A file that is run as it is.
    Python(&'static str),
}

/// How a program of another language is made from its sources.
struct Build {
    tool: &'static str,
    /// The compiler's command line, but for where the program goes.
    command: Command,
    sources: Vec<PathBuf>,
    program: PathBuf,
}

impl Build {
    fn go(builds: &Path) -> Result<Self, Unavailable> {
        let folder = laboratory(builds)?;
        let source = examples().join("go");
        let mut command = Command::new("go");
        command.current_dir(&source);
        // Without version control: it asks git, which refuses a folder that belongs to somebody else.
        command.args(["build", "-buildvcs=false"]);
        // The network is not asked, nor the settings of whoever runs it; and there may be no home to keep a cache in.
        command.envs([
            ("GOPROXY", "off"),
            ("GOENV", "off"),
            ("GOWORK", "off"),
            ("GOFLAGS", ""),
        ]);
        command.env("CGO_ENABLED", "0");
        command.env("GOCACHE", folder.join("go-cache"));
        command.env("GOPATH", folder.join("go-path"));
        Ok(Self {
            tool: "go",
            command,
            sources: vec![source.join("main.go"), source.join("go.mod"), recipe()],
            program: folder.join("go"),
        })
    }

    fn cpp(builds: &Path) -> Result<Self, Unavailable> {
        let source = examples().join("cpp/fanout.cpp");
        let mut command = Command::new("g++");
        command.args(["-std=c++20", "-O2", "-pthread", "-DASIO_STANDALONE"]);
        command.arg(&source);
        // What it says is looked through, so it is to be said in one language.
        command.env("LC_ALL", "C");
        Ok(Self {
            tool: "g++",
            command,
            sources: vec![source, recipe()],
            program: laboratory(builds)?.join("cpp"),
        })
    }

    /// The command that starts the program, which is compiled if need be.
    fn program(mut self) -> Result<Vec<String>, Unavailable> {
        require(self.tool)?;
        // One thread compiles and the others then find it done. A poisoned lock says nothing about the file.
        let _alone = COMPILING.lock();
        if !is_fresh(&self.program, &self.sources) {
            self.compile()?;
        }
        Ok(vec![text(&self.program)?])
    }

    /// Compiles beside the program and then puts it in its place: another process may be starting it at this moment.
    fn compile(&mut self) -> Result<(), Unavailable> {
        let begun = SystemTime::now();
        let unfinished = self
            .program
            .with_extension(format!("unfinished-{}", process::id()));
        self.command.arg("-o").arg(&unfinished);
        let output = self
            .command
            .output()
            .map_err(|error| broken(self.tool, error))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            if said.contains("asio.hpp: No such file") {
                return Err(Unavailable::Missing("asio.hpp"));
            }
            return Err(broken(self.tool, said));
        }
        // A source that changes while it is compiled is newer than the program.
        let dated = File::open(&unfinished).and_then(|file| file.set_modified(begun));
        dated
            .and_then(|()| fs::rename(&unfinished, &self.program))
            .map_err(|error| broken(unfinished.display(), error))
    }
}

fn rust(builds: &Path, example: &str, options: &[&str]) -> Result<Vec<String>, Unavailable> {
    let program = builds.join("examples").join(example);
    if !program.is_file() {
        return Err(broken(
            program.display(),
            "not built, `cargo build --examples` does it",
        ));
    }
    let options = options.iter().map(|&option| option.to_owned());
    Ok([text(&program)?].into_iter().chain(options).collect())
}

fn python(script: &str) -> Result<Vec<String>, Unavailable> {
    require("python3")?;
    let script = text(&examples().join("python").join(script))?;
    // No `__pycache__` in the source tree.
    Ok(vec!["python3".to_owned(), "-B".to_owned(), script])
}

/// Whether this tool is installed.
fn require(tool: &'static str) -> Result<(), Unavailable> {
    let path = env::var_os("PATH").unwrap_or_default();
    if is_on(&path, tool) {
        Ok(())
    } else {
        Err(Unavailable::Missing(tool))
    }
}

fn is_on(path: &OsStr, tool: &str) -> bool {
    env::split_paths(path).any(|folder| folder.join(tool).is_file())
}

/// Whether the program is there and none of its sources has changed since.
fn is_fresh(program: &Path, sources: &[PathBuf]) -> bool {
    let changed = |path: &Path| fs::metadata(path).and_then(|about| about.modified());
    changed(program).is_ok_and(|built| {
        let is_older = |source: &PathBuf| changed(source).is_ok_and(|edited| edited <= built);
        sources.iter().all(is_older)
    })
}

/// Where programs of other languages go: below the build folder, which is made if need be and may be given relative to
/// the working directory, where the Go tool is not.
fn laboratory(builds: &Path) -> Result<PathBuf, Unavailable> {
    let folder = builds.join("lab");
    let made = fs::create_dir_all(&folder).and_then(|()| fs::canonicalize(&folder));
    made.map_err(|error| broken(folder.display(), error))
}

/// Where the variants' sources are.
fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples")
}

/// This file: the compilers' options are in it, so it counts as a source of what they make.
fn recipe() -> PathBuf {
    examples().join("lab/catalogue.rs")
}

fn text(path: &Path) -> Result<String, Unavailable> {
    let name = path.to_str().map(str::to_owned);
    name.ok_or_else(|| {
        broken(
            path.display(),
            io::Error::from(io::ErrorKind::InvalidFilename),
        )
    })
}

fn broken(what: impl fmt::Display, why: impl fmt::Display) -> Unavailable {
    Unavailable::Broken(format!("{what}: {why}"))
}

const fn example(name: &'static str) -> Variant {
    let origin = Origin::Rust {
        example: name,
        options: &[],
    };
    Variant { name, origin }
}

/// Held by the one thread of this process that compiles.
static COMPILING: Mutex<()> = Mutex::new(());

/// All of them, in the order in which they are reported.
pub(crate) const VARIANTS: &[Variant] = &[
    example("thread-per-client"),
    example("message-passing"),
    example("shared-log-threads"),
    example("minimal-reactor"),
    example("tokio-broadcast"),
    Variant {
        name: "tokio-current-thread",
        origin: Origin::Rust {
            example: "tokio-broadcast",
            options: &["--current-thread"],
        },
    },
    example("own-executor"),
    Variant {
        name: "go",
        origin: Origin::Go,
    },
    Variant {
        name: "cpp",
        origin: Origin::Cpp,
    },
    Variant {
        name: "python-threads",
        origin: Origin::Python("threads.py"),
    },
    Variant {
        name: "python-asyncio",
        origin: Origin::Python("asyncio_fanout.py"),
    },
];

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// A folder that does not outlive its test.
    struct Folder(PathBuf);

    impl Folder {
        fn new(test: &str) -> Self {
            let folder = env::temp_dir().join(format!("fanout-{test}-{}", process::id()));
            fs::create_dir(&folder).expect("nobody else uses the name");
            Self(folder)
        }

        /// An empty file that was changed so many seconds after 1970 began.
        fn file(&self, name: &str, seconds: u64) -> PathBuf {
            let path = self.0.join(name);
            let changed = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            let dated = File::create(&path).and_then(|file| file.set_modified(changed));
            dated.expect("the folder is ours");
            path
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            // What stays is empty.
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_program_is_built_again_when_a_source_is_newer_or_anything_is_missing() {
        let folder = Folder::new("sources");
        let sources = [folder.file("one", 1), folder.file("other", 2)];
        let nowhere = folder.0.join("nowhere");
        assert!(is_fresh(&folder.file("newer", 3), &sources));
        assert!(is_fresh(&folder.file("as-old", 2), &sources));
        assert!(!is_fresh(&folder.file("older", 1), &sources));
        assert!(!is_fresh(&nowhere, &sources));
        assert!(!is_fresh(&sources[1], &[nowhere]));
    }

    #[test]
    fn a_tool_is_there_if_a_folder_of_the_path_has_it() {
        let folder = Folder::new("tools");
        folder.file("tool", 1);
        let path = env::join_paths([Path::new("/nowhere"), &folder.0]).expect("no colon in it");
        assert!(is_on(&path, "tool"));
        assert!(!is_on(&path, "another-tool"));
        assert!(!is_on(OsStr::new("/nowhere"), "tool"));
    }
}
