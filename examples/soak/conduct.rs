//! What clients do by the clock: come, trickle, doze, reset their connection.

use crate::client::{Client, Phase};
use crate::clock::{monotonic_ns, whole_ns};
use crate::crowd::{Alarm, Crowd, Mood, Place};
use crate::kind::Kind;

impl Crowd {
    /// Does what is due in a place, if the client that set the alarm is still there.
    pub(crate) fn act_in(&mut self, place: usize, due_ns: u64) {
        let kind = self.places[place].kind;
        let Some(client) = &mut self.places[place].client else {
            return;
        };
        if client.acts_at_ns != due_ns {
            return;
        }
        match kind {
            Kind::Trickling => {
                self.read_once(place, TRICKLE_BYTES);
                self.act_in_ms(place, 1_000);
            }
            Kind::Stuck => {
                self.say(place, 1);
                self.act_in_ms(place, 5_000);
            }
            Kind::Dozing if client.phase == Phase::Asleep => self.wake(place),
            Kind::Dozing => self.fall_asleep(place),
            Kind::Resetting if self.mood == Mood::Unruly && client.stream.frames > 0 => {
                self.leave(place);
            }
            Kind::Resetting => self.act_in_ms(place, 100),
            Kind::Flooding | Kind::Healthy | Kind::HalfClosed => {}
        }
    }

    pub(crate) fn connect(&mut self, place: usize) {
        let seen = self.shared.seen();
        let Place { kind, server, .. } = self.places[place];
        match Client::connect(&self.registry, place, kind, server, seen) {
            Ok(client) => self.places[place].client = Some(client),
            Err(error) => self.fail_to_connect(place, &error),
        }
    }

    /// Begins the life of a client that is connected.
    pub(crate) fn set_out(&mut self, place: usize) {
        self.ledger.connects += 1;
        match self.places[place].kind {
            Kind::Trickling => self.act_in_ms(place, 1_000),
            Kind::Stuck => self.act_in_ms(place, 5_000),
            Kind::Dozing => self.act_in_ms(place, AWAKE_MS),
            Kind::Resetting => {
                let life_ms = self.generator.u64(50..2_000);
                self.act_in_ms(place, life_ms);
            }
            Kind::Healthy | Kind::HalfClosed | Kind::Flooding => {}
        }
    }

    fn act_in_ms(&mut self, place: usize, wait_ms: u64) {
        let due_ns = monotonic_ns() + wait_ms * 1_000_000;
        if let Some(client) = &mut self.places[place].client {
            client.acts_at_ns = due_ns;
            self.timers.set(due_ns, Alarm::Act(place));
        }
    }

    /// Lets a dozing client sleep long enough to be skipped, unless the books are being compared.
    fn fall_asleep(&mut self, place: usize) {
        if self.mood == Mood::Unruly
            && let Some(client) = &mut self.places[place].client
        {
            client.phase = Phase::Asleep;
        }
        self.act_in_ms(place, whole_ns(self.doze) / 1_000_000);
    }

    /// Puts everybody who dozes to sleep until the next rest.
    pub(crate) fn put_to_sleep(&mut self) {
        for at in &mut self.places {
            if let (Kind::Dozing, Some(client)) = (at.kind, &mut at.client) {
                client.phase = Phase::Asleep;
                client.acts_at_ns = 0;
            }
        }
    }

    pub(crate) fn wake(&mut self, place: usize) {
        if let Some(client) = &mut self.places[place].client
            && client.phase == Phase::Asleep
        {
            client.phase = Phase::Open;
            self.read(place, true);
            self.act_in_ms(place, AWAKE_MS);
        }
    }
}

/// What a trickling client reads in a second.
const TRICKLE_BYTES: usize = 5;

/// Between two sleeps.
const AWAKE_MS: u64 = 3_000;
