use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use crate::clock::Clock;
use crate::faults::Faults;

/// What both sandboxes are started with.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where to listen; loopback and any free port by default.
    pub listen: SocketAddr,
    /// How many people the company has at first.  None: what the data folder was made with, else 0.
    pub people: Option<usize>,
    /// What the company is made from.  None: what the data folder was made with, else 1.
    pub seed: Option<u64>,
    /// A folder that keeps the sandbox's state over restarts.
    pub data: Option<PathBuf>,
    /// A file that gets one line for every accepted change, see [`crate::ledger`].
    pub ledger: Option<PathBuf>,
    /// A file that gets one line for every request, see [`crate::access`].
    pub access_log: Option<PathBuf>,
    /// How fast calls may come.
    pub limit: Limit,
    /// What goes wrong on purpose, see [`crate::faults`].
    pub faults: Faults,
    /// Where time comes from.
    pub now: Clock,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            people: None,
            seed: None,
            data: None,
            ledger: None,
            access_log: None,
            limit: Limit::Default,
            faults: Faults::default(),
            now: Clock::System,
        }
    }
}

/// How fast calls may come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Limit {
    /// As the vendor does.
    #[default]
    Default,
    /// As fast as they like.
    Off,
    /// So many per period of the vendor (Lessonly: a minute, Absorb: a second), the burst in proportion.
    PerPeriod(u32),
}

impl std::str::FromStr for Limit {
    type Err = String;

    /// Reads `default`, `off`, or a number of calls.
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "default" => Ok(Self::Default),
            "off" => Ok(Self::Off),
            number => match number.parse() {
                Ok(n) if n > 0 => Ok(Self::PerPeriod(n)),
                _ => Err(format!("`{text}` is no limit: give a number above 0, `off` or `default`")),
            },
        }
    }
}
