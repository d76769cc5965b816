//! A client as one would write it who has memory without end: a queue of frames, by their numbers.

use std::collections::VecDeque;

use fanout::relay::backlog::{Backlog, Flush, FlushEnd};
use fanout::relay::frame_log::FrameLog;

use crate::kernel::{Answer, Kernel};
use crate::log_model::LogModel;

pub(crate) struct ClientModel {
    /// Published frames that it has not been given, or not the last byte of.
    queue: VecDeque<usize>,
    /// The frame that will be queued next.
    next: usize,
    /// Bytes of the first frame in the queue that it has been given.
    sent: usize,
    /// A skip has cut the first frame in the queue off from the log; the bytes that were missing of it then.
    remnant: Option<usize>,
    /// Complete frames when it joined. Until its first offer, the log is kept for it from here on only.
    joined_at: Option<usize>,
}

impl ClientModel {
    /// One that is to be given everything from a frame on.
    pub(crate) fn join(first: usize, log: &LogModel) -> Self {
        let mut client = Self {
            queue: VecDeque::new(),
            next: first,
            sent: 0,
            remnant: None,
            joined_at: Some(log.frames()),
        };
        client.publish(log);
        client
    }

    pub(crate) fn publish(&mut self, log: &LogModel) {
        let published = log.published / log.frame_size;
        self.queue.extend(self.next..published);
        self.next = self.next.max(published);
    }

    /// Where its stream can start at the earliest, if it has not begun.
    pub(crate) fn begin(&mut self, log: &LogModel) -> Option<usize> {
        let joined_at = self.joined_at.take()?;
        Some(joined_at.min(log.first_of_last(u64::MAX)))
    }

    /// Says how many frames it gives up by starting there.
    pub(crate) fn start_at(&mut self, first: usize) -> usize {
        let before = self.queue.front().map_or(self.next, |frame| *frame);
        self.queue.retain(|frame| *frame >= first);
        self.next = self.next.max(first);
        self.queue.front().map_or(self.next, |frame| *frame) - before
    }

    /// Says how many frames it will never be given.
    pub(crate) fn skip(&mut self, log: &LogModel) -> usize {
        let under_way = usize::from(self.sent > 0);
        let skipped = self.queue.len().saturating_sub(under_way + 1);
        if self.queue.len() > under_way {
            self.queue.drain(under_way..under_way + skipped);
            if self.sent > 0 {
                self.remnant.get_or_insert(log.frame_size - self.sent);
            }
        }
        skipped
    }

    /// Compares what the kernel took with what was due.
    pub(crate) fn take(&mut self, kernel: &Kernel, flush: &Flush, limit: usize, log: &LogModel) {
        assert_eq!(flush.bytes, kernel.taken.len());
        assert!(kernel.offered <= limit, "more than {limit} were offered");
        let mut frames = 0;
        for byte in &kernel.taken {
            let number = *self.queue.front().expect("nothing more was published");
            assert_eq!(*byte, log.frame(number)[self.sent], "frame {number}");
            self.sent += 1;
            if self.sent == log.frame_size {
                self.sent = 0;
                self.remnant = None;
                self.queue.pop_front();
                frames += 1;
            }
        }
        assert_eq!(flush.frames, frames);
        self.check_end(kernel, flush, limit);
    }

    fn check_end(&self, kernel: &Kernel, flush: &Flush, limit: usize) {
        let is_right = match (&flush.end, kernel.answer) {
            (FlushEnd::Emptied, Answer::Willing) => self.queue.is_empty(),
            (FlushEnd::LimitReached, Answer::Willing) => {
                !self.queue.is_empty() && flush.bytes == limit
            }
            (FlushEnd::LimitReached, Answer::Interrupted) => !self.queue.is_empty(),
            (FlushEnd::Refused, Answer::Refused)
            | (FlushEnd::NoBuffers, Answer::NoBuffers)
            | (FlushEnd::Failed(_), Answer::Broken) => true,
            _ => false,
        };
        assert!(is_right, "{flush:?} after {:?}", kernel.answer);
    }

    /// The next byte of the log that it is to be given.
    fn position(&self, log: &LogModel) -> usize {
        match self.remnant {
            Some(_) => self.queue.get(1).unwrap_or(&self.next) * log.frame_size,
            None => self.queue.front().unwrap_or(&self.next) * log.frame_size + self.sent,
        }
    }

    /// From where on the log is kept for it.
    pub(crate) fn hold(&self, log: &LogModel) -> usize {
        let joined_at = self.joined_at.unwrap_or(0) * log.frame_size;
        self.position(log).max(joined_at)
    }

    pub(crate) fn has_everything(&self, log: &LogModel) -> bool {
        self.queue.is_empty() && self.position(log) == log.complete()
    }

    pub(crate) fn check(&self, backlog: &Backlog, log: &FrameLog, model: &LogModel) {
        assert_eq!(backlog.is_empty(log), self.queue.is_empty());
        assert_eq!(backlog.lag_frames(log), self.queue.len() as u64);
        let unsent = self.queue.len() * model.frame_size - self.sent;
        assert_eq!(backlog.bytes(log), unsent as u64);
        assert_eq!(backlog.position(), self.position(model) as u64);
        assert_eq!(backlog.remnant_bytes(), self.remnant.unwrap_or(0));
        let is_cut_off = self.sent == 0 || self.remnant.is_some();
        let to_frame_end = if is_cut_off {
            0
        } else {
            model.frame_size - self.sent
        };
        assert_eq!(backlog.bytes_to_frame_end(log), to_frame_end);
    }
}
