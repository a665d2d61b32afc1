// ANCHOR: story
//! Dates as letters show them, and names that are never given twice.
// ANCHOR_END: story

// ANCHOR: uses
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
// ANCHOR_END: uses

// ANCHOR: date
/// A moment, in seconds since the first of January 1970. Displayed as RFC 5322 §3.3 has
/// it: `Mon, 23 Nov 2026 05:40:53 +0000`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date(pub u64);
// ANCHOR_END: date

// ANCHOR: names
const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];
/// The calendar repeats every 400 years, after this number of days.
const DAYS_OF_400_YEARS: u64 = 146_097;
// ANCHOR_END: names

// ANCHOR: display
impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, seconds) = (self.0 / 86_400, self.0 % 86_400);
        let day_name = DAYS[(days % 7) as usize];
        // Without this step, a date in a damaged file could keep the loop below busy for
        // years.
        let mut year = 1970 + 400 * (days / DAYS_OF_400_YEARS);
        let (mut month, mut day) = (0, days % DAYS_OF_400_YEARS);
        while day >= days_of_month(year, month) {
            day -= days_of_month(year, month);
            month += 1;
            if month == MONTHS.len() {
                (year, month) = (year + 1, 0);
            }
        }
        write!(f, "{day_name}, {} {} {year} ", day + 1, MONTHS[month])?;
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        write!(f, "{hour:02}:{minute:02}:{second:02} +0000")
    }
}
// ANCHOR_END: display

// ANCHOR: days_of_month
/// The length of a month; the first has number 0. Every fourth year is a leap year. The
/// year 1900 was not, and 2100 will not be; 2000 was.
fn days_of_month(year: u64, month: usize) -> u64 {
    let of_100 = year.is_multiple_of(100);
    let is_leap = year.is_multiple_of(4) && !of_100 || year.is_multiple_of(400);
    match month + 1 {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}
// ANCHOR_END: days_of_month

// ANCHOR: clock
/// The clock that tells the time. It is made outside and handed in. So a test, or a page
/// of the book, can hand in a clock that always shows the same second.
#[derive(Debug, Clone)]
pub struct Clock {
    fixed: Option<u64>,
    names: u64,
}
// ANCHOR_END: clock

// ANCHOR: clock_new
impl Clock {
    /// The computer's clock. With `fixed`, a clock that always shows that second since
    /// 1970.
    pub fn new(fixed: Option<u64>) -> Clock {
        Clock { fixed, names: 0 }
    }

    /// The present moment.
    pub fn now(&self) -> Date {
        Date(self.fixed.unwrap_or(since_1970().as_secs()))
    }
    // ANCHOR_END: clock_new

    // ANCHOR: unique_name
    /// A name for a new letter: seconds, microseconds, process, and a count. It is made
    /// of ASCII digits and capitals, and names sort by time.
    ///
    /// A clock with a fixed second may give a name that another process has given too. So
    /// never overwrite a file of this name: if there is one, ask for the next name.
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
// ANCHOR_END: unique_name

// ANCHOR: since
fn since_1970() -> Duration {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default()
}
// ANCHOR_END: since
