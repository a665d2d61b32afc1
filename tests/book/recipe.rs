//! The recipe of a chapter: which parts it has, in which order, and how much of each. (The chapters
//! of the first edition were cooked without it.)

use crate::project::{Include, Page, Project, RUST, TextFile, anchors};

/// These headings come in this order. Chapter 1 has no code, and needs only the last three.
const HEADINGS: [&str; 5] = [WIRE, GOAL, SHORT, NOTE, EXERCISES];
const WIRE: &str = "## On the wire";
const GOAL: &str = "## What we would like to write";
pub const SHORT: &str = "## In short";
const NOTE: &str = "## Design note";
const EXERCISES: &str = "## Exercises";
const RUN: &str = "### Run it";

/// The exercises, by their numbers.
pub const WORDS: [&str; 3] = ["Predict", "Break", "Build"];

/// The goal is 120; ten more are well, here too.
const HOOK: usize = 130;
/// A first and a last number of words. Ten more or fewer are well.
const NOTE_WORDS: (usize, usize) = (140, 310);
/// The lines of the code that we would like to write.
const GOAL_LINES: (usize, usize) = (8, 20);

/// Which pages are cooked by the recipe.
pub fn pages(project: &Project) -> impl Iterator<Item = (usize, &Page)> {
    let pages = project.pages.iter();
    pages.filter_map(|page| Some((page.chapter?, page)))
}

pub fn is_followed(project: &Project) -> Vec<String> {
    let mut wrong = Vec::new();
    for (chapter, page) in pages(project) {
        wrong.extend(headings(chapter, page));
        wrong.extend(hook(chapter, page));
        wrong.extend(goal(project, chapter, page));
        wrong.extend(exercises(chapter, page));
        wrong.extend(excesses(project, page));
    }
    wrong.extend(project.pages.iter().flat_map(summaries));
    wrong
}

/// A `<summary>` is HTML: backticks in it would be seen as such.
fn summaries(page: &Page) -> Vec<String> {
    let lines = page.prose.iter();
    let wrong = lines.filter(|(_, text)| text.contains("<summary>") && text.contains('`'));
    let message = "in a summary, code is `<code>…</code>`";
    wrong
        .map(|(line, _)| page.file.complaint(*line, message))
        .collect()
}

fn headings(chapter: usize, page: &Page) -> Vec<String> {
    let mut wrong = Vec::new();
    let due = &HEADINGS[if chapter == 1 { 2 } else { 0 }..];
    let mut last = 1;
    for heading in due {
        match line_of(page, heading) {
            Some(line) if line < last => {
                let message = format!("`{heading}` comes too early: {}", due.join(", "));
                wrong.push(page.file.complaint(line, message));
            }
            Some(line) => last = line,
            None => wrong.push(page.file.complaint(1, format!("there is no `{heading}`"))),
        }
    }
    if chapter > 1 && line_of(page, RUN).is_none() {
        wrong.push(page.file.complaint(1, format!("there is no `{RUN}`")));
    }
    wrong
}

fn line_of(page: &Page, heading: &str) -> Option<usize> {
    let mut lines = page.prose.iter();
    lines
        .find(|(_, text)| text.trim_end() == heading)
        .map(|(line, _)| *line)
}

/// The lines of prose between a heading and the next of its level.
fn section<'p>(page: &'p Page, heading: &str) -> &'p [(usize, String)] {
    let mut lines = page.prose.iter();
    let Some(begin) = lines.position(|(_, text)| text.trim_end() == heading) else {
        return &[];
    };
    let end = lines.position(|(_, text)| text.starts_with("## "));
    &page.prose[begin + 1..end.map_or(page.prose.len(), |end| begin + 1 + end)]
}

/// The beginning, and the figures.
fn hook(chapter: usize, page: &Page) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut complain = |line, message: String| wrong.push(page.file.complaint(line, message));
    let first = page
        .prose
        .iter()
        .position(|(_, text)| text.starts_with("## "));
    let above = &page.prose[1..first.unwrap_or(page.prose.len()).max(1)];
    let here = format!("<figure class=\"here at-{chapter}\">");
    if !above.iter().any(|(_, text)| *text == here) {
        complain(1, format!("above the first heading there is no {here}"));
    }
    let mut in_figure = false;
    let mut count = 0;
    let said = above
        .iter()
        .filter(|(_, text)| !text.starts_with("<p class=\"short-path\">"));
    for (_, text) in said {
        in_figure |= text.starts_with("<figure");
        count += if in_figure { 0 } else { words(text) };
        in_figure &= text != "</figure>";
    }
    if !(1..=HOOK).contains(&count) {
        complain(
            1,
            format!("the hook has {count} words; 1 to {HOOK} are good"),
        );
    }
    let figures = page.prose.iter().filter(|(_, text)| text == "<figure>");
    if chapter > 1 && figures.count() == 0 {
        complain(1, "there is no <figure> of this chapter's own".to_string());
    }
    wrong
}

/// The reader sees first what the chapter's example will look like.
fn goal(project: &Project, chapter: usize, page: &Page) -> Option<String> {
    let lines = section(page, GOAL);
    let begin = line_of(page, GOAL).filter(|_| chapter > 1)?;
    let next = page
        .prose
        .iter()
        .find(|(line, text)| *line > begin && text.starts_with("## "));
    let end = next.map_or(usize::MAX, |(line, _)| *line);
    let example = format!("examples/ch{chapter:02}_");
    let mut listings = page.includes(&[RUST]).into_iter();
    let shown = listings.find(|listing| (begin..end).contains(&listing.line));
    let (least, most) = GOAL_LINES;
    match shown.filter(|shown| shown.path.starts_with(&example) && !lines.is_empty()) {
        None => {
            let message = format!("below this heading a piece of {example}… is shown first");
            Some(page.file.complaint(begin, message))
        }
        Some(shown) => {
            let count = length(project, &shown);
            let message = format!("the goal has {count} lines; {least} to {most} are good");
            let is_good = (least..=most).contains(&count);
            (!is_good).then(|| page.file.complaint(shown.line, message))
        }
    }
}

fn exercises(chapter: usize, page: &Page) -> Vec<String> {
    let lines = section(page, EXERCISES);
    let Some(begin) = line_of(page, EXERCISES) else {
        return Vec::new();
    };
    let mut wrong = Vec::new();
    let is_number = |text: &str| {
        let digits = text.trim_start_matches(|c: char| c.is_ascii_digit());
        digits.len() < text.len() && digits.starts_with(". ")
    };
    let items: Vec<_> = lines.iter().filter(|(_, text)| is_number(text)).collect();
    for (nth, word) in (1..).zip(WORDS) {
        let due = format!("{nth}. **{word}.** ");
        // By hand, one does without code what is built elsewhere.
        let by_hand = format!("{nth}. **Do.** ");
        let item = items
            .get(nth - 1)
            .map(|(line, text)| (*line, text.as_str()));
        let (line, text) = item.unwrap_or((begin, ""));
        let is_by_hand = chapter == 1 && text.starts_with(&by_hand);
        if !is_by_hand && !text.starts_with(&due) {
            wrong.push(
                page.file
                    .complaint(line, format!("exercise {nth} begins with `{due}`")),
            );
        }
    }
    if let Some((line, _)) = items.get(WORDS.len()) {
        wrong.push(
            page.file
                .complaint(*line, "there are three exercises, and no more"),
        );
    }
    let last = lines.iter().rev().find(|(_, text)| !text.trim().is_empty());
    let (line, text) = last.map_or((begin, ""), |(line, text)| (*line, text.as_str()));
    let due = format!("The answers are in [the appendix](answers.md#chapter-{chapter}).");
    if text != due {
        wrong.push(
            page.file
                .complaint(line, format!("the last line of the exercises is: {due}")),
        );
    }
    wrong
}

/// What a chapter has too much or too little of.
fn excesses(project: &Project, page: &Page) -> Vec<String> {
    let mut found = Vec::new();
    let mut too = |line, message: String| found.push(page.file.complaint(line, message));
    let listings = page.listings();
    let measured = listings.iter().map(|(listing, folded)| {
        let Include { line, .. } = listing;
        (*line, *folded, length(project, listing))
    });
    let measured: Vec<(usize, bool, usize)> = measured.collect();
    let mut open = Vec::new();
    for (line, folded, length) in measured {
        if folded && length > FOLDED {
            let message = format!("this listing has {length} lines; {FOLDED} are the most");
            too(line, message);
        } else if !folded {
            open.push(length);
            if length > LONGEST {
                let message = format!("this listing has {length} lines; {LONGEST} are the most");
                too(line, message);
            }
        }
    }
    open.sort_unstable();
    if open.len() > LISTINGS {
        let message = format!(
            "{} listings are not folded; {LISTINGS} are the most",
            open.len()
        );
        too(1, message);
    }
    let median = open
        .get(open.len().saturating_sub(1) / 2)
        .copied()
        .unwrap_or_default();
    if median > MEDIAN {
        let message = format!("half of the listings have {median} lines or more, not {MEDIAN}");
        too(1, message);
    }
    let lines: usize = open.iter().sum();
    let said = prose(page);
    if said < lines * WORDS_PER_LINE {
        let message = format!("{said} words for {lines} lines; {WORDS_PER_LINE} for each are due");
        too(1, message);
    }
    let asides = page
        .prose
        .iter()
        .filter(|(_, text)| text == "<aside class=\"rust\">");
    if let Some((line, _)) = asides.clone().nth(NOTIONS) {
        let message = format!("{} notions of Rust; {NOTIONS} are the most", asides.count());
        too(*line, message);
    }
    let note = section(page, NOTE)
        .iter()
        .map(|(_, text)| words(text))
        .sum();
    let (least, most) = NOTE_WORDS;
    if let Some(line) = line_of(page, NOTE)
        && !(least..=most).contains(&note)
    {
        let message = format!("this note has {note} words; 150 to 300 are good");
        too(line, message);
    }
    found
}

const LISTINGS: usize = 25;
const LONGEST: usize = 20;
const FOLDED: usize = 60;
/// The goal is eight.
const MEDIAN: usize = 10;
const WORDS_PER_LINE: usize = 10;
const NOTIONS: usize = 4;

/// How many lines a listing has.
fn length(project: &Project, listing: &Include) -> usize {
    let file = TextFile::read(&project.root, &listing.path);
    let anchors = file.map_or(Vec::new(), |file| anchors(&file, "//").0);
    let mut anchors = anchors.iter();
    let anchor = anchors.find(|anchor| Some(&anchor.name) == listing.anchor.as_ref());
    anchor.map_or(0, |anchor| anchor.lines.len())
}

/// How many words the page says outside of listings.
fn prose(page: &Page) -> usize {
    let lines = page.prose.iter().map(|(_, text)| text);
    let lines = lines.filter(|text| !text.starts_with("*File: `") && !text.starts_with("{{#"));
    lines.map(|text| words(text)).sum()
}

/// The words of a line, without its tags.
fn words(text: &str) -> usize {
    let mut plain = String::new();
    let mut in_tag = false;
    for (at, c) in text.char_indices() {
        let next = text[at..].chars().nth(1).unwrap_or(' ');
        in_tag |= c == '<' && (next.is_ascii_alphabetic() || next == '/');
        if !in_tag {
            plain.push(c);
        }
        in_tag &= c != '>';
    }
    let words = plain.split_whitespace();
    words
        .filter(|word| word.contains(char::is_alphanumeric))
        .count()
}
