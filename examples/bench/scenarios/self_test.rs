//! The test of the test: a stream that is damaged on purpose must end the sink with exit code 1.

use std::time::Duration;

use crate::Fallible;
use crate::plan::{FRAME_SIZE, Load};
use crate::record::Finding;
use crate::rig::Rig;
use crate::scenarios::paced;
use crate::servers::FLOOR;
use crate::session::Session;

pub(crate) fn run(session: &mut Session) -> Fallible<Vec<Finding>> {
    session.say("self-test: damaged streams, the sink is meant to complain each time");
    let (floors, _) = session.bench.programs.roster(&[FLOOR]);
    let floor = floors.first().ok_or("there is no send-floor")?;
    let terms = paced::terms(FRAME_SIZE as usize);
    let load = Load::readers(0, CLIENTS);
    let mut findings = Vec::new();
    for fault in FAULTS {
        let options = [
            format!("--fault={fault}"),
            format!("--fault-after={FAULT_AFTER}"),
        ];
        let bench = &session.bench;
        let mut rig = Rig::start_with(bench, floor, &terms, &load, &options, |program| {
            bench.launch(program)
        })?;
        rig.connect(&load)?;
        rig.source.order(&load.pace())?;
        let said = rig.sink()?.complains_within(LIMIT)?;
        let said = said.unwrap_or_else(|| "nothing".to_owned());
        findings.push(Finding {
            what: format!("self-test, damaged: {fault}"),
            demand: format!("the sink ends with exit code 1 and says `{fault}`"),
            is_met: said.contains(&format!("{fault}:")),
            figure: said,
        });
    }
    if findings.iter().any(|finding| !finding.is_met) {
        return Err("the sink did not notice a damaged stream: no figure can be trusted".into());
    }
    Ok(findings)
}

/// What the source does wrong: a frame left out, a frame twice, a frame cut short, something else than a frame.
pub(crate) const FAULTS: [&str; 4] = ["missing", "repeated", "torn", "garbage"];

/// The frame at which damage is done: late enough that every client has started.
const FAULT_AFTER: u64 = 2_000;

/// Clients, each of which would notice.
const CLIENTS: usize = 10;

/// How long the sink may take to notice.
const LIMIT: Duration = Duration::from_secs(20);
