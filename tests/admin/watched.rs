//! The scene of most tests here: the program with an admin endpoint, and its upstream.

use std::net::SocketAddr;
use std::time::Instant;

use serde_json::Value;

use crate::figures::Figures;
use crate::harness::{DEADLINE, FRAME_SIZE, Fanout, Scene, line};
use crate::http::{self, Answer};

pub(crate) struct Watched {
    pub(crate) scene: Scene,
    pub(crate) admin: SocketAddr,
}

impl Watched {
    /// The program with these options and the endpoint, connected to its upstream.
    #[track_caller]
    pub(crate) fn set(options: &str) -> Self {
        Self::with_frame_size(FRAME_SIZE, options)
    }

    #[track_caller]
    pub(crate) fn with_frame_size(frame_size: usize, options: &str) -> Self {
        let options = format!("{ADMIN} {options}");
        let scene = Scene::with_frame_size(frame_size, &options);
        let admin = admin_of(&scene.fanout);
        Self { scene, admin }
    }

    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Answer {
        http::get(self.admin, path)
    }

    #[track_caller]
    pub(crate) fn json(&self, path: &str) -> Value {
        json(self.admin, path)
    }

    #[track_caller]
    pub(crate) fn figures(&self) -> Figures {
        Figures::of(self.admin)
    }

    /// Asks for the metrics until this one has this value; returns them all.
    #[track_caller]
    pub(crate) fn wait_for(&self, series: &str, value: u64) -> Figures {
        wait_for(self.admin, series, value)
    }
}

/// The options of an endpoint on a port of its own.
pub(crate) const ADMIN: &str = "--admin 127.0.0.1:0";

/// The family that counts departures by their reason.
pub(crate) const DEPARTED: &str = "fanout_clients_departed_total";

/// Where the endpoint listens.
#[track_caller]
pub(crate) fn admin_of(fanout: &Fanout) -> SocketAddr {
    line::addr(&fanout.wait_for_line("admin listening addr="))
}

#[track_caller]
pub(crate) fn json(admin: SocketAddr, path: &str) -> Value {
    let answer = http::get(admin, path);
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    answer.json()
}

#[track_caller]
pub(crate) fn wait_for(admin: SocketAddr, series: &str, value: u64) -> Figures {
    wait_until(&format!("{series} {value}"), || {
        let figures = Figures::of(admin);
        if figures.count(series) == value {
            Ok(figures)
        } else {
            Err(figures.count(series).to_string())
        }
    })
}

/// Looks until what it sees is as it should be.
#[track_caller]
pub(crate) fn wait_until<T>(what: &str, mut look: impl FnMut() -> Result<T, String>) -> T {
    let give_up = Instant::now() + DEADLINE;
    loop {
        match look() {
            Ok(found) => return found,
            Err(seen) => assert!(
                Instant::now() < give_up,
                "{what} never came; at last {seen}"
            ),
        }
    }
}

/// A count in JSON.
#[track_caller]
pub(crate) fn number(value: &Value) -> u64 {
    value
        .as_u64()
        .unwrap_or_else(|| panic!("{value} is no count"))
}
