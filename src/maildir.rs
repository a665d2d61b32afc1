//! # The mailbox (chapter 13)
//!
//! Final delivery. A mailbox is a folder with three folders in it, the Maildir of qmail: in `tmp` a
//! letter is written, in `new` it has arrived, in `cur` a reader has seen it. A letter is one file,
//! and its name is never used again. So nobody needs a lock: a reader sees a whole letter or none.
//!
//! Many programs read such a mailbox and write into it. As they all do, we end a line in a file
//! with LF. On the wire it ends with CR LF, so a letter's size there is another than the file's.
//!
//! [`deliver`] is the promise behind "250 OK": when it returns, the letter survives a crash.
//! Each line of it is a system call that matters, in the only order that is right. What it shares
//! with the queue stands in `file`.

mod file;

use crate::message::Clock;
use crate::protocol::address::Domain;
use crate::protocol::dot::Text;
pub(crate) use file::{create_file, lock, make_folder, open_file, remove_if_abandoned};
pub(crate) use file::{sync_folder, with_new_name, write_synced};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::ErrorKind::{InvalidInput, PermissionDenied};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A file this old in `tmp` was left by a program that died. Nobody writes one letter for 36 hours.
pub const ABANDONED: Duration = Duration::from_secs(36 * 60 * 60);
/// Longest name of a letter: it also serves as its UIDL (RFC 1939 §7).
pub const NAME: usize = 70;

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
    /// Makes the mailbox, if it is not there, and whatever of it is missing.
    pub fn create(folder: &Path) -> io::Result<Maildir> {
        Maildir::create_all(&[folder.to_path_buf()])?;
        Ok(Maildir::open(folder))
    }

    /// Makes many. One that is complete costs nothing: nobody syncs again what nobody has touched.
    ///
    /// `tmp` is made last. Where it is, all else was synced before, whenever the program that made
    /// it was killed.
    pub fn create_all(folders: &[PathBuf]) -> io::Result<()> {
        let is_whole = |folder: &&PathBuf| {
            ["tmp", "new", "cur"]
                .iter()
                .all(|name| folder.join(name).is_dir())
        };
        let missing: Vec<&PathBuf> = folders.iter().filter(|folder| !is_whole(folder)).collect();
        for folder in &missing {
            // It may be left over from a mailbox that was whole once.
            let _ = fs::remove_dir(folder.join("tmp"));
            make_folder(&folder.join("new"))?;
            make_folder(&folder.join("cur"))?;
            sync_folder(folder)?;
        }
        sync_above(&missing)?;
        missing
            .iter()
            .try_for_each(|folder| make_folder(&folder.join("tmp")))
    }

    /// The mailbox in this folder, for each letter: [`create`](Maildir::create) has been here when
    /// the program started. If the folder has gone since, that is trouble, and not to be hidden.
    pub fn open(folder: &Path) -> Maildir {
        Maildir(folder.to_path_buf())
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
        self.list_while(|| Ok(()))
    }

    /// The same. Before each letter is read, `may_go_on` is asked: an error ends the work.
    pub fn list_while(
        &self,
        mut may_go_on: impl FnMut() -> io::Result<()>,
    ) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for folder in ["new", "cur"] {
            for file in fs::read_dir(self.0.join(folder))? {
                may_go_on()?;
                entries.extend(Entry::read(file?.path()));
            }
        }
        entries.sort_by(|a, b| a.path.file_name().cmp(&b.path.file_name()));
        // A letter that a reader put from new to cur meanwhile was seen twice.
        entries.dedup_by(|b, a| a.uid == b.uid);
        Ok(entries)
    }
}

/// Makes sure that the names of these folders last, and those of all above them: any may be new.
pub(crate) fn sync_above<P: AsRef<Path>>(folders: &[P]) -> io::Result<()> {
    let mut above = BTreeSet::new();
    for folder in folders {
        let path = fs::canonicalize(folder)?;
        above.extend(path.ancestors().skip(1).map(Path::to_path_buf));
    }
    for folder in above {
        match sync_folder(&folder) {
            // We may not read it, or its disk knows no such call: then we have not made it.
            Err(error) if matches!(error.kind(), PermissionDenied | InvalidInput) => {}
            synced => synced?,
        }
    }
    Ok(())
}

impl Entry {
    /// What cannot be read is no letter: it may be a folder, or another reader took it away just
    /// now. It must not hide the others.
    fn read(path: PathBuf) -> Option<Entry> {
        let name = path.file_name()?.to_str()?;
        if name.starts_with('.') {
            return None;
        }
        let size = wire_size(&open_file(&path).ok()?).ok()?;
        let uid = uid(name);
        Some(Entry { path, uid, size })
    }

    /// The letter. If another program has moved it since it was listed, it is not found: we do not
    /// go and look for it.
    pub fn text(&self) -> io::Result<Text> {
        let mut octets = Vec::new();
        open_file(&self.path)?.read_to_end(&mut octets)?;
        Ok(Text::from_file(&octets))
    }
}

/// How many octets [`Text::from_file`] would make of a file. They are counted: many programs write
/// a size into the name, but not all of them keep it true.
fn wire_size(mut file: &File) -> io::Result<usize> {
    let mut block = [0; 8 * 1024];
    let (mut size, mut before) = (0_usize, b'\n');
    loop {
        let length = file.read(&mut block)?;
        if length == 0 {
            break;
        }
        for octet in block.iter().take(length) {
            size += match (before, octet) {
                (b'\r', b'\n') => 0,
                (_, b'\r' | b'\n') => 2,
                _ => 1,
            };
            before = *octet;
        }
    }
    // The last line may have no end.
    Ok(if matches!(before, b'\r' | b'\n') {
        size
    } else {
        size + 2
    })
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
        let letter = [head.as_bytes(), text.octets()];
        deliver_as(mailboxes, &file_name(id, by), letter)
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
            let file = create_file(&tmp)?;
            written.push(tmp.clone());
            write_synced(file, parts.iter().flat_map(|part| as_in_a_file(part)))?;
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

/// A text in pieces, each CR LF of it as LF.
fn as_in_a_file(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let lines = text.split_inclusive(|octet| *octet == b'\n');
    lines.flat_map(|line| match line.strip_suffix(b"\r\n") {
        Some(line) => [line, b"\n"],
        None => [line, b""],
    })
}

/// `id.host`. No colon: Windows does not allow it.
fn file_name(id: &str, by: &Domain) -> String {
    let name = format!("{id}.{}", by.as_str().replace(':', "-"));
    name.get(..NAME).unwrap_or(&name).to_string()
}

/// The name without the flags that a reader may have added; on Windows they stand after a `;`.
fn base(name: &str) -> &str {
    name.split([':', ';']).next().unwrap_or(name)
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
