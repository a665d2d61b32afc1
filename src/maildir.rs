//! # The mailbox (chapter 13)
//!
//! Final delivery. A mailbox is a folder with three folders in it, the Maildir of qmail: in `tmp` a
//! letter is written, in `new` it has arrived, in `cur` a reader has seen it. A letter is one file,
//! and its name is never used again. So nobody needs a lock: a reader sees a whole letter or none.
//!
//! [`deliver`] is the promise behind "250 OK": when it returns, the letter survives a power cut.
//! Each line of it is a system call that matters, in the only order that is right.

use crate::message::Clock;
use crate::protocol::address::Domain;
use crate::protocol::dot::Text;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// A file this old in `tmp` was left by a program that died. Nobody writes one letter for 36 hours.
pub const ABANDONED: Duration = Duration::from_secs(36 * 60 * 60);
/// Longest name of a letter: it also serves as its UIDL (RFC 1939 §7).
pub const NAME: usize = 70;
/// How often we ask for another name when one is taken.
const TRIES: usize = 1000;

/// A mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Maildir {
    folder: PathBuf,
}

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
        for name in ["tmp", "new", "cur"] {
            fs::create_dir_all(folder.join(name))?;
        }
        sync_folder(folder)?;
        folder.parent().map_or(Ok(()), sync_folder)?;
        Ok(Maildir {
            folder: folder.to_path_buf(),
        })
    }

    /// The same, for each letter: [`create`](Maildir::create) has been here when the program
    /// started. To sync folders again that nobody has touched would take half as long as to deliver
    /// the letter.
    pub fn open(folder: &Path) -> io::Result<Maildir> {
        let is_there = |name: &str| folder.join(name).is_dir();
        if !["tmp", "new", "cur"].into_iter().all(is_there) {
            return Maildir::create(folder);
        }
        Ok(Maildir {
            folder: folder.to_path_buf(),
        })
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Removes what programs that died left in `tmp`.
    pub fn sweep(&self) -> io::Result<()> {
        for file in fs::read_dir(self.folder.join("tmp"))? {
            remove_if_abandoned(&file?.path());
        }
        Ok(())
    }

    /// The letters, by name, which is by time. What cannot be read is no letter: it may be a
    /// folder, or another reader took it away just now. It must not hide the others.
    pub fn list(&self) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for folder in ["new", "cur"] {
            for file in fs::read_dir(self.folder.join(folder))? {
                let path = file?.path();
                let name = path.file_name().and_then(|name| name.to_str());
                if let Some(name) = name.filter(|name| !name.starts_with('.'))
                    && let Ok(size) = wire_size(&path, name)
                {
                    let uid = uid(name);
                    entries.push(Entry { path, uid, size });
                }
            }
        }
        entries.sort_by(|a, b| a.path.file_name().cmp(&b.path.file_name()));
        // A letter that a reader put from new to cur meanwhile was seen twice.
        entries.dedup_by(|b, a| a.uid == b.uid);
        Ok(entries)
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
    for _ in 0..TRIES {
        let id = clock.unique_name();
        let head = head(&id);
        let name = file_name(&id, by, head.len() + text.octets().len());
        match deliver_as(mailboxes, &name, head.as_bytes(), text) {
            Ok(()) => return Ok(id),
            // The clock stands still, or another process had the same thought.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(ErrorKind::AlreadyExists.into())
}

fn deliver_as(mailboxes: &[Maildir], name: &str, head: &[u8], text: &Text) -> io::Result<()> {
    let mut written: Vec<PathBuf> = Vec::new();
    let mut arrived: Vec<PathBuf> = Vec::new();
    let result = mailboxes.iter().try_for_each(|mailbox| {
        let new = mailbox.folder.join("new").join(name);
        // One file can have a name in every mailbox, unless they lie on different disks.
        let linked = written.last().map(|first| fs::hard_link(first, &new));
        if !matches!(linked, Some(Ok(()))) {
            let tmp = mailbox.folder.join("tmp").join(name);
            let mut file = File::create_new(&tmp)?;
            written.push(tmp.clone());
            file.write_all(head)?;
            file.write_all(text.octets())?;
            file.sync_all()?;
            // A link refuses a name that is taken. A rename would overwrite that letter.
            fs::hard_link(&tmp, &new)?;
        }
        arrived.push(new);
        sync_folder(&mailbox.folder.join("new"))
    });
    if result.is_err() {
        arrived.iter().for_each(|file| drop(fs::remove_file(file)));
    }
    written.iter().for_each(|file| drop(fs::remove_file(file)));
    result
}

/// `id.host,W=size`. The size, as the letter goes over the wire, spares a reader to open every file
/// to learn it; Dovecot uses the same mark. No colon: Windows does not allow it.
fn file_name(id: &str, by: &Domain, size: usize) -> String {
    let mark = format!(",W={size}");
    let host: String = by
        .as_str()
        .chars()
        .map(|c| if c == ':' { '-' } else { c })
        .collect();
    let room = NAME.saturating_sub(id.len() + 1 + mark.len());
    format!("{id}.{}{mark}", host.get(..room).unwrap_or(&host))
}

/// The name without the flags that a reader may have added; on Windows they stand after a `;`.
fn base(name: &str) -> &str {
    name.split([':', ';']).next().unwrap_or(name)
}

/// The size that the name tells, or the one that reading the file tells: a letter from another
/// program may have lines that end with LF alone.
fn wire_size(path: &Path, name: &str) -> io::Result<usize> {
    let mark = base(name).split(",W=").nth(1);
    match mark
        .and_then(|size| size.split(',').next())
        .and_then(|size| size.parse().ok())
    {
        Some(size) => Ok(size),
        None => Ok(Text::from_file(&fs::read(path)?).octets().len()),
    }
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

/// Makes sure that the names in a folder are on the disk too: to sync a file does not sync its
/// name.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    // The parent of `box` is the empty path, and means where we are.
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    if cfg!(unix) {
        File::open(folder)?.sync_all()
    } else {
        Ok(())
    }
}

/// Removes a file that nobody has touched for [`ABANDONED`].
pub fn remove_if_abandoned(path: &Path) {
    let touched = fs::metadata(path).and_then(|file| file.modified());
    let age = touched.map(|touched| {
        SystemTime::now()
            .duration_since(touched)
            .unwrap_or_default()
    });
    if age.is_ok_and(|age| age > ABANDONED) {
        let _ = fs::remove_file(path);
    }
}
