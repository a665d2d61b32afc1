// ANCHOR: story
//! One pass over the queue. [`Pass::try_letter`] is the way of one letter through it.
// ANCHOR_END: story

// ANCHOR: uses
use super::bounce::bounce;
use super::outcome::Outcome;
use super::{Relay, Report};
use crate::client::SendError;
use crate::protocol::address::ReversePath;
use crate::protocol::dot::Text;
use crate::queue::{Envelope, Progress};
use std::collections::HashMap;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
// ANCHOR_END: uses

// ANCHOR: pass
/// One pass over the queue.
pub struct Pass<'r, 'a> {
    /// The queue, and all else that a relay needs.
    pub relay: &'r mut Relay<'a>,
    /// The result so far.
    pub report: Report,
    /// Addresses where nobody answered in this pass, and why.
    pub unreachable_hosts: HashMap<SocketAddr, SendError>,
    /// Domains for which we found no hop in this pass, in small letters.
    pub unreachable_domains: HashMap<String, Outcome>,
}
// ANCHOR_END: pass

// ANCHOR: job
/// A letter from the queue, while it is tried.
pub struct Job {
    pub id: String,
    pub envelope: Envelope,
    pub text: Text,
}
// ANCHOR_END: job

// ANCHOR: try_letter
impl Pass<'_, '_> {
    /// The way of one letter. [`ErrorKind::InvalidData`]: its text is damaged.
    pub fn try_letter(&mut self, id: &str, envelope: Envelope) -> io::Result<()> {
        let (queue, schedule) = (self.relay.queue, self.relay.schedule);
        let now = self.relay.clock.now();
        // 1. Is there anything to do?
        let is_due = schedule.is_due(&envelope, now);
        let is_empty = envelope.recipients.is_empty();
        if !is_due && !is_empty && !schedule.is_too_old(&envelope, now) {
            self.report.waiting += envelope.recipients.len();
            return Ok(());
        }
        // ANCHOR_END: try_letter

        // ANCHOR: try_it
        // 2. Read the text.
        let text = queue.text(id)?;
        let id = id.to_string();
        let mut job = Job { id, envelope, text };
        // 3. Hand it over, after the date of the next try was written down.
        if is_due {
            job.envelope.next = schedule.next(now, job.envelope.tries);
            job.envelope.tries = job.envelope.tries.saturating_add(1);
            self.hand_over(&mut job)?;
        }
        // ANCHOR_END: try_it

        // ANCHOR: after_it
        // 4. If it is too old, those who still wait have failed.
        if schedule.is_too_old(&job.envelope, now) {
            give_up(&mut job.envelope);
        }
        // 5. If some have failed, tell the sender.
        if job.envelope.failed().next().is_some() {
            self.bounce(&mut job)?;
        }
        // 6. Write down who still waits; or, if nobody does, forget the letter.
        self.report.waiting += job.envelope.recipients.len();
        match job.envelope.recipients.is_empty() {
            true => queue.finish(&job.id),
            false => queue.update(&job.id, &job.envelope),
        }
    }
}
// ANCHOR_END: after_it

// ANCHOR: give_up
/// Those who still wait have failed, for the reason of the last try.
fn give_up(envelope: &mut Envelope) {
    for (_, state) in &mut envelope.recipients {
        if let Progress::Waiting(reason) = state {
            let why = || Outcome::own(451, "the time for this letter is over").reason;
            *state = Progress::Failed(reason.take().unwrap_or_else(why));
        }
    }
}
// ANCHOR_END: give_up

// ANCHOR: bounce
impl Pass<'_, '_> {
    /// Tells the sender who will not get the letter, and takes them off the list.
    fn bounce(&mut self, job: &mut Job) -> io::Result<()> {
        // If the bounce fails, nobody is asked twice who has said yes or no.
        self.relay.queue.update(&job.id, &job.envelope)?;
        let what = match &job.envelope.reverse_path {
            ReversePath::Null => {
                let dropped = "a bounce that cannot be delivered; it is dropped";
                dropped.to_string()
            }
            // ANCHOR_END: bounce

            // ANCHOR: bounce_to
            ReversePath::Mailbox(sender) => {
                let relay = &mut *self.relay;
                let Job { envelope, text, .. } = &*job;
                let letter = bounce(relay.own, sender, envelope, text, relay.clock);
                match relay.store.store(&letter) {
                    Ok(name) => format!("bounced to <{sender}> as {name}"),
                    Err(error) if error.kind() == ErrorKind::NotFound => {
                        format!("the sender <{sender}> has no mailbox; no bounce was sent")
                    }
                    Err(error) => return Err(error),
                }
            }
        };
        // ANCHOR_END: bounce_to

        // ANCHOR: bounced
        (self.relay.log)(&format!("{}: {what}", job.id));
        self.report.failed += job.envelope.failed().count();
        let recipients = &mut job.envelope.recipients;
        recipients.retain(|(_, state)| matches!(state, Progress::Waiting(_)));
        Ok(())
    }
    // ANCHOR_END: bounced

    // ANCHOR: leave
    /// Leaves a letter that could not be tried: in the queue, or set aside if it is
    /// damaged.
    pub fn leave(&mut self, id: &str, error: &io::Error) {
        let mut end = "the letter stays in the queue".to_string();
        if error.kind() == ErrorKind::InvalidData {
            self.report.damaged += 1;
            if let Ok(path) = self.relay.queue.set_aside(id) {
                end = format!("damaged, set aside as {}", path.display());
            }
        } else {
            self.report.waiting += 1;
        }
        (self.relay.log)(&format!("{id}: {error}; {end}"));
    }
}
// ANCHOR_END: leave

// ANCHOR: unreachable
/// Most entries in each of these two: a pass takes as much memory for ten thousand
/// letters as for one.
pub const UNREACHABLE: usize = 1000;
// ANCHOR_END: unreachable
