//! Fuzz target: whatever is sent to the admin endpoint, it has one answer or none, and comes to an end.
//!
//! The input is one byte that decides how the rest is cut, and the rest, as it comes over the wire. However it is cut,
//! the verdict is the same; no more than a head is read before the answer; and what a request is refused for stands in
//! it.

#![no_main]

#[path = "http/kernel.rs"]
mod kernel;
#[path = "http/stage.rs"]
mod stage;
#[path = "http/verdict.rs"]
mod verdict;

use fastrand::Rng;
use libfuzzer_sys::fuzz_target;

use fanout::admin::origin::Hosts;

fuzz_target!(|input: &[u8]| {
    let Some((seed, bytes)) = input.split_first() else {
        return;
    };
    let hosts = Hosts::new(["relay.example"]);
    let pieces = cut(bytes, &mut Rng::with_seed(u64::from(*seed)));
    let verdict = verdict::of(bytes, &pieces, &hosts);
    verdict::check(&verdict, bytes);
    stage::play(&verdict, &pieces, *seed, hosts);
});

/// The pieces in which the bytes arrive: single ones, short ones or long ones.
fn cut<'a>(bytes: &'a [u8], dice: &mut Rng) -> Vec<&'a [u8]> {
    // Single bytes of a long input would be looked at thousands of times and find nothing more.
    let shortest = if bytes.len() > 1000 { 2 } else { 0 };
    let longest = [1, 7, 200, 5000][dice.usize(shortest..4)];
    let mut pieces = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let (piece, others) = rest.split_at(dice.usize(1..=longest.min(rest.len())));
        pieces.push(piece);
        rest = others;
    }
    pieces
}
