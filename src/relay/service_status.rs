//! The service status: what a service manager is told, and when (`sd_notify(3)`).
//!
//! Layer: relay. Owns three promises: the manager is told that the service is ready and that it is
//! stopping until that has got through; what changes is told at most once a second, and the last
//! change always; a sign of life is due at half the time that the manager has set. A manager that is
//! not there is tried more and more seldom. Knows nothing of how a text gets there.

use std::fmt;
use std::time::Duration;

use super::endpoint::Endpoint;
use super::upstream::{Stage, Standing};

/// What the manager has been told, and what it is to be told next.
#[derive(Debug)]
pub struct ServiceStatus {
    /// What there is to be told.
    sight: Sight,
    /// What it was when something got through.
    told: Option<Sight>,
    /// No text that only says what has changed before this.
    quiet_until: Duration,
    /// No text at all before this: the last one did not get through.
    retry_at: Duration,
    /// How long the next text waits if the manager cannot be reached.
    absence: Duration,
    heartbeat: Option<Heartbeat>,
}

/// What a status is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sight {
    /// How far the upstream has come.
    pub stage: Stage,
    /// What it is connected to.
    pub addr: Option<Endpoint>,
    /// Clients there are.
    pub clients: usize,
    /// They are being let go.
    pub is_draining: bool,
}

/// Signs of life.
#[derive(Clone, Copy, Debug)]
struct Heartbeat {
    interval: Duration,
    due: Duration,
}

impl Sight {
    /// How things are. While an address is being connected to, which one it is makes no difference.
    #[must_use]
    pub fn new(standing: Standing, clients: usize, is_draining: bool) -> Self {
        let Standing { stage, addr, .. } = standing;
        let is_known = stage == Stage::Connected;
        let stage = if stage == Stage::Resolving {
            Stage::Connecting
        } else {
            stage
        };
        Self {
            stage,
            addr: addr.filter(|_| is_known),
            clients,
            is_draining,
        }
    }
}

impl ServiceStatus {
    /// Nothing has been told. `watchdog` is the time without a sign of life after which the manager
    /// takes the service for dead.
    #[must_use]
    pub fn new(sight: Sight, watchdog: Option<Duration>, now: Duration) -> Self {
        let heartbeat = watchdog.map(|limit| Heartbeat {
            interval: (limit / 2).max(SHORTEST_INTERVAL),
            due: now,
        });
        Self {
            sight,
            told: None,
            quiet_until: now,
            retry_at: now,
            absence: ABSENCE.0,
            heartbeat,
        }
    }

    /// This is how things are now.
    pub fn note(&mut self, sight: Sight) {
        self.sight = sight;
    }

    /// What is to be said now, if anything. A service that stops is called ready first, in a text of its
    /// own: to the manager, who was never ready has failed, and of both in one text only the last counts.
    /// Then [`ServiceStatus::said`] or
    /// [`ServiceStatus::refused`] or [`ServiceStatus::failed`] is to be called.
    #[must_use]
    pub fn text(&self, now: Duration) -> Option<String> {
        if self.deadline()? > now {
            return None;
        }
        let mut lines = Vec::new();
        if self.told.as_ref() != Some(&self.sight) {
            match &self.told {
                None => lines.push("READY=1".to_owned()),
                Some(told) if self.sight.is_draining && !told.is_draining => {
                    lines.push("STOPPING=1".to_owned());
                }
                Some(_) => {}
            }
            lines.push(format!("STATUS={}", one_line(&self.sight)));
        }
        if self.heartbeat.is_some_and(|heartbeat| heartbeat.due <= now) {
            lines.push("WATCHDOG=1".to_owned());
        }
        Some(lines.join("\n"))
    }

    /// What [`ServiceStatus::text`] gave has got through.
    pub fn said(&mut self, now: Duration) {
        self.absence = ABSENCE.0;
        if self.told.as_ref() != Some(&self.sight) {
            let was_ready = self.told.is_some();
            self.told = Some(Sight {
                is_draining: self.sight.is_draining && was_ready,
                ..self.sight.clone()
            });
            self.quiet_until = now + QUIET;
        }
        if let Some(heartbeat) = self.heartbeat.as_mut().filter(|beat| beat.due <= now) {
            heartbeat.due = now + heartbeat.interval;
        }
    }

    /// The manager does not read at the moment: the next text says it again, along with whatever has
    /// changed by then, before the watchdog's time is up.
    pub fn refused(&mut self, now: Duration) {
        let patience = self.heartbeat.map_or(QUIET, |beat| beat.interval);
        self.retry_at = now + patience.min(QUIET);
    }

    /// The manager cannot be reached: the same, but each time later. Nobody is there to miss a sign of
    /// life, and whoever is idle is not to be woken up for nothing.
    pub fn failed(&mut self, now: Duration) {
        self.retry_at = now + self.absence;
        self.absence = (self.absence * 2).min(ABSENCE.1);
    }

    /// When there is something to be said; none if not, unless something changes.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        let change = match &self.told {
            Some(told) if *told == self.sight => None,
            Some(told) if told.is_draining == self.sight.is_draining => Some(self.quiet_until),
            // Ready, or stopping.
            _ => Some(Duration::ZERO),
        };
        let sign = self.heartbeat.map(|heartbeat| heartbeat.due);
        let next = [change, sign].into_iter().flatten().min()?;
        Some(next.max(self.retry_at))
    }
}

impl fmt::Display for Sight {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let clients = self.clients;
        let noun = if clients == 1 { "client" } else { "clients" };
        if self.is_draining {
            return write!(formatter, "draining, {clients} {noun} left");
        }
        match (self.stage, &self.addr) {
            (Stage::Connected, Some(addr)) => write!(formatter, "upstream {addr} connected"),
            (Stage::Waiting, _) => write!(formatter, "upstream waiting to be dialled again"),
            (Stage::Ended, _) => write!(formatter, "no upstream"),
            _ => write!(formatter, "upstream connecting"),
        }?;
        write!(formatter, ", {clients} {noun}")
    }
}

/// A line break in a path must not begin another assignment.
fn one_line(sight: &Sight) -> String {
    let text = sight.to_string();
    text.replace(|letter: char| letter.is_control(), "?")
}

/// At least this long between two texts that say what has changed, and at most after one that was not
/// taken.
const QUIET: Duration = Duration::from_secs(1);

/// First and longest wait after a text for a manager that cannot be reached; it doubles in between.
const ABSENCE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// Signs of life are at least this far apart, whatever the manager asks for.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(10);

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn sight(clients: usize) -> Sight {
        Sight {
            stage: Stage::Connecting,
            addr: None,
            clients,
            is_draining: false,
        }
    }

    fn draining(clients: usize) -> Sight {
        Sight {
            is_draining: true,
            ..sight(clients)
        }
    }

    /// Says what is due, and that it got through.
    fn tell(status: &mut ServiceStatus, now: Duration) -> Option<String> {
        let text = status.text(now)?;
        status.said(now);
        Some(text)
    }

    fn ready(watchdog: Option<Duration>) -> ServiceStatus {
        let mut status = ServiceStatus::new(sight(0), watchdog, MS(0));
        assert!(tell(&mut status, MS(0)).unwrap().starts_with("READY=1\n"));
        status
    }

    #[test]
    fn ready_is_said_at_once_and_repeated_until_it_got_through() {
        let mut status = ServiceStatus::new(sight(0), None, MS(5));
        assert!(status.deadline().unwrap() <= MS(5));
        let first = "READY=1\nSTATUS=upstream connecting, 0 clients";
        assert_eq!(status.text(MS(5)).unwrap(), first);
        status.refused(MS(5));
        assert_eq!(status.text(MS(1004)), None);
        assert_eq!(status.deadline(), Some(MS(1005)));
        status.note(sight(1));
        let again = "READY=1\nSTATUS=upstream connecting, 1 client";
        assert_eq!(tell(&mut status, MS(1005)).unwrap(), again);
        assert_eq!(status.text(MS(9000)), None);
    }

    #[test]
    fn without_a_change_and_without_a_watchdog_nothing_is_due() {
        let mut status = ready(None);
        assert_eq!(status.deadline(), None);
        status.note(sight(1));
        assert_eq!(status.deadline(), Some(MS(1000)));
        status.note(sight(0));
        assert_eq!(status.deadline(), None, "it is as it was told");
    }

    #[test]
    fn changes_are_told_once_a_second_and_the_last_one_always() {
        let mut status = ready(None);
        let mut told = Vec::new();
        for now in 1..=3500 {
            // The last change comes at 3,300.
            status.note(sight((now.min(3300) / 100) as usize));
            told.extend(tell(&mut status, MS(now)).map(|text| (now, text)));
        }
        let times: Vec<_> = told.iter().map(|(now, _)| *now).collect();
        assert_eq!(times, [1000, 2000, 3000]);
        assert_eq!(status.deadline(), Some(MS(4000)));
        let last = "STATUS=upstream connecting, 33 clients";
        assert_eq!(tell(&mut status, MS(4000)).unwrap(), last);
        // A change after a long silence is told at once.
        status.note(sight(9));
        assert!(tell(&mut status, MS(9000)).is_some());
    }

    #[test]
    fn stopping_does_not_wait_for_the_second_to_be_over_and_is_repeated_until_it_got_through() {
        let mut status = ready(None);
        status.note(sight(1));
        assert_eq!(status.text(MS(10)), None);
        status.note(draining(1));
        let text = "STOPPING=1\nSTATUS=draining, 1 client left";
        assert_eq!(status.text(MS(10)).unwrap(), text);
        status.refused(MS(10));
        assert_eq!(tell(&mut status, MS(1010)).unwrap(), text);
        status.note(draining(0));
        assert_eq!(status.text(MS(1011)), None);
        let text = "STATUS=draining, 0 clients left";
        assert_eq!(status.text(MS(2010)).unwrap(), text);
    }

    #[test]
    fn a_service_that_stops_before_it_was_called_ready_is_called_so_first() {
        let mut status = ServiceStatus::new(draining(0), Some(MS(3000)), MS(0));
        let last = "STATUS=draining, 0 clients left";
        let text = status.text(MS(0)).unwrap();
        assert_eq!(text, format!("READY=1\n{last}\nWATCHDOG=1"));
        status.failed(MS(0));
        assert_eq!(tell(&mut status, MS(1000)).unwrap(), text);
        let text = tell(&mut status, MS(1000)).unwrap();
        assert_eq!(text, format!("STOPPING=1\n{last}"));
        assert_eq!(status.text(MS(1000)), None);
    }

    #[test]
    fn a_sign_of_life_is_due_at_half_the_watchdogs_time_with_or_without_news() {
        let mut status = ServiceStatus::new(sight(0), Some(MS(3000)), MS(0));
        assert!(tell(&mut status, MS(0)).unwrap().ends_with("\nWATCHDOG=1"));
        assert_eq!(status.deadline(), Some(MS(1500)));
        status.note(sight(1));
        let text = tell(&mut status, MS(1000)).unwrap();
        assert_eq!(text, "STATUS=upstream connecting, 1 client");
        assert_eq!(status.deadline(), Some(MS(1500)), "news is no sign of life");
        assert_eq!(tell(&mut status, MS(1500)).unwrap(), "WATCHDOG=1");
        assert_eq!(status.deadline(), Some(MS(3000)));
    }

    #[test]
    fn a_sign_of_life_that_did_not_get_through_is_repeated_before_it_is_too_late() {
        let mut status = ready(Some(MS(200)));
        assert_eq!(status.text(MS(100)).unwrap(), "WATCHDOG=1");
        status.refused(MS(100));
        assert_eq!(status.deadline(), Some(MS(200)));
    }

    #[test]
    fn a_manager_that_is_not_there_is_tried_more_and_more_seldom_until_it_is() {
        for watchdog in [None, Some(MS(200))] {
            let mut status = ServiceStatus::new(sight(0), watchdog, MS(0));
            let mut waits = Vec::new();
            let mut now = MS(0);
            for _ in 0..9 {
                assert!(status.text(now).is_some());
                status.failed(now);
                // What changes meanwhile waits as well.
                status.note(sight(waits.len()));
                let next = status.deadline().unwrap();
                waits.push(next.saturating_sub(now).as_secs());
                now = next;
            }
            assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
            // One that is there and does not read is another matter.
            status.refused(now);
            now = status.deadline().unwrap();
            assert!(tell(&mut status, now).is_some());
            now += MS(1000);
            status.note(sight(99));
            assert!(status.text(now).is_some());
            status.failed(now);
            assert_eq!(status.deadline(), Some(now + MS(1000)), "it starts over");
        }
    }

    #[test]
    fn a_watchdog_that_is_too_short_does_not_make_the_loop_spin() {
        let status = ready(Some(Duration::from_micros(1)));
        assert_eq!(status.deadline(), Some(SHORTEST_INTERVAL));
    }

    #[test]
    fn every_stage_of_the_upstream_has_its_words() {
        let addr: Endpoint = std::net::SocketAddr::from(([192, 0, 2, 7], 1234)).into();
        for stage in Stage::ALL {
            let standing = Standing {
                stage,
                addr: Some(addr.clone()),
                connected_at: None,
                retry_at: None,
                is_stale: false,
            };
            let words = match stage {
                Stage::Resolving | Stage::Connecting => "upstream connecting, 2 clients",
                Stage::Connected => "upstream 192.0.2.7:1234 connected, 2 clients",
                Stage::Waiting => "upstream waiting to be dialled again, 2 clients",
                Stage::Ended => "no upstream, 2 clients",
            };
            let sight = Sight::new(standing, 2, false);
            assert_eq!(sight.to_string(), words);
        }
    }

    #[test]
    fn a_name_that_is_looked_up_and_an_address_that_is_tried_are_the_same_to_the_manager() {
        let [resolving, connecting] = [Stage::Resolving, Stage::Connecting].map(|stage| {
            let addr = Some(Endpoint::Stdin);
            let standing = Standing {
                stage,
                addr,
                connected_at: None,
                retry_at: None,
                is_stale: false,
            };
            Sight::new(standing, 0, false)
        });
        assert_eq!(resolving, connecting);
    }
}
