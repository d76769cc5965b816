//! The `fanout` program: options in, exit code out.

mod check;
mod cli;
mod demo;
mod logger;
mod pages;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::error::ErrorKind;
use log::{LevelFilter, error, info, warn};

use cli::Request;
use fanout::{Config, Error, Inherited, ListenAddress, Server};

/// It could not do its job.
const FAILED: u8 = 1;

/// Bad arguments; nothing was opened.
const MISUSED: u8 = 2;

fn main() -> ExitCode {
    let request = match cli::parse(std::env::args_os()) {
        Ok(request) => request,
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
            ) =>
        {
            // Nobody to show the help to is no failure.
            let _ = error.print();
            return ExitCode::SUCCESS;
        }
        Err(error) => return misused(&cli::one_line(&error)),
    };
    if let Some(page) = request.page {
        return print(pages::text(page));
    }
    if let Err(complaint) = request.config.validate() {
        return misused(&format!("error: {complaint}"));
    }
    // What a check has to say is on its page; what it opens is not news.
    let level = if request.check {
        request.log_level.min(LevelFilter::Warn)
    } else {
        request.log_level
    };
    if let Err(error) = logger::start(level) {
        complain(&format!("error: {error}"));
        return ExitCode::from(FAILED);
    }
    let outcome = if request.check {
        check(&request)
    } else {
        serve(request).map(|()| ExitCode::SUCCESS)
    };
    if let Err(failure) = &outcome {
        error!("{failure}");
        if log::max_level() == LevelFilter::Off {
            complain(&format!("error: {failure}"));
        }
    }
    log::logger().flush();
    match outcome {
        Ok(code) => code,
        Err(Error::Config(_)) => ExitCode::from(MISUSED),
        Err(_) => ExitCode::from(FAILED),
    }
}

/// Prints a page. Nobody to read it, or to read it to its end, is no failure.
fn print(page: io::Result<Vec<u8>>) -> ExitCode {
    let mut stdout = io::stdout().lock();
    let written = page.and_then(|page| stdout.write_all(&page));
    match written.and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            complain(&format!("error: cannot print the page: {error}"));
            ExitCode::from(FAILED)
        }
        _ => ExitCode::SUCCESS,
    }
}

/// Bad arguments: one line, and nothing was opened.
fn misused(complaint: &str) -> ExitCode {
    complain(complaint);
    ExitCode::from(MISUSED)
}

/// Says it on standard error, if that can be written.
fn complain(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// Says on standard output what the setup comes to.
fn check(request: &Request) -> Result<ExitCode, Error> {
    raise_descriptor_limit();
    let report = check::run(&request.config, request.demo)?;
    Ok(print(Ok(report.into_bytes())))
}

fn serve(request: Request) -> Result<(), Error> {
    let Request {
        mut config, demo, ..
    } = request;
    // Before anything is opened.
    let inherited = Inherited::take()?;
    raise_descriptor_limit();
    if demo {
        let addr = demo::start(config.frame_size).map_err(|source| Error::System {
            what: "start the demo upstream",
            source,
        })?;
        config.upstreams = vec![addr.into()];
    }
    let server = Server::bind_as_service(&config, inherited)?;
    if demo && let Some(command) = first_command(&config, &server) {
        info!("demo running: in another terminal, type: {command}");
    }
    server.run()
}

fn raise_descriptor_limit() {
    if let Err(error) = fanout::raise_descriptor_limit() {
        warn!("descriptor limit not raised error=\"{error}\"");
    }
}

/// What to type for a look at the first listener.
fn first_command(config: &Config, server: &Server) -> Option<String> {
    match &config.listeners.first()?.address {
        ListenAddress::Tcp(address) => {
            let addr = server.local_addrs().into_iter().next()?;
            Some(format!("nc {} {}", address.host(), addr.port()))
        }
        ListenAddress::Unix { path, .. } => Some(format!("nc -U {}", path.path().display())),
    }
}
