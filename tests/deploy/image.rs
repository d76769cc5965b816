//! The container image, as far as it can be tested without an engine: the sources that the Dockerfile copies are
//! enough, they make a static binary, and that runs as the image's user in a root directory with nothing else in it.

use std::env::consts::ARCH;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, geteuid, kill_process};

use crate::{shipped, tools};

/// One instruction of a Dockerfile.
struct Instruction {
    name: String,
    arguments: Vec<String>,
}

fn instructions() -> Vec<Instruction> {
    let text = shipped::text("docker/Dockerfile");
    let lines = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    let instructions = lines.map(|line| {
        let (name, rest) = line.split_once(' ').expect("an instruction has arguments");
        Instruction {
            name: name.to_owned(),
            arguments: rest.split_whitespace().map(str::to_owned).collect(),
        }
    });
    instructions.collect()
}

/// The arguments of the last instruction of this name.
#[track_caller]
fn last(name: &str) -> Vec<String> {
    let mut of_name = instructions();
    of_name.retain(|instruction| instruction.name == name);
    of_name
        .pop()
        .unwrap_or_else(|| panic!("no {name}"))
        .arguments
}

/// What the Dockerfile copies out of the repository.
fn sources() -> Vec<String> {
    let mut copies = instructions();
    copies.retain(|copy| copy.name == "COPY" && !copy.arguments[0].starts_with("--"));
    let sources = copies.into_iter().flat_map(|mut copy| {
        // The last one is where they go.
        copy.arguments.pop();
        copy.arguments
    });
    sources.collect()
}

#[test]
fn the_dockerfile_copies_what_is_there_and_starts_what_it_has_built() {
    let ignored = shipped::text("docker/Dockerfile.dockerignore");
    for source in sources() {
        assert!(shipped::root().join(&source).exists(), "no {source}");
        assert!(
            ignored.contains(&format!("\n!{source}\n")),
            "{source} is not sent to the engine"
        );
    }
    let copied = last("COPY");
    assert_eq!(
        copied[..2],
        ["--from=build", "/build/target/release/fanout"]
    );
    assert_eq!(last("ENTRYPOINT"), [format!("[\"{}\"]", copied[2])]);
    assert_eq!(last("FROM"), ["scratch"]);
    assert_eq!(last("STOPSIGNAL"), ["SIGTERM"]);
    let (user, group) = last("USER")[0]
        .split_once(':')
        .map(numbers)
        .expect("a user and a group");
    assert!(user > 0 && group > 0, "it runs as root");
    let names: Vec<_> = instructions().into_iter().map(|one| one.name).collect();
    assert!(
        !names.contains(&"HEALTHCHECK".to_owned()),
        "there is nothing that could run it"
    );
}

fn numbers((user, group): (&str, &str)) -> (u32, u32) {
    let number = |text: &str| {
        text.parse()
            .expect("a number, for there are no names in the image")
    };
    (number(user), number(group))
}

#[test]
fn the_image_is_built_with_a_rust_that_is_new_enough() {
    let version = |text: &str| -> Vec<u32> {
        let parts = text.split('.').map(|part| part.parse().expect("a number"));
        parts.collect()
    };
    let mut bases = instructions();
    bases.retain(|instruction| instruction.name == "FROM");
    let base = &bases[0].arguments[0];
    let built_with = base
        .strip_prefix("rust:")
        .and_then(|base| base.strip_suffix("-alpine"));
    assert!(version(built_with.expect("Rust for musl")) >= version(env!("CARGO_PKG_RUST_VERSION")));
}

#[test]
fn a_static_program_runs_in_an_empty_root_directory() {
    if !tools::are_there(&["cargo", "rustc", "chroot"]) {
        return;
    }
    if !geteuid().is_root() {
        tools::skipped("only root may change the root directory");
        return;
    }
    let Some(target) = static_target() else {
        tools::skipped("no static C library to link with");
        return;
    };
    let folder = shipped::empty_folder("image");
    let binary = build(&folder.join("build"), &target);
    let root = folder.join("root");
    fs::create_dir(&root).expect("an empty folder");
    fs::copy(binary, root.join("fanout")).expect("the program alone");

    let user = last("USER");
    let mut program = Running(
        Command::new("chroot")
            .arg(format!("--userspec={}", user[0]))
            .arg(&root)
            .args(["/fanout", "--demo", "--listen", "127.0.0.1:0"])
            .env_clear()
            .env("PATH", SYSTEM_PATH)
            .stderr(Stdio::piped())
            .spawn()
            .expect("chroot can be started"),
    );
    let stderr = program.0.stderr.take().expect("stderr is a pipe");
    let mut said = Vec::new();
    let mut lines = BufReader::new(stderr).lines().map_while(Result::ok);
    let addr = lines.by_ref().find_map(|line| {
        let addr = line.split_once("listening addr=").map(|(_, rest)| {
            let addr = rest.split(' ').next();
            addr.unwrap_or_default().to_owned()
        });
        said.push(line);
        addr
    });
    let addr = addr.unwrap_or_else(|| panic!("it does not listen: {said:?}"));
    let mut client = TcpStream::connect(addr).expect("it listens");
    let mut frame = [0; 1024];
    client.read_exact(&mut frame).expect("a frame");
    assert!(frame.starts_with(b"frame "));
    let child = Pid::from_child(&program.0);
    kill_process(child, Signal::TERM).expect("it runs");
    lines.for_each(drop);
    client.read_to_end(&mut Vec::new()).expect("a clean end");
    assert!(program.0.wait().expect("it ends").success());
}

/// Where chroot is, which an ordinary user's path may leave out.
const SYSTEM_PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// Does not outlive the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What static programs can be built for here: with musl as in the image, or with glibc.
fn static_target() -> Option<String> {
    let sysroot = shipped::run(Command::new("rustc").args(["--print", "sysroot"]));
    let libraries = Path::new(sysroot.trim()).join("lib/rustlib");
    let musl = format!("{ARCH}-unknown-linux-musl");
    let gnu = format!("{ARCH}-unknown-linux-gnu");
    let has_static_glibc = || {
        let folders = [
            format!("/usr/lib/{ARCH}-linux-gnu"),
            "/usr/lib64".to_owned(),
        ];
        folders
            .iter()
            .any(|folder| Path::new(folder).join("libc.a").exists())
    };
    if libraries.join(&musl).exists() {
        Some(musl)
    } else {
        Some(gnu).filter(|_| has_static_glibc())
    }
}

/// Builds the program from what the Dockerfile copies.
fn build(folder: &Path, target: &str) -> PathBuf {
    fs::create_dir(folder).expect("a folder for the sources");
    for source in sources() {
        // Not copied, so that what was built before is known to be of these files.
        symlink(shipped::root().join(&source), folder.join(&source)).expect("a link");
    }
    let built = Path::new(env!("CARGO_TARGET_TMPDIR")).join("static");
    let mut cargo = Command::new("cargo");
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CARGO_PROFILE_") {
            cargo.env_remove(name);
        }
    }
    let mut arguments = last("RUN");
    assert_eq!(arguments.remove(0), "cargo");
    cargo
        .current_dir(folder)
        .args(arguments)
        // All that it takes has been fetched for this test.
        .args(["--offline", "--quiet", "--target", target])
        .arg("--target-dir")
        .arg(&built)
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env("RUSTFLAGS", "-C target-feature=+crt-static");
    shipped::run(&mut cargo);
    built.join(target).join("release/fanout")
}
