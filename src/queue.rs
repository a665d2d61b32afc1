//! # The queue (chapter 14)
//!
//! Store and forward. A letter for another domain waits in a folder until the next hop has it. It
//! is two files: `ID.letter` is the text, and `ID.envelope` says from whom, to whom, and how far we
//! are. The text is written first; when the envelope appears, the letter is in the queue. A crash
//! before that leaves a text without an envelope, for which nobody was told "250 OK".
//!
//! The server only adds letters. One [`Queue::lock`] holder at a time works them off.

mod envelope;

use crate::maildir::{create_file, lock, make_folder, open_file, remove_if_abandoned};
use crate::maildir::{sync_above, sync_folder, with_new_name, write_synced};
use crate::message::Clock;
use crate::protocol::address::{Mailbox, ReversePath};
use crate::protocol::dot::Text;
pub use envelope::{Damaged, Envelope, Reason, State};
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

/// A queue folder.
#[derive(Debug, Clone)]
pub struct Queue(PathBuf);

/// What lies in the queue under one name.
#[derive(Debug)]
pub enum Found {
    /// A letter that waits: its name, and its envelope.
    Letter(String, Envelope),
    /// A file that makes no sense. It was set aside under this name, and is nobody's trouble now;
    /// or, if it could not be read or moved, it lies where it was.
    Damaged(PathBuf),
}

impl Queue {
    /// Makes the folder, if it is not there.
    pub fn create(folder: &Path) -> io::Result<Queue> {
        if !folder.is_dir() {
            make_folder(folder)?;
            sync_above(&[folder])?;
        }
        Ok(Queue::open(folder))
    }

    /// The queue in this folder, for each letter: [`create`](Queue::create) has been here when the
    /// program started. If the folder has gone since, that is trouble, and not to be hidden.
    pub fn open(folder: &Path) -> Queue {
        Queue(folder.to_path_buf())
    }

    fn file(&self, id: &str, kind: &str) -> PathBuf {
        self.0.join(format!("{id}.{kind}"))
    }

    /// Puts a letter into the queue, and returns its name. `head` makes the trace fields from the
    /// name. When this returns `Ok`, the letter survives a crash; when it returns an error, it is
    /// not in the queue.
    pub fn add(
        &self,
        reverse_path: &ReversePath,
        recipients: Vec<Mailbox>,
        clock: &mut Clock,
        head: impl Fn(&str) -> String,
        text: &Text,
    ) -> io::Result<String> {
        let now = clock.now();
        let waiting = |mailbox| (mailbox, State::Waiting(None));
        let envelope = Envelope {
            reverse_path: reverse_path.clone(),
            arrived: now,
            tries: 0,
            next: now,
            recipients: recipients.into_iter().map(waiting).collect(),
        };
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

    /// Writes an envelope anew: a whole new file takes the place of the old one, and of whatever a
    /// crash has left under the name of the new one.
    pub fn update(&self, id: &str, envelope: &Envelope) -> io::Result<()> {
        let new = self.file(id, "new");
        let file = match create_file(&new) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                fs::remove_file(&new)?;
                create_file(&new)?
            }
            file => file?,
        };
        write_synced(file, [envelope.to_string().as_bytes()])?;
        fs::rename(&new, self.file(id, "envelope"))?;
        sync_folder(&self.0)
    }

    /// Takes a letter out of the queue. First the envelope: without it the text is nothing. As long
    /// as it cannot be removed, the text stays, too: an envelope without one would look damaged.
    pub fn finish(&self, id: &str) -> io::Result<()> {
        match fs::remove_file(self.file(id, "envelope")) {
            // It was never written.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            removed => removed?,
        }
        sync_folder(&self.0)?;
        fs::remove_file(self.file(id, "letter"))
    }

    /// The text of a letter, with the trace fields. [`ErrorKind::InvalidData`]: it is damaged.
    pub fn text(&self, id: &str) -> io::Result<Text> {
        let mut octets = Vec::new();
        match open_file(&self.file(id, "letter")) {
            Err(error) if error.kind() == ErrorKind::InvalidInput => {
                return Err(ErrorKind::InvalidData.into());
            }
            file => file?.read_to_end(&mut octets)?,
        };
        Text::new(octets).map_err(|_| ErrorKind::InvalidData.into())
    }

    /// Shows every letter in the queue to `see`, one after another and in no order: it takes as
    /// much memory for ten thousand as for one. Files that a crash left behind are removed on the
    /// way.
    pub fn each(&self, mut see: impl FnMut(Found)) -> io::Result<()> {
        for file in fs::read_dir(&self.0)? {
            if let Some(found) = self.look_at(&file?.path()) {
                see(found);
            }
        }
        Ok(())
    }

    fn look_at(&self, path: &Path) -> Option<Found> {
        let (id, kind) = path.file_name()?.to_str()?.rsplit_once('.')?;
        match kind {
            "envelope" => return self.read(id),
            "letter" if !self.lacks(id, "envelope") || !self.lacks(id, "damaged") => {}
            "letter" | "new" => remove_if_abandoned(path),
            _ => {}
        }
        None
    }

    /// Is it certain that nothing bears this name? (A disk in trouble does not know.)
    fn lacks(&self, id: &str, kind: &str) -> bool {
        let found = fs::symlink_metadata(self.file(id, kind));
        found.is_err_and(|error| error.kind() == ErrorKind::NotFound)
    }

    /// `None`: somebody took the letter away just now. What the disk does not give us stays where
    /// it is: this may be a bad moment, or a matter of permissions.
    fn read(&self, id: &str) -> Option<Found> {
        let path = self.file(id, "envelope");
        let mut text = String::new();
        let read = open_file(&path).and_then(|mut file| file.read_to_string(&mut text));
        match read.map_err(|error| error.kind()) {
            Err(ErrorKind::NotFound) => return None,
            Ok(_) | Err(ErrorKind::InvalidData) => {}
            Err(_) => return Some(Found::Damaged(path)),
        }
        Some(match text.parse() {
            Ok(envelope) if !self.lacks(id, "letter") => Found::Letter(id.to_string(), envelope),
            _ => Found::Damaged(self.set_aside(id)),
        })
    }

    /// Takes a damaged letter out of the way of those behind it, and says under which name. It is
    /// kept, envelope and text: they are a promise, and somebody may still mend them.
    pub fn set_aside(&self, id: &str) -> PathBuf {
        let (envelope, aside) = (self.file(id, "envelope"), self.file(id, "damaged"));
        let renamed = fs::rename(&envelope, &aside);
        if renamed.is_ok() { aside } else { envelope }
    }

    /// The right to work the queue off, as long as the file is kept. `None`: somebody else has it.
    pub fn lock(&self) -> io::Result<Option<File>> {
        lock(&self.0.join("lock"))
    }
}
