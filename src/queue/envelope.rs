//! The envelope of a waiting letter, as a file.

use crate::message::Date;
use crate::protocol::address::{Domain, Mailbox, ReversePath};
use crate::protocol::reply::{Reply, ReplyLine};
use std::fmt;
use std::str::FromStr;

/// How far we are with one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// The next hop does not have the letter yet; why, if there was a try.
    Waiting(Option<Reason>),
    /// It has.
    Delivered,
    /// It never will, and the sender was told so.
    Failed(Reason),
}

/// Why a letter could not be handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// Who said so; `None` if it is our own finding, such as that nobody answers.
    pub host: Option<Domain>,
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
    /// Whom it goes to.
    pub recipients: Vec<(Mailbox, State)>,
}

impl Envelope {
    /// The recipients who still wait.
    pub fn waiting(&self) -> impl Iterator<Item = &Mailbox> {
        let waits = |state: &State| matches!(state, State::Waiting(_));
        self.recipients
            .iter()
            .filter(move |(_, state)| waits(state))
            .map(|(mailbox, _)| mailbox)
    }

    /// Those of one domain.
    pub fn waiting_at(&self, domain: &Domain) -> impl Iterator<Item = &Mailbox> {
        self.waiting()
            .filter(move |mailbox| mailbox.domain() == domain)
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

    /// Is there nobody left to deliver to?
    pub fn is_done(&self) -> bool {
        self.waiting().next().is_none()
    }

    /// Writes down how far we are with one recipient.
    pub fn set(&mut self, recipient: &Mailbox, state: State) {
        for (mailbox, old) in &mut self.recipients {
            if mailbox == recipient {
                *old = state.clone();
            }
        }
    }
}

impl fmt::Display for Envelope {
    /// A line for each fact. Nothing in it can hold a line end: an address from outside that could
    /// would write lines of its own here, and such a line was once the way to become root.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "from {}", self.reverse_path)?;
        writeln!(
            f,
            "arrived {}\ntries {}\nnext {}",
            self.arrived.0, self.tries, self.next.0
        )?;
        for (mailbox, state) in &self.recipients {
            let (word, reason) = match state {
                State::Waiting(reason) => ("waiting", reason.as_ref()),
                State::Delivered => ("delivered", None),
                State::Failed(reason) => ("failed", Some(reason)),
            };
            writeln!(f, "{word} <{mailbox}>")?;
            match reason {
                Some(Reason {
                    host: Some(host),
                    reply,
                }) => writeln!(f, "reason {host} {reply}")?,
                Some(Reason { host: None, reply }) => writeln!(f, "reason - {reply}")?,
                None => {}
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
        let mut lines = text
            .lines()
            .map(|line| line.split_once(' ').unwrap_or((line, "")))
            .peekable();
        let mut fact = |word| {
            lines
                .next_if(|(key, _)| *key == word)
                .map(|(_, value)| value)
                .ok_or(Damaged)
        };
        let number = |text: &str| text.parse::<u64>().map_err(|_| Damaged);
        let reverse_path = match fact("from")? {
            "<>" => ReversePath::Null,
            path => ReversePath::Mailbox(mailbox(path)?),
        };
        let arrived = Date(number(fact("arrived")?)?);
        let tries = number(fact("tries")?)?.try_into().map_err(|_| Damaged)?;
        let next = Date(number(fact("next")?)?);
        let mut recipients = Vec::new();
        loop {
            let (word, path) = lines.next().ok_or(Damaged)?;
            if (word, path) == ("end", "") {
                break;
            }
            let mailbox = mailbox(path)?;
            let reason = lines
                .next_if(|(key, _)| *key == "reason")
                .map(|(_, reason)| reason.parse());
            let reason = reason.transpose()?;
            let state = match (word, reason) {
                ("waiting", reason) => State::Waiting(reason),
                ("delivered", None) => State::Delivered,
                ("failed", Some(reason)) => State::Failed(reason),
                _ => return Err(Damaged),
            };
            recipients.push((mailbox, state));
        }
        let envelope = Envelope {
            reverse_path,
            arrived,
            tries,
            next,
            recipients,
        };
        if lines.next().is_none() {
            Ok(envelope)
        } else {
            Err(Damaged)
        }
    }
}

/// An address in brackets. It may be longer than a path on the wire: a list can have such members,
/// and to refuse them is for their host.
fn mailbox(path: &str) -> Result<Mailbox, Damaged> {
    let inside = path
        .strip_prefix('<')
        .and_then(|rest| rest.strip_suffix('>'));
    inside.ok_or(Damaged)?.parse().map_err(|_| Damaged)
}

impl FromStr for Reason {
    type Err = Damaged;

    fn from_str(text: &str) -> Result<Reason, Damaged> {
        let (host, reply) = text.split_once(' ').ok_or(Damaged)?;
        let host = if host == "-" {
            None
        } else {
            Some(host.parse().map_err(|_| Damaged)?)
        };
        let reply = ReplyLine::parse(reply.as_bytes()).ok_or(Damaged)?;
        Ok(Reason {
            host,
            reply: Reply::from(reply),
        })
    }
}
