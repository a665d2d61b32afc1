//! # The client (chapter 11)
//!
//! The sending side. It says one command, waits for the reply, and says the next (RFC 5321 §3.3).
//! So it needs no state machine: the line of this file that waits *is* the state.
//!
//! A letter to five people can succeed for three of them. The result is a list with an answer for
//! each. And there is one moment when nobody can know: the dot is sent, and the connection breaks
//! before the reply. That is [`Failure::Unknown`]. Who sends again may send twice, who does not may
//! lose the letter; mail prefers twice (RFC 1047, RFC 5321 §4.5.3.2.6).

mod outcome;

use crate::protocol::address::{Domain, ForwardPath, ReversePath};
use crate::protocol::base64;
use crate::protocol::command::{Body, Command, MailParameters};
use crate::protocol::dot::{Text, end_text, write_text_line};
use crate::protocol::line::{Socket, Stream, Wire};
use crate::protocol::reply::{Reply, ReplyError, Severity};
use crate::protocol::sasl::Credentials;
pub use outcome::{Failure, Stage, Verdict};
use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

/// How long to wait for each reply (RFC 5321 §4.5.3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// To be connected, and for the greeting.
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
        greeting: Duration::from_secs(5 * 60),
        command: Duration::from_secs(5 * 60),
        data: Duration::from_secs(2 * 60),
        block: Duration::from_secs(3 * 60),
        dot: Duration::from_secs(10 * 60),
    };

    /// The same time for everything.
    pub fn all(time: Duration) -> Timeouts {
        Timeouts {
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

/// What the server offers (RFC 5321 §4.1.1.1).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Offers {
    /// SIZE, and its limit in octets if it names one (RFC 1870 §4).
    pub size: Option<Option<u64>>,
    /// 8BITMIME: octets over 127 are welcome (RFC 1652).
    pub eight_bit: bool,
    /// AUTH: the mechanisms, in capitals.
    pub auth: Vec<String>,
}

impl Offers {
    fn read(reply: &Reply) -> Offers {
        let mut offers = Offers::default();
        for line in reply
            .text()
            .iter()
            .skip(1)
            .map(|line| line.to_ascii_uppercase())
        {
            let mut words = line.split_ascii_whitespace();
            match words.next() {
                Some("SIZE") => {
                    let limit = words.next().and_then(|limit| limit.parse().ok());
                    offers.size = Some(limit.filter(|limit| *limit > 0));
                }
                Some("8BITMIME") => offers.eight_bit = true,
                Some("AUTH") => offers.auth = words.map(str::to_string).collect(),
                _ => {}
            }
        }
        offers
    }
}

/// The sender's side of a conversation that has been opened.
pub struct Client<S> {
    wire: Wire<S>,
    timeouts: Timeouts,
    offers: Offers,
}

impl<S: Stream> Client<S> {
    /// Waits for the greeting and says who we are: with EHLO, and if the server does not know that,
    /// with HELO (RFC 5321 §3.2, §4.1.4).
    pub fn open(wire: Wire<S>, helo: &Domain, timeouts: Timeouts) -> Result<Client<S>, Failure> {
        let mut client = Client {
            wire,
            timeouts,
            offers: Offers::default(),
        };
        match client.hello(helo) {
            Ok(()) => Ok(client),
            Err(failure) => {
                // Even if we are refused, we do not close before QUIT (RFC 5321 §4.1.1.10). To what
                // does not speak SMTP we say nothing more.
                if matches!(failure, Failure::Refused(..)) {
                    client.quit();
                }
                Err(failure)
            }
        }
    }

    fn hello(&mut self, helo: &Domain) -> Result<(), Failure> {
        let greeting = self.hear(Stage::Greeting, self.timeouts.greeting)?;
        done(Stage::Greeting, greeting)?;
        let reply = self.say(Stage::Hello, &Command::Ehlo(helo.clone()))?;
        if reply.severity() == Severity::Refused {
            let reply = self.say(Stage::Hello, &Command::Helo(helo.clone()))?;
            return done(Stage::Hello, reply).map(|_| ());
        }
        self.offers = Offers::read(&done(Stage::Hello, reply)?);
        Ok(())
    }

    /// What the server offers.
    pub fn offers(&self) -> &Offers {
        &self.offers
    }

    /// Proves who we are, with PLAIN if the server offers it, else with LOGIN.
    pub fn authenticate(&mut self, credentials: &Credentials) -> Result<(), Failure> {
        let offered = |name: &str| self.offers.auth.iter().any(|mechanism| mechanism == name);
        let first = credentials.to_plain();
        let words =
            [&credentials.user, &credentials.password].map(|word| base64::encode(word.as_bytes()));
        let reply = if offered("PLAIN") {
            self.secret(&format!("AUTH PLAIN {first}"), false)?
        } else if offered("LOGIN") {
            let mut reply = self.secret("AUTH LOGIN", false)?;
            for word in words {
                if reply.severity() == Severity::GoOn {
                    reply = self.secret(&word, true)?;
                }
            }
            reply
        } else {
            let why = "the server offers no AUTH that we know (PLAIN, LOGIN); no password was sent";
            return Err(Failure::Unfit(why.to_string()));
        };
        done(Stage::Auth, reply).map(|_| ())
    }

    /// Sends a letter. The result has a verdict for each recipient, in their order.
    pub fn send(
        &mut self,
        reverse_path: &ReversePath,
        recipients: &[ForwardPath],
        text: &Text,
    ) -> Result<Vec<Verdict>, Failure> {
        let parameters = self.parameters(text)?;
        done(
            Stage::Mail,
            self.say(
                Stage::Mail,
                &Command::Mail(reverse_path.clone(), parameters),
            )?,
        )?;
        let mut verdicts = Vec::new();
        for path in recipients {
            let reply = self.say(Stage::Rcpt, &Command::Rcpt(path.clone()))?;
            verdicts.push(Verdict::of_rcpt(path.clone(), reply));
        }
        // A refused recipient does not stop the others. If all were refused there is nothing to
        // send.
        if !verdicts
            .iter()
            .any(|verdict| verdict.severity == Severity::Done)
        {
            let _ = self.say(Stage::Rcpt, &Command::Rset);
            return Ok(verdicts);
        }
        let (stage, reply) = self.data(text)?;
        for verdict in verdicts
            .iter_mut()
            .filter(|verdict| verdict.severity == Severity::Done)
        {
            verdict.stage = stage;
            verdict.severity = reply.severity();
            verdict.reply = reply.clone();
        }
        Ok(verdicts)
    }

    /// What to tell the server of the text, and whether it can take it. SIZE and BODY are said only
    /// to a server that offers them.
    fn parameters(&self, text: &Text) -> Result<MailParameters, Failure> {
        let octets = text.octets().len() as u64;
        if let Some(Some(limit)) = self.offers.size
            && octets > limit
        {
            let why =
                format!("the letter has {octets} octets, and the server takes {limit} at most");
            return Err(Failure::Unfit(why));
        }
        let eight_bit = !text.octets().is_ascii();
        if eight_bit && !self.offers.eight_bit {
            let why = "the letter has octets over 127, and the server does not offer 8BITMIME; \
                       send it in ASCII, with quoted-printable or base64";
            return Err(Failure::Unfit(why.to_string()));
        }
        let body = if eight_bit {
            Some(Body::EightBitMime)
        } else {
            None
        };
        Ok(MailParameters {
            size: self.offers.size.map(|_| octets),
            body,
            auth: false,
        })
    }

    /// DATA, the text, the dot: the reply that counts for all, and what it is a reply to.
    fn data(&mut self, text: &Text) -> Result<(Stage, Reply), Failure> {
        self.wire
            .allow(self.timeouts.command)
            .map_err(broken(Stage::Data))?;
        self.wire
            .write_line(&Command::Data.to_string())
            .map_err(broken(Stage::Data))?;
        let reply = self.hear(Stage::Data, self.timeouts.data)?;
        if reply.severity() == Severity::Done {
            // A server that says "done" before it has the text does not know what it is doing.
            return Err(Failure::Refused(
                Stage::Data,
                Reply::new(451, &reply.to_string()),
            ));
        }
        if reply.severity() != Severity::GoOn {
            let _ = self.say(Stage::Data, &Command::Rset);
            return Ok((Stage::Data, reply));
        }
        for line in text.lines() {
            write_text_line(&mut self.wire, line, self.timeouts.block)
                .map_err(broken(Stage::Text))?;
        }
        // From here on the dot may have arrived.
        end_text(&mut self.wire, self.timeouts.block)
            .and_then(|()| self.wire.allow(self.timeouts.dot))
            .map_err(|error| Failure::Unknown(ReplyError::Io(error)))?;
        match Reply::read(&mut self.wire) {
            Ok(reply) if reply.severity() == Severity::GoOn => {
                Err(Failure::Unknown(ReplyError::NoReply(reply.to_string())))
            }
            Ok(reply) => Ok((Stage::Text, reply)),
            Err(error) => Err(Failure::Unknown(error)),
        }
    }

    /// Says goodbye. The letter is delivered or not by now, so it does not matter how this goes.
    pub fn quit(mut self) {
        self.timeouts.command = self.timeouts.command.min(GOODBYE);
        let _ = self.say(Stage::Hello, &Command::Quit);
    }

    /// Says a command and waits for its reply.
    fn say(&mut self, stage: Stage, command: &Command) -> Result<Reply, Failure> {
        self.wire
            .allow(self.timeouts.command)
            .map_err(broken(stage))?;
        self.wire
            .write_line(&command.to_string())
            .map_err(broken(stage))?;
        self.hear(stage, self.timeouts.command)
    }

    fn secret(&mut self, line: &str, all: bool) -> Result<Reply, Failure> {
        self.wire
            .allow(self.timeouts.command)
            .map_err(broken(Stage::Auth))?;
        let written = if all {
            self.wire.write_secret(line)
        } else {
            self.wire.write_line(line)
        };
        written.map_err(broken(Stage::Auth))?;
        self.hear(Stage::Auth, self.timeouts.command)
    }

    fn hear(&mut self, stage: Stage, patience: Duration) -> Result<Reply, Failure> {
        self.wire.allow(patience).map_err(broken(stage))?;
        Reply::read(&mut self.wire).map_err(|error| Failure::Broken(stage, error))
    }
}

fn broken(stage: Stage) -> impl Fn(io::Error) -> Failure {
    move |error| Failure::Broken(stage, ReplyError::Io(error))
}

fn done(stage: Stage, reply: Reply) -> Result<Reply, Failure> {
    if reply.severity() == Severity::Done {
        Ok(reply)
    } else {
        Err(Failure::Refused(stage, reply))
    }
}

/// Connects to the first address of `server`, written `host:port`, that answers.
pub fn connect(server: impl ToSocketAddrs, patience: Duration) -> io::Result<Socket> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in server.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, patience) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(Socket::new(stream));
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}
