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
use std::collections::HashMap;
use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::time::Duration;

/// How long a server waits for the next command (RFC 1939 §3: at least 10 minutes).
pub const PATIENCE: Duration = Duration::from_secs(10 * 60);

/// A mailbox while somebody reads it: its letters as they were at the login, and the lock that
/// keeps others out (RFC 1939 §8).
struct Open {
    mailbox: Maildir,
    entries: Vec<Entry>,
    _lock: File,
}

impl Open {
    /// Programs that know nothing of our lock may read the same mailbox. They rename letters, to
    /// keep notes in the names; what stays is the unique id. So we look for the new names.
    fn refresh(&mut self) -> io::Result<()> {
        let list = self.mailbox.list()?.into_iter();
        let paths: HashMap<String, PathBuf> = list.map(|entry| (entry.uid, entry.path)).collect();
        for entry in &mut self.entries {
            if let Some(path) = paths.get(&entry.uid) {
                entry.path.clone_from(path);
            }
        }
        Ok(())
    }

    fn read(&mut self, at: usize) -> io::Result<Vec<u8>> {
        let path = |open: &Open| open.entries.get(at).map(|entry| entry.path.clone());
        match fs::read(path(self).unwrap_or_default()) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                self.refresh()?;
                fs::read(path(self).unwrap_or_default())
            }
            read => read,
        }
    }

    /// Removes letters. One that is gone already is removed, too; of the others, how many are left?
    fn remove(&mut self, deleted: &[usize]) -> usize {
        let (moved, left) = self.try_remove(deleted);
        if moved.is_empty() {
            return left.len();
        }
        match self.refresh() {
            Ok(()) => left.len() + self.try_remove(&moved).1.len(),
            Err(_) => left.len() + moved.len(),
        }
    }

    /// Tries to, and tells which were not found, and which could not be removed.
    fn try_remove(&self, deleted: &[usize]) -> (Vec<usize>, Vec<usize>) {
        let (mut missing, mut left) = (Vec::new(), Vec::new());
        for at in deleted {
            match self
                .entries
                .get(*at)
                .map(|entry| fs::remove_file(&entry.path))
            {
                Some(Err(error)) if error.kind() == ErrorKind::NotFound => missing.push(*at),
                Some(Err(_)) => left.push(*at),
                Some(Ok(())) | None => {}
            }
        }
        (missing, left)
    }
}

/// Conducts one POP3 conversation, to its end. `mailbox` finds the mailbox of a user who has
/// given the right password.
pub fn converse<S: Stream>(
    wire: &mut Wire<S>,
    session: &mut Session<'_>,
    mailbox: impl Fn(&str) -> io::Result<Maildir>,
    patience: Duration,
) -> io::Result<()> {
    let mut open: Option<Open> = None;
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
                let opened = mailbox(&user).and_then(lock);
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
            Step::Send(at, lines) => {
                let octets = open.as_mut().and_then(|open| open.read(at).ok());
                send(wire, octets, lines, patience)?;
            }
            Step::Remove(deleted) => {
                let left = open.as_mut().map_or(0, |open| open.remove(&deleted));
                let reply = session.removed(left);
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
fn lock(mailbox: Maildir) -> io::Result<Option<Open>> {
    let lock = File::options()
        .create(true)
        .append(true)
        .open(mailbox.folder().join("pop3.lock"))?;
    match lock.try_lock() {
        Ok(()) => Ok(Some(Open {
            entries: mailbox.list()?,
            mailbox,
            _lock: lock,
        })),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Sends a letter, or its header and so many lines of its body: RETR and TOP are one.
fn send<S: Stream>(
    wire: &mut Wire<S>,
    octets: Option<Vec<u8>>,
    body_lines: Option<usize>,
    patience: Duration,
) -> io::Result<()> {
    let Some(octets) = octets else {
        return wire.write_line("-ERR that letter cannot be read; another program may have it");
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
