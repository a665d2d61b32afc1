// ANCHOR: main
//! The program: see [`smtp_primer::command_line`].

use std::process::ExitCode;

fn main() -> ExitCode {
    smtp_primer::command_line::run(std::env::args_os().skip(1))
}
// ANCHOR_END: main
