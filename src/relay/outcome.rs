// ANCHOR: story
//! What came of a try, for one recipient: the reply of a host; or, if no host replied, a
//! reply that we make ourselves.
// ANCHOR_END: story

// ANCHOR: uses
use crate::client::{SendError, Stage};
use crate::next_hop::NoHop;
use crate::protocol::address::HostName;
use crate::protocol::reply::{Reply, Severity};
use crate::queue::Reason;
// ANCHOR_END: uses

// ANCHOR: outcome
/// One recipient's outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Delivered, refused, or to be tried again.
    pub severity: Severity,
    /// What was said, and by which host.
    pub reason: Reason,
}
// ANCHOR_END: outcome

// ANCHOR: of
impl Outcome {
    /// What came of a letter at this host; or of a call, if it did not come to the
    /// letter.
    pub fn of(host: &HostName, result: &Result<Reply, SendError>) -> Outcome {
        let (severity, code) = match result {
            Ok(_) => (Severity::Done, 250),
            Err(failure) if failure.is_temporary() => (Severity::TryLater, 451),
            Err(_) => (Severity::Refused, 554),
        };
        let reason = match result {
            Ok(reply) | Err(SendError::Refused(_, reply)) => Reason {
                host: Some(host.clone()),
                // An envelope keeps it on one line.
                reply: Reply::new(reply.code(), &reply.text().join(" ")),
            },
            Err(failure) => Outcome::own(code, &format!("{host}: {failure}")).reason,
        };
        Outcome { severity, reason }
    }
    // ANCHOR_END: of

    // ANCHOR: own
    /// What it means that there is no hop.
    pub fn no_hop(no_hop: NoHop) -> Outcome {
        match no_hop {
            NoHop::Never(why) => Outcome::own(550, &why),
            NoHop::NotNow(why) => Outcome::own(451, &why),
        }
    }

    /// A finding of our own.
    pub fn own(code: u16, why: &str) -> Outcome {
        let reply = Reply::new(code, why);
        Outcome {
            severity: reply.severity(),
            reason: Reason { host: None, reply },
        }
    }
}
// ANCHOR_END: own

// ANCHOR: is_about_the_host
/// Is this about the host alone, and not about the letter?
pub fn is_about_the_host(failure: &SendError) -> bool {
    match failure {
        SendError::Broken(..) => true,
        SendError::Refused(Stage::Greeting | Stage::Hello, _) => true,
        SendError::Refused(_, reply) => reply.code() == 421,
        SendError::Unfit(_) | SendError::Unknown(_) => false,
    }
}
// ANCHOR_END: is_about_the_host
