//! Which function answered? The one that holds the words of the answer.

use crate::project::{Project, TextFile};

/// Where an answer can come from, the nearest first.
pub const SMTP: &[&str] = &[
    "src/session.rs",
    "src/session/",
    "src/server.rs",
    "src/protocol/command",
    "src/protocol/address",
];
pub const POP3: &[&str] = &["src/pop3/session.rs", "src/pop3.rs"];

/// The verbs whose functions have another name.
const FUNCTIONS: [(&str, &str); 2] = [("EHLO", "hello"), ("HELO", "hello")];

/// The words of a string in the code: `{}` in it is any text.
struct Words {
    pattern: String,
    place: Place,
}

#[derive(Clone)]
struct Place {
    file: String,
    /// The function or constant around it.
    name: String,
}

pub struct Places(Vec<Words>);

impl Places {
    pub fn of(project: &Project, files: &[&str]) -> Places {
        let mut found = Vec::new();
        for beginning in files {
            let sources = project.sources.iter().map(|source| &source.file);
            let here = |file: &&TextFile| {
                file.name.starts_with(*beginning) && !file.name.ends_with(".txt")
            };
            sources.filter(here).for_each(|file| find(file, &mut found));
        }
        // The words of a constant are said where it is used.
        let uses: Vec<Words> = found
            .iter()
            .flat_map(|words| used(project, files, words))
            .collect();
        found.extend(uses);
        Places(found)
    }

    /// Where the answer to a command comes from: the file and the function.
    pub fn of_answer(&self, command: &str, answer: &str) -> Option<String> {
        let is_coded = answer.starts_with(|c: char| c.is_ascii_digit());
        let text = if is_coded { answer.get(4..)? } else { answer }.trim_end();
        let verb = command
            .split_whitespace()
            .next()
            .unwrap_or_default()
            .to_ascii_uppercase();
        let renamed = FUNCTIONS.iter().find(|(name, _)| *name == verb);
        let function = renamed.map_or(verb.to_ascii_lowercase(), |(_, function)| {
            function.to_string()
        });
        // The server's name may come before the words (RFC 5321 §4.2.3), or `+OK`.
        let unnamed = text.split_once(' ').map_or("", |(_, rest)| rest);
        let fitting = |text: &str| -> Vec<&Words> {
            self.0
                .iter()
                .filter(|words| is_like(&words.pattern, text))
                .collect()
        };
        let mut fitting = [fitting(text), fitting(unnamed)].concat();
        // Of several the one of the verb, then the one that says most of it.
        fitting.sort_by_key(|words| {
            let literal = words.pattern.split("{}").map(str::len).sum::<usize>();
            let name = last(&words.place.name);
            let is_constant = name.starts_with(char::is_uppercase);
            (name != function, usize::MAX - literal, is_constant)
        });
        // Where nobody has written the words, the verb tells.
        let all = || {
            self.0
                .iter()
                .find(|words| last(&words.place.name) == function)
        };
        let place = &fitting.first().copied().or_else(all)?.place;
        Some(format!("{} {}", place.file, place.name))
    }
}

/// The function or constant that each line belongs to, with its type: `Session::rcpt`.
fn names(file: &TextFile) -> Vec<String> {
    let (mut of, mut name) = (String::new(), String::new());
    let lines = file.lines.iter().map(|line| {
        if line == "}" {
            of.clear();
        }
        if let Some(implemented) = line.strip_prefix("impl") {
            let implemented = implemented.trim_end_matches(" {");
            let named = implemented.rsplit(' ').next().unwrap_or_default();
            of = named.split('<').next().unwrap_or_default().to_string() + "::";
        }
        if let Some(defined) = defined(line) {
            name = format!("{of}{defined}");
        }
        name.clone()
    });
    lines.collect()
}

fn find(file: &TextFile, found: &mut Vec<Words>) {
    for (line, name) in file.lines.iter().zip(names(file)) {
        if line.trim_start().starts_with("//") {
            continue;
        }
        for string in strings(line) {
            for pattern in string.split("\\n") {
                let pattern = any_text(pattern);
                if pattern.split("{}").map(str::len).sum::<usize>() >= 2 {
                    let (file, name) = (file.name.clone(), name.clone());
                    let place = Place { file, name };
                    found.push(Words { pattern, place });
                }
            }
        }
    }
}

/// The function or constant that begins in this line.
fn defined(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let line = match line.split_once(") ") {
        Some(("pub(super" | "pub(crate", rest)) => rest,
        _ => line.strip_prefix("pub ").unwrap_or(line),
    };
    let rest = line
        .strip_prefix("fn ")
        .or_else(|| line.strip_prefix("const "))?;
    rest.split(|c: char| !c.is_alphanumeric() && c != '_')
        .next()
}

/// The line in which a function or constant begins.
pub fn line_of(file: &TextFile, name: &str) -> Option<usize> {
    let at = names(file).iter().position(|it| it == name)?;
    Some(at + 1)
}

/// `rcpt` of `Session::rcpt`.
fn last(name: &str) -> &str {
    name.rsplit(':').next().unwrap_or_default()
}

/// What is between quotes.
fn strings(line: &str) -> Vec<String> {
    let (mut found, mut open, mut escaped) = (Vec::new(), None, false);
    for c in line.chars() {
        match (&mut open, c) {
            (None, '"') => open = Some(String::new()),
            (Some(text), '"') if !escaped => found.push(std::mem::take(text)),
            (Some(text), c) => text.push(c),
            (None, _) => {}
        }
        if c == '"' && !escaped && open.as_deref() == Some("") && found.last().is_some() {
            open = None;
        }
        escaped = c == '\\' && !escaped;
    }
    found
}

/// `{name}` becomes `{}`.
fn any_text(string: &str) -> String {
    let mut parts = string.split('{');
    let mut pattern = parts.next().unwrap_or_default().to_string();
    for part in parts {
        let (_, rest) = part.split_once('}').unwrap_or_default();
        pattern = pattern + "{}" + rest;
    }
    pattern
}

fn is_like(pattern: &str, text: &str) -> bool {
    match pattern.split_once("{}") {
        None => pattern == text,
        Some((literal, rest)) => text.strip_prefix(literal).is_some_and(|text| {
            let mut cuts = text.char_indices().map(|(at, _)| at).chain([text.len()]);
            cuts.any(|at| is_like(rest, &text[at..]))
        }),
    }
}

/// The functions that use a constant, with its words in its place.
fn used(project: &Project, files: &[&str], constant: &Words) -> Vec<Words> {
    let name = &constant.place.name;
    let mut found = Vec::new();
    let sources = project.sources.iter().map(|source| &source.file);
    let mut lines = sources.flat_map(|file| &file.lines);
    let constant_of = format!("const {name}: &str = ");
    if !lines.any(|line| line.contains(&constant_of)) {
        return found;
    }
    let sources = project.sources.iter().map(|source| &source.file);
    for file in sources.filter(|file| files.iter().any(|it| file.name.starts_with(it))) {
        for (line, within) in file.lines.iter().zip(names(file)) {
            let is_use = within != *name && line.contains(name.as_str()) && !line.contains("use ");
            if !is_use {
                continue;
            }
            let inside = strings(line)
                .into_iter()
                .find(|string| string.contains(name.as_str()));
            let pattern = match inside {
                Some(string) => {
                    any_text(&string.replace(&format!("{{{name}}}"), &constant.pattern))
                }
                None => constant.pattern.clone(),
            };
            let place = Place {
                file: file.name.clone(),
                name: within,
            };
            found.push(Words { pattern, place });
        }
    }
    found
}
