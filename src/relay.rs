// ANCHOR: story
//! # The relay (chapter 16)
//!
//! The relay takes the letters that wait in the queue, and hands each to the next hop.
//! Here the mail server is the client: the same server plays both roles.
//!
//! Three things can happen to a recipient. The next hop takes the letter. Or it refuses
//! for good (5): then the sender gets a *bounce*. Or it refuses for now (4): then the
//! recipient waits, each time longer, and when the letter is too old, there is a bounce.
//! A bounce has the empty reverse-path `<>`, and it is never bounced (RFC 5321 §6.1).
//!
//! Each step is written down after it has happened. If we are stopped between the two,
//! the step happens again: a letter may come twice, but it is never lost.
// ANCHOR_END: story

// ANCHOR: uses
mod bounce;
mod delivery;
mod outcome;
mod pass;
mod schedule;

use crate::client::Timeouts;
use crate::message::Clock;
use crate::next_hop::{NoHop, Target};
use crate::protocol::address::Domain;
use crate::protocol::line::Trace;
use crate::queue::Queue;
use crate::server::Store;
pub use bounce::bounce;
use pass::Pass;
pub use pass::UNREACHABLE;
pub use schedule::{LEAST_TRIES, LONGEST_WAIT, Schedule};
use std::collections::HashMap;
use std::io;
// ANCHOR_END: uses

// ANCHOR: relay
/// All that a relay needs. A test, or the book, can replace the search for hosts, the
/// store, the clock, `trace` and `log`.
pub struct Relay<'a> {
    /// The queue with the letters to hand on.
    pub queue: &'a Queue,
    /// Our own domain.
    pub own: &'a Domain,
    /// When to try.
    pub schedule: Schedule,
    /// How long to wait for replies.
    pub timeouts: Timeouts,
    /// Finds the hosts to try for a domain: the routes of a site and DNS, or a table.
    pub next_hops: &'a mut dyn FnMut(&Domain) -> Result<Vec<Target>, NoHop>,
    /// Where bounces go: they are letters for a mailbox of ours, or for the queue.
    pub store: &'a mut dyn Store,
    /// The time, and names for bounces.
    pub clock: &'a mut Clock,
    /// Makes the trace of a conversation.
    pub trace: &'a dyn Fn() -> Option<Trace>,
    /// Hears what happened, for people.
    pub log: &'a dyn Fn(&str),
}
// ANCHOR_END: relay

// ANCHOR: pass
impl Relay<'_> {
    /// Tries every letter whose time has come, once.
    pub fn pass(&mut self) -> io::Result<Report> {
        let queue = self.queue;
        queue.sweep()?;
        let mut pass = Pass {
            relay: self,
            report: Report::default(),
            unreachable_hosts: HashMap::new(),
            unreachable_domains: HashMap::new(),
        };
        queue.each(|id, envelope| {
            let tried = envelope.and_then(|envelope| pass.try_letter(id, envelope));
            if let Err(error) = tried {
                pass.leave(id, &error);
            }
        })?;
        Ok(pass.report)
    }
}
// ANCHOR_END: pass

// ANCHOR: report
/// The result of one pass over the queue, in recipients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Report {
    /// Their next hop has the letter.
    pub delivered: usize,
    /// They were refused for good, or given up.
    pub failed: usize,
    /// They wait.
    pub waiting: usize,
    /// Letters (not recipients) whose files cannot be understood.
    pub damaged: usize,
}
// ANCHOR_END: report
