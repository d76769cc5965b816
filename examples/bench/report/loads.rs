//! Which samples belong together: one load is one table, one server under it is one row.
//!
//! It owns the order of both, which is that of first appearance, and what a row's baseline is. It does not know the
//! figures.

use std::fmt;

use super::numbers::{bytes, whole};
use crate::record::Sample;

/// The yardstick: what every other server is divided by.
pub(crate) const BASELINE: &str = "send-floor";

/// What all servers of one table were given to do. How long a server lingers over it is the server's affair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Load {
    pub(crate) clients: u32,
    /// Frames per second; 0: flat out.
    pub(crate) rate: u64,
    /// Bytes.
    pub(crate) frame_size: u32,
}

impl Load {
    pub(crate) fn of(sample: &Sample) -> Self {
        Self {
            clients: sample.clients,
            rate: sample.rate,
            frame_size: sample.frame_size,
        }
    }

    /// To how many, and how fast: `100 clients, 1,000 frames/s`.
    pub(crate) fn traffic(&self) -> String {
        let noun = if self.clients == 1 {
            "client"
        } else {
            "clients"
        };
        let pace = match self.rate {
            0 => "flat out".to_owned(),
            #[expect(
                clippy::cast_precision_loss,
                reason = "no source sends 2^53 frames in a second"
            )]
            rate => format!("{} frames/s", whole(rate as f64)),
        };
        format!("{} {noun}, {pace}", whole(self.clients.into()))
    }
}

impl fmt::Display for Load {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{}, frames of {}",
            self.traffic(),
            bytes(self.frame_size.into())
        )
    }
}

/// All samples of one scenario under one load.
#[derive(Debug)]
pub(crate) struct Section<'a> {
    pub(crate) scenario: &'a str,
    pub(crate) load: Load,
    pub(crate) rows: Vec<Row<'a>>,
}

/// The repetitions of one server; never empty.
#[derive(Debug)]
pub(crate) struct Row<'a> {
    pub(crate) server: &'a str,
    pub(crate) linger_us: u64,
    pub(crate) samples: Vec<&'a Sample>,
}

impl<'a> Section<'a> {
    /// The samples in sections.
    pub(crate) fn all(samples: &'a [Sample]) -> Vec<Self> {
        let mut sections: Vec<Self> = Vec::new();
        for sample in samples {
            let load = Load::of(sample);
            let is_own =
                |section: &Self| section.scenario == sample.scenario && section.load == load;
            let place = sections.iter().position(is_own).unwrap_or_else(|| {
                sections.push(Self {
                    scenario: &sample.scenario,
                    load,
                    rows: Vec::new(),
                });
                sections.len() - 1
            });
            sections[place].push(sample);
        }
        sections
    }

    /// What a row is divided by. The yardstick does not linger: where no sample of it claims to, it serves for all.
    pub(crate) fn baseline(&self, row: &Row<'_>) -> &[&'a Sample] {
        let mut rows = self.rows.iter().filter(|other| other.server == BASELINE);
        let same = rows.clone().find(|other| other.linger_us == row.linger_us);
        same.or_else(|| rows.next()).map_or(&[], |row| &row.samples)
    }

    pub(crate) fn has_baseline(&self) -> bool {
        self.rows.iter().any(|row| row.server == BASELINE)
    }

    fn push(&mut self, sample: &'a Sample) {
        let is_own =
            |row: &&mut Row<'_>| row.server == sample.server && row.linger_us == sample.linger_us;
        match self.rows.iter_mut().find(is_own) {
            Some(row) => row.samples.push(sample),
            None => self.rows.push(Row {
                server: &sample.server,
                linger_us: sample.linger_us,
                samples: vec![sample],
            }),
        }
    }
}

impl Row<'_> {
    /// The server, and how long it lingers if it does.
    pub(crate) fn name(&self) -> String {
        match self.linger_us {
            0 => self.server.to_owned(),
            linger if linger % 1000 == 0 => format!("{}, linger {} ms", self.server, linger / 1000),
            linger => format!("{}, linger {linger} us", self.server),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::made_up::sample;

    fn lingering(server: &str, linger_us: u64) -> Sample {
        Sample {
            linger_us,
            ..sample("linger", server, 30, 1)
        }
    }

    #[test]
    fn a_load_is_a_section_and_a_server_a_row_in_order_of_appearance() {
        let samples = [
            sample("saturation", "send-floor", 100, 1),
            sample("saturation", "fanout", 100, 1),
            sample("saturation", "fanout", 10, 1),
            sample("saturation", "send-floor", 100, 2),
            sample("turns", "fanout", 10, 1),
        ];
        let sections = Section::all(&samples);
        let heads: Vec<_> = sections
            .iter()
            .map(|section| (section.scenario, section.load.clients))
            .collect();
        assert_eq!(
            heads,
            [("saturation", 100), ("saturation", 10), ("turns", 10)]
        );
        let rows: Vec<_> = sections[0]
            .rows
            .iter()
            .map(|row| (row.server, row.samples.len()))
            .collect();
        assert_eq!(rows, [("send-floor", 2), ("fanout", 1)]);
    }

    #[test]
    fn a_lingering_server_is_a_row_of_its_own_beside_the_same_baseline() {
        let samples = [
            lingering("send-floor", 0),
            lingering("fanout", 0),
            lingering("fanout", 10_000),
        ];
        let sections = Section::all(&samples);
        let names: Vec<_> = sections[0].rows.iter().map(Row::name).collect();
        assert_eq!(names, ["send-floor", "fanout", "fanout, linger 10 ms"]);
        for row in &sections[0].rows {
            assert_eq!(sections[0].baseline(row), [&samples[0]], "{}", row.name());
        }
    }

    #[test]
    fn a_baseline_that_claims_the_same_linger_goes_first() {
        let samples = [
            lingering("send-floor", 0),
            lingering("send-floor", 10_000),
            lingering("fanout", 10_000),
        ];
        let sections = Section::all(&samples);
        let [_, _, row] = &sections[0].rows[..] else {
            panic!("three rows");
        };
        assert_eq!(sections[0].baseline(row), [&samples[1]]);
    }

    #[test]
    fn a_load_says_what_it_is() {
        let mut sample = sample("paced", "fanout", 1000, 1);
        assert_eq!(
            Load::of(&sample).to_string(),
            "1,000 clients, 1,000 frames/s, frames of 1 KiB"
        );
        (sample.clients, sample.rate) = (1, 0);
        assert_eq!(
            Load::of(&sample).to_string(),
            "1 client, flat out, frames of 1 KiB"
        );
    }
}
