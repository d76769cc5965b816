//! Where the programs are, and which of the servers can be had here.

use std::path::PathBuf;

use crate::Fallible;
use crate::catalogue::{Unavailable, VARIANTS};
use crate::foreign::Foreign;
use crate::servers::{FLOOR, FLOOR_AGAIN, Kind, RELAY, Server, all_names, most_clients};

/// Where the programs are that Cargo has built.
#[derive(Debug, Clone)]
pub(crate) struct Programs {
    /// This program.
    pub(crate) bench: PathBuf,
    /// The folder of the build: `target/release`.
    pub(crate) builds: PathBuf,
    /// The relay, if it is not that of the build.
    pub(crate) relay: Option<PathBuf>,
    /// Options for the relay, after those of the scenario.
    pub(crate) relay_options: Vec<String>,
}

impl Programs {
    /// Where this program is, with the folder that Cargo puts examples one below.
    pub(crate) fn beside_this_one() -> Fallible<Self> {
        let bench = std::env::current_exe()?;
        let builds = bench
            .ancestors()
            .nth(2)
            .ok_or("this program is in no folder")?
            .to_owned();
        Ok(Self {
            bench,
            builds,
            relay: None,
            relay_options: Vec::new(),
        })
    }

    /// The relay under test.
    pub(crate) fn relay(&self) -> PathBuf {
        self.relay
            .clone()
            .unwrap_or_else(|| self.builds.join("fanout"))
    }

    /// An example of this package.
    pub(crate) fn example(&self, name: &str) -> PathBuf {
        self.builds.join("examples").join(name)
    }

    /// What is needed and is not there.
    pub(crate) fn missing(&self) -> Option<PathBuf> {
        let needed = [
            self.relay(),
            self.example("frame-source"),
            self.example("frame-sink"),
            self.example(FLOOR),
        ];
        needed.into_iter().find(|program| !program.is_file())
    }

    /// The servers with these names, in the order of the reports, and a line for each that cannot be had.
    pub(crate) fn roster(&self, names: &[&str]) -> (Vec<Server>, Vec<String>) {
        let mut servers = Vec::new();
        let mut skipped = Vec::new();
        for name in all_names().into_iter().filter(|name| names.contains(name)) {
            match self.server(name) {
                Ok(kind) => servers.push(Server {
                    name,
                    kind,
                    most_clients: most_clients(name),
                }),
                Err(why) => skipped.push(format!("skipped: {why}")),
            }
        }
        (servers, skipped)
    }

    /// The servers with these names as if everything were built and installed: to plan with.
    #[cfg(test)]
    pub(crate) fn imagined(&self, names: &[&'static str]) -> Vec<Server> {
        let made = names.iter().map(|&name| Server {
            name,
            kind: match Foreign::ALL
                .into_iter()
                .find(|foreign| foreign.name() == name)
            {
                Some(foreign) => Kind::Foreign(foreign),
                None if VARIANTS.iter().any(|variant| variant.name == name) => {
                    Kind::Variant { words: Vec::new() }
                }
                None => self.server(name).expect("relay and floor are always there"),
            },
            most_clients: most_clients(name),
        });
        made.collect()
    }

    fn server(&self, name: &'static str) -> Result<Kind, String> {
        if name == RELAY {
            return Ok(Kind::Fanout {
                program: self.relay(),
                options: self.relay_options.clone(),
            });
        }
        if name == FLOOR || name == FLOOR_AGAIN {
            return Ok(Kind::Floor {
                program: self.example(FLOOR),
            });
        }
        if let Some(foreign) = Foreign::ALL
            .into_iter()
            .find(|foreign| foreign.name() == name)
        {
            let program = foreign.program();
            return program
                .map(|_| Kind::Foreign(foreign))
                .ok_or_else(|| format!("no {}", foreign.tool()));
        }
        let variant = VARIANTS
            .iter()
            .find(|variant| variant.name == name)
            .ok_or("unknown")?;
        match variant.prepare(&self.builds) {
            Ok(words) => Ok(Kind::Variant { words }),
            Err(missing @ Unavailable::Missing(_)) => Err(missing.to_string()),
            Err(broken @ Unavailable::Broken(_)) => Err(format!("{name}: {broken}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_is_a_line_and_not_an_end() {
        let programs = Programs {
            bench: PathBuf::from("bench"),
            builds: PathBuf::from("/nowhere"),
            relay: None,
            relay_options: Vec::new(),
        };
        let (servers, skipped) = programs.roster(&["send-floor", "minimal-reactor"]);
        let names: Vec<_> = servers.iter().map(|server| server.name).collect();
        assert_eq!(names, ["send-floor"]);
        assert_eq!(skipped.len(), 1, "{skipped:?}");
        assert!(
            skipped[0].starts_with("skipped: minimal-reactor: "),
            "{skipped:?}"
        );
        assert!(programs.missing().is_some());
    }
}
