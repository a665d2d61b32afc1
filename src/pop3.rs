// ANCHOR: story
//! # POP3 (chapter 17)
//!
//! How the recipient's user agent fetches letters from the mail server (RFC 1939). It
//! uses the same lines and dots as SMTP; its replies are simpler: `+OK` or `-ERR`, and a
//! text.
//!
//! The [`Pop3Session`] holds the rules, as the session of chapter 9 does for SMTP, and
//! never sees a file. [`converse`] drives it: it opens the mailbox, sends letters, and
//! removes them. [`client`] is the other side.
//!
//! Letters are removed after QUIT and before its `+OK`, and at no other moment: a
//! connection that drops removes nothing (RFC 1939 §6).
// ANCHOR_END: story

// ANCHOR: uses
pub mod client;
mod session;

use crate::maildir::{Entry, Maildir, disk::lock};
use crate::protocol::dot::{Text, end_text, write_text_line};
use crate::protocol::line::{ENDLESS_LINE, Stream, Wire};
pub use session::{Listed, POP3_COMMAND_LINE, Pop3Session, Pop3Step};
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::time::Duration;
// ANCHOR_END: uses

// ANCHOR: timeout
/// How long a server waits for the next command (RFC 1939 §3: at least 10 minutes).
pub const COMMAND_TIMEOUT: Duration = Duration::from_secs(10 * 60);
// ANCHOR_END: timeout

// ANCHOR: converse
/// Holds one POP3 conversation, to its end. `mailbox` finds the mailbox of a user who has
/// given the right password.
///
/// A line is read whole, also one over [`POP3_COMMAND_LINE`]: the session sees what it
/// is.
pub fn converse<S: Stream>(
    wire: &mut Wire<S>,
    session: &mut Pop3Session<'_>,
    mailbox: impl Fn(&str) -> io::Result<Maildir>,
    timeout: Duration,
) -> io::Result<()> {
    let mut maildrop = Maildrop::default();
    wire.write_line(&session.greeting())?;
    loop {
        wire.allow(timeout)?;
        let line = wire.read_line(ENDLESS_LINE)?;
        match session.line(&line) {
            // ANCHOR_END: converse

            // ANCHOR: converse_say
            Pop3Step::Say(reply) => wire.write_line(&reply)?,
            Pop3Step::Lines(lines) => {
                for line in lines {
                    write_text_line(wire, line.as_bytes(), timeout)?;
                }
                end_text(wire, timeout)?;
            }
            // ANCHOR_END: converse_say

            // ANCHOR: converse_letter
            Pop3Step::Open(user) => {
                maildrop = log_in(wire, session, mailbox(&user), timeout)?;
            }
            Pop3Step::Send(place, lines) => match maildrop.read(place) {
                Ok(text) => send_letter(wire, &text, lines, timeout)?,
                Err(error) => wire.write_line(&format!(
                    "-ERR [SYS/TEMP] that letter cannot be read; \
                     another program may have moved it ({error})"
                ))?,
            },
            // ANCHOR_END: converse_letter

            // ANCHOR: converse_remove
            Pop3Step::Remove(places) => {
                let left = maildrop.remove(&places);
                wire.write_line(&session.removed(left))?;
                return wire.flush();
            }
            // ANCHOR_END: converse_remove

            // ANCHOR: converse_close
            Pop3Step::Close(reply) => {
                wire.write_line(&reply)?;
                return wire.flush();
            }
            Pop3Step::Gone => return Ok(()),
        }
    }
}
// ANCHOR_END: converse_close

// ANCHOR: send
/// Sends a letter, or its header and some lines of its body: RETR and TOP are one.
fn send_letter<S: Stream>(
    wire: &mut Wire<S>,
    text: &Text,
    body_lines: Option<usize>,
    timeout: Duration,
) -> io::Result<()> {
    let mut reply = format!("+OK {} octets", text.octets().len());
    let mut most = usize::MAX;
    if let Some(lines) = body_lines {
        reply = "+OK the top of the letter".to_string();
        // The empty line after the header is one more.
        most = lines.saturating_add(text.header_lines().count() + 1);
    }
    // ANCHOR_END: send

    // ANCHOR: send_lines
    wire.write_line(&reply)?;
    for line in text.lines().take(most) {
        write_text_line(wire, line, timeout)?;
    }
    end_text(wire, timeout)
}
// ANCHOR_END: send_lines

// ANCHOR: log_in
/// Opens a mailbox, and tells the session and the caller the result.
fn log_in<S: Stream>(
    wire: &mut Wire<S>,
    session: &mut Pop3Session<'_>,
    mailbox: io::Result<Maildir>,
    timeout: Duration,
) -> io::Result<Maildrop> {
    let may_go_on = || wire.allow(timeout);
    let opened = mailbox.and_then(|mailbox| Maildrop::open(&mailbox, may_go_on));
    let reply = match &opened {
        Ok(maildrop) => {
            let listed = |entry: &Entry| Listed::new(&entry.uid, entry.size);
            session.opened(maildrop.entries.iter().map(listed).collect())
        }
        Err(error) if error.kind() == ErrorKind::TimedOut => return opened,
        Err(error) if error.kind() == ErrorKind::ResourceBusy => {
            "-ERR [IN-USE] somebody is reading this mailbox".to_string()
        }
        Err(error) => {
            wire.remark(&format!("the mailbox could not be opened: {error}"));
            "-ERR [SYS/TEMP] the mailbox cannot be opened now; try again later".into()
        }
    };
    wire.write_line(&reply)?;
    Ok(opened.unwrap_or_default())
}
// ANCHOR_END: log_in

// ANCHOR: maildrop
/// A mailbox while somebody reads it: its letters as they were at the login, and the lock
/// that keeps others out (RFC 1939 §4 and §8). Before the login it is empty.
#[derive(Default)]
struct Maildrop {
    entries: Vec<Entry>,
    _lock: Option<File>,
}
// ANCHOR_END: maildrop

// ANCHOR: maildrop_read
impl Maildrop {
    fn read(&self, place: usize) -> io::Result<Text> {
        self.entries.get(place).ok_or(ErrorKind::NotFound)?.text()
    }
}
// ANCHOR_END: maildrop_read

// ANCHOR: maildrop_remove
impl Maildrop {
    /// Removes letters, and returns how many it could not remove. A letter that has moved
    /// counts as one of these: it may be there under another name.
    fn remove(&self, places: &[usize]) -> usize {
        let entries = places.iter().filter_map(|place| self.entries.get(*place));
        let removed = entries.map(|entry| fs::remove_file(&entry.path));
        removed.filter(Result::is_err).count()
    }
}
// ANCHOR_END: maildrop_remove

// ANCHOR: maildrop_open
impl Maildrop {
    /// Opens a mailbox for one reader; if there is one already, it is busy. To count the
    /// octets of all letters may take minutes. So we ask before each letter whether we
    /// may go on.
    fn open<F>(mailbox: &Maildir, may_go_on: F) -> io::Result<Maildrop>
    where
        F: FnMut() -> io::Result<()>,
    {
        let lock = lock(&mailbox.folder().join("pop3.lock"))?;
        Ok(Maildrop {
            _lock: Some(lock.ok_or(ErrorKind::ResourceBusy)?),
            entries: mailbox.list_while(may_go_on)?,
        })
    }
}
// ANCHOR_END: maildrop_open
