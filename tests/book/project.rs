//! The project as the checks see it: pages with their listings, source files with their anchors
//! and their chapters. All names are relative to the project's folder and written with `/`.

use std::fs;
use std::path::{Path, PathBuf};

/// A text file, for messages that name it and a line.
pub struct TextFile {
    pub name: String,
    pub lines: Vec<String>,
}

impl TextFile {
    pub fn read(root: &Path, name: &str) -> Option<TextFile> {
        let text = fs::read_to_string(root.join(name)).ok()?;
        let name = name.to_string();
        let lines = text.lines().map(str::to_string).collect();
        Some(TextFile { name, lines })
    }

    /// The lines with their numbers, from 1.
    pub fn numbered(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.lines.iter().map(String::as_str))
    }

    pub fn complaint(&self, line: usize, message: impl std::fmt::Display) -> String {
        format!("{}:{line}: {message}", self.name)
    }
}

/// What stands between three backticks and the next three.
pub struct Block {
    /// The line of the first three.
    pub line: usize,
    /// What stands behind them: `rust,ignore`.
    pub language: String,
    pub inside: Vec<(usize, String)>,
    /// Is it inside of `<details>`?
    pub folded: bool,
}

/// `{{#include path:anchor}}`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Include {
    pub line: usize,
    pub path: String,
    pub anchor: Option<String>,
}

/// The line above a listing, which says where it goes:
/// `*File: `src/line.rs`*`, or `*File: `src/line.rs`, above `pub struct Line`*`.
pub struct Caption {
    pub path: String,
    pub above: Option<String>,
}

impl Caption {
    pub fn read(text: &str) -> Option<Caption> {
        let inside = text.trim().strip_prefix("*File: `")?.strip_suffix("`*")?;
        let (path, above) = match inside.split_once("`, above `") {
            Some((path, above)) => (path, Some(above.to_string())),
            None => (inside, None),
        };
        let path = path.to_string();
        Some(Caption { path, above })
    }
}

/// The pages with the answers of one chapter each; `answers.md` includes them.
pub const ANSWERS: &str = "book/src/answers/";

/// A page of the book.
pub struct Page {
    pub file: TextFile,
    /// 2 for `ch02-line.md`.
    pub chapter: Option<usize>,
    /// `line` for `ch02-line.md`, `next_hop` for `ch15-next-hop.md`.
    pub topic: String,
    pub blocks: Vec<Block>,
    /// The lines outside of blocks.
    pub prose: Vec<(usize, String)>,
    pub broken: Vec<String>,
}

impl Page {
    fn read(root: &Path, name: &str) -> Option<Page> {
        let file = TextFile::read(root, name)?;
        let stem = name.rsplit('/').next()?.strip_suffix(".md")?;
        let numbered = stem.strip_prefix("ch").and_then(|rest| {
            let (number, topic) = rest.split_once('-')?;
            Some((number.parse().ok()?, topic))
        });
        let mut page = Page {
            chapter: numbered.map(|(number, _)| number),
            topic: numbered.map_or(stem, |(_, topic)| topic).replace('-', "_"),
            blocks: Vec::new(),
            prose: Vec::new(),
            broken: Vec::new(),
            file,
        };
        page.find_blocks();
        Some(page)
    }

    /// The same page with another text, for the tests of the rules.
    pub fn replace(&mut self, text: &str) {
        self.file.lines = text.lines().map(str::to_string).collect();
        (self.blocks, self.prose) = (Vec::new(), Vec::new());
        self.find_blocks();
    }

    /// The name inside the book's folder.
    pub fn name(&self) -> &str {
        self.file.name.trim_start_matches("book/src/")
    }

    /// The page as a reader sees it, from which the links lead: of some answers, all answers.
    pub fn shown_in(&self) -> &str {
        match self.file.name.starts_with(ANSWERS) {
            true => "book/src/answers.md",
            false => &self.file.name,
        }
    }

    /// The caption of the listing whose include is in this line. It is right above the block.
    pub fn caption(&self, line: usize) -> Option<Caption> {
        let above = |count: usize| self.file.lines.get(line.checked_sub(count + 1)?);
        let is_blank = above(2)?.trim().is_empty();
        is_blank.then(|| Caption::read(above(3)?))?
    }

    fn find_blocks(&mut self) {
        let mut open: Option<Block> = None;
        let mut folded = false;
        for (line, text) in self.file.numbered() {
            match (text.trim_start().strip_prefix("```"), open.take()) {
                (Some(language), None) => {
                    open = Some(Block {
                        line,
                        language: language.trim().to_string(),
                        inside: Vec::new(),
                        folded,
                    });
                }
                (Some(_), Some(block)) => self.blocks.push(block),
                (None, Some(mut block)) => {
                    block.inside.push((line, text.to_string()));
                    open = Some(block);
                }
                (None, None) => {
                    folded = (folded || text.contains("<details")) && !text.contains("</details>");
                    self.prose.push((line, text.to_string()));
                }
            }
        }
        if let Some(block) = open {
            let never = self.file.complaint(block.line, "this block never ends");
            self.broken.push(never);
        }
    }

    /// The listings of Rust; and of each, whether it is folded.
    pub fn listings(&self) -> Vec<(Include, bool)> {
        let blocks = self.blocks.iter();
        let blocks = blocks.filter(|block| block.language == RUST);
        let found = blocks.filter_map(|block| {
            let (line, text) = block.inside.first()?;
            Some((include(&self.file.name, *line, text)?, block.folded))
        });
        found.collect()
    }

    /// The includes in blocks of these languages.
    pub fn includes(&self, languages: &[&str]) -> Vec<Include> {
        let blocks = self.blocks.iter();
        let wanted = blocks.filter(|block| languages.contains(&block.language.as_str()));
        let lines = wanted.flat_map(|block| &block.inside);
        let found = lines.filter_map(|(line, text)| include(&self.file.name, *line, text));
        found.collect()
    }

    /// The pieces of `src/` that the page shows, in order: code, and whole texts.
    pub fn pieces(&self) -> Vec<Include> {
        let mut pieces = self.includes(&[RUST, "text"]);
        pieces.retain(|piece| piece.path.starts_with("src/"));
        pieces
    }
}

/// The language of a Rust listing: shown in colour, and left alone by `mdbook test`.
pub const RUST: &str = "rust,ignore";

/// A line of Markdown without the marks of quotations and lists before it.
pub fn unmarked(text: &str) -> &str {
    text.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '>' | '-' | '*' | '+'))
}

/// Reads a line of a page that is an include, and nothing else.
pub fn include(page: &str, line: usize, text: &str) -> Option<Include> {
    let inside = text
        .trim()
        .strip_prefix("{{#include ")?
        .strip_suffix("}}")?;
    let (path, anchor) = match inside.trim().split_once(':') {
        Some((path, anchor)) => (path, Some(anchor.to_string())),
        None => (inside.trim(), None),
    };
    let path = resolve(page, path)?;
    Some(Include { line, path, anchor })
}

/// Where a relative link leads; `None`: out of the project.
pub fn resolve(from: &str, link: &str) -> Option<String> {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in link.split('/') {
        match part {
            "." | "" => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// The lines between `ANCHOR: name` and `ANCHOR_END: name`.
pub struct Anchor {
    pub name: String,
    /// The line that opens it.
    pub line: usize,
    pub lines: Vec<(usize, String)>,
}

impl Anchor {
    pub fn holds(&self, number: usize) -> bool {
        self.lines.iter().any(|(line, _)| *line == number)
    }
}

/// Does this line open or close an anchor? mdBook looks for the word anywhere in a line.
pub fn is_anchor_line(text: &str) -> bool {
    text.contains("ANCHOR:") || text.contains("ANCHOR_END:")
}

/// Finds the anchors of a file, and what is wrong with them. `comment` is what a comment begins
/// with in such a file.
pub fn anchors(file: &TextFile, comment: &str) -> (Vec<Anchor>, Vec<String>) {
    let mut found: Vec<Anchor> = Vec::new();
    let mut wrong = Vec::new();
    let mut open: Option<Anchor> = None;
    for (number, text) in file.numbered() {
        let command = text.trim().strip_prefix(comment).map(str::trim_start);
        let begin = command.and_then(|command| command.strip_prefix("ANCHOR: "));
        let end = command.and_then(|command| command.strip_prefix("ANCHOR_END: "));
        let mut complain = |message: String| wrong.push(file.complaint(number, message));
        if let Some(name) = begin {
            let lower = |letter: char| letter == '_' || matches!(letter, 'a'..='z' | '0'..='9');
            if name.is_empty() || !name.chars().all(lower) {
                complain(format!("an anchor's name is lower_snake; `{name}` is not"));
            }
            if found.iter().any(|anchor| anchor.name == name) {
                complain(format!("there are two anchors `{name}` in this file"));
            }
            if let Some(outer) = &open {
                let (name, outer) = (name, &outer.name);
                complain(format!("anchor `{name}` begins inside `{outer}`"));
            }
            let (name, lines) = (name.to_string(), Vec::new());
            let line = number;
            found.extend(open.replace(Anchor { name, line, lines }));
        } else if let Some(name) = end {
            match open.take() {
                Some(anchor) if anchor.name == name => {
                    if anchor.lines.iter().all(|(_, line)| line.trim().is_empty()) {
                        complain(format!("anchor `{name}` is empty"));
                    }
                    found.push(anchor);
                }
                other => {
                    complain(format!("anchor `{name}` ends here, and was not open"));
                    open = other;
                }
            }
        } else if is_anchor_line(text) {
            complain(format!(
                "an anchor's line is `{comment} ANCHOR: name`, and that is all"
            ));
        } else if let Some(anchor) = &mut open {
            anchor.lines.push((number, text.to_string()));
        }
    }
    if let Some(anchor) = open {
        let message = format!("anchor `{}` is never closed", anchor.name);
        wrong.push(file.complaint(anchor.line, message));
        found.push(anchor);
    }
    (found, wrong)
}

/// A file of `src/`: code, or a text that the code includes.
pub struct Source {
    pub file: TextFile,
    /// `protocol::line`; empty for `lib.rs` and `main.rs`; of a text, the module of its folder.
    pub module: String,
    /// The first chapter that the heading names, if the file has a heading of its own.
    pub heading: Option<usize>,
    /// The chapter it belongs to: its own heading's, or that of the module it is in.
    pub chapter: usize,
    pub anchors: Vec<Anchor>,
    pub broken: Vec<String>,
}

impl Source {
    fn read(root: &Path, name: &str) -> Option<Source> {
        let file = TextFile::read(root, name)?;
        let path = name.strip_prefix("src/")?;
        let Some(path) = path.strip_suffix(".rs") else {
            let (module, _) = path.rsplit_once('/').unwrap_or_default();
            return Some(Source::of_text(file, &module.replace('/', "::")));
        };
        let module = match path {
            "lib" | "main" => String::new(),
            path => path.replace('/', "::"),
        };
        let title = file.lines.iter().find(|line| line.starts_with("//! # "));
        let heading = title.and_then(|title| {
            let (_, numbers) = title.split_once("(chapter")?;
            let numbers = numbers.trim_start_matches('s').trim_start();
            let end = numbers.find(|c: char| !c.is_ascii_digit())?;
            numbers.get(..end)?.parse().ok()
        });
        let (anchors, broken) = anchors(&file, "//");
        Some(Source {
            file,
            module,
            heading,
            chapter: 0,
            anchors,
            broken,
        })
    }

    /// A text has no anchors: the program would show them. It is one piece, whose name is empty.
    fn of_text(file: TextFile, module: &str) -> Source {
        let lines = file.numbered();
        let lines = lines.map(|(number, line)| (number, line.to_string()));
        let whole = Anchor {
            name: String::new(),
            line: 1,
            lines: lines.collect(),
        };
        Source {
            file,
            module: module.to_string(),
            heading: None,
            chapter: 0,
            anchors: vec![whole],
            broken: Vec::new(),
        }
    }

    pub fn is_text(&self) -> bool {
        self.file.name.ends_with(".txt")
    }

    /// The anchor that holds this line.
    pub fn anchor_at(&self, line: usize) -> Option<&Anchor> {
        self.anchors.iter().find(|anchor| anchor.holds(line))
    }
}

/// What a line like `pub mod name;` declares.
pub fn declared(line: &str) -> Option<&str> {
    let (before, name) = line.trim().strip_suffix(';')?.rsplit_once("mod ")?;
    let visible = before.is_empty() || before.starts_with("pub");
    visible.then_some(name)
}

/// The book and the code.
pub struct Project {
    pub root: PathBuf,
    pub pages: Vec<Page>,
    pub sources: Vec<Source>,
}

impl Project {
    pub fn read(root: &Path) -> Project {
        let mut pages: Vec<Page> = files(root, "book/src", "md")
            .iter()
            .filter_map(|name| Page::read(root, name))
            .collect();
        // In the order of reading: the chapters, and then the others.
        pages.sort_by_key(|page| page.chapter.unwrap_or(usize::MAX));
        let mut names = files(root, "src", "rs");
        names.extend(files(root, "src", "txt"));
        let mut sources: Vec<Source> = names
            .iter()
            .filter_map(|name| Source::read(root, name))
            .collect();
        let headings: Vec<(String, usize)> = sources
            .iter()
            .filter_map(|source| Some((source.module.clone(), source.heading?)))
            .collect();
        let all = || headings.iter().map(|(_, chapter)| *chapter);
        for source in &mut sources {
            let above = headings.iter().filter(|(module, _)| {
                let rest = source.module.strip_prefix(module.as_str());
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
            });
            let nearest = above.max_by_key(|(module, _)| module.len());
            source.chapter = match (nearest, source.file.name.as_str()) {
                (Some((_, chapter)), _) => *chapter,
                (None, "src/main.rs") => all().max().unwrap_or(0),
                (None, _) => all().min().unwrap_or(0),
            };
        }
        Project {
            root: root.to_path_buf(),
            pages,
            sources,
        }
    }

    pub fn has(&self, name: &str) -> bool {
        self.root.join(name).is_file()
    }

    pub fn page(&self, chapter: usize) -> Option<&Page> {
        let mut pages = self.pages.iter();
        pages.find(|page| page.chapter == Some(chapter))
    }

    pub fn source(&self, name: &str) -> Option<&Source> {
        let mut sources = self.sources.iter();
        sources.find(|source| source.file.name == name)
    }

    /// The chapter that has to show a line: that of the file, but `mod x;` belongs to x.
    pub fn chapter_of(&self, source: &Source, line: &str) -> usize {
        let child = declared(line).and_then(|name| {
            let module = match source.module.as_str() {
                "" => name.to_string(),
                parent => format!("{parent}::{name}"),
            };
            let mut sources = self.sources.iter();
            sources.find(|source| source.module == module)
        });
        child.map_or(source.chapter, |child| child.chapter)
    }
}

/// The files below a folder whose names end with `.extension`, or all, sorted.
pub fn files(root: &Path, folder: &str, extension: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root.join(folder))
        .into_iter()
        .flatten()
        .flatten()
    {
        let name = format!("{folder}/{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            found.extend(files(root, &name, extension));
        } else if extension.is_empty() || name.ends_with(&format!(".{extension}")) {
            found.push(name);
        }
    }
    found.sort();
    found
}
