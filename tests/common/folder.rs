//! Folders that vanish with their test, and the letters in them.

use smtp_primer::protocol::dot::Text;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// A new folder, removed when it goes out of scope.
pub struct TempDir(PathBuf);

impl TempDir {
    /// Makes one; `name` helps whoever finds it after a crash.
    pub fn new(name: &str) -> TempDir {
        let base = std::env::temp_dir();
        std::fs::create_dir_all(&base).expect("a place for temporary folders");
        TempDir::below(&base, name).expect("a temporary folder")
    }

    /// The same in memory, if the system has a folder there: for a test that makes many small files,
    /// and does not ask how a disk keeps them. `TMPDIR=/tmp cargo test` puts all on the disk.
    pub fn in_memory(name: &str) -> TempDir {
        let memory = std::env::var_os("TMPDIR").unwrap_or("/dev/shm".into());
        TempDir::below(Path::new(&memory), name).unwrap_or_else(|_| TempDir::new(name))
    }

    fn below(base: &Path, name: &str) -> io::Result<TempDir> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = base.join(format!("smtp-primer-{name}-{}-{count}", std::process::id()));
        std::fs::create_dir(&folder)?;
        Ok(TempDir(folder))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The letters in a user's `new` folder, by name, as they go over the wire. (In the files each line
/// ends with LF; that no CR is in them, chapter 13 shows.)
pub fn new_letters(site: &Path, user: &str) -> Vec<Vec<u8>> {
    let folder = site.join("mail").join(user).join("new");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("a mailbox")
        .map(|file| file.expect("a letter").path())
        .collect();
    files.sort();
    files
        .iter()
        .map(|file| std::fs::read(file).expect("a letter"))
        .map(|octets| Text::from_file(&octets).octets().to_vec())
        .collect()
}
