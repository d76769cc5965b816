//! What is shipped under `examples/deploy` for operating the program: every file is read by the tool that it is for,
//! and what it names (options, metrics, labels, paths) is there.
//!
//! Where a tool is missing, the test says so and is skipped; where `CI` is set, that is a failure. None of them starts
//! a service manager or a container: a unit is checked and not run.

#![cfg(target_os = "linux")]

#[path = "deploy/alerts.rs"]
mod alerts;
#[path = "deploy/catalogue.rs"]
mod catalogue;
#[path = "deploy/dashboard.rs"]
mod dashboard;
#[path = "deploy/expression.rs"]
mod expression;
#[path = "deploy/handbook.rs"]
mod handbook;
#[path = "deploy/image.rs"]
mod image;
#[path = "deploy/launchd.rs"]
mod launchd;
#[path = "deploy/options.rs"]
mod options;
#[path = "deploy/shipped.rs"]
mod shipped;
#[path = "blackbox/cases/tools.rs"]
mod tools;
#[path = "deploy/units.rs"]
mod units;
