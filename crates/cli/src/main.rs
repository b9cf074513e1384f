//! The binary `provost`.

use std::process::ExitCode;

/// Planning makes and drops millions of small values: docs/decisions/0030.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    provost_cli::main()
}
