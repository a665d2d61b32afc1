//! Chapter 16, the relay: two careless rules, and what they cost.
//!
//! Run it: `cargo run --example ch16_wrong`

use smtp_primer::relay::{LONGEST_WAIT, Schedule};

fn main() {
    if std::env::args().len() > 1 {
        eprintln!("usage: cargo run --example ch16_wrong");
        std::process::exit(2);
    }
    println!("Look for the number of calls in five days.");
    println!("Look for the letter that brings a new letter each time.\n");
    calls();
    bounces();
}

// ANCHOR: impatient
/// Wrong: the wait is always the same.
fn impatient(_failed: u32) -> u64 {
    Schedule::RFC.retry.as_secs()
}
// ANCHOR_END: impatient

/// What our relay does.
fn patient(failed: u32) -> u64 {
    let times = 2_u32.saturating_pow(failed).min(LONGEST_WAIT);
    Schedule::RFC.retry.as_secs() * u64::from(times)
}

fn calls() {
    for (name, wait) in [
        ("impatient", impatient as fn(u32) -> u64),
        ("patient", patient),
    ] {
        let (mut now, mut tries) = (0, 0);
        while now < Schedule::RFC.give_up.as_secs() {
            tries += 1;
            now += wait(tries - 1);
        }
        println!("the {name} relay: {tries} calls in five days, for one letter");
    }
    println!();
}

/// A letter as far as this story needs it.
struct Note {
    from: String,
    to: String,
    lines: usize,
}

// ANCHOR: careless_bounce
/// Wrong: the bounce has a sender, so it can be bounced, too.
fn careless_bounce(own: &str, note: &Note) -> Note {
    Note {
        from: format!("postmaster@{own}"),
        to: note.from.clone(),
        lines: note.lines + 10, // It quotes the letter.
    }
}
// ANCHOR_END: careless_bounce

/// No mailbox of the two servers can take a letter: their disks are full.
fn bounces() {
    let mut note = Note {
        from: "alice@a.example".to_string(),
        to: "bob@b.example".to_string(),
        lines: 5,
    };
    for number in 1..=6 {
        let Note { from, to, lines } = &note;
        println!("letter {number}: from <{from}> to <{to}>, {lines} lines");
        let server = to.rsplit('@').next().unwrap_or_default().to_string();
        note = careless_bounce(&server, &note);
    }
    println!("and so on");
}
