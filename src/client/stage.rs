//! The steps of a conversation, and how long we wait at each.

use std::fmt;
use std::time::Duration;

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

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Stage::Connect => "the connection",
            Stage::Greeting => "the greeting",
            Stage::Hello => "EHLO or HELO",
            Stage::Auth => "AUTH",
            Stage::Mail => "MAIL",
            Stage::Rcpt => "RCPT",
            Stage::Data => "DATA",
            Stage::Text => "the text",
            Stage::Dot => "the final dot",
            Stage::Quit => "QUIT",
        })
    }
}

/// How long we wait at each stage: as the RFC says (RFC 5321 §4.5.3.2), or as the user says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts(Option<Duration>);

impl Timeouts {
    /// What the RFC asks for.
    pub const RFC: Timeouts = Timeouts(None);

    /// The same time at each stage.
    pub fn all(time: Duration) -> Timeouts {
        Timeouts(Some(time))
    }

    /// How long we wait at this stage. It is the time until we are connected, until a reply has
    /// come, or, in the text, until one block of it has left.
    pub fn of(self, stage: Stage) -> Duration {
        let seconds = match stage {
            // The RFC names no time. Most dead hosts say nothing at all, and a domain may have
            // many of them.
            Stage::Connect => 30,
            Stage::Greeting | Stage::Hello | Stage::Auth | Stage::Mail | Stage::Rcpt => 5 * 60,
            Stage::Data => 2 * 60,
            Stage::Text => 3 * 60,
            // A client that gives up here too early sends again, and the letter arrives twice.
            Stage::Dot => 10 * 60,
            // The RFC names no time, and nothing depends on it.
            Stage::Quit => 10,
        };
        let usual = Duration::from_secs(seconds);
        let time = self.0.unwrap_or(usual);
        match stage {
            Stage::Connect | Stage::Quit => time.min(usual),
            _ => time,
        }
    }
}
