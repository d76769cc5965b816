//! The tests of the admin endpoint's room: heads, connections, and the quota.

mod connection;
mod connections;
mod fake;
mod head;
