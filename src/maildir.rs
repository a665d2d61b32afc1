// ANCHOR: story
//! # The mailbox (chapter 13)
//!
//! Final delivery. A mailbox is a folder with three folders in it, the Maildir of qmail.
//! A letter is one file: it is written in `tmp`, it has arrived when it is in `new`, and
//! a reader that has seen it moves it to `cur`. Its name is never used again. So nobody
//! needs a lock: a reader sees a whole letter or none.
//!
//! Many programs read such a mailbox and write into it. Like all of them, we end a line
//! in a file with LF. On the wire it ends with CR LF, so the size of a letter there is
//! not that of the file.
//!
//! [`deliver`] keeps the promise of "250 OK": when it returns, the letter survives a
//! crash. What it needs from the disk is in `disk`, and the queue and the site use it
//! too.
// ANCHOR_END: story

// ANCHOR: uses
pub(crate) mod disk;

use crate::message::Clock;
use crate::protocol::address::Domain;
use crate::protocol::dot::Text;
pub use disk::ABANDONED;
use disk::{create_file, make_folder, open_file, remove_if_abandoned};
use disk::{sync_above, sync_folder, with_new_name, write_synced};
use std::collections::BTreeSet;
use std::fs;
use std::io::{self, BufRead, BufReader, ErrorKind};
use std::path::{Path, PathBuf};
// ANCHOR_END: uses

// ANCHOR: maildir
/// A mailbox: its folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Maildir(PathBuf);
// ANCHOR_END: maildir

// ANCHOR: deliver
/// Puts one letter into each of these mailboxes, and returns its name. `by` is this host,
/// for the name; `head` makes the trace fields from the name.
///
/// When this returns `Ok`, the letter is on the disk, whole, in every mailbox. When it
/// returns an error, it is in none, unless a reader has moved it already; then the next
/// try makes a second copy.
pub fn deliver(
    mailboxes: &[Maildir],
    clock: &mut Clock,
    by: &Domain,
    head: impl Fn(&str) -> String,
    text: &Text,
) -> io::Result<String> {
    with_new_name(clock, |id| {
        let head = head(id).replace("\r\n", "\n");
        deliver_as(&letter_name(id, by), mailboxes, &head, text)
    })
}
// ANCHOR_END: deliver

// ANCHOR: entry
/// A letter in a mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where its file is.
    pub path: PathBuf,
    /// A name for it that stays the same, of 1 to [`LETTER_NAME`] printable octets (RFC
    /// 1939 §7).
    pub uid: String,
    /// Its size in octets, as it goes over the wire: each line end counts two.
    pub size: usize,
}
// ANCHOR_END: entry

// ANCHOR: list
impl Maildir {
    /// The letters, by name, which is by time. No two of them have the same uid.
    pub fn list(&self) -> io::Result<Vec<Entry>> {
        self.list_while(|| Ok(()))
    }
    // ANCHOR_END: list

    // ANCHOR: list_while
    /// The same. Before each letter, `may_go_on` is asked: an error ends the work.
    pub fn list_while(
        &self,
        mut may_go_on: impl FnMut() -> io::Result<()>,
    ) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for folder in ["new", "cur"] {
            for file in fs::read_dir(self.0.join(folder))? {
                may_go_on()?;
                // A file that we cannot read is not a letter: it may be a folder, or a
                // reader has moved it just now. It must not hide the others.
                entries.extend(Entry::read(file?.path()));
            }
        }
        // ANCHOR_END: list_while
        // ANCHOR: list_sort
        entries.sort_by(|a, b| a.path.file_name().cmp(&b.path.file_name()));
        tell_apart(&mut entries);
        Ok(entries)
    }
}
// ANCHOR_END: list_sort

// ANCHOR: entry_read
impl Entry {
    /// `None`: this is not a letter.
    fn read(path: PathBuf) -> Option<Entry> {
        let name = path.file_name()?.to_str()?;
        if name.starts_with('.') {
            return None;
        }
        let uid = uid(name);
        // We count it. Many programs write a size into the name, but some of these sizes
        // are wrong.
        let mut size = 0;
        read_lines(&path, |lines| size += lines.octets().len()).ok()?;
        Some(Entry { path, uid, size })
    }
    // ANCHOR_END: entry_read

    // ANCHOR: read_lines_call
    /// The letter. If another program has moved it since it was listed, it is not found:
    /// we do not search for it.
    pub fn text(&self) -> io::Result<Text> {
        let mut octets = Vec::new();
        read_lines(&self.path, |lines| octets.extend_from_slice(lines.octets()))?;
        Text::new(octets).map_err(|_| ErrorKind::InvalidData.into())
    }
}
// ANCHOR_END: read_lines_call

// ANCHOR: read_lines
/// Shows the lines of a file to `see`, as they go over the wire. There may be gigabytes
/// of them, so they come one by one.
fn read_lines(path: &Path, mut see: impl FnMut(&Text)) -> io::Result<()> {
    let mut file = BufReader::new(open_file(path)?);
    let mut line = Vec::new();
    while file.read_until(b'\n', &mut line)? > 0 {
        see(&Text::from_file(&line));
        line.clear();
    }
    Ok(())
}
// ANCHOR_END: read_lines

// ANCHOR: deliver_as
/// Each numbered line is a system call that matters, and this is the only right order.
fn deliver_as(name: &str, to: &[Maildir], head: &str, text: &Text) -> io::Result<()> {
    let mut in_tmp: Vec<PathBuf> = Vec::new();
    let mut in_new: Vec<PathBuf> = Vec::new();
    let delivered = to.iter().try_for_each(|Maildir(folder)| {
        let new = folder.join("new").join(name);
        // ANCHOR_END: deliver_as
        // ANCHOR: deliver_once
        // What we have written for a mailbox before gets one more name, in this one.
        let written = in_tmp.last();
        let is_linked = written.is_some_and(|file| fs::hard_link(file, &new).is_ok());
        // ANCHOR_END: deliver_once
        // ANCHOR: deliver_tmp
        if !is_linked {
            let tmp = folder.join("tmp").join(name);
            // 1. Make a file under a name that nothing has (open with O_EXCL).
            let file = create_file(&tmp)?;
            in_tmp.push(tmp.clone());
            // ANCHOR_END: deliver_tmp
            // ANCHOR: deliver_write
            // 2. Write the letter (write). 3. Wait until all of it is on the disk
            //    (fsync).
            let lines = text.lines().flat_map(|line| [line, b"\n"]);
            write_synced(file, [head.as_bytes()].into_iter().chain(lines))?;
            // ANCHOR_END: deliver_write
            // ANCHOR: deliver_link
            // 4. Let it arrive (link). A link is refused if the name is taken. A rename
            // would overwrite the letter that has the name.
            fs::hard_link(&tmp, &new)?;
        }
        in_new.push(new);
        // ANCHOR_END: deliver_link
        // ANCHOR: deliver_name
        // 5. Wait until the new name is on the disk too (fsync of the folder).
        sync_folder(&folder.join("new"))
    });
    // ANCHOR_END: deliver_name
    // ANCHOR: deliver_end
    // 6. Remove the names that are not needed any more (unlink). After a failure, that is
    //    all.
    let unneeded = match delivered {
        Ok(()) => in_tmp,
        Err(_) => [in_tmp, in_new].concat(),
    };
    for file in unneeded {
        let _ = fs::remove_file(file);
    }
    delivered
}
// ANCHOR_END: deliver_end

// ANCHOR: letter_name
/// Longest name of a letter, in octets: it is also the letter's UIDL (RFC 1939 §7).
pub const LETTER_NAME: usize = 70;

/// `id.host`. It has no colon: Windows does not allow one.
fn letter_name(id: &str, by: &Domain) -> String {
    let mut name = format!("{id}.{}", by.as_str().replace(':', "-"));
    name.truncate(LETTER_NAME);
    name
}
// ANCHOR_END: letter_name

// ANCHOR: uid
/// A name that stays the same when a reader adds flags to it, after a `:` or, on Windows,
/// a `;`. If the name of another program is not good as a UIDL, a number is made from it.
fn uid(name: &str) -> String {
    let base = name.split([':', ';']).next().unwrap_or(name);
    let is_printable = base.bytes().all(|octet| matches!(octet, b'!'..=b'~'));
    match is_printable && (1..=LETTER_NAME).contains(&base.len()) {
        true => base.to_string(),
        false => hash(base),
    }
}
// ANCHOR_END: uid

// ANCHOR: hash
/// FNV-1a. Readers keep a UIDL for years; the hash of the standard library may change
/// with the compiler.
fn hash(name: &str) -> String {
    let number = name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, octet| {
        (hash ^ u64::from(octet)).wrapping_mul(0x100_0000_01b3)
    });
    format!("{number:016x}")
}
// ANCHOR_END: hash

// ANCHOR: tell_apart
/// Sees to it that each letter is listed once, and that no two have the same uid.
fn tell_apart(entries: &mut Vec<Entry>) {
    // If a reader renames a letter while we list, we see it twice. One of the two names
    // has gone.
    entries.retain(|entry| entry.path.exists());
    // All others are letters of their own, such as `1` and `1:2,S`.
    let mut uids = BTreeSet::new();
    for entry in entries {
        while !uids.insert(entry.uid.clone()) {
            let name = entry.path.file_name().unwrap_or_default();
            entry.uid = hash(&format!("{} {}", entry.uid, name.display()));
        }
    }
}
// ANCHOR_END: tell_apart

// ANCHOR: create
impl Maildir {
    /// Makes the mailbox, or what is missing of it. A complete mailbox stays as it is.
    ///
    /// `tmp` is made last: when it exists, the rest is on the disk, even if the program
    /// that made the mailbox was killed.
    pub fn create(folder: &Path) -> io::Result<Maildir> {
        let [tmp, new, cur] = ["tmp", "new", "cur"].map(|name| folder.join(name));
        if !(tmp.is_dir() && new.is_dir() && cur.is_dir()) {
            // It may be left from a mailbox that was complete before.
            let _ = fs::remove_dir(&tmp);
            make_folder(&new)?;
            make_folder(&cur)?;
            sync_folder(folder)?;
            sync_above(folder)?;
            make_folder(&tmp)?;
        }
        Ok(Maildir::open(folder))
    }
    // ANCHOR_END: create

    // ANCHOR: open
    /// The mailbox in this folder, which [`create`](Maildir::create) has made. To deliver
    /// a letter, we make no folder. If one is missing, that is an error, and a person
    /// must hear of it.
    pub fn open(folder: &Path) -> Maildir {
        Maildir(folder.to_path_buf())
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.0
    }
    // ANCHOR_END: open

    // ANCHOR: sweep
    /// Removes what programs that died left in `tmp`.
    pub fn sweep(&self) -> io::Result<()> {
        for file in fs::read_dir(self.0.join("tmp"))? {
            remove_if_abandoned(&file?.path());
        }
        Ok(())
    }
}
// ANCHOR_END: sweep
