//! What the desk does for a teacher: dialogues that are on no sheet, the answers of an assignment, and a
//! table of what was handed in.

use crate::card::{self, Card, Kind};
use crate::desk::{Desk, Record};
use crate::grade::{self, Graded, Item};
use crate::stage::{self, Program};
use crate::tree::Tree;
use smtp_primer::dialogue::Dialogue;
use std::fs;
use std::path::{Path, PathBuf};

const REPORT: &str = "student\tassignment\tpoints\tof\tfirst difference\talso\thints\tseed\thash\n";

/// Reads a teacher's own dialogues. One that is not well written would look like a fault of a student.
pub fn dialogues(folder: &Path) -> Result<Vec<(String, String)>, String> {
    let wrong = |why| format!("{}: {why}", folder.display());
    let entries = fs::read_dir(folder).map_err(wrong)?;
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "txt"));
    paths.sort();
    let mut dialogues = Vec::new();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let text = fs::read_to_string(&path).map_err(wrong)?;
        Dialogue::parse(&name, &text)?;
        if stage::marks(&text)
            .iter()
            .all(|(_, word, _)| word != "against")
        {
            return Err(format!("{name}:1: there is no line `# against: …`"));
        }
        dialogues.push((name.to_string(), text));
    }
    match dialogues.is_empty() {
        true => Err(format!("{}: no file here ends with .txt", folder.display())),
        false => Ok(dialogues),
    }
}

impl Desk {
    /// Grades an answer that is in the folder of the assignment.
    pub fn grade_answer(&mut self, card: &Card, name: &str) -> Result<(), String> {
        let names = ["", ".patch", ".rs", ".txt"].map(|end| format!("{name}{end}"));
        let file = names.iter().find(|name| card.file(name).exists());
        let file = file.ok_or(format!("there is no {}", card.path(name)))?;
        let copy = self.copy();
        let words = match card.kind {
            Kind::Open => {
                fs::create_dir_all(&copy).map_err(|why| why.to_string())?;
                vec![grade::compile_answer(card, file, &copy)?]
            }
            Kind::Dialogue => vec![card.file(file)],
            Kind::Extend | Kind::Repair => {
                let tree = Tree::copy(&self.root, &copy)?;
                if card.kind == Kind::Repair {
                    tree.apply(card, "start.patch")?;
                }
                // An attack is graded with the repair of the solution.
                let is_attack = file.ends_with(".txt");
                tree.apply(card, if is_attack { "solution.patch" } else { file })?;
                self.tree = copy;
                match is_attack {
                    true => vec![card.file(file)],
                    false => Vec::new(),
                }
            }
        };
        let words: Vec<String> = words
            .iter()
            .map(|word| word.display().to_string())
            .collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let graded = self.graded(card, &words)?;
        match self.show(card, &graded) {
            None => Ok(()),
            Some(failure) => Err(format!("\n{}\n", failure.report)),
        }
    }

    /// Where the code of others is compiled.
    fn copy(&self) -> PathBuf {
        grade::target(&self.root).join("coursework").join("copy")
    }

    /// Plays a teacher's own dialogues.
    pub fn more(&self, card: &Card, program: &Program) -> Result<Vec<Item>, String> {
        let mut items = Vec::new();
        for (name, text) in &self.also {
            let played = stage::play_text(card.role, name, text, program)?;
            items.push(Item::played(name, played));
        }
        Ok(items)
    }

    /// Grades all that is done in src/.
    pub fn all(&self) -> Result<(), String> {
        let mut text = String::from(REPORT);
        let hash = hash_of_code(&self.root);
        for card in self.cards()? {
            let record = Record::read(&self.root, &card);
            let is_begun = record.is_some();
            let record = record.unwrap_or_default();
            // The variant that was graded last, if no other is named.
            let seed = if self.seed.is_empty() {
                &record.seed
            } else {
                &self.seed
            };
            let card = card.with_seed(seed);
            let graded = match card.kind {
                Kind::Repair if !self.begun().contains(&card.name) => None,
                Kind::Extend | Kind::Repair if card.attack.is_none() => {
                    self.graded(&card, &[]).ok()
                }
                // What was graded last, with the program or the file that was named.
                _ => None,
            };
            let seed = seed.clone();
            let mut record = match &graded {
                Some(graded) => record.with(graded, &seed),
                None => record,
            };
            if !is_begun && graded.is_none() {
                record.place = "not begun".to_string();
            }
            let hints = Some(record.used);
            let hash = hash.clone();
            text += &self.line(&card, "-", (&record, hints), graded.as_ref(), hash);
        }
        self.report(&text)
    }

    /// Grades what students have handed in. Each has a folder, and in it the file `answers.txt`.
    pub fn handed_in(&mut self, folder: &Path) -> Result<(), String> {
        let wrong = |why| format!("{}: {why}", folder.display());
        let entries = fs::read_dir(folder).map_err(wrong)?;
        let mut students: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        students.retain(|path| path.is_dir());
        students.sort();
        if folder.join("answers.txt").exists() || students.is_empty() {
            return Err(format!(
                "{}: here should be a folder for each student, with a file answers.txt in it",
                folder.display()
            ));
        }
        let here = std::env::current_dir().map_err(wrong)?;
        let mut text = String::from(REPORT);
        for student in students {
            // A program that is named without a path is in the student's folder.
            let student = here.join(student);
            std::env::set_current_dir(&student).map_err(wrong)?;
            text += &self.student(&student)?;
            std::env::set_current_dir(&here).map_err(wrong)?;
        }
        self.report(&text)
    }

    /// The lines of one student.
    fn student(&mut self, folder: &Path) -> Result<String, String> {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        println!("{name}");
        let copy = self.copy();
        let tree = Tree::copy(&self.root, &copy)?;
        for file in crate::project::files(folder, "src", "") {
            let octets = fs::read(folder.join(&file)).map_err(|why| format!("{file}: {why}"))?;
            tree.write(&file, &octets)?;
        }
        self.tree = copy;
        self.seed = String::new();
        let code = match hash_of_code(folder) {
            hash if hash == hash_of_code(&self.root) => "as ours".to_string(),
            hash => hash,
        };
        let mut text = String::new();
        let Ok(answers) = fs::read_to_string(folder.join("answers.txt")) else {
            return Ok(format!("{name}\t-\t0\t0\tno answers.txt\n"));
        };
        for line in answers.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words.as_slice() {
                [] => {}
                ["seed", seed] => self.seed = seed.to_string(),
                [number, words @ ..] => {
                    let Ok(card) = self.card(number) else {
                        text += &format!("{name}\t{number}\t0\t0\tthere is no such assignment\n");
                        continue;
                    };
                    let record = Record::read(folder, &card);
                    let hints = record.as_ref().map(|record| record.used);
                    let graded = self.graded(&card, words);
                    let record = match &graded {
                        Ok(graded) => Record::default().with(graded, &self.seed),
                        Err(why) => Record {
                            seed: self.seed.clone(),
                            place: why.lines().next().unwrap_or_default().replace('\t', " "),
                            ..Record::default()
                        },
                    };
                    let hash = match words {
                        [] => code.clone(),
                        files => hash_of_files(files),
                    };
                    let graded = graded.as_ref().ok();
                    text += &self.line(&card, &name, (&record, hints), graded, hash);
                }
            }
        }
        Ok(text)
    }

    /// A line of the report.
    fn line(
        &self,
        card: &Card,
        student: &str,
        (record, hints): (&Record, Option<usize>),
        graded: Option<&Graded>,
        hash: String,
    ) -> String {
        let or_none = |text: &str| if text.is_empty() { "-" } else { text }.to_string();
        let also = graded.map_or(&[][..], |graded| &graded.also);
        let right = also.iter().filter(|item| item.failure.is_none()).count();
        let words = [
            student.to_string(),
            card.number().to_string(),
            record.points.to_string(),
            card.points().to_string(),
            or_none(&record.place),
            format!("{right} of {}", also.len()),
            hints.map_or("-".to_string(), |hints| hints.to_string()),
            or_none(&record.seed),
            hash,
        ];
        words.join("\t") + "\n"
    }

    fn report(&self, text: &str) -> Result<(), String> {
        match &self.report {
            Some(file) => {
                let name = file.display();
                fs::write(file, text).map_err(|why| format!("{name}: {why}"))?;
                println!("The table is in {name}.");
                Ok(())
            }
            None => {
                print!("{text}");
                Ok(())
            }
        }
    }
}

/// Two students with the same number have the same code.
fn hash_of_code(root: &Path) -> String {
    let files = crate::project::files(root, "src", "");
    let files: Vec<PathBuf> = files.iter().map(|file| root.join(file)).collect();
    hash_of_files(&files)
}

/// Of these words, some are files, or folders with files.
fn hash_of_files(words: &[impl AsRef<Path>]) -> String {
    let mut octets = Vec::new();
    for word in words.iter().map(AsRef::as_ref) {
        match fs::read(word) {
            Ok(read) => octets.extend(read),
            Err(_) => {
                let names = crate::project::files(word, "", "").into_iter();
                octets.extend(
                    names
                        .filter_map(|name| fs::read(word.join(name)).ok())
                        .flatten(),
                );
            }
        }
    }
    format!("{:016x}", card::hash(octets.into_iter()))
}
