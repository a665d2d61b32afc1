// ANCHOR: story
//! # The session (chapter 9)
//!
//! The rules of the receiving side: which command may come when, and what is answered
//! (RFC 5321 §3 and §4). A [`Session`] hears a line and says what to do next, a [`Step`].
//! It never sees a socket, a file or a clock, so a test can try a whole conversation in a
//! few lines.
//!
//! A letter that is announced is one value, a [`Transaction`], and its envelope is in it.
//! When we drop the value, all of it is forgotten.
// ANCHOR_END: story

// ANCHOR: uses
mod ask;
mod auth;
mod host;
mod policy;
mod transaction;

use crate::protocol::address::{HostName, Mailbox};
use crate::protocol::command::{Argument, Command, Syntax};
use crate::protocol::line::Line;
use crate::protocol::reply::{Reply, Severity};
use auth::Challenge;
pub use host::{Host, POSTMASTER, Recipient};
use policy::NoPolicy;
pub use policy::Policy;
use std::net::IpAddr;
pub use transaction::{Letter, MAX_HOPS, MAX_RECIPIENTS, Origin, Transaction};
// ANCHOR_END: uses

// ANCHOR: session
/// The receiver's side of one conversation.
pub struct Session<'a> {
    host: &'a Host,
    policy: &'a dyn Policy,
    caller: Caller,
    /// The name that the caller gave, and whether it gave it with EHLO.
    helo: Option<(HostName, bool)>,
    /// What MAIL began.
    transaction: Option<Transaction>,
    // ANCHOR_END: session

    // ANCHOR: session_rest
    /// The user that AUTH has proved the caller to be.
    user: Option<String>,
    /// What AUTH has asked. The next line is the answer.
    challenge: Option<Challenge>,
    /// Mistakes in a row.
    mistakes: usize,
    /// A text held a bare CR or LF. We and the sender may not agree where it ended.
    has_seen_bare_newline: bool,
}
// ANCHOR_END: session_rest

// ANCHOR: caller
/// Who is calling, as the connection tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The address that it calls from.
    pub ip: IpAddr,
    /// The address of ours that it has called.
    pub local: IpAddr,
    /// Do we take mail for other domains from it, without AUTH?
    pub is_trusted: bool,
    /// Do we offer AUTH to it?
    pub may_authenticate: bool,
}
// ANCHOR_END: caller

// ANCHOR: step
/// What the program around the session has to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Send this, and read the next line.
    Reply(Reply),
    /// Send this, and read the text; then call [`Session::received`].
    Text(Reply),
    /// Send this, and close the connection.
    Close(Reply),
    /// The caller has gone.
    Gone,
}
// ANCHOR_END: step

// ANCHOR: new
impl Step {
    fn reply(code: u16, text: &str) -> Step {
        Step::Reply(Reply::new(code, text))
    }
}

impl<'a> Session<'a> {
    /// A conversation that begins.
    pub fn new(host: &'a Host, caller: Caller) -> Session<'a> {
        Session {
            host,
            policy: &NoPolicy,
            caller,
            helo: None,
            transaction: None,
            user: None,
            challenge: None,
            mistakes: 0,
            has_seen_bare_newline: false,
        }
    }

    /// The same, with rules of the server's own.
    pub fn with_policy(self, policy: &'a dyn Policy) -> Session<'a> {
        Session { policy, ..self }
    }

    /// What the server says first (RFC 5321 §3.1).
    pub fn greeting(&self) -> Reply {
        let domain = &self.host.domain;
        Reply::new(220, &format!("{domain} smtp-primer at your service"))
    }

    /// The longest text that we take, in octets. SIZE tells the client the same number.
    pub fn limit(&self) -> usize {
        self.host.max_size
    }

    /// Ends the conversation. The reply begins with our name (RFC 5321 §4.2.3).
    fn close(&self, code: u16, why: &str) -> Step {
        Step::Close(Reply::new(code, &format!("{} {why}", self.host.domain)))
    }
    // ANCHOR_END: new

    // ANCHOR: line
    /// Hears a line, or that none could be read.
    pub fn line(&mut self, line: &Line) -> Step {
        let step = match (line, self.challenge.take()) {
            (Line::Text(line), None) => self.command(line),
            (Line::Text(line), Some(challenge)) => self.answer(challenge, line),
            // ANCHOR_END: line

            // ANCHOR: no_line
            (Line::BareNewline, _) => Step::reply(
                500,
                "your line has a CR or LF alone; \
                 end lines with CR LF (Enter in talk, nc -C)",
            ),
            (Line::TooLong, _) => Step::reply(500, "line too long"),
            (Line::Endless, _) => {
                Step::Close(Reply::new(500, "line too long, and its end did not come"))
            }
            (Line::Closed, _) => Step::Gone,
        };
        self.count_mistakes(step)
    }
    // ANCHOR_END: no_line

    // ANCHOR: command
    fn command(&mut self, line: &[u8]) -> Step {
        match Command::parse(line) {
            Ok(Command::Ehlo(name)) => self.hello(name, true),
            Ok(Command::Helo(name)) => self.hello(name, false),
            Ok(Command::Mail(path, parameters)) => self.mail(path, parameters),
            Ok(Command::Rcpt(path)) => self.rcpt(path),
            Ok(Command::Data) => self.data(),
            Ok(Command::Rset) => self.rset(),
            Ok(Command::Noop(_)) => Step::reply(250, "OK"),
            Ok(Command::Quit) => self.close(221, "goodbye"),
            Err(mistake @ Syntax::Foreign) => self.close(421, &mistake.to_string()),
            Err(mistake) => Step::reply(mistake.code(), &mistake.to_string()),
            // ANCHOR_END: command

            // ANCHOR: command_rest
            Ok(Command::Vrfy(name)) => self.vrfy(name.as_str()),
            Ok(Command::Expn(name)) => self.expn(name.as_str()),
            Ok(Command::Help(topic)) => self.help(topic.as_ref().map(Argument::as_str)),
            Ok(Command::Auth(mechanism, response)) => self.auth(mechanism.as_str(), response),
            Ok(Command::Abandoned(..)) => Step::reply(502, "abandoned, see HELP"),
            Ok(Command::StartTls) => Step::reply(502, "there is no TLS here"),
        }
    }
    // ANCHOR_END: command_rest

    // ANCHOR: hello
    /// EHLO and HELO (RFC 5321 §4.1.1.1).
    fn hello(&mut self, name: HostName, is_extended: bool) -> Step {
        let mut text = format!("{} greets {name}", self.host.domain);
        if is_extended {
            text += &format!("\nSIZE {}\n8BITMIME\nPIPELINING\nEXPN", self.host.max_size);
            if self.caller.may_authenticate {
                text += "\nAUTH PLAIN LOGIN";
            }
            text += "\nHELP";
        }
        self.helo = Some((name, is_extended));
        self.transaction = None;
        Step::reply(250, &text)
    }
    // ANCHOR_END: hello

    // ANCHOR: resolve
    /// An address at our own IP address, as in `<alice@[192.0.2.1]>`, is at our domain
    /// (RFC 1123 §5.2.17). We know the one at which this caller has reached us.
    fn resolve(&self, mailbox: Mailbox) -> Mailbox {
        let literal = mailbox.domain().literal();
        if literal.map(|ip| ip.to_canonical()) != Some(self.caller.local.to_canonical()) {
            return mailbox;
        }
        let here = format!("{}@{}", mailbox.local_part(), self.host.domain);
        here.parse().unwrap_or(mailbox)
    }
    // ANCHOR_END: resolve

    // ANCHOR: count_mistakes
    /// A success sets the count to 0, and a refusal adds 1.
    fn count_mistakes(&mut self, step: Step) -> Step {
        if let Step::Reply(reply) = &step {
            match reply.severity() {
                Severity::Done => self.mistakes = 0,
                Severity::Refused if reply.code() != 550 => self.mistakes += 1,
                _ => {}
            }
        }
        if self.mistakes < MAX_MISTAKES {
            step
        } else {
            self.close(421, "too many mistakes, closing")
        }
    }
}
// ANCHOR_END: count_mistakes

// ANCHOR: max_mistakes
/// After this many mistakes in a row we close (RFC 5321 §7.8 lets servers defend
/// themselves).
pub const MAX_MISTAKES: usize = 20;
// ANCHOR_END: max_mistakes
