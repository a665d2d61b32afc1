//! A copy of the project in a folder of its own, to which patches are applied. So the true program and
//! one with a fault can be compiled side by side.

use crate::card::Card;
use crate::patch::Patch;
use crate::project;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// A copy of the project, to which patches are applied.
pub struct Tree<'a> {
    root: &'a Path,
    pub folder: &'a Path,
}

impl<'a> Tree<'a> {
    pub fn copy(root: &'a Path, folder: &'a Path) -> Result<Tree<'a>, String> {
        Tree::copy_but(root, folder, &BTreeMap::new())
    }

    /// The same, but these files have other texts. Where they have them already, cargo has nothing to
    /// compile.
    pub fn copy_but(
        root: &'a Path,
        folder: &'a Path,
        others: &BTreeMap<String, String>,
    ) -> Result<Tree<'a>, String> {
        let tree = Tree { root, folder };
        for name in ["Cargo.toml", "Cargo.lock", "README.md"] {
            tree.restore(name)?;
        }
        for name in ["src", "tests", "examples", "book/dialogues"] {
            // What an earlier answer has left goes away, too.
            let left = project::files(folder, name, "").into_iter();
            for name in left.chain(project::files(root, name, "")) {
                match others.get(&name) {
                    Some(text) => tree.write(&name, text.as_bytes())?,
                    None => tree.restore(&name)?,
                }
            }
        }
        Ok(tree)
    }

    /// A copy of the program alone, with a patch. If it is there already, nothing is written, and cargo
    /// compiles nothing.
    pub fn patched(
        root: &'a Path,
        folder: &'a Path,
        card: &Card,
        name: &str,
    ) -> Result<Tree<'a>, String> {
        let patch = Patch::read(&card.path(name), &card.text(name)?)?;
        let changed = patch.applied(root)?;
        let tree = Tree { root, folder };
        let mut names = project::files(folder, "src", "");
        names.extend(project::files(root, "src", ""));
        names.extend(["Cargo.toml", "Cargo.lock", "README.md"].map(str::to_string));
        for name in names {
            match changed.get(&name) {
                Some(text) => tree.write(&name, text.as_bytes())?,
                None => tree.restore(&name)?,
            }
        }
        Ok(tree)
    }

    /// The file as it is in the project, or no file.
    pub fn restore(&self, name: &str) -> Result<(), String> {
        match fs::read(self.root.join(name)) {
            Ok(octets) => self.write(name, &octets),
            Err(_) => {
                let _ = fs::remove_file(self.folder.join(name));
                Ok(())
            }
        }
    }

    /// Not a copy: cargo sees by the time that a file has changed. So the same text is not written again.
    pub fn write(&self, name: &str, octets: &[u8]) -> Result<(), String> {
        let path = self.folder.join(name);
        if fs::read(&path).is_ok_and(|old| old == octets) {
            return Ok(());
        }
        let parent = path.parent().unwrap_or(self.folder);
        let written = fs::create_dir_all(parent).and_then(|()| fs::write(&path, octets));
        written.map_err(|why| format!("{}: {why}", path.display()))
    }

    /// Applies a patch, and returns the files that it changed.
    pub fn apply(&self, card: &Card, name: &str) -> Result<BTreeMap<String, String>, String> {
        let patch = Patch::read(&card.path(name), &card.text(name)?)?;
        let changed = patch.applied(self.folder)?;
        for (name, text) in &changed {
            self.write(name, text.as_bytes())?;
        }
        Ok(changed)
    }
}
