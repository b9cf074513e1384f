//! Disks that are full, fail or may not be written to, for a test; commands that meet a fault of the system.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A small disk in memory.
#[derive(Debug)]
pub(crate) struct Small(PathBuf);

impl Small {
    /// Mounts one in a new folder; none where the system lets us mount nothing.
    pub(crate) fn at(folder: &Path, kib: usize) -> Option<Self> {
        fs::create_dir_all(folder).expect("a folder");
        let mounted = mount(&["-t", "tmpfs", "-o", &format!("size={kib}k"), "tmpfs"], folder);
        if !mounted {
            eprintln!("nothing can be mounted here: what a small disk shows is held by the injected faults alone");
        }
        mounted.then(|| Self(folder.to_owned()))
    }

    /// Fills it but for so many bytes, in whole pages.
    pub(crate) fn fill(&self, but: usize) {
        let mut ballast = File::create(self.0.join("ballast")).expect("a file");
        let mut len = 0_u64;
        // The last write may be taken in part.
        while let Ok(taken @ 1..) = ballast.write(&[0_u8; 4096]) {
            len += taken as u64;
        }
        ballast.set_len(len.saturating_sub(but as u64)).expect("it shrinks");
    }

    /// Gives the space back.
    pub(crate) fn free(&self) {
        fs::remove_file(self.0.join("ballast")).expect("it was filled");
    }

    /// Nothing more can be written to it.
    pub(crate) fn read_only(&self, read_only: bool) {
        let option = if read_only { "remount,ro" } else { "remount,rw" };
        assert!(mount(&["-o", option], &self.0), "it is mounted and can be mounted otherwise");
    }

    /// Whatever is there, by name.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).expect("the folder is listed");
        let mut names: Vec<String> = entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        Command::new("umount").arg("-l").arg(&self.0).status().ok();
        // Where it was mounted over a folder that was to be removed, that could not be.
        fs::remove_dir(&self.0).ok();
    }
}

fn mount(options: &[&str], folder: &Path) -> bool {
    let output = Command::new("mount").args(options).arg(folder).output();
    output.is_ok_and(|output| output.status.success())
}

/// What runs the binary with a fault at some of its calls to the system that are about these files: `pwrite64:error=ENOSPC:when=3+`.
pub(crate) fn faulty(fault: &str, files: &[PathBuf]) -> Vec<String> {
    let call = fault.split(':').next().unwrap_or_default();
    let mut words: Vec<String> = ["strace", "-f", "-qqq", "--seccomp-bpf", "-o", "/dev/null"].map(str::to_owned).into();
    words.extend(["-e".to_owned(), format!("trace={call}"), "-e".to_owned(), format!("inject={fault}")]);
    for file in files {
        words.extend(["-P".to_owned(), file.display().to_string()]);
    }
    words
}
