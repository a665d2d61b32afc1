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

use crate::maildir::{Entry, Maildir, disk::lock};
use crate::protocol::dot::{Text, end_text, write_text, write_text_line};
use crate::protocol::line::{Stream, Wire};
pub use session::{COMMAND_LINE, MISTAKES, Message, Session, Step};
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::time::Duration;

/// How long a server waits for the next command (RFC 1939 §3: at least 10 minutes).
pub const COMMAND_TIMEOUT: Duration = Duration::from_secs(10 * 60);

/// A mailbox while somebody reads it: its letters as they were at the login, and the lock that
/// keeps others out (RFC 1939 §8). Programs that know nothing of our lock may take letters away, or
/// rename them to keep notes in the names. A letter that is not where it was can be neither read nor
/// removed; the next login finds it.
struct Open {
    entries: Vec<Entry>,
    _lock: File,
}

impl Open {
    /// Opens a mailbox for one reader. `None`: another one is there.
    fn new(mailbox: Maildir) -> io::Result<Option<Open>> {
        let Some(_lock) = lock(&mailbox.folder().join("pop3.lock"))? else {
            return Ok(None);
        };
        let entries = mailbox.list()?;
        Ok(Some(Open { entries, _lock }))
    }

    fn read(&self, at: usize) -> io::Result<Text> {
        let entry = self.entries.get(at);
        entry.ok_or(ErrorKind::NotFound)?.text()
    }

    /// Removes letters. How many of them could it not? For one that has moved, it does not say that
    /// it is removed: it may be there, under another name.
    fn remove(&self, deleted: &[usize]) -> usize {
        let entries = deleted.iter().filter_map(|at| self.entries.get(*at));
        let removed = entries.map(|entry| fs::remove_file(&entry.path));
        removed.filter(Result::is_err).count()
    }
}

/// Conducts one POP3 conversation, to its end. `mailbox` finds the mailbox of a user who has
/// given the right password.
pub fn converse<S: Stream>(
    wire: &mut Wire<S>,
    session: &mut Session<'_>,
    mailbox: impl Fn(&str) -> io::Result<Maildir>,
    timeout: Duration,
) -> io::Result<()> {
    let mut open: Option<Open> = None;
    wire.write_line(&session.greeting())?;
    loop {
        wire.allow(timeout)?;
        let line = wire.read_line(COMMAND_LINE)?;
        match session.line(&line) {
            Step::Say(reply) => wire.write_line(&reply)?,
            Step::Lines(lines) => {
                let text = Text::from_file(lines.join("\n").as_bytes());
                write_text(wire, &text, timeout)?;
            }
            Step::Open(user) => open = log_in(wire, session, mailbox(&user))?,
            Step::Send(at, lines) => match open.as_ref().map(|open| open.read(at)) {
                Some(Ok(text)) => send(wire, &text, lines, timeout)?,
                Some(Err(error)) => wire.write_line(&format!("{UNREADABLE} ({error})"))?,
                None => wire.write_line(UNREADABLE)?,
            },
            Step::Remove(deleted) => {
                let left = open.as_ref().map_or(0, |open| open.remove(&deleted));
                wire.write_line(&session.removed(left))?;
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

const UNREADABLE: &str =
    "-ERR [SYS/TEMP] that letter cannot be read; another program may have moved it";

/// Opens a mailbox, and says how that went.
fn log_in<S: Stream>(
    wire: &mut Wire<S>,
    session: &mut Session<'_>,
    mailbox: io::Result<Maildir>,
) -> io::Result<Option<Open>> {
    let opened = mailbox.and_then(Open::new);
    let reply = match &opened {
        Ok(Some(Open { entries, .. })) => {
            let message = |entry: &Entry| Message::new(&entry.uid, entry.size);
            session.opened(entries.iter().map(message).collect())
        }
        Ok(None) => "-ERR [IN-USE] somebody is reading this mailbox".to_string(),
        Err(error) => {
            wire.remark(&format!("the mailbox could not be opened: {error}"));
            "-ERR [SYS/TEMP] the mailbox cannot be opened now; try again later".to_string()
        }
    };
    wire.write_line(&reply)?;
    Ok(opened.ok().flatten())
}

/// Sends a letter, or its header and so many lines of its body: RETR and TOP are one.
fn send<S: Stream>(
    wire: &mut Wire<S>,
    text: &Text,
    body_lines: Option<usize>,
    timeout: Duration,
) -> io::Result<()> {
    let mut reply = format!("+OK {} octets", text.octets().len());
    let mut most = usize::MAX;
    if let Some(lines) = body_lines {
        reply = "+OK the top of it".to_string();
        most = lines.saturating_add(text.header_lines().count() + 1);
    }
    wire.write_line(&reply)?;
    for line in text.lines().take(most) {
        write_text_line(wire, line, timeout)?;
    }
    end_text(wire, timeout)
}
