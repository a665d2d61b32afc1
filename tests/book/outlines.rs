//! The outline of a chapter: the public names of its modules, as `book/outlines/ch02.txt`. It is
//! made from the code, and each chapter shows its own.

use crate::project::{Page, Project, Source, TextFile, declared, is_anchor_line};
use std::collections::BTreeSet;
use std::fs;

/// So wide is a listing in the book.
const COLUMNS: usize = 88;

/// Makes all files that are made from others anew, instead of comparing them.
const WRITE: &str = "WRITE";

/// Every outline is what the code says, and shown at the end of its chapter.
pub fn are_true_and_shown(project: &Project) -> Vec<String> {
    let mut wrong = Vec::new();
    for page in &project.pages {
        let Some(chapter) = page.chapter.filter(|chapter| *chapter > 1) else {
            continue;
        };
        let name = name(chapter);
        wrong.extend(is_up_to_date(project, &name, &outline(project, chapter)));
        wrong.extend(is_shown(page, &name));
    }
    wrong
}

fn name(chapter: usize) -> String {
    format!("book/outlines/ch{chapter:02}.txt")
}

/// Compares a file that is made from others; with WRITE=1, writes it.
pub fn is_up_to_date(project: &Project, name: &str, due: &str) -> Option<String> {
    let is_ours = project.root.as_os_str() == env!("CARGO_MANIFEST_DIR");
    let path = project.root.join(name);
    if is_ours && std::env::var_os(WRITE).is_some() {
        fs::create_dir_all(path.parent()?).expect("a folder");
        fs::write(path, due).expect("a file");
        return None;
    }
    let written = fs::read_to_string(path).unwrap_or_default();
    let mut lines = (1..).zip(written.lines().map(Some).chain([None]));
    let mut due = due.lines().map(Some).chain([None]);
    let (line, _) = lines.find(|(_, line)| due.next() != Some(*line))?;
    let message = format!("this is old; write it anew: {WRITE}=1 cargo test --test book");
    Some(format!("{name}:{line}: {message}"))
}

/// The outline belongs below `## In short`.
fn is_shown(page: &Page, name: &str) -> Option<String> {
    let mut headings = page.prose.iter();
    let mut headings = headings
        .by_ref()
        .filter(|(_, text)| text.starts_with("## "));
    let (begin, _) = headings.find(|(_, text)| text == "## In short")?;
    let end = headings.next().map_or(usize::MAX, |(line, _)| *line);
    let mut shown = page.includes(&["text"]).into_iter();
    let is_there = shown.any(|shown| shown.path == name && (*begin..end).contains(&shown.line));
    let message = format!("below this heading the outline is shown: {name}");
    (!is_there).then(|| page.file.complaint(*begin, message))
}

/// How the line with the traits of a type begins.
const TRAITS: &str = "    impl ";

/// An item of a file: its name, and the lines that it has in the outline.
struct Item {
    name: String,
    lines: Vec<String>,
}

fn outline(project: &Project, chapter: usize) -> String {
    let sources = project.sources.iter();
    let sources = sources.filter(|source| source.chapter == chapter && !source.is_text());
    let sources: Vec<&Source> = sources.collect();
    let mut files: Vec<(String, Vec<Item>)> = Vec::new();
    for source in &sources {
        let items = items(&source.file, &visible(project, source));
        files.push((source.file.name.clone(), items));
    }
    for source in &sources {
        for (name, members) in members(&source.file) {
            let has =
                |(_, items): &&(String, Vec<Item>)| items.iter().any(|item| item.name == name);
            let Some((of_type, _)) = files.iter().find(has) else {
                continue;
            };
            let is_elsewhere = *of_type != source.file.name;
            let (own, there): (Vec<_>, Vec<_>) = members
                .into_iter()
                .partition(|member| is_elsewhere && !member.starts_with(TRAITS));
            // What another file adds to the type is shown there.
            let mut here = files.iter_mut();
            if let Some((_, items)) = here.find(|(file, _)| *file == source.file.name)
                && !own.is_empty()
            {
                let name = format!("impl {name}");
                let lines = [vec![name.clone()], own].concat();
                items.push(Item { name, lines });
            }
            let mut items = files.iter_mut().flat_map(|(_, items)| items);
            let Some(item) = items.find(|item| item.name == name) else {
                continue;
            };
            for member in there {
                let of_trait = member.strip_prefix(TRAITS);
                let known = item.lines.iter_mut().find(|line| line.starts_with(TRAITS));
                match (of_trait, known) {
                    (Some(of_trait), Some(line)) => *line += &format!(", {of_trait}"),
                    _ => item.lines.push(member),
                }
            }
        }
    }
    files.retain(|(_, items)| !items.is_empty());
    let mut text = String::new();
    for (name, items) in files {
        if !text.is_empty() {
            text += "\n";
        }
        text += &format!("{name}\n");
        let mut was_short = false;
        for item in items {
            // Constants and functions that follow each other need no space between them.
            let is_short = item.lines.len() == 1;
            if !(was_short && is_short) {
                text += "\n";
            }
            was_short = is_short;
            for line in item.lines {
                text += &format!("{line}\n");
            }
        }
    }
    text
}

/// Which names of a file can be seen from outside: `None`, all that are `pub`.
fn visible(project: &Project, source: &Source) -> Option<BTreeSet<String>> {
    let (parent, own) = source.module.rsplit_once("::")?;
    let mut sources = project.sources.iter();
    let parent = sources.find(|source| source.module == parent)?;
    let mut lines = parent.file.lines.iter();
    let declares = |line: &&String| declared(line) == Some(own);
    if lines.find(declares)?.starts_with("pub mod") {
        return None;
    }
    let text = code(&parent.file).join(" ");
    let begin = format!("pub use {own}::");
    let used = text.split(&begin).skip(1);
    let used = used.filter_map(|rest| Some(rest.split_once(';')?.0));
    let names = used.flat_map(|names| names.split(['{', '}', ',', ' ']));
    Some(names.map(str::to_string).collect())
}

/// The lines of a file without remarks, attributes and anchors.
fn code(file: &TextFile) -> Vec<&str> {
    let lines = file.lines.iter().map(String::as_str);
    let is_code = |line: &&str| {
        let text = line.trim_start();
        !is_anchor_line(text) && !text.starts_with("//") && !text.starts_with("#[")
    };
    let lines = lines.filter(is_code);
    lines
        .map(|line| line.split(" // ").next().unwrap_or(line))
        .collect()
}

/// The public items of a file, without the methods.
fn items(file: &TextFile, visible: &Option<BTreeSet<String>>) -> Vec<Item> {
    let code = code(file);
    let mut items = Vec::new();
    for (at, line) in code.iter().enumerate() {
        let Some(rest) = line.strip_prefix("pub ") else {
            continue;
        };
        let mut words = rest.split(|c: char| !c.is_alphanumeric() && c != '_');
        let kind = words.next().unwrap_or_default();
        let name = words.next().unwrap_or_default().to_string();
        if visible
            .as_ref()
            .is_some_and(|visible| !visible.contains(&name))
        {
            continue;
        }
        let whole = &code[at..];
        let head = || vec![before(rest, &[" {", "(", ";"]).to_string()];
        let lines = match kind {
            "fn" => signature("", whole),
            "const" | "type" => constant("", whole),
            "trait" => {
                let mut lines = head();
                lines.extend(functions(body(whole), "fn "));
                lines
            }
            "enum" => {
                let mut lines = head();
                lines.extend(filled(&parts(&joined(body(whole)))));
                lines
            }
            "struct" => {
                let mut lines = head();
                let fields = parts(&joined(body(whole)));
                let fields = fields.iter().filter_map(|field| field.strip_prefix("pub "));
                lines.extend(filled(&fields.map(str::to_string).collect::<Vec<_>>()));
                lines
            }
            _ => continue,
        };
        items.push(Item { name, lines });
    }
    items
}

/// What the `impl` blocks of a file add to each type.
fn members(file: &TextFile) -> Vec<(String, Vec<String>)> {
    let code = code(file);
    let mut found = Vec::new();
    for (at, line) in code.iter().enumerate() {
        let Some(rest) = line.strip_prefix("impl") else {
            continue;
        };
        // The type's name comes after `impl`, or `impl<S: Stream>`, and before its own `<`.
        let rest = match rest.starts_with('<') {
            true => rest.split_once("> ").map_or(rest, |(_, rest)| rest),
            false => rest.trim_start(),
        };
        let (of_trait, rest) = match rest.split_once(" for ") {
            Some((of_trait, rest)) => (Some(of_trait), rest),
            None => (None, rest),
        };
        let name = before(rest, &["<", " "]).to_string();
        let members = match of_trait {
            Some(of_trait) => {
                let of_trait = match of_trait.rsplit_once("::") {
                    Some((_, name)) if !of_trait.contains('<') => name,
                    _ => of_trait,
                };
                vec![format!("{TRAITS}{of_trait}")]
            }
            None => functions(body(&code[at..]), "pub "),
        };
        found.push((name, members));
    }
    found
}

/// The functions and constants in a body that begin so.
fn functions(body: &[&str], begin: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, line) in body.iter().enumerate() {
        let inside = line
            .strip_prefix("    ")
            .filter(|line| line.starts_with(begin));
        match inside.map(|line| line.trim_start_matches("pub ")) {
            Some(line) if line.starts_with("const ") && !line.starts_with("const fn") => {
                found.extend(constant("    ", &body[at..]));
            }
            Some(_) => found.extend(signature("    ", &body[at..])),
            None => {}
        }
    }
    found
}

/// The lines after the first, up to the `}` in the first column.
fn body<'a, 'b>(code: &'a [&'b str]) -> &'a [&'b str] {
    let is_short = code[0].ends_with([';', '}']);
    let end = code.iter().position(|line| *line == "}");
    match end.filter(|_| !is_short) {
        Some(end) => &code[1..end],
        None => &[],
    }
}

/// The text before the first of these.
fn before<'a>(text: &'a str, ends: &[&str]) -> &'a str {
    let found = ends.iter().filter_map(|end| text.find(end)).min();
    &text[..found.unwrap_or(text.len())]
}

/// Lines as one, with the spaces that it would have then.
fn joined(lines: &[&str]) -> String {
    let lines: Vec<&str> = lines.iter().map(|line| line.trim()).collect();
    let text = lines.join(" ");
    text.replace("( ", "(")
        .replace(", )", ")")
        .replace(" )", ")")
}

/// Splits at the commas that are in no brackets.
fn parts(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut depth = 0;
    let mut last = ' ';
    for c in text.chars() {
        match c {
            '(' | '[' | '{' | '<' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            '>' if last != '-' => depth -= 1,
            _ => {}
        }
        last = c;
        match (c, parts.last_mut()) {
            (',', _) if depth == 0 => parts.push(String::new()),
            (c, Some(part)) => part.push(c),
            (_, None) => {}
        }
    }
    let parts = parts.iter().map(|part| part.trim().to_string());
    parts.filter(|part| !part.is_empty()).collect()
}

/// The parts with commas, in as few lines as hold them.
fn filled(parts: &[String]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for (at, part) in parts.iter().enumerate() {
        let comma = if at + 1 < parts.len() { "," } else { "" };
        match lines.last_mut() {
            Some(line) if line.len() + part.len() + 2 <= COLUMNS => {
                *line += &format!(" {part}{comma}");
            }
            _ => lines.push(format!("    {part}{comma}")),
        }
    }
    lines
}

/// `fn name(argument: Type) -> Type`; each argument has a line if it would be too long.
fn signature(indent: &str, code: &[&str]) -> Vec<String> {
    let ends = |line: &&str| line.ends_with(['{', ';', '}']);
    let end = code.iter().position(ends).unwrap_or_default();
    let text = joined(&code[..=end]);
    let text = text.trim_start_matches("pub ");
    let text = before(text, &[" {", ";"]);
    if indent.len() + text.len() <= COLUMNS {
        return vec![format!("{indent}{text}")];
    }
    let (head, rest) = text.split_once('(').unwrap_or((text, ""));
    // The `)` that closes the arguments may have others inside, as in `impl FnMut(A) -> B`.
    let (arguments, tail) = rest.split_at(closing(rest));
    let tail = tail.trim_start_matches(')');
    let mut lines = vec![format!("{indent}{head}(")];
    for argument in parts(arguments) {
        lines.push(format!("{indent}    {argument},"));
    }
    lines.push(format!("{indent}){tail}"));
    lines
}

/// Where the bracket is closed that was opened before this text.
fn closing(text: &str) -> usize {
    let mut depth = 0;
    let is_end = |(_, c): &(usize, char)| {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        depth < 0
    };
    let end = text.char_indices().find(is_end);
    end.map_or(text.len(), |(at, _)| at)
}

/// `const NAME: Type = value`, without the value if it is long.
fn constant(indent: &str, code: &[&str]) -> Vec<String> {
    let end = code.iter().position(|line| line.ends_with(';'));
    let text = joined(&code[..=end.unwrap_or_default()]);
    let text = text.trim_start_matches("pub ").trim_end_matches(';');
    let text = match indent.len() + text.len() <= COLUMNS {
        true => text,
        false => before(text, &[" = "]),
    };
    vec![format!("{indent}{text}")]
}

#[test]
fn a_bracket_inside_the_arguments_does_not_end_them() {
    let long = "a_function_with_a_long_name_that_fills_its_line_to_the_last_column";
    let head = format!("pub fn {long}(visit: impl FnMut(u8) -> bool, last: (u8, u8))");
    let lines = |code: &str| signature("", &[code]).join("\n");
    let arguments = "visit: impl FnMut(u8) -> bool,\n    last: (u8, u8),";
    let due = format!("fn {long}(\n    {arguments}\n)");
    assert_eq!(lines(&format!("{head} {{")), due);
    assert_eq!(
        lines(&format!("{head} -> (u8) {{")),
        format!("{due} -> (u8)")
    );
}
