//! # The session (chapter 9)
//!
//! The rules of the receiving side: which command may come when, and what is answered (RFC 5321
//! §3 and §4). A [`Session`] hears a line and says what to do next, a [`Step`]. It never sees a
//! socket, a file or a clock, so a whole conversation can be tried in a few lines of a test.
//!
//! The letter that is being announced is one value, and its envelope is in it. To drop the letter
//! is to forget all of it: there is no list of variables to reset. Three famous servers had such a
//! list, each forgot one of them on some way out, and then sent a letter to the recipients of the
//! one before.

mod ask;
mod auth;
mod host;
mod letter;

use crate::protocol::address::{ForwardPath, HostName, Mailbox, ReversePath};
use crate::protocol::command::{Argument, Command, MailParameters, Syntax};
use crate::protocol::dot::{Received, Text};
use crate::protocol::line::Line;
use crate::protocol::reply::Reply;
use auth::Question;
pub use host::{Host, POSTMASTER, Recipient};
pub use letter::{Letter, Origin};
use std::net::IpAddr;

/// Most recipients of one letter (RFC 5321 §4.5.3.1.8: at least 100). Beyond it, 452.
pub const RECIPIENTS: usize = 100;
/// This many mistakes in a row, and we close (RFC 5321 §7.8 lets a server defend itself).
pub const MISTAKES: usize = 20;
/// A text with this many Received fields goes round in circles (RFC 5321 §6.3).
pub const HOPS: usize = 100;

const NO_SUCH_USER: &str = "no such user here; names are compared exactly";

/// Who is calling, as the connection tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// From where.
    pub ip: IpAddr,
    /// At which address of ours.
    pub local: IpAddr,
    /// Is mail for other domains taken from here, without AUTH?
    pub trusted: bool,
    /// Is AUTH offered here?
    pub may_authenticate: bool,
}

/// What to do next.
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

/// The receiver's side of one conversation.
pub struct Session<'a> {
    host: &'a Host,
    caller: Caller,
    /// The name that the caller gave, and whether with EHLO.
    helo: Option<(HostName, bool)>,
    authenticated: bool,
    /// The letter that MAIL began, with as many recipients as RCPT has found. Its text is to come.
    letter: Option<Letter>,
    /// What AUTH has asked. The next line is the answer.
    question: Option<Question>,
    mistakes: usize,
    /// A text held a bare CR or LF. We and the sender may not agree where it ended.
    distrust: bool,
}

impl<'a> Session<'a> {
    /// A conversation that begins.
    pub fn new(host: &'a Host, caller: Caller) -> Session<'a> {
        Session {
            host,
            caller,
            helo: None,
            authenticated: false,
            letter: None,
            question: None,
            mistakes: 0,
            distrust: false,
        }
    }

    /// What the server says first (RFC 5321 §3.1).
    pub fn greeting(&self) -> Reply {
        let domain = &self.host.domain;
        Reply::new(220, &format!("{domain} smtp-primer at your service"))
    }

    /// The longest text that is taken, in octets: SIZE told the client the same number.
    pub fn limit(&self) -> usize {
        self.host.max_size
    }

    /// Hears a line, or that none could be read.
    pub fn line(&mut self, line: &Line) -> Step {
        // Whatever this line is, a question of AUTH is over with it.
        let reply = match (line, self.question.take()) {
            (Line::Text(line), None) => self.command(line),
            (Line::Text(line), Some(question)) => self.answer(question, line),
            (Line::BareNewline, _) => Reply::new(
                500,
                "your line has a CR or LF alone; end lines with CR LF (Enter in talk, nc -C)",
            ),
            (Line::TooLong, _) => Reply::new(500, "line too long"),
            (Line::Endless, _) => {
                return Step::Close(Reply::new(500, "line too long, and no end in sight"));
            }
            (Line::Closed, _) => return Step::Gone,
        };
        self.step(reply)
    }

    /// What comes after a reply follows from its code.
    fn step(&mut self, reply: Reply) -> Step {
        self.mistakes = match reply.code() {
            // 550 is about one address, and 4yz about our own troubles. A challenge of AUTH is no
            // success yet: who guesses passwords hears one before each guess.
            334 | 400..500 | 550 => self.mistakes,
            500.. => self.mistakes + 1,
            _ => 0,
        };
        if self.mistakes >= MISTAKES {
            return Step::Close(self.closing("too many mistakes, closing"));
        }
        match reply.code() {
            354 => Step::Text(reply),
            221 | 421 => Step::Close(reply),
            _ => Step::Reply(reply),
        }
    }

    /// A reply of 421 begins with our name (RFC 5321 §4.2.3).
    fn closing(&self, why: &str) -> Reply {
        Reply::new(421, &format!("{} {why}", self.host.domain))
    }

    fn command(&mut self, line: &[u8]) -> Reply {
        match Command::parse(line) {
            Ok(Command::Ehlo(domain)) => self.hello(domain, true),
            Ok(Command::Helo(domain)) => self.hello(domain, false),
            Ok(Command::Mail(path, parameters)) => self.mail(path, parameters),
            Ok(Command::Rcpt(path)) => self.rcpt(path),
            Ok(Command::Data) => self.data(),
            Ok(Command::Rset) => self.rset(),
            Ok(Command::Vrfy(name)) => self.vrfy(name.as_str()),
            Ok(Command::Expn(name)) => self.expn(name.as_str()),
            Ok(Command::Help(topic)) => self.help(topic.as_ref().map(Argument::as_str)),
            Ok(Command::Noop(_)) => Reply::new(250, "OK"),
            Ok(Command::Quit) => self.quit(),
            Ok(Command::Auth(mechanism, response)) => self.auth(mechanism.as_str(), response),
            Ok(Command::Abandoned(..)) => Reply::new(502, "abandoned, see HELP"),
            Ok(Command::StartTls) => Reply::new(502, "there is no TLS here"),
            Err(mistake @ Syntax::Foreign) => self.closing(&mistake.to_string()),
            Err(mistake) => Reply::new(mistake.code(), &mistake.to_string()),
        }
    }

    /// EHLO and HELO (RFC 5321 §4.1.1.1). A second one drops the letter begun, as RSET does
    /// (§4.1.4). EXPN has to be on the list of what is offered (§3.5.2); VRFY is known everywhere.
    /// The reply to HELO has one line, and there are no extensions.
    fn hello(&mut self, name: HostName, extended: bool) -> Reply {
        let mut text = format!("{} greets {name}", self.host.domain);
        if extended {
            text += &format!("\nSIZE {}\n8BITMIME\nPIPELINING\nEXPN", self.host.max_size);
            if self.caller.may_authenticate {
                text += "\nAUTH PLAIN LOGIN";
            }
            text += "\nHELP";
        }
        self.helo = Some((name, extended));
        self.letter = None;
        Reply::new(250, &text)
    }

    /// RFC 5321 §4.1.1.2.
    fn mail(&mut self, reverse_path: ReversePath, parameters: MailParameters) -> Reply {
        if self.distrust {
            return self.closing("your last text was doubtful; please call again");
        }
        let Some(origin) = self.origin() else {
            return Reply::new(503, "say EHLO first");
        };
        if self.letter.is_some() {
            let text = "a letter is begun already; finish it with DATA or drop it with RSET";
            return Reply::new(503, text);
        }
        if parameters.auth && !self.caller.may_authenticate {
            return Reply::new(555, "AUTH is not offered here");
        }
        let limit = self.host.max_size as u64;
        if parameters.size.is_some_and(|size| size > limit) {
            return Reply::new(552, &format!("too big; the limit is {limit} octets"));
        }
        let reverse_path = match reverse_path {
            ReversePath::Mailbox(mailbox) => ReversePath::Mailbox(self.resolve(mailbox)),
            ReversePath::Null => ReversePath::Null,
        };
        let reply = Reply::new(250, &format!("OK, from {reverse_path}"));
        self.letter = Some(Letter {
            reverse_path,
            forward_paths: Vec::new(),
            origin: Some(origin),
            text: Text::default(),
        });
        reply
    }

    /// Where a letter of this caller comes from. `None`: it has not said who it is.
    fn origin(&self) -> Option<Origin> {
        let (helo, extended) = self.helo.clone()?;
        let protocol = match (extended, self.authenticated) {
            (false, _) => "SMTP",
            (true, false) => "ESMTP",
            (true, true) => "ESMTPA",
        };
        let ip = self.caller.ip;
        Some(Origin { helo, ip, protocol })
    }

    /// An address at our own IP address, as in `<alice@[192.0.2.1]>`, is at our domain (RFC 1123
    /// §5.2.17). We know the one at which this caller has reached us.
    fn resolve(&self, mailbox: Mailbox) -> Mailbox {
        let literal = mailbox.domain().literal();
        if literal.map(|ip| ip.to_canonical()) != Some(self.caller.local.to_canonical()) {
            return mailbox;
        }
        mailbox.at(&self.host.domain).unwrap_or(mailbox)
    }

    /// RFC 5321 §4.1.1.3. A refused recipient leaves the others as they are.
    fn rcpt(&mut self, path: ForwardPath) -> Reply {
        let path = match path {
            ForwardPath::Mailbox(mailbox) => ForwardPath::Mailbox(self.resolve(mailbox)),
            ForwardPath::Postmaster => ForwardPath::Postmaster,
        };
        let Some(letter) = &mut self.letter else {
            return Reply::new(503, "say MAIL first");
        };
        let may_relay = self.caller.trusted || self.authenticated;
        if matches!(self.host.recipient(&path), Recipient::Remote(_)) && !may_relay {
            let text = "relaying denied: that is another domain, and I do not know you";
            return Reply::new(550, text);
        }
        // To expand a list takes time, so we do it no more often than is of use.
        if letter.forward_paths.len() >= RECIPIENTS {
            let text = format!("too many recipients; send the letter to {RECIPIENTS} at a time");
            return Reply::new(452, &text);
        }
        if self.host.recipients(&path).is_empty() {
            return Reply::new(550, &format!("{NO_SUCH_USER}: {path}"));
        }
        let reply = Reply::new(250, &format!("OK, to {path}"));
        letter.forward_paths.push(path);
        reply
    }

    /// RFC 5321 §4.1.1.4.
    fn data(&self) -> Reply {
        match &self.letter {
            None => Reply::new(503, "say MAIL and RCPT first"),
            Some(letter) if letter.forward_paths.is_empty() => {
                Reply::new(503, "say RCPT first: no recipient was accepted")
            }
            Some(_) => Reply::new(354, "go on; end with a line that holds one dot"),
        }
    }

    /// Hears what became of the text. Whatever that is, the transaction is over: its envelope
    /// leaves with the letter, or is dropped here.
    pub fn received(&mut self, received: Received) -> Result<Letter, Reply> {
        let begun = self.letter.take();
        let mut letter = begun.ok_or_else(|| Reply::new(503, "say MAIL and RCPT first"))?;
        letter.text = match received {
            Received::Text(text) => text,
            Received::TooBig => return Err(Reply::new(552, "too big")),
            Received::BareNewline => {
                self.distrust = true;
                let text = "the text holds a CR or LF alone; its lines must end with CR LF";
                return Err(Reply::new(554, text));
            }
        };
        if hops(&letter.text) >= HOPS {
            return Err(Reply::new(554, "this letter goes round in circles"));
        }
        Ok(letter)
    }

    /// RFC 5321 §4.1.1.5.
    fn rset(&mut self) -> Reply {
        self.letter = None;
        Reply::new(250, "OK, nothing is begun")
    }

    /// RFC 5321 §4.1.1.10.
    fn quit(&self) -> Reply {
        Reply::new(221, &format!("{} goodbye", self.host.domain))
    }
}

/// How many servers had the letter before us: each has put a `Received` field on top (RFC 5321
/// §4.4).
fn hops(text: &Text) -> usize {
    let names = text.header_lines().filter_map(|line| line.get(..9));
    let is_trace = |name: &&[u8]| name.eq_ignore_ascii_case(b"Received:");
    names.filter(is_trace).count()
}
