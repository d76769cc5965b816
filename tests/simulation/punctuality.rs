//! Punctuality: what is due is done, and not put off.

use std::time::Duration;

use fanout::relay::entrance::Outlook;
use fanout::relay::limits::ACCEPT_RETRY;

use crate::world::World;

/// What the simulator knows of things that are due, in the server's time.
#[derive(Debug, Default)]
pub(crate) struct Punctuality {
    /// Since when complete frames have been held back.
    held_since: Option<Duration>,
    /// Accepting is paused.
    pub(crate) is_paused: bool,
    /// When everybody has to be gone.
    pub(crate) drain_until: Option<Duration>,
}

impl Punctuality {
    pub(crate) fn note_outlook(&mut self, outlook: Outlook) {
        match outlook {
            Outlook::Unchanged => {}
            Outlook::Paused => {
                assert!(!self.is_paused, "paused twice");
                self.is_paused = true;
            }
            Outlook::Resumed => {
                assert!(self.is_paused, "resumed without a pause");
                self.is_paused = false;
            }
            Outlook::Broken => panic!("nothing here breaks a listener"),
        }
    }

    /// Nobody oversleeps a pause: no event will come for those who wait already.
    pub(crate) fn check_patience(&self, patience: Option<Duration>) {
        let is_up_in_time = patience.is_some_and(|patience| patience <= ACCEPT_RETRY.1);
        assert!(!self.is_paused || is_up_in_time, "asleep over a pause");
    }
}

impl World {
    /// What must have been done by the end of a turn.
    pub(crate) fn audit_deadlines(&mut self, now: Duration) {
        let (log, linger) = (self.core.relay.log(), self.orders.linger);
        let is_serving = self.core.phase.is_serving();
        let due = &mut self.books.punctuality;
        if log.published() == log.complete() {
            due.held_since = None;
        } else if is_serving {
            let since = *due.held_since.get_or_insert(now);
            assert!(now < since + linger, "frames are held back for too long");
        }
        if due.drain_until.is_some_and(|until| until <= now) {
            let mut clients = self.core.relay.clients().iter();
            let is_cut = clients.all(|(_, client)| client.has_departed());
            assert!(is_cut, "the time of the drain is up, and somebody is there");
        }
        if let Some(socket) = self.core.upstream.socket() {
            self.books.dialling.judge(socket, &self.orders, now);
        }
    }
}
