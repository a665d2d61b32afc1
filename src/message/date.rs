//! Dates as letters carry them, and names that are never given twice.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A moment, in seconds since 1970. Displayed as RFC 5322 §3.3 has it: `Mon, 23 Nov 2026 05:40:53
/// +0000`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date(pub u64);

const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, seconds) = (self.0 / 86_400, self.0 % 86_400);
        let week_day = DAYS[(days % 7) as usize];
        // The calendar repeats every 400 years, 146,097 days. If the year begins in March, the
        // leap day is its last, and the months before it follow one rule.
        let day = days + 719_468; // since 1 March of the year 0
        let (era, day) = (day / 146_097, day % 146_097);
        let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let month = (5 * day + 2) / 153; // 0 is March
        let day = day - (153 * month + 2) / 5 + 1;
        let year = era * 400 + year + u64::from(month >= 10);
        let month = MONTHS[((month + 2) % 12) as usize];
        write!(f, "{week_day}, {day} {month} {year} ")?;
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        write!(f, "{hour:02}:{minute:02}:{second:02} +0000")
    }
}

/// Where the time comes from. It is handed in from outside, so that in a test, or in the book, it
/// can stand still.
#[derive(Debug, Clone)]
pub struct Clock {
    fixed: Option<u64>,
    names: u64,
}

impl Clock {
    /// The computer's clock; or, with `fixed`, one that stands still at that second since 1970.
    pub fn new(fixed: Option<u64>) -> Clock {
        Clock { fixed, names: 0 }
    }

    /// Now.
    pub fn now(&self) -> Date {
        Date(self.fixed.unwrap_or(since_1970().as_secs()))
    }

    /// A name that no letter has had: seconds, microseconds, process, count. Only letters and
    /// digits; names sort by time. With a clock that stands still, another process may give the
    /// same name: who uses it must not overwrite, but ask for the next.
    pub fn unique_name(&mut self) -> String {
        self.names += 1;
        let count = self.names;
        if let Some(seconds) = self.fixed {
            return format!("{seconds}Q{count}");
        }
        let (now, process) = (since_1970(), std::process::id());
        let (seconds, micros) = (now.as_secs(), now.subsec_micros());
        format!("{seconds}M{micros:06}P{process}Q{count}")
    }
}

fn since_1970() -> Duration {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default()
}
