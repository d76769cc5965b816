//! The report as tables, for people.

use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{CellAlignment, Table};

use crate::report::{Ages, Ranges, Report};

impl Report {
    pub(crate) fn print_tables(&self) {
        println!(
            "{} clients for {:.0} s, --seed {}: the books compared {} times, the process looked at {} times\n",
            self.clients, self.seconds, self.seed, self.checks, self.looks
        );
        println!("{}\n", self.events());
        println!(
            "What was in kernels when clients left was delivered and not received, and said and not heard; and who\n\
             left while it was skipped has not seen the gap. Exact balances are drawn up where nobody is under way.\n"
        );
        println!("{}\n", self.process());
        println!("{}\n", self.growth());
        println!(
            "GROWS means: the interval lies above 0, and what came in after the warm-up is more than is allowed."
        );
        for line in &self.failures {
            println!(
                "A client with a failing socket, as it may happen to one that does not read: {line}"
            );
        }
        println!("Broken promises: {}", self.broken_count);
        for line in &self.broken {
            println!("  {line}");
        }
    }

    fn events(&self) -> Table {
        let mut table = begin(["what happened", "from outside", "the server says"]);
        let Self {
            upstream,
            seen,
            said,
            ..
        } = self;
        let rows = [
            ("frames from the upstream", upstream.frames, said.frames),
            (
                "upstream connections",
                upstream.connects,
                said.upstream_connects,
            ),
            (
                "upstream cut by FIN or RST",
                upstream.cuts(),
                said.upstream_losses,
            ),
            (
                "bytes of cut frames",
                upstream.partial_bytes,
                said.discarded_bytes,
            ),
            ("client connections", seen.connects, said.accepted),
            (
                "clients that left by themselves",
                seen.left_by_themselves,
                said.left_closed,
            ),
            (
                "thrown out for not reading",
                seen.thrown_out_behind,
                said.left_behind(),
            ),
            (
                "thrown out for flooding",
                seen.thrown_out_flooding,
                said.left_flood,
            ),
            ("thrown out for nothing", seen.wronged, 0),
            ("frames received, delivered", seen.frames, said.delivered),
            ("frames missing, skipped", seen.missing, said.skipped),
            (
                "bytes sent by clients, heard",
                seen.said_bytes,
                said.heard_bytes,
            ),
        ];
        for (what, seen, said) in rows {
            table.add_row([what.to_owned(), seen.to_string(), said.to_string()]);
        }
        // From outside it is not seen what a client that left would still have been given.
        let abandoned = said.abandoned.to_string();
        table.add_row(["frames abandoned".to_owned(), "-".to_owned(), abandoned]);
        align(table)
    }

    fn process(&self) -> Table {
        let mut table = begin(["the server's process", "least", "mean", "most"]);
        let Ranges {
            resident_mib,
            descriptors,
            cpu_percent,
            turns_per_second,
            tcp_memory_mib,
        } = self.ranges;
        let rows = [
            ("resident memory, MiB", resident_mib),
            ("descriptors", descriptors),
            ("CPU, % of a core", cpu_percent),
            ("turns a second", turns_per_second),
            ("TCP memory of the machine, MiB", tcp_memory_mib),
        ];
        for (what, range) in rows {
            let [least, mean, most] =
                [range.least, range.mean, range.most].map(|value| format!("{value:.2}"));
            table.add_row([what.to_owned(), least, mean, most]);
        }
        let Ages {
            half, p99, most, ..
        } = self.age_ms;
        let ages = [half, p99, most].map(|value| format!("{value:.2}"));
        let [half, p99, most] = ages;
        let what = "age of a frame when read, ms (median, p99, most)".to_owned();
        table.add_row([what, half, p99, most]);
        let what = "longest turn of the soak's clients, ms".to_owned();
        let longest = format!("{:.2}", self.longest_turn_ms);
        table.add_row([what, String::new(), String::new(), longest]);
        let [server, own, others] = self.cores.map(|cores| format!("{cores:.2}"));
        let what = "busy cores (server, soak, others)".to_owned();
        table.add_row([what, server, own, others]);
        align(table)
    }

    fn growth(&self) -> Table {
        let mut table = begin(["after the warm-up", "an hour", "± 95 %", "over", "verdict"]);
        let rows = [
            ("resident memory, KiB", &self.memory, 1024.0),
            ("descriptors", &self.descriptors, 1.0),
        ];
        for (what, growth, unit) in rows {
            let Some(growth) = growth else {
                continue;
            };
            table.add_row([
                what.to_owned(),
                format!("{:.2}", growth.per_hour / unit),
                format!("{:.2}", growth.per_hour_margin / unit),
                format!("{:.0} s", growth.fit.span),
                growth.verdict().to_owned(),
            ]);
        }
        align(table)
    }
}

fn begin<const COLUMNS: usize>(heads: [&str; COLUMNS]) -> Table {
    let mut table = Table::new();
    table.load_preset(ASCII_MARKDOWN).set_header(heads);
    table
}

fn align(mut table: Table) -> Table {
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}
