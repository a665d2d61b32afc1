//! Rule 4, first half. No conversation and no terminal session is written into a page: each is a
//! file, and each file is shown. (That they happen is for `dialogues` and `terminals`.)

use crate::project::{Block, Include, Page, Project, TextFile, anchors, files, is_anchor_line};
use std::collections::BTreeSet;

/// What kinds there are: the languages of the blocks, and the folder of the files.
const KINDS: [(&[&str], &str); 2] = [
    (&["smtp", "pop3"], "book/dialogues"),
    (&["console"], "book/terminal"),
];

pub fn are_files(project: &Project) -> Vec<String> {
    let mut wrong = Vec::new();
    for page in &project.pages {
        let texts = page.blocks.iter().filter(|block| block.language == "text");
        wrong.extend(texts.flat_map(|block| conversation_inside(page, block)));
        for (line, text) in &page.prose {
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

/// A line that a server, a client or a terminal would say.
fn conversation_inside(page: &Page, block: &Block) -> Option<String> {
    let is_said = |text: &str| {
        let reply = text
            .get(..3)
            .is_some_and(|code| code.bytes().all(|c| c.is_ascii_digit()))
            && matches!(text.as_bytes().get(3), Some(b' ' | b'-'));
        let prompts = [
            "C:",
            "S:",
            "$ ",
            "+OK",
            "-ERR",
            "EHLO ",
            "HELO ",
            "MAIL FROM:",
            "RCPT TO:",
        ];
        reply || prompts.iter().any(|prompt| text.starts_with(prompt))
    };
    let mut lines = block.inside.iter();
    let (line, _) = lines.find(|(_, text)| is_said(text.trim_start()))?;
    Some(page.file.complaint(*line, INLINE))
}

/// The includes of one kind lead into its folder, and each file and each anchor there is shown.
fn shown(project: &Project, languages: &[&str], folder: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    for page in &project.pages {
        for include in page.includes(languages) {
            if let Some(why) = unfit(project, &include, folder) {
                wrong.push(page.file.complaint(include.line, why));
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
        if of_unwritten(project, &name) {
            continue;
        }
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

/// Does a file such as `book/dialogues/09-order.txt` wait for its chapter?
pub fn of_unwritten(project: &Project, name: &str) -> bool {
    let number = name
        .rsplit('/')
        .next()
        .and_then(|name| name.split('-').next());
    let chapter = number.and_then(|number| number.parse().ok());
    chapter.is_some_and(|chapter| project.unwritten(chapter))
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
