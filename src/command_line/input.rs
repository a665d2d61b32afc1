// ANCHOR: story
//! What the user gives to a user agent: at the terminal, in a file, on standard input.

use super::args::Args;
use super::{Failure, failed, usage};
use crate::protocol::sasl::Credentials;
use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
// ANCHOR_END: story

// ANCHOR: ask
/// The value of an option. If it is missing, we ask for it where a person sits at a
/// terminal.
pub fn ask(args: &Args, name: &str, question: &str) -> Result<String, Failure> {
    match args.get(name) {
        // --from '' means nobody. A person who just presses Enter does not mean that.
        None if io::stdin().is_terminal() => match prompt(question)? {
            answer if answer.is_empty() => Err(usage(format!("--{name} is missing"))),
            answer => Ok(answer),
        },
        _ => args.need(name).map(str::to_string),
    }
}

pub fn prompt(question: &str) -> Result<String, Failure> {
    let mut answer = String::new();
    let _ = write!(io::stderr(), "{question}: ");
    let read = io::stdin().read_line(&mut answer);
    read.map_err(|error| failed(format!("standard input: {error}")))?;
    Ok(answer.trim().to_string())
}
// ANCHOR_END: ask

// ANCHOR: read
/// A file, or standard input for `-`.
pub fn read(file: &str) -> Result<Vec<u8>, Failure> {
    read_most(file, u64::MAX)
}

/// The same, but at most `most` octets of it.
pub fn read_most(file: &str, most: u64) -> Result<Vec<u8>, Failure> {
    let mut octets = Vec::new();
    let read = match file {
        "-" => io::stdin().take(most).read_to_end(&mut octets),
        file => File::open(file).and_then(|file| file.take(most).read_to_end(&mut octets)),
    };
    match read {
        Ok(_) => Ok(octets),
        Err(error) => Err(failed(format!("{file}: {error}"))),
    }
}
// ANCHOR_END: read

// ANCHOR: credentials
/// A user agent takes no password from the command line: everybody on this computer can
/// read that.
pub fn credentials(user: &str, args: &Args) -> Result<Credentials, Failure> {
    let user = user.to_string();
    let password = match args.get("password-file") {
        Some(file) => first_line(file)?,
        None if io::stdin().is_terminal() => prompt("Password (it is shown as you type)")?,
        None => return Err(usage("--password-file is missing")),
    };
    Ok(Credentials { user, password })
}
// ANCHOR_END: credentials

// ANCHOR: first_line
/// A password ends with its line.
fn first_line(file: &str) -> Result<String, Failure> {
    let why = "its first line holds no password in UTF-8";
    let text = String::from_utf8(read(file)?).unwrap_or_default();
    match text.lines().next() {
        Some(line) if !line.is_empty() => Ok(line.to_string()),
        _ => Err(failed(format!("{file}: {why}"))),
    }
}
// ANCHOR_END: first_line
