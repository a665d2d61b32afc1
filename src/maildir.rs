//! # The mailbox (chapter 13)
//!
//! Final delivery. A mailbox is a folder with three folders in it, the Maildir of qmail: in `tmp` a
//! letter is written, in `new` it has arrived, in `cur` a reader has seen it. A letter is one file,
//! and its name is never used again. So nobody needs a lock: a reader sees a whole letter or none.
//!
//! [`deliver`] is the promise behind "250 OK": when it returns, the letter survives a crash.
//! Each line of it is a system call that matters, in the only order that is right. What it shares
//! with the queue stands in `file`.

mod file;

use crate::message::Clock;
use crate::protocol::address::Domain;
use crate::protocol::dot::Text;
pub(crate) use file::{lock, remove_if_abandoned, sync_folder, with_new_name, write_synced};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A file this old in `tmp` was left by a program that died. Nobody writes one letter for 36 hours.
pub const ABANDONED: Duration = Duration::from_secs(36 * 60 * 60);
/// Longest name of a letter: it also serves as its UIDL (RFC 1939 §7).
pub const NAME: usize = 70;

const FOLDERS: [&str; 3] = ["tmp", "new", "cur"];

/// A mailbox: its folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Maildir(PathBuf);

/// A letter in a mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it lies.
    pub path: PathBuf,
    /// A name for it that stays, of 1 to [`NAME`] printable octets (RFC 1939 §7).
    pub uid: String,
    /// Its size in octets, as it goes over the wire: each line end counts two.
    pub size: usize,
}

impl Maildir {
    /// Makes the folders, if they are not there.
    pub fn create(folder: &Path) -> io::Result<Maildir> {
        for name in FOLDERS {
            fs::create_dir_all(folder.join(name))?;
        }
        sync_folder(folder)?;
        sync_folder(&folder.join(".."))?;
        Ok(Maildir(folder.to_path_buf()))
    }

    /// The same, for each letter: [`create`](Maildir::create) has been here when the program
    /// started. To sync folders again that nobody has touched would take half as long as to deliver
    /// the letter.
    pub fn open(folder: &Path) -> io::Result<Maildir> {
        if FOLDERS.iter().all(|name| folder.join(name).is_dir()) {
            return Ok(Maildir(folder.to_path_buf()));
        }
        Maildir::create(folder)
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.0
    }

    /// Removes what programs that died left in `tmp`.
    pub fn sweep(&self) -> io::Result<()> {
        for file in fs::read_dir(self.0.join("tmp"))? {
            remove_if_abandoned(&file?.path());
        }
        Ok(())
    }

    /// The letters, by name, which is by time.
    pub fn list(&self) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for folder in ["new", "cur"] {
            for file in fs::read_dir(self.0.join(folder))? {
                entries.extend(Entry::read(file?.path()));
            }
        }
        entries.sort_by(|a, b| a.path.file_name().cmp(&b.path.file_name()));
        // A letter that a reader put from new to cur meanwhile was seen twice.
        entries.dedup_by(|b, a| a.uid == b.uid);
        Ok(entries)
    }
}

impl Entry {
    /// What cannot be read is no letter: it may be a folder, or another reader took it away just
    /// now. It must not hide the others.
    fn read(path: PathBuf) -> Option<Entry> {
        let name = path.file_name()?.to_str()?;
        if name.starts_with('.') {
            return None;
        }
        let (uid, size) = (uid(name), wire_size(&path, name)?);
        Some(Entry { path, uid, size })
    }
}

/// Puts one letter into each of these mailboxes, and returns its name. `by` is this host, for the
/// name; `head` makes the trace fields from the name.
///
/// When this returns `Ok`, the letter is on the disk, whole, in every mailbox. When it returns an
/// error, it is in none.
pub fn deliver(
    mailboxes: &[Maildir],
    clock: &mut Clock,
    by: &Domain,
    head: impl Fn(&str) -> String,
    text: &Text,
) -> io::Result<String> {
    with_new_name(clock, |id| {
        let head = head(id);
        let name = file_name(id, by, head.len() + text.octets().len());
        deliver_as(mailboxes, &name, [head.as_bytes(), text.octets()])
    })
}

fn deliver_as(mailboxes: &[Maildir], name: &str, parts: [&[u8]; 2]) -> io::Result<()> {
    let mut written: Vec<PathBuf> = Vec::new();
    let mut arrived = Vec::new();
    let result = mailboxes.iter().try_for_each(|Maildir(folder)| {
        let new = folder.join("new").join(name);
        // One file can have a name in every mailbox, unless they lie on different disks.
        let first = written.last();
        let linked = first.is_some_and(|first| fs::hard_link(first, &new).is_ok());
        if !linked {
            let tmp = folder.join("tmp").join(name);
            let file = File::create_new(&tmp)?;
            written.push(tmp.clone());
            write_synced(file, &parts)?;
            // A link refuses a name that is taken. A rename would overwrite that letter.
            fs::hard_link(&tmp, &new)?;
        }
        arrived.push(new);
        sync_folder(&folder.join("new"))
    });
    if result.is_err() {
        written.append(&mut arrived);
    }
    for file in written {
        let _ = fs::remove_file(file);
    }
    result
}

/// `id.host,W=size`. The size, as the letter goes over the wire, spares a reader to open every file
/// to learn it; Dovecot uses the same mark. No colon: Windows does not allow it.
fn file_name(id: &str, by: &Domain, size: usize) -> String {
    let mark = format!(",W={size}");
    let host = by.as_str().replace(':', "-");
    let room = NAME.saturating_sub(id.len() + 1 + mark.len());
    format!("{id}.{}{mark}", host.get(..room).unwrap_or(&host))
}

/// The name without the flags that a reader may have added; on Windows they stand after a `;`.
fn base(name: &str) -> &str {
    name.split([':', ';']).next().unwrap_or(name)
}

/// The size that the name tells, or the one that reading the file tells: a letter from another
/// program may have lines that end with LF alone.
fn wire_size(path: &Path, name: &str) -> Option<usize> {
    let mut marks = base(name).split(',').skip(1);
    let told = marks.find_map(|mark| mark.strip_prefix("W=")?.parse().ok());
    told.or_else(|| Some(Text::from_file(&fs::read(path).ok()?).octets().len()))
}

/// A name that stays when the flags change. Another program's name may not do; then a number made
/// from it does (by FNV-1a: the standard library's own hash may change with the compiler).
fn uid(name: &str) -> String {
    let base = base(name);
    if (1..=NAME).contains(&base.len()) && base.bytes().all(|octet| matches!(octet, b'!'..=b'~')) {
        return base.to_string();
    }
    let number = base.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, octet| {
        (hash ^ u64::from(octet)).wrapping_mul(0x100_0000_01b3)
    });
    format!("{number:016x}")
}
