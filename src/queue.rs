// ANCHOR: story
//! # The queue (chapter 14)
//!
//! Store and forward. A letter for another domain waits in a folder until the next hop
//! has it. It is two files: `ID.letter` is the text, and `ID.envelope` says from whom it
//! comes, to whom it goes, and how far we are. The text is written first. When the
//! envelope appears, the letter is in the queue, and only then is it answered 250. A
//! crash before that moment leaves a text without an envelope, and nobody was promised
//! anything.
//!
//! Servers only add letters. One program at a time, the one that has the
//! [`lock`](Queue::lock), hands them on. Everybody may look: [`Queue::each`] changes
//! nothing.
// ANCHOR_END: story

// ANCHOR: uses
mod envelope;

use crate::maildir::disk::{create_file, lock, make_folder, open_file, write_synced};
use crate::maildir::disk::{remove_if_abandoned, sync_above, sync_folder, with_new_name};
use crate::message::Clock;
use crate::protocol::address::{Mailbox, ReversePath};
use crate::protocol::dot::Text;
pub use envelope::{Envelope, Progress, Reason};
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
// ANCHOR_END: uses

// ANCHOR: queue
/// A queue folder.
#[derive(Debug, Clone)]
pub struct Queue(PathBuf);
// ANCHOR_END: queue

// ANCHOR: add
impl Queue {
    /// Puts a letter into the queue, and returns its name. `head` makes the trace fields
    /// from the name. When this returns `Ok`, the letter survives a crash; when it
    /// returns an error, it is not in the queue.
    pub fn add(
        &self,
        reverse_path: &ReversePath,
        recipients: Vec<Mailbox>,
        clock: &mut Clock,
        head: impl Fn(&str) -> String,
        text: &Text,
    ) -> io::Result<String> {
        // ANCHOR_END: add
        // ANCHOR: add_envelope
        let now = clock.now();
        let waiting = |mailbox| (mailbox, Progress::Waiting(None));
        let envelope = Envelope {
            reverse_path: reverse_path.clone(),
            arrived: now,
            tries: 0,
            next: now,
            recipients: recipients.into_iter().map(waiting).collect(),
        };
        // ANCHOR_END: add_envelope
        // ANCHOR: add_files
        with_new_name(clock, |id| {
            let letter = create_file(&self.file(id, "letter"))?;
            let added = write_synced(letter, [head(id).as_bytes(), text.octets()])
                .and_then(|()| self.update(id, &envelope));
            if added.is_err() {
                let _ = fs::remove_file(self.file(id, "new"));
                let _ = self.finish(id);
            }
            added
        })
    }
    // ANCHOR_END: add_files

    // ANCHOR: file
    fn file(&self, id: &str, kind: &str) -> PathBuf {
        self.0.join(format!("{id}.{kind}"))
    }
    // ANCHOR_END: file

    // ANCHOR: text
    /// The text of a letter, with the trace fields. [`ErrorKind::InvalidData`]: it is
    /// damaged.
    pub fn text(&self, id: &str) -> io::Result<Text> {
        let mut octets = Vec::new();
        open_file(&self.file(id, "letter"))?.read_to_end(&mut octets)?;
        Text::new(octets).map_err(|_| ErrorKind::InvalidData.into())
    }
    // ANCHOR_END: text

    // ANCHOR: each
    /// Shows every letter in the queue to `see`: its name and its envelope. With the
    /// error [`ErrorKind::InvalidData`] the letter is damaged: its envelope makes no
    /// sense, or it has no text. Any other error may come from the disk, and may pass.
    pub fn each<F>(&self, mut see: F) -> io::Result<()>
    where
        F: FnMut(&str, io::Result<Envelope>),
    {
        for file in fs::read_dir(&self.0)? {
            if let Some((id, "envelope")) = id_and_kind(&file?.path()) {
                let envelope = self.envelope(id);
                // Somebody may take a letter out while we look at it.
                if envelope.is_ok() || !self.has_no(id, "envelope") {
                    see(id, envelope);
                }
            }
        }
        Ok(())
    }
    // ANCHOR_END: each

    // ANCHOR: update
    /// Writes an envelope. A whole new file takes the place of the old one, so whenever
    /// we are stopped, one of the two is there.
    pub fn update(&self, id: &str, envelope: &Envelope) -> io::Result<()> {
        let new = self.file(id, "new");
        // A crash may have left one. If it is a folder, it is not ours: we move it out of
        // the way.
        if fs::remove_file(&new).is_err() {
            let _ = fs::rename(&new, self.file(id, "new.damaged"));
        }
        write_synced(create_file(&new)?, [envelope.to_string().as_bytes()])?;
        fs::rename(&new, self.file(id, "envelope"))?;
        sync_folder(&self.0)
    }
    // ANCHOR_END: update

    // ANCHOR: finish
    /// Takes a letter out of the queue. The envelope goes first: without it, the text
    /// means nothing. If it cannot be removed, the text stays, or the letter would look
    /// damaged.
    pub fn finish(&self, id: &str) -> io::Result<()> {
        match fs::remove_file(self.file(id, "envelope")) {
            // It was never written.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            removed => removed?,
        }
        sync_folder(&self.0)?;
        fs::remove_file(self.file(id, "letter"))
    }
    // ANCHOR_END: finish

    // ANCHOR: lock
    /// The right to hand the letters on, as long as the file is kept. `None`: another
    /// program has it.
    pub fn lock(&self) -> io::Result<Option<File>> {
        lock(&self.0.join("lock"))
    }
    // ANCHOR_END: lock

    // ANCHOR: envelope
    fn envelope(&self, id: &str) -> io::Result<Envelope> {
        let text = open_file(&self.file(id, "envelope")).and_then(io::read_to_string)?;
        match self.has_no(id, "letter") {
            true => Err(io::Error::new(ErrorKind::InvalidData, "it has no text")),
            false => text.parse(),
        }
    }
    // ANCHOR_END: envelope

    // ANCHOR: has_no
    /// Is it certain that nothing has this name? (A disk with errors cannot say.)
    fn has_no(&self, id: &str, kind: &str) -> bool {
        let found = fs::symlink_metadata(self.file(id, kind));
        found.is_err_and(|error| error.kind() == ErrorKind::NotFound)
    }
    // ANCHOR_END: has_no

    // ANCHOR: set_aside
    /// Takes a damaged letter out of the way of the others, and returns the new name of
    /// its envelope. Envelope and text are kept: we have promised that, and somebody may
    /// still mend them.
    pub fn set_aside(&self, id: &str) -> io::Result<PathBuf> {
        let aside = self.file(id, "damaged");
        fs::rename(self.file(id, "envelope"), &aside)?;
        Ok(aside)
    }
    // ANCHOR_END: set_aside

    // ANCHOR: sweep
    /// Removes what programs that died left: texts without an envelope, and new envelopes
    /// that were not finished.
    pub fn sweep(&self) -> io::Result<()> {
        let has_no = |id: &str, kind: &str| self.has_no(id, kind);
        for file in fs::read_dir(&self.0)? {
            let path = file?.path();
            // We ask for the damaged one first. To mend a letter, somebody gives that
            // file the name of an envelope again; if this happens between the two
            // questions, the text stays.
            let is_left = match id_and_kind(&path) {
                Some((id, "letter")) => has_no(id, "damaged") && has_no(id, "envelope"),
                Some((_, "new")) => true,
                _ => false,
            };
            if is_left {
                remove_if_abandoned(&path);
            }
        }
        Ok(())
    }
    // ANCHOR_END: sweep

    // ANCHOR: create
    /// Makes the folder, if it is not there.
    pub fn create(folder: &Path) -> io::Result<Queue> {
        if !folder.is_dir() {
            make_folder(folder)?;
            sync_above(folder)?;
        }
        Ok(Queue::open(folder))
    }
    // ANCHOR_END: create

    // ANCHOR: open
    /// The queue in this folder, which [`create`](Queue::create) has made. To add a
    /// letter, we make no folder. If it is missing, that is an error, and a person must
    /// hear of it.
    pub fn open(folder: &Path) -> Queue {
        Queue(folder.to_path_buf())
    }
}
// ANCHOR_END: open

// ANCHOR: id_and_kind
/// A file in the queue is named `ID.KIND`.
fn id_and_kind(path: &Path) -> Option<(&str, &str)> {
    path.file_name()?.to_str()?.rsplit_once('.')
}
// ANCHOR_END: id_and_kind
