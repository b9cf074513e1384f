//! Runs `cargo`.

use std::env;
use std::process::Command;

/// Runs cargo with these words and these variables set, and says what it runs.
pub(crate) fn cargo(words: &[&str], variables: &[(&str, &str)]) -> Result<(), String> {
    let set: String = variables.iter().map(|(name, value)| format!("{name}={value} ")).collect();
    println!("{set}cargo {}", words.join(" "));
    let cargo = env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    match Command::new(cargo).args(words).envs(variables.iter().copied()).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("cargo {} failed ({status})", words.join(" "))),
        Err(error) => Err(format!("cargo cannot be started: {error}")),
    }
}
