//! What sending a letter can come to.

use crate::protocol::address::ForwardPath;
use crate::protocol::reply::{Reply, ReplyError, Severity};
use std::fmt;

/// Where in the conversation something happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The connection, and the server's first words.
    Greeting,
    /// EHLO, or HELO after it.
    Hello,
    /// AUTH, and the answers to its challenges.
    Auth,
    /// MAIL.
    Mail,
    /// One of the RCPT.
    Rcpt,
    /// DATA, until the server says 354.
    Data,
    /// The text and its final dot.
    Text,
    /// QUIT.
    Quit,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Stage::Greeting => "the greeting",
            Stage::Hello => "EHLO or HELO",
            Stage::Auth => "AUTH",
            Stage::Mail => "MAIL",
            Stage::Rcpt => "RCPT",
            Stage::Data => "DATA",
            Stage::Text => "the text",
            Stage::Quit => "QUIT",
        })
    }
}

/// Why a letter was not sent, or not surely.
#[derive(Debug)]
pub enum Failure {
    /// The server said no, for now (4) or for good (5).
    Refused(Stage, Reply),
    /// We did not send the letter, as the server could not have taken it as it is.
    Unfit(String),
    /// The conversation broke, and the letter was not handed over.
    Broken(Stage, ReplyError),
    /// The conversation broke after the final dot. The server has the letter, or it has not.
    Unknown(ReplyError),
}

impl Failure {
    /// Is it worth while to try the same again later?
    pub fn is_temporary(&self) -> bool {
        match self {
            Failure::Refused(_, reply) => reply.severity() != Severity::Refused,
            Failure::Unfit(_) => false,
            Failure::Broken(..) | Failure::Unknown(_) => true,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Refused(stage, reply) => write!(f, "at {stage} the server said: {reply}"),
            Failure::Unfit(why) => f.write_str(why),
            Failure::Broken(stage, error) => write!(f, "at {stage}: {error}"),
            Failure::Unknown(error) => write!(
                f,
                "outcome unknown: the whole text was sent, and then {error}; \
                 the letter may have arrived"
            ),
        }
    }
}

impl std::error::Error for Failure {}

/// What the server answered for one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The recipient.
    pub path: ForwardPath,
    /// How far it came.
    pub stage: Stage,
    /// The last word on it: the reply to its RCPT, or to the final dot.
    pub reply: Reply,
    /// What that comes to.
    pub severity: Severity,
}

impl Verdict {
    /// A 552 to RCPT is an old way to say 452, too many recipients for now (RFC 5321 §4.5.3.1.10).
    pub(super) fn new(path: ForwardPath, stage: Stage, reply: Reply) -> Verdict {
        let severity = match (stage, reply.code()) {
            (Stage::Rcpt, 552) => Severity::TryLater,
            _ => reply.severity(),
        };
        Verdict {
            path,
            stage,
            reply,
            severity,
        }
    }

    /// Was the last word a yes?
    pub(super) fn is_done(&self) -> bool {
        self.severity == Severity::Done
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (path, stage, reply) = (&self.path, self.stage, &self.reply);
        write!(f, "to {path}: at {stage} the server said: {reply}")
    }
}
