use std::net::SocketAddr;
use std::path::PathBuf;

/// Why a sandbox could not be opened or started.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder could not be read or written.
    #[error("cannot {what} {}: {source}", path.display())]
    File {
        /// What was tried: "open", "read", "write", …
        what: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A ledger or access log holds a line that this sandbox did not write.
    #[error("{}, line {line}: {why}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Line number, from 1.
        line: u64,
        /// What is wrong with it.
        why: String,
    },
    /// Another process serves this data folder.
    #[error("{} is in use by another sandbox{}; stop it first, or use another --data folder",
        dir.display(), address.map(|a| format!(" at http://{a}")).unwrap_or_default())]
    InUse {
        /// The data folder.
        dir: PathBuf,
        /// Where the other one listens, when it says so.
        address: Option<SocketAddr>,
    },
    /// The data folder was made with other options.
    #[error("{} was made with {option} = {recorded}, not {given}; ask for {recorded}, or use another --data folder", dir.display())]
    OtherOption {
        /// The data folder.
        dir: PathBuf,
        /// The option's name.
        option: &'static str,
        /// What the folder was made with.
        recorded: String,
        /// What was asked for now.
        given: String,
    },
    /// A record of a tenant cannot be held.
    #[error("{record} cannot be held: {why}")]
    Record {
        /// Which: its kind and id.
        record: String,
        /// Why.
        why: String,
    },
    /// An option cannot be used as given.
    #[error("{0}")]
    Option(String),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// A change by hand was refused, or could not be recorded.
    #[error("{0}")]
    ByHand(String),
}
