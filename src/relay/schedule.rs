//! When to try again, and when to give up (RFC 5321 §4.5.4.1).

use crate::message::Date;
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

    /// When to try again, if so many tries have failed before this one.
    pub(super) fn next(&self, now: Date, failed: u32) -> Date {
        let times = 2_u32.saturating_pow(failed).min(LONGEST_WAIT);
        let wait = self.retry.saturating_mul(times).as_secs();
        Date(now.0.saturating_add(wait))
    }
}
