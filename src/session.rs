//! # The session (chapter 9)
//!
//! The rules of the receiving side: which command may come when, and what is answered (RFC 5321
//! §3 and §4). A [`Session`] hears a line and says what to do next, a [`Step`]. It never sees a
//! socket, a file or a clock, so a whole conversation can be tried in a few lines of a test.
//!
//! The state owns the letter that is being announced. To leave the state is to drop the letter:
//! there is no list of variables to reset. Three famous servers had such a list, each forgot one of
//! them on some way out, and then sent a letter to the recipients of the one before.

mod ask;
mod auth;
mod host;
mod letter;

use crate::protocol::address::{Domain, ForwardPath, ReversePath};
use crate::protocol::command::{Argument, Command, MailParameters};
use crate::protocol::dot::Received;
use crate::protocol::line::Line;
use crate::protocol::reply::{Reply, Severity};
pub use host::{Host, POSTMASTER, Recipient};
pub use letter::{Letter, Origin};
use std::net::IpAddr;

/// Most recipients of one letter (RFC 5321 §4.5.3.1.8: at least 100). Beyond it, 452.
pub const RECIPIENTS: usize = 100;
/// This many mistakes in a row, and we close (RFC 5321 §7.8 lets a server defend itself).
pub const MISTAKES: usize = 20;
/// A text with this many Received fields goes round in circles (RFC 5321 §6.3).
pub const HOPS: usize = 100;

/// Who is calling, as the connection tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// From where.
    pub ip: IpAddr,
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

/// Where a conversation stands.
enum State {
    /// No letter has been begun.
    Idle,
    /// MAIL was accepted, and as many RCPT as there are forward-paths.
    Mail(ReversePath, Vec<ForwardPath>),
    /// AUTH waits for an answer; of LOGIN we may have the user name.
    Plain,
    Login(Option<String>),
}

/// The receiver's side of one conversation.
pub struct Session<'a> {
    host: &'a Host,
    caller: Caller,
    helo: Option<(Domain, bool)>,
    user: Option<String>,
    state: State,
    mistakes: usize,
    /// A text held a bare CR or LF. We and the sender may not agree where it ended.
    distrust: bool,
}

fn say(code: u16, text: &str) -> Step {
    Step::Reply(Reply::new(code, text))
}

impl<'a> Session<'a> {
    /// A conversation that begins.
    pub fn new(host: &'a Host, caller: Caller) -> Session<'a> {
        Session {
            host,
            caller,
            helo: None,
            user: None,
            state: State::Idle,
            mistakes: 0,
            distrust: false,
        }
    }

    /// What the server says first (RFC 5321 §3.1).
    pub fn greeting(&self) -> Reply {
        Reply::new(
            220,
            &format!("{} smtp-primer at your service", self.host.domain),
        )
    }

    /// Is the next line an answer to AUTH, which is nobody else's business?
    pub fn expects_secret(&self) -> bool {
        matches!(self.state, State::Plain | State::Login(_))
    }

    /// Hears a line, or that none could be read.
    pub fn line(&mut self, line: &Line) -> Step {
        if self.expects_secret() && !matches!(line, Line::Text(_)) {
            self.state = State::Idle;
        }
        let step = match line {
            Line::Text(line) => self.text_line(line),
            Line::BareNewline => say(
                500,
                "your line has a CR or LF alone; end lines with CR LF (Enter in talk, nc -C)",
            ),
            Line::TooLong => say(500, "line too long"),
            Line::Endless => Step::Close(Reply::new(500, "line too long, and no end in sight")),
            Line::Closed => Step::Gone,
        };
        self.count_mistakes(step)
    }

    /// A 550 is about one address, and a 4xx about our troubles; all else is the client's mistake.
    /// A challenge of AUTH is no success yet: who guesses passwords hears one before each guess.
    fn count_mistakes(&mut self, step: Step) -> Step {
        match &step {
            Step::Reply(reply) => match reply.severity() {
                Severity::Refused if reply.code() != 550 => self.mistakes += 1,
                Severity::Refused | Severity::TryLater | Severity::GoOn => {}
                Severity::Done => self.mistakes = 0,
            },
            Step::Text(_) => self.mistakes = 0,
            Step::Close(_) | Step::Gone => {}
        }
        if self.mistakes < MISTAKES {
            return step;
        }
        let domain = &self.host.domain;
        Step::Close(Reply::new(
            421,
            &format!("{domain} too many mistakes, closing"),
        ))
    }

    fn text_line(&mut self, line: &[u8]) -> Step {
        match std::mem::replace(&mut self.state, State::Idle) {
            State::Plain => return self.plain(line),
            State::Login(user) => return self.login(user, line),
            state => self.state = state,
        }
        match Command::parse(line) {
            Ok(Command::Ehlo(domain)) => self.ehlo(domain),
            Ok(Command::Helo(domain)) => self.helo(domain),
            Ok(Command::Mail(path, parameters)) => self.mail(path, parameters),
            Ok(Command::Rcpt(path)) => self.rcpt(path),
            Ok(Command::Data) => self.data(),
            Ok(Command::Rset) => self.rset(),
            Ok(Command::Vrfy(name)) => self.vrfy(name.as_str()),
            Ok(Command::Expn(name)) => self.expn(name.as_str()),
            Ok(Command::Help(topic)) => self.help(topic.as_ref().map(Argument::as_str)),
            Ok(Command::Noop(_)) => say(250, "OK"),
            Ok(Command::Quit) => self.quit(),
            Ok(Command::Auth(mechanism, response)) => self.auth(mechanism.as_str(), response),
            Ok(Command::Abandoned(..)) => say(502, "abandoned, see HELP"),
            Err(mistake) => say(mistake.code(), &mistake.to_string()),
        }
    }

    /// RFC 5321 §4.1.1.1, and §4.1.4: a second EHLO drops the letter begun, as RSET does. EXPN has to
    /// be on the list of what is offered (§3.5.2); VRFY is known everywhere.
    fn ehlo(&mut self, domain: Domain) -> Step {
        let mut text = format!("{} greets {domain}", self.host.domain);
        text += &format!("\nSIZE {}\n8BITMIME\nPIPELINING\nEXPN", self.host.max_size);
        if self.caller.may_authenticate {
            text += "\nAUTH PLAIN LOGIN";
        }
        self.helo = Some((domain, true));
        self.state = State::Idle;
        say(250, &(text + "\nHELP"))
    }

    /// RFC 5321 §4.1.1.1: the reply to HELO has one line, and there are no extensions.
    fn helo(&mut self, domain: Domain) -> Step {
        let text = format!("{} greets {domain}", self.host.domain);
        self.helo = Some((domain, false));
        self.state = State::Idle;
        say(250, &text)
    }

    /// RFC 5321 §4.1.1.2.
    fn mail(&mut self, path: ReversePath, parameters: MailParameters) -> Step {
        if self.distrust {
            let text = format!(
                "{} your last text was doubtful; please call again",
                self.host.domain
            );
            return Step::Close(Reply::new(421, &text));
        }
        if self.helo.is_none() {
            return say(503, "say EHLO first");
        }
        if matches!(self.state, State::Mail(..)) {
            return say(
                503,
                "a letter is begun already; finish it with DATA or drop it with RSET",
            );
        }
        if parameters.auth && !self.caller.may_authenticate {
            return say(555, "AUTH is not offered here");
        }
        if parameters
            .size
            .is_some_and(|size| size > self.host.max_size as u64)
        {
            return say(
                552,
                &format!("too big; the limit is {} octets", self.host.max_size),
            );
        }
        let text = format!("OK, from {path}");
        self.state = State::Mail(path, Vec::new());
        say(250, &text)
    }

    /// RFC 5321 §4.1.1.3. A refused recipient leaves the others as they are.
    fn rcpt(&mut self, path: ForwardPath) -> Step {
        let may_relay = self.caller.trusted || self.user.is_some();
        let State::Mail(_, paths) = &mut self.state else {
            return say(503, "say MAIL first");
        };
        let elsewhere = match &path {
            ForwardPath::Mailbox(mailbox) => !self.host.is_local(mailbox.domain()),
            ForwardPath::Postmaster => false,
        };
        if elsewhere && !may_relay {
            return say(
                550,
                "relaying denied: that is another domain, and I do not know you",
            );
        }
        if self.host.recipients(&path).is_empty() {
            return say(550, &format!("no such user here: {path}"));
        }
        if paths.len() >= RECIPIENTS {
            return say(
                452,
                &format!("too many recipients; send the letter to {RECIPIENTS} at a time"),
            );
        }
        let text = format!("OK, to {path}");
        paths.push(path);
        say(250, &text)
    }

    /// RFC 5321 §4.1.1.4.
    fn data(&mut self) -> Step {
        match &self.state {
            State::Mail(_, paths) if !paths.is_empty() => {
                Step::Text(Reply::new(354, "go on; end with a line that holds one dot"))
            }
            State::Mail(..) => say(503, "say RCPT first: no recipient was accepted"),
            _ => say(503, "say MAIL and RCPT first"),
        }
    }

    /// Hears what became of the text. Whatever that is, the transaction is over: its envelope
    /// leaves with the letter, or is dropped here.
    pub fn received(&mut self, received: Received) -> Result<Letter, Reply> {
        let state = std::mem::replace(&mut self.state, State::Idle);
        let (State::Mail(reverse_path, forward_paths), Some((helo, extended))) =
            (state, &self.helo)
        else {
            return Err(Reply::new(503, "say MAIL and RCPT first"));
        };
        let text = match received {
            Received::Text(text) => text,
            Received::TooBig => return Err(Reply::new(552, "too big")),
            Received::BareNewline => {
                self.distrust = true;
                let text = "the text holds a CR or LF alone; its lines must end with CR LF";
                return Err(Reply::new(554, text));
            }
        };
        let is_trace = |line: &&[u8]| {
            line.get(..9)
                .is_some_and(|s| s.eq_ignore_ascii_case(b"Received:"))
        };
        if text.header_lines().filter(is_trace).count() >= HOPS {
            return Err(Reply::new(554, "this letter goes round in circles"));
        }
        let protocol = match (extended, &self.user) {
            (false, _) => "SMTP",
            (true, None) => "ESMTP",
            (true, Some(_)) => "ESMTPA",
        };
        let origin = Some(Origin {
            helo: helo.clone(),
            ip: self.caller.ip,
            protocol,
        });
        Ok(Letter {
            reverse_path,
            forward_paths,
            origin,
            text,
        })
    }

    /// RFC 5321 §4.1.1.5.
    fn rset(&mut self) -> Step {
        self.state = State::Idle;
        say(250, "OK, nothing is begun")
    }

    /// RFC 5321 §4.1.1.10.
    fn quit(&self) -> Step {
        Step::Close(Reply::new(221, &format!("{} goodbye", self.host.domain)))
    }
}
