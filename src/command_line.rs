//! # The command line (chapter 20)
//!
//! One program with the roles of a mail system as its commands. Each is a process of its own; they
//! meet on the wire and in the folder of a site. What happened is told by the exit status: 0
//! all done, 1 refused for good or failed here, 75 try again later, 2 wrong usage.

mod args;
mod journey;
mod roles;
mod talk;
mod user_agent;

use crate::client::connect;
use crate::message::Clock;
use crate::protocol::line::{Socket, Trace};
use args::{Args, look_up};
use std::ffi::OsString;
use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::net::TcpListener;
use std::process::ExitCode;
use std::time::Duration;

/// A command: its name, its form, what it does, and whom to call.
struct Command {
    name: &'static str,
    form: &'static str,
    about: &'static str,
    run: fn(&Args) -> Result<(), Failure>,
}

const COMMANDS: [Command; 10] = [
    Command {
        name: "journey",
        form: "[--keep] [--pause]",
        about: "six narrated steps: a letter from one site to another, with real servers\n\
                --keep   leave the two sites in place, and say where\n\
                --pause  wait for Enter between the steps",
        run: journey::journey,
    },
    Command {
        name: "init",
        form: "DIR --domain D [--user NAME:PASSWORD]...",
        about: "make a site, the folder of a mail server",
        run: roles::init,
    },
    Command {
        name: "serve",
        form: "DIR [--listen HOST:PORT] [--sessions N] [--timeout SECS] [--max-size BYTES] \
               [--quiet]",
        about: "receive letters by SMTP; it listens on 127.0.0.1:2525 unless told otherwise\n\
                --sessions N   stop after N connections\n\
                --timeout      how long to wait for each line; 300 unless told otherwise\n\
                --max-size     the longest letter to take",
        run: roles::serve,
    },
    Command {
        name: "pop3",
        form: "DIR [--listen HOST:PORT] [--sessions N] [--timeout SECS] [--quiet]",
        about: "let users fetch their letters; it listens on 127.0.0.1:2110 unless told otherwise\n\
                --sessions N   stop after N connections\n\
                --timeout      how long to wait for each line; 600 unless told otherwise",
        run: roles::pop3,
    },
    Command {
        name: "relay",
        form: "DIR [--once] [--retry SECS] [--give-up SECS] [--quiet]",
        about: "hand on the letters that wait in the queue\n\
                --once     one look at the queue, then stop\n\
                --retry    the first wait after a failure; 1800 unless told otherwise\n\
                --give-up  how old a letter may get; 432000, five days, unless told otherwise",
        run: roles::relay,
    },
    Command {
        name: "send",
        form: "--server HOST:PORT --from A --to B [--to C]... [--subject S]\n\
               [--header 'Name: value']... [--body FILE | --message FILE]\n\
               [--user U --password-file F] [--helo NAME] [--timeout SECS] [--quiet]",
        about: "write a letter and send it; without --body the text comes from standard input\n\
                --from ''   the sender that is nobody, <>\n\
                --message   send this file as it is, header and all",
        run: user_agent::send,
    },
    Command {
        name: "inbox",
        form: "--server HOST:PORT --user U [--password-file F] [--keep] [--timeout SECS]",
        about: "fetch letters by POP3 and show them\n\
                --keep  leave them on the server",
        run: user_agent::inbox,
    },
    Command {
        name: "show",
        form: "FILE",
        about: "show a letter as a user agent does; - reads standard input",
        run: user_agent::show,
    },
    Command {
        name: "talk",
        form: "HOST:PORT",
        about: "type SMTP or POP3 by hand; each Enter sends CR LF",
        run: talk::talk,
    },
    Command {
        name: "play",
        form: "FILE (--server HOST:PORT | --listen HOST:PORT)",
        about: "play one side of a dialogue file, and compare what the other side says",
        run: talk::play,
    },
];

/// Why a command did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The other side refused for good, or something failed here. Exit status 1.
    Failed(String),
    /// It may go well later. Exit status 75, as sysexits.h has it.
    TryLater(String),
    /// The command was not understood. Exit status 2.
    Usage(String),
}

impl Failure {
    fn status(&self) -> u8 {
        match self {
            Failure::Failed(_) => 1,
            Failure::TryLater(_) => 75,
            Failure::Usage(_) => 2,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Failure::Failed(why) | Failure::TryLater(why) | Failure::Usage(why)) = self;
        f.write_str(why)
    }
}

/// Runs the program with these arguments, and tells the exit status.
pub fn run(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    match dispatch(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let _ = writeln!(io::stderr(), "smtp-primer: {failure}");
            ExitCode::from(failure.status())
        }
    }
}

fn dispatch(arguments: impl Iterator<Item = OsString>) -> Result<(), Failure> {
    let mut words = Vec::new();
    for argument in arguments {
        let word = argument.into_string();
        words
            .push(word.map_err(|word| Failure::Usage(format!("{} is not UTF-8", word.display())))?);
    }
    let Some((name, rest)) = words.split_first() else {
        return Err(Failure::Usage(format!("which command?\n\n{}", overview())));
    };
    match name.as_str() {
        "--version" | "-V" if rest.is_empty() => {
            print(concat!("smtp-primer ", env!("CARGO_PKG_VERSION"), "\n"))
        }
        "help" | "--help" | "-h" if rest.len() < 2 => match rest.first() {
            Some(topic) => print(&find(topic)?.help()),
            None => print(&overview()),
        },
        "--version" | "-V" | "help" | "--help" | "-h" => {
            let why = format!("there is a word too many after {name}");
            Err(Failure::Usage(format!("{why}\n\n{}", overview())))
        }
        name => {
            let command = find(name)?;
            if rest.iter().any(|word| word == "--help" || word == "-h") {
                return print(&command.help());
            }
            let args = Args::parse(command.form, rest);
            (command.run)(&args.map_err(|why| command.usage(&why))?).map_err(
                |failure| match failure {
                    Failure::Usage(why) => command.usage(&why),
                    failure => failure,
                },
            )
        }
    }
}

impl Command {
    fn help(&self) -> String {
        let form = self.form.replace('\n', "\n       ");
        format!("smtp-primer {} {form}\n\n{}\n", self.name, self.about)
    }

    fn usage(&self, why: &str) -> Failure {
        let form = self.form.replace('\n', "\n       ");
        Failure::Usage(format!(
            "{}: {why}\nusage: smtp-primer {} {form}",
            self.name, self.name
        ))
    }
}

fn find(name: &str) -> Result<&'static Command, Failure> {
    let command = COMMANDS.iter().find(|command| command.name == name);
    command.ok_or_else(|| Failure::Usage(format!("{name} is no command\n\n{}", overview())))
}

fn overview() -> String {
    let mut text = "a complete mail system to learn from\n\n".to_string();
    for command in &COMMANDS {
        let about = command.about.lines().next().unwrap_or_default();
        text += &format!("  {:8} {about}\n", command.name);
    }
    text + "\nsmtp-primer help COMMAND says more. Try first: smtp-primer journey\n"
}

/// Prints for people and programs. That the reader of a pipe has gone away is no failure of ours.
fn print(text: &str) -> Result<(), Failure> {
    match write(text) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::Failed(format!("standard output: {error}")))
        }
        _ => Ok(()),
    }
}

fn write(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// A line for people, on standard error.
fn note(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Bold, where the output is a terminal and nobody has asked for plain text (no-color.org).
fn bold(text: &str) -> String {
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    if plain || !io::stdout().is_terminal() {
        return text.to_string();
    }
    format!("\x1b[1m{text}\x1b[0m")
}

/// Opens a port, and says which: the first line of the output.
fn listen(args: &Args, default: &str) -> Result<TcpListener, Failure> {
    let addresses = args.addresses("listen", default)?;
    let bound = TcpListener::bind(addresses.as_slice());
    let (listener, address) = bound
        .and_then(|listener| listener.local_addr().map(|address| (listener, address)))
        .map_err(|error| {
            let place = args.get("listen").unwrap_or(default);
            Failure::Failed(format!(
                "cannot listen on {place}: {error}; --listen takes another port, and port 0 \
                 means any that is free"
            ))
        })?;
    print(&format!("listening on {address}\n"))?;
    Ok(listener)
}

/// Calls a server. It may be up again in a minute, so it is never a failure for good.
fn call(server: &str, patience: Duration) -> Result<Socket, Failure> {
    connect(look_up(server)?.as_slice(), patience).map_err(|error| {
        Failure::TryLater(format!(
            "no connection to {server}: {error}; does a server listen there?"
        ))
    })
}

/// The trace on standard output, unless the user wants quiet.
fn trace(args: &Args, make: fn(Box<dyn Write>) -> Trace) -> Option<Trace> {
    if args.flag("quiet") {
        None
    } else {
        Some(make(Box::new(io::stdout())))
    }
}

/// The computer's clock; or, for output that is the same each time, the second that
/// `SOURCE_DATE_EPOCH` names (reproducible-builds.org).
fn clock() -> Result<Clock, Failure> {
    match std::env::var("SOURCE_DATE_EPOCH") {
        Ok(seconds) => match seconds.parse() {
            Ok(seconds) => Ok(Clock::new(Some(seconds))),
            Err(_) => Err(Failure::Usage(
                "SOURCE_DATE_EPOCH is a number of seconds".to_string(),
            )),
        },
        Err(_) => Ok(Clock::new(None)),
    }
}
