//! `provost-checker`: the command line of the checker.

use std::process::ExitCode;

use provost_checker::{args, judge};

fn main() -> ExitCode {
    let args = match args::parse(std::env::args().skip(1)) {
        Ok(args) => args,
        Err(error) => {
            eprintln!("provost-checker: {error}");
            return ExitCode::from(2);
        }
    };
    if args.help {
        print!("{}", args::HELP);
        return ExitCode::SUCCESS;
    }
    match judge(&args) {
        Ok(report) => {
            if args.json {
                let text = serde_json::to_string_pretty(&report).expect("a report has text keys and finite numbers");
                println!("{text}");
            } else {
                print!("{}", report.text(args.formula));
            }
            if report.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("provost-checker: {error}");
            ExitCode::from(2)
        }
    }
}
