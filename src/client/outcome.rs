//! What sending a letter can come to.

use crate::protocol::address::ForwardPath;
use crate::protocol::reply::{Reply, ReplyError, Severity};
use std::fmt;

/// Where in the conversation something happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "each is a command, or what stands in its place"
)]
pub enum Stage {
    Greeting,
    Hello,
    Auth,
    Mail,
    Rcpt,
    Data,
    Text,
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
    /// The reply to a RCPT. A 552 here is an old way to say 452, too many recipients for now (RFC
    /// 5321 §4.5.3.1.10).
    pub(super) fn of_rcpt(path: ForwardPath, reply: Reply) -> Verdict {
        let severity = if reply.code() == 552 {
            Severity::TryLater
        } else {
            reply.severity()
        };
        Verdict {
            path,
            stage: Stage::Rcpt,
            reply,
            severity,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Verdict {
            path, stage, reply, ..
        } = self;
        write!(f, "to {path}: at {stage} the server said: {reply}")
    }
}
