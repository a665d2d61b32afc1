//! What the coursework promises, for each assignment.
//!
//! 1. Before the work, the first difference is where the card says.
//! 2. The solution is right; the tests of its chapters, clippy, the format and the order of the
//!    modules hold with it.
//!    It convicts each planted server where the card says.
//! 3. Each wrong answer compiles, and is found out where the card says; no two at one line, unless
//!    the hint for it says `shared`.
//! 4. Each of these lines has a hint, and the red one three; no hint has a line of the solution.
//! 5. A patch fits the code.
//! 6. An attack of the solution leaves two letters with the kind server, and at most one with the
//!    repaired one.
//! 7. The sheet says what the card says, and shows its dialogues.

use crate::attack;
use crate::card::{self, Card, Kind, Wrong};
use crate::convict::{self, Servers};
use crate::grade::{Graded, build, cargo, compile_answer, counts, failed, grade, grade_answer};
use crate::hole;
use crate::order;
use crate::patch::Patch;
use crate::project::{Project, is_anchor_line};
use crate::running::Folder;
use crate::stage::{self, Program};
use crate::tree::Tree;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// A line of this length in a hint could give the solution away.
const LONG: usize = 25;

/// The files of each assignment belong together.
pub fn fit(root: &Path) -> Vec<String> {
    match card::all(root) {
        Ok(cards) => cards.iter().flat_map(|card| of_one(root, card)).collect(),
        Err(why) => vec![why],
    }
}

fn of_one(root: &Path, card: &Card) -> Vec<String> {
    let mut wrong = hints(card);
    wrong.extend(sheet(root, card));
    wrong.extend(listed(card));
    if matches!(card.kind, Kind::Extend | Kind::Repair) {
        let first = if card.kind == Kind::Repair {
            "start.patch"
        } else {
            "solution.patch"
        };
        if card.kind == Kind::Repair || is_here(card, first) {
            let text = card.text(first);
            let patch = text.and_then(|text| Patch::read(&card.path(first), &text));
            match patch.and_then(|patch| patch.applied(root)) {
                Ok(changed) => wrong.extend(kind(card, &changed)),
                Err(why) => wrong.push(why),
            }
        }
    }
    let planted = card.planted.iter().map(|planted| &planted.file);
    for file in planted.chain(Some(&card.sound).filter(|file| !file.is_empty())) {
        let patch = card
            .text(file)
            .and_then(|text| Patch::read(&card.path(file), &text));
        wrong.extend(patch.and_then(|patch| patch.applied(root)).err());
    }
    wrong
}

/// The server that is attacked has the file that the student gets at the start.
fn kind(card: &Card, start: &BTreeMap<String, String>) -> Option<String> {
    let (file, place) = card.attack.as_ref()?;
    let code = |text: &str| {
        let lines = text.lines().filter(|line| !is_anchor_line(line));
        lines.map(str::to_string).collect::<Vec<String>>()
    };
    let due = start.get(place).map(|text| code(text));
    let is_same = card.text(file).is_ok_and(|text| Some(code(&text)) == due);
    let path = card.path(file);
    (!is_same).then(|| format!("{path}:1: it is not {place} with start.patch"))
}

/// Each wrong answer in the folder is on the card.
fn listed(card: &Card) -> Vec<String> {
    let mut wrong = Vec::new();
    for entry in fs::read_dir(card.folder.join(card::ANSWERS))
        .into_iter()
        .flatten()
        .flatten()
    {
        let name = entry.file_name().to_string_lossy().to_string();
        let mut all = card.wrong.iter().chain(&card.planted);
        let is_listed = all.any(|listed| listed.file == name);
        let is_due = name.starts_with("wrong-") || name.starts_with("planted-");
        if is_due && !is_listed {
            wrong.push(format!("{}:1: the card does not name it", card.path(&name)));
        }
    }
    let mut places: Vec<&Wrong> = card.wrong.iter().collect();
    places.sort_by(|one, other| one.place.cmp(&other.place));
    for pair in places.windows(2) {
        if let [one, other] = pair
            && one.place == other.place
            && !hint_of(card, &one.place)
                .iter()
                .any(|step| step == "shared")
        {
            let name = card.path("card.txt");
            let (one, other) = (&one.file, &other.file);
            wrong.push(format!(
                "{name}:1: {one} and {other} are found out at the same line"
            ));
        }
    }
    wrong
}

fn hint_of(card: &Card, place: &str) -> Vec<String> {
    card.steps(place).unwrap_or_default()
}

fn hints(card: &Card) -> Vec<String> {
    let hints = match card.hints() {
        Ok(hints) => hints,
        Err(why) => return vec![why],
    };
    let file = card.path("hints.txt");
    let mut wrong = Vec::new();
    for (place, least) in card
        .wrong
        .iter()
        .map(|wrong| (&wrong.place, 1))
        .chain((!card.red.is_empty()).then_some((&card.red, 3)))
    {
        let steps = hint_of(card, place)
            .iter()
            .filter(|step| *step != "shared")
            .count();
        if steps < least {
            wrong.push(format!(
                "{file}:1: {steps} hints for {place}; {least} are due"
            ));
        }
    }
    let solution =
        ["solution.patch", "solution.rs"].map(|name| card.text(name).unwrap_or_default());
    let code: Vec<&str> = solution.iter().flat_map(|text| text.lines()).collect();
    for hint in hints {
        if let Some((name, line)) = hint.place.split_once(':') {
            let line: usize = line.parse().unwrap_or_default();
            let text = card.text(name).unwrap_or_default();
            let due = text.lines().nth(line.saturating_sub(1)).unwrap_or_default();
            if hint.source != due {
                let line = hint.line;
                wrong.push(format!("{file}:{line}: {} is now: {due}", hint.place));
            }
        }
        for text in hint.steps.iter().flat_map(|step| step.lines()) {
            let text = text.trim();
            let is_code = |line: &&str| line.trim_start_matches(['+', '-', ' ']).contains(text);
            if text.len() >= LONG && code.iter().any(is_code) {
                wrong.push(format!(
                    "{file}:{}: this is in the solution: {text}",
                    hint.line
                ));
            }
        }
    }
    wrong
}

/// The line of a sheet that is made from the card.
pub fn head(card: &Card) -> String {
    let chapters: Vec<String> = card.chapters.iter().map(usize::to_string).collect();
    let plural = if chapters.len() > 1 { "s" } else { "" };
    let kind = match card.kind {
        Kind::Extend => "extend our program",
        Kind::Repair => "repair our program",
        Kind::Open => "a program of your own, in any language",
        Kind::Dialogue => "a dialogue",
    };
    let hours = if card.hours == 1 { "hour" } else { "hours" };
    let mut text = format!(
        "*{kind} · {} · {} points · about {} {hours} · chapter{plural} {}",
        card.level,
        card.points(),
        card.hours,
        chapters.join(", ")
    );
    if !card.needs.is_empty() {
        text += &format!(" · needs {}", card.needs.join(", "));
    }
    text + "*"
}

fn sheet(root: &Path, card: &Card) -> Vec<String> {
    let name = card.page();
    let Ok(text) = fs::read_to_string(root.join(&name)) else {
        return vec![format!("{name}:1: the sheet of {} is missing", card.name)];
    };
    let mut due = vec![format!("# {} {}", card.number(), card.title), head(card)];
    due.extend(card.touches.iter().map(|file| format!("`{file}`")));
    let missing = due.into_iter().filter(|due| !text.contains(due));
    let mut wrong: Vec<String> = missing
        .map(|due| format!("{name}:1: it does not say: {due}"))
        .collect();
    for dialogue in card.dialogues() {
        if !text.contains(&format!("coursework/{}/{dialogue}", card.name)) {
            wrong.push(format!("{name}:1: it does not name {dialogue}"));
        }
    }
    wrong
}

/// All of it takes minutes. `SHARE=1/3` in the environment takes every third piece, beginning with
/// the second.
fn in_share(at: usize) -> bool {
    let share = std::env::var("SHARE").unwrap_or_default();
    let numbers = share.split_once('/').and_then(|(which, of)| {
        let (which, of): (usize, usize) = (which.parse().ok()?, of.parse().ok()?);
        (of > 0).then_some((which, of))
    });
    numbers.is_none_or(|(which, of)| at % of == which)
}

/// Is this assignment chosen? `ONLY=02,14` in the environment chooses, too.
pub fn is_chosen(at: usize, card: &Card) -> bool {
    let only = std::env::var("ONLY").unwrap_or_default();
    in_share(at) && (only.is_empty() || only.split(',').any(|number| number == card.number()))
}

/// Compiles and plays all of the assignments that are chosen.
pub fn hold(root: &Path, is_chosen: fn(usize, &Card) -> bool) -> Result<Vec<String>, String> {
    let folder = Folder::new().map_err(|why| why.to_string())?;
    let tree = Tree::copy(root, &folder.0)?;
    let mut wrong = Vec::new();
    for (at, card) in card::all(root)?.into_iter().enumerate() {
        if !is_chosen(at, &card) {
            continue;
        }
        for seed in card.seeds() {
            let card = card.clone().with_seed(&seed);
            let complaints = match card.kind {
                Kind::Extend | Kind::Repair => extended(&card, &tree),
                Kind::Open => open(&card),
                Kind::Dialogue if !card.planted.is_empty() => convicted(&card, &tree),
                Kind::Dialogue => answered(&card, &tree),
            };
            let complaints = complaints.unwrap_or_else(|why| vec![format!("{}: {why}", card.name)]);
            let word = if complaints.is_empty() { "holds" } else { "" };
            println!("{} {seed} {word}", card.name);
            wrong.extend(complaints);
        }
    }
    Ok(wrong)
}

/// The solution, which has nothing that is wrong, and the wrong answers with the places where each is
/// found out. A course may have removed them.
fn answers<'a>(card: &'a Card, solution: &'a str) -> Vec<(&'a str, Option<&'a str>)> {
    let wrong = card.wrong.iter();
    let wrong = wrong.map(|wrong| (wrong.file.as_str(), Some(wrong.place.as_str())));
    let all = [(solution, None)].into_iter().chain(wrong);
    all.filter(|(name, _)| is_here(card, name)).collect()
}

fn is_here(card: &Card, name: &str) -> bool {
    let is_here = card.file(name).exists();
    if !is_here {
        println!("not proven here: {}", card.path(name));
    }
    is_here
}

/// Grades each solution so many times. A judge must say the same each time.
pub fn steady(
    root: &Path,
    is_chosen: fn(usize, &Card) -> bool,
    times: usize,
) -> Result<Vec<String>, String> {
    let folder = Folder::new().map_err(|why| why.to_string())?;
    let tree = Tree::copy(root, &folder.0)?;
    let mut wrong = Vec::new();
    for (at, card) in card::all(root)?.into_iter().enumerate() {
        let solution = match card.kind {
            Kind::Dialogue if !card.planted.is_empty() => "solution",
            Kind::Dialogue => "solution.txt",
            Kind::Open => "solution.rs",
            Kind::Extend | Kind::Repair => "solution.patch",
        };
        if times == 0 || !is_chosen(at, &card) || !is_here(&card, solution) {
            continue;
        }
        let mut changed = BTreeMap::new();
        let judge: Box<dyn Fn() -> Result<Graded, String>> = match card.kind {
            Kind::Dialogue if !card.planted.is_empty() => {
                let servers = Servers::build(&card, tree.folder)?;
                let dialogues = convict::read(&card.file(solution))?;
                let card = &card;
                Box::new(move || convict::grade(card, &dialogues, &servers))
            }
            Kind::Dialogue => {
                let program = Program::Ours(build(tree.folder)?);
                let text = card.text(solution)?;
                let card = &card;
                Box::new(move || grade_answer(card, &text, &program))
            }
            Kind::Open => {
                let program = compile_answer(&card, solution, tree.folder)?;
                let program = Program::Yours(vec![program.display().to_string()]);
                let (card, tree) = (&card, &tree);
                Box::new(move || grade(card, tree.folder, &program))
            }
            Kind::Extend | Kind::Repair => {
                if card.kind == Kind::Repair {
                    changed = tree.apply(&card, "start.patch")?;
                }
                changed.append(&mut tree.apply(&card, solution)?);
                let program = Program::Ours(build(tree.folder)?);
                let (card, tree) = (&card, &tree);
                Box::new(move || grade(card, tree.folder, &program))
            }
        };
        let mut red = 0;
        for _ in 0..times {
            if let Some(failure) = judge()?.failure() {
                red += 1;
                wrong.push(format!("{}: {}", card.name, failure.report));
            }
        }
        println!("{}: {red} of {times} times red", card.name);
        drop(judge);
        for name in changed.keys() {
            tree.restore(name)?;
        }
    }
    Ok(wrong)
}

fn extended(card: &Card, tree: &Tree) -> Result<Vec<String>, String> {
    let mut wrong = Vec::new();
    let mut begin = BTreeMap::new();
    if card.kind == Kind::Repair {
        begin = tree.apply(card, "start.patch")?;
    }
    wrong.extend(differs(
        card,
        tree,
        "the program before the work",
        Some(&card.red),
    )?);
    for (file, due) in answers(card, "solution.patch") {
        if due.is_some_and(is_attack) {
            continue;
        }
        let changed = tree.apply(card, file)?;
        wrong.extend(differs(card, tree, file, due)?);
        if due.is_none() && card.is_default() {
            wrong.extend(keeps(card, tree)?);
        }
        if due.is_none() && card.attack.is_some() {
            wrong.extend(attacks(card, tree)?);
        }
        for name in changed.keys() {
            match begin.get(name) {
                Some(text) => tree.write(name, text.as_bytes())?,
                None => tree.restore(name)?,
            }
        }
    }
    for name in begin.keys() {
        tree.restore(name)?;
    }
    Ok(wrong)
}

fn is_attack(place: &str) -> bool {
    place.starts_with("attack ")
}

/// The attacks on the kind server and on this one, which is repaired.
fn attacks(card: &Card, tree: &Tree) -> Result<Vec<String>, String> {
    let kind = attack::server(card, tree.folder)?;
    let repaired = build(tree.folder)?;
    let mut wrong = Vec::new();
    let attacks = answers(card, "solution.txt").into_iter();
    for (name, due) in attacks.filter(|(_, due)| due.is_none_or(is_attack)) {
        let items = attack::items(&card.text(name)?, &kind, Some(&repaired))?;
        let found = items.iter().find_map(|item| item.failure.as_ref());
        let found = found.map(|failure| (&*failure.place, &*failure.report));
        wrong.extend(compare(card, name, due, found));
    }
    Ok(wrong)
}

/// Where does this tree differ, and is it where it is due?
fn differs(
    card: &Card,
    tree: &Tree,
    what: &str,
    due: Option<&str>,
) -> Result<Option<String>, String> {
    let program = build(tree.folder).map_err(|why| format!("{what} does not compile: {why}"))?;
    let graded = grade(card, tree.folder, &Program::Ours(program))?;
    Ok(compare(
        card,
        what,
        due,
        graded
            .failure()
            .map(|failure| (&*failure.place, &*failure.report)),
    ))
}

fn compare(
    card: &Card,
    what: &str,
    due: Option<&str>,
    found: Option<(&str, &str)>,
) -> Option<String> {
    let name = &card.name;
    match (due, found) {
        (None, None) => None,
        (Some(due), Some((place, _))) if place == due => None,
        (None, Some((_, report))) => Some(format!("{name}: {what} is not right:\n{report}")),
        (Some(due), None) => Some(format!("{name}: {what} is not found out; {due} is due")),
        (Some(due), Some((place, report))) => Some(format!(
            "{name}: {what} is found out at {place}, not at {due}:\n{report}"
        )),
    }
}

/// With the solution the tests of its chapters still pass, and the code is in good order.
fn keeps(card: &Card, tree: &Tree) -> Result<Vec<String>, String> {
    let mut wrong = Vec::new();
    let mut words = vec!["test".to_string(), "--no-fail-fast".to_string()];
    for entry in fs::read_dir(tree.folder.join("tests"))
        .into_iter()
        .flatten()
        .flatten()
    {
        let name = entry.file_name().to_string_lossy().to_string();
        let number = name
            .strip_prefix("ch")
            .and_then(|rest| rest.get(..2)?.parse().ok());
        if number.is_some_and(|number| card.chapters.contains(&number)) {
            words.extend([
                "--test".to_string(),
                name.trim_end_matches(".rs").to_string(),
            ]);
        }
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let output = cargo(tree.folder, &words)?;
    let printed = String::from_utf8_lossy(&output.stdout);
    let red: Vec<String> = failed(&printed);
    if !output.status.success() && red.is_empty() {
        wrong.push(String::from_utf8_lossy(&output.stderr).to_string());
    }
    let red = red.into_iter().filter(|test| !card.breaks.contains(test));
    wrong.extend(red.map(|test| format!("{}: with the solution {test} fails", card.name)));
    let project = Project::read(tree.folder);
    wrong.extend(order::only_backwards(&project));
    for words in [&["clippy", "--", "-D", "warnings"][..], &["fmt", "--check"]] {
        let output = match words {
            ["fmt", ..] => {
                let mut fmt = std::process::Command::new("cargo");
                fmt.args(words)
                    .current_dir(tree.folder)
                    .output()
                    .map_err(|why| why.to_string())?
            }
            _ => cargo(tree.folder, words)?,
        };
        if !output.status.success() {
            let said = [output.stdout, output.stderr].concat();
            wrong.push(format!("{}: {}", card.name, String::from_utf8_lossy(&said)));
        }
    }
    Ok(wrong)
}

/// The solution and the wrong answers are dialogues.
fn answered(card: &Card, tree: &Tree) -> Result<Vec<String>, String> {
    let program = Program::Ours(build(tree.folder)?);
    let mut wrong = Vec::new();
    if let Some(name) = card.dialogues().first() {
        let found = stage::play(card, name, &program)?.failure;
        let found = found
            .as_ref()
            .map(|failure| (&*failure.place, &*failure.report));
        wrong.extend(compare(card, name, Some(&card.red), found));
    }
    for (name, due) in answers(card, "solution.txt") {
        let graded = grade_answer(card, &card.text(name)?, &program)?;
        let found = graded
            .failure()
            .map(|failure| (&*failure.place, &*failure.report));
        wrong.extend(compare(card, name, due, found));
        if due.is_none() && graded.points != card.points() {
            wrong.push(format!(
                "{}: {name} gets {} points",
                card.name, graded.points
            ));
        }
    }
    Ok(wrong)
}

/// The solution and the wrong answers are folders of dialogues that convict servers.
fn convicted(card: &Card, tree: &Tree) -> Result<Vec<String>, String> {
    let servers = Servers::build(card, tree.folder)?;
    let mut wrong = Vec::new();
    let mut given = Vec::new();
    for name in card.dialogues() {
        given.push((name.clone(), card.text(&name)?));
    }
    let mut all = vec![("the answer of the sheet", Some(card.red.as_str()), given)];
    for (name, due) in answers(card, "solution") {
        all.push((name, due, convict::read(&card.file(name))?));
    }
    for (name, due, dialogues) in all {
        let graded = convict::grade(card, &dialogues, &servers)?;
        let found = graded
            .failure()
            .map(|failure| (&*failure.place, &*failure.report));
        wrong.extend(compare(card, name, due, found));
        if due.is_some() {
            continue;
        }
        if graded.points != card.points() {
            let points = graded.points;
            wrong.push(format!("{}: {name} gets {points} points", card.name));
        }
        for (number, planted) in (1..).zip(&card.planted) {
            let found = format!("server {number}: {}", planted.place);
            let is_due = |name: &str| name == found || planted.place == "cannot";
            if !graded.items.iter().any(|item| is_due(&item.name)) {
                wrong.push(format!("{}: it does not say `{found}`", card.name));
            }
        }
    }
    Ok(wrong)
}

/// The solution and the wrong answers of an open assignment are programs of one file each.
fn open(card: &Card) -> Result<Vec<String>, String> {
    if !is_here(card, "solution.rs") {
        return Ok(Vec::new());
    }
    let folder = Folder::new().map_err(|why| why.to_string())?;
    let mut wrong = Vec::new();
    for (name, due) in answers(card, "solution.rs") {
        let program = compile_answer(card, name, &folder.0)?;
        let words = vec![program.to_string_lossy().to_string()];
        let graded = grade(card, &folder.0, &Program::Yours(words))?;
        let found = graded
            .failure()
            .map(|failure| (&*failure.place, &*failure.report));
        wrong.extend(compare(card, name, due, found));
    }
    Ok(wrong)
}

/// With holes in the module of a chapter the project compiles, and the tests of the chapter fail.
pub fn holes(root: &Path) -> Result<Vec<String>, String> {
    let project = Project::read(root);
    let folder = Folder::new().map_err(|why| why.to_string())?;
    let tree = Tree::copy(root, &folder.0)?;
    let mut wrong = Vec::new();
    for chapter in (2..=19).filter(|chapter| in_share(*chapter)) {
        let (files, count) = hole::dig(&project, chapter);
        for (name, text) in &files {
            tree.write(name, text.as_bytes())?;
        }
        let left = hole::left(&Project::read(tree.folder), chapter).len();
        if left != count {
            wrong.push(format!(
                "chapter {chapter}: {count} holes were made, {left} are found"
            ));
        }
        wrong.extend(files.iter().filter_map(|file| put_back(&project, file)));
        wrong.extend(all_red(&tree, chapter).err());
        for (name, _) in &files {
            tree.restore(name)?;
        }
    }
    Ok(wrong)
}

fn all_red(tree: &Tree, chapter: usize) -> Result<(), String> {
    let mut words = vec!["test".to_string(), "--no-fail-fast".to_string()];
    let begin = format!("tests/ch{chapter:02}_");
    for name in crate::project::files(tree.folder, "tests", "rs") {
        if name.starts_with(&begin) {
            let name = name.trim_start_matches("tests/").trim_end_matches(".rs");
            words.extend(["--test".to_string(), name.to_string()]);
        }
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let output = cargo(tree.folder, &words)?;
    let printed = String::from_utf8_lossy(&output.stdout);
    let (passed, all) = counts(&printed);
    println!("chapter {chapter}: {passed} of {all} tests pass with holes");
    let message = match (passed, all) {
        (_, 0) => String::from_utf8_lossy(&output.stderr).to_string(),
        (0, _) => return Ok(()),
        _ => format!("{passed} of {all} tests need none of its code"),
    };
    Err(format!("chapter {chapter}: {message}"))
}

/// With the bodies put back, a file with holes is the file of the project.
fn put_back(project: &Project, (name, text): &(String, String)) -> Option<String> {
    let mut whole = project.source(name)?.file.lines.iter().peekable();
    let came = text.lines().skip(1).filter(|line| !is_anchor_line(line));
    let mut came = came.peekable();
    while let Some(line) = came.next() {
        if line.trim_start().starts_with("todo!(\"chapter ") {
            let end = came.peek().copied().unwrap_or_default();
            while whole.next_if(|line| *line != end).is_some() {}
        } else {
            while whole.next_if(|line| is_anchor_line(line)).is_some() {}
            if whole.next().map(String::as_str) != Some(line) {
                return Some(format!("{name}: this line is not in its place: {line}"));
            }
        }
    }
    None
}
