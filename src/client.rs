//! # The client (chapter 11)
//!
//! The sending side. It says one command, waits for the reply, and says the next (RFC 5321 §3.3).
//! So it needs no state machine: the line of this file that waits *is* the state.
//!
//! A letter to five people can succeed for three of them. The result is a list with a verdict for
//! each, and what was answered stays answered: a conversation that breaks later does not take back
//! a no. And there is one moment when nobody can know: the dot is sent, and the connection breaks
//! before the reply. That is [`SendError::Unknown`]. If we send again, the letter may come twice; if
//! we do not, it may be lost. Mail prefers twice (RFC 1047, RFC 5321 §4.5.3.2.6).

mod outcome;
mod transaction;

use crate::protocol::address::Domain;
use crate::protocol::base64;
use crate::protocol::command::Command;
use crate::protocol::line::{Socket, Stream, Wire};
use crate::protocol::reply::{Reply, Severity, in_words};
use crate::protocol::sasl::Credentials;
pub use outcome::{SendError, Stage, Verdict};
use std::fmt::Display;
use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;
pub use transaction::RECIPIENTS;

/// How long to wait for each reply (RFC 5321 §4.5.3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// To be connected. The RFC names no time. Most dead hosts say nothing at all, and a domain may
    /// have many of them.
    pub connect: Duration,
    /// For the greeting.
    pub greeting: Duration,
    /// For the reply to a command, MAIL and RCPT above all.
    pub command: Duration,
    /// For the reply to DATA.
    pub data: Duration,
    /// For each block of the text to leave.
    pub block: Duration,
    /// For the reply to the final dot. Long: a client that gives up too early sends again, and the
    /// letter arrives twice.
    pub dot: Duration,
}

impl Timeouts {
    /// What the RFC asks for.
    pub const RFC: Timeouts = Timeouts {
        connect: Duration::from_secs(30),
        greeting: Duration::from_secs(5 * 60),
        command: Duration::from_secs(5 * 60),
        data: Duration::from_secs(2 * 60),
        block: Duration::from_secs(3 * 60),
        dot: Duration::from_secs(10 * 60),
    };

    /// The same time for everything; for the connection no more than usual.
    pub fn all(time: Duration) -> Timeouts {
        Timeouts {
            connect: time.min(Timeouts::RFC.connect),
            greeting: time,
            command: time,
            data: time,
            block: time,
            dot: time,
        }
    }
}

/// How long we wait for the reply to QUIT. The RFC names no time, and nothing depends on it.
const GOODBYE: Duration = Duration::from_secs(10);

/// The sender's side of a conversation that has been opened.
pub struct Client<S> {
    wire: Wire<S>,
    timeouts: Timeouts,
    /// What the server offers: a line for each extension, in capitals (RFC 5321 §4.1.1.1).
    offers: Vec<String>,
}

impl<S: Stream> Client<S> {
    /// Waits for the greeting and says who we are: with EHLO, and if the server does not know that,
    /// with HELO (RFC 5321 §3.2, §4.1.4).
    pub fn open(wire: Wire<S>, helo: &Domain, timeouts: Timeouts) -> Result<Client<S>, SendError> {
        let mut client = Client {
            wire,
            timeouts,
            offers: Vec::new(),
        };
        let hello = client.hello(helo);
        // Even if we are refused, we do not close before QUIT (RFC 5321 §4.1.1.10). To what does
        // not speak SMTP we say nothing more.
        if matches!(hello, Err(SendError::Refused(..))) {
            let _ = client.say(Stage::Quit, Command::Quit);
        }
        hello.map(|()| client)
    }

    fn hello(&mut self, helo: &Domain) -> Result<(), SendError> {
        let greeting = self.hear(Stage::Greeting)?;
        done(Stage::Greeting, greeting)?;
        let mut reply = self.say(Stage::Hello, Command::Ehlo(helo.clone().into()))?;
        if reply.severity() == Severity::Refused {
            reply = self.say(Stage::Hello, Command::Helo(helo.clone().into()))?;
        } else {
            // The first line is the server's name.
            let lines = reply.text().iter().skip(1);
            self.offers = lines.map(|line| line.to_ascii_uppercase()).collect();
        }
        done(Stage::Hello, reply)
    }

    /// The lines that offer this extension: the words behind its name. AUTH may stand in several
    /// lines, and old servers write `AUTH=PLAIN LOGIN`, for clients that are older still.
    fn offers(&self, name: &str) -> impl Iterator<Item = impl Iterator<Item = &str>> {
        self.offers.iter().filter_map(move |line| {
            let mut words = line.split([' ', '\t', '=']).filter(|word| !word.is_empty());
            (words.next() == Some(name)).then_some(words)
        })
    }

    /// May a text have octets over 127 (RFC 6152)?
    pub fn offers_8bit(&self) -> bool {
        self.offers("8BITMIME").next().is_some()
    }

    /// Proves who we are, with PLAIN if the server offers it, else with LOGIN.
    pub fn authenticate(&mut self, credentials: &Credentials) -> Result<(), SendError> {
        let offered: Vec<&str> = self.offers("AUTH").flatten().collect();
        let reply = if offered.contains(&"PLAIN") {
            let message = credentials.to_plain();
            self.say(Stage::Auth, format!("AUTH PLAIN {message}"))?
        } else if offered.contains(&"LOGIN") {
            self.log_in(credentials)?
        } else {
            let why = "the server offers no AUTH that we know (PLAIN, LOGIN); no password was sent";
            return Err(SendError::Unfit(why.to_string()));
        };
        done(Stage::Auth, reply)
    }

    /// LOGIN: the server asks for the user, and then for the password.
    fn log_in(&mut self, credentials: &Credentials) -> Result<Reply, SendError> {
        let mut reply = self.say(Stage::Auth, "AUTH LOGIN")?;
        for word in [&credentials.user, &credentials.password] {
            if reply.severity() != Severity::GoOn {
                break;
            }
            self.in_step(Stage::Auth)?;
            let written = self.wire.write_secret(&base64::encode(word.as_bytes()));
            written.map_err(broken(Stage::Auth))?;
            reply = self.hear(Stage::Auth)?;
        }
        Ok(reply)
    }

    /// Says goodbye. The letter is delivered or not by now, so it does not matter how this goes.
    pub fn quit(mut self) {
        let _ = self.say(Stage::Quit, Command::Quit);
    }

    /// A server that has had enough of a text may say so, and close. We do not listen while we
    /// write, but what it said is still there to be read.
    fn last_words(&mut self) -> Option<Reply> {
        let reply = self.hear(Stage::Quit).ok()?;
        let is_no = matches!(reply.severity(), Severity::TryLater | Severity::Refused);
        is_no.then_some(reply)
    }

    /// A reply has no number: only its place says what it answers. One that is there before the
    /// question is a no to everything, such as 421, or nothing to rely on.
    fn in_step(&mut self, stage: Stage) -> Result<(), SendError> {
        if !self.wire.has_line() {
            return Ok(());
        }
        Err(match self.last_words() {
            Some(reply) => SendError::Refused(stage, reply),
            None => SendError::Broken(stage, "the server answered before it was asked".to_string()),
        })
    }

    /// Says a command and waits for its reply. A server that says 421 is closing, whatever it was
    /// asked (RFC 5321 §3.8).
    fn say(&mut self, stage: Stage, command: impl Display) -> Result<Reply, SendError> {
        self.in_step(stage)?;
        let written = self.wire.write_line(&command.to_string());
        written.map_err(broken(stage))?;
        let reply = self.hear(stage)?;
        match reply.code() {
            421 => Err(SendError::Refused(stage, reply)),
            _ => Ok(reply),
        }
    }

    /// Waits for a reply. The one of [`Stage::Text`] is the reply to the dot.
    fn hear(&mut self, stage: Stage) -> Result<Reply, SendError> {
        let timeout = match stage {
            Stage::Greeting => self.timeouts.greeting,
            Stage::Data => self.timeouts.data,
            Stage::Text => self.timeouts.dot,
            Stage::Quit => self.timeouts.command.min(GOODBYE),
            Stage::Hello | Stage::Auth | Stage::Mail | Stage::Rcpt => self.timeouts.command,
        };
        self.wire.allow(timeout).map_err(broken(stage))?;
        Reply::read(&mut self.wire).map_err(|error| match stage {
            Stage::Text => SendError::Unknown(in_words(&error)),
            stage => SendError::Broken(stage, in_words(&error)),
        })
    }
}

fn broken(stage: Stage) -> impl Fn(io::Error) -> SendError {
    move |error| SendError::Broken(stage, in_words(&error))
}

fn done(stage: Stage, reply: Reply) -> Result<(), SendError> {
    match reply.severity() {
        Severity::Done => Ok(()),
        _ => Err(SendError::Refused(stage, reply)),
    }
}

/// Connects to the first address of `server`, written `host:port`, that answers.
pub fn connect(server: impl ToSocketAddrs, timeout: Duration) -> io::Result<Socket> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in server.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, timeout) {
            Ok(stream) => return stream.set_nodelay(true).map(|()| Socket::new(stream)),
            Err(error) => last = error,
        }
    }
    Err(last)
}
