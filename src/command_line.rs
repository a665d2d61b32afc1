//! # The command line (chapter 20)
//!
//! One program with the roles of a mail system as its commands. Each is a process of its own; they
//! meet on the wire and in the folder of a site. What happened is told by the exit status: 0
//! all done, 1 refused for good or failed here, 75 try again later, 2 wrong usage.

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
                --max-size     the longest letter to take\n\
                --quiet        no trace. If output goes to a pipe, something has to read it:\n\
                a trace, or a complaint, that nobody reads stops the server",
        run: roles::serve,
    },
    Command {
        name: "pop3",
        form: "DIR [--listen HOST:PORT] [--sessions N] [--timeout SECS] [--quiet]",
        about: "let users fetch their letters; it listens on 127.0.0.1:2110 unless told otherwise\n\
                --sessions N   stop after N connections\n\
                --timeout      how long to wait for each line; 600 unless told otherwise\n\
                --quiet        no trace. If output goes to a pipe, something has to read it:\n\
                a trace, or a complaint, that nobody reads stops the server",
        run: roles::pop3,
    },
    Command {
        name: "relay",
        form: "DIR [--once] [--retry SECS] [--give-up SECS] [--timeout SECS] [--quiet]",
        about: "hand on the letters that wait in the queue\n\
                --once     one look at the queue, then stop\n\
                --retry    the first wait after a failure; 1800 unless told otherwise\n\
                --give-up  how old a letter may get; 432000, five days, unless told otherwise\n\
                --timeout  how long to wait for each answer; minutes, as RFC 5321 wishes,\n\
                unless told otherwise. To find the hosts of a domain by DNS takes no more\n\
                than 60 seconds in any case; then the hosts found so far are tried\n\
                --quiet    no trace. If output goes to a pipe, something has to read it",
        run: roles::relay,
    },
    Command {
        name: "send",
        form: "--server HOST:PORT --from A --to B [--to C]... [--cc D]... [--bcc E]...\n\
               [--subject S] [--header 'Name: value']... [--body FILE | --message FILE]\n\
               [--user U --password-file F] [--helo NAME] [--timeout SECS] [--quiet]",
        about: "write a letter and send it; without --body the text comes from standard input\n\
                --from ''   the sender that is nobody, <>\n\
                --to        an address alone; each recipient has an option of its own\n\
                --cc        the letter goes to them, too, and names them as readers\n\
                --bcc       the letter goes to them, too, and does not name them\n\
                --header    one more field, in any language: 'From: Bob <bob@b.example>'\n\
                --message   send this file as it is, header and all",
        run: send::send,
    },
    Command {
        name: "inbox",
        form: "--server HOST:PORT --user U [--password-file F] [--into DIR] [--keep]\n\
               [--timeout SECS]",
        about: "show the letters that wait on a POP3 server; they stay there\n\
                --into DIR  also put each of them into DIR, a Maildir of your own, and then remove\n\
                it from the server; if the connection breaks, it may come a second time.\n\
                DIR is made if it is not there; show DIR/new/NAME reads a letter again\n\
                --keep      means nothing any more\n\
                --timeout   how long to wait for each answer; 60 unless told otherwise",
        run: inbox::inbox,
    },
    Command {
        name: "show",
        form: "FILE",
        about: "show a letter as a user agent does; - reads standard input\n\
                what the letter says is indented, and long texts are cut",
        run: inbox::show,
    },
    Command {
        name: "talk",
        form: "HOST:PORT",
        about: "type SMTP or POP3 by hand; each Enter sends CR LF\n\
                It waits five minutes for an answer; Ctrl-C ends it.",
        run: talk::talk,
    },
    Command {
        name: "play",
        form: "FILE (--server HOST:PORT | --listen HOST:PORT) [--timeout SECS]",
        about: "play one side of a dialogue file, and compare what the other side says\n\
                --timeout  how long the other side may take for each line; 300 unless told otherwise\n\
                Exit status 1: the other side said something else, or closed, or was silent.",
        run: talk::play,
    },
];

/// Why a command did not do what it was asked.
#[derive(Debug)]
struct Failure {
    status: u8,
    why: String,
}

/// The other side refused for good, or something failed here.
fn failed(why: impl Display) -> Failure {
    let why = why.to_string();
    Failure { status: 1, why }
}

/// It may go well later: 75, as sysexits.h has it.
fn try_later(why: impl Display) -> Failure {
    let why = why.to_string();
    Failure { status: 75, why }
}

/// The command was not understood.
fn usage(why: impl Display) -> Failure {
    let why = why.to_string();
    Failure { status: 2, why }
}

/// Runs the program with these arguments, and tells the exit status.
pub fn run(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let done = words(arguments).and_then(|words| dispatch(&words));
    let Err(failure) = done else {
        return ExitCode::SUCCESS;
    };
    note(&format!("smtp-primer: {}", failure.why));
    ExitCode::from(failure.status)
}

fn words(arguments: impl Iterator<Item = OsString>) -> Result<Vec<String>, Failure> {
    let word = |argument: OsString| argument.into_string();
    let words: Result<_, OsString> = arguments.map(word).collect();
    words.map_err(|word| usage(format!("{} is not UTF-8", word.display())))
}

fn dispatch(words: &[String]) -> Result<(), Failure> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] => Err(lost("which command?")),
        ["--version"] => print(concat!("smtp-primer ", env!("CARGO_PKG_VERSION"), "\n")),
        ["help" | "--help" | "-h"] => print(&overview()),
        ["help" | "--help" | "-h", topic] => print(&find(topic)?.help()),
        [name @ ("--version" | "help" | "--help" | "-h"), ..] => {
            Err(lost(&format!("there is a word too many after {name}")))
        }
        [name, rest @ ..] => find(name)?.call(rest),
    }
}

impl Command {
    fn help(&self) -> String {
        format!("{}\n\n{}\n", self.usage(), self.about)
    }

    fn usage(&self) -> String {
        let form = self.form.replace('\n', "\n       ");
        format!("smtp-primer {} {form}", self.name)
    }

    fn call(&self, words: &[&str]) -> Result<(), Failure> {
        if words.contains(&"--help") || words.contains(&"-h") {
            return print(&self.help());
        }
        let args = Args::parse(self.form, words);
        let mut done = args.and_then(|args| (self.run)(&args));
        if let Err(Failure { status: 2, why }) = &mut done {
            *why = format!("{}: {why}\nusage: {}", self.name, self.usage());
        }
        done
    }
}

fn find(name: &str) -> Result<&'static Command, Failure> {
    let command = COMMANDS.iter().find(|command| command.name == name);
    command.ok_or_else(|| lost(&format!("{name} is no command")))
}

/// For those who do not know what there is.
fn lost(why: &str) -> Failure {
    usage(format!("{why}\n\n{}", overview()))
}

fn overview() -> String {
    let mut text = "a complete mail system to learn from\n\n".to_string();
    for command in &COMMANDS {
        let about = command.about.lines().next().unwrap_or_default();
        text += &format!("  {:8} {about}\n", command.name);
    }
    text + "\nsmtp-primer help COMMAND says more. Try first: smtp-primer journey\n"
}

/// Prints for people and programs. There may be words of strangers in the text, and names of files
/// are such words, too.
fn print(text: &str) -> Result<(), Failure> {
    print_raw(&printable(text))
}

/// The same for a text that may drive the terminal. That the reader of a pipe has gone away is no
/// failure of ours.
fn print_raw(text: &str) -> Result<(), Failure> {
    match write(text) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(failed(format!("standard output: {error}")))
        }
        _ => Ok(()),
    }
}

fn write(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// A line for people, on standard error; the words of strangers in it are made harmless.
fn note(text: &str) {
    let _ = writeln!(io::stderr(), "{}", printable(text));
}

/// Finds the addresses of `HOST:PORT`. A name may have several, as localhost often has, and a
/// server may listen on one of them alone: so whoever connects tries them all.
fn look_up(place: &str) -> Result<Vec<SocketAddr>, Failure> {
    match place.to_socket_addrs() {
        Ok(addresses) => Ok(addresses.collect()),
        Err(error) if error.kind() == ErrorKind::InvalidInput => {
            let form = "the form is HOST:PORT, such as 127.0.0.1:2525";
            Err(usage(format!("{place}: {form}")))
        }
        Err(error) => Err(try_later(format!("{place}: {error}"))),
    }
}

/// Opens a port, and says which: the first line of the output.
fn listen(args: &Args, default: &str) -> Result<TcpListener, Failure> {
    let place = args.get("listen").unwrap_or(default);
    let addresses = look_up(place).map_err(|failure| Failure {
        why: format!("--listen: {}", failure.why),
        ..failure
    })?;
    let cannot = |error| {
        let hint = "--listen takes another port, and port 0 means any that is free";
        failed(format!("cannot listen on {place}: {error}; {hint}"))
    };
    let listener = TcpListener::bind(addresses.as_slice()).map_err(cannot)?;
    let address = listener.local_addr().map_err(cannot)?;
    print(&format!("listening on {address}\n"))?;
    Ok(listener)
}

/// Calls a server. It may be up again in a minute, so it is never a failure for good.
fn call(server: &str, timeout: Duration) -> Result<Socket, Failure> {
    connect(look_up(server)?.as_slice(), timeout).map_err(|error| {
        let hint = "does a server listen there?";
        try_later(format!("no connection to {server}: {error}; {hint}"))
    })
}

/// The trace on standard output, unless the user wants quiet. It never shows a password.
fn trace(args: &Args, make: fn(Box<dyn Write>) -> Trace) -> Option<Trace> {
    let quiet = args.flag("quiet");
    (!quiet).then(|| make(Box::new(io::stdout())).with_mask(PasswordMask::default()))
}

/// The computer's clock; or, for output that is the same each time, the second that
/// `SOURCE_DATE_EPOCH` names (reproducible-builds.org).
fn clock() -> Result<Clock, Failure> {
    let Ok(seconds) = std::env::var("SOURCE_DATE_EPOCH") else {
        return Ok(Clock::new(None));
    };
    let seconds = seconds.parse();
    let seconds = seconds.map_err(|_| usage("SOURCE_DATE_EPOCH is a number of seconds"))?;
    Ok(Clock::new(Some(seconds)))
}
