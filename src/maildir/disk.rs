// ANCHOR: story
//! What a mail program needs from a disk.
//!
//! To write a file is not enough. The system keeps what was written in memory for a
//! while, and a power cut loses it. So a program that promises to keep a letter syncs
//! twice, and waits: once for the octets of the file, and once for the folder, which
//! holds its name.
//!
//! Three rules more, for a mailbox, a queue and a site alike: letters are for their owner
//! only; a file is never written over another; and only a regular file is opened.
// ANCHOR_END: story

// ANCHOR: uses
use crate::message::Clock;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::Path;
use std::time::Duration;
// ANCHOR_END: uses

// ANCHOR: create_file
/// Makes a file for its owner only. If anything has this name already, also a link, the
/// error is [`ErrorKind::AlreadyExists`].
pub fn create_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    set_mode(path, 0o600)?;
    Ok(file)
}
// ANCHOR_END: create_file

// ANCHOR: set_mode
/// An unusual umask takes rights from a file or folder that we just made. The owner gets
/// them back.
#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode))
}

/// Other systems have their own rules.
#[cfg(not(unix))]
fn set_mode(_: &Path, _: u32) -> io::Result<()> {
    Ok(())
}
// ANCHOR_END: set_mode

// ANCHOR: write_synced
/// Writes a file, and waits until all of it is on the disk.
pub fn write_synced<'a, I>(file: File, pieces: I) -> io::Result<()>
where
    I: IntoIterator<Item = &'a [u8]>,
{
    let mut writer = BufWriter::new(file);
    for piece in pieces {
        writer.write_all(piece)?;
    }
    // If a writer is dropped before it is flushed, we do not hear of an error.
    writer.flush()?;
    writer.get_ref().sync_all()
}
// ANCHOR_END: write_synced

// ANCHOR: sync_folder
/// Waits until the names in a folder are on the disk. (Windows does not have this call.)
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}
// ANCHOR_END: sync_folder

// ANCHOR: with_new_name
/// Does something with a new name, and tries again with another one as long as the name
/// is taken: the clock may stand still, or another program may have made the same name.
/// Returns the name.
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
// ANCHOR_END: with_new_name

// ANCHOR: open_file
/// Opens a file to read it. Only a regular file is opened; for all else the error is
/// [`ErrorKind::InvalidData`]. To open a FIFO, we would have to wait for its other end; a
/// device may have no end; and a link may lead to either, or to a file that we must not
/// show.
pub fn open_file(path: &Path) -> io::Result<File> {
    check_regular(path)?;
    File::open(path)
}

fn check_regular(path: &Path) -> io::Result<()> {
    if fs::symlink_metadata(path)?.is_file() {
        return Ok(());
    }
    let why = "it is not a regular file (links are not followed)";
    Err(io::Error::new(ErrorKind::InvalidData, why))
}
// ANCHOR_END: open_file

// ANCHOR: abandoned
/// A file that a program had not finished and that is this old was left by a program that
/// died: nobody writes one letter for 36 hours.
pub const ABANDONED: Duration = Duration::from_secs(36 * 60 * 60);

/// Removes a file that nobody has written to for [`ABANDONED`].
pub fn remove_if_abandoned(path: &Path) {
    let written = fs::symlink_metadata(path).and_then(|file| file.modified());
    let age = written.map(|written| written.elapsed().unwrap_or_default());
    if age.is_ok_and(|age| age > ABANDONED) {
        let _ = fs::remove_file(path);
    }
}
// ANCHOR_END: abandoned

// ANCHOR: make_folder
/// Makes a folder, and those above it, for its owner only. A folder that is there already
/// stays as it is. The new name is on the disk when the folder above is synced, and not
/// before.
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
        Ok(()) => set_mode(folder, 0o700),
        // Another program was quicker.
        Err(_) if folder.is_dir() => Ok(()),
        // It may be one of thousands: say which.
        Err(error) => {
            let why = format!("{}: {error}", folder.display());
            Err(io::Error::new(error.kind(), why))
        }
    }
}
// ANCHOR_END: make_folder

// ANCHOR: sync_above
/// Waits until the name of this folder is on the disk, and the names of all folders above
/// it: any of them may be new.
pub fn sync_above(folder: &Path) -> io::Result<()> {
    // We may not read some folders, and some disks do not have this call. We did not make
    // those.
    let not_ours = [ErrorKind::PermissionDenied, ErrorKind::InvalidInput];
    for above in fs::canonicalize(folder)?.ancestors().skip(1) {
        match sync_folder(above) {
            Err(error) if not_ours.contains(&error.kind()) => {}
            synced => synced?,
        }
    }
    Ok(())
}
// ANCHOR_END: sync_above

// ANCHOR: lock
/// Locks a file, which is made if it is not there. The lock is held as long as the result
/// is kept; when a program dies, its locks end with it. `None`: another program has the
/// lock.
pub fn lock(path: &Path) -> io::Result<Option<File>> {
    let file = match create_file(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            check_regular(path)?;
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
// ANCHOR_END: lock
