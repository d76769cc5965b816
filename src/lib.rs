//! One upstream TCP stream of fixed-length frames in, any number of clients out.
pub mod relay;
