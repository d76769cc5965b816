//! What is promised, and the check of each promise.

use crate::fault::Outcome;
use crate::server::Server;
use crate::{endings, input, lagging, leaving, streams};

/// What a client, or whoever starts the server, relies on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Promise {
    /// Every client gets whole frames, in order, nothing twice, without a gap, however the upstream's bytes come.
    WholeFrames,
    /// The stream of a client that joins while a frame is under way begins with the first byte of a frame, and with
    /// none that was complete before it connected.
    Boundary,
    /// A client that leaves, with a FIN, with a reset, or while frames flow, changes nothing for the others; and its
    /// descriptor is given back.
    Leaving,
    /// A client that resets is let go at once, and not when a frame is written to it in vain.
    Departure,
    /// The soft limit on descriptors is not the limit on clients.
    Crowd,
    /// At the upstream's end every client, one that is behind too, gets all frames and then a FIN; the exit code is 0.
    End,
    /// Bytes of a frame that the upstream did not complete are sent to nobody.
    Unfinished,
    /// When the upstream fails, clients end as at its end; a line says so, and the exit code is 1.
    Failure,
    /// No upstream: a line and exit code 1. Bad arguments: a line and exit code 2, and nobody has listened.
    Refusal,
    /// A client that reads nothing holds up neither the upstream nor the other clients.
    Stalled,
    /// A client that has lagged too far sees a reset, and cannot mistake it for an end.
    ThrownOut,
    /// With `--wait`, a client that lags is waited for: it loses nothing, however much the upstream has to send.
    Waiting,
    /// A client that has shut down its sending side gets every frame all the same.
    HalfClosed,
    /// What a client sends is read as it comes, and thrown away.
    Input,
    /// A client that has sent something gets all frames and a FIN at the upstream's end. If a server closes a socket
    /// with input that it has not read, the kernel makes that a reset, and throws away what is still on its way.
    ChattyEnd,
    /// With nothing to do it sleeps: while clients are silent, have shut down their sending side, or do not close after
    /// their end.
    Idle,
    /// When the upstream's connection is lost it is dialled again, and the same clients get the frames that come then.
    Redial,
}

impl Promise {
    pub(crate) fn check(self, server: &Server) -> Outcome {
        match self {
            Self::WholeFrames => streams::whole_frames(server),
            Self::Boundary => streams::boundary(server),
            Self::Leaving => leaving::leaving(server),
            Self::Departure => leaving::departure(server),
            Self::Crowd => leaving::crowd(server),
            Self::End => endings::end(server),
            Self::Unfinished => endings::unfinished(server),
            Self::Failure => endings::failure(server),
            Self::Refusal => endings::refusal(server),
            Self::Stalled => lagging::stalled(server),
            Self::ThrownOut => lagging::thrown_out(server),
            Self::Waiting => lagging::waiting(server),
            Self::HalfClosed => input::half_closed(server),
            Self::Input => input::read(server),
            Self::ChattyEnd => input::chatty_end(server),
            Self::Idle => endings::idle(server),
            Self::Redial => endings::redial(server),
        }
    }
}
