//! Rule 7, the one rule of the house: the order of the modules is the order of the chapters, and a
//! module uses only itself and modules before it.

use crate::project::{Project, Source, declared};

/// The modules are declared in the order of their chapters, and look only back.
pub fn only_backwards(project: &Project) -> Vec<String> {
    let mut order = Vec::new();
    let mut wrong = Vec::new();
    if let Some(root) = project.source("src/lib.rs") {
        declare(project, root, &mut order, &mut wrong);
    }
    for source in &project.sources {
        let text: Vec<(usize, String)> = source
            .file
            .numbered()
            .map(|(number, line)| (number, without_comment(line).to_string()))
            .collect();
        // `main.rs` stands at the end and may use all.
        let Some(own) = place(&order, &source.module) else {
            continue;
        };
        for (line, path) in paths(&text) {
            let path = absolute(&source.module, &path);
            if place(&order, &path).is_some_and(|used| used > own) {
                let message = format!("{} comes before {path}, and cannot use it", source.module);
                wrong.push(source.file.complaint(line, message));
            }
        }
    }
    wrong
}

/// Walks the modules that have a chapter, in the order in which they are declared.
fn declare(project: &Project, parent: &Source, order: &mut Vec<String>, wrong: &mut Vec<String>) {
    let mut last = 0;
    for (number, line) in parent.file.numbered() {
        let Some(name) = declared(line) else { continue };
        let module = match parent.module.as_str() {
            "" => name.to_string(),
            above => format!("{above}::{name}"),
        };
        let mut sources = project.sources.iter();
        let child = sources.find(|source| source.module == module);
        let Some((child, chapter)) = child.and_then(|child| Some((child, child.heading?))) else {
            if parent.heading.is_none() {
                let message = format!("the heading of {module} names no (chapter N)");
                wrong.push(parent.file.complaint(number, message));
            }
            continue;
        };
        if chapter < last {
            let message = format!("{module} is chapter {chapter}, and comes after chapter {last}");
            wrong.push(parent.file.complaint(number, message));
        }
        last = chapter;
        order.push(module);
        declare(project, child, order, wrong);
    }
}

/// Where a module stands in the order, or the innermost one with a chapter that it is in.
fn place(order: &[String], path: &str) -> Option<usize> {
    let above = order.iter().enumerate().filter(|(_, module)| {
        let rest = path.strip_prefix(module.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    });
    let innermost = above.max_by_key(|(_, module)| module.len());
    innermost.map(|(place, _)| place)
}

fn without_comment(line: &str) -> &str {
    line.split_once("//").map_or(line, |(code, _)| code)
}

/// All paths that begin with `crate::`, `super::` or `smtp_primer::`, those in braces one by one.
fn paths(lines: &[(usize, String)]) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (at, (number, line)) in lines.iter().enumerate() {
        for word in ["crate::", "super::", "smtp_primer::"] {
            for (start, _) in line.match_indices(word) {
                // `super::super::` is found once, from its beginning.
                if line[..start].ends_with("::") || line[..start].ends_with(char::is_alphanumeric) {
                    continue;
                }
                let mut text = line[start..].to_string();
                for (_, more) in &lines[at + 1..] {
                    if text.matches('{').count() <= text.matches('}').count() {
                        break;
                    }
                    text += more.trim();
                }
                found.extend(expand(&text).into_iter().map(|path| (*number, path)));
            }
        }
    }
    found
}

/// `a::{b, c::{d, e}}` is `a::b`, `a::c::d` and `a::c::e`.
fn expand(text: &str) -> Vec<String> {
    let of_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let end = text.find(|c| !of_path(c)).unwrap_or(text.len());
    let (path, rest) = text.split_at(end);
    let Some(group) = rest.strip_prefix('{').filter(|_| path.ends_with("::")) else {
        return vec![path.trim_end_matches(':').to_string()];
    };
    let mut members = vec![String::new()];
    let mut depth = 0;
    for letter in group.chars() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                members.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(member) = members.last_mut() {
            member.push(letter);
        }
    }
    let members = members.iter().map(|member| member.trim());
    let members = members.filter(|member| !member.is_empty());
    members
        .flat_map(|member| expand(&format!("{path}{member}")))
        .collect()
}

/// A path from the root of the crate.
fn absolute(module: &str, path: &str) -> String {
    let mut above: Vec<&str> = module.split("::").collect();
    let mut rest = path;
    while let Some(after) = rest.strip_prefix("super::") {
        above.pop();
        rest = after;
    }
    match rest
        .strip_prefix("crate::")
        .or(rest.strip_prefix("smtp_primer::"))
    {
        Some(path) => path.to_string(),
        None => above
            .into_iter()
            .chain([rest])
            .collect::<Vec<_>>()
            .join("::"),
    }
}
