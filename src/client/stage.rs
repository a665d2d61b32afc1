// ANCHOR: story
//! The steps of a conversation, and how long we wait at each.
// ANCHOR_END: story

// ANCHOR: uses
use std::fmt;
use std::time::Duration;
// ANCHOR_END: uses

// ANCHOR: stage
/// Where in the conversation something happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The connection.
    Connect,
    /// The server's first words.
    Greeting,
    /// EHLO, or HELO after it.
    Hello,
    /// AUTH, and the answers to its challenges.
    Auth,
    /// MAIL.
    Mail,
    /// One of the RCPT.
    Rcpt,
    /// DATA, until the server says 354.
    Data,
    /// The text, while we write it.
    Text,
    /// The final dot.
    Dot,
    /// QUIT.
    Quit,
}
// ANCHOR_END: stage

// ANCHOR: row
impl Stage {
    /// What we call it, and how many seconds we wait there (RFC 5321 §4.5.3.2).
    fn row(self) -> (&'static str, u64) {
        match self {
            // The RFC names no time. Most dead hosts say nothing at all, and a domain may
            // have many of them.
            Stage::Connect => ("the connection", 30),
            Stage::Greeting => ("the greeting", 5 * 60),
            Stage::Hello => ("EHLO or HELO", 5 * 60),
            Stage::Auth => ("AUTH", 5 * 60),
            Stage::Mail => ("MAIL", 5 * 60),
            Stage::Rcpt => ("RCPT", 5 * 60),
            Stage::Data => ("DATA", 2 * 60),
            // For each block that has to leave.
            Stage::Text => ("the text", 3 * 60),
            // If we give up here too early, we send again, and the letter arrives twice.
            Stage::Dot => ("the final dot", 10 * 60),
            // The RFC names no time, and nothing depends on it.
            Stage::Quit => ("QUIT", 10),
        }
    }
}
// ANCHOR_END: row

// ANCHOR: display
impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.row().0)
    }
}
// ANCHOR_END: display

// ANCHOR: timeouts
/// How long we wait at each stage. `None`: as the RFC says (RFC 5321 §4.5.3.2). `Some`: the
/// same time at each stage; but for the connection and for QUIT it is no longer than usual.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts(pub Option<Duration>);
// ANCHOR_END: timeouts

// ANCHOR: of
impl Timeouts {
    /// What the RFC asks for.
    pub const RFC: Timeouts = Timeouts(None);

    /// How long we wait at this stage: until we are connected, until a reply has come, or,
    /// in the text, until a block has left.
    pub fn of(self, stage: Stage) -> Duration {
        let usual = Duration::from_secs(stage.row().1);
        let time = self.0.unwrap_or(usual);
        match stage {
            Stage::Connect | Stage::Quit => time.min(usual),
            _ => time,
        }
    }
}
// ANCHOR_END: of
