//! Hearing: what clients send is read and thrown away.
//!
//! Layer: relay. Owns the two reasons to listen at all: unread input would turn a clean close into
//! a reset, and only reading tells that a client has left. Knows nothing of what was said.

use std::io::{self, ErrorKind, Read, Write};

use super::backlog::is_no_buffers;
use super::client::{ClientId, Life};
use super::clients::Clients;
use super::departure::{Departure, Reason};
use super::limits::{FLOOD_BYTES, HEAR_CHARGE_BYTES, INTERRUPTS};

impl<S: Read + Write> Clients<S> {
    /// Reads what clients say and throws it away, as much as one turn's budget permits: unread
    /// input would turn a clean close into a reset and destroy what is still on its way.
    pub fn hear(&mut self) {
        let mut slice = self.budgets.hear_slice_bytes;
        while slice > 0
            && let Some(id) = self.talking.pop_front()
        {
            let client = &mut self.slab[id.key()];
            if client.has_departed() {
                continue;
            }
            let (count, end) = discard_input(&mut client.socket, &mut self.scratch);
            slice = slice.saturating_sub(count.max(HEAR_CHARGE_BYTES));
            client.tally.heard_bytes += count as u64;
            self.stats.heard_bytes += count as u64;
            self.settle_heard(id, end);
        }
    }

    fn settle_heard(&mut self, id: ClientId, end: HearEnd) {
        let client = &mut self.slab[id.key()];
        let is_finishing = matches!(client.life, Life::Finishing { .. });
        if client.tally.heard_bytes > FLOOD_BYTES {
            self.depart(id, Departure::by_reset(Reason::Flood));
            return;
        }
        match end {
            HearEnd::LimitReached => self.talking.push_back(id),
            HearEnd::InputEnded | HearEnd::Failed(_) if is_finishing => {
                self.depart(id, Departure::by_fin(self.deadlines.drain_reason()));
            }
            HearEnd::Silent | HearEnd::InputEnded => client.readable = false,
            HearEnd::Failed(error) => self.depart(id, Departure::by_failure(error)),
        }
    }
}

/// Nothing is known yet, and the next frame's write will tell.
fn is_put_off(error: &io::Error) -> bool {
    let kind = error.kind();
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::Interrupted) || is_no_buffers(error)
}

/// Why reading a client's input ended.
enum HearEnd {
    /// Nothing is left to read at the moment.
    Silent,
    /// The budget is spent.
    LimitReached,
    /// It has shut down its sending side, and may well go on receiving.
    InputEnded,
    /// The connection is broken.
    Failed(io::Error),
}

/// Reads up to a scratch buffer full, and says how many bytes that was.
fn discard_input(socket: &mut (impl Read + Write), scratch: &mut [u8]) -> (usize, HearEnd) {
    let mut count = 0;
    let mut interrupts = 0;
    while count < scratch.len() && interrupts < INTERRUPTS {
        match socket.read(&mut scratch[count..]) {
            Ok(0) => return (count, input_ended(socket)),
            Ok(taken) => count += taken,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                return (count, HearEnd::Silent);
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => interrupts += 1,
            Err(error) => return (count, HearEnd::Failed(error)),
        }
    }
    (count, HearEnd::LimitReached)
}

/// Tells a half-closed connection from a dead one. Once a FIN has been received, Linux answers
/// every read with 0 and keeps a later error (a reset, a keepalive that ran out) to itself until
/// something is written; an empty write asks for it and sends nothing.
fn input_ended(socket: &mut impl Write) -> HearEnd {
    match socket.write(&[]) {
        Err(error) if !is_put_off(&error) => HearEnd::Failed(error),
        _ => HearEnd::InputEnded,
    }
}
