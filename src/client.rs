// ANCHOR: story
//! # The client (chapter 11)
//!
//! The sending side. It says one command, waits for the reply, and says the next (RFC 5321
//! §3.3). So it needs no state machine: the line of this file that waits *is* the state.
//!
//! A letter to five people can succeed for three of them. The result is a list with a
//! verdict for each, and what was answered stays answered: a conversation that breaks later
//! does not take back a no. And there is one moment when nobody can know: the dot is sent,
//! and the connection breaks before the reply. That is [`SendError::Unknown`]. If we send
//! again, the letter may come twice; if we do not, it may never come. Mail prefers twice
//! (RFC 1047, RFC 5321 §4.5.3.2.6).
// ANCHOR_END: story

// ANCHOR: mod_auth
mod auth;
// ANCHOR_END: mod_auth
// ANCHOR: uses
mod stage;
mod transaction;
mod verdict;

use crate::protocol::address::{Domain, ForwardPath, ReversePath};
use crate::protocol::command::Command;
use crate::protocol::dot::Text;
use crate::protocol::line::{Socket, Stream, Wire};
use crate::protocol::reply::{Reply, Severity};
pub use stage::{Stage, Timeouts};
use std::collections::VecDeque;
use std::fmt::Display;
use std::io;
use std::iter;
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;
pub use transaction::RECIPIENTS_AT_ONCE;
pub use verdict::{SendError, Verdict};
// ANCHOR_END: uses

// ANCHOR: connect
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
// ANCHOR_END: connect

// ANCHOR: client
/// The sender's side of a conversation that has been opened.
pub struct Client<S> {
    wire: Wire<S>,
    timeouts: Timeouts,
    /// What the server offers: a line for each extension, in capitals (RFC 5321 §4.1.1.1).
    offers: Vec<String>,
}
// ANCHOR_END: client

// ANCHOR: open
impl<S: Stream> Client<S> {
    /// Waits for the greeting and says who we are (RFC 5321 §3.2, §4.1.4).
    pub fn open(wire: Wire<S>, helo: &Domain, timeouts: Timeouts) -> Result<Self, SendError> {
        let mut client = Client {
            wire,
            timeouts,
            offers: Vec::new(),
        };
        let hello = client.hello(helo);
        // ANCHOR_END: open

        // ANCHOR: open_end
        // Even if we are refused, we say QUIT before we close (RFC 5321 §4.1.1.10). To
        // something that does not speak SMTP we say nothing more.
        if matches!(hello, Err(SendError::Refused(..))) {
            let _ = client.say(Stage::Quit, Command::Quit);
        }
        hello.map(|_| client)
    }
    // ANCHOR_END: open_end

    // ANCHOR: hello
    fn hello(&mut self, helo: &Domain) -> Result<Reply, SendError> {
        let greeting = self.hear(Stage::Greeting)?;
        done(Stage::Greeting, greeting)?;
        let mut reply = self.say(Stage::Hello, Command::Ehlo(helo.clone().into()))?;
        // ANCHOR_END: hello

        // ANCHOR: hello_ehlo
        if reply.severity() == Severity::Refused {
            reply = self.say(Stage::Hello, Command::Helo(helo.clone().into()))?;
        } else {
            // The first line is the server's name.
            let lines = reply.text().iter().skip(1);
            self.offers = lines.map(|line| line.to_ascii_uppercase()).collect();
        }
        done(Stage::Hello, reply)
    }
    // ANCHOR_END: hello_ehlo

    // ANCHOR: say
    /// Says a command and waits for its reply. 421 means closing (RFC 5321 §3.8).
    fn say(&mut self, stage: Stage, command: impl Display) -> Result<Reply, SendError> {
        self.in_step(stage)?;
        let written = self.wire.write_line(&command.to_string());
        written.map_err(|error| SendError::broken(stage, error))?;
        let reply = self.hear(stage)?;
        match reply.code() {
            421 => Err(SendError::Refused(stage, reply)),
            _ => Ok(reply),
        }
    }
    // ANCHOR_END: say

    // ANCHOR: hear
    /// Waits for a reply.
    fn hear(&mut self, stage: Stage) -> Result<Reply, SendError> {
        let allowed = self.wire.allow(self.timeouts.of(stage));
        let heard = allowed.and_then(|()| Reply::read(&mut self.wire));
        heard.map_err(|error| SendError::broken(stage, error))
    }
    // ANCHOR_END: hear

    // ANCHOR: send
    /// Sends a letter. Each item is a transaction: the verdicts that it has led to.
    pub fn send(
        &mut self,
        reverse_path: &ReversePath,
        recipients: &[ForwardPath],
        text: &Text,
    ) -> impl Iterator<Item = Vec<Verdict>> {
        // ANCHOR_END: send

        // ANCHOR: send_each
        let mut waiting: VecDeque<ForwardPath> = recipients.iter().cloned().collect();
        iter::from_fn(move || {
            if waiting.is_empty() {
                return None;
            }
            Some(self.transaction(reverse_path, &mut waiting, text))
        })
    }
    // ANCHOR_END: send_each

    // ANCHOR: quit
    /// Says goodbye. By now the letter is delivered or it is not: the reply changes nothing.
    pub fn quit(mut self) {
        let _ = self.say(Stage::Quit, Command::Quit);
    }
    // ANCHOR_END: quit

    // ANCHOR: offered
    /// May a text have octets over 127 (RFC 6152)?
    pub fn offers_8bit(&self) -> bool {
        self.offered("8BITMIME").is_some()
    }

    /// Does the server offer this extension, and with which words after its name? AUTH may
    /// have several lines, and old servers write `AUTH=PLAIN LOGIN`, for clients that are
    /// even older.
    fn offered(&self, name: &str) -> Option<Vec<&str>> {
        let mut offered: Option<Vec<&str>> = None;
        for line in &self.offers {
            let mut words = line.split([' ', '\t', '=']).filter(|word| !word.is_empty());
            if words.next() == Some(name) {
                offered.get_or_insert_default().extend(words);
            }
        }
        offered
    }
    // ANCHOR_END: offered

    // ANCHOR: in_step
    /// Checks that the server waits for us.
    fn in_step(&mut self, stage: Stage) -> Result<(), SendError> {
        match self.wire.has_line() {
            true => Err(self.broken_off(stage, io::Error::other(OUT_OF_STEP))),
            false => Ok(()),
        }
    }
    // ANCHOR_END: in_step

    // ANCHOR: broken_off
    /// The conversation cannot go on, but the server may have said why.
    fn broken_off(&mut self, stage: Stage, error: io::Error) -> SendError {
        match self.hear(Stage::Quit) {
            Ok(reply) if matches!(reply.code(), 400..=599) => SendError::Refused(stage, reply),
            _ => SendError::broken(stage, error),
        }
    }
}

const OUT_OF_STEP: &str = "the server answered before it was asked";
// ANCHOR_END: broken_off

// ANCHOR: done
/// A reply that says yes is `Ok`.
fn done(stage: Stage, reply: Reply) -> Result<Reply, SendError> {
    match reply.severity() {
        Severity::Done => Ok(reply),
        _ => Err(SendError::Refused(stage, reply)),
    }
}
// ANCHOR_END: done
