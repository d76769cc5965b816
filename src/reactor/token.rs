//! Tokens: what an event is about.
//!
//! Layer: reactor. Owns the one-to-one map between a poll token and a role. Knows nothing of what
//! is done about an event.

use mio::Token;

use crate::admin::connections::Slot;
use crate::admin::limits::MAX_CONNECTIONS;
use crate::config::MAX_LISTENERS;
use crate::relay::client::ClientId;

/// What a token stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// The connection that frames come from.
    Upstream,
    /// The pipe that signal handlers write to.
    Signals,
    /// Another thread has something to say: a handle, or the resolver.
    Waker,
    /// The listener with this index.
    Listener(usize),
    /// The listener of the admin endpoint with this index.
    AdminListener(usize),
    /// A connection to the admin endpoint.
    Admin(Slot),
    /// A client.
    Client(ClientId),
}

/// Listening sockets there may be in all: a name resolves to several addresses.
pub(super) const MAX_LISTENER_SOCKETS: usize = MAX_LISTENERS * 8;

/// Listening sockets of the admin endpoint.
pub(super) const MAX_ADMIN_LISTENERS: usize = 8;

const FIRST_LISTENER: usize = 3;
const FIRST_ADMIN_LISTENER: usize = FIRST_LISTENER + MAX_LISTENER_SOCKETS;
const FIRST_ADMIN: usize = FIRST_ADMIN_LISTENER + MAX_ADMIN_LISTENERS;
const FIRST_CLIENT: usize = FIRST_ADMIN + MAX_CONNECTIONS;

impl From<Role> for Token {
    fn from(role: Role) -> Self {
        Self(match role {
            Role::Upstream => 0,
            Role::Signals => 1,
            Role::Waker => 2,
            Role::Listener(index) => FIRST_LISTENER + index,
            Role::AdminListener(index) => FIRST_ADMIN_LISTENER + index,
            Role::Admin(slot) => FIRST_ADMIN + slot.index(),
            Role::Client(id) => FIRST_CLIENT + id.key(),
        })
    }
}

impl From<Token> for Role {
    fn from(token: Token) -> Self {
        match token.0 {
            0 => Self::Upstream,
            1 => Self::Signals,
            2 => Self::Waker,
            number if number < FIRST_ADMIN_LISTENER => Self::Listener(number - FIRST_LISTENER),
            number if number < FIRST_ADMIN => Self::AdminListener(number - FIRST_ADMIN_LISTENER),
            number => match Slot::new(number - FIRST_ADMIN) {
                Some(slot) => Self::Admin(slot),
                None => Self::Client(ClientId::new(number - FIRST_CLIENT)),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_role_is_read_back_from_its_token() {
        let roles = [
            Role::Upstream,
            Role::Signals,
            Role::Waker,
            Role::Listener(0),
            Role::Listener(MAX_LISTENER_SOCKETS - 1),
            Role::AdminListener(0),
            Role::AdminListener(MAX_ADMIN_LISTENERS - 1),
            Role::Admin(Slot::new(0).unwrap()),
            Role::Admin(Slot::new(MAX_CONNECTIONS - 1).unwrap()),
            Role::Client(ClientId::new(0)),
            Role::Client(ClientId::new(1_000_000)),
        ];
        for role in roles {
            assert_eq!(Role::from(Token::from(role)), role);
        }
    }
}
