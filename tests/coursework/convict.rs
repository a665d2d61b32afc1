//! Convicts servers. Each of them has one fault. An answer is a folder of dialogues that hold on the
//! true server; a server is convicted by a line at which it differs and no other server does.
//!
//! There may be a fault that no dialogue can find. For this one, the answer says `# cannot: 8`.

use crate::card::Card;
use crate::grade::{Graded, Item, build, target};
use crate::patch::Patch;
use crate::stage::{self, Failure, Program};
use crate::tree::Tree;
use std::fs;
use std::path::{Path, PathBuf};

/// The place of a fault that no dialogue can find.
const CANNOT: &str = "cannot";

/// The true server, and those with a fault, compiled.
pub struct Servers {
    pub sound: Program,
    planted: Vec<Program>,
}

impl Servers {
    pub fn build(card: &Card, tree: &Path) -> Result<Servers, String> {
        let sound = Program::Ours(server(card, tree, 0)?);
        let mut planted = Vec::new();
        for number in 1..=card.planted.len() {
            planted.push(Program::Ours(server(card, tree, number)?));
        }
        Ok(Servers { sound, planted })
    }
}

/// Compiles one of the servers. Number 0 is the true one.
pub fn server(card: &Card, tree: &Path, number: usize) -> Result<PathBuf, String> {
    let patch = match number.checked_sub(1) {
        None => &card.sound,
        Some(at) => &card.planted.get(at).ok_or_else(|| numbers(card))?.file,
    };
    let patch = Patch::read(&card.path(patch), &card.text(patch)?)?;
    let changed = patch
        .applied(tree)
        .map_err(|why| format!("your code in src/ is not as this assignment expects it:\n{why}"))?;
    let folder = place_of(card, tree).join(number.to_string());
    build(Tree::copy_but(tree, &folder, &changed)?.folder)
}

/// Where the servers are compiled.
pub fn place_of(card: &Card, tree: &Path) -> PathBuf {
    target(tree).join("coursework").join(&card.name)
}

fn numbers(card: &Card) -> String {
    format!(
        "the servers are 1 to {}, and 0 is the true one",
        card.planted.len()
    )
}

/// A dialogue of a student's: the name of its file, and its text.
pub type Dialogue = (String, String);

/// Reads an answer.
pub fn read(folder: &Path) -> Result<Vec<Dialogue>, String> {
    let wrong = |why| format!("{}: {why}", folder.display());
    let mut dialogues = Vec::new();
    for entry in fs::read_dir(folder).map_err(wrong)? {
        let path = entry.map_err(wrong)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.ends_with(".txt") {
            let text = fs::read_to_string(&path).map_err(|why| format!("{name}: {why}"))?;
            dialogues.push((name.to_string(), text));
        }
    }
    dialogues.sort();
    match dialogues.is_empty() {
        true => Err(format!("{}: no file here ends with .txt", folder.display())),
        false => Ok(dialogues),
    }
}

/// Plays all dialogues against all servers. Each server that is convicted is worth the same.
pub fn grade(card: &Card, dialogues: &[Dialogue], servers: &Servers) -> Result<Graded, String> {
    let given_up = given_up(card, dialogues)?;
    let mut items = Vec::new();
    for (name, text) in dialogues {
        let mut played = stage::play_text(None, name, text, &servers.sound)?;
        if let Some(failure) = &mut played.failure {
            failure.report += "\n  This is the true server. Your dialogue must hold on it, \
                               or it convicts nobody: there are no points yet.";
        }
        items.push(Item::played(&format!("the true server: {name}"), played));
    }
    if items.iter().any(|item| item.failure.is_some()) {
        return Ok(Graded::new(items, 0));
    }
    let wrongly = given_up.iter();
    let wrongly = wrongly.filter(|(number, _)| card.planted[number - 1].place != CANNOT);
    let wrongly: Vec<Item> = wrongly
        .map(|(number, at)| not_hopeless(*number, at))
        .collect();
    let mut differs = Vec::new();
    for server in &servers.planted {
        let mut places = Vec::new();
        for (name, text) in dialogues {
            let failure = stage::play_text(None, name, text, server)?.failure;
            places.extend(failure.map(|failure| failure.place));
        }
        differs.push(places);
    }
    let numbers = 1..=card.planted.len();
    let verdicts = numbers.map(|number| verdict(card, number, &differs, &given_up));
    let verdicts: Vec<Item> = verdicts.collect();
    let convicted = verdicts.iter().filter(|item| item.failure.is_none());
    let right = convicted.count().saturating_sub(wrongly.len());
    items.extend(wrongly.into_iter().chain(verdicts));
    let points = card.points() * right / card.planted.len().max(1);
    Ok(Graded::new(items, points))
}

/// Is this server convicted? `differs` has the places where each server differs.
fn verdict(
    card: &Card,
    number: usize,
    differs: &[Vec<String>],
    given_up: &[(usize, String)],
) -> Item {
    let places = &differs[number - 1];
    let is_alone = |place: &&String| {
        let others = differs.iter().filter(|places| places.contains(place));
        others.count() == 1
    };
    let found = match card.planted[number - 1].place == CANNOT {
        true => given_up
            .iter()
            .find(|(other, _)| *other == number)
            .map(|(_, at)| format!("{at} says that no dialogue can")),
        false => places.iter().find(is_alone).cloned(),
    };
    match (found, places.first()) {
        (Some(place), _) => judged("server", number, &place, None),
        (None, Some(place)) => {
            let report = format!(
                "{place}: here server {number} differs, but it is not the only one. So this line does\n  \
                 not say which fault a server has. Test one thing with one dialogue."
            );
            let at = format!("{place}, not alone");
            judged("together", number, &at, Some(report))
        }
        (None, None) => {
            let report = format!(
                "server {number}: all of your dialogues hold on it.\n  \
                 by hand: cargo run --example grade -- {} serve {number}",
                card.number()
            );
            judged("server", number, "", Some(report))
        }
    }
}

/// The answer gives up where it need not.
fn not_hopeless(number: usize, at: &str) -> Item {
    let report = format!(
        "{at}: here you say that no dialogue can convict server {number}, but one can.\n  \
         This costs as much as a server is worth."
    );
    judged("cannot", number, "", Some(report))
}

/// What became of a server. The place is of one of these kinds: `server 3`, `together 3`, `cannot 3`.
fn judged(kind: &str, number: usize, at: &str, report: Option<String>) -> Item {
    let place = format!("{kind} {number}");
    let name = match (kind, at) {
        ("cannot", _) => format!("# cannot: {number}"),
        (_, "") => format!("server {number}"),
        (_, at) => format!("server {number}: {at}"),
    };
    Item {
        name,
        right: usize::from(report.is_none()),
        lines: 1,
        failure: report.map(|report| Failure { place, report }),
    }
}

/// The servers that no dialogue can convict, as the answer says, and where it says so.
fn given_up(card: &Card, dialogues: &[Dialogue]) -> Result<Vec<(usize, String)>, String> {
    let mut given_up: Vec<(usize, String)> = Vec::new();
    for (name, text) in dialogues {
        for (line, word, value) in stage::marks(text) {
            let at = format!("{name}:{line}");
            match (word.as_str(), value.parse::<usize>()) {
                ("cannot", Ok(number)) if (1..=card.planted.len()).contains(&number) => {
                    if given_up.iter().all(|(other, _)| *other != number) {
                        given_up.push((number, at));
                    }
                }
                ("cannot", _) => return Err(format!("{at}: {}", numbers(card))),
                ("against", _) if value == "smtp-primer serve" => {}
                // A file that the server finds, for example, is nothing that a client can say.
                _ => {
                    return Err(format!(
                        "{at}: the marks of your dialogues are `# against: smtp-primer serve` \
                         and `# cannot: NUMBER`, and not `# {word}:`"
                    ));
                }
            }
        }
    }
    Ok(given_up)
}
