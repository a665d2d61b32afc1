//! When to try again, and when to give up (RFC 5321 §4.5.4.1).
//!
//! A clock may be wrong, and be set right while letters wait; and the user may change the waits. So
//! no date that is written down is believed without a look at it.

use crate::message::Date;
use crate::queue::Envelope;
use std::time::Duration;

/// When to try again, and when to give up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// The first wait. It doubles with each try, up to [`LONGEST_WAIT`] times this.
    pub retry: Duration,
    /// A letter this old is given up.
    pub give_up: Duration,
}

/// The longest wait is this many times the first.
pub const LONGEST_WAIT: u32 = 16;

impl Schedule {
    /// What the RFC asks for: at least 30 minutes, and 4 to 5 days (RFC 5321 §4.5.4.1).
    pub const RFC: Schedule = Schedule {
        retry: Duration::from_secs(30 * 60),
        give_up: Duration::from_secs(5 * 24 * 60 * 60),
    };

    /// How long to wait if so many tries have failed before this one, in seconds.
    fn wait(&self, failed: u32) -> u64 {
        let times = 2_u32.saturating_pow(failed).min(LONGEST_WAIT);
        self.retry.saturating_mul(times).as_secs()
    }

    /// When to try again, if so many tries have failed before this one.
    pub(super) fn next(&self, now: Date, failed: u32) -> Date {
        Date(now.0.saturating_add(self.wait(failed)))
    }

    /// Is a try due? A letter that was never tried is due, whatever its date. So is one whose date
    /// is further off than any wait: when that was written, the clock was wrong, or the waits were
    /// longer.
    pub(super) fn is_due(&self, envelope: &Envelope, now: Date) -> bool {
        let latest = now.0.saturating_add(self.wait(u32::MAX));
        envelope.tries == 0 || envelope.next <= now || envelope.next.0 > latest
    }

    /// Is it time to give up? If the letter came in the future, one of the two clocks is wrong, and
    /// nobody knows its age. Then we give it as many tries as others get.
    pub(super) fn is_too_old(&self, envelope: &Envelope, now: Date) -> bool {
        let limit = self.give_up.as_secs();
        if envelope.arrived <= now {
            return now.0 - envelope.arrived.0 >= limit;
        }
        let mut age = 0_u64;
        for failed in 0..envelope.tries {
            age = age.saturating_add(self.wait(failed).max(1));
            if age >= limit {
                return true;
            }
        }
        false
    }
}
