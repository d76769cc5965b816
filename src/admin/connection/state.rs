//! How far a connection has come.
//!
//! Layer: admin. Owns what each state means to the others: whether it has work left, and what it is
//! worth when somebody has to go. Knows nothing of the socket; the transitions are in
//! `connection.rs`, which draws them.

use std::time::Duration;

use crate::admin::head::{Method, Request};
use crate::relay::departure::Ending;

#[derive(Debug)]
pub(super) enum State {
    /// The head is not complete.
    Reading {
        /// What has come of it: fewer bytes than the longest head has.
        head: Vec<u8>,
    },
    /// The caller is to answer.
    Asked {
        method: Method,
        /// Until the caller has taken it.
        request: Option<Request>,
    },
    /// The answer is on its way.
    Writing {
        bytes: Vec<u8>,
        /// How much of them the kernel has taken: less than all.
        sent: usize,
    },
    /// The kernel has the answer; the other side's end is waited for.
    Finishing {
        until: Duration,
        /// What has come meanwhile, in bytes.
        heard_bytes: usize,
        /// The caller has been told to shut down the sending side.
        is_shut: bool,
    },
    /// To be closed in this manner.
    Done(Ending),
}

impl State {
    /// There is something to do that no event will announce.
    pub(super) fn has_work(&self, readable: bool, writable: bool) -> bool {
        match self {
            Self::Reading { .. } => readable,
            // That it is asking is known to the caller, who answers in its own time.
            Self::Asked { .. } => false,
            Self::Writing { .. } => writable,
            Self::Finishing { is_shut, .. } => readable || !is_shut,
            Self::Done(_) => true,
        }
    }

    /// How much is to be said for keeping the connection; nothing if it is not to be put out at
    /// all, because this turn will show what it wants: it has unread input, or is to be answered.
    pub(super) fn claim(&self, readable: bool) -> Option<Claim> {
        match self {
            Self::Reading { .. } => (!readable).then_some(Claim::Silent),
            Self::Writing { .. } => Some(Claim::Receiving),
            Self::Finishing { .. } => Some(Claim::Answered),
            Self::Asked { .. } | Self::Done(_) => None,
        }
    }

    /// How it is closed in favour of a newcomer: cleanly if it has its answer.
    pub(super) fn ending_when_put_out(&self) -> Ending {
        match self {
            Self::Finishing { .. } => Ending::Fin,
            _ => Ending::Reset,
        }
    }
}

/// Who makes room for a newcomer: the least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::admin) enum Claim {
    /// It has its answer.
    Answered,
    /// It has said nothing, or not enough, and nothing of it is left unread.
    Silent,
    /// It is being answered.
    Receiving,
}
