//! Tests of the report as a whole: its text and its file.

use std::path::PathBuf;

use super::made_up::{report, sample};
use super::*;

fn full() -> Report {
    let mut report = report(vec![
        sample("saturation", "send-floor", 10, 1),
        sample("saturation", "fanout", 10, 1),
        sample("paced", "fanout", 100, 1),
    ]);
    report.machine.pinning = "relay | load".to_owned();
    report.skipped = vec!["skipped: no ncat".to_owned()];
    let finding = |what: &str, is_met| Finding {
        what: what.to_owned(),
        demand: "at least 1.0".to_owned(),
        figure: "1.36".to_owned(),
        is_met,
    };
    report.findings = vec![finding("one", true), finding("other", false)];
    report
}

fn file(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("fanout-report-{}-{name}", std::process::id()))
}

#[test]
fn the_text_has_head_loads_findings_and_what_was_left_out_in_this_order() {
    let text = text(&full());
    let wanted = [
        "Some Processor",
        "1 of 1000 ms after 500 ms of warm-up",
        "### saturation: 10 clients, flat out, frames of 1 KiB",
        "### paced: 100 clients, 1,000 frames/s, frames of 1 KiB",
        "### Findings",
        "### Left out",
        "- skipped: no ncat",
    ];
    let places: Vec<Option<usize>> = wanted.iter().map(|part| text.find(part)).collect();
    assert!(places.iter().all(Option::is_some), "{places:?} in:\n{text}");
    assert!(places.is_sorted(), "{places:?} in:\n{text}");
}

#[test]
fn it_says_how_often_was_measured_really() {
    let mut report = full();
    assert!(text(&report).contains("| 1 of 1000 ms after 500 ms of warm-up"));
    report.samples.push(sample("saturation", "fanout", 10, 2));
    assert!(text(&report).contains("| 1 to 2 of 1000 ms after"));
    report.samples.clear();
    assert!(text(&report).contains("| 3 of 1000 ms after"));
}

#[test]
fn a_finding_says_whether_it_is_met() {
    let text = text(&full());
    let line = |what: &str| {
        text.lines()
            .find(|line| line.starts_with(what))
            .unwrap_or("")
    };
    assert!(line("| one ").ends_with("| met     |"), "{text}");
    assert!(line("| other ").ends_with("| NOT MET |"), "{text}");
}

#[test]
fn every_table_is_markdown() {
    let text = text(&full());
    let lines: Vec<&str> = text.lines().collect();
    let columns = |line: &str| line.replace("\\|", "").matches('|').count();
    let mut tables = 0;
    for (place, line) in lines
        .iter()
        .enumerate()
        .filter(|(_, line)| line.starts_with('|'))
    {
        let above = place.checked_sub(1).map_or("", |above| lines[above]);
        if above.starts_with('|') {
            assert_eq!(columns(line), columns(above), "{line}");
        } else {
            tables += 1;
            let below = lines[place + 1];
            assert!(
                below.chars().all(|letter| "|-: ".contains(letter)),
                "{below}"
            );
        }
    }
    // The head, two of the saturation, three of the paced load, the findings.
    assert_eq!(tables, 7, "{text}");
}

#[test]
fn a_report_comes_back_from_its_file_as_it_was() {
    let path = file("there-and-back.json");
    let kept = full();
    write_json(&kept, &path).expect("it can be written");
    let found = read_json(&path);
    fs::remove_file(&path).expect("it was written");
    assert_eq!(found.expect("it can be read"), kept);
}

#[test]
fn what_is_not_a_number_comes_back_too() {
    let path = file("not-a-number.json");
    let mut kept = full();
    kept.samples[0].figures.cpu_ns_per_delivery = f64::NAN;
    write_json(&kept, &path).expect("it can be written");
    let found = read_json(&path);
    fs::remove_file(&path).expect("it was written");
    let figures = found.expect("it can be read").samples[0].figures;
    assert!(figures.cpu_ns_per_delivery.is_nan());
}

#[test]
fn a_file_that_is_no_report_is_named_in_the_error() {
    let path = file("no-report.json");
    let error = read_json(&path).expect_err("there is none").to_string();
    assert!(
        error.starts_with("cannot read") && error.contains("no-report.json"),
        "{error}"
    );
    fs::write(&path, "{}").expect("it can be written");
    let error = read_json(&path).expect_err("it is empty").to_string();
    fs::remove_file(&path).expect("it was written");
    assert!(error.contains("no-report.json is no report"), "{error}");
}
