//! The test of the test: a stream that is damaged on purpose must end the sink with exit code 1.

use std::time::Duration;

use crate::Fallible;
use crate::frame::FRAME_SIZE;
use crate::rig::{Bench, Kind, Load, Rig};
use crate::table::Finding;

pub(crate) fn run(bench: &Bench) -> Fallible<Vec<Finding>> {
    println!("damaged streams: the sink is meant to complain three times");
    let mut findings = Vec::new();
    for spoil in ["missing", "repeated", "torn"] {
        let kind = Kind::Floor { block: FRAME_SIZE };
        let load = Load::readers(0, 10);
        let options = [format!("--spoil={spoil}")];
        let command = |program: &str| bench.pinning.command(program);
        let mut rig = Rig::start_with(&kind, load.readers, &options, command)?;
        rig.connect(&load)?;
        rig.source.order(&load.pace())?;
        let is_caught = rig.sink()?.fails_within(Duration::from_secs(20))?;
        findings.push(Finding {
            what: format!("a stream with a frame {spoil}"),
            demand: "the sink ends with exit code 1".to_owned(),
            figure: if is_caught { "caught" } else { "NOT CAUGHT" }.to_owned(),
            is_met: is_caught,
        });
    }
    if findings.iter().any(|finding| !finding.is_met) {
        return Err("the sink did not notice a damaged stream: no figure can be trusted".into());
    }
    Ok(findings)
}
