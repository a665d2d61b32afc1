//! Changes of files as `git diff` writes them. Where a change goes, its own lines say: they are in
//! the file exactly once, and the numbers after `@@` count for nothing. So the file may grow.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Lines that go away, and what comes in their place, each with the lines around them.
struct Hunk {
    line: usize,
    /// The beginning of the item that it is in, as `git diff` writes it.
    inside: String,
    old: Vec<String>,
    new: Vec<String>,
}

/// A file with changes. All errors are `file:line: what is wrong`.
pub struct Patch {
    name: String,
    /// The lines before the first change, up to an empty line, with their numbers.
    pub head: Vec<(usize, String)>,
    /// Those of a new file have no old lines.
    files: Vec<(String, Vec<Hunk>)>,
    /// How many lines its changes have.
    pub count: usize,
}

impl Patch {
    /// Reads a patch whose first lines are for somebody else: they end with an empty line.
    pub fn with_head(name: &str, text: &str) -> Result<Patch, String> {
        let head = text.lines().take_while(|line| !line.is_empty());
        let head: Vec<(usize, String)> = (1..).zip(head.map(str::to_string)).collect();
        let mut patch = Patch::read_from(name, text, head.len() + 1)?;
        patch.head = head;
        Ok(patch)
    }

    /// Reads a patch.
    pub fn read(name: &str, text: &str) -> Result<Patch, String> {
        Patch::read_from(name, text, 0)
    }

    fn read_from(name: &str, text: &str, skipped: usize) -> Result<Patch, String> {
        let mut patch = Patch {
            name: name.to_string(),
            head: Vec::new(),
            files: Vec::new(),
            count: 0,
        };
        let mut lines = (1..).zip(text.lines()).skip(skipped).peekable();
        while let Some((line, text)) = lines.next() {
            let next = lines.peek().map_or("", |(_, text)| *text);
            let wrong = |what: &str| format!("{name}:{line}: {what}");
            if let (Some(old), Some(new)) = (text.strip_prefix("--- "), next.strip_prefix("+++ b/"))
            {
                if old != "/dev/null" && old.strip_prefix("a/") != Some(new) {
                    return Err(wrong("a change is of one file, a/ and b/"));
                }
                lines.next();
                patch.files.push((new.to_string(), Vec::new()));
                continue;
            }
            let Some((_, hunks)) = patch.files.last_mut() else {
                return Err(wrong("changes begin with `--- a/file` and `+++ b/file`"));
            };
            if let Some(rest) = text.strip_prefix("@@ ") {
                let inside = rest.split_once("@@").map_or("", |(_, inside)| inside);
                hunks.push(Hunk {
                    line,
                    inside: inside.trim().to_string(),
                    old: Vec::new(),
                    new: Vec::new(),
                });
                continue;
            }
            let Some(hunk) = hunks.last_mut() else {
                return Err(wrong("a change begins with `@@ `"));
            };
            patch.count += 1;
            let text = if text.is_empty() { " " } else { text };
            let (sign, text) = text.split_at(text.chars().next().map_or(0, char::len_utf8));
            match sign {
                "-" => hunk.old.push(text.to_string()),
                "+" => hunk.new.push(text.to_string()),
                " " => {
                    hunk.old.push(text.to_string());
                    hunk.new.push(text.to_string());
                }
                _ => return Err(wrong("a line begins with a space, `-` or `+`")),
            }
        }
        if patch.count == 0 {
            return Err(format!("{name}:1: this patch changes nothing"));
        }
        Ok(patch)
    }

    /// The files that it changes or makes.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|(name, _)| name.as_str())
    }

    /// These files as they are with the patch.
    pub fn applied(&self, root: &Path) -> Result<BTreeMap<String, String>, String> {
        let mut changed = BTreeMap::new();
        for (name, hunks) in &self.files {
            let before = fs::read_to_string(root.join(name)).unwrap_or_default();
            let mut lines: Vec<String> = before.lines().map(str::to_string).collect();
            for hunk in hunks {
                if hunk.old.is_empty() && lines.is_empty() {
                    lines.clone_from(&hunk.new);
                    continue;
                }
                let at = self.place(name, &lines, hunk)?;
                lines.splice(at..at + hunk.old.len(), hunk.new.iter().cloned());
            }
            changed.insert(name.clone(), lines.join("\n") + "\n");
        }
        Ok(changed)
    }

    /// Where the old lines of a change are. If they are in several places, it is the one in the
    /// item that the change names.
    fn place(&self, name: &str, lines: &[String], hunk: &Hunk) -> Result<usize, String> {
        let all = lines.windows(hunk.old.len().max(1)).enumerate();
        let all = all.filter(|(_, lines)| *lines == hunk.old.as_slice());
        let mut all: Vec<usize> = all.map(|(at, _)| at).collect();
        if all.len() > 1 && !hunk.inside.is_empty() {
            all.retain(|at| {
                let mut above = lines[..*at].iter().rev();
                let item = above.find(|line| line.starts_with(|c: char| c.is_ascii_alphabetic()));
                item.is_some_and(|item| item.starts_with(&hunk.inside))
            });
        }
        match all.as_slice() {
            [at] => Ok(*at),
            [] => Err(format!(
                "{}:{}: {name} has the lines of this change nowhere; the nearest are at {name}:{}",
                self.name,
                hunk.line,
                nearest(lines, &hunk.old) + 1
            )),
            all => Err(format!(
                "{}:{}: {name} has the lines of this change {} times, not once",
                self.name,
                hunk.line,
                all.len()
            )),
        }
    }
}

/// Where most of these lines are.
fn nearest(lines: &[String], old: &[String]) -> usize {
    let same = |at: &usize| {
        let pairs = lines.iter().skip(*at).zip(old);
        pairs.filter(|(line, old)| line == old).count()
    };
    // Of several such places it is the first.
    (0..lines.len()).rev().max_by_key(same).unwrap_or_default()
}
