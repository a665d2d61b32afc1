//! The card of an assignment, its hints, and its variants.
//!
//! ```text
//! title    Plus addresses
//! kind     extend                extend | repair | open | dialogue
//! level    easy                  easy 10 points, middle 20, hard 30
//! hours    2
//! chapter  4 9
//! needs    05                    other assignments, by number
//! touches  src/session/host.rs   what the solution changes: for the reader, not a limit
//! attack   kind.rs src/dot.rs    half of the points: see `attack.rs`
//! role     client                of an open assignment: client, server, mailbox, fetch
//! test     crash_points          tests that judge, too: a file of tests/, or check.rs
//! only     name_of_test          of these files, only these tests judge
//! red      1-rcpt.txt:12         where the program differs before the work, and it must be there
//! wrong    wrong-1-last.patch 1-rcpt.txt:14
//! sound    sound-words.patch     the true server, with changes that no dialogue may depend on
//! planted  planted-1-sticky.patch 1-sticky.txt:15      a server with a fault, and where the solution
//!                                finds it; or: cannot
//! keeps    all                   the tests of these chapters stay green; or: all but NAME
//! counts   whole                 a dialogue has points only if all of it is right
//! counts   tests                 the same, and each test of check.rs counts as a dialogue does
//! vary     sep + _ %             $sep$ in its files; a seed chooses, and the first is the default
//! vary     sep.name plus low per @sep.name@ is chosen together with $sep$
//! ```

use std::fs;
use std::path::{Path, PathBuf};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Extend,
    Repair,
    Open,
    Dialogue,
}

/// What an open program is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// `PROGRAM HOST PORT FROM TO...`, the text on standard input.
    Client,
    /// `PROGRAM PORT FOLDER`, and it says `listening on 127.0.0.1:PORT` first.
    Server,
    /// The same, with letters in the folder.
    Mailbox,
    /// `PROGRAM HOST PORT USER FOLDER`, the password on standard input.
    Fetch,
}

/// A typical wrong answer, and where it is found out: `1-rcpt.txt:14`, or `check.rs name_of_test`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    pub file: String,
    pub place: String,
}

#[derive(Debug, Clone)]
pub struct Card {
    pub folder: PathBuf,
    /// `02-plus`
    pub name: String,
    pub title: String,
    pub kind: Kind,
    pub level: String,
    pub hours: u32,
    pub chapters: Vec<usize>,
    pub needs: Vec<String>,
    pub touches: Vec<String>,
    pub role: Option<Role>,
    /// A file of the assignment, and the one in whose place it is in the server that is attacked.
    pub attack: Option<(String, String)>,
    pub tests: Vec<String>,
    /// Of these files, only these tests judge; if there are none, all do.
    pub only: Vec<String>,
    pub red: String,
    /// A dialogue has points only if all of it is right.
    pub counts_whole: bool,
    /// Each test of check.rs has as many points as a dialogue.
    pub counts_tests: bool,
    pub wrong: Vec<Wrong>,
    /// What changes in the true server for an assignment with faulty ones: its words, for example.
    pub sound: String,
    /// Servers with one fault each. No dialogue can find the fault whose place is `cannot`.
    pub planted: Vec<Wrong>,
    /// Tests of the chapters that need not stay green.
    pub breaks: Vec<String>,
    vary: Vec<(String, Vec<String>)>,
    seed: String,
}

/// A hint for a place, step by step.
pub struct Hint {
    pub line: usize,
    pub place: String,
    /// The line of the dialogue that is there.
    pub source: String,
    pub steps: Vec<String>,
}

/// All assignments of a project, by number.
pub fn all(root: &Path) -> Result<Vec<Card>, String> {
    let mut cards = Vec::new();
    for entry in fs::read_dir(root.join("book/coursework")).map_err(|why| why.to_string())? {
        let folder = entry.map_err(|why| why.to_string())?.path();
        if folder.is_dir() {
            cards.push(Card::read(&folder)?);
        }
    }
    cards.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(cards)
}

impl Card {
    pub fn read(folder: &Path) -> Result<Card, String> {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        let file = format!("book/coursework/{name}/card.txt");
        let text = fs::read_to_string(folder.join("card.txt"));
        let text = text.map_err(|why| format!("{file}: {why}"))?;
        let mut card = Card {
            folder: folder.to_path_buf(),
            name: name.to_string(),
            title: String::new(),
            kind: Kind::Extend,
            level: String::new(),
            hours: 0,
            chapters: Vec::new(),
            needs: Vec::new(),
            touches: Vec::new(),
            role: None,
            attack: None,
            tests: Vec::new(),
            only: Vec::new(),
            red: String::new(),
            counts_whole: false,
            counts_tests: false,
            wrong: Vec::new(),
            sound: String::new(),
            planted: Vec::new(),
            breaks: Vec::new(),
            vary: Vec::new(),
            seed: String::new(),
        };
        for (line, text) in (1..).zip(text.lines()) {
            card.take(text)
                .map_err(|why| format!("{file}:{line}: {why}"))?;
        }
        let missing = [
            ("title", card.title.is_empty()),
            ("level", card.level.is_empty()),
            ("hours", card.hours == 0),
            ("chapter", card.chapters.is_empty()),
            ("sound", card.sound.is_empty() != card.planted.is_empty()),
            ("role", (card.kind == Kind::Open) != card.role.is_some()),
        ];
        match missing.into_iter().find(|(_, is_missing)| *is_missing) {
            Some((word, _)) => Err(format!(
                "{file}:1: the line `{word}` is missing, or too much"
            )),
            None => Ok(card),
        }
    }

    fn take(&mut self, line: &str) -> Result<(), String> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let rest = rest.trim();
        let words: Vec<String> = rest.split_whitespace().map(str::to_string).collect();
        match word {
            "" => {}
            "title" => self.title = rest.to_string(),
            "kind" => {
                self.kind = match rest {
                    "extend" => Kind::Extend,
                    "repair" => Kind::Repair,
                    "open" => Kind::Open,
                    "dialogue" => Kind::Dialogue,
                    _ => return Err("a kind is extend, repair, open or dialogue".to_string()),
                }
            }
            "level" => match rest {
                "easy" | "middle" | "hard" => self.level = rest.to_string(),
                _ => return Err("a level is easy, middle or hard".to_string()),
            },
            "hours" => self.hours = rest.parse().map_err(|_| "hours are a number")?,
            "chapter" => {
                for word in &words {
                    let chapter = word.parse().map_err(|_| "a chapter is a number")?;
                    self.chapters.push(chapter);
                }
            }
            "needs" => self.needs = words,
            "touches" => self.touches.extend(words),
            "role" => {
                self.role = Some(match rest {
                    "client" => Role::Client,
                    "server" => Role::Server,
                    "mailbox" => Role::Mailbox,
                    "fetch" => Role::Fetch,
                    _ => return Err("a role is client, server, mailbox or fetch".to_string()),
                })
            }
            "attack" => match words.as_slice() {
                [file, place] => self.attack = Some((file.clone(), place.clone())),
                _ => return Err("which file is in the place of which?".to_string()),
            },
            "test" => self.tests.extend(words),
            "only" => self.only.extend(words),
            "red" => self.red = rest.to_string(),
            "counts" => match rest {
                "whole" => self.counts_whole = true,
                "tests" => (self.counts_whole, self.counts_tests) = (true, true),
                _ => return Err("`counts whole`, or `counts tests`".to_string()),
            },
            "sound" => self.sound = rest.to_string(),
            "wrong" | "planted" => {
                let (file, place) = rest.split_once(' ').ok_or("which file, and where?")?;
                let (file, place) = (file.to_string(), place.trim().to_string());
                match word {
                    "wrong" => self.wrong.push(Wrong { file, place }),
                    _ => self.planted.push(Wrong { file, place }),
                }
            }
            "keeps" => match words.split_first() {
                Some((all, rest)) if all == "all" => {
                    self.breaks = rest.iter().skip(1).cloned().collect();
                }
                _ => return Err("`keeps all`, or `keeps all but NAME...`".to_string()),
            },
            "vary" => {
                let (name, values) = words.split_first().ok_or("what varies?")?;
                if let Some((first, _)) = name.split_once('.') {
                    let first = self.vary.iter().find(|(name, _)| name == first);
                    if first.is_none_or(|(_, others)| others.len() != values.len()) {
                        return Err(format!("`{name}` follows a line with as many values"));
                    }
                }
                self.vary.push((name.clone(), values.to_vec()));
            }
            _ => return Err(format!("there is no line `{word}`")),
        }
        Ok(())
    }

    /// `02`
    pub fn number(&self) -> &str {
        self.name.split('-').next().unwrap_or(&self.name)
    }

    pub fn points(&self) -> usize {
        match self.level.as_str() {
            "easy" => 10,
            "middle" => 20,
            _ => 30,
        }
    }

    /// The page with the task.
    pub fn page(&self) -> String {
        format!("book/src/cw{}.md", self.name)
    }

    /// The same assignment, as this student has it.
    pub fn with_seed(mut self, seed: &str) -> Card {
        self.seed = seed.to_string();
        self
    }

    /// Is it without a seed?
    pub fn is_default(&self) -> bool {
        self.seed.is_empty()
    }

    /// Seeds that choose each value of its variants; if it has none, only the empty seed.
    pub fn seeds(&self) -> Vec<String> {
        let mut left: Vec<(&str, usize)> = Vec::new();
        for (name, values) in &self.vary {
            left.extend((1..values.len()).map(|value| (name.as_str(), value)));
        }
        let mut seeds = vec![String::new()];
        for number in 1..100 {
            let card = self.clone().with_seed(&format!("student{number}"));
            let before = left.len();
            left.retain(|(name, value)| {
                let count = self.vary.iter().find(|(other, _)| other == name);
                card.choice(name, count.map_or(1, |(_, values)| values.len())) != *value
            });
            if left.len() < before {
                seeds.push(card.seed);
            }
        }
        seeds
    }

    /// The names of its dialogues, in their order.
    pub fn dialogues(&self) -> Vec<String> {
        let names = fs::read_dir(&self.folder).into_iter().flatten();
        let names = names.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut names: Vec<String> = names
            .filter(|name| name.starts_with(|c: char| c.is_ascii_digit()))
            .filter(|name| name.ends_with(".txt"))
            .collect();
        let number = |name: &str| -> Option<u32> { name.split('-').next()?.parse().ok() };
        names.sort_by_key(|name| (number(name), name.clone()));
        names
    }

    /// A file of the assignment, with the values of its variant.
    pub fn text(&self, name: &str) -> Result<String, String> {
        let text = fs::read_to_string(self.file(name));
        let text = text.map_err(|why| format!("{}: {why}", self.path(name)))?;
        Ok(self.values().fold(text, |text, (name, value)| {
            text.replace(&format!("${name}$"), value)
        }))
    }

    /// What varies, and the values that this student has.
    pub fn values(&self) -> impl Iterator<Item = (&str, &str)> {
        let values = self.vary.iter();
        values.map(|(name, values)| (&**name, &*values[self.choice(name, values.len())]))
    }

    /// The place of a file of the assignment.
    pub fn file(&self, name: &str) -> PathBuf {
        match is_for_students(name) {
            true => self.folder.join(name),
            false => self.folder.join(ANSWERS).join(name),
        }
    }

    /// The same, as a message says it.
    pub fn path(&self, name: &str) -> String {
        match is_for_students(name) {
            true => format!("book/coursework/{}/{name}", self.name),
            false => format!("book/coursework/{}/{ANSWERS}/{name}", self.name),
        }
    }

    /// Which of so many values this seed chooses. Without a seed it is the first.
    fn choice(&self, name: &str, count: usize) -> usize {
        if self.seed.is_empty() {
            return 0;
        }
        let name = name.split('.').next().unwrap_or(name);
        let octets = self.seed.bytes().chain(name.bytes());
        let hash = hash(octets.chain(self.name.bytes()));
        usize::try_from(hash % count.max(1) as u64).unwrap_or_default()
    }

    /// What `hints.txt` says: `== 1-rcpt.txt:14 C: the line`, and paragraphs.
    pub fn hints(&self) -> Result<Vec<Hint>, String> {
        let text = self.text("hints.txt")?;
        let mut hints: Vec<Hint> = Vec::new();
        let mut is_new = true;
        for (line, text) in (1..).zip(text.lines()) {
            if let Some(place) = text.strip_prefix("== ") {
                let (place, source) = self.split_place(place);
                hints.push(Hint {
                    line,
                    place: place.to_string(),
                    source: source.to_string(),
                    steps: Vec::new(),
                });
                is_new = true;
            } else if text.is_empty() {
                is_new = true;
            } else {
                let Some(hint) = hints.last_mut() else {
                    let name = self.path("hints.txt");
                    return Err(format!(
                        "{name}:{line}: hints begin with `== file:line text`"
                    ));
                };
                match hint.steps.last_mut().filter(|_| !is_new) {
                    Some(step) => *step = format!("{step}\n{text}"),
                    None => hint.steps.push(text.to_string()),
                }
                is_new = false;
            }
        }
        Ok(hints)
    }

    /// The steps of the hint for a place. If it has none of its own, there may be one for all places of
    /// its kind: `server` is for `server 3`, and `yours` for a line in a file of the student's.
    pub fn steps(&self, place: &str) -> Result<Vec<String>, String> {
        let kind = place.split_once(' ').map_or("yours", |(kind, _)| kind);
        let mut hints = self.hints()?;
        let at = hints.iter().position(|hint| hint.place == place);
        let at = at.or_else(|| hints.iter().position(|hint| hint.place == kind));
        Ok(at.map_or(Vec::new(), |at| hints.swap_remove(at).steps))
    }

    /// `1-rcpt.txt:14` and the rest; the place in a test has two words.
    fn split_place<'a>(&self, text: &'a str) -> (&'a str, &'a str) {
        let is_test = !text.starts_with(|c: char| c.is_ascii_digit());
        let mut spaces = text.match_indices(' ').map(|(at, _)| at);
        match spaces.nth(usize::from(is_test)) {
            Some(at) => (&text[..at], &text[at + 1..]),
            None => (text, ""),
        }
    }
}

/// What a student should not read by accident is in this folder of the assignment.
pub const ANSWERS: &str = "answers";

/// Dialogues, the card, and tests.
fn is_for_students(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_digit()) || ["card.txt", "check.rs"].contains(&name)
}

/// FNV-1a: a number from octets.
pub fn hash(octets: impl Iterator<Item = u8>) -> u64 {
    octets.fold(0xcbf2_9ce4_8422_2325, |hash, octet| {
        (hash ^ u64::from(octet)).wrapping_mul(0x100_0000_01b3)
    })
}
