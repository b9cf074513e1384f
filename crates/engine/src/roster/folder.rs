//! A folder that exports are put into: the newest of them is the roster.

use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The file that a path means: itself, or, of a folder, the CSV or XLSX file in it that was written last; of two written at the same time the
/// one whose name comes last.  Hidden files are none.
///
/// # Errors
/// There is none, or the folder cannot be read.
pub(crate) fn newest(path: &Path) -> io::Result<PathBuf> {
    if !path.is_dir() {
        return Ok(path.to_owned());
    }
    let mut found: Option<(SystemTime, PathBuf)> = None;
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().to_lowercase();
        if name.starts_with(['.', '~']) || !(name.ends_with(".csv") || name.ends_with(".xlsx")) {
            continue;
        }
        // One that was taken away just now is not there.
        let Ok(about) = entry.metadata() else { continue };
        if about.is_file() {
            found = found.max(Some((about.modified()?, entry.path())));
        }
    }
    let none = || io::Error::new(io::ErrorKind::NotFound, "the folder has no file that ends in .csv or .xlsx");
    found.map(|(_, path)| path).ok_or_else(none)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn of_a_folder_the_newest_roster_is_read_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        assert!(newest(dir.path()).is_err());
        let begun = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        for (name, second) in [("b.csv", 5), ("a.CSV", 5), ("old.xlsx", 1), (".new.csv", 9), ("new.csv.part", 9), ("~$b.xlsx", 9)] {
            let file = std::fs::File::create(dir.path().join(name)).unwrap();
            file.set_modified(begun + Duration::from_secs(second)).unwrap();
        }
        assert_eq!(newest(dir.path()).unwrap(), dir.path().join("b.csv"));
        let itself = dir.path().join("there.is.none");
        assert_eq!(newest(&itself).unwrap(), itself);
    }
}
