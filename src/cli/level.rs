//! The log level that the environment asks for.

use log::LevelFilter;

/// The level that `RUST_LOG` asks for: a bare level, or one for `fanout`. Anything else in it is
/// meant for other programs.
pub(super) fn of_environment() -> LevelFilter {
    let directives = std::env::var("RUST_LOG").unwrap_or_default();
    of_directives(&directives).unwrap_or(LevelFilter::Info)
}

fn of_directives(directives: &str) -> Option<LevelFilter> {
    let mut bare = None;
    for directive in directives.split(',').map(str::trim) {
        match directive.split_once('=') {
            Some(("fanout", level)) => return level.parse().ok(),
            Some(_) => {}
            None => bare = directive.parse().ok().or(bare),
        }
    }
    bare
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_found_among_the_directives_of_others() {
        for (directives, level) in [
            ("debug", Some(LevelFilter::Debug)),
            ("WARN,hyper=trace", Some(LevelFilter::Warn)),
            ("warn,fanout=trace", Some(LevelFilter::Trace)),
            ("hyper=trace", None),
            ("", None),
        ] {
            assert_eq!(of_directives(directives), level, "{directives:?}");
        }
    }
}
