//! Files that survive a crash and are for their owner only, names that are nobody else's, locks:
//! what a mailbox, a queue and a site need.

use super::ABANDONED;
use crate::message::Clock;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, BufWriter, ErrorKind, Write};
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

/// Makes a folder, and those above it, for its owner only: letters are nobody else's business. One
/// that is there already stays as it is. It lasts when the folder above it is synced.
pub fn make_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    if let Some(above) = folder.parent().filter(|above| *above != Path::new("")) {
        make_folder(above)?;
    }
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(folder) {
        // Another program was quicker.
        Err(_) if folder.is_dir() => Ok(()),
        made => made.and_then(|()| own(folder, 0o700)).map_err(|error| {
            // Which one? It may be one of thousands.
            io::Error::new(error.kind(), format!("{}: {error}", folder.display()))
        }),
    }
}

/// Makes a file for its owner only. Nothing may bear its name already, not even a link:
/// [`ErrorKind::AlreadyExists`].
pub fn create_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    own(path, 0o600)?;
    Ok(file)
}

/// Gives the owner back what an odd umask has taken from what was just made.
#[cfg(unix)]
fn own(path: &Path, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mut rights = fs::metadata(path)?.permissions();
    if rights.mode() & 0o777 == mode {
        return Ok(());
    }
    rights.set_mode(mode);
    fs::set_permissions(path, rights)
}

/// Other systems have their own rules.
#[cfg(not(unix))]
fn own(_: &Path, _: u32) -> io::Result<()> {
    Ok(())
}

/// Opens a file to read it. Anything but a regular file is not opened, and the error is
/// [`ErrorKind::InvalidInput`]: a FIFO would keep us waiting for its other end, a device may have no end, and a link may
/// lead to either, or to a file that is not ours to show.
pub fn open_file(path: &Path) -> io::Result<File> {
    is_regular(path)?;
    File::open(path)
}

fn is_regular(path: &Path) -> io::Result<()> {
    if fs::symlink_metadata(path)?.is_file() {
        return Ok(());
    }
    let why = "it is not a regular file (links are not followed)";
    Err(io::Error::new(ErrorKind::InvalidInput, why))
}

/// Writes a file, and waits until all of it is on the disk.
pub fn write_synced<'a>(file: File, pieces: impl IntoIterator<Item = &'a [u8]>) -> io::Result<()> {
    let mut writer = BufWriter::new(file);
    for piece in pieces {
        writer.write_all(piece)?;
    }
    // A writer that is dropped with something in it would swallow the error.
    writer.flush()?;
    writer.get_ref().sync_all()
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
    let touched = fs::symlink_metadata(path).and_then(|file| file.modified());
    let age = touched.map(|touched| touched.elapsed().unwrap_or_default());
    if age.is_ok_and(|age| age > ABANDONED) {
        let _ = fs::remove_file(path);
    }
}

/// A lock, held as long as the file is kept. `None`: somebody else has it. When a program dies, its
/// locks go with it; the file stays.
pub fn lock(path: &Path) -> io::Result<Option<File>> {
    let file = match create_file(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            is_regular(path)?;
            File::options().append(true).open(path)?
        }
        made => made?,
    };
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}
