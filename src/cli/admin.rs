//! The options of the admin endpoint.
//!
//! Owns their names and help texts. Whether there is an endpoint without `--admin`, because a service manager
//! has passed a socket for one, and what is served there, it does not know.

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args};

use fanout::{AdminConfig, ListenAddress};

use super::values::{Words, flatten};

/// Where the admin endpoint is, and who may ask.
#[derive(Debug, Args)]
pub(super) struct AdminOptions {
    /// Serve a status page, metrics, health and JSON by HTTP here: HOST:PORT or unix:PATH[,mode=MODE]
    /// [default: nowhere]
    #[arg(long, value_name = "ADDR", env = "FANOUT_ADMIN")]
    admin: Option<ListenAddress>,

    /// Let --admin be an address that other hosts reach; there is no password
    #[arg(long, env = "FANOUT_ADMIN_ALLOW_REMOTE")]
    #[arg(action = ArgAction::SetTrue, value_parser = BoolishValueParser::new())]
    admin_allow_remote: bool,

    /// A name of this host that requests to --admin may be meant for; repeatable [default: localhost
    /// and addresses]
    #[arg(long, value_name = "NAME", env = "FANOUT_ADMIN_HOST")]
    admin_host: Vec<Words<String>>,
}

impl AdminOptions {
    pub(super) fn into_config(self) -> AdminConfig {
        AdminConfig {
            address: self.admin,
            allow_remote: self.admin_allow_remote,
            hosts: flatten(self.admin_host),
        }
    }
}
