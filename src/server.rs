// ANCHOR: story
//! # The server (chapter 10)
//!
//! Accepts one caller at a time and drives a [`Session`]: reads lines for it, sends its
//! replies, and hands each letter to a [`Store`]. It says 250 after the store has said that
//! the letter is safe, and not before (RFC 5321 §4.2.5, §6.1).
//!
//! One thread serves everybody, so time is what we have to guard. There is a limit for
//! each line, and one for the whole connection. While another caller waits, both are
//! shorter: like Postfix under stress, the server is patient only while nobody else waits.
// ANCHOR_END: story

// ANCHOR: uses
mod connection;

use crate::protocol::command::AUTH_LINE;
use crate::protocol::dot::read_text;
use crate::protocol::line::{Stream, Wire};
use crate::protocol::reply::Reply;
use crate::session::{Letter, Session, Step};
pub use connection::{Connection, Entrance};
use std::io;
use std::time::Duration;
// ANCHOR_END: uses

// ANCHOR: store
/// Where letters go.
pub trait Store {
    /// Keeps a letter. When this returns its name, the letter survives a crash. When it
    /// returns an error, nothing of it is kept: the client will come again.
    fn store(&mut self, letter: &Letter) -> io::Result<String>;
}
// ANCHOR_END: store

// ANCHOR: converse
/// Conducts one SMTP conversation, to its end.
pub fn converse<S: Stream>(
    wire: &mut Wire<S>,
    session: &mut Session<'_>,
    store: &mut dyn Store,
    timeout: Duration,
) -> io::Result<()> {
    session.greeting().write(wire)?;
    // ANCHOR_END: converse

    // ANCHOR: converse_loop
    loop {
        wire.allow(timeout)?;
        let line = wire.read_line(AUTH_LINE)?;
        match session.line(&line) {
            Step::Reply(reply) => reply.write(wire)?,
            // ANCHOR_END: converse_loop

            // ANCHOR: converse_text
            Step::Text(reply) => {
                reply.write(wire)?;
                let received = match read_text(wire, session.limit(), timeout) {
                    Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                        // Without a reason the client would send the whole letter again.
                        Reply::new(552, "too big, and its end did not come").write(wire)?;
                        return wire.flush();
                    }
                    received => received?,
                };
                // ANCHOR_END: converse_text

                // ANCHOR: converse_keep
                let reply = match session.received(received) {
                    Ok(letter) => keep(wire, store, &letter),
                    Err(refusal) => refusal,
                };
                reply.write(wire)?;
            }
            // ANCHOR_END: converse_keep

            // ANCHOR: converse_end
            Step::Close(reply) => {
                reply.write(wire)?;
                return wire.flush();
            }
            Step::Gone => return Ok(()),
        }
    }
}
// ANCHOR_END: converse_end

// ANCHOR: serve
/// Serves callers one after another, `sessions` of them, or without end. Whatever becomes
/// of one conversation, the next caller is served.
pub fn serve(
    entrance: &mut Entrance,
    sessions: Option<u64>,
    mut visit: impl FnMut(Connection<'_>),
) {
    for _ in 0..sessions.unwrap_or(u64::MAX) {
        let Some(connection) = entrance.wait() else {
            return;
        };
        visit(connection);
    }
}
// ANCHOR_END: serve

// ANCHOR: keep
/// Keeps a letter, and says so.
fn keep<S: Stream>(wire: &mut Wire<S>, store: &mut dyn Store, letter: &Letter) -> Reply {
    let error = match store.store(letter) {
        Ok(name) => return Reply::new(250, &format!("OK, kept as {name}")),
        Err(error) => error,
    };
    // ANCHOR_END: keep

    // ANCHOR: keep_not
    wire.remark(&format!("the letter could not be kept: {error}"));
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Reply::new(452, "the disk is full here; try again later")
        }
        _ => Reply::new(451, "the letter could not be kept here; try again later"),
    }
}
// ANCHOR_END: keep_not

// ANCHOR: limits
/// How long a server waits for the next command (RFC 5321 §4.5.3.2.7: at least 5 minutes).
pub const COMMAND_TIMEOUT: Duration = Duration::from_secs(5 * 60);
/// How long a caller may be idle while another one waits.
pub const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// A connection lasts at most this many times the timeout for one command. Once another
/// caller waits, it lasts this many times the busy timeout, however busily it is used.
pub const CONNECTION_TIMEOUTS: u32 = 6;
/// How long a caller whose time is up has to take our goodbye, and every caller to take
/// our close.
const GOODBYE: Duration = Duration::from_secs(1);
// ANCHOR_END: limits

// ANCHOR: hang_up
/// Ends a conversation that failed. The trace says why. If time ran out, the peer hears
/// `goodbye` and the reason.
pub fn hang_up<S: Stream>(wire: &mut Wire<S>, error: &io::Error, goodbye: &str) {
    wire.remark(&format!("the conversation ended early: {error}"));
    if error.kind() == io::ErrorKind::TimedOut {
        let goodbye = format!("{goodbye}: {error}");
        let _ = wire.write_line(&goodbye).and_then(|()| wire.flush());
    }
}
// ANCHOR_END: hang_up

// ANCHOR: times
/// How long we wait for a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// For each line, and for each reply to be read.
    pub timeout: Duration,
    /// The same while another caller waits.
    pub busy_timeout: Duration,
    /// For our goodbye, and once more for our close.
    pub goodbye: Duration,
}

impl Times {
    /// This timeout for each line, and what is usual for the rest.
    pub fn new(timeout: Duration) -> Times {
        Times {
            timeout,
            busy_timeout: BUSY_TIMEOUT,
            goodbye: GOODBYE,
        }
    }
}

/// Asks whether the server is to end.
pub type IsOver = Box<dyn Fn() -> bool>;
// ANCHOR_END: times
