//! The envelope of a waiting letter, as a file.

use crate::message::Date;
use crate::protocol::address::{Domain, HostName, Mailbox, ReversePath};
use crate::protocol::reply::Reply;
use std::fmt;
use std::iter::Peekable;
use std::str::{FromStr, Lines};

/// How far we are with one recipient who does not have the letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// The letter waits for the next try; why, if there was one.
    Waiting(Option<Reason>),
    /// There is no hope, and the sender is to be told so.
    Failed(Reason),
}

/// Why a letter could not be handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// Who said so; `None` if it is our own finding, such as that nobody answers.
    pub host: Option<HostName>,
    /// What was said, on one line.
    pub reply: Reply,
}

/// The envelope of a waiting letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// Where a bounce goes.
    pub reverse_path: ReversePath,
    /// When the letter came to us.
    pub arrived: Date,
    /// How often we have tried.
    pub tries: u32,
    /// When to try next.
    pub next: Date,
    /// Whom it still goes to. Whoever has the letter leaves the list, and so does whoever will never
    /// have it, when the sender was told.
    pub recipients: Vec<(Mailbox, State)>,
}

impl Envelope {
    /// The recipients who still wait.
    pub fn waiting(&self) -> impl Iterator<Item = &Mailbox> {
        let recipients = self.recipients.iter();
        recipients.filter_map(|(mailbox, state)| match state {
            State::Waiting(_) => Some(mailbox),
            State::Failed(_) => None,
        })
    }

    /// The recipients for whom there is no hope, and why.
    pub fn failed(&self) -> impl Iterator<Item = (&Mailbox, &Reason)> {
        let recipients = self.recipients.iter();
        recipients.filter_map(|(mailbox, state)| match state {
            State::Waiting(_) => None,
            State::Failed(reason) => Some((mailbox, reason)),
        })
    }

    /// Those of one domain.
    pub fn waiting_at(&self, domain: &Domain) -> impl Iterator<Item = &Mailbox> {
        let waiting = self.waiting();
        waiting.filter(move |mailbox| mailbox.domain() == domain)
    }

    /// The domains of those who still wait, each once.
    pub fn waiting_domains(&self) -> Vec<Domain> {
        let mut domains: Vec<Domain> = Vec::new();
        for mailbox in self.waiting() {
            if !domains.contains(mailbox.domain()) {
                domains.push(mailbox.domain().clone());
            }
        }
        domains
    }

    /// Writes down how far we are with one recipient.
    pub fn set(&mut self, recipient: &Mailbox, state: State) {
        for (mailbox, old) in &mut self.recipients {
            if mailbox == recipient {
                *old = state.clone();
            }
        }
    }

    /// Writes down that this one has the letter.
    pub fn remove(&mut self, recipient: &Mailbox) {
        self.recipients.retain(|(mailbox, _)| mailbox != recipient);
    }
}

impl fmt::Display for Envelope {
    /// A line for each fact. Nothing in it can hold a line end: an address from outside that could
    /// would write lines of its own here, and such a line was once the way to become root.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "from {}", self.reverse_path)?;
        writeln!(f, "arrived {}", self.arrived.0)?;
        writeln!(f, "tries {}", self.tries)?;
        writeln!(f, "next {}", self.next.0)?;
        for (mailbox, state) in &self.recipients {
            let (word, reason) = match state {
                State::Waiting(reason) => ("waiting", reason.as_ref()),
                State::Failed(reason) => ("failed", Some(reason)),
            };
            writeln!(f, "{word} <{mailbox}>")?;
            if let Some(Reason { host, reply }) = reason {
                let host = host.as_ref().map_or("-".to_string(), HostName::to_string);
                writeln!(f, "reason {host} {reply}")?;
            }
        }
        writeln!(f, "end")
    }
}

/// A file that is no envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Damaged;

impl FromStr for Envelope {
    type Err = Damaged;

    fn from_str(text: &str) -> Result<Envelope, Damaged> {
        read(&mut text.lines().peekable()).ok_or(Damaged)
    }
}

/// The lines of the file that are not read yet.
type Rest<'a> = Peekable<Lines<'a>>;

fn read(rest: &mut Rest<'_>) -> Option<Envelope> {
    let mut envelope = Envelope {
        reverse_path: fact(rest, "from")?,
        arrived: Date(fact(rest, "arrived")?),
        tries: fact(rest, "tries")?,
        next: Date(fact(rest, "next")?),
        recipients: Vec::new(),
    };
    while rest.peek() != Some(&"end") {
        envelope.recipients.push(read_recipient(rest)?);
    }
    // Whoever wrote it came to the end; and there is nothing behind it.
    (rest.count() == 1).then_some(envelope)
}

fn read_recipient(rest: &mut Rest<'_>) -> Option<(Mailbox, State)> {
    let (word, path) = rest.next()?.split_once(' ')?;
    let ReversePath::Mailbox(mailbox) = path.parse().ok()? else {
        return None;
    };
    let reason = match rest.next_if(|line| line.starts_with("reason ")) {
        Some(line) => Some(read_reason(line)?),
        None => None,
    };
    let state = match (word, reason) {
        ("waiting", reason) => State::Waiting(reason),
        ("failed", Some(reason)) => State::Failed(reason),
        _ => return None,
    };
    Some((mailbox, state))
}

fn read_reason(line: &str) -> Option<Reason> {
    let mut words = line.splitn(3, ' ').skip(1);
    let host = match words.next()? {
        "-" => None,
        host => Some(host.parse().ok()?),
    };
    let reply = Reply::parse(words.next()?.as_bytes())?;
    Some(Reason { host, reply })
}

/// The value in the next line, which must begin with this word.
fn fact<T: FromStr>(rest: &mut Rest<'_>, word: &str) -> Option<T> {
    let (key, value) = rest.next()?.split_once(' ')?;
    value.parse().ok().filter(|_| key == word)
}
