//! # The queue (chapter 14)
//!
//! Store and forward. A letter for another domain waits in a folder until the next hop has it. It
//! is two files: `ID.letter` is the text, and `ID.envelope` says from whom, to whom, and how far we
//! are. The text is written first; when the envelope appears, the letter is in the queue. A crash
//! before that leaves a text without an envelope, for which nobody was told "250 OK".
//!
//! The server only adds letters. One [`Queue::lock`] holder at a time works them off.

mod envelope;

use crate::maildir::{remove_if_abandoned, sync_folder};
use crate::message::Clock;
use crate::protocol::address::{Mailbox, ReversePath};
use crate::protocol::dot::Text;
pub use envelope::{Damaged, Envelope, Reason, State};
use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// A queue folder.
#[derive(Debug, Clone)]
pub struct Queue {
    folder: PathBuf,
}

/// What lies in the queue under one name.
#[derive(Debug)]
pub enum Found {
    /// A letter that waits: its name, and its envelope.
    Letter(String, Envelope),
    /// A file that makes no sense. It was set aside under this name, and is nobody's trouble now.
    Damaged(PathBuf),
}

impl Queue {
    /// Makes the folder, if it is not there.
    pub fn create(folder: &Path) -> io::Result<Queue> {
        fs::create_dir_all(folder)?;
        folder.parent().map_or(Ok(()), sync_folder)?;
        Ok(Queue {
            folder: folder.to_path_buf(),
        })
    }

    /// The same, for each letter: [`create`](Queue::create) has been here when the program started.
    pub fn open(folder: &Path) -> io::Result<Queue> {
        if !folder.is_dir() {
            return Queue::create(folder);
        }
        Ok(Queue {
            folder: folder.to_path_buf(),
        })
    }

    fn file(&self, id: &str, kind: &str) -> PathBuf {
        self.folder.join(format!("{id}.{kind}"))
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
        let (id, mut letter) = loop {
            let id = clock.unique_name();
            match File::create_new(self.file(&id, "letter")) {
                Ok(file) => break (id, file),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        };
        let waiting = recipients
            .into_iter()
            .map(|mailbox| (mailbox, State::Waiting(None)));
        let now = clock.now();
        let envelope = Envelope {
            reverse_path: reverse_path.clone(),
            arrived: now,
            tries: 0,
            next: now,
            recipients: waiting.collect(),
        };
        let added = letter
            .write_all(head(&id).as_bytes())
            .and_then(|()| letter.write_all(text.octets()))
            .and_then(|()| letter.sync_all())
            .and_then(|()| self.update(&id, &envelope));
        match added {
            Ok(()) => Ok(id),
            Err(error) => {
                let _ = self.finish(&id);
                Err(error)
            }
        }
    }

    /// Writes an envelope anew: a whole new file takes the place of the old one.
    pub fn update(&self, id: &str, envelope: &Envelope) -> io::Result<()> {
        let new = self.file(id, "new");
        let written = File::create(&new).and_then(|mut file| {
            file.write_all(envelope.to_string().as_bytes())?;
            file.sync_all()?;
            fs::rename(&new, self.file(id, "envelope"))
        });
        if written.is_err() {
            let _ = fs::remove_file(&new);
        }
        written.and_then(|()| sync_folder(&self.folder))
    }

    /// Takes a letter out of the queue. First the envelope: without it the text is nothing.
    pub fn finish(&self, id: &str) -> io::Result<()> {
        let removed = fs::remove_file(self.file(id, "envelope"));
        sync_folder(&self.folder)?;
        fs::remove_file(self.file(id, "letter")).and(removed)
    }

    /// The text of a letter, with the trace fields. [`ErrorKind::InvalidData`]: it is damaged.
    pub fn text(&self, id: &str) -> io::Result<Text> {
        let octets = fs::read(self.file(id, "letter"))?;
        Text::new(octets).map_err(|_| ErrorKind::InvalidData.into())
    }

    /// Shows every letter in the queue to `see`, one after another and in no order: it takes as
    /// much memory for ten thousand as for one. Files that a crash left behind are removed on the
    /// way.
    pub fn each(&self, mut see: impl FnMut(Found)) -> io::Result<()> {
        for file in fs::read_dir(&self.folder)? {
            let path = file?.path();
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default();
            match name.rsplit_once('.') {
                Some((id, "envelope")) => {
                    let id = id.to_string();
                    match self.read(&id) {
                        Ok(Some(envelope)) => see(Found::Letter(id, envelope)),
                        Ok(None) => see(Found::Damaged(self.set_aside(&id))),
                        Err(error) if error.kind() == ErrorKind::InvalidData => {
                            see(Found::Damaged(self.set_aside(&id)));
                        }
                        // Somebody took it away just now; or the disk has a bad moment.
                        Err(_) => {}
                    }
                }
                Some((id, "letter")) if self.lacks(id, "envelope") && self.lacks(id, "damaged") => {
                    remove_if_abandoned(&path);
                }
                Some((_, "new")) => remove_if_abandoned(&path),
                _ => {}
            }
        }
        Ok(())
    }

    /// Is it certain that there is no such file? (A disk in trouble does not know.)
    fn lacks(&self, id: &str, kind: &str) -> bool {
        self.file(id, kind).try_exists().is_ok_and(|exists| !exists)
    }

    /// An envelope; `None` if it makes no sense, or its text is missing.
    fn read(&self, id: &str) -> io::Result<Option<Envelope>> {
        let text = fs::read_to_string(self.file(id, "envelope"))?;
        Ok(text.parse().ok().filter(|_| !self.lacks(id, "letter")))
    }

    /// Takes a damaged letter out of the way of those behind it, and says under which name. It is
    /// kept, envelope and text: they are a promise, and somebody may still mend them.
    pub fn set_aside(&self, id: &str) -> PathBuf {
        let (envelope, aside) = (self.file(id, "envelope"), self.file(id, "damaged"));
        if fs::rename(&envelope, &aside).is_ok() {
            aside
        } else {
            envelope
        }
    }

    /// The right to work the queue off, as long as the file is kept. `None`: somebody else has it.
    pub fn lock(&self) -> io::Result<Option<File>> {
        let file = File::options()
            .create(true)
            .append(true)
            .open(self.folder.join("lock"))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}
