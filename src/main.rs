//! The `fanout` program: options in, exit code out.

mod cli;
mod demo;
mod logger;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;
use log::{error, info, warn};

use cli::{Options, Request};
use fanout::{Error, HostPort, Server};

/// It could not do its job.
const FAILED: u8 = 1;

/// Bad arguments; nothing was opened.
const MISUSED: u8 = 2;

fn main() -> ExitCode {
    let request = match Options::try_parse() {
        Ok(options) => options.into_request(),
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
        Err(error) => {
            eprintln!("{}", cli::one_line(&error));
            return ExitCode::from(MISUSED);
        }
    };
    if let Err(error) = logger::start(request.log_level) {
        eprintln!("error: {error}");
        return ExitCode::from(FAILED);
    }
    let outcome = serve(request);
    let code = match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Error::Config(complaint)) => {
            eprintln!("error: {complaint}");
            ExitCode::from(MISUSED)
        }
        Err(failure) => {
            error!("{failure}");
            ExitCode::from(FAILED)
        }
    };
    log::logger().flush();
    code
}

fn serve(request: Request) -> Result<(), Error> {
    let Request {
        mut config, demo, ..
    } = request;
    if demo {
        // A placeholder until the demo has a port: nothing is opened before the rest makes sense.
        config.upstreams = vec![HostPort::new("localhost", 1)];
    }
    config.validate()?;
    if let Err(error) = fanout::raise_descriptor_limit() {
        warn!("descriptor limit not raised error=\"{error}\"");
    }
    if demo {
        let addr = demo::start(config.frame_size).map_err(|source| Error::System {
            what: "start the demo upstream",
            source,
        })?;
        config.upstreams = vec![addr.into()];
    }
    let mut server = Server::bind(&config)?;
    server.watch_signals()?;
    if demo && let Some(addr) = server.local_addrs().first() {
        let host = config.listeners[0].address.host();
        info!(
            "demo running: in another terminal, type: nc {host} {}",
            addr.port()
        );
    }
    server.run()
}
