//! How the bench talks to the programs it has started: one order a line on their standard input.

use std::io;
use std::process;
use std::thread;

/// Calls `on_order` for every line of standard input, on a thread of its own. When the input ends, whoever gave the
/// orders is gone, and this process ends with it.
pub(crate) fn listen(mut on_order: impl FnMut(String) + Send + 'static) {
    thread::spawn(move || {
        for order in io::stdin().lines().map_while(Result::ok) {
            on_order(order);
        }
        process::exit(0);
    });
}
