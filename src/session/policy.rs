//! The place for a server's own rules, beyond those of the protocol.

use super::{Caller, Letter, Transaction};
use crate::protocol::address::ForwardPath;
use crate::protocol::reply::Reply;

/// Rules of a server's own: it refuses what the protocol allows. Write a type with this trait, and
/// give a value of it to [`Session::with_policy`](super::Session::with_policy) where the program
/// makes its sessions (`serve` in `command_line/roles.rs`). Examples:
///
/// - greylisting: refuse an unknown sender with 451 at first, and accept it when it comes again;
/// - a list of domains from which no mail is taken;
/// - a limit of recipients or letters for each user;
/// - a search in the text before it is accepted.
///
/// A refusal is a reply of 4yz (the client may try again later) or 5yz (it may not). A method that
/// you do not write refuses nothing. If a policy needs a memory or a clock, it keeps them in fields
/// of its own, in a `Cell` or a `RefCell`.
pub trait Policy {
    /// Is asked at RCPT, about a recipient that all other rules allow. The recipients that were
    /// accepted before are in the transaction, and they stay in it.
    fn refuse_recipient(
        &self,
        _caller: &Caller,
        _transaction: &Transaction,
        _path: &ForwardPath,
    ) -> Option<Reply> {
        None
    }

    /// Is asked at the end of the text, before the letter is kept. After the text there is only one
    /// reply, so a refusal is for all recipients.
    fn refuse_letter(&self, _caller: &Caller, _letter: &Letter) -> Option<Reply> {
        None
    }
}

/// Refuses nothing.
pub(super) struct NoPolicy;

impl Policy for NoPolicy {}
