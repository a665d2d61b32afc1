// ANCHOR: story
//! The possible results of sending a letter.
// ANCHOR_END: story

// ANCHOR: uses
use super::Stage;
use crate::protocol::address::ForwardPath;
use crate::protocol::reply::{Reply, Severity, in_words};
use std::fmt;
use std::io;
// ANCHOR_END: uses

// ANCHOR: verdict
/// What became of the letter for one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The recipient.
    pub path: ForwardPath,
    /// `Ok`: the server has the letter. The reply is the one to the final dot.
    pub result: Result<Reply, SendError>,
}
// ANCHOR_END: verdict

// ANCHOR: send_error
/// Why a letter was not sent, or not certainly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendError {
    /// The server said no, for now (4) or for good (5).
    Refused(Stage, Reply),
    /// We did not send the letter: the server could not have taken it as it is.
    Unfit(String),
    /// The conversation broke, in this way, and the letter was not handed over.
    Broken(Stage, String),
    /// The conversation broke after the final dot, in this way. Perhaps the server has the
    /// letter.
    Unknown(String),
}
// ANCHOR_END: send_error

// ANCHOR: broken
impl SendError {
    /// What it means that the conversation broke at this stage.
    pub fn broken(stage: Stage, error: io::Error) -> SendError {
        match stage {
            Stage::Dot => SendError::Unknown(in_words(&error)),
            stage => SendError::Broken(stage, in_words(&error)),
        }
    }
    // ANCHOR_END: broken

    // ANCHOR: is_temporary
    /// Can the same succeed later? A 552 to RCPT is an old way to say 452, too many
    /// recipients for now (RFC 5321 §4.5.3.1.10).
    pub fn is_temporary(&self) -> bool {
        match self {
            SendError::Refused(Stage::Rcpt, reply) if reply.code() == 552 => true,
            SendError::Refused(_, reply) => reply.severity() != Severity::Refused,
            SendError::Unfit(_) => false,
            SendError::Broken(..) | SendError::Unknown(_) => true,
        }
    }
    // ANCHOR_END: is_temporary

    // ANCHOR: for_others
    /// A transaction failed with this. Is it the result for all other recipients, too?
    /// `None`: no, a transaction of their own may go well.
    pub(super) fn for_others(&self) -> Option<SendError> {
        match self {
            // The server has seen a part of the text, or only the recipients, and says no
            // for good. Its reason may be one of the recipients.
            SendError::Refused(Stage::Data | Stage::Text | Stage::Dot, _)
                if !self.is_temporary() =>
            {
                None
            }
            // The letter may have reached those who were named, but not the others.
            SendError::Unknown(why) => Some(SendError::Broken(Stage::Dot, why.clone())),
            failure => Some(failure.clone()),
        }
    }
}
// ANCHOR_END: for_others

// ANCHOR: display
impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.result {
            Ok(reply) => write!(f, "to {}: {reply}", self.path),
            Err(failure) => write!(f, "to {}: {failure}", self.path),
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
// ANCHOR_END: display
