//! `cargo xtask drill`: builds the drill of `vitals-judge` in release and runs it. What is played and what is
//! held against it stands there and in `vitals-sim`.

use std::process::Command;

use anyhow::{Context as _, bail};

/// What is played when nothing else is asked for: the bar's.
const SEEDS: &str = "1..100";
const HOURS: &str = "48";

/// Runs the drill. `true` when nothing false was told and no fault was missed.
///
/// # Errors
/// When an option is unknown or cargo does not run.
pub fn start(args: &[String]) -> anyhow::Result<bool> {
    let arguments = read(args)?;
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(crate::root()).args([
        "run",
        "--quiet",
        "--release",
        "--package",
        "vitals-judge",
        "--example",
        "drill",
        "--",
    ]);
    Ok(cargo.args(arguments).status().context("cargo does not run")?.success())
}

/// The arguments of the example: seeds, hours, and whether there are faults.
fn read(args: &[String]) -> anyhow::Result<Vec<&str>> {
    let (mut seeds, mut hours, mut faults) = (SEEDS, HOURS, None);
    let mut rest = args.iter().map(String::as_str);
    while let Some(option) = rest.next() {
        match option {
            "--faults" => faults = Some(option),
            "--seed" => seeds = rest.next().context("--seed needs a number, or FIRST..LAST")?,
            "--hours" => hours = rest.next().context("--hours needs a number")?,
            _ => bail!("unknown option {option}; there are --seed, --hours and --faults"),
        }
    }
    Ok([seeds, hours].into_iter().chain(faults).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_of(words: &str) -> Result<String, String> {
        let args: Vec<_> = words.split_whitespace().map(str::to_owned).collect();
        read(&args).map(|read| read.join(" ")).map_err(|e| e.to_string())
    }

    #[test]
    fn the_bar_is_what_is_played_when_nothing_is_said() {
        assert_eq!(read_of("").as_deref(), Ok("1..100 48"));
        assert_eq!(read_of("--faults --seed 7 --hours 3").as_deref(), Ok("7 3 --faults"));
    }

    #[test]
    fn a_word_too_much_is_refused() {
        assert!(read_of("--seed").is_err());
        assert!(read_of("--fault").is_err());
    }
}
