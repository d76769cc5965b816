//! Counts by a word: what came of dialling, why clients were refused, why they left.
//!
//! Layer: admin. Owns that every word is always there, from 0 on, and that JSON and metrics have
//! the same ones, in the same order. Knows nothing of what the words mean.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::relay::admission::Refusal;
use crate::relay::departure::Reason;
use crate::relay::upstream::ConnectResult;

/// What came of dialling the upstream since the start, in the order of [`ConnectResult::ALL`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Connects(pub [u64; ConnectResult::ALL.len()]);

impl Connects {
    /// Each result with its count.
    pub(in crate::admin) fn words(&self) -> impl Iterator<Item = (ConnectResult, u64)> {
        ConnectResult::ALL.into_iter().zip(self.0)
    }
}

impl Serialize for Connects {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.words().map(|(result, count)| (Word(result), count)))
    }
}

/// Connections that were refused since the start, in the order of [`Refusal::ALL`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Refused(pub [u64; Refusal::ALL.len()]);

impl Refused {
    /// Each reason with its count.
    pub(in crate::admin) fn words(&self) -> impl Iterator<Item = (Refusal, u64)> {
        Refusal::ALL.into_iter().zip(self.0)
    }
}

impl Serialize for Refused {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.words().map(|(reason, count)| (Word(reason), count)))
    }
}

/// Clients that left since the start, in the order of [`Reason::ALL`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Departed(pub [u64; Reason::ALL.len()]);

impl Departed {
    /// Each reason with its count.
    pub(in crate::admin) fn words(&self) -> impl Iterator<Item = (Reason, u64)> {
        Reason::ALL.into_iter().zip(self.0)
    }
}

impl Serialize for Departed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.words().map(|(reason, count)| (Word(reason), count)))
    }
}

/// A key that is its own text.
struct Word<T>(T);

impl<T: fmt::Display> Serialize for Word<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}
