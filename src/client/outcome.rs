//! What sending a letter can come to.

use crate::protocol::address::ForwardPath;
use crate::protocol::reply::{Reply, Severity};
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendError {
    /// The server said no, for now (4) or for good (5).
    Refused(Stage, Reply),
    /// We did not send the letter, as the server could not have taken it as it is.
    Unfit(String),
    /// The conversation broke, in this way, and the letter was not handed over.
    Broken(Stage, String),
    /// The conversation broke after the final dot. The server has the letter, or it has not.
    Unknown(String),
}

impl SendError {
    /// Is it worth while to try the same again later? A 552 to RCPT is an old way to say 452, too
    /// many recipients for now (RFC 5321 §4.5.3.1.10).
    pub fn is_temporary(&self) -> bool {
        match self {
            SendError::Refused(Stage::Rcpt, reply) if reply.code() == 552 => true,
            SendError::Refused(_, reply) => reply.severity() != Severity::Refused,
            SendError::Unfit(_) => false,
            SendError::Broken(..) | SendError::Unknown(_) => true,
        }
    }

    /// Does it also count for those who were not named in this transaction? A no to DATA or to the
    /// text may have to do with the recipients before it.
    pub(super) fn is_for_all(&self) -> bool {
        self.is_temporary() || !matches!(self, SendError::Refused(Stage::Data | Stage::Text, _))
    }

    /// What it is to them: it is certain that the letter was not sent to them.
    pub(super) fn for_the_others(self) -> SendError {
        match self {
            SendError::Unknown(why) => SendError::Broken(Stage::Text, why),
            failure => failure,
        }
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SendError::Refused(stage, reply) => write!(f, "at {stage} the server said: {reply}"),
            SendError::Unfit(why) => f.write_str(why),
            SendError::Broken(stage, error) => write!(f, "at {stage}: {error}"),
            SendError::Unknown(error) => write!(
                f,
                "outcome unknown: the whole text was sent, and then {error}; \
                 the letter may have arrived"
            ),
        }
    }
}

impl std::error::Error for SendError {}

/// What became of the letter for one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The recipient.
    pub path: ForwardPath,
    /// The server has the letter, and this is its reply to the final dot; or why it has not, or
    /// not surely.
    pub result: Result<Reply, SendError>,
}

impl Verdict {
    /// What that comes to.
    pub fn severity(&self) -> Severity {
        match &self.result {
            Ok(_) => Severity::Done,
            Err(failure) if failure.is_temporary() => Severity::TryLater,
            Err(_) => Severity::Refused,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.result {
            Ok(reply) => write!(f, "to {}: {reply}", self.path),
            Err(failure) => write!(f, "to {}: {failure}", self.path),
        }
    }
}
