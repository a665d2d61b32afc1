//! Rule 4, first half. No conversation and no terminal session is written into a page: each is a
//! file, and each file is shown. (That they happen is for `dialogues` and `terminals`.)

use crate::project::{Include, Project, TextFile, anchors, files, is_anchor_line, unmarked};
use std::collections::{BTreeMap, BTreeSet};

/// What kinds there are: the languages of the blocks, and the folder of the files.
const KINDS: [(&[&str], &str); 2] = [
    (&["smtp", "pop3"], "book/dialogues"),
    (&["console"], "book/terminal"),
];

pub fn are_files(project: &Project) -> Vec<String> {
    let mut wrong = Vec::new();
    for page in &project.pages {
        for (line, text) in &page.prose {
            let text = unmarked(text);
            if text.starts_with("C: ") || text.starts_with("S: ") {
                wrong.push(page.file.complaint(*line, INLINE));
            }
        }
    }
    for (languages, folder) in KINDS {
        wrong.extend(shown(project, languages, folder));
    }
    wrong
}

const INLINE: &str = "a conversation is included from book/dialogues or book/terminal, where it is \
                      played; here it could be wrong";

/// The includes of one kind lead into its folder, and each file and each anchor there is shown.
fn shown(project: &Project, languages: &[&str], folder: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    let mut reached = BTreeMap::new();
    for page in &project.pages {
        for include in page.includes(languages) {
            // The dialogues of the coursework are played by its own tests.
            if include.path.starts_with("book/coursework/") && project.has(&include.path) {
                continue;
            }
            if let Some(why) = unfit(project, &include, folder) {
                wrong.push(page.file.complaint(include.line, why));
            }
            // What is shown in another order did not happen.
            let place = anchor_line(project, &include);
            if reached.insert(include.path.clone(), place) >= Some(place) {
                let message = "this comes before what was shown of this file last";
                wrong.push(page.file.complaint(include.line, message));
            }
            seen.insert((include.path, include.anchor));
        }
    }
    for name in files(&project.root, folder, "txt") {
        let Some(file) = TextFile::read(&project.root, &name) else {
            continue;
        };
        let (anchors, broken) = anchors(&file, "#");
        wrong.extend(broken);
        for anchor in &anchors {
            if !seen.contains(&(name.clone(), Some(anchor.name.clone()))) {
                let message = format!("`{}` is shown on no page", anchor.name);
                wrong.push(file.complaint(anchor.line, message));
            }
        }
        if anchors.is_empty() && !seen.contains(&(name, None)) {
            wrong.push(file.complaint(1, "this file is shown on no page"));
        }
    }
    wrong
}

/// The line where the piece begins that is included.
fn anchor_line(project: &Project, include: &Include) -> usize {
    let file = TextFile::read(&project.root, &include.path);
    let anchors = file.map_or(Vec::new(), |file| anchors(&file, "#").0);
    let mut anchors = anchors.iter();
    let anchor = anchors.find(|anchor| Some(&anchor.name) == include.anchor.as_ref());
    anchor.map_or(0, |anchor| anchor.line)
}

fn unfit(project: &Project, include: &Include, folder: &str) -> Option<String> {
    let Include { path, anchor, .. } = include;
    if !path.starts_with(folder) {
        return Some(format!("what stands here is a file of {folder}"));
    }
    let Some(file) = TextFile::read(&project.root, path) else {
        return Some(format!("there is no file {path}"));
    };
    match anchor {
        // mdBook would show the anchors' own lines.
        None => file
            .lines
            .iter()
            .any(|line| is_anchor_line(line))
            .then(|| format!("{path} has anchors, so it is shown by anchor")),
        Some(name) => {
            let (anchors, _) = anchors(&file, "#");
            let count = anchors.iter().filter(|anchor| anchor.name == *name).count();
            (count != 1).then(|| format!("{path} has {count} anchors `{name}`"))
        }
    }
}
