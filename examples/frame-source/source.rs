//! The source itself: one client after the other, and the same frames from where the last one stopped.
//!
//! Owns the sequence: a frame that a client did not get whole is sent again, from its start, to the next one.

use std::os::fd::AsFd;

use rustix::event::PollFlags;

use crate::Fallible;
use crate::client::{Client, Written};
use crate::clock::{monotonic_ns, whole_ns};
use crate::door::Door;
use crate::frame::Head;
use crate::ledger::Ledger;
use crate::options::{Fault, Options};
use crate::outgoing::Outgoing;
use crate::pace::{Pace, Step};
use crate::publishing;
use crate::waiting::Interruptions;

/// Sends until it is done or told to stop.
pub(crate) fn run(options: &Options) -> Fallible<()> {
    let interruptions = Interruptions::watch(options.orders)?;
    let door = Door::open(options)?;
    let envelope = publishing::envelope(options.dialect, options.frame_size);
    let mut source = Source {
        options,
        door,
        interruptions,
        pace: if options.orders {
            Pace::Silent
        } else {
            Pace::of(options.rate, options.burst)
        },
        outgoing: Outgoing::new(&envelope, options.frame_size),
        next_sequence: 0,
        fault: options.fault,
        parting: None,
        ledger: Ledger::open(),
    };
    let outcome = source.serve_all();
    source.ledger.print(options.json)?;
    outcome
}

struct Source<'a> {
    options: &'a Options,
    door: Door,
    interruptions: Interruptions,
    pace: Pace,
    outgoing: Outgoing,
    /// Of the first frame that no client has had whole.
    next_sequence: u64,
    /// What is still to be done wrong; taken when done.
    fault: Option<Fault>,
    /// How the stream ends once the frame that is cut has gone out as far as it is to go.
    parting: Option<Fault>,
    ledger: Ledger,
}

/// How a client's time with the source goes on.
enum Course {
    On,
    /// It has left.
    Gone,
    /// The source ends its stream, like this.
    Finish,
    Abort,
}

impl Source<'_> {
    fn serve_all(&mut self) -> Fallible<()> {
        while !self.is_done() {
            self.obey()?;
            let Some((stream, addr)) = self.door.next(&mut self.interruptions)? else {
                continue;
            };
            let mut client = Client::new(stream, addr, self.options.dialect)?;
            self.pace.restart();
            let outcome = self.serve(&mut client);
            self.settle(&mut client);
            let client = match outcome {
                Ok(Course::Finish) => client.finish(&mut self.interruptions)?,
                Ok(Course::Abort) => client.abort(&mut self.interruptions)?,
                _ => client,
            };
            self.ledger.enter(&client);
            if let Course::Gone = outcome?
                && self.options.connect.is_some()
            {
                return Err("the server has closed the connection".into());
            }
            if self.options.once || self.options.connect.is_some() {
                break;
            }
        }
        Ok(())
    }

    /// Serves a client until one of the two has enough.
    fn serve(&mut self, client: &mut Client) -> Fallible<Course> {
        let opening = publishing::opening(self.options.dialect);
        if let Written::Gone = client.write(opening)? {
            return Ok(Course::Gone);
        }
        loop {
            match self.step(client)? {
                Course::On => {}
                course => return Ok(course),
            }
        }
    }

    fn step(&mut self, client: &mut Client) -> Fallible<Course> {
        self.obey()?;
        if !self.outgoing.unsent().is_empty() {
            return self.push(client);
        }
        self.settle(client);
        match self.parting.take() {
            Some(Fault::Cut) => return Ok(Course::Finish),
            Some(_) => return Ok(Course::Abort),
            None if self.is_done() => return Ok(Course::Finish),
            None => {}
        }
        if client.answers() && !client.hear()? {
            return Ok(Course::Gone);
        }
        match self.pace.next(monotonic_ns(), self.most()) {
            Step::Wait(until_ns) => self.wait(client, PollFlags::empty(), until_ns),
            Step::Send { frames, sent_at_ns } => self.make(client, frames, sent_at_ns),
            Step::Answer => {
                println!("sent");
                Ok(Course::On)
            }
        }
    }

    fn push(&mut self, client: &mut Client) -> Fallible<Course> {
        match client.write(self.outgoing.unsent())? {
            Written::Some(bytes) => {
                self.outgoing.advance(bytes);
                Ok(Course::On)
            }
            // A client that does not even take what was begun gets no end that looks like one.
            Written::Blocked if self.interruptions.is_stopped() => Ok(Course::Abort),
            Written::Blocked => self.wait(client, PollFlags::OUT, None),
            Written::Gone => Ok(Course::Gone),
        }
    }

    fn wait(
        &mut self,
        client: &mut Client,
        flags: PollFlags,
        until_ns: Option<u64>,
    ) -> Fallible<Course> {
        let socket = Some((client.as_fd(), client.interest() | flags));
        let found = self.interruptions.wait(socket, until_ns)?;
        let is_gone = found.intersects(PollFlags::ERR | PollFlags::HUP)
            || (found.intersects(PollFlags::IN) && !client.hear()?);
        Ok(if is_gone { Course::Gone } else { Course::On })
    }

    /// Makes the next frames, or what is to be wrong with them.
    fn make(&mut self, client: &mut Client, frames: u64, sent_at_ns: u64) -> Fallible<Course> {
        let is_due = self.frames_before_fault() == Some(0);
        let head = Head {
            sequence: self.next_sequence,
            sent_at_ns,
        };
        match self.fault.take_if(|_| is_due) {
            None => self.outgoing.fill(head, frames),
            Some(Fault::Pause) => {
                self.pace.give_back(frames);
                return self.pause(client);
            }
            Some(Fault::Missing) => self.next_sequence += 1,
            Some(Fault::Repeated) => {
                let sequence = self.next_sequence - 1;
                self.outgoing.fill(Head { sequence, ..head }, 1);
            }
            Some(Fault::Garbage) => {
                self.outgoing.fill(head, 1);
                self.outgoing.spoil();
            }
            Some(Fault::Torn) => {
                self.outgoing.fill(head, 1);
                self.outgoing.tear();
            }
            Some(fault @ (Fault::Cut | Fault::Reset)) => {
                self.outgoing.fill(head, 1);
                self.outgoing.cut();
                self.parting = Some(fault);
            }
        }
        Ok(Course::On)
    }

    fn pause(&mut self, client: &mut Client) -> Fallible<Course> {
        let until_ns = monotonic_ns().saturating_add(whole_ns(self.options.pause_for));
        while monotonic_ns() < until_ns && !self.is_done() {
            if let Course::Gone = self.wait(client, PollFlags::empty(), Some(until_ns))? {
                return Ok(Course::Gone);
            }
        }
        // Nothing was due in the meantime: this is a source with nothing to say.
        self.pace.restart();
        Ok(Course::On)
    }

    /// Counts what has gone out whole; the rest will be made again.
    fn settle(&mut self, client: &mut Client) {
        let frames = self.outgoing.frames();
        if frames > 0 {
            let whole = self.outgoing.whole();
            client.frames += whole;
            self.next_sequence = self.outgoing.first() + whole;
            self.pace.give_back(frames - whole);
            self.outgoing.clear();
        }
    }

    fn obey(&mut self) -> Fallible<()> {
        while let Some(order) = self.interruptions.order() {
            self.pace = Pace::ordered(&order)?;
        }
        Ok(())
    }

    /// Frames that may be made at once: a fault is made alone.
    fn most(&self) -> u64 {
        let mut most = self.outgoing.capacity();
        if self.options.count > 0 {
            most = most.min(self.options.count.saturating_sub(self.next_sequence));
        }
        match self.frames_before_fault() {
            Some(frames) => most.min(frames.max(1)),
            None => most,
        }
    }

    fn frames_before_fault(&self) -> Option<u64> {
        self.fault?;
        let fault_after = self.options.fault_after?;
        Some(fault_after.saturating_sub(self.next_sequence))
    }

    fn is_done(&self) -> bool {
        let is_complete = self.options.count > 0 && self.next_sequence >= self.options.count;
        is_complete || self.interruptions.is_stopped()
    }
}
