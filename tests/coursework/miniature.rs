//! The checker is checked. Here is a small project with one assignment, which is right. Then it is
//! broken in one way after another, and each time a complaint says where.

use crate::claims;
use crate::desk;
use crate::running::Folder;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

const FILES: &[(&str, &str)] = &[
    (
        "Cargo.toml",
        "[package]\nname = \"smtp-primer\"\nversion = \"0.1.0\"\nedition = \"2024\"\n",
    ),
    (
        "src/lib.rs",
        "//! A small server.\n\npub mod words;\n\npub mod session;\n",
    ),
    (
        "src/words.rs",
        "//! # Words (chapter 2)\n\n/// Means yes.\npub const OK: &str = \"250 OK\";\n",
    ),
    (
        "src/session.rs",
        r#"//! # The session (chapter 3)

use crate::words::OK;

/// The reply to a command.
pub fn answer(line: &str) -> &'static str {
    match line {
        "QUIT" => "221 bye",
        "HELO you.example" => OK,
        _ => "500 what?",
    }
}
"#,
    ),
    (
        "src/main.rs",
        r#"use std::io::{BufRead, BufReader, Read, Write};

fn main() -> std::io::Result<()> {
    if std::env::args().nth(1).as_deref() == Some("init") {
        std::fs::create_dir("a.example")?;
        return std::fs::write("a.example/site.conf", "");
    }
    // It ends with the test that started it.
    std::thread::spawn(|| {
        let _ = std::io::stdin().read(&mut [0]);
        std::process::exit(0)
    });
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    println!("listening on {}", listener.local_addr()?);
    for stream in listener.incoming() {
        let mut stream = stream?;
        stream.write_all(b"220 hello\r\n")?;
        for line in BufReader::new(stream.try_clone()?).lines() {
            let reply = smtp_primer::session::answer(&line?);
            stream.write_all(format!("{reply}\r\n").as_bytes())?;
            if reply.starts_with("221") {
                break;
            }
        }
    }
    Ok(())
}
"#,
    ),
    (
        "tests/ch03_session.rs",
        "#[test]\nfn quit_is_221() {\n    let reply = smtp_primer::session::answer(\"QUIT\");\n    \
         assert!(reply.starts_with(\"221\"));\n}\n",
    ),
    (
        "book/src/cw01-noop.md",
        "# 01 Nothing\n\n*extend our program · easy · 10 points · about 1 hour · chapter 3*\n\n\
         Change `src/session.rs`.\n\nSee coursework/01-noop/1-noop.txt.\n",
    ),
    (
        "book/coursework/01-noop/card.txt",
        "title    Nothing
kind     extend
level    easy
hours    1
chapter  3
touches  src/session.rs
test     check.rs
red      1-noop.txt:6
wrong    wrong-1-exact.patch 1-noop.txt:8
wrong    wrong-2-begins.patch 1-noop.txt:10
keeps    all
",
    ),
    (
        "book/coursework/01-noop/1-noop.txt",
        "# against: smtp-primer serve
S: 220 {}
C: HELO you.example
S: 250 {}
C: NOOP
S: 250 {}
C: NOOP twice
S: 250 {}
C: NOOPER
S: 500 {}
C: QUIT
S: 221 {}
",
    ),
    (
        "book/coursework/01-noop/check.rs",
        "#[test]\nfn helo_is_250() {\n    let reply = smtp_primer::session::answer(\"HELO you.example\");\n    \
         assert_eq!(reply, \"250 OK\");\n}\n",
    ),
    (
        "book/coursework/01-noop/answers/hints.txt",
        "== 1-noop.txt:6 S: 250 {}\nWhich command is new?\n\nWhat does it do?\n\nWhat is the\nreply?\n
== 1-noop.txt:8 S: 250 {}\nCan more words come?\n
== 1-noop.txt:10 S: 500 {}\nWhere does the verb end?\n",
    ),
    (
        "book/coursework/01-noop/answers/solution.patch",
        r#"--- a/src/session.rs
+++ b/src/session.rs
@@ -9,3 +9,4 @@
         "HELO you.example" => OK,
+        _ if line.split(' ').next() == Some("NOOP") => OK,
         _ => "500 what?",
"#,
    ),
    (
        "book/coursework/01-noop/answers/wrong-1-exact.patch",
        r#"--- a/src/session.rs
+++ b/src/session.rs
@@ -9,3 +9,4 @@
         "HELO you.example" => OK,
+        "NOOP" => OK,
         _ => "500 what?",
"#,
    ),
    (
        "book/coursework/01-noop/answers/wrong-2-begins.patch",
        r#"--- a/src/session.rs
+++ b/src/session.rs
@@ -9,3 +9,4 @@
         "HELO you.example" => OK,
+        _ if line.starts_with("NOOP") => OK,
         _ => "500 what?",
"#,
    ),
];

const CARD: &str = "book/coursework/01-noop/card.txt";
const DIALOGUE: &str = "book/coursework/01-noop/1-noop.txt";
const CHECK: &str = "book/coursework/01-noop/check.rs";
const HINTS: &str = "book/coursework/01-noop/answers/hints.txt";
const SOLUTION: &str = "book/coursework/01-noop/answers/solution.patch";
const SHEET: &str = "book/src/cw01-noop.md";

/// In this file, this text becomes that one.
type Change = (&'static str, &'static str, &'static str);

/// The miniature after these changes. A file without text does not exist.
fn project(changes: &[Change]) -> Folder {
    let mut files: BTreeMap<&str, String> = FILES
        .iter()
        .map(|(name, text)| (*name, text.to_string()))
        .collect();
    for (name, old, new) in changes {
        let text = files.get_mut(name).expect("a file of the miniature");
        assert_eq!(text.matches(old).count(), 1, "{name} has once: {old}");
        *text = text.replace(old, new);
    }
    let folder = Folder::new().expect("a folder");
    for (name, text) in files.iter().filter(|(_, text)| !text.is_empty()) {
        write(&folder.0.join(name), text);
    }
    folder
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::write(path, text).expect("a file");
}

/// What a rule complains of after these changes.
fn after(changes: &[Change], rule: fn(&Path) -> Vec<String>) -> String {
    rule(&project(changes).0).join("\n")
}

fn hold(root: &Path) -> Vec<String> {
    claims::hold(root, |_, _| true).unwrap_or_else(|why| vec![why])
}

#[track_caller]
fn complains(said: &str, due: &[&str]) {
    for due in due {
        assert!(said.contains(due), "due: {due}\nsaid: {said}");
    }
}

#[test]
fn files_that_do_not_fit_are_found() {
    assert_eq!(after(&[], claims::fit), "");
    let text = |name: &str| FILES.iter().find(|file| file.0 == name).expect("a file").1;
    let faults: &[(Change, &str)] = &[
        (
            (CARD, "easy", "simple"),
            "01-noop/card.txt:3: a level is easy, middle or hard",
        ),
        (
            (CARD, "title    Nothing\n", ""),
            "01-noop/card.txt:1: the line `title` is missing",
        ),
        (
            (CARD, "keeps", "holds"),
            "01-noop/card.txt:11: there is no line `holds`",
        ),
        (
            (CARD, "1-noop.txt:10", "1-noop.txt:8"),
            "01-noop/card.txt:1: wrong-1-exact.patch and wrong-2-begins.patch are found out at the same line",
        ),
        (
            (CARD, "wrong    wrong-1-exact.patch 1-noop.txt:8\n", ""),
            "01-noop/answers/wrong-1-exact.patch:1: the card does not name it",
        ),
        (
            (HINTS, "\nWhat does it do?\n", ""),
            "01-noop/answers/hints.txt:1: 2 hints for 1-noop.txt:6; 3 are due",
        ),
        (
            (
                HINTS,
                "\n== 1-noop.txt:8 S: 250 {}\nCan more words come?\n",
                "",
            ),
            "01-noop/answers/hints.txt:1: 0 hints for 1-noop.txt:8; 1 are due",
        ),
        (
            (DIALOGUE, "C: HELO", "# moved\nC: HELO"),
            "01-noop/answers/hints.txt:1: 1-noop.txt:6 is now: C: NOOP",
        ),
        (
            (
                HINTS,
                "Where does",
                "line.split(' ').next() == Some(\"NOOP\")\nWhere does",
            ),
            "01-noop/answers/hints.txt:12: this is in the solution: line.split",
        ),
        (
            (SOLUTION, "you.example", "me.example"),
            "01-noop/answers/solution.patch:3: src/session.rs has the lines of this change nowhere; \
             the nearest are at src/session.rs:9",
        ),
        (
            (SHEET, "# 01 Nothing", "# Nothing"),
            "cw01-noop.md:1: it does not say: # 01 Nothing",
        ),
        (
            (SHEET, "easy", "hard"),
            "cw01-noop.md:1: it does not say: *extend our program · easy",
        ),
        (
            (SHEET, "src/session.rs", "src/"),
            "cw01-noop.md:1: it does not say: `src/session.rs`",
        ),
        (
            (SHEET, "1-noop.txt", "it"),
            "cw01-noop.md:1: it does not name 1-noop.txt",
        ),
        (
            (SHEET, text(SHEET), ""),
            "cw01-noop.md:1: the sheet of 01-noop is missing",
        ),
    ];
    for (change, due) in faults {
        complains(&after(&[*change], claims::fit), &[due]);
    }
}

#[test]
fn two_wrong_answers_may_share_a_line_if_its_hint_says_so() {
    let changes = [
        (CARD, "1-noop.txt:10", "1-noop.txt:8"),
        (
            HINTS,
            "Can more words come?",
            "shared\n\nCan more words come?",
        ),
    ];
    assert_eq!(after(&changes, claims::fit), "");
}

#[test]
fn without_solutions_nothing_is_complained_of() {
    let gone: Vec<Change> = FILES
        .iter()
        .filter(|(name, _)| name.ends_with(".patch"))
        .map(|(name, text)| (*name, *text, ""))
        .collect();
    assert_eq!(gone.len(), 3);
    assert_eq!(after(&gone, claims::fit), "");
}

#[test]
#[ignore = "compiles the miniature several times; .ci/run runs it"]
fn an_assignment_that_does_not_hold_is_found() {
    assert_eq!(after(&[], hold), "");
    // Places that are not those of the card, and a solution in disorder.
    let changes = [
        (CARD, "red      1-noop.txt:6", "red      1-noop.txt:5"),
        (CARD, "1-noop.txt:8", "1-noop.txt:7"),
        (
            "book/coursework/01-noop/answers/wrong-2-begins.patch",
            "starts_with(\"NOOP\")",
            "get(..4) == Some(\"NOOP\") && line.get(4..5) != Some(\"E\")",
        ),
        (SOLUTION, "+        _ if", "+       _ if"),
        (
            SOLUTION,
            "@@ -9,3",
            "@@ -1,3 +1,3 @@\n         \"QUIT\" => \"221 bye\",\n+        \"QUIT\" => OK,\n@@ -9,3",
        ),
        ("tests/ch03_session.rs", "(\"221\")", "(\"221 goodbye\")"),
    ];
    complains(
        &after(&changes, hold),
        &[
            "01-noop: the program before the work is found out at 1-noop.txt:6, not at 1-noop.txt:5",
            "01-noop: wrong-1-exact.patch is found out at 1-noop.txt:8, not at 1-noop.txt:7",
            "01-noop: wrong-2-begins.patch is not found out; 1-noop.txt:10 is due",
            "01-noop: with the solution quit_is_221 fails",
            "unreachable pattern",
            "Diff in ",
        ],
    );
    // Nothing to do, and a solution that is wrong, uses a later module and is not idiomatic.
    let changes = [
        (DIALOGUE, "C: NOOP\nS: 250", "C: NOOP\nS: 500"),
        (DIALOGUE, "C: NOOP twice\nS: 250", "C: NOOP twice\nS: 500"),
        (
            SOLUTION,
            "--- a/",
            "--- a/src/words.rs\n+++ b/src/words.rs\n@@ -1 +1,2 @@\n //! # Words (chapter 2)\n+use crate::session as _;\n--- a/",
        ),
        (SOLUTION, "_ if line", "_ if true == line"),
        (
            SOLUTION,
            "line.split(' ').next() == Some(\"NOOP\")",
            "line.starts_with(\"NOOP\")",
        ),
    ];
    complains(
        &after(&changes, hold),
        &[
            "01-noop: the program before the work is not found out; 1-noop.txt:6 is due",
            "01-noop: solution.patch is not right:\nso far all was as written",
            "src/words.rs:2: words comes before session, and cannot use it",
            "equality checks against true",
        ],
    );
    complains(
        &after(&[(CHECK, "250 OK", "250 hello")], hold),
        &["01-noop: solution.patch is not right:\ncheck.rs helo_is_250: this test fails"],
    );
    complains(
        &after(
            &[(
                "book/coursework/01-noop/answers/wrong-1-exact.patch",
                "=> OK,\n ",
                "=> YES,\n ",
            )],
            hold,
        ),
        &["01-noop: wrong-1-exact.patch does not compile"],
    );
}

/// What the desk answers.
fn ask(root: &Path, words: &[&str]) -> Result<(), String> {
    desk::serve(root, words.iter().map(|word| word.to_string()).collect())
}

#[test]
#[ignore = "compiles the miniature several times; .ci/run runs it"]
fn the_desk_serves_a_student_and_a_teacher() {
    let folder = project(&[]);
    let root = &folder.0;
    let report = root.join("report");
    let all = |words: &[&str]| {
        let report = report.display().to_string();
        let done = ask(root, &[words, &["--report", &report]].concat());
        assert_eq!(done, Ok(()));
        fs::read_to_string(&report).expect("a report")
    };
    let record = || fs::read_to_string(root.join("target/coursework/01")).expect("a record");

    // A student: nothing is done, and each hint counts once.
    assert!(ask(root, &["01", "hint"]).is_err_and(|why| why.contains("first: cargo run")));
    assert_eq!(
        ask(root, &["01"]),
        Err("Nothing is not done yet.".to_string())
    );
    assert_eq!(
        fs::read_to_string(root.join(crate::MINE)).ok().as_deref(),
        Some("01-noop\n")
    );
    assert_eq!(record(), "0\n0\n0\n1-noop.txt:6\n\n");
    for _ in 0..4 {
        assert_eq!(ask(root, &["01", "hint"]), Ok(()));
    }
    assert_eq!(record(), "0\n3\n3\n1-noop.txt:6\n\n");
    assert!(
        ask(root, &["02"]).is_err_and(|why| why.contains("there is no assignment 02\nusage: "))
    );
    // Two lines of seven are right; the test that was not run counts for ten more.
    let code = root.join("src/session.rs");
    let begin = fs::read_to_string(&code).expect("code");
    write(
        &code,
        &begin.replace("        _ =>", "        \"NOOP\" => OK,\n        _ =>"),
    );
    assert!(ask(root, &["01"]).is_err());
    assert_eq!(record(), "1\n0\n3\n1-noop.txt:8\n\n");
    assert!(all(&["all"]).contains("-\t01\t1\t10\t1-noop.txt:8\t0 of 0\t3\t-\t"));
    write(&code, &begin);

    // A teacher: the answers of the assignment, a dialogue of the teacher's, and what was handed in.
    assert_eq!(ask(root, &["01", "--on", "solution"]), Ok(()));
    let wrong = ask(root, &["01", "--on", "wrong-1-exact"]);
    assert!(wrong.is_err_and(|why| why.contains("1-noop.txt:8: here it differs")));
    let dialogue = "# against: smtp-primer serve\nS: 220 {}\nC: RSET\nS: 250 {}\n";
    write(&root.join("more/9-rset.txt"), dialogue);
    let more = root.join("more").display().to_string();
    let wrong = ask(root, &["01", "--on", "solution", "--also", &more]);
    assert!(wrong.is_err_and(|why| why.contains("9-rset.txt:4: here it differs")));
    let solved = begin.replace(
        "_ =>",
        "_ if line.split(' ').next() == Some(\"NOOP\") => OK,\n_ =>",
    );
    let handed_in = root.join("handed-in");
    write(&handed_in.join("anna/src/session.rs"), &solved);
    write(&handed_in.join("anna/answers.txt"), "seed anna\n01\n");
    write(
        &handed_in.join("bert/answers.txt"),
        "01\n07 python3 server.py\n",
    );
    write(&handed_in.join("dora/client.py"), "");
    write(&handed_in.join("carl/src/session.rs"), "This is no code.\n");
    write(&handed_in.join("carl/answers.txt"), "01\n");
    let handed_in = handed_in.display().to_string();
    let text = all(&["all", &handed_in, "--also", &more]);
    let lines: Vec<&str> = text.lines().collect();
    let begins = [
        "student\tassignment\tpoints\tof\tfirst difference\talso\thints\tseed\thash",
        "anna\t01\t10\t10\t9-rset.txt:4\t0 of 1\t-\tanna\t",
        "bert\t01\t0\t10\t1-noop.txt:6\t0 of 1\t-\t-\t",
        "bert\t07\t0\t0\tthere is no such assignment",
        "carl\t01\t0\t10\terror: ",
        "dora\t-\t0\t0\tno answers.txt",
    ];
    let wrong = ask(root, &["all", &format!("{handed_in}/anna")]);
    assert!(wrong.is_err_and(|why| why.contains("a folder for each student")));
    write(
        &root.join("more/10-typing.txt"),
        "# against: smtp-primer serve\ns: 220 {}\n",
    );
    let wrong = ask(root, &["all", &handed_in, "--also", &more]);
    assert!(wrong.is_err_and(|why| why.contains("10-typing.txt:2: ")));
    assert_eq!(lines.len(), begins.len(), "{text}");
    for (line, begin) in lines.iter().zip(begins) {
        assert!(line.starts_with(begin), "due: {begin}\ncame: {line}");
    }
}
