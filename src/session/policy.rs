// ANCHOR: story
//! The place for a server's own rules, beyond those of the protocol.

use super::{Caller, Letter, Transaction};
use crate::protocol::address::ForwardPath;
use crate::protocol::reply::Reply;
// ANCHOR_END: story

// ANCHOR: policy
/// Rules of a server's own: it refuses what the protocol allows. A refusal is a reply of
/// 4yz (the client may try again later) or 5yz (it may not).
pub trait Policy {
    /// Is asked at RCPT, about a recipient that all other rules allow.
    fn refuse_recipient(
        &self,
        _caller: &Caller,
        _transaction: &Transaction,
        _path: &ForwardPath,
    ) -> Option<Reply> {
        None
    }

    /// Is asked at the end of the text, before the letter is kept.
    fn refuse_letter(&self, _caller: &Caller, _letter: &Letter) -> Option<Reply> {
        None
    }
}
// ANCHOR_END: policy

// ANCHOR: no_policy
/// Refuses nothing.
pub(super) struct NoPolicy;

impl Policy for NoPolicy {}
// ANCHOR_END: no_policy
