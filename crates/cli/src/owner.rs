//! Who this process is to others that share the store, and whether one that holds a lease is known to be gone.
//!
//! An owner is `HOST/PID/START/SPACE`: the start tick tells a process from a later one with the same number, the space is where
//! numbers of processes mean the same (this boot, this container).  Where the system does not tell, nobody is known to be gone, and
//! a lease ends by itself after its time.

use std::fs;

/// This process.
pub(crate) fn owner() -> String {
    let pid = std::process::id();
    format!("{}/{pid}/{}/{}", host(), started(pid).unwrap_or_default(), space())
}

/// Whether the process that an owner names is known to have ended.
pub(crate) fn is_gone(owner: &str) -> bool {
    let mut parts = owner.rsplitn(4, '/');
    let (Some(its_space), Some(its_start), Some(pid)) = (parts.next(), parts.next(), parts.next()) else { return false };
    let Ok(pid) = pid.parse::<u32>() else { return false };
    !its_space.is_empty() && !its_start.is_empty() && its_space == space() && started(pid).as_deref() != Some(its_start)
}

/// The name of the person who uses this machine: not authenticated.
pub(crate) fn user() -> model::Actor {
    let name = ["USER", "LOGNAME", "USERNAME"].iter().find_map(|variable| std::env::var(variable).ok().filter(|name| !name.is_empty()));
    model::Actor { name: name.unwrap_or_else(|| "somebody".to_owned()), proof: model::Proof::Unauthenticated }
}

fn host() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = if name.trim().is_empty() { std::env::var("HOSTNAME").unwrap_or_default() } else { name };
    let name = name.trim().replace('/', "-");
    if name.is_empty() { "this machine".to_owned() } else { name }
}

/// The tick at which a process started (field 22 of its `stat`); none when there is no such process, or no such file.
fn started(pid: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the program's name in parentheses and may hold anything.
    let after_name = stat.rsplit_once(')')?.1;
    let state = after_name.split_whitespace().next()?;
    // A zombie does nothing any more.
    if state == "Z" { None } else { after_name.split_whitespace().nth(19).map(str::to_owned) }
}

/// Empty where the system does not tell.
fn space() -> String {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok();
    let numbers = fs::read_link("/proc/self/ns/pid").ok();
    match (boot, numbers) {
        (Some(boot), Some(numbers)) => model::digest_of(&(boot.trim(), numbers.display().to_string())).short(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_there_and_one_that_ended_is_gone() {
        let own = owner();
        assert!(!is_gone(&own), "{own}");
        if space().is_empty() {
            return;
        }
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let its = format!("{}/{}/{}/{}", host(), child.id(), started(child.id()).unwrap(), space());
        assert!(!is_gone(&its));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(is_gone(&its));
        // The same number, started at another time.
        assert!(is_gone(&format!("host/{}/1/{}", std::process::id(), space())));
        // Elsewhere, or not an owner of this program.
        assert!(!is_gone("host/1/1/elsewhere") && !is_gone("worker") && !is_gone(""));
    }
}
