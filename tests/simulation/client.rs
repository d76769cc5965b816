//! A client's connection: the server's socket, what its kernel holds, and the client behind it.
//!
//! Edge-triggered as epoll and kqueue are with mio: an event comes when something has changed, and what it says is
//! how things stand when it is taken. A full send buffer tells when there is room again only to whoever was refused.

use std::cell::Cell;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::rc::Rc;

use crate::books::Ledger;
use crate::content::StreamCheck;

#[expect(
    clippy::struct_excessive_bools,
    reason = "a kernel's socket is a bag of flags, and each of them can be set with any other"
)]
#[derive(Debug)]
pub(crate) struct SimSocket {
    /// Never given twice.
    pub(crate) id: u64,
    pub(crate) stream: StreamCheck,
    /// Bytes that the kernel took, in all.
    pub(crate) taken: u64,
    /// Of those, what is on its way: they fill the send buffer.
    sending: usize,
    send_size: usize,
    /// Bytes that the client's kernel holds for it.
    received: usize,
    receive_size: usize,
    /// The network between the two delivers nothing.
    pub(crate) is_cut: bool,
    /// A write was refused, wholly or in part: the next room is an event.
    wants_room: bool,
    /// What the client has sent and the server has not read.
    pub(crate) input: usize,
    /// The client has shut down its sending side.
    pub(crate) is_input_ended: bool,
    /// An error that the next call is told of, once.
    error: Option<ErrorKind>,
    /// The connection is no more.
    pub(crate) is_broken: bool,
    /// The client does not read any more, and answers bytes with a reset.
    pub(crate) is_closed: bool,
    /// The server has shut down its sending side.
    pub(crate) is_shut: bool,
    readable_edge: bool,
    writable_edge: bool,
    /// What happens to the next write, and to the next read.
    pub(crate) write_fault: Option<Fault>,
    pub(crate) read_fault: Option<Fault>,
    /// The number of the turn, which the books count.
    turn: Rc<Cell<u64>>,
    /// The last turn in which a write with something in it was not taken whole.
    pub(crate) refused_in: u64,
    /// The server has been told that it went on after a refusal.
    pub(crate) has_resumed: bool,
    pub(crate) ledger: Ledger,
    /// Something failed that is not the server's doing, and the server may say that the client left.
    pub(crate) is_excused: bool,
}

/// How a call goes wrong.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// At most so many bytes.
    Short(usize),
    WouldBlock,
    Interrupted,
    NoBuffers,
    Fails(ErrorKind),
}

impl SimSocket {
    pub(crate) fn new(
        id: u64,
        stream: StreamCheck,
        send_size: usize,
        receive_size: usize,
        turn: Rc<Cell<u64>>,
    ) -> Self {
        Self {
            id,
            stream,
            taken: 0,
            sending: 0,
            send_size,
            received: 0,
            receive_size,
            is_cut: false,
            wants_room: false,
            input: 0,
            is_input_ended: false,
            error: None,
            is_broken: false,
            is_closed: false,
            is_shut: false,
            // A registration reports how things stand.
            readable_edge: false,
            writable_edge: true,
            write_fault: None,
            read_fault: None,
            turn,
            refused_in: 0,
            has_resumed: false,
            ledger: Ledger::default(),
            is_excused: false,
        }
    }

    /// The client reads so many bytes.
    pub(crate) fn read_as_client(&mut self, bytes: usize) {
        self.received -= bytes.min(self.received);
        self.deliver();
    }

    /// What is on its way arrives, as far as the client's window permits.
    pub(crate) fn deliver(&mut self) {
        if self.is_cut || self.is_broken {
            return;
        }
        if self.is_closed && self.sending > 0 {
            return self.break_off(ErrorKind::ConnectionReset);
        }
        let bytes = self.sending.min(self.receive_size - self.received);
        self.sending -= bytes;
        self.received += bytes;
        if self.wants_room && self.sending < self.send_size {
            self.wants_room = false;
            self.writable_edge = true;
        }
    }

    /// The client sends.
    pub(crate) fn say(&mut self, bytes: usize) {
        if !self.is_broken && !self.is_input_ended {
            self.input += bytes;
            self.readable_edge = true;
        }
    }

    /// The client shuts down its sending side.
    pub(crate) fn end_input(&mut self) {
        self.is_input_ended = true;
        self.readable_edge = true;
    }

    /// The client closes its socket: a FIN, or a reset if there is something that it has not read.
    pub(crate) fn close_as_client(&mut self) {
        self.is_excused = true;
        if self.received > 0 {
            return self.break_off(ErrorKind::ConnectionReset);
        }
        self.is_closed = true;
        self.end_input();
        self.deliver();
    }

    /// The connection breaks: a reset, or a timeout of the kernel.
    pub(crate) fn break_off(&mut self, kind: ErrorKind) {
        self.is_excused = true;
        if !self.is_broken {
            self.is_broken = true;
            self.error = Some(kind);
            self.readable_edge = true;
            self.writable_edge = true;
        }
    }

    pub(crate) fn has_event(&self) -> bool {
        self.readable_edge || self.writable_edge
    }

    /// Takes what a poll reports: how things stand, if anything has changed.
    pub(crate) fn take_event(&mut self) -> (bool, bool) {
        let (readable, writable) = (self.readable_edge, self.writable_edge);
        self.readable_edge = false;
        self.writable_edge = false;
        if !readable && !writable {
            return (false, false);
        }
        (
            readable || self.is_readable(),
            writable || self.is_writable(),
        )
    }

    fn is_readable(&self) -> bool {
        self.input > 0 || self.is_input_ended || self.is_broken
    }

    fn is_writable(&self) -> bool {
        self.sending < self.send_size || self.is_broken
    }

    fn refuse(&mut self) {
        self.refused_in = self.turn.get();
        self.wants_room = true;
        if self.sending < self.send_size {
            // It had room all the same, so the event is on its way.
            self.wants_room = false;
            self.writable_edge = true;
        }
    }

    fn pending_error(&mut self) -> io::Result<()> {
        if let Some(kind) = self.error.take() {
            return Err(kind.into());
        }
        if self.is_broken {
            return Err(ErrorKind::BrokenPipe.into());
        }
        Ok(())
    }

    fn send(&mut self, pieces: [&[u8]; 2]) -> io::Result<usize> {
        let offered = pieces[0].len() + pieces[1].len();
        if offered == 0 {
            self.pending_error()?;
            return Ok(0);
        }
        assert!(!self.is_shut, "a write behind the end of the stream");
        let mut most = self.send_size - self.sending;
        match self.write_fault.take() {
            None => {}
            Some(Fault::Short(count)) => most = most.min(count),
            Some(Fault::WouldBlock) => most = 0,
            Some(Fault::Interrupted) => return Err(ErrorKind::Interrupted.into()),
            Some(Fault::NoBuffers) => {
                self.refused_in = self.turn.get();
                return Err(no_buffers());
            }
            Some(Fault::Fails(kind)) => self.break_off(kind),
        }
        self.pending_error()?;
        let count = most.min(offered);
        let first = count.min(pieces[0].len());
        self.stream.take(&pieces[0][..first]);
        self.stream.take(&pieces[1][..count - first]);
        self.sending += count;
        self.taken += count as u64;
        if count < offered {
            self.refuse();
        }
        if count == 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        self.deliver();
        Ok(count)
    }
}

impl Write for SimSocket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.send([bytes, &[]])
    }

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        assert_eq!(pieces.len(), 2, "the log lies in two pieces at most");
        self.send([&pieces[0], &pieces[1]])
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for SimSocket {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut most = into.len();
        match self.read_fault.take() {
            None | Some(Fault::NoBuffers) => {}
            Some(Fault::Short(count)) => most = most.min(count.max(1)),
            Some(Fault::WouldBlock) => {
                // It lied: the event that ends the wait is on its way.
                self.readable_edge |= self.is_readable();
                return Err(ErrorKind::WouldBlock.into());
            }
            Some(Fault::Interrupted) => return Err(ErrorKind::Interrupted.into()),
            Some(Fault::Fails(kind)) => self.break_off(kind),
        }
        if self.input > 0 && !self.is_broken {
            let count = most.min(self.input);
            self.input -= count;
            return Ok(count);
        }
        // Behind a FIN, Linux keeps an error to itself until something is written.
        if self.is_input_ended {
            return Ok(0);
        }
        match self.error.take() {
            Some(kind) => Err(kind.into()),
            None if self.is_broken => Ok(0),
            None => Err(ErrorKind::WouldBlock.into()),
        }
    }
}

fn no_buffers() -> io::Error {
    io::Error::from_raw_os_error(if cfg!(target_os = "linux") { 105 } else { 55 })
}
