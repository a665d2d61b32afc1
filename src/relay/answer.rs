//! What a try came to, for one recipient: the peer's reply, or a finding of our own in the same
//! shape.

use crate::client::{SendError, Stage};
use crate::next_hop::NoHop;
use crate::protocol::address::HostName;
use crate::protocol::reply::{Reply, Severity};
use crate::queue::Reason;

/// One recipient's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// What it comes to.
    pub severity: Severity,
    /// Whose it is, and the words.
    pub reason: Reason,
}

impl Answer {
    /// The words of a host. They stand on one line, as an envelope keeps them.
    pub fn of(host: &HostName, reply: &Reply) -> Answer {
        let reply = Reply::new(reply.code(), &reply.text().join(" "));
        let host = Some(host.clone());
        Answer {
            severity: reply.severity(),
            reason: Reason { host, reply },
        }
    }

    /// A finding of our own, in the shape of a reply.
    pub fn ours(code: u16, why: &str) -> Answer {
        let reply = Reply::new(code, why);
        Answer {
            severity: reply.severity(),
            reason: Reason { host: None, reply },
        }
    }

    /// What it means that there is no hop.
    pub fn no_hop(no_hop: NoHop) -> Answer {
        match no_hop {
            NoHop::Never(why) => Answer::ours(550, &why),
            NoHop::NotNow(why) => Answer::ours(451, &why),
        }
    }

    /// What a failure means.
    pub fn failure(host: &HostName, failure: &SendError) -> Answer {
        let answer = match failure {
            SendError::Refused(_, reply) => Answer::of(host, reply),
            SendError::Unfit(_) => Answer::ours(554, &format!("{host}: {failure}")),
            SendError::Broken(..) | SendError::Unknown(_) => {
                Answer::ours(451, &format!("{host}: {failure}"))
            }
        };
        let severity = match failure.is_temporary() {
            true => Severity::TryLater,
            false => Severity::Refused,
        };
        Answer { severity, ..answer }
    }

    /// Is there no hope?
    pub fn is_refused(&self) -> bool {
        self.severity == Severity::Refused
    }
}

/// A host that answered about the letter speaks for its domain. One that could not be reached, or
/// would not talk to us, or is closing, may have a colleague who will.
pub fn is_about_us(failure: &SendError) -> bool {
    match failure {
        SendError::Broken(..) | SendError::Refused(Stage::Greeting | Stage::Hello, _) => true,
        SendError::Refused(_, reply) => reply.code() == 421,
        SendError::Unfit(_) | SendError::Unknown(_) => false,
    }
}
