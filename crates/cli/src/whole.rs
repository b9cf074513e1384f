//! Files that are there whole or not at all: written beside their place, flushed to disk, and only then given their name.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Who may read a new file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readers {
    /// Whoever the system lets by default.
    Usual,
    /// Its owner only.
    Owner,
}

/// A file that is on disk, and waits for its name; dropped, it never was.
#[derive(Debug)]
pub(crate) struct Staged {
    /// The name that it is to have.
    name: PathBuf,
    /// Where it lies until then; nothing once it has its name, or was written where it is.
    part: Option<PathBuf>,
}

impl Staged {
    /// Writes all of it beside its place.  What is no file (a device, a pipe) has nothing beside it, and is written to at once.
    ///
    /// # Errors
    /// It cannot be written; nothing is left of it then.
    pub(crate) fn write(name: &Path, bytes: &[u8], readers: Readers) -> io::Result<Self> {
        let known = fs::metadata(name).ok();
        if let Some(other) = known.as_ref().filter(|known| !known.is_file()) {
            if other.is_dir() {
                return Err(io::Error::from(io::ErrorKind::IsADirectory));
            }
            OpenOptions::new().write(true).open(name)?.write_all(bytes)?;
            return Ok(Self { name: name.to_owned(), part: None });
        }
        // A link stays one: what it leads to is replaced.
        let name = if known.is_some() { fs::canonicalize(name)? } else { name.to_owned() };
        let mut part = OsString::from(".");
        part.push(name.file_name().ok_or(io::ErrorKind::InvalidInput)?);
        part.push(format!(".{}.part", std::process::id()));
        let part = name.with_file_name(part);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        if readers == Readers::Owner {
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        }
        let mut file = options.open(&part)?;
        let staged = Self { name, part: Some(part) };
        file.write_all(bytes)?;
        if let Some(known) = known {
            file.set_permissions(known.permissions())?;
        }
        file.sync_all()?;
        Ok(staged)
    }

    /// Gives it its name, in place of what had it.
    ///
    /// # Errors
    /// It cannot be named so; what had the name has it still.
    pub(crate) fn replace(mut self) -> io::Result<()> {
        let Some(part) = &self.part else { return Ok(()) };
        fs::rename(part, &self.name)?;
        self.part = None;
        flush_folder(&self.name)
    }

    /// Gives it its name, which nothing may have.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] when something has it; it cannot be named so.
    pub(crate) fn add(mut self) -> io::Result<()> {
        let Some(part) = &self.part else { return Err(io::ErrorKind::AlreadyExists.into()) };
        match fs::hard_link(part, &self.name) {
            // Not every file system has links.
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                if self.name.symlink_metadata().is_ok() {
                    return Err(io::ErrorKind::AlreadyExists.into());
                }
                fs::rename(part, &self.name)?;
                self.part = None;
            }
            linked => linked?,
        }
        drop(self.part.take().map(fs::remove_file));
        flush_folder(&self.name)
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if let Some(part) = &self.part {
            // If it cannot be removed it lies there under a name of its own, and does no harm.
            fs::remove_file(part).ok();
        }
    }
}

/// The name is on disk when this returns.
#[cfg(unix)]
fn flush_folder(name: &Path) -> io::Result<()> {
    let folder = name.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn flush_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_there_whole_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("plan.json");
        let staged = Staged::write(&path, b"one", Readers::Usual).unwrap();
        assert!(!path.exists() && names(dir.path()).len() == 1);
        drop(staged);
        assert!(names(dir.path()).is_empty());
        Staged::write(&path, b"one", Readers::Usual).unwrap().add().unwrap();
        let refused = Staged::write(&path, b"two", Readers::Usual).unwrap().add().unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"one");
        Staged::write(&path, b"two", Readers::Usual).unwrap().replace().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(names(dir.path()), ["plan.json"]);
        assert!(Staged::write(dir.path(), b"", Readers::Usual).is_err());
        assert!(Staged::write(&dir.path().join("no/such/folder"), b"", Readers::Usual).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn what_was_there_keeps_its_links_and_its_rights() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let (path, link) = (dir.path().join("plan.json"), dir.path().join("latest.json"));
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink("plan.json", &link).unwrap();
        Staged::write(&link, b"new", Readers::Usual).unwrap().replace().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert!(link.symlink_metadata().unwrap().is_symlink());
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o640);
        let full = Staged::write(Path::new("/dev/full"), b"new", Readers::Usual).unwrap_err();
        assert_eq!(full.kind(), io::ErrorKind::StorageFull);
    }
}
