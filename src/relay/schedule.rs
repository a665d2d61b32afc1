// ANCHOR: story
//! When to try again, and when to give up (RFC 5321 §4.5.4.1).
//!
//! The computer's clock may be wrong, and somebody may correct it while letters wait. And
//! the user may change the times. So we do not believe a date in an envelope if it is
//! impossible.
// ANCHOR_END: story

// ANCHOR: uses
use crate::message::Date;
use crate::queue::Envelope;
use std::time::Duration;
// ANCHOR_END: uses

// ANCHOR: schedule
/// When to try again, and when to give up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// How long to wait after the first failure. The wait doubles with each try, up to
    /// [`LONGEST_WAIT`] times this.
    pub retry: Duration,
    /// A letter this old is given up.
    pub give_up: Duration,
}
// ANCHOR_END: schedule

// ANCHOR: rfc
impl Schedule {
    /// Both are what the RFC asks for: at least 30 minutes, and at least 4 to 5 days
    /// (RFC 5321 §4.5.4.1). How the wait grows is our choice.
    pub const RFC: Schedule = Schedule {
        retry: Duration::from_secs(30 * 60),
        give_up: Duration::from_secs(5 * 24 * 60 * 60),
    };
    // ANCHOR_END: rfc

    // ANCHOR: wait
    /// How long to wait if this many tries have failed before this one, in seconds.
    fn wait(&self, failed: u32) -> u64 {
        let times = 2_u32.saturating_pow(failed).min(LONGEST_WAIT);
        self.retry.saturating_mul(times).as_secs()
    }

    /// When to try again, if this many tries have failed before this one.
    pub(super) fn next(&self, now: Date, failed: u32) -> Date {
        Date(now.0.saturating_add(self.wait(failed)))
    }
    // ANCHOR_END: wait

    // ANCHOR: is_due
    /// Is a try due? If the next date is further off than any wait, a clock was wrong
    /// when it was written.
    pub(super) fn is_due(&self, envelope: &Envelope, now: Date) -> bool {
        let latest = now.0.saturating_add(self.wait(u32::MAX));
        envelope.tries == 0 || envelope.next <= now || envelope.next.0 > latest
    }
    // ANCHOR_END: is_due

    // ANCHOR: is_too_old
    /// Is it time to give up? If the letter came in the future, nobody knows its age.
    /// Then only its tries count.
    pub(super) fn is_too_old(&self, envelope: &Envelope, now: Date) -> bool {
        let tries = envelope.tries;
        match now.0.checked_sub(envelope.arrived.0) {
            Some(age) if age < self.give_up.as_secs() => false,
            Some(_) if tries >= LEAST_TRIES => true,
            _ => self.has_all_its_tries(tries),
        }
    }
    // ANCHOR_END: is_too_old

    // ANCHOR: has_all_its_tries
    /// Have there been as many tries as a letter gets before it is given up?
    fn has_all_its_tries(&self, tries: u32) -> bool {
        let mut age = 0_u64;
        for failed in 0..tries {
            age = age.saturating_add(self.wait(failed).max(1));
            if age >= self.give_up.as_secs() {
                return true;
            }
        }
        false
    }
}
// ANCHOR_END: has_all_its_tries

// ANCHOR: longest_wait
/// The longest wait is this many times the first.
pub const LONGEST_WAIT: u32 = 16;
// ANCHOR_END: longest_wait

// ANCHOR: least_tries
/// A letter gets at least this many tries before it is given up. (If `retry` is long and
/// `give_up` is short, it gets as many as come to that time.) A letter may only look old:
/// the clock was days behind when it came, and is correct now; or the relay did not run
/// for days. With [`Schedule::RFC`], this many tries take more than a day.
pub const LEAST_TRIES: u32 = 8;
// ANCHOR_END: least_tries
