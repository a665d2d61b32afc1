//! The pages for a course: the commands that a page names exist, the plan of the course hands out
//! assignments that exist and asks for no more work than it says, and each exam question is settled
//! by something that is played, or by a test.

use crate::project::{Page, Project, TextFile, files};
use crate::shown::has_test;
use std::collections::BTreeMap;

const PLAN: &str = "cw-course.md";
const EXAM: &str = "cw-exam.md";

/// Most hours of assignments in a week.
const HOURS: f64 = 6.0;
/// The week of the exam, in which the last assignments are due.
const LAST_WEEK: usize = 15;
/// What a student needs for full marks, with the best six assignments.
const FULL_MARKS: usize = 120;
const BEST: usize = 6;

/// What a card says of an assignment.
struct Assignment {
    hours: usize,
    points: usize,
}

/// The assignments, by their numbers.
fn assignments(project: &Project) -> BTreeMap<String, Assignment> {
    let mut all = BTreeMap::new();
    for name in files(&project.root, "book/coursework", "txt") {
        let Some(folder) = name.strip_suffix("/card.txt") else {
            continue;
        };
        let card = TextFile::read(&project.root, &name).map_or(Vec::new(), |file| file.lines);
        let word = |key: &str| {
            let mut lines = card.iter();
            lines.find_map(|line| Some(line.strip_prefix(key)?.trim().to_string()))
        };
        let points = match word("level ").as_deref() {
            Some("easy") => 10,
            Some("middle") => 20,
            _ => 30,
        };
        let hours = word("hours ").and_then(|hours| hours.parse().ok());
        let number = folder.rsplit('/').next().and_then(|name| name.get(..2));
        if let (Some(number), Some(hours)) = (number, hours) {
            all.insert(number.to_string(), Assignment { hours, points });
        }
    }
    all
}

fn named<'p>(project: &'p Project, name: &str) -> Option<&'p Page> {
    project.pages.iter().find(|page| page.name() == name)
}

// --- Commands -------------------------------------------------------------------------------------

/// Each command in a sentence names an example, a test, a tool, a chapter or an assignment that
/// exists.
pub fn commands_exist(project: &Project) -> Vec<String> {
    let assignments = assignments(project);
    let mut wrong = Vec::new();
    for page in &project.pages {
        for (line, quote) in quotes(page) {
            for command in quote.split(" | ") {
                let words: Vec<&str> = command.split_whitespace().collect();
                let why = unknown(project, &assignments, &words);
                wrong.extend(why.map(|why| page.file.complaint(line, why)));
            }
        }
    }
    wrong
}

/// What is between backticks, also over the end of a line.
fn quotes(page: &Page) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (line, text) in &page.prose {
        if text.trim().is_empty() {
            open = None;
        }
        for (at, part) in text.split('`').enumerate() {
            if at > 0 {
                match open.take() {
                    Some(quote) => found.push(quote),
                    None => open = Some((*line, String::new())),
                }
            }
            if let Some((_, quote)) = &mut open {
                quote.push_str(part);
            }
        }
        if let Some((_, quote)) = &mut open {
            quote.push(' ');
        }
    }
    found
}

/// What a command names that is not there.
fn unknown(
    project: &Project,
    assignments: &BTreeMap<String, Assignment>,
    words: &[&str],
) -> Option<String> {
    let missing = |what: String| Some(format!("there is no {what}"));
    // `-q` changes nothing.
    let words: Vec<&str> = words.iter().copied().filter(|word| *word != "-q").collect();
    match words.as_slice() {
        ["cargo", "run", "--example", example, rest @ ..] => {
            let name = format!("examples/{example}.rs");
            if !project.has(&name) {
                return missing(name);
            }
            match rest {
                ["--", words @ ..] if *example == "grade" => {
                    let chapter = match words {
                        ["chapter", number] | ["start", "chapter", number, _] => Some(number),
                        _ => None,
                    };
                    let is_number = |word: &&str| word.parse::<usize>().is_ok();
                    let number = words.first().filter(|word| is_number(word));
                    let chapter = chapter.filter(|chapter| {
                        let page = chapter.parse().ok().and_then(|it| project.page(it));
                        page.is_none()
                    });
                    match (chapter, number) {
                        (Some(chapter), _) => missing(format!("chapter {chapter}")),
                        (_, Some(number)) if !assignments.contains_key(*number) => {
                            missing(format!("assignment {number}"))
                        }
                        _ => None,
                    }
                }
                _ => None,
            }
        }
        ["cargo", "run", "--", command, options @ ..] => {
            let manual = manual(project, command);
            if manual.is_empty() {
                return missing(format!("command `{command}` in the manual"));
            }
            let mut options = options.iter().filter(|word| word.starts_with("--"));
            let option = options.find(|option| !manual.contains(**option))?;
            missing(format!("option {option} of `{command}` in the manual"))
        }
        ["cargo", "test", "--test", test, ..] => {
            let names = [format!("tests/{test}.rs"), format!("tests/{test}/main.rs")];
            let is_there = names.iter().any(|name| project.has(name));
            // Answers of the exercises bring this one.
            let is_there = is_there || *test == "answer";
            (!is_there).then(|| format!("there is no {}", names[0]))
        }
        ["bash", tool, ..] if !project.has(tool) => missing(tool.to_string()),
        _ => None,
    }
}

/// What the manual says of a command of the program.
fn manual(project: &Project, command: &str) -> String {
    let file = TextFile::read(&project.root, "src/command_line/help.txt");
    let mut text = String::new();
    let mut is_it = false;
    for line in file.map_or(Vec::new(), |file| file.lines) {
        if let Some(usage) = line.strip_prefix("smtp-primer ") {
            is_it = usage.split_whitespace().next() == Some(command);
        }
        if is_it {
            text += &(line + "\n");
        }
    }
    text
}

/// A sentence such as `Assignment 02 goes on from here: [Plus addresses](cw02-plus.md)` has the
/// number and the title of the sheet; or the link is `[assignment 02](cw02-plus.md)`. (That the sheet
/// exists is for `links`.)
pub fn assignments_are_named(project: &Project) -> Vec<String> {
    let mut wrong = Vec::new();
    let pages = project.pages.iter();
    for page in pages.filter(|page| page.name() != "SUMMARY.md") {
        let mut sentence = "";
        for (line, text) in &page.prose {
            if text.starts_with("Assignment") {
                sentence = text.split(':').next().unwrap_or_default();
            }
            for (before, after) in text.match_indices("](cw").map(|(at, _)| text.split_at(at)) {
                let name = after.trim_start_matches("](").split([')', '#']).next();
                let sheet = named(project, name.unwrap_or_default());
                let title = sheet.and_then(|sheet| sheet.file.lines.first());
                let title = title.and_then(|title| title.strip_prefix("# "));
                let Some((number, title)) = title.and_then(|title| title.split_once(' ')) else {
                    continue;
                };
                let is_title = before.ends_with(&format!("[{title}")) && sentence.contains(number);
                let is_number = before.ends_with(&format!("ssignment {number}"));
                if number.parse::<usize>().is_ok() && !is_title && !is_number {
                    let message = format!("this is assignment {number}, {title}");
                    wrong.push(page.file.complaint(*line, message));
                }
            }
        }
    }
    wrong
}

// --- The plan -------------------------------------------------------------------------------------

/// `02 or 03 → 6` in a week of the plan: one of these assignments is due at the end of week 6.
struct HandedOut {
    choice: Vec<String>,
    week: usize,
    due: usize,
}

/// The plan reads all chapters in order, hands out what exists, and asks for as much as it says.
pub fn plan_is_possible(project: &Project) -> Vec<String> {
    let Some(page) = named(project, PLAN) else {
        return Vec::new();
    };
    let assignments = assignments(project);
    let mut wrong = Vec::new();
    let mut tracks = [Vec::new(), Vec::new()];
    let mut chapters = Vec::new();
    for (line, text) in &page.prose {
        let cells: Vec<&str> = text.split('|').map(str::trim).collect();
        let ["", week, read, cells @ .., ""] = cells.as_slice() else {
            continue;
        };
        let Ok(week) = week.parse::<usize>() else {
            continue;
        };
        let is_long = cells.len() == tracks.len();
        let read = read.split(", ").filter_map(|it| it.parse::<usize>().ok());
        chapters.extend(read.filter(|_| is_long));
        for (at, cell) in cells
            .iter()
            .enumerate()
            .filter(|(_, cell)| !cell.is_empty())
        {
            match handed_out(&assignments, week, cell) {
                Ok(it) if is_long => tracks[at].push(it),
                Ok(_) => {}
                Err(why) => wrong.push(page.file.complaint(*line, why)),
            }
        }
    }
    let all: Vec<usize> = project
        .pages
        .iter()
        .filter_map(|page| page.chapter)
        .collect();
    if chapters != all {
        let message = format!("the weeks read these chapters: {chapters:?}");
        wrong.push(page.file.complaint(1, message));
    }
    for (track, handed_out) in ["R", "A"].iter().zip(&tracks) {
        let too_much = too_much(&assignments, handed_out).into_iter();
        let too_much = too_much.chain(too_few_points(&assignments, handed_out));
        wrong.extend(too_much.map(|why| page.file.complaint(1, format!("track {track}: {why}"))));
    }
    wrong
}

fn handed_out(
    assignments: &BTreeMap<String, Assignment>,
    week: usize,
    cell: &str,
) -> Result<HandedOut, String> {
    let form = || format!("`{cell}` is not of the form `02 or 03 → 6`");
    let (choice, due) = cell.split_once(" → ").ok_or_else(form)?;
    let due = due.parse().map_err(|_| form())?;
    let choice: Vec<String> = choice.split(" or ").map(str::to_string).collect();
    let mut numbers = choice.iter();
    match numbers.find(|number| !assignments.contains_key(*number)) {
        Some(number) => Err(format!("there is no assignment {number}")),
        None if !(week..=LAST_WEEK).contains(&due) => Err(format!("due in week {due}?")),
        None => Ok(HandedOut { choice, week, due }),
    }
}

/// The weeks in which a student works longer than the page says, if the work of each assignment is
/// the same in each of its weeks.
fn too_much(assignments: &BTreeMap<String, Assignment>, handed_out: &[HandedOut]) -> Vec<String> {
    let mut wrong = Vec::new();
    for week in 1..=LAST_WEEK {
        let hours = handed_out.iter().map(|it| {
            let hours = it.choice.iter().map(|number| assignments[number].hours);
            let weeks = (it.due - it.week + 1) as f64;
            match (it.week..=it.due).contains(&week) {
                true => hours.max().unwrap_or_default() as f64 / weeks,
                false => 0.0,
            }
        });
        let hours: f64 = hours.sum();
        if hours > HOURS {
            wrong.push(format!(
                "week {week} has {hours:.1} hours, {HOURS} are the most"
            ));
        }
    }
    wrong
}

/// Can a student reach full marks with the best six, one of them hard?
fn too_few_points(
    assignments: &BTreeMap<String, Assignment>,
    handed_out: &[HandedOut],
) -> Option<String> {
    let points = handed_out.iter().map(|it| {
        let points = it.choice.iter().map(|number| assignments[number].points);
        points.max().unwrap_or_default()
    });
    let mut points: Vec<usize> = points.collect();
    points.sort_unstable_by(|one, other| other.cmp(one));
    let best: usize = points.iter().take(BEST).sum();
    let has_hard = points.first() == Some(&30);
    (!has_hard || best < FULL_MARKS)
        .then(|| format!("the best {BEST} have {best} points, hard ones: {has_hard}"))
}

// --- The exam -------------------------------------------------------------------------------------

/// A question of the page, from its heading to the next.
struct Question<'p> {
    line: usize,
    title: &'p str,
    lines: Vec<&'p str>,
}

/// Each question has its points, a section of an RFC, a chapter, a folded answer, and in it
/// something that settles it: a file that is played, or tests.
pub fn questions_are_settled(project: &Project) -> Vec<String> {
    let Some(page) = named(project, EXAM) else {
        return Vec::new();
    };
    let mut wrong = Vec::new();
    let tests = files(&project.root, "tests", "rs");
    let mut points = 0;
    let mut last = 0;
    for question in questions(page) {
        let mut complain = |what: String| wrong.push(page.file.complaint(question.line, what));
        let is_numbered = question.title.starts_with(|c: char| c.is_ascii_digit());
        if is_numbered {
            last += 1;
            if !question.title.starts_with(&format!("{last}. ")) {
                complain(format!("this is question {last}"));
            }
        }
        let head = question.lines.iter().find(|line| !line.is_empty());
        match head.and_then(|head| points_of(project, head)) {
            Some(here) => points += if is_numbered { here } else { 0 },
            None => complain("below: *P points · M minutes · RFC N §S · chapter C*".to_string()),
        }
        let begin = question.lines.iter().position(|line| *line == "<details>");
        let end = question.lines.iter().position(|line| *line == "</details>");
        let (Some(begin), Some(end)) = (begin, end) else {
            complain("there is no folded answer".to_string());
            continue;
        };
        let answer = question
            .lines
            .get(begin..end)
            .unwrap_or_default()
            .join("\n");
        let names = answer.split('`').skip(1).step_by(2);
        let is_name = |name: &&str| name.contains('_') && !name.contains([' ', '/', '\n']);
        let names: Vec<&str> = names.filter(is_name).collect();
        for name in &names {
            if !tests.iter().any(|file| has_test(project, file, name)) {
                complain(format!("there is no test `{name}`"));
            }
        }
        let is_played = ["../dialogues/", "../terminal/"]
            .iter()
            .any(|folder| answer.contains(&format!("{{{{#include {folder}")));
        if !is_played && names.is_empty() {
            complain("nothing settles it: no file that is played, and no test".to_string());
        }
        for due in ["*A good answer says", "*To vary:*"] {
            if is_numbered && !answer.contains(due) {
                complain(format!("the answer has no `{due}`"));
            }
        }
    }
    let sum = format!("have {points} points together");
    if !page.file.lines.iter().any(|line| line.contains(&sum)) {
        wrong.push(
            page.file
                .complaint(1, format!("nothing says that all {sum}")),
        );
    }
    wrong
}

fn questions(page: &Page) -> Vec<Question<'_>> {
    let mut all: Vec<Question> = Vec::new();
    let mut in_question = false;
    for (line, text) in page.file.numbered() {
        if let Some(title) = text.strip_prefix("### ") {
            in_question = true;
            let lines = Vec::new();
            all.push(Question { line, title, lines });
        } else if text.starts_with("## ") {
            in_question = false;
        } else if let Some(question) = all.last_mut().filter(|_| in_question) {
            question.lines.push(text);
        }
    }
    all
}

/// The points in `*4 points · 4 minutes · RFC 5321 §3.1 · chapters 1, 11*`. (The section is for
/// `links`.)
fn points_of(project: &Project, head: &str) -> Option<usize> {
    let head = head.strip_prefix('*')?.strip_suffix('*')?;
    let parts: Vec<&str> = head.split(" · ").collect();
    let [points, minutes, section, chapters] = parts.as_slice() else {
        return None;
    };
    let number = |text: &str| text.split(' ').next()?.parse::<usize>().ok();
    let mut chapters = chapters
        .strip_prefix("chapter")?
        .trim_start_matches('s')
        .split(',');
    let are_there = chapters.all(|it| {
        let chapter = it.trim().parse().ok();
        chapter.is_some_and(|chapter| project.page(chapter).is_some())
    });
    let is_good = minutes.ends_with(" minutes") && number(minutes).is_some();
    let is_good = is_good && section.starts_with("RFC ") && section.contains('§') && are_there;
    number(points).filter(|_| is_good)
}

// --- The checker is checked -----------------------------------------------------------------------

#[test]
fn a_fault_in_the_pages_for_a_course_is_found() {
    type Rule = fn(&Project) -> Vec<String>;
    const CHAPTER: &str = "ch04-address.md";
    const WAYS: [(Rule, &str, &str, &str, &str); 16] = [
        (
            commands_exist,
            PLAN,
            "ch10_busy",
            "ch10_lazy",
            "no examples/ch10_lazy.rs",
        ),
        (
            commands_exist,
            PLAN,
            "grade -- 13 start",
            "grade -- 99 start",
            "no assignment 99",
        ),
        (
            commands_exist,
            PLAN,
            "chapter 2 FOLDER",
            "chapter 42 FOLDER",
            "no chapter 42",
        ),
        (
            commands_exist,
            PLAN,
            "-- journey",
            "-- voyage",
            "no command `voyage`",
        ),
        (
            commands_exist,
            PLAN,
            "--keep",
            "--hold",
            "no option --hold of `journey`",
        ),
        (
            commands_exist,
            PLAN,
            "hostile_peers",
            "kind_peers",
            "no tests/kind_peers.rs",
        ),
        (
            commands_exist,
            PLAN,
            ".ci/swap",
            ".ci/barter",
            "no .ci/barter",
        ),
        (
            plan_is_possible,
            PLAN,
            "| 4 | 4 |",
            "| 4 | 5 |",
            "read these chapters",
        ),
        (
            plan_is_possible,
            PLAN,
            "02 → 5",
            "98 → 5",
            "no assignment 98",
        ),
        (
            plan_is_possible,
            PLAN,
            "| 05 → 6 |",
            "| 05 → 5 |",
            "track R: week 5",
        ),
        (
            plan_is_possible,
            PLAN,
            "| 06 → 9 |\n",
            "| |\n",
            "track A: the best 6 have",
        ),
        (
            questions_are_settled,
            EXAM,
            "*4 points",
            "*5 points",
            "have 91 points together",
        ),
        (
            questions_are_settled,
            EXAM,
            "### 5. ",
            "### 6. ",
            "this is question 5",
        ),
        (
            questions_are_settled,
            EXAM,
            "`when_nobody_",
            "`when_someone_",
            "no test `when_someone_",
        ),
        (
            assignments_are_named,
            CHAPTER,
            "[Plus addresses]",
            "[Plus]",
            "assignment 02, Plus",
        ),
        (
            assignments_are_named,
            CHAPTER,
            "Assignment 02",
            "Assignment 03",
            "this is assignment 02",
        ),
    ];
    for (rule, name, from, to, due) in WAYS {
        let mut project = crate::the_book();
        let mut pages = project.pages.iter_mut();
        let page = pages.find(|page| page.name() == name).expect("the page");
        let text = page.file.lines.join("\n") + "\n";
        assert!(text.contains(from), "{name} has no {from}");
        let text = text.replacen(from, to, 1);
        page.replace(&text);
        let all = rule(&project).join("\n");
        assert!(all.contains(due), "{from} ~> {to}: {due} is not in\n{all}");
    }
}
