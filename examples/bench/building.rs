//! Building what is measured, before it is measured.
//!
//! It builds into the folder that this program was built into, in the same profile, so that nothing old is measured.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::Fallible;
use crate::ending::Ended;

/// Builds the relay and all examples with the Cargo that started this program. Without one there is nothing to do.
pub(crate) fn build(builds: &Path) -> Fallible<()> {
    let Some(cargo) = std::env::var_os("CARGO") else {
        println!("not started by cargo: what is built already is measured");
        return Ok(());
    };
    let mut command = Command::new(cargo);
    command.args(arguments(builds)?);
    let words: Vec<_> = command
        .get_args()
        .map(|word| word.display().to_string())
        .collect();
    println!("building: cargo {}", words.join(" "));
    // Its variables would make the build of another package differ from one that is started by hand.
    command
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::null());
    let mut child = Ended::spawn(&mut command)?;
    let status = child.0.wait()?;
    if !status.success() {
        return Err(format!("the build failed ({status})").into());
    }
    Ok(())
}

/// The words after `cargo`.
fn arguments(builds: &Path) -> Fallible<Vec<String>> {
    let name = builds
        .file_name()
        .ok_or("the build is in no folder")?
        .display()
        .to_string();
    let target = builds
        .parent()
        .ok_or("the build is in no folder")?
        .display()
        .to_string();
    let profile = match name.as_str() {
        // The one profile whose folder has another name.
        "debug" => vec!["--profile=dev".to_owned()],
        "release" => vec!["--release".to_owned()],
        other => vec![format!("--profile={other}")],
    };
    let what = ["build", "--bin=fanout", "--examples"].map(String::from);
    let folder = [format!("--target-dir={target}")];
    Ok(what.into_iter().chain(profile).chain(folder).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_profile_is_that_of_the_folder() {
        for (folder, profile) in [
            ("debug", "--profile=dev"),
            ("release", "--release"),
            ("slow", "--profile=slow"),
        ] {
            let words =
                arguments(&Path::new("/here/target").join(folder)).expect("it is in a folder");
            assert_eq!(words[3..], [profile, "--target-dir=/here/target"]);
        }
    }
}
