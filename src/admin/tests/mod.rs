//! The tests of the admin endpoint's room: heads, connections, and the quota.

mod connection;
mod connections;
mod deadlines;
mod fake;
mod head;
mod naming;
mod reception;
mod scene;
mod verdicts;
