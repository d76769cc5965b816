//! One module for each row of the results table; each prints its measurements and returns what it found.

pub(crate) mod connected;
pub(crate) mod half_stalled;
pub(crate) mod idle;
pub(crate) mod never_reading;
pub(crate) mod paced;
pub(crate) mod saturation;
pub(crate) mod self_test;
pub(crate) mod turns;
