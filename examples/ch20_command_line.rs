//! The program as a function: `main` hands it the words of the command line, and it returns the
//! exit status. So other programs, this one too, can learn from the status alone what happened.
//!
//! Run it with `cargo run --example ch20_command_line`.

use smtp_primer::command_line;
use std::ffi::OsString;
use std::io::Result;
use std::net::TcpListener;
use std::process::ExitCode;

fn main() {
    if std::env::args().len() > 1 {
        eprintln!("usage: cargo run --example ch20_command_line");
        std::process::exit(2);
    }
    println!("Look for the exit status: 0 done, 1 refused or failed, 2 wrong usage, 75 try later.");
    let site = std::env::temp_dir().join(format!("ch20_command_line-{}", std::process::id()));
    let shown = examples(&site.to_string_lossy());
    let _ = std::fs::remove_dir_all(&site);
    if let Err(why) = shown {
        eprintln!("{why}");
        std::process::exit(1);
    }
}

fn examples(site: &str) -> Result<()> {
    // ANCHOR: goal
    // A port that was free a moment ago: nobody listens there.
    let nobody = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
    let init = ["init", site, "--domain", "a.example"];
    show(&init, "makes a site");
    show(&init, "does not make it twice");
    show(&["relay", site, "--once"], "finds nothing to do");
    show(&["relay", site, "--often"], "knows its options");
    show(&["talk", &nobody], "could work tomorrow");
    // ANCHOR_END: goal
    Ok(())
}

fn show(words: &[&str], what: &str) {
    println!("\n--- {what}\n$ smtp-primer {}", words.join(" "));
    let status = command_line::run(words.iter().map(OsString::from));
    for code in [0, 1, 2, 75] {
        if status == ExitCode::from(code) {
            println!("exit status {code}");
        }
    }
}
