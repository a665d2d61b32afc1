//! What a try came to, for one recipient: the peer's reply, or a finding of our own in the same
//! shape.

use crate::client::{Failure, Stage};
use crate::next_hop::NoHop;
use crate::protocol::address::HostName;
use crate::protocol::reply::{Reply, Severity};
use crate::queue::Reason;

/// One recipient's answer: how bad it is, and why.
pub type Answer = (Severity, Reason);

/// A host that answered about the letter speaks for its domain. One that could not be reached, or
/// would not talk to us, may have a colleague who will.
pub fn is_about_us(failure: &Failure) -> bool {
    matches!(
        failure,
        Failure::Broken(..) | Failure::Refused(Stage::Greeting | Stage::Hello, _)
    )
}

/// What it means that there is no hop.
pub fn no_hop(no_hop: NoHop) -> Answer {
    match no_hop {
        NoHop::Never(why) => ours(550, &why),
        NoHop::NotNow(why) => ours(451, &why),
    }
}

/// What a failure means for each recipient.
pub fn answer(host: &HostName, failure: &Failure) -> Answer {
    match failure {
        Failure::Refused(_, reply) => (reply.severity(), reason(Some(host), reply)),
        Failure::Unfit(_) => ours(554, &format!("{host}: {failure}")),
        _ => ours(451, &format!("{host}: {failure}")),
    }
}

/// A finding of our own, in the shape of a reply.
pub fn ours(code: u16, why: &str) -> Answer {
    let reply = Reply::new(code, why);
    (reply.severity(), reason(None, &reply))
}

/// The reply stands on one line, as an envelope keeps it.
pub fn reason(host: Option<&HostName>, reply: &Reply) -> Reason {
    let reply = Reply::new(reply.code(), &reply.text().join(" "));
    let host = host.cloned();
    Reason { host, reply }
}
