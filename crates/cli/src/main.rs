//! The binary `provost`.

use std::process::ExitCode;

fn main() -> ExitCode {
    provost_cli::main()
}
