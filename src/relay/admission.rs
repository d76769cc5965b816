//! Admission: who may take a seat.
//!
//! Layer: relay. Owns the counts of seats in all, per listener and per address, and checks them
//! before anything is allocated for a connection. Knows nothing of sockets.
//!
//! An IPv4 client on an IPv6 listener shows up as `::ffff:a.b.c.d`; it is matched and counted as
//! the IPv4 address that it is. Other IPv6 clients count by their /64, because whoever has one
//! such address has 2^64 of them (RFC 6177).

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;

/// Why a connection was refused. The words are those of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// The limit that the user set, for all clients or for the listener, is reached.
    MaxClients,
    /// This address has as many connections as one address may have.
    PerIp,
    /// The address is in none of the allowed networks.
    NotAllowed,
    /// The descriptor limit leaves no room for another client.
    Descriptors,
}

impl Refusal {
    /// Every refusal, in the order in which [`super::stats::Stats`] counts them.
    pub const ALL: [Self; 4] = [
        Self::MaxClients,
        Self::PerIp,
        Self::NotAllowed,
        Self::Descriptors,
    ];
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::MaxClients => "max-clients",
            Self::PerIp => "per-ip",
            Self::NotAllowed => "not-allowed",
            Self::Descriptors => "descriptors",
        })
    }
}

/// The limits and the seats taken.
#[derive(Debug)]
pub struct Admission {
    limits: AdmissionLimits,
    /// Clients in all.
    seats: usize,
    /// Clients per listener, by its index.
    seats_by_listener: Vec<usize>,
    /// Clients per address; kept only when there is a limit.
    seats_by_ip: HashMap<IpAddr, u32>,
}

/// What an address takes at the most, in bytes: an entry and its mark in a table that is 7/32 full just
/// after it has grown for want of entries never used, and half as much while the old one is still there.
pub const ADDRESS_BYTES: u64 = ((size_of::<(IpAddr, u32)>() as u64 + 1) * 32 * 3).div_ceil(7 * 2);

/// What is allowed.
#[derive(Clone, Debug, Default)]
pub struct AdmissionLimits {
    /// Networks that may connect; none means everybody.
    pub allow: Vec<IpNet>,
    /// Clients in all, as the user wants it.
    pub max_clients: Option<usize>,
    /// Clients in all, as the descriptor limit permits it.
    pub max_by_descriptors: usize,
    /// Clients per address; 0 means no limit.
    pub max_per_ip: u32,
    /// Clients per listener, by its index.
    pub max_by_listener: Vec<Option<usize>>,
}

impl AdmissionLimits {
    /// Clients there may be in all.
    #[must_use]
    pub fn most(&self) -> usize {
        let wanted = self.max_clients.unwrap_or(usize::MAX);
        wanted.min(self.max_by_descriptors)
    }
}

impl Admission {
    /// An empty house.
    #[must_use]
    pub fn new(limits: AdmissionLimits) -> Self {
        Self {
            seats: 0,
            seats_by_listener: vec![0; limits.max_by_listener.len()],
            seats_by_ip: HashMap::new(),
            limits,
        }
    }

    /// Takes a seat for `ip` on the listener with index `listener`. Who comes by a unix socket has no
    /// address: the permissions of the socket's file have let it in.
    ///
    /// # Errors
    /// Says why there is none; nothing is counted then.
    pub fn enter(&mut self, ip: Option<IpAddr>, listener: usize) -> Result<(), Refusal> {
        let limits = &self.limits;
        let ip = ip.map(|ip| ip.to_canonical());
        let is_in_any = |ip| limits.allow.iter().any(|net| is_in(ip, net));
        if !limits.allow.is_empty() && !ip.is_none_or(is_in_any) {
            return Err(Refusal::NotAllowed);
        }
        let listener_limit = limits.max_by_listener[listener];
        if limits.max_clients.is_some_and(|most| self.seats >= most)
            || listener_limit.is_some_and(|most| self.seats_by_listener[listener] >= most)
        {
            return Err(Refusal::MaxClients);
        }
        if self.seats >= limits.max_by_descriptors {
            return Err(Refusal::Descriptors);
        }
        if limits.max_per_ip > 0
            && let Some(ip) = ip
        {
            let seats = self.seats_by_ip.entry(household(ip)).or_insert(0);
            if *seats >= limits.max_per_ip {
                return Err(Refusal::PerIp);
            }
            *seats += 1;
        }
        self.seats += 1;
        self.seats_by_listener[listener] += 1;
        Ok(())
    }

    /// Gives the seat of a client back that had entered with these values.
    pub fn leave(&mut self, ip: Option<IpAddr>, listener: usize) {
        self.seats -= 1;
        self.seats_by_listener[listener] -= 1;
        if self.limits.max_per_ip == 0 {
            return;
        }
        let household = ip.map(|ip| household(ip.to_canonical()));
        if let Some(household) = household
            && let Some(seats) = self.seats_by_ip.get_mut(&household)
        {
            *seats -= 1;
            if *seats == 0 {
                self.seats_by_ip.remove(&household);
            }
        }
    }
}

/// Whether a network holds the address, as the IPv4 address that it is or in its IPv6 form: `::/0`
/// means everybody, too.
fn is_in(ip: IpAddr, net: &IpNet) -> bool {
    let mapped = match ip {
        IpAddr::V4(v4) => Some(IpAddr::V6(v4.to_ipv6_mapped())),
        IpAddr::V6(_) => None,
    };
    net.contains(&ip) || mapped.is_some_and(|mapped| net.contains(&mapped))
}

/// The address that a client is counted under: an IPv4 address, or the /64 of an IPv6 one.
fn household(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::unnecessary_wraps, reason = "as admission takes it")]
    fn ip(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    fn house(limits: AdmissionLimits) -> Admission {
        Admission::new(AdmissionLimits {
            max_by_descriptors: 100,
            max_by_listener: vec![None, Some(1)],
            ..limits
        })
    }

    #[test]
    fn the_last_seat_is_given_and_given_again_after_a_departure() {
        let mut admission = house(AdmissionLimits {
            max_clients: Some(2),
            ..AdmissionLimits::default()
        });
        assert_eq!(admission.enter(ip("10.0.0.1"), 0), Ok(()));
        assert_eq!(admission.enter(ip("10.0.0.1"), 0), Ok(()));
        assert_eq!(admission.enter(ip("10.0.0.1"), 0), Err(Refusal::MaxClients));
        admission.leave(ip("10.0.0.1"), 0);
        assert_eq!(admission.enter(ip("10.0.0.2"), 0), Ok(()));
    }

    #[test]
    fn a_listener_has_a_limit_of_its_own() {
        let mut admission = house(AdmissionLimits::default());
        assert_eq!(admission.enter(ip("10.0.0.1"), 1), Ok(()));
        assert_eq!(admission.enter(ip("10.0.0.1"), 1), Err(Refusal::MaxClients));
        assert_eq!(admission.enter(ip("10.0.0.1"), 0), Ok(()));
        admission.leave(ip("10.0.0.1"), 1);
        assert_eq!(admission.enter(ip("10.0.0.1"), 1), Ok(()));
    }

    #[test]
    fn the_descriptor_limit_is_a_reason_of_its_own() {
        let mut admission = Admission::new(AdmissionLimits {
            max_by_descriptors: 1,
            max_by_listener: vec![None],
            ..AdmissionLimits::default()
        });
        assert_eq!(admission.enter(ip("::1"), 0), Ok(()));
        assert_eq!(admission.enter(ip("::1"), 0), Err(Refusal::Descriptors));
    }

    #[test]
    fn each_refusal_has_its_word_in_the_log() {
        let words = Refusal::ALL.map(|refusal| refusal.to_string());
        assert_eq!(
            words,
            ["max-clients", "per-ip", "not-allowed", "descriptors"]
        );
    }

    #[test]
    fn a_mapped_address_is_the_ipv4_address_that_it_is() {
        let mut admission = house(AdmissionLimits {
            allow: vec!["10.0.0.0/8".parse().unwrap()],
            max_per_ip: 1,
            ..AdmissionLimits::default()
        });
        assert_eq!(admission.enter(ip("::ffff:10.0.0.1"), 0), Ok(()));
        assert_eq!(admission.enter(ip("10.0.0.1"), 0), Err(Refusal::PerIp));
        assert_eq!(
            admission.enter(ip("::ffff:11.0.0.1"), 0),
            Err(Refusal::NotAllowed)
        );
        admission.leave(ip("10.0.0.1"), 0);
        assert_eq!(admission.enter(ip("10.0.0.1"), 0), Ok(()));
    }

    #[test]
    fn a_network_written_in_ipv6_form_holds_the_ipv4_addresses_in_it() {
        for (net, allowed) in [
            ("::ffff:10.0.0.0/104", true),
            ("::/0", true),
            ("fd00::/8", false),
        ] {
            let mut admission = house(AdmissionLimits {
                allow: vec![net.parse().unwrap()],
                ..AdmissionLimits::default()
            });
            for address in ["10.0.0.1", "::ffff:10.0.0.1"] {
                assert_eq!(
                    admission.enter(ip(address), 0).is_ok(),
                    allowed,
                    "{net} {address}"
                );
            }
        }
    }

    #[test]
    fn one_ipv6_network_of_64_bits_is_one_household() {
        let mut admission = house(AdmissionLimits {
            max_per_ip: 2,
            ..AdmissionLimits::default()
        });
        assert_eq!(admission.enter(ip("2001:db8::1"), 0), Ok(()));
        assert_eq!(admission.enter(ip("2001:db8::2:1"), 0), Ok(()));
        assert_eq!(admission.enter(ip("2001:db8::3"), 0), Err(Refusal::PerIp));
        assert_eq!(admission.enter(ip("2001:db8:0:1::3"), 0), Ok(()));
    }

    #[test]
    fn whoever_comes_by_a_unix_socket_meets_no_network_but_every_other_limit() {
        let mut admission = house(AdmissionLimits {
            allow: vec!["10.0.0.0/8".parse().unwrap()],
            max_per_ip: 1,
            max_clients: Some(2),
            ..AdmissionLimits::default()
        });
        assert_eq!(admission.enter(None, 0), Ok(()));
        assert_eq!(admission.enter(None, 0), Ok(()));
        assert_eq!(admission.enter(None, 0), Err(Refusal::MaxClients));
        admission.leave(None, 0);
        assert_eq!(admission.enter(None, 0), Ok(()));
    }

    #[test]
    fn addresses_without_a_client_are_forgotten() {
        let mut admission = house(AdmissionLimits {
            max_per_ip: 1,
            ..AdmissionLimits::default()
        });
        for number in 0..1000u32 {
            let address = Some(IpAddr::V4(number.into()));
            assert_eq!(admission.enter(address, 0), Ok(()));
            admission.leave(address, 0);
        }
        assert!(admission.seats_by_ip.is_empty());
    }
}
