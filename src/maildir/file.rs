//! Files that survive a crash, names that are nobody else's, locks: what a mailbox and a queue
//! need.

use super::ABANDONED;
use crate::message::Clock;
use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::path::Path;

/// Does something with a new name, and with another one as long as the name is taken: the clock may
/// stand still, or another process had the same thought. Returns the name.
pub fn with_new_name(
    clock: &mut Clock,
    mut act: impl FnMut(&str) -> io::Result<()>,
) -> io::Result<String> {
    loop {
        let name = clock.unique_name();
        match act(&name) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            done => return done.map(|()| name),
        }
    }
}

/// Writes a file, and waits until all of it is on the disk.
pub fn write_synced(mut file: File, parts: &[&[u8]]) -> io::Result<()> {
    for part in parts {
        file.write_all(part)?;
    }
    file.sync_all()
}

/// Makes sure that the names in a folder are on the disk too: to sync a file does not sync its
/// name. (Windows has no such call.)
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// Removes a file that nobody has touched for [`ABANDONED`].
pub fn remove_if_abandoned(path: &Path) {
    let touched = fs::metadata(path).and_then(|file| file.modified());
    let age = touched.map(|touched| touched.elapsed().unwrap_or_default());
    if age.is_ok_and(|age| age > ABANDONED) {
        let _ = fs::remove_file(path);
    }
}

/// A lock, held as long as the file is kept. `None`: somebody else has it. When a program dies, its
/// locks go with it.
pub fn lock(path: &Path) -> io::Result<Option<File>> {
    let file = File::options().create(true).append(true).open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}
