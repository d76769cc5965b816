//! One client's write buffer: the part of the frame log that it has not been given yet.
//!
//! Layer: relay. Owns the promise that a stream is a run of whole frames: a backlog starts at a
//! frame boundary and a skip lands on one. Holds a position, not bytes, with one exception: the
//! rest of a frame that was under way when the client was skipped ahead. Knows nothing of
//! readiness or policy.
//!
//! ```text
//!   the log        │ frame 7 │ frame 8 │ frame 9 │ frame 10 │
//!   a backlog          ▲ position                            ▲ published
//!                      └──────────── bytes to send ──────────┘      lag: 4 frames
//!
//!   after a skip   ▒▒▒▒▒ remnant: the rest of frame 7, copied out of the log
//!                                                 ▲ position        skipped: frames 8 and 9
//! ```

use std::io::{self, ErrorKind, IoSlice, Write};

use super::frame_log::{FrameLog, Position};
use super::limits::INTERRUPTS;

/// A client's unsent bytes.
#[derive(Debug)]
pub struct Backlog {
    /// The next byte of the log that the client is to be given. While there is a remnant, a frame
    /// boundary. May lie beyond `published` for a client that joined while frames were held back.
    position: Position,
    /// The rest of a frame that a skip interrupted; sent before anything else.
    remnant: Option<Box<Remnant>>,
}

#[derive(Debug)]
struct Remnant {
    bytes: Box<[u8]>,
    /// Less than `bytes.len()`.
    sent: usize,
}

/// What a remnant takes beside its bytes, in bytes: where it is, how far it has been sent, and what an
/// allocator adds to two small pieces.
pub const REMNANT_BYTES: u64 = size_of::<Remnant>() as u64 + 40;

/// What one flush did.
#[derive(Debug)]
pub struct Flush {
    /// Bytes that the kernel took.
    pub bytes: usize,
    /// Frames whose last byte was among them.
    pub frames: u64,
    /// Why the flush ended.
    pub end: FlushEnd,
}

/// Why a flush ended.
#[derive(Debug)]
pub enum FlushEnd {
    /// Nothing is left to send.
    Emptied,
    /// The byte limit was reached: the kernel might take more.
    LimitReached,
    /// The kernel took less than it was offered. A writable edge will follow.
    Refused,
    /// The kernel has no memory at the moment (`ENOBUFS`). No edge will follow.
    NoBuffers,
    /// The connection is broken.
    Failed(io::Error),
}

impl Backlog {
    /// The backlog of a client that is given everything from `position` on, a frame boundary.
    #[must_use]
    pub fn starting_at(position: Position) -> Self {
        Self {
            position,
            remnant: None,
        }
    }

    /// Offers unsent bytes to `socket`, at most `limit` of them.
    ///
    /// One `write` in the common case, for any number of frames.
    pub fn flush(&mut self, log: &FrameLog, socket: &mut impl Write, limit: usize) -> Flush {
        let mut flush = Flush {
            bytes: 0,
            frames: 0,
            end: FlushEnd::Emptied,
        };
        if let Some(remnant) = &mut self.remnant {
            let rest = &remnant.bytes[remnant.sent..];
            let offered = &rest[..rest.len().min(limit)];
            let (taken, end) = offer(socket, [offered, &[]]);
            flush.bytes += taken;
            remnant.sent += taken;
            if remnant.sent == remnant.bytes.len() {
                self.remnant = None;
                flush.frames += 1;
            }
            if let Some(end) = end {
                return Flush { end, ..flush };
            }
            if self.remnant.is_some() {
                return Flush {
                    end: FlushEnd::LimitReached,
                    ..flush
                };
            }
        }
        self.flush_log(log, socket, limit, flush)
    }

    fn flush_log(
        &mut self,
        log: &FrameLog,
        socket: &mut impl Write,
        limit: usize,
        mut flush: Flush,
    ) -> Flush {
        let room = limit.saturating_sub(flush.bytes) as u64;
        let end = log.published().min(self.position.saturating_add(room));
        if end > self.position {
            let (taken, refusal) = offer(socket, log.between(self.position, end));
            flush.bytes += taken;
            let taken = taken as u64;
            flush.frames +=
                (self.position + taken) / log.frame_size() - self.position / log.frame_size();
            self.position += taken;
            if let Some(end) = refusal {
                return Flush { end, ..flush };
            }
        }
        flush.end = if self.is_empty(log) {
            FlushEnd::Emptied
        } else {
            FlushEnd::LimitReached
        };
        flush
    }

    /// Moves the client ahead to the newest published frame, behind the rest of the frame that is
    /// under way, and says how many whole frames it will never be given.
    ///
    /// Afterwards the log owes this client the newest frame and nothing before it.
    pub fn skip_to_newest(&mut self, log: &FrameLog) -> u64 {
        let newest = log.published().saturating_sub(log.frame_size());
        let start = log.frame_start(self.position);
        let resume = if start == self.position {
            start
        } else {
            start + log.frame_size()
        };
        if newest < resume {
            return 0;
        }
        if resume > self.position {
            let bytes = log.between(self.position, resume).concat();
            self.remnant = Some(Box::new(Remnant {
                bytes: bytes.into_boxed_slice(),
                sent: 0,
            }));
        }
        self.position = newest;
        (newest - resume) / log.frame_size()
    }

    /// Moves the start of a stream that has not begun ahead to `position`, a frame boundary, and
    /// says over how many frames.
    pub fn give_up_before(&mut self, position: Position, log: &FrameLog) -> u64 {
        let before = self.position;
        self.position = before.max(position);
        (self.position - before) / log.frame_size()
    }

    /// Bytes of memory that the rest of an interrupted frame takes.
    #[must_use]
    pub fn remnant_bytes(&self) -> usize {
        self.remnant
            .as_ref()
            .map_or(0, |remnant| remnant.bytes.len())
    }

    /// What a skip would have to copy: the rest of the frame that is under way.
    #[must_use]
    pub fn bytes_to_frame_end(&self, log: &FrameLog) -> usize {
        let begun = self.position - log.frame_start(self.position);
        let rest = if begun == 0 {
            0
        } else {
            log.frame_size() - begun
        };
        // Less than a frame, so it fits.
        usize::try_from(rest).unwrap_or(usize::MAX)
    }

    /// Nothing published is left to send.
    #[must_use]
    pub fn is_empty(&self, log: &FrameLog) -> bool {
        self.was_empty_at(log.published())
    }

    /// Nothing was left to send when `published` was the end of what clients may be given.
    #[must_use]
    pub fn was_empty_at(&self, published: Position) -> bool {
        self.position >= published && self.remnant.is_none()
    }

    /// Unsent bytes.
    #[must_use]
    pub fn bytes(&self, log: &FrameLog) -> u64 {
        let remnant = self
            .remnant
            .as_ref()
            .map_or(0, |remnant| (remnant.bytes.len() - remnant.sent) as u64);
        remnant + log.published().saturating_sub(self.position)
    }

    /// Frames of which at least one byte is unsent.
    #[must_use]
    pub fn lag_frames(&self, log: &FrameLog) -> u64 {
        self.lag_frames_at(log.published(), log)
    }

    /// Frames of which at least one byte was unsent when `published` was the end of what clients may
    /// be given.
    #[must_use]
    pub fn lag_frames_at(&self, published: Position, log: &FrameLog) -> u64 {
        let unsent = published.saturating_sub(self.position);
        unsent.div_ceil(log.frame_size()) + u64::from(self.remnant.is_some())
    }

    /// The next byte of the log that this client needs.
    #[must_use]
    pub fn position(&self) -> Position {
        self.position
    }
}

/// Offers the pieces with one call, and says how many bytes were taken and, unless all were, why.
///
/// A short write counts as a refusal: on Linux it means that the socket's send queue is full and
/// that a writable edge is owed (`epoll(7)`, "Do I need to continuously read/write"); the kqueue
/// filter likewise fires when room appears (`kqueue(2)`, `EV_CLEAR`).
fn offer(socket: &mut impl Write, pieces: [&[u8]; 2]) -> (usize, Option<FlushEnd>) {
    let [first, second] = pieces;
    for _ in 0..INTERRUPTS {
        let outcome = if second.is_empty() {
            socket.write(first)
        } else {
            socket.write_vectored(&[IoSlice::new(first), IoSlice::new(second)])
        };
        return match outcome {
            Ok(taken) if taken == first.len() + second.len() => (taken, None),
            Ok(taken) => (taken, Some(FlushEnd::Refused)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => (0, Some(FlushEnd::Refused)),
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) if is_no_buffers(&error) => (0, Some(FlushEnd::NoBuffers)),
            Err(error) => (0, Some(FlushEnd::Failed(error))),
        };
    }
    (0, Some(FlushEnd::LimitReached))
}

/// `ENOBUFS` has no [`ErrorKind`] of its own; the numbers are those of Linux and of the BSDs.
pub(super) fn is_no_buffers(error: &io::Error) -> bool {
    const ENOBUFS: i32 = if cfg!(target_os = "linux") { 105 } else { 55 };
    error.raw_os_error() == Some(ENOBUFS)
}
