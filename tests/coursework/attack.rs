//! An attack: a dialogue of the student's. A kind server takes less than CR LF . CR LF for the end of a
//! text. So the attack leaves two letters there, though a strict reader sees one text.

use crate::card::Card;
use crate::grade::{Graded, Item, build, target};
use crate::running::Folder;
use crate::stage::{self, Failure, Program};
use crate::tree::Tree;
use smtp_primer::protocol::line::visible;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The student's file in reports.
const FILE: &str = "your file";

/// The first word of a place.
const NAME: &str = "attack";

/// So much of a text is shown before its end.
const SHOWN: usize = 30;

/// Compiles the kind server: the code in `root`, but one file is of the assignment. What the student has
/// made of this file does not matter.
pub fn server(card: &Card, root: &Path) -> Result<PathBuf, String> {
    let (file, name) = card.attack.as_ref().ok_or("nothing is attacked here")?;
    let others = BTreeMap::from([(name.clone(), card.text(file)?)]);
    let folder = target(root).join("coursework").join(&card.name);
    Tree::copy_but(root, &folder, &others)?;
    build(&folder).map_err(|why| {
        format!(
            "the kind server does not compile. It is your code with another {name}, so change\n\
             no other file, and leave the public names in {name} as they are.\n{why}"
        )
    })
}

/// Adds the attack to what was found in the student's repair. It is the other half of the work.
pub fn add(
    card: &Card,
    attack: &str,
    kind: &Path,
    own: &Path,
    repair: &mut Graded,
) -> Result<(), String> {
    // Before the repair there is nothing to learn from the student's own server.
    let own = repair.failure().is_none().then_some(own);
    let items = items(attack, kind, own)?;
    if items.iter().all(|item| item.failure.is_none()) {
        repair.points += card.points() - card.points() / 2;
    }
    repair.items.splice(0..0, items);
    Ok(())
}

/// What becomes of an attack on the kind server, and then on a repaired one.
pub fn items(attack: &str, kind: &Path, repaired: Option<&Path>) -> Result<Vec<Item>, String> {
    // Each mark would be an order to the judge.
    let text = stage::without_marks(attack) + "# against: smtp-primer serve\n";
    let said = stage::said(FILE, &text)?;
    let failure = on_kind(&text, &said, &Program::Ours(kind.to_path_buf()))?;
    let mut items = vec![item("the attack on the kind server", failure)];
    if let (None, Some(program)) = (&items[0].failure, repaired) {
        let letters = stage::pour(&said, program)?;
        let failure = (letters > 1).then(|| {
            let report = format!(
                "{NAME}: your own server, which is repaired, has {letters} letters for Alice after\n\
                 it, too. So the second one does not come from a wrong end of a text."
            );
            let place = format!("{NAME} repaired");
            Failure { place, report }
        });
        items.push(item("the attack on your server", failure));
    }
    Ok(items)
}

fn item(name: &str, failure: Option<Failure>) -> Item {
    Item {
        name: name.to_string(),
        right: usize::from(failure.is_none()),
        lines: 1,
        failure,
    }
}

/// What is wrong with an attack on the kind server.
fn on_kind(text: &str, said: &[u8], kind: &Program) -> Result<Option<Failure>, String> {
    let folder = Folder::new().map_err(|why| why.to_string())?;
    let differs = stage::play_in(&folder.0, None, FILE, text, kind)?.failure;
    let letters = stage::letters(&folder.0);
    let reading = Reading::of(said);
    let (place, lesson) = if let Some(failure) = &differs {
        match failure.report.contains("nothing came in time") {
            true => (
                "differs",
                "The kind server waits: it still reads your text.",
            ),
            false => ("differs", "The kind server does not reply as in your file."),
        }
    } else if reading.ends.is_empty() {
        (
            "no-end",
            "An honest server on the way waits for the end of the text, and never sends it on.",
        )
    } else if reading.ends.len() > 1 || reading.goes_on {
        (
            "two-ends",
            "An honest server on the way sees the second letter, too: your client says DATA again, or ends\n\
             another text, after the first real end.",
        )
    } else if letters != 2 {
        ("letters", "Exactly two letters are due in this mailbox.")
    } else {
        return Ok(None);
    };
    let place = format!("{NAME} {place}");
    let replies = match differs {
        Some(_) => "one is not as written; it is shown below",
        None => "all are as written",
    };
    let mut report = format!(
        "{NAME}: this is not smuggling yet\n  \
         replies of the kind server:  {replies}\n  \
         letters in Alice's mailbox:  {letters}\n  \
         ends for a strict reader:    {}\n{lesson}",
        reading.shown()
    );
    if let Some(failure) = differs {
        report += &format!("\n{}", failure.report);
    }
    Ok(Some(Failure { place, report }))
}

/// How a strict reader reads what a client says. It is not the code in `src/`, which is the student's.
struct Reading {
    /// The line before each CR LF . CR LF.
    ends: Vec<String>,
    /// After the first end there is one more DATA.
    goes_on: bool,
}

impl Reading {
    fn of(said: &[u8]) -> Reading {
        let mut reading = Reading {
            ends: Vec::new(),
            goes_on: false,
        };
        let said = String::from_utf8_lossy(said);
        let mut before = "";
        for line in said.split("\r\n") {
            let command = line.trim_start().get(..4).unwrap_or_default();
            if line == "." {
                reading.ends.push(visible(before.as_bytes()));
            } else if command.eq_ignore_ascii_case("DATA") && !reading.ends.is_empty() {
                reading.goes_on = true;
            }
            before = line;
        }
        reading
    }

    fn shown(&self) -> String {
        let mut text = self.ends.len().to_string();
        for (at, line) in self.ends.iter().enumerate() {
            let skipped = line.chars().count().saturating_sub(SHOWN);
            let line: String = line.chars().skip(skipped).collect();
            text += if at == 0 {
                ", after the line "
            } else {
                " and after "
            };
            text += &format!("`{line}`");
        }
        text
    }
}
