use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use crate::error::Error;

/// A file of JSON objects, one a line, that only grows.
#[derive(Debug)]
pub(crate) struct Jsonl {
    path: PathBuf,
    file: File,
    len: u64,
    /// A failed write could not be taken back: nothing may follow it.
    broken: bool,
}

impl Jsonl {
    /// Opens or makes the file, keeps others from writing to it, and hands every line to `each`.  A last line without its end is what a killed process
    /// leaves: it is cut off, and said so in `notes`.
    pub(crate) fn open<T: DeserializeOwned>(
        path: &Path,
        notes: &mut Vec<String>,
        mut each: impl FnMut(T) -> Result<(), String>,
    ) -> Result<Self, Error> {
        let failed = |what| move |source| Error::File { what, path: path.to_owned(), source };
        let options = OpenOptions::new().read(true).append(true).create(true).clone();
        let mut file = options.open(path).map_err(failed("open"))?;
        let mut text = Vec::new();
        // A pipe or a device is written to, never read.
        if file.metadata().map_err(failed("open"))?.is_file() {
            // Lines of two writers would be numbered twice.
            file.try_lock().map_err(|error| match error {
                TryLockError::WouldBlock => Error::Option(format!(
                    "{} is being written to, by another sandbox or as another of this one's files; give a file of its own",
                    path.display()
                )),
                TryLockError::Error(error) => failed("lock")(error),
            })?;
            file.read_to_end(&mut text).map_err(failed("read"))?;
        }
        let whole = text.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
        for (index, line) in text[..whole].split_inclusive(|b| *b == b'\n').enumerate() {
            let wrong = |why| Error::Line { path: path.to_owned(), line: index as u64 + 1, why };
            let value = serde_json::from_slice(line).map_err(|e| wrong(format!("not a line of this file: {e}")))?;
            each(value).map_err(wrong)?;
        }
        if whole < text.len() {
            file.set_len(whole as u64).map_err(failed("cut the torn last line of"))?;
            notes.push(format!(
                "{}: the last line was torn ({} bytes, a process was killed while writing) and is cut off; \
                 the request it belongs to was never answered",
                path.display(),
                text.len() - whole
            ));
        }
        file.seek(SeekFrom::End(0)).ok();
        Ok(Self { path: path.to_owned(), file, len: whole as u64, broken: false })
    }

    /// Adds whole lines, all or none, and hands them to the system before it returns.
    pub(crate) fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        if self.broken {
            return Err(io::Error::other(format!("{}: an earlier write could not be taken back", self.path.display())));
        }
        if let Err(error) = self.file.write_all(lines).and_then(|()| self.file.flush()) {
            self.cut(self.len);
            return Err(io::Error::new(error.kind(), format!("{}: {error}", self.path.display())));
        }
        self.len += lines.len() as u64;
        Ok(())
    }

    /// How long the file is, to take back what is added from here on.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// Takes back everything after `len`.
    pub(crate) fn cut(&mut self, len: u64) {
        match self.file.set_len(len) {
            Ok(()) => self.len = len,
            Err(_) => self.broken = true,
        }
    }
}
