//! What a disk may hold after a power cut.
//!
//! A write is in memory first. That it is on the disk, only `fsync` tells: of a file, that its
//! contents are; of a folder, that its names are. For all that was not synced there is no promise,
//! nor for the order. So of the changes to names that wait any may survive, and any not; and a file
//! that was not synced to its end is not whole. Real file systems do better on most days. (Pillai
//! and others, "All File Systems Are Not Created Equal", OSDI 2014, shows them on the other days.)

use super::disk::Call;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// How much of a file or a folder there is, in octets; a folder has none.
#[derive(Debug, Clone, Copy, Default)]
struct Size {
    written: usize,
    synced: usize,
}

/// Files and folders have numbers, for a file can have two names.
type Names = BTreeMap<PathBuf, usize>;

/// A change of a folder, as a whole: a rename takes one name and gives another.
#[derive(Debug, Clone)]
struct Change {
    folder: PathBuf,
    names: Vec<(PathBuf, Option<usize>)>,
}

impl Change {
    fn apply(&self, names: &mut Names) {
        for (name, file) in &self.names {
            match file {
                Some(file) => names.insert(name.clone(), *file),
                None => names.remove(name),
            };
        }
    }
}

/// A disk, as the log of a program tells it.
#[derive(Debug, Clone)]
pub struct Disk {
    root: PathBuf,
    /// As every program sees them.
    names: Names,
    /// As the disk has them for certain.
    durable: Names,
    /// The difference, in order.
    pending: Vec<Change>,
    sizes: Vec<Size>,
}

/// What a power cut has left: the names, and whether what they name is whole.
pub type Left = BTreeMap<PathBuf, bool>;

/// Which outcomes to try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcomes {
    /// Only the one where nothing survives but what was synced.
    Worst,
    All,
}

/// More changes than this do not wait at a time: it would be too many to try.
const PENDING: usize = 12;

impl Disk {
    /// What lies below a folder, and has lain there for long.
    pub fn read(root: &Path) -> Disk {
        let (mut names, mut sizes) = (Names::new(), Vec::new());
        let mut folders = vec![root.to_path_buf()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                let written = match path.is_dir() {
                    true => 0,
                    false => fs::metadata(&path).expect("a file").len() as usize,
                };
                folders.extend(path.is_dir().then(|| path.clone()));
                names.insert(path, sizes.len());
                sizes.push(Size {
                    written,
                    synced: written,
                });
            }
        }
        let durable = names.clone();
        Disk {
            root: root.to_path_buf(),
            names,
            durable,
            pending: Vec::new(),
            sizes,
        }
    }

    /// The names of everything, as every program sees them, and the sizes.
    pub fn see(&self) -> Vec<(&Path, usize)> {
        let mut seen = Vec::new();
        for (name, file) in &self.names {
            seen.push((name.as_path(), self.sizes[*file].written));
        }
        seen
    }

    /// Does what the program did.
    pub fn replay(&mut self, call: &Call) {
        if call.result < 0 || call.name == "send" {
            return;
        }
        let path = call.paths[0].clone();
        let file = self.names.get(&path).copied();
        match (call.name.as_str(), file) {
            ("create" | "mkdir", None) => {
                self.sizes.push(Size::default());
                self.change(vec![(path, Some(self.sizes.len() - 1))]);
            }
            ("write", Some(file)) => self.sizes[file].written += call.result as usize,
            ("fsync", file) => {
                if let Some(file) = file {
                    self.sizes[file].synced = self.sizes[file].written;
                }
                for change in self.pending.extract_if(.., |change| change.folder == path) {
                    change.apply(&mut self.durable);
                }
            }
            ("link", Some(file)) => self.change(vec![(call.paths[1].clone(), Some(file))]),
            ("rename", Some(file)) => {
                self.change(vec![(path, None), (call.paths[1].clone(), Some(file))]);
            }
            ("unlink", Some(_)) => self.change(vec![(path, None)]),
            ("open", _) | ("create", Some(_)) => {}
            _ => panic!("what is this? {call:?}"),
        }
    }

    fn change(&mut self, names: Vec<(PathBuf, Option<usize>)>) {
        let (name, _) = names.last().expect("a change");
        let folder = name.parent().expect("a folder").to_path_buf();
        let change = Change { folder, names };
        change.apply(&mut self.names);
        self.pending.push(change);
    }

    /// What a power cut at this moment may leave. In the `end`, all files are whole.
    fn left(&self, end: &Disk, outcomes: Outcomes) -> impl Iterator<Item = Left> {
        let count = match outcomes {
            Outcomes::Worst => 1,
            Outcomes::All => 1_u32 << self.pending.len(),
        };
        assert!(count <= 1 << PENDING, "{:?}", self.pending);
        // A number for each outcome: its bits say which changes survive.
        (0..count).map(move |survives| {
            let mut names = self.durable.clone();
            for (at, change) in self.pending.iter().enumerate() {
                if survives >> at & 1 == 1 {
                    change.apply(&mut names);
                }
            }
            let mut left = Left::new();
            for (name, file) in names {
                // What lies in a folder goes with it. (A folder sorts before what lies in it.)
                let folder = name.parent().expect("a folder");
                if folder == self.root || left.contains_key(folder) {
                    left.insert(name, self.sizes[file].synced == end.sizes[file].written);
                }
            }
            left
        })
    }
}

/// Cuts the power after each call of a log, and shows what may be left: what was done so far, and
/// what is there then. Returns how many outcomes there were.
pub fn cut_everywhere(
    start: &Disk,
    log: &[Call],
    outcomes: Outcomes,
    mut see: impl FnMut(&[Call], &Left),
) -> usize {
    let mut end = start.clone();
    log.iter().for_each(|call| end.replay(call));
    // Or a call has escaped us.
    assert_eq!(end.see(), Disk::read(&start.root).see());
    let mut disk = start.clone();
    let mut count = 0;
    for at in 0..=log.len() {
        for left in disk.left(&end, outcomes) {
            see(&log[..at], &left);
            count += 1;
        }
        if let Some(call) = log.get(at) {
            disk.replay(call);
        }
    }
    count
}
