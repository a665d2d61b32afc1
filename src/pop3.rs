//! # POP3 (chapter 17)
//!
//! How the recipient's user agent fetches letters from the mail server (RFC 1939). It stands on the
//! same lines and dots as SMTP; its replies are simpler: `+OK` or `-ERR`, and text.
//!
//! The [`Session`] holds the rules, as its sister in chapter 9 does, and never sees a file.
//! [`converse`] drives it: it opens the mailbox, sends letters, and removes them. [`client`] is the
//! other side.
//!
//! Letters are removed after QUIT and before its `+OK`, and at no other moment: a connection that
//! drops removes nothing (RFC 1939 §6).

pub mod client;
mod session;

use crate::maildir::{Entry, Maildir};
use crate::protocol::dot::{Text, end_text, write_text_line};
use crate::protocol::line::{Stream, Wire};
pub use session::{COMMAND_LINE, MISTAKES, Message, Session, Step};
use std::fs::{self, File, TryLockError};
use std::io;
use std::time::Duration;

/// A mailbox while somebody reads it: its letters as they were at the login, and the lock that
/// keeps others out (RFC 1939 §8).
struct Open {
    entries: Vec<Entry>,
    _lock: File,
}

/// Conducts one POP3 conversation, to its end. `mailbox` finds the mailbox of a user who has
/// given the right password.
pub fn converse<S: Stream>(
    wire: &mut Wire<S>,
    session: &mut Session<'_>,
    mailbox: impl Fn(&str) -> io::Result<Maildir>,
    patience: Duration,
) -> io::Result<()> {
    let mut open = None;
    wire.write_line(&session.greeting())?;
    loop {
        wire.allow(patience)?;
        let line = wire.read_line(COMMAND_LINE)?;
        match session.line(&line) {
            Step::Say(reply) => wire.write_line(&reply)?,
            Step::Lines(lines) => {
                for line in &lines {
                    wire.allow(patience)?;
                    wire.write_line(line)?;
                }
                end_text(wire, patience)?;
            }
            Step::Open(user) => {
                let opened = mailbox(&user).and_then(|mailbox| lock(&mailbox));
                let reply = match opened {
                    Ok(Some(opened)) => {
                        let messages = opened
                            .entries
                            .iter()
                            .map(|entry| Message::new(&entry.uid, entry.size));
                        let reply = session.opened(messages.collect());
                        open = Some(opened);
                        reply
                    }
                    Ok(None) => "-ERR [IN-USE] somebody is reading this mailbox".to_string(),
                    Err(error) => {
                        if let Some(trace) = wire.trace() {
                            trace.remark(&format!("the mailbox could not be opened: {error}"));
                        }
                        "-ERR the mailbox cannot be opened now; try again later".to_string()
                    }
                };
                wire.write_line(&reply)?;
            }
            Step::Send(at, lines) => send(wire, open.as_ref(), at, lines, patience)?,
            Step::Remove(deleted) => {
                let reply = session.removed(remove(open.as_ref(), &deleted));
                wire.write_line(&reply)?;
                return wire.flush();
            }
            Step::Close(reply) => {
                wire.write_line(&reply)?;
                return wire.flush();
            }
            Step::Gone => return Ok(()),
        }
    }
}

/// Opens a mailbox for one reader. `None`: another one is there.
fn lock(mailbox: &Maildir) -> io::Result<Option<Open>> {
    let lock = File::options()
        .create(true)
        .append(true)
        .open(mailbox.folder().join("pop3.lock"))?;
    match lock.try_lock() {
        Ok(()) => Ok(Some(Open {
            entries: mailbox.list()?,
            _lock: lock,
        })),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Sends a letter, or its header and so many lines of its body: RETR and TOP are one.
fn send<S: Stream>(
    wire: &mut Wire<S>,
    open: Option<&Open>,
    at: usize,
    body_lines: Option<usize>,
    patience: Duration,
) -> io::Result<()> {
    let entry = open.and_then(|open| open.entries.get(at));
    let Some(Ok(octets)) = entry.map(|entry| fs::read(&entry.path)) else {
        return wire.write_line("-ERR that letter is gone; another program has taken it");
    };
    let text = Text::from_file(&octets);
    let header = text.header_lines().count() + 1;
    let (reply, most) = match body_lines {
        None => (format!("+OK {} octets", text.octets().len()), usize::MAX),
        Some(lines) => (
            "+OK the top of it".to_string(),
            header.saturating_add(lines),
        ),
    };
    wire.write_line(&reply)?;
    for line in text.lines().take(most) {
        write_text_line(wire, line, patience)?;
    }
    end_text(wire, patience)
}

/// Removes letters. One that is gone already is removed, too; of the others, how many are left?
fn remove(open: Option<&Open>, deleted: &[usize]) -> usize {
    let entries = deleted
        .iter()
        .filter_map(|at| open.and_then(|open| open.entries.get(*at)));
    let removed = entries.map(|entry| fs::remove_file(&entry.path));
    removed
        .filter(|done| {
            done.as_ref()
                .is_err_and(|error| error.kind() != io::ErrorKind::NotFound)
        })
        .count()
}
