//! The admin endpoint of the configuration: where it is, and who may ask.

use std::net::IpAddr;

use super::{ConfigError, ListenAddress, check};

/// An HTTP endpoint for metrics, health and status. By default it is nowhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AdminConfig {
    /// Where it listens, unless a service manager passes sockets for it.
    pub address: Option<ListenAddress>,
    /// Whether other hosts may be able to reach that address, or those sockets. There is no password.
    pub allow_remote: bool,
    /// Names of this host, beside `localhost`, that a request may be meant for.
    pub hosts: Vec<String>,
}

impl AdminConfig {
    /// An endpoint for this host alone.
    #[must_use]
    pub fn new(address: ListenAddress) -> Self {
        Self {
            address: Some(address),
            ..Self::default()
        }
    }

    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        if let Some(ListenAddress::Tcp(address)) = &self.address
            && let Some(addr) = address.numeric()
        {
            check_admin_reach(addr.ip(), self.allow_remote)?;
        }
        for host in &self.hosts {
            let is_letter = |letter: char| letter.is_ascii_alphanumeric() || "-._".contains(letter);
            check(!host.is_empty() && host.chars().all(is_letter), || {
                format!("--admin-host '{host}': is not the name of a host")
            })?;
        }
        Ok(())
    }

    /// Something is said of an endpoint, wherever that is.
    pub(crate) fn has_options(&self) -> bool {
        self.allow_remote || !self.hosts.is_empty()
    }
}

/// Whether an address may be listened on that was given, that a name has turned out to have, or that a
/// service manager has bound.
pub(crate) fn check_admin_reach(ip: IpAddr, is_allowed: bool) -> Result<(), ConfigError> {
    check(is_allowed || ip.to_canonical().is_loopback(), || {
        format!("--admin: other hosts can reach {ip}; add --admin-allow-remote if they may")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_other_hosts_can_reach_must_be_allowed_to_them() {
        for (address, is_near) in [
            ("127.0.0.1:0", true),
            ("127.8.9.10:1", true),
            ("[::1]:1", true),
            ("[::ffff:127.0.0.1]:1", true),
            ("localhost:1", true),
            ("unix:/run/a.sock", true),
            ("0.0.0.0:1", false),
            ("[::]:1", false),
            ("192.0.2.7:1", false),
            ("[::ffff:192.0.2.7]:1", false),
        ] {
            let mut admin = AdminConfig::new(address.parse().unwrap());
            match admin.validate() {
                Ok(()) => assert!(is_near, "{address}"),
                Err(error) => {
                    assert!(!is_near, "{error}");
                    let host = address.trim_end_matches(":1").trim_matches(['[', ']']);
                    assert!(error.to_string().contains(host), "{error}");
                }
            }
            admin.allow_remote = true;
            assert_eq!(admin.validate(), Ok(()), "{address}");
        }
    }

    #[test]
    fn a_name_that_no_host_can_have_is_refused() {
        for (host, is_good) in [
            ("a.example", true),
            ("a_b", true),
            ("", false),
            ("a b", false),
            ("a:1", false),
        ] {
            let somewhere = AdminConfig::new("localhost:1".parse().unwrap());
            for mut admin in [somewhere, AdminConfig::default()] {
                admin.hosts.push(host.to_owned());
                assert_eq!(admin.validate().is_ok(), is_good, "{host:?}");
            }
        }
    }
}
