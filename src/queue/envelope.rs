// ANCHOR: story
//! The envelope of a waiting letter, as a file.
// ANCHOR_END: story

// ANCHOR: uses
use crate::message::Date;
use crate::protocol::address::{HostName, Mailbox, ReversePath};
use crate::protocol::reply::Reply;
use std::fmt;
use std::io::{self, ErrorKind};
use std::iter::Peekable;
use std::str::{FromStr, Lines};
// ANCHOR_END: uses

// ANCHOR: envelope
/// The envelope of a waiting letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// Where a bounce goes.
    pub reverse_path: ReversePath,
    /// When the letter came to us.
    pub arrived: Date,
    /// How often we have tried to hand it on.
    pub tries: u32,
    /// When to try next.
    pub next: Date,
    /// The recipients who do not have the letter, and how far we are with each of them. A
    /// recipient leaves the list when he has the letter, or when the sender was told that
    /// he will not get it.
    pub recipients: Vec<(Mailbox, Progress)>,
}
// ANCHOR_END: envelope

// ANCHOR: progress
/// How far we are with one recipient who does not have the letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// The letter waits for the next try. If there was a try already: why it failed.
    Waiting(Option<Reason>),
    /// Refused for good, or given up. The sender must be told.
    Failed(Reason),
}
// ANCHOR_END: progress

// ANCHOR: reason
/// Why a letter could not be handed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// Which host said so. `None`: we found it out ourselves, for example that no host
    /// answers.
    pub host: Option<HostName>,
    /// What was said, on one line.
    pub reply: Reply,
}
// ANCHOR_END: reason

// ANCHOR: display
impl fmt::Display for Envelope {
    /// One line for each fact. No value can hold a line end: a stranger could write lines
    /// of his own into this file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "from {}", self.reverse_path)?;
        writeln!(f, "arrived {}", self.arrived.0)?;
        writeln!(f, "tries {}", self.tries)?;
        writeln!(f, "next {}", self.next.0)?;
        // ANCHOR_END: display
        // ANCHOR: display_recipients
        for (mailbox, progress) in &self.recipients {
            let (word, reason) = match progress {
                Progress::Waiting(reason) => ("waiting", reason.as_ref()),
                Progress::Failed(reason) => ("failed", Some(reason)),
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
// ANCHOR_END: display_recipients

// ANCHOR: set
impl Envelope {
    /// Changes how far we are with one recipient.
    pub fn set(&mut self, recipient: &Mailbox, progress: Progress) {
        for (mailbox, old) in &mut self.recipients {
            if mailbox == recipient {
                *old = progress.clone();
            }
        }
    }
    // ANCHOR_END: set

    // ANCHOR: remove
    /// Removes a recipient who has the letter.
    pub fn remove(&mut self, recipient: &Mailbox) {
        self.recipients.retain(|(mailbox, _)| mailbox != recipient);
    }
    // ANCHOR_END: remove

    // ANCHOR: waiting
    /// The recipients who still wait.
    pub fn waiting(&self) -> impl Iterator<Item = &Mailbox> {
        let recipients = self.recipients.iter();
        recipients.filter_map(|(mailbox, progress)| match progress {
            Progress::Waiting(_) => Some(mailbox),
            Progress::Failed(_) => None,
        })
    }
    // ANCHOR_END: waiting

    // ANCHOR: failed
    /// The recipients who will not get the letter, and why.
    pub fn failed(&self) -> impl Iterator<Item = (&Mailbox, &Reason)> {
        let recipients = self.recipients.iter();
        recipients.filter_map(|(mailbox, progress)| match progress {
            Progress::Waiting(_) => None,
            Progress::Failed(reason) => Some((mailbox, reason)),
        })
    }
}
// ANCHOR_END: failed

// ANCHOR: from_str
impl FromStr for Envelope {
    type Err = io::Error;

    /// [`ErrorKind::InvalidData`]: this is not an envelope, or not all of one.
    fn from_str(text: &str) -> io::Result<Envelope> {
        read(&mut text.lines().peekable()).ok_or(ErrorKind::InvalidData.into())
    }
}
// ANCHOR_END: from_str

// ANCHOR: rest
/// The lines of the file that are not read yet.
type Rest<'a> = Peekable<Lines<'a>>;
// ANCHOR_END: rest

// ANCHOR: read
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
    // A file that was cut off has no `end`. After it there must be nothing.
    (rest.count() == 1).then_some(envelope)
}
// ANCHOR_END: read

// ANCHOR: fact
/// The value in the next line, which must begin with this word.
fn fact<T: FromStr>(rest: &mut Rest<'_>, word: &str) -> Option<T> {
    let (key, value) = rest.next()?.split_once(' ')?;
    value.parse().ok().filter(|_| key == word)
}
// ANCHOR_END: fact

// ANCHOR: read_recipient
fn read_recipient(rest: &mut Rest<'_>) -> Option<(Mailbox, Progress)> {
    let (word, path) = rest.next()?.split_once(' ')?;
    let ReversePath::Mailbox(mailbox) = path.parse().ok()? else {
        return None;
    };
    let reason = match rest.next_if(|line| line.starts_with("reason ")) {
        Some(line) => Some(read_reason(line)?),
        None => None,
    };
    let progress = match (word, reason) {
        ("waiting", reason) => Progress::Waiting(reason),
        ("failed", Some(reason)) => Progress::Failed(reason),
        _ => return None,
    };
    Some((mailbox, progress))
}
// ANCHOR_END: read_recipient

// ANCHOR: read_reason
fn read_reason(line: &str) -> Option<Reason> {
    let mut words = line.splitn(3, ' ').skip(1);
    let host = match words.next()? {
        "-" => None,
        host => Some(host.parse().ok()?),
    };
    let reply = Reply::parse(words.next()?.as_bytes())?;
    Some(Reason { host, reply })
}
// ANCHOR_END: read_reason
