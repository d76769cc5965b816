//! The log and the clients, each beside its model, and what the steps do to both.
//!
//! The stage keeps the one promise that log and backlogs ask of their callers: nothing is read over what somebody still
//! needs. Up to that, the log is filled as far as the script likes.

use fanout::relay::backlog::{Backlog, FlushEnd};
use fanout::relay::frame_log::{FrameLog, Position};

use crate::client_model::ClientModel;
use crate::kernel::Kernel;
use crate::log_model::LogModel;
use crate::script::{Amount, Mood, Refusal, Sizes, Step};

pub(crate) struct Stage {
    log: FrameLog,
    model: LogModel,
    clients: Vec<Client>,
}

struct Client {
    backlog: Backlog,
    model: ClientModel,
}

/// A step that does nothing more than these is a waste of time.
const MOST_CLIENTS: usize = 6;

impl Stage {
    pub(crate) fn set(sizes: &Sizes) -> Self {
        let log = FrameLog::new(sizes.frame_size, sizes.backlog_frames, sizes.window);
        Self {
            log: log.expect("a small log"),
            model: LogModel::new(sizes),
            clients: Vec::new(),
        }
    }

    pub(crate) fn play(&mut self, step: &Step) {
        match *step {
            Step::Read {
                most,
                unfilled,
                short,
            } => self.read(most.bytes(), unfilled.into(), short.into()),
            Step::Publish => self.publish(),
            Step::Lose => {
                let discarded = self.model.discard_partial();
                assert_eq!(self.log.discard_partial(), discarded as u64);
            }
            Step::Rewind => self.rewind(),
            Step::Join { replay } => self.join(replay.frames()),
            Step::Offer {
                client,
                limit,
                mood,
            } => {
                self.offer(client, limit.bytes(), mood);
            }
            Step::Skip { client } => self.skip(client),
            Step::Leave { client } => {
                if let Some(place) = self.place(client) {
                    self.clients.swap_remove(place);
                }
            }
            Step::Look { from, length } => self.look(from.into(), length.into()),
        }
    }

    fn read(&mut self, most: usize, unfilled: u64, short: usize) {
        let limit = self.fill_limit().saturating_sub(unfilled);
        let received = self.model.received();
        let room = limit.saturating_sub(received as u64);
        let room = usize::try_from(room).map_or(most, |room| room.min(most));
        let spare = self.log.spare(limit, most);
        let in_one_piece = self.model.room_in_one_piece(received);
        assert_eq!(spare.len(), room.min(in_one_piece));

        let count = spare.len().saturating_sub(short);
        let before = self.model.frames();
        spare[..count].copy_from_slice(self.model.receive(count));
        let completed = self.model.frames() - before;
        assert_eq!(self.log.commit(count), completed as u64);
    }

    /// How far the log can be filled so that everybody can still be given everything.
    fn fill_limit(&self) -> Position {
        let holds = self.clients.iter();
        let holds = holds.map(|client| client.model.hold(&self.model));
        holds.min().map_or(Position::MAX, |hold| {
            (hold + self.model.capacity()) as Position
        })
    }

    fn publish(&mut self) {
        self.log.publish();
        self.model.published = self.model.complete();
        for client in &mut self.clients {
            client.model.publish(&self.model);
        }
    }

    fn rewind(&mut self) {
        let is_idle = |client: &Client| client.model.has_everything(&self.model);
        if self.model.is_due_to_rewind() && self.clients.iter().all(is_idle) {
            self.log.rewind();
            self.model.rewind();
        }
    }

    fn join(&mut self, replay: u64) {
        if self.clients.len() < MOST_CLIENTS {
            let first = self.model.first_of_last(replay);
            let client = Client {
                backlog: Backlog::starting_at(self.log.start_of_last(replay)),
                model: ClientModel::join(first, &self.model),
            };
            self.clients.push(client);
        }
    }

    fn place(&self, client: u8) -> Option<usize> {
        usize::from(client).checked_rem(self.clients.len())
    }

    /// Says whether the client now has everything; one that does not exist has.
    fn offer(&mut self, client: u8, limit: usize, mood: Mood) -> bool {
        let Some(place) = self.place(client) else {
            return true;
        };
        self.begin(place);
        let Client { backlog, model } = &mut self.clients[place];
        let mut kernel = Kernel::new(mood);
        let flush = backlog.flush(&self.log, &mut kernel, limit);
        model.take(&kernel, &flush, limit, &self.model);
        matches!(flush.end, FlushEnd::Emptied)
    }

    fn skip(&mut self, client: u8) {
        let Some(place) = self.place(client) else {
            return;
        };
        self.begin(place);
        let Client { backlog, model } = &mut self.clients[place];
        let skipped = model.skip(&self.model);
        assert_eq!(backlog.skip_to_newest(&self.log), skipped as u64);
    }

    /// A client's first turn: what is no longer kept of its replay, it is not given.
    fn begin(&mut self, place: usize) {
        let Client { backlog, model } = &mut self.clients[place];
        if let Some(first) = model.begin(&self.model) {
            let start = (first * self.model.frame_size) as Position;
            let given_up = model.start_at(first) as u64;
            assert_eq!(backlog.give_up_before(start, &self.log), given_up);
        }
    }

    fn look(&self, from: usize, length: usize) {
        let kept = self.model.received() - self.model.kept();
        let from = from.min(kept);
        let length = length.min(kept - from);
        let from = self.model.kept() + from;
        self.model.check_range(&self.log, from, from + length);
    }

    pub(crate) fn check(&self) {
        self.model.check(&self.log);
        for client in &self.clients {
            client.model.check(&client.backlog, &self.log, &self.model);
        }
    }

    /// Everything is published, and everybody is given it.
    pub(crate) fn finish(mut self) {
        self.publish();
        let willing = Mood {
            interrupts: 0,
            room: Amount::Any,
            refusal: Refusal::Reset,
        };
        for client in 0..MOST_CLIENTS {
            let client = u8::try_from(client).expect("a few");
            assert!(self.offer(client, usize::MAX, willing));
        }
        self.check();
    }
}
