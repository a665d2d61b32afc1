//! What a page quotes in the middle of a sentence is in the code, or happens: what a client or server
//! says, a name with an underscore, and a file. (Other code in a sentence is for the reader's eyes.)

use crate::project::{Project, TextFile, files};

/// Where things are that a sentence can quote.
const PLACES: [(&str, &str); 7] = [
    ("src", "rs"),
    ("tests", "rs"),
    ("examples", "rs"),
    ("book/dialogues", "txt"),
    ("book/terminal", "txt"),
    ("book/settings", "txt"),
    ("book/answers", "patch"),
];

pub fn exist(project: &Project) -> Vec<String> {
    let (mut code, mut said) = (String::new(), String::new());
    // The dialogues of the coursework are played by its own tests.
    let coursework = ("book/coursework", "txt");
    for (folder, extension) in PLACES.into_iter().chain([coursework]) {
        for name in files(&project.root, folder, extension) {
            let file = TextFile::read(&project.root, &name);
            let text = file.map_or(String::new(), |file| file.lines.join("\n"));
            let all = if extension != "txt" || folder == "book/settings" {
                &mut code
            } else {
                &mut said
            };
            *all += &text;
        }
    }
    let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let mut names: Vec<&str> = code.split(|c: char| !is_name(c)).collect();
    names.extend(
        project
            .sources
            .iter()
            .filter_map(|source| source.module.rsplit("::").next()),
    );
    let stems = PLACES
        .iter()
        .flat_map(|(folder, extension)| files(&project.root, folder, extension));
    let stems: Vec<String> = stems.collect();
    let mut wrong = Vec::new();
    for page in &project.pages {
        for (line, text) in &page.prose {
            // In a `<summary>` a quote is HTML.
            let text = text.replace("<code>", "`").replace("</code>", "`");
            for quote in text.split('`').skip(1).step_by(2) {
                let is_file = PLACES
                    .iter()
                    .any(|(folder, _)| quote.starts_with(&format!("{folder}/")));
                let is_file = is_file && !quote.contains([' ', '…', '*']);
                let exists = if is_said(quote) {
                    said.contains(quote)
                } else if is_file {
                    project.root.join(quote).exists()
                } else if quote.contains('_') && quote.chars().all(is_name) {
                    names.contains(&quote)
                        || stems
                            .iter()
                            .any(|name| name.contains(&format!("/{quote}.")))
                } else {
                    true
                };
                if !exists {
                    let message = format!("`{quote}` is nowhere in the code, and never said");
                    wrong.push(page.file.complaint(*line, message));
                }
            }
        }
    }
    wrong
}

/// Is this what a client or a server says? (What holds `{}` is a pattern, and explained as one.)
fn is_said(quote: &str) -> bool {
    let code = quote.bytes().take_while(u8::is_ascii_digit).count();
    let reply = code == 3 && matches!(quote.as_bytes().get(3), Some(b' ' | b'-'));
    let side = quote.starts_with("C: ") || quote.starts_with("S: ");
    side || (reply && !quote.contains('{'))
}
