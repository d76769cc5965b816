//! One module for each scenario. Those that compare servers plan series; the others measure one thing by themselves.

pub(crate) mod connected;
pub(crate) mod frame_size;
pub(crate) mod half_stalled;
pub(crate) mod idle;
pub(crate) mod linger;
pub(crate) mod never_reading;
pub(crate) mod paced;
pub(crate) mod saturation;
pub(crate) mod scrape;
pub(crate) mod self_test;
pub(crate) mod storm;
pub(crate) mod turns;
