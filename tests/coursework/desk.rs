//! The desk where a student hands work in.

use crate::attack;
use crate::card::{self, Card, Kind};
use crate::grade::{self, Graded, build, cargo, counts, failed, grade, grade_answer};
use crate::hole;
use crate::patch::Patch;
use crate::project::Project;
use crate::stage::{self, Program};
use std::fs;
use std::path::{Path, PathBuf};

pub const USAGE: &str = "usage: cargo run --example grade                   where am I?
       cargo run --example grade -- 02                grade this assignment
       cargo run --example grade -- 02 hint           one more hint
       cargo run --example grade -- 13 start          what there is to repair
       cargo run --example grade -- 09 attack.txt     your repair, and an attack of yours
       cargo run --example grade -- 05 python3 client.py
                                                      a program of your own
       cargo run --example grade -- chapter 9         what is left to write in chapter 9
       cargo run --example grade -- start chapter 9 FOLDER
                                                      the project without the code of chapter 9
       cargo run --example grade -- all --report FILE
options: --seed NAME     the variant for this student
         --also FOLDER   more dialogues, of a teacher";

/// What the words on the command line ask for.
pub struct Desk {
    root: PathBuf,
    seed: String,
    also: Option<PathBuf>,
    report: Option<PathBuf>,
}

/// Does what is asked for. An error is a message for people.
pub fn serve(root: &Path, words: Vec<String>) -> Result<(), String> {
    let mut desk = Desk {
        root: root.to_path_buf(),
        seed: String::new(),
        also: None,
        report: None,
    };
    let mut rest = Vec::new();
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        // What follows the name of a program belongs to it.
        let is_open = rest.len() > 1;
        let mut value = || words.next().ok_or(format!("{word} needs a value\n{USAGE}"));
        match word.as_str() {
            "--seed" if !is_open => desk.seed = value()?,
            "--also" if !is_open => desk.also = Some(PathBuf::from(value()?)),
            "--report" if !is_open => desk.report = Some(PathBuf::from(value()?)),
            _ => rest.push(word),
        }
    }
    let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
    match rest.as_slice() {
        [] => desk.table(),
        ["all"] => desk.all(),
        ["chapter", number] => desk.chapter(chapter(number)?),
        ["start", "chapter", number, folder] => desk.start_chapter(chapter(number)?, folder),
        [number, "hint"] => desk.hint(&desk.card(number)?),
        [number, "start"] => desk.start(&desk.card(number)?),
        [number, program @ ..] => desk.grade(&desk.card(number)?, program),
    }
}

fn chapter(word: &str) -> Result<usize, String> {
    let number: Option<usize> = word.parse().ok();
    let number = number.filter(|number| (2..=19).contains(number));
    number.ok_or(format!(
        "a chapter is a number from 2 to 19, not {word}\n{USAGE}"
    ))
}

/// The program that these words call.
fn yours(words: &[&str]) -> Program {
    Program::Yours(words.iter().map(|word| word.to_string()).collect())
}

impl Desk {
    fn cards(&self) -> Result<Vec<Card>, String> {
        let cards = card::all(&self.root)?.into_iter();
        Ok(cards.map(|card| card.with_seed(&self.seed)).collect())
    }

    fn card(&self, number: &str) -> Result<Card, String> {
        let mut cards = self.cards()?.into_iter();
        let card = cards.find(|card| card.number() == number);
        card.ok_or(format!("there is no assignment {number}\n{USAGE}"))
    }

    /// All assignments: done, begun, or not begun.
    fn table(&self) -> Result<(), String> {
        let mut sum = 0;
        let mut most = 0;
        for card in self.cards()? {
            let record = Record::read(&self.root, &card);
            let points = record.as_ref().map_or(0, |record| record.points);
            let mark = match points {
                points if points == card.points() => "●",
                0 => "○",
                _ => "◐",
            };
            let title = format!("{} {}", card.number(), card.title);
            println!(
                "{mark} {title:<40} {:<7} {points:>3} of {} points",
                card.level,
                card.points()
            );
            sum += points;
            most += card.points();
        }
        println!("\n{sum} of {most} points.   ● done   ◐ begun   ○ not begun");
        println!(
            "The sheets are Part VII of the book. To be graded: cargo run --example grade -- 02"
        );
        Ok(())
    }

    fn grade(&self, card: &Card, words: &[&str]) -> Result<(), String> {
        println!("{} {}", card.number(), card.title);
        let graded = self.graded(card, words)?;
        let record = Record::read(&self.root, card).unwrap_or_default();
        record.with(&graded).write(&self.root, card)?;
        for item in &graded.items {
            let mark = if item.failure.is_none() { "●" } else { "○" };
            println!("  {mark} {}", item.name);
        }
        println!("  {} of {} points", graded.points, card.points());
        let Some(failure) = graded.failure() else {
            return self.more(card, words);
        };
        println!("\n{}\n", failure.report);
        println!("the page: {}", card.page());
        println!(
            "a hint:   cargo run --example grade -- {} hint",
            card.number()
        );
        Err(format!("{} is not done yet.", card.title))
    }

    /// Grades with the program that these words name, or ours.
    fn graded(&self, card: &Card, words: &[&str]) -> Result<Graded, String> {
        if card.kind == Kind::Dialogue {
            let [file] = words else {
                let number = card.number();
                return Err(format!(
                    "this assignment needs a file of yours; name it, as in\n\
                     cargo run --example grade -- {number} mine.txt"
                ));
            };
            let answer = fs::read_to_string(file).map_err(|why| format!("{file}: {why}"))?;
            let program = Program::Ours(build(&self.root)?);
            return grade_answer(card, &answer, &program);
        }
        let program = match (card.kind, words) {
            (Kind::Open, []) => {
                let number = card.number();
                return Err(format!(
                    "this assignment needs a program of yours; name it, as in\n\
                     cargo run --example grade -- {number} python3 program.py"
                ));
            }
            (Kind::Open, words) => yours(words),
            (_, []) => {
                self.keep_own_work(card)?;
                Program::Ours(build(&self.root)?)
            }
            (_, [_]) if card.attack.is_some() => {
                self.keep_own_work(card)?;
                Program::Ours(build(&self.root)?)
            }
            (_, [word, ..]) => return Err(format!("what is {word}?\n{USAGE}")),
        };
        let mut graded = grade(card, &self.root, &program)?;
        if let (Some(_), Program::Ours(own)) = (&card.attack, &program) {
            self.attack(card, words, own, &mut graded)?;
        }
        Ok(graded)
    }

    /// The half of the work that is an attack.
    fn attack(
        &self,
        card: &Card,
        words: &[&str],
        own: &Path,
        graded: &mut Graded,
    ) -> Result<(), String> {
        let [file] = words else {
            let number = card.number();
            println!(
                "(This is your repair, half of the points. For the other half, name your attack:\n\
                 cargo run --example grade -- {number} attack.txt)"
            );
            return Ok(());
        };
        let text = fs::read_to_string(file).map_err(|why| format!("{file}: {why}"))?;
        let kind = attack::server(card, &self.root)?;
        attack::add(card, &text, &kind, own, graded)
    }

    /// A teacher's own dialogues.
    fn more(&self, card: &Card, words: &[&str]) -> Result<(), String> {
        let Some(folder) = &self.also else {
            return Ok(());
        };
        let program = match words {
            [] => Program::Ours(build(&self.root)?),
            words => yours(words),
        };
        let entries = fs::read_dir(folder).map_err(|why| format!("{}: {why}", folder.display()))?;
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        let mut wrong = 0;
        for path in paths {
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .to_string();
            if !name.ends_with(".txt") {
                continue;
            }
            let text = fs::read_to_string(&path).map_err(|why| format!("{name}: {why}"))?;
            let played = stage::play_text(card.role, &name, &text, &program)?;
            match played.failure {
                None => println!("  ● {name}"),
                Some(failure) => {
                    println!("  ○ {name}\n{}", failure.report);
                    wrong += 1;
                }
            }
        }
        match wrong {
            0 => Ok(()),
            count => Err(format!(
                "{count} of the dialogues in {} differ",
                folder.display()
            )),
        }
    }

    /// From now on the book's pages and the code are two things.
    fn keep_own_work(&self, card: &Card) -> Result<(), String> {
        let mine = self.root.join(crate::MINE);
        if mine.exists() {
            return Ok(());
        }
        fs::write(&mine, format!("{}\n", card.name)).map_err(|why| why.to_string())?;
        println!(
            "(From now on the tests do not compare src/ with the pages of the book, because this\n\
             is your own work. Remove {} to compare them again.)",
            crate::MINE
        );
        Ok(())
    }

    /// The next hint for the place where the work differs.
    fn hint(&self, card: &Card) -> Result<(), String> {
        let number = card.number();
        let Some(mut record) = Record::read(&self.root, card) else {
            return Err(format!("first: cargo run --example grade -- {number}"));
        };
        if record.place.is_empty() {
            println!("There is nothing to say: it is done.");
            return Ok(());
        }
        let hints = card
            .hints()?
            .into_iter()
            .filter(|hint| hint.place == record.place);
        let steps = hints
            .flat_map(|hint| hint.steps)
            .filter(|step| step != "shared");
        let steps: Vec<String> = steps.collect();
        let Some(last) = steps.len().checked_sub(1) else {
            println!(
                "There is no hint for {}. Read the rule above this line once more.",
                record.place
            );
            return Ok(());
        };
        let step = record.hints.min(last);
        println!(
            "{}, hint {} of {}:\n\n{}",
            record.place,
            step + 1,
            last + 1,
            steps[step]
        );
        // The last hint can be read again; it counts once.
        if record.hints <= last {
            record.hints += 1;
            record.used += 1;
        }
        record.write(&self.root, card)
    }

    /// Breaks what the student is to repair.
    fn start(&self, card: &Card) -> Result<(), String> {
        if card.kind != Kind::Repair {
            return Err(format!(
                "{} begins with the code as it is: read {}",
                card.title,
                card.page()
            ));
        }
        let patch = Patch::read(&card.path("start.patch"), &card.text("start.patch")?)?;
        let changed = patch.applied(&self.root).map_err(|why| {
            format!(
                "your code is not as this assignment expects it, so nothing was changed:\n{why}"
            )
        })?;
        self.keep_own_work(card)?;
        for (name, text) in changed {
            fs::write(self.root.join(&name), text).map_err(|why| format!("{name}: {why}"))?;
            println!("{name} is broken now.");
        }
        println!("The task: {}", card.page());
        Ok(())
    }

    fn start_chapter(&self, chapter: usize, folder: &str) -> Result<(), String> {
        let folder = Path::new(folder);
        if folder.exists() {
            return Err(format!(
                "{} is there already; name a new folder",
                folder.display()
            ));
        }
        let project = Project::read(&self.root);
        let count =
            hole::write_project(&project, chapter, folder).map_err(|why| why.to_string())?;
        println!(
            "{} has the project with {count} holes in chapter {chapter}.",
            folder.display()
        );
        println!("Go there. Where am I? cargo run --example grade -- chapter {chapter}");
        Ok(())
    }

    /// How much of a chapter is written.
    fn chapter(&self, chapter: usize) -> Result<(), String> {
        let project = Project::read(&self.root);
        let left = hole::left(&project, chapter);
        let begin = format!("tests/ch{chapter:02}_");
        let tests = crate::project::files(&self.root, "tests", "rs");
        let mut words = vec!["test".to_string(), "--no-fail-fast".to_string()];
        for name in tests.iter().filter(|name| name.starts_with(&begin)) {
            let name = name.trim_start_matches("tests/").trim_end_matches(".rs");
            words.extend(["--test".to_string(), name.to_string()]);
        }
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let output = cargo(&self.root, &words)?;
        let printed = String::from_utf8_lossy(&output.stdout);
        let (passed, all) = counts(&printed);
        if all == 0 {
            return Err(String::from_utf8_lossy(&output.stderr).to_string());
        }
        println!(
            "chapter {chapter}: {passed} of {all} tests pass, {} holes are left",
            left.len()
        );
        if let Some(next) = left.first() {
            let page = project.page(chapter).map_or("", |page| page.name());
            println!("next: {} at {}:{}", next.name, next.file, next.line);
            println!("the page: book/src/{page}, piece {}", next.piece);
        } else if let Some(test) = failed(&printed).first() {
            println!("next: the test {test}");
        }
        match passed == all && left.is_empty() {
            true => Ok(()),
            false => Err(format!("chapter {chapter} is not done yet.")),
        }
    }

    /// Grades all that is done in src/, for a teacher.
    fn all(&self) -> Result<(), String> {
        let mut lines = Vec::new();
        for card in self.cards()? {
            let record = Record::read(&self.root, &card).unwrap_or_default();
            let graded = match card.kind {
                Kind::Extend | Kind::Repair if card.attack.is_none() => {
                    self.graded(&card, &[]).ok()
                }
                // What was graded last, with the program or the file that was named.
                _ => None,
            };
            let record = match &graded {
                Some(graded) => record.with(graded),
                None => record,
            };
            let place = if record.place.is_empty() {
                "-"
            } else {
                &record.place
            };
            lines.push(format!(
                "{}\t{}\t{}\t{place}\t{}",
                card.number(),
                record.points,
                card.points(),
                record.used
            ));
        }
        let project = Project::read(&self.root);
        let code: Vec<&str> = project
            .sources
            .iter()
            .flat_map(|source| source.file.lines.iter().map(String::as_str))
            .collect();
        let seed = if self.seed.is_empty() {
            "-"
        } else {
            &self.seed
        };
        let mut text = String::from("assignment\tpoints\tof\tfirst difference\thints\n");
        text += &(lines.join("\n") + "\n");
        text += &format!(
            "seed\t{seed}\nsrc\t{:016x}\n",
            card::hash(code.join("\n").bytes())
        );
        match &self.report {
            Some(file) => fs::write(file, text).map_err(|why| format!("{}: {why}", file.display())),
            None => {
                print!("{text}");
                Ok(())
            }
        }
    }
}

/// What was found when an assignment was graded last.
#[derive(Default)]
struct Record {
    points: usize,
    place: String,
    /// Hints that were given for this place.
    hints: usize,
    /// Hints that were given in all.
    used: usize,
}

impl Record {
    fn path(root: &Path, card: &Card) -> PathBuf {
        grade::target(root).join("coursework").join(card.number())
    }

    fn read(root: &Path, card: &Card) -> Option<Record> {
        let text = fs::read_to_string(Record::path(root, card)).ok()?;
        let mut lines = text.lines();
        let mut number = || lines.next()?.parse().ok();
        let (points, hints, used) = (number()?, number()?, number()?);
        let place = lines.next().unwrap_or_default().to_string();
        Some(Record {
            points,
            place,
            hints,
            used,
        })
    }

    fn with(self, graded: &Graded) -> Record {
        let place = graded
            .failure()
            .map_or("", |failure| failure.place.as_str());
        let hints = if place == self.place { self.hints } else { 0 };
        Record {
            points: graded.points,
            place: place.to_string(),
            hints,
            used: self.used,
        }
    }

    fn write(&self, root: &Path, card: &Card) -> Result<(), String> {
        let path = Record::path(root, card);
        let text = format!(
            "{}\n{}\n{}\n{}\n",
            self.points, self.hints, self.used, self.place
        );
        let folder = path.parent().unwrap_or(root);
        let written = fs::create_dir_all(folder).and_then(|()| fs::write(&path, text));
        written.map_err(|why| format!("{}: {why}", path.display()))
    }
}
