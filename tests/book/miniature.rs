//! Rule 6: the checker is checked. Here is a whole book of three chapters that is right; then it is
//! broken in one way after another, and each time the rule says in which file and line.

use crate::common::folder::TempDir;
use crate::project::{Project, TextFile};
#[cfg(unix)]
use crate::terminals;
use crate::{
    answers, appendices, asides, deck, defects, dialogues, ledger, links, listings, order,
    outlines, patches, quotes, recipe, robot, transcripts,
};
use smtp_primer::protocol::command::Verb;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

type Rule = fn(&Project) -> Vec<String>;

const RULES: &[Rule] = &[
    listings::text_is_code,
    listings::code_is_text,
    robot::ends_with_the_code,
    order::only_backwards,
    transcripts::are_files,
    recipe::is_followed,
    answers::are_there,
    patches::fit,
    outlines::are_true_and_shown,
    asides::are_listed,
    links::lead_somewhere,
    links::cited_sections_exist,
    links::belong_together,
    quotes::exist,
    deck::is_shown_running,
    ledger::is_complete_and_true,
    defects::are_caught,
    appendices::commands,
    appendices::replies,
    appendices::terms,
];

/// These take longer.
const PLAYED: &[Rule] = &[
    dialogues::happen,
    #[cfg(unix)]
    terminals::happen,
];

const FILES: &[(&str, &str)] = &[
    (
        "Cargo.toml",
        "[package]\nname = \"smtp-primer\"\nedition = \"2024\"\n",
    ),
    (
        "src/lib.rs",
        "// ANCHOR: story
//! # A small book
// ANCHOR_END: story

// ANCHOR: line
pub mod line;
// ANCHOR_END: line

// ANCHOR: session
pub mod session;
// ANCHOR_END: session
",
    ),
    (
        "src/line.rs",
        "// ANCHOR: story
//! # Lines (chapter 2)
// ANCHOR_END: story

// ANCHOR: limit
/// RFC 5321 §4.5.3.1.4, §2.3.8
pub const LIMIT: usize = 512;
// ANCHOR_END: limit

// ANCHOR: fits
pub fn fits(line: &str) -> bool {

    line.len() < LIMIT
}
// ANCHOR_END: fits
",
    ),
    (
        "src/session.rs",
        "// ANCHOR: story
//! # The session (chapter 3)
use crate::line::{self, LIMIT};
// ANCHOR_END: story

// ANCHOR: answer
pub fn answer(line: &str) -> String {
    if line::fits(line) {
        say(250, \"OK\")
    } else {
        say(500, &LIMIT.to_string())
    }
}

fn say(code: u16, text: &str) -> String {
    format!(\"{code} {text}\")
}
// ANCHOR_END: answer
",
    ),
    ("src/session/words.txt", "OK\n\nis all we say\n"),
    (
        "examples/ch02_line.rs",
        "// ANCHOR: goal\nfn main() {\n    let fits = smtp_primer::line::fits;\n    assert!(fits(\"\"));\n\
         \n    if fits(\"a\") {\n        assert!(fits(\"a\"));\n    }\n}\n// ANCHOR_END: goal\n",
    ),
    (
        "examples/ch03_session.rs",
        "// ANCHOR: goal\nfn main() {\n    let answer = smtp_primer::session::answer(\"\");\n\
         \n    match answer.as_str() {\n        \"250 OK\" => {}\n        _ => panic!(),\n    }\n}\n\
         // ANCHOR_END: goal\n",
    ),
    (
        "tests/ch02_line.rs",
        "/// CVE-2, mailer #12,
/// CVE-1.
#[test]
fn short_lines_fit() {
    // Other HISTORY
    // 7
}

// mailer #1
#[test]
fn long_lines_do_not() {}
",
    ),
    ("tests/ch03_session.rs", ""),
    (
        "book/src/SUMMARY.md",
        "- [Start](ch01-start.md)
- [Lines](ch02-line.md)
- [The session](ch03-session.md)

[Deck](deck.md)

[Commands](commands.md)

[Rules](ledger.md)

[Mistakes](defects.md)

[The replies](replies.md)

[Glossary](glossary.md)

[Answers](answers.md)

[Rust in this book](rust.md)
",
    ),
    (
        "book/src/answers.md",
        "# Answers

Here are the answers to all exercises. Try each exercise first, and then compare. Where an answer changes the code, the
change is shown: a line with `-` goes away, and a line with `+` comes in its place. The lines without a
sign are there already, and show the place.

Some signs in a change are for the tests of this book. A line with *ANCHOR* marks where a listing begins or ends, and
your own files do not have it. The numbers between two @@ are for the files of the project: look for the lines
themselves. Above a change, *red* names a test that fails with the change, and *green* a file of tests that passes with
it. So *green: answer* is the file *answer.rs* in the folder of the tests, which the change itself brings.

{{#include answers/ch01.md}}

{{#include answers/ch02.md}}

{{#include answers/ch03.md}}
",
    ),
    ("book/src/answers/ch01.md", "## Chapter 1\n\nANSWERS"),
    ("book/src/answers/ch03.md", "## Chapter 3\n\nANSWERS"),
    (
        "book/src/answers/ch02.md",
        "## Chapter 2

Lines are [short](ch02-line.md), as [above](#chapter-2) and [here](answers.md#chapter-2).

ANSWERS

```diff
{{#include ../../answers/02-2.patch}}
```
",
    ),
    (
        "book/answers/02-2.patch",
        "red: ch02_line short_lines_fit

--- a/src/line.rs
+++ b/src/line.rs
@@ -1,2 +1,2 @@
-    line.len() < LIMIT
+    line.len() > LIMIT
 }
",
    ),
    (
        "book/src/ch01-start.md",
        "# 1. Start

See [below](#start-again), and [the code](../../src/lib.rs).

<figure class=\"here at-1\">
{{#include ../figures/way.svg}}
</figure>

## Start again

```console
{{#include ../terminal/01-version.txt}}
```

## In short

WORDS
",
    ),
    (
        "book/src/ch02-line.md",
        "# 2. Lines

A line was cut.

<figure class=\"here at-2\">
{{#include ../figures/way.svg}}
</figure>

## On the wire

Look.

## What we would like to write

*File: `examples/ch02_line.rs`*

```rust,ignore
{{#include ../../examples/ch02_line.rs:goal}}
```

<figure>
{{#include ../figures/way.svg}}
</figure>

## Lines

*File: `src/lib.rs`*

```rust,ignore
{{#include ../../src/lib.rs:story}}
```

*File: `src/lib.rs`*

```rust,ignore
{{#include ../../src/lib.rs:line}}
```

*File: `src/line.rs`*

```rust,ignore
{{#include ../../src/line.rs:story}}
```

- a list

*File: `src/line.rs`*

```rust,ignore
{{#include ../../src/line.rs:fits}}
```

*File: `src/line.rs`, above `pub fn fits`*

```rust,ignore
{{#include ../../src/line.rs:limit}}
```

<aside class=\"rust\">

**`len`.** It counts `a.` octets. Not
more.

</aside>

### Run it

It runs.

<aside class=\"lore\">

Once upon a time.

</aside>

## In short

```text
{{#include ../outlines/ch02.txt}}
```

WORDS
",
    ),
    (
        "book/src/ch03-session.md",
        "# 3. The session

Who is to answer?

<figure class=\"here at-3\">
{{#include ../figures/way.svg}}
</figure>

## On the wire

```smtp
{{#include ../dialogues/03-noop.txt:noop}}
```

## What we would like to write

*File: `examples/ch03_session.rs`*

```rust,ignore
{{#include ../../examples/ch03_session.rs:goal}}
```

## The answer

<figure>
{{#include ../figures/way.svg}}
</figure>

*File: `src/lib.rs`*

```rust,ignore
{{#include ../../src/lib.rs:session}}
```

*File: `src/session.rs`*

```rust,ignore
{{#include ../../src/session.rs:story}}
```

*File: `src/session.rs`*

```rust,ignore
{{#include ../../src/session.rs:answer}}
```

Back to [the start](ch01-start.md#start-again).

*File: `src/session/words.txt`*

```text
{{#include ../../src/session/words.txt}}
```

### Run it

It runs.

## In short

```text
{{#include ../outlines/ch03.txt}}
```

WORDS
",
    ),
    (
        "book/outlines/ch02.txt",
        "src/line.rs

const LIMIT: usize = 512
fn fits(line: &str) -> bool
",
    ),
    (
        "book/outlines/ch03.txt",
        "src/session.rs

fn answer(line: &str) -> String
",
    ),
    (
        "book/src/rust.md",
        "# Rust in this book

Each notion of Rust is explained once. This table says where.

| notion | in one sentence | where |
|---|---|---|
| `len` | It counts `a.` octets. | [2: Lines](ch02-line.md#lines) |
",
    ),
    (
        "book/src/replies.md",
        "# The replies\n\n| 250 | yes |\n| 500 | no |\n",
    ),
    (
        "tests/book/rfc_musts.txt",
        "# counts\n5321 2.3.8 3\n5321 4.1 1\n1939 A 1\n",
    ),
    (
        "book/src/ledger.md",
        "# Rules

## RFC 5321

| no. | rule | code | told in | test |
|---|---|---|---|---|
| 2.3.8 #1 #2 #3 | short | [`src/line.rs`](../../src/line.rs) `fits` | [2](ch02-line.md#lines) | \
[`t`](../../tests/ch02_line.rs) `short_lines_fit` |
| 4.1 #1 | talk | [`src/line.rs`](../../src/line.rs) `fits` | [2](ch02-line.md#lines) | \
[`n`](../../book/dialogues/03-noop.txt) |

## RFC 1939

| no. | rule | code | told in | test |
|---|---|---|---|---|
| A #1 | wait | left out, because nobody does | | |
",
    ),
    (
        "book/src/defects.md",
        "# Mistakes

| no. | what happened | root cause | code | test |
|---|---|---|---|---|
",
    ),
    ("book/src/glossary.md", "# Glossary\n\nWord\n: 词.\n"),
    (
        "book/figures/way.svg",
        "<svg viewBox=\"0 0 9 9\">\n<title id=\"way-title\">A way</title>\n</svg>\n",
    ),
    (
        "book/dialogues/03-noop.txt",
        "# against: smtp-primer serve
# ANCHOR: noop
S: 220 {}
# RFC 5321 §4.1.1.9: nothing is done
C: NOOP
S: 250 OK
# ANCHOR_END: noop
",
    ),
    (
        "book/terminal/01-version.txt",
        "$ cargo run -q -- --version\nsmtp-primer {}\n$ echo one; echo two\n...\ntwo\n\
         $ cargo run -- \\\n    --version\nsmtp-primer {}\n",
    ),
];

/// And their answers.
const ANSWERS: &str = "<details>
<summary>N.1 Predict: what?</summary>

That.

</details>

<details><summary>N.2 Break: this</summary>

</details>

<details>
<summary>N.3 Build: that</summary>

</details>
";

const PAGES: [(&str, &str); 3] = [
    ("1", "book/src/ch01-start.md"),
    ("2", "book/src/ch02-line.md"),
    ("3", "book/src/ch03-session.md"),
];

/// What all chapters have at their ends.
const END: &str = "## Design note

NOTE

## Exercises

1. **Predict.** What?
2. **Break.** This,

   and that.
3. **Build.** That.

The answers are in [the appendix](answers.md#chapter-N).
";

/// The miniature book, with one text in one file replaced.
fn book(file: &str, from: &str, to: &str) -> TempDir {
    let folder = TempDir::in_memory("miniature");
    let mut files: BTreeMap<&str, String> = FILES
        .iter()
        .map(|(name, text)| (*name, text.to_string()))
        .collect();
    let mut marks = String::new();
    let code = "[`line`](../../src/line.rs) `fits`";
    let proof = "[`tests`](../../tests/ch02_line.rs) `short_lines_fit`";
    for number in 1..=33 {
        let id = format!("<a id=\"d{number}\"></a>D{number}");
        let row = format!("| {id} | so | 词 | [2](ch02-line.md) | {code} | {proof} |\n");
        *files.entry("book/src/deck.md").or_default() += &row;
        let to = format!("href=\"deck.md#d{number}\" title=\"词\"");
        let mark = format!("<a class=\"deck\" {to}>D{number}</a>\n");
        marks += &mark;
    }
    for (number, page) in PAGES {
        let answers = format!("book/src/answers/ch0{number}.md");
        for (_, text) in files.iter_mut().filter(|(name, _)| **name == answers) {
            *text = text.replace("ANSWERS", &ANSWERS.replace('N', number));
        }
        let end = END
            .replace("NOTE", &"word ".repeat(300))
            .replace('N', number);
        let text = files.entry(page).or_default();
        *text = text.replace("WORDS", &end);
        let marks = if number == "2" { &marks } else { "" };
        *text = text.replace("Look.", marks);
    }
    for number in 1..=60 {
        let cannot = "cannot happen here, because nobody is angry";
        let (what, code, proof) = match number {
            1 => ("a (short) line was cut (mailer #12, CVE-2)", code, proof),
            2 => ("it was cut again (Other HISTORY 7)", code, proof),
            _ => ("a bomb (mailer #12)", cannot, ""),
        };
        let told = if code == cannot {
            ""
        } else {
            "[2](ch02-line.md#lines)"
        };
        let row = format!("| {number} | {what} | haste | {code} | {told} | {proof} |\n");
        *files.entry("book/src/defects.md").or_default() += &row;
    }
    for verb in Verb::all() {
        let (form, about) = verb.explain();
        let about = appendices::section(about);
        let row = format!("| {} | `{form}` | {about} |\n", verb.name());
        *files.entry("book/src/commands.md").or_default() += &row;
    }
    let text = files.entry(file).or_default();
    assert!(text.contains(from), "{file} has no {from}");
    *text = text.replacen(from, to, 1);
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }
    folder
}

/// What the rules say of a book in which one text is replaced.
fn complaints(file: &str, from: &str, to: &str) -> Vec<String> {
    check(&book(file, from, to), file)
}

fn check(folder: &TempDir, file: &str) -> Vec<String> {
    let project = Project::read(folder.path());
    let played = if file.ends_with(".txt") { PLAYED } else { &[] };
    let rules = RULES.iter().chain(played);
    rules.flat_map(|rule| rule(&project)).collect()
}

#[test]
fn a_book_that_is_right_passes() {
    assert_eq!(complaints("book/dialogues/03-noop.txt", "", ""), [""; 0]);
}

/// Breaks a file of the book in each of these ways: `what ~> something else !! 22: the complaint`.
/// The complaint is about a line of this file, unless it names another: `!! src/line.rs:5: so`.
/// `!! <text>+1: so` is the line after the first one with this text. `\n` and `\s` stand for a line end and a space.
fn breaks(file: &str, ways: &str) {
    let mut missed = Vec::new();
    for way in ways.trim().lines() {
        let (from, rest) = way.split_once(" ~> ").expect("what");
        let (to, due) = rest.split_once(" !! ").expect("the complaint");
        let [from, to] =
            [from, to].map(|text| text.trim().replace("\\n", "\n").replace("\\s", " "));
        let (place, message) = due.split_once(": ").expect("where");
        let is_here = place.starts_with(|c: char| c == '<' || c.is_ascii_digit());
        let place = match is_here {
            true => format!("{file}:{place}"),
            false => place.to_string(),
        };
        let folder = book(file, &from, &to);
        let place = numbered(&place, folder.path()) + ": ";
        let all = check(&folder, file);
        let mut lines = all.iter().flat_map(|complaint| complaint.lines());
        let found = lines.any(|line| line.starts_with(&place) && line.contains(message));
        if !found {
            missed.push(format!("{file}: {way}\nwhat came is {all:#?}"));
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

/// `file:12` for `file:<text>+2`, if the first line of the file that has this text is its 10th.
fn numbered(place: &str, folder: &Path) -> String {
    let found = place.split_once(":<").and_then(|(name, rest)| {
        let (text, offset) = rest.rsplit_once('>')?;
        let file = TextFile::read(folder, name).expect("a file");
        let found = file.numbered().find(|(_, line)| line.contains(text));
        let (line, _) = found.unwrap_or_else(|| panic!("{name} has no {text}"));
        let offset: isize = offset.parse().unwrap_or_default();
        Some(format!("{name}:{}", line.saturating_add_signed(offset)))
    });
    found.unwrap_or(place.to_string())
}

#[test]
fn a_listing_that_is_not_the_code_is_found() {
    breaks(
        "book/src/ch02-line.md",
        r"
:limit}} ~> :limits}} !! <:limits>: 0 anchors `limits`
:limit}} ~> }} !! <line.rs}}>: without an anchor
line.rs:limit ~> lime.rs:limit !! <lime.rs>: no file src/lime.rs
{{#include ../../src/line.rs:limit}} ~> const LIMIT: usize = 512; !! <const LIMIT>-1: one {{#include
{{#include ../../src/line.rs:limit}} ~> // but first\n{{#include a:b}} !! <// but>-1: one {{#include
:limit}} ~> :fits}} !! <:fits}}>+6: shown before, at
:limit}} ~> :fits}} !! src/line.rs:5: `limit` is shown nowhere
```rust,ignore ~> ``` !! <```>: names no language
```rust,ignore ~> ```rust !! <```>: none of the languages
outlines/ch02.txt}}\n``` ~> outlines/ch02.txt}} !! <outlines>-1: never ends
- a list ~> \s\s\s\sfn main() {} !! <fn main>: four spaces
```rust,ignore ~> ```sh !! <```sh>: none of the languages
```rust,ignore ~> ```text !! <```text>+1: a whole file of book/settings
- a list ~> ```diff\n{{#include ../../src/line.rs}}\n``` !! <```diff>+1: a whole .patch of book/answers
- a list ~> > ~~~rust !! <~~~>: three backticks
- a list ~> > ```rust !! <> ```>: three backticks
- a list ~> <pre> !! <<pre>>: not in <pre>
- a list ~> {{ #include ../../src/line.rs:limit}} !! <{{ #>: only a figure
- a list ~> {{#include ../../src/line.rs:limit}} !! <:limit}}>: only a figure
- a list ~> {{#include answers/ch02.md}} !! <answers/>: only a figure
- a list ~> <figure class='here at-3'>\n{{#include ../figures/way.svg}} !! <at-3'>+1: only a figure
",
    );
    breaks(
        "src/line.rs",
        r"
// ANCHOR_END: limit\n ~> \s !! 9: begins inside `limit`
// ANCHOR_END: fits\n ~> \s !! 10: never closed
// ANCHOR: limit\n ~> \s !! 7: was not open
ANCHOR: fits ~> ANCHOR: limit !! 10: two anchors `limit`
// ANCHOR: limit ~> // ANCHOR: Limit !! 5: lower_snake
// ANCHOR: limit ~> // ANCHOR:limit !! 5: and that is all
//! # Lines (chapter 2) ~> \s !! 3: is empty
/// RFC 5321 ~> # RFC 5321 !! 6: mdBook hides this line
",
    );
}

#[test]
fn a_listing_without_its_caption_is_found() {
    breaks(
        "book/src/ch02-line.md",
        r"
*File: `src/line.rs`* ~> *File: `src/lime.rs`* !! <line.rs:story}}>: say right above the block
*File: `src/line.rs`*\n ~> *File: `src/line.rs`* !! <line.rs:story}}>: say right above the block
*File: `src/line.rs`*\n ~> *File: `src/line.rs`*\n\nWords.\n !! <line.rs:story}}>: say right above the block
*File: `src/line.rs`*\n ~> *`src/line.rs`*\n !! <line.rs:story}}>: *File: `src/line.rs`*
above `pub fn fits` ~> above `fn fits` !! <:limit}}>: 0 of the lines typed into src/line.rs so far
above `pub fn fits` ~> above `line.len() <` !! <:limit}}>: and `line.len() <` is line 3 of its piece
above `pub fn fits` ~> above `//` !! <:limit}}>: the place of this piece in src/line.rs is not
- a list ~> *File: `tests/ch02_line.rs`, above `x`*\n\n```rust,ignore\n{{#include ../../tests/ch02_line.rs:x}}\n``` !! <ch02_line.rs:x}}>: only what is typed into src/
- a list ~> ```toml\n{{#include ../../Cargo.toml}}\n``` !! <Cargo.toml}}>: *File: `Cargo.toml`*
",
    );
}

#[test]
fn code_that_is_not_in_the_book_or_not_in_its_place_is_found() {
    breaks(
        "src/line.rs",
        r"
// ANCHOR: fits ~> fn hidden() {}\n// ANCHOR: fits !! 10: in no anchor, so chapter 2
pub const ~> // ANCHOR_END: limit\npub const !! 8: in no anchor
",
    );
    breaks(
        "src/lib.rs",
        r"
pub mod session; ~> \npub mod other; !! book/src/ch03-session.md:<lib.rs:session}}>: belongs to chapter 2
",
    );
    breaks(
        "book/src/ch02-line.md",
        r"
src/lib.rs:line ~> src/lib.rs:session !! <lib.rs:session>: src/lib.rs:10 belongs to chapter 3
`, above `pub fn fits`* ~> `* !! <:limit}}>: in src/line.rs this piece is higher than the last one
line.rs:limit ~> line.rs:story !! src/line.rs:6: has here: //! # Lines
",
    );
}

#[test]
fn a_text_in_the_code_is_shown_whole_and_in_its_chapter() {
    let three = "book/src/ch03-session.md";
    breaks(
        three,
        r"
```text\n{{#include ../../src/session/words.txt}}\n``` ~> \s !! src/session/words.txt:1: is shown nowhere
words.txt}} ~> words.txt:all}} !! <```text>+1: a whole file of book/settings
words.txt}} ~> word.txt}} !! <```text>+1: a whole file of book/settings
words.txt`* ~> word.txt`* !! <```text>+1: say right above the block where this goes
",
    );
    breaks(
        "book/src/ch02-line.md",
        r"
- a list ~> ```text\n{{#include ../../src/session/words.txt}}\n``` !! <words.txt>: src/session/words.txt:1 belongs to chapter 3
",
    );
}

#[test]
fn a_conversation_that_does_not_happen_is_found() {
    breaks(
        "book/src/ch03-session.md",
        r"
{{#include ../dialogues/03-noop.txt:noop}} ~> C: NOOP\nS: 250 OK !! <```smtp>: one {{#include
Back to ~> C: NOOP !! <NOOP [the>: is included from
Back to ~> > - S: 250 OK !! <250 OK [>: is included from
Back to ~> ```smtp\n{{#include ../dialogues/03-noop.txt:noop}}\n```\n !! < [the>-2: before what was shown
:noop}} ~> :noon}} !! <noon>: 0 anchors `noon`
:noop}} ~> }} !! <noop.txt}}>: shown by anchor
03-noop ~> 03-none !! <03-none>: no file
03-noop ~> 03-none !! book/dialogues/03-noop.txt:2: on no page
```smtp ~> ```console !! <03-noop>: a file of book/terminal
",
    );
    breaks(
        "book/dialogues/03-noop.txt",
        r"
# against ~> # with !! 1: the first line says `# against
serve ~> juggle !! 1: we play against
250 OK ~> 250 KO !! 6: here it differs
C: NOOP ~> X: NOOP !! 5: a line begins with
C: NOOP ~> C: QUIT !! 6: here it differs
smtp-primer serve ~> smtp-primer send --from a --to b !! 5: here it differs
",
    );
}

#[test]
#[cfg(unix)]
fn a_terminal_session_that_does_not_happen_is_found() {
    breaks(
        "book/terminal/01-version.txt",
        r"
smtp-primer {} ~> smtp-primer 0 !! 2: the output differs
...\ntwo ~> ...\nthree !! 5: the output differs
...\ntwo ~> one !! 4: the output differs
\ntwo\n ~> \ntwo\nthree\n !! 6: the output differs
...\ntwo ~> {a}\n{a} !! 5: the output differs
...\ntwo ~> ...\ntwo\s !! 5: the output differs
...\ntwo ~> ...\n{2b} !! 5: the output differs
--version ~> serve x !! 1: `# with:
-- --version ~> --example ch99_none !! 1: no example ch99_none
echo one ~> curl x !! 3: `curl` is none of
$ cargo ~> # with: nothing\n$ cargo !! 1: this starts
",
    );
}

#[test]
fn a_link_that_leads_nowhere_is_found() {
    breaks(
        "book/src/ch01-start.md",
        r#"
#start-again ~> #start-anew !! 3: no heading #start-anew
src/lib.rs ~> src/lab.rs !! 3: does not exist
src/lib.rs ~> ../../src/lib.rs !! 3: out of the project
figures/way ~> figures/ways !! <ways>: no figure
See [below] ~> `a\nb` [below](ch09.md), `c\nd` [x] !! 4: does not exist
See [below] ~> [x]: ch09.md\n[below] !! 3: a link is `[text](target)`
See [below] ~> <a href=x>x</a> [below] !! 3: a link is `[text](target)`
See [below] ~> [chapter\n4](ch02-line.md) [below] !! 4: `chapter 4` leads to ch02
See [below] ~> [`src/x.rs`](../../src/line.rs) [below] !! 3: `src/x.rs` leads to
See [below] ~> `src/lime.rs` [below] !! 3: `src/lime.rs` is nowhere
See [below] ~> `no_such_name` [below] !! 3: `no_such_name` is nowhere
See [below] ~> `250 KO` [below] !! 3: `250 KO` is nowhere
See [below] ~> `S: 250 KO` [below] !! 3: `S: 250 KO` is nowhere
See [below] ~> [x](https://www.rfc-editor.org/rfc/rfc5321#section-9.9) [below] !! 3: is no section
See [below] ~> <a class="deck" href="deck.md#d34" title="词">D34</a> [below] !! 3: does not lead from D34
See [below] ~> <a class="deck" href="deck.md#d2" title="词">D1</a> [below] !! 3: a mark of the deck leads to its row
See [below] ~> <a class="deck" href="deck.md#d1" title="字">D1</a> [below] !! 3: has its term as title
See [below] ~> RFC 5321, §9.9 [below] !! 3: of which RFC is §9.9
See [below] ~> RFC 9998, see [below] !! 3: RFC 9998 is not on our list
"#,
    );
    breaks(
        "book/figures/way.svg",
        r"
<title ~> \n<title !! 2: empty line
way-title ~> title !! 2: must begin with `way-`
viewBox ~> box !! 1: viewBox
",
    );
    breaks(
        "src/line.rs",
        r"
§2.3.8 ~> §2.3.88 !! 6: RFC 5321 has no section 2.3.88
",
    );
    breaks(
        "book/src/SUMMARY.md",
        r"
- [Lines](ch02-line.md)\n ~> \s !! 2: chapter 3 comes after chapter 1
[Lines] ~> [Limes] !! 2: `Limes` is not the title of ch02-line.md
- [Lines](ch02-line.md)\n ~> \s !! book/src/ch02-line.md:1: not in the summary
",
    );
    breaks(
        "src/session.rs",
        r"
(chapter 3) ~> (chapter 4) !! 1: no page of chapter 4
(chapter 3) ~> (chapter 4) !! book/src/ch03-session.md:1: no module `session`
",
    );
    breaks(
        "book/src/ch03-session.md",
        r"
# 3. ~> # 4. !! 1: the title begins with `# 3. `
ch01-start.md# ~> ch01-stop.md# !! <ch01-stop>: does not exist
",
    );
}

#[test]
fn a_chapter_that_leaves_the_recipe_is_found() {
    breaks(
        "book/src/ch02-line.md",
        r#"
## On the wire ~> ## On a wire !! 1: there is no `## On the wire`
## What we would like to write ~> ## What we want !! 1: there is no `## What we would
### Run it ~> ### Running !! 1: there is no `### Run it`
## In short ~> ## Short !! 1: there is no `## In short`
## Design note ~> ## Note !! 1: there is no `## Design note`
## Exercises ~> ## Work !! 1: there is no `## Exercises`
## On the wire ~> ## In short !! <## In>: `## In short` comes too early
here at-2 ~> here at-3 !! 1: no <figure class="here at-2">
<figure class="here at-2"> ~> <figure> !! 1: no <figure class="here at-2">
<figure>\n{{#include ../figures/way.svg}}\n</figure>\n\n## Lines ~> ## Lines !! 1: there is no <figure> of
A line was cut. ~> \s !! 1: the hook has 0 words
1. **Predict.** ~> 1. **Tell.** !! <**Tell>: exercise 1 begins with `1. **Predict.** `
3. **Build.** ~> 3. **Do.** !! <**Do>: exercise 3 begins with `3. **Build.** `
3. **Build.** ~> **Build.** !! <## Ex>: exercise 3 begins with
3. **Build.** ~> 3. **Build.** This.\n4. **Build.** !! <4. **>: there are three exercises
```text\n{{#include ../outlines/ch02.txt}}\n``` ~> \s !! <## In short>: the outline is shown: book/outlines/ch02.txt
outlines/ch02 ~> outlines/ch03 !! <## In short>: the outline is shown: book/outlines/ch02.txt
A line was cut. ~> A line was cut.\n\n<summary>`cut`</summary> !! <`cut`>: in a summary, code is `<code>…</code>`
(answers.md#chapter-2). ~> (answers.md#chapter-1). !! <The answers>: is: The answers are in [the appendix](answers.md#chapter-2).
"#,
    );
}

#[test]
fn what_is_too_much_or_too_little_is_found() {
    let two = "book/src/ch02-line.md";
    let src = "src/line.rs";
    let long = "x();\\n".repeat(25);
    let words = "word ".repeat(270);
    let hook = &words[..129 * 5];
    for way in [
        format!("{words} ~> word\\s !! 1: words for 17 lines"),
        format!("{words} ~> word\\s !! <## Des>: this note has 31 words"),
        format!("word word ~> {words} !! <## Des>: this note has 568 words"),
        format!("A line ~> {hook} !! 1: the hook has 131 words"),
    ] {
        breaks(two, &way);
    }
    let piece = "\\n```rust,ignore\\n{{#include a:b}}\\n```\\n".repeat(22);
    breaks(
        two,
        &format!("It runs. ~> {piece} !! 1: 28 listings are not folded; 25 are the most"),
    );
    let aside = "<aside class=\"rust\">\\n\\n**A.** B.\\n\\n</aside>\\n\\n".repeat(4);
    breaks(
        two,
        &format!("It runs. ~> {aside} !! <A.>+16: 5 notions of Rust; 4 are the most"),
    );
    breaks(
        src,
        &format!("    line.len() ~> {long} line.len() !! {two}:<:fits}}>: has 29 lines; 20"),
    );
    breaks(
        src,
        &format!("    line.len() ~> {long} line.len() !! {two}:1: words for 42 lines"),
    );
    let goal = "examples/ch02_line.rs";
    breaks(
        goal,
        &format!("{{\\n ~> {{ !! {two}:<:goal>: the goal has 7 lines; 8 to 20"),
    );
    breaks(
        two,
        &format!("{goal}:goal ~> {goal}:gaol !! <:gaol>: the goal has 0 lines"),
    );
}

#[test]
fn an_exercise_without_its_answer_is_found() {
    breaks(
        "book/src/answers/ch02.md",
        r"
## Chapter 2 ~> ## Chapter 3 !! 1: the first line is `## Chapter 2`
2.1 Predict ~> 1.1 Predict !! <1.1>: exercise 1 begins with `<summary>2.1 Predict: `
2.2 Break ~> 2.2 Build !! <2.2>: exercise 2 begins with `<summary>2.2 Break: `
<summary>2.3 ~> 2.3 !! 24: exercise 3 begins with `<summary>2.3 Build: `
<summary>2.3 ~> <summary>2.3 Build: more</summary>\n<summary>2.3 !! <2.3>+1: there are three answers
",
    );
    breaks(
        "book/src/answers.md",
        r"
{{#include answers/ch02.md}}\n\n ~> \s !! 14: this is old; write it anew
",
    );
    let folder = book("book/src/ch02-line.md", "", "");
    fs::remove_file(folder.path().join("book/src/answers/ch02.md")).expect("it is there");
    let all = check(&folder, "").join("\n");
    let due = "book/src/ch02-line.md:1: there is no book/src/answers/ch02.md";
    assert!(all.contains(due), "{all}");
}

#[test]
fn a_patch_that_does_not_fit_is_found() {
    breaks(
        "book/answers/02-2.patch",
        r"
red: ~> read: !! 1: a patch begins with `red: target test`
red: ch02_line short_lines_fit ~> prints: yes !! 1: `prints:` comes after `runs: example name`
short_lines_fit ~> short !! 1: tests/ch02_line.rs has no test `short`
ch02_line ~> ch05_line !! 1: there is no tests/ch05_line.rs
+++ b/ ~> +++ c/ !! 3: changes begin with `--- a/file` and `+++ b/file`
--- a/src ~> --- a/lib !! 3: a change is of one file, a/ and b/
@@ -1,2 +1,2 @@ ~> -x !! 5: a change begins with `@@ `
-    line ~> x    line !! 6: a line begins with a space, `-` or `+`
- \s\s\sline ~> -line !! 5: src/line.rs has the lines of this change nowhere; the nearest are at src/line.rs:
",
    );
    breaks(
        "book/src/answers/ch02.md",
        "answers/02-2.patch ~> answers/02-3.patch !! book/answers/02-2.patch:1: book/src/answers/ch02.md does not show",
    );
    let long = format!(" }} ~> {}", " }\\n".repeat(43));
    breaks(
        "book/answers/02-2.patch",
        &format!("{long} !! 1: 46 lines of changes; 45 are the most"),
    );
}

#[test]
fn an_aside_that_is_not_listed_is_found() {
    breaks(
        "book/src/ch02-line.md",
        r#"
It counts ~> It says !! book/src/rust.md:7: this is old; write it anew: WRITE=1
class="rust" ~> class="rest" !! <rest>: an aside is `<aside class="rust">` or
class="rust"> ~> class="rust">x !! <rust">x>: an aside is
<aside class="rust">\n ~> <aside class="rust"> !! <aside>: there is an empty line
**`len`.** ~> `len`. !! <aside>: begins with `**The notion.** `
more.\n ~> more. !! <</aside>>: and an empty one above
It runs. ~> <aside class="rust">\n\n**`len`.** Again.\n\n</aside> !! <**`len`.** Ag>-2: this is explained already, at
"#,
    );
}

#[test]
fn a_module_that_looks_forward_is_found() {
    breaks(
        "src/line.rs",
        r"
line.len() ~> crate::session::answer(line).len() !! 13: line comes before session::answer
line.len() ~> super::session::answer(line).len() !! 13: line comes before session::answer
line.len() ~> use crate::{a, b::{c},\nsession::{answer}}; !! 13: line comes before session::answer
(chapter 2) ~> (chapter 9) !! src/lib.rs:10: session is chapter 3, and comes after chapter 9
(chapter 2) ~> \s !! src/lib.rs:6: the heading of line names no (chapter N)
",
    );
}

#[test]
fn an_appendix_that_is_not_true_is_found() {
    breaks(
        "book/src/deck.md",
        r"
</a>D7 ~> </a>D8 !! 1: no row for each of D1 to D33
`fits` ~> `fit` !! 1: has no `fit`
`fits` ~> `Line::fits` !! 1: has no `Line::fits`
[`tests`](../../tests ~> [`tests`](../../src !! 1: a proof of D1 is no test
`short_lines_fit` ~> `short_lines` !! 1: has no test `short_lines`
[`tests`](../../tests/ch02_line.rs) `short_lines_fit` ~> \s !! 1: D1 has no proof
(ch02-line.md) ~> (ch03-session.md) !! 1: ch03-session.md does not mark D1
(ch02-line.md) ~> (ch03-session.md) !! book/src/ch02-line.md:<>D1<>: does not lead from D1
词 ~> 字 !! 1: the glossary does not have 字
",
    );
    breaks(
        "book/src/ledger.md",
        r"
#1 #2 #3 | ~> #1 #3 | !! 1: RFC 5321: no row for 2.3.8 #2
| A #1 | wait ~> | wait !! 14: a row has five cells
A #1 ~> A #2 !! 14: RFC 1939 has no rule `A #2`
A #1 ~> A !! 14: RFC 1939 has no rule `A`
A #1 ~> 4.1 #1 !! 14: RFC 1939 has no rule `4.1 #1`
4.1 #1 ~> 2.3.8 #1 !! 8: 2.3.8 #1 does not come after the row before it
4.1 #1 ~> 2.3.8 #3 !! 8: #3 of 2.3.8 #3 has a row already
#1 #2 #3 ~> #1 #2 #2 #3 !! 7: #2 of 2.3.8 #1 #2 #2 #3 has a row already
| wait ~> |\s !! 14: A #1 does not say the rule
left out, because nobody does ~> left out, because !! 14: say why
nobody does | | ~> nobody does | | [`t`](../../tests/ch02_line.rs) `short_lines_fit` !! 14: name no test
(ch02-line.md#lines) ~> (ch02-line.md) !! <2.3.8 #1>: 2.3.8 #1 #2 #3 is told in [2](ch02-line.md#lines)
left out, because nobody does ~> \s !! 14: A #1 has no code or no test
[`n`](../../book/dialogues/03-noop.txt) ~> \s !! 8: 4.1 #1 has no code or no test
[`n`](../../book/dialogues/ ~> [`n`](../../book/ !! 8: a proof of 4.1 #1 is no test
`fits` ~> `fit` !! 7: src/line.rs has no `fit`
../../src/line.rs ~> ../../tests/ch02_line.rs !! 7: has no code or no test
`short_lines_fit` ~> `short` !! 7: has no test `short`
",
    );
    breaks(
        "book/src/defects.md",
        r"
| 1 | ~> | 2 | !! 5: this row should be number 1
| 2 | it was ~> it was !! 7: this row should be number 2
| 2 | it was cut again ~> | 2 | it | was cut !! 6: a row has six cells
| 60 | ~> \s !! 1: no row for each of 1 to 60
| haste ~> |\s !! 5: 1 does not say the root cause
#12, CVE-2) ~> #12, CVE-2). !! 5: 1 does not end with (where to look it up)
#12, CVE-2) ~> #1, CVE-2) !! 5: no test of 1 names in a remark: mailer #1
HISTORY 7 ~> HISTORY 8 !! 6: no test of 2 names in a remark: Other HISTORY 8
because nobody is angry ~> because !! 7: say why
is angry |  | ~> is angry |  | `fits` !! 7: name no test
(ch02-line.md#lines) ~> (ch02-line.md) !! 5: 1 is told in [2](ch02-line.md#lines)
cannot happen here, because nobody is angry ~> \s !! 7: 3 has no code or no test
`fits` ~> `fit` !! 5: src/line.rs has no `fit`
../../src/line.rs ~> ../../tests/ch02_line.rs !! 5: has no code or no test
`short_lines_fit` ~> `short` !! 5: has no test `short`
../../tests/ch02_line.rs) `short_lines_fit` ~> ../../book/dialogues/03-noop.txt) !! 5: 1 has no
",
    );
    breaks(
        "book/src/commands.md",
        r"
| NOOP ~> | NOPE !! 1: NOOP is missing
| NOOP ~> | NOPE !! 10: there is no command NOPE
§4.1.1.9 ~> §4.1.1.8 !! 10: the row lacks RFC 5321 §4.1.1.9
",
    );
    breaks(
        "book/src/replies.md",
        r"
500 ~> 501 !! 1: 500 is missing; it is said at src/session.rs:11
500 ~> 501 !! 4: the server never says 501
",
    );
}

#[test]
#[ignore = "compiles three times; .ci/run runs it"]
fn code_that_needs_what_was_not_shown_yet_is_found() {
    let works = |from: &str, to: &str| {
        let folder = book("src/line.rs", from, to);
        robot::works_after_each_chapter(&Project::read(folder.path())).join("\n")
    };
    assert_eq!(works("", ""), "");
    let early = works("    line", "    let _ = crate::session::answer;\n    line");
    assert!(
        early.starts_with("book/src/ch02-line.md:1: after this chapter"),
        "{early}"
    );
    assert!(!early.contains("ch03"), "{early}");
    let fails = works("line.len() < LIMIT", "line.len() > LIMIT");
    assert!(fails.contains("assertion failed"), "{fails}");
}

#[test]
#[ignore = "compiles three times; .ci/run runs it"]
fn a_patch_that_does_not_do_what_it_says_is_found() {
    let complaints = |from: &str, to: &str| {
        let folder = book("book/answers/02-2.patch", from, to);
        patches::do_what_they_say(&Project::read(folder.path())).join("\n")
    };
    let red = complaints("", "");
    let due = "book/answers/02-2.patch:1: short_lines_fit does not fail";
    assert!(red.starts_with(due), "{red}");
    assert_eq!(complaints("red:", "green:"), "");
    let broken = complaints("> LIMIT", "> NOTHING");
    assert!(broken.contains("it does not compile"), "{broken}");
    let runs = "runs: example ch02_line\nprints: something";
    let silent = complaints("red: ch02_line short_lines_fit", runs);
    assert!(silent.contains("ch02_line does not run"), "{silent}");
}
