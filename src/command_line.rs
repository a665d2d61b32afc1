// ANCHOR: story
//! # The command line (chapter 20)
//!
//! One program with the roles of a mail system as its commands. Each runs as a process of
//! its own. They meet on the wire and in the folder of a site. The exit status tells a
//! script what happened: 0 all done, 1 refused for good or failed here, 75 try again
//! later, 2 wrong usage.
// ANCHOR_END: story

// ANCHOR: uses
mod args;
mod inbox;
mod input;
mod journey;
mod roles;
mod send;
mod talk;

use crate::client::connect;
use crate::display::printable;
use crate::message::Clock;
use crate::protocol::line::{Socket, Trace};
use crate::protocol::mask::PasswordMask;
use args::Args;
use std::ffi::OsString;
use std::fmt::Display;
use std::io::{self, ErrorKind, Write};
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::process::ExitCode;
use std::time::Duration;
// ANCHOR_END: uses

// ANCHOR: run
/// Runs the program with these arguments, and tells the exit status.
pub fn run(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let done = words(arguments).and_then(|words| dispatch(&words));
    let Err(failure) = done else {
        return ExitCode::SUCCESS;
    };
    complain(&format!("smtp-primer: {}", failure.why));
    ExitCode::from(failure.status)
}
// ANCHOR_END: run

// ANCHOR: failure
/// Why a command did not do what it was asked.
#[derive(Debug)]
struct Failure {
    status: u8,
    why: String,
}
// ANCHOR_END: failure

// ANCHOR: kinds
/// The other side refused for good, or something failed here.
fn failed(why: impl Display) -> Failure {
    let why = why.to_string();
    Failure { status: 1, why }
}

/// It may succeed later: 75, the number in sysexits.h.
fn try_later(why: impl Display) -> Failure {
    let why = why.to_string();
    Failure { status: 75, why }
}

/// The command was not understood.
fn usage(why: impl Display) -> Failure {
    let why = why.to_string();
    Failure { status: 2, why }
}
// ANCHOR_END: kinds

// ANCHOR: words
fn words(arguments: impl Iterator<Item = OsString>) -> Result<Vec<String>, Failure> {
    let word = |argument: OsString| argument.into_string();
    let words: Result<_, OsString> = arguments.map(word).collect();
    words.map_err(|word| usage(format!("{} is not UTF-8", word.display())))
}
// ANCHOR_END: words

// ANCHOR: dispatch
fn dispatch(words: &[String]) -> Result<(), Failure> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] => Err(wrong_command("which command?")),
        ["--version"] => print(concat!("smtp-primer ", env!("CARGO_PKG_VERSION"), "\n")),
        ["help" | "--help" | "-h"] => print(&overview()),
        ["help" | "--help" | "-h", name] => {
            find(name)?;
            print(&manual_page(name))
        }
        [name @ ("--version" | "help" | "--help" | "-h"), ..] => {
            let why = format!("there are too many words after {name}");
            Err(wrong_command(&why))
        }
        [name, rest @ ..] => execute(name, rest),
    }
}
// ANCHOR_END: dispatch

// ANCHOR: execute
fn execute(name: &str, words: &[&str]) -> Result<(), Failure> {
    let work = find(name)?;
    let page = manual_page(name);
    if words.contains(&"--help") || words.contains(&"-h") {
        return print(&page);
    }
    let form = page.split("\n\n").next().unwrap_or_default();
    let mut done = Args::parse(form, words).and_then(|args| work(&args));
    if let Err(Failure { status: 2, why }) = &mut done {
        *why = format!("{name}: {why}\nusage: {form}");
    }
    done
}
// ANCHOR_END: execute

// ANCHOR: commands
/// What does the work of a command.
type Work = fn(&Args) -> Result<(), Failure>;

/// Each command of the manual.
const COMMANDS: [(&str, Work); 10] = [
    ("journey", journey::journey),
    ("init", roles::init),
    ("serve", roles::serve),
    ("pop3", roles::pop3),
    ("relay", roles::relay),
    ("send", send::send),
    ("inbox", inbox::inbox),
    ("show", inbox::show),
    ("talk", talk::talk),
    ("play", talk::play),
];
// ANCHOR_END: commands

// ANCHOR: find
fn find(name: &str) -> Result<Work, Failure> {
    for (known, work) in COMMANDS {
        if known == name {
            return Ok(work);
        }
    }
    Err(wrong_command(&format!("{name} is not a command")))
}

/// A user who does not know the commands sees them at once.
fn wrong_command(why: &str) -> Failure {
    usage(format!("{why}\n\n{}", overview()))
}
// ANCHOR_END: find

// ANCHOR: overview
fn overview() -> String {
    let mut text = "a complete mail system to learn from\n\n".to_string();
    for (name, _) in COMMANDS {
        let page = manual_page(name);
        // After the form and an empty line, the first line says what the command does.
        let about = page.lines().skip_while(|line| !line.is_empty()).nth(1);
        text += &format!("  {name:8} {}\n", about.unwrap_or_default().trim_start());
    }
    text + "\nsmtp-primer help COMMAND says more. Try first: smtp-primer journey\n"
}
// ANCHOR_END: overview

// ANCHOR: manual
/// The manual. Each line that begins with `smtp-primer ` opens the page of a command. The
/// page has the form of the command, then an empty line, then what the command does.
const MANUAL: &str = include_str!("command_line/help.txt");

fn manual_page(name: &str) -> String {
    let mut page = String::new();
    let mut is_its_page = false;
    for line in MANUAL.lines() {
        if let Some(form) = line.strip_prefix("smtp-primer ") {
            is_its_page = form.split(' ').next() == Some(name);
        }
        if is_its_page {
            page += line;
            page += "\n";
        }
    }
    page.trim_end().to_string() + "\n"
}
// ANCHOR_END: manual

// ANCHOR: listen
/// Opens a port, and says which one in the first line of the output.
fn listen(args: &Args, default: &str) -> Result<TcpListener, Failure> {
    let place = args.get("listen").unwrap_or(default);
    let addresses = addresses_of(place)?;
    let cannot = |error| {
        let hint = "--listen takes another port, and port 0 means any that is free";
        failed(format!("cannot listen on {place}: {error}; {hint}"))
    };
    let listener = TcpListener::bind(addresses.as_slice()).map_err(cannot)?;
    let address = listener.local_addr().map_err(cannot)?;
    print(&format!("listening on {address}\n"))?;
    Ok(listener)
}
// ANCHOR_END: listen

// ANCHOR: addresses_of
/// Finds the addresses of `HOST:PORT`. A name may have several addresses, as localhost
/// often has. A server may listen on only one of them, so a client tries them all.
fn addresses_of(place: &str) -> Result<Vec<SocketAddr>, Failure> {
    match place.to_socket_addrs() {
        Ok(addresses) => Ok(addresses.collect()),
        Err(error) if error.kind() == ErrorKind::InvalidInput => {
            let form = "the form is HOST:PORT, such as 127.0.0.1:2525";
            Err(usage(format!("{place}: {form}")))
        }
        Err(error) => Err(try_later(format!("{place}: {error}"))),
    }
}
// ANCHOR_END: addresses_of

// ANCHOR: trace
/// The trace on standard output, unless the user wants quiet. It never shows a password.
fn trace(args: &Args, make: fn(Box<dyn Write>) -> Trace) -> Option<Trace> {
    let quiet = args.flag("quiet");
    (!quiet).then(|| make(Box::new(io::stdout())).with_mask(PasswordMask::default()))
}
// ANCHOR_END: trace

// ANCHOR: call
/// Calls a server. It may be up again in a minute, so a failure here is always a
/// temporary one.
fn call(server: &str, timeout: Duration) -> Result<Socket, Failure> {
    connect(addresses_of(server)?.as_slice(), timeout).map_err(|error| {
        let hint = "does a server listen there?";
        try_later(format!("no connection to {server}: {error}; {hint}"))
    })
}
// ANCHOR_END: call

// ANCHOR: all_of
/// Several failures as one. A failure for good decides; then one that may succeed later.
fn all_of(failures: Vec<Failure>) -> Result<(), Failure> {
    if failures.is_empty() {
        return Ok(());
    }
    let is_for_good = failures.iter().any(|failure| failure.status == 1);
    let lines: Vec<String> = failures.into_iter().map(|failure| failure.why).collect();
    let why = lines.join("\n");
    Err(if is_for_good {
        failed(why)
    } else {
        try_later(why)
    })
}
// ANCHOR_END: all_of

// ANCHOR: print
/// Prints on standard output. Words in the text, and names of files, may come from
/// strangers: they are made harmless.
fn print(text: &str) -> Result<(), Failure> {
    print_raw(&printable(text))
}

/// The same for a text that may drive the terminal. If the reader of a pipe has gone
/// away, nothing has failed here.
fn print_raw(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(failed(format!("standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Prints a line on standard error. The words of strangers in it are made harmless.
fn complain(text: &str) {
    let _ = writeln!(io::stderr(), "{}", printable(text));
}
// ANCHOR_END: print

// ANCHOR: clock
/// The computer's clock; or, for output that is the same each time, the second that
/// `SOURCE_DATE_EPOCH` names (reproducible-builds.org).
fn clock() -> Result<Clock, Failure> {
    let Ok(seconds) = std::env::var("SOURCE_DATE_EPOCH") else {
        return Ok(Clock::new(None));
    };
    let seconds = seconds.parse();
    let why = "SOURCE_DATE_EPOCH must be a number of seconds";
    let seconds = seconds.map_err(|_| usage(why))?;
    Ok(Clock::new(Some(seconds)))
}
// ANCHOR_END: clock
