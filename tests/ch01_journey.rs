//! Chapter 1: the journey tells the whole way of a letter, with real servers, and leaves nothing
//! behind: no folder, and no process, not even if it is killed.

#[allow(dead_code)]
mod common {
    pub mod folder;
    pub mod process;
    pub mod script;
    pub mod side_by_side;
}

use assert_cmd::assert::OutputAssertExt;
use common::folder::TempDir;
use common::process::program;
use common::script::Dice;
use common::side_by_side::side_by_side;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The journey, which keeps its folder in `temp`.
fn journey(temp: &Path, options: &[&str]) -> Command {
    let mut command = program();
    command.arg("journey").args(options).stdin(Stdio::null());
    // Where Unix and Windows look for the folder of temporary files.
    command.env("TMPDIR", temp).env("TMP", temp);
    command
}

fn output(command: &mut Command) -> String {
    let assert = command.assert().success().stderr("");
    String::from_utf8(assert.get_output().stdout.clone()).expect("UTF-8")
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).expect("a folder").next().is_none()
}

/// The processes with this folder for temporary files, even if they are only about to begin. (Only
/// Linux shows them as files.)
fn processes(temp: &Path) -> Vec<String> {
    let Ok(all) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let setting = format!("TMPDIR={}\0", temp.display());
    let is_there = |process: &PathBuf| {
        let environment = fs::read(process.join("environ")).unwrap_or_default();
        String::from_utf8_lossy(&environment).contains(&setting)
    };
    let processes = all.filter_map(|entry| Some(entry.ok()?.path()));
    let words = processes.filter(is_there).map(|process| {
        let words = fs::read(process.join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&words).replace('\0', " ")
    });
    words.collect()
}

/// Waits, but not for ever, until nothing runs there.
fn all_end(temp: &Path) {
    let begun = Instant::now();
    while !processes(temp).is_empty() {
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "still there: {:?}",
            processes(temp)
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Each step by its title, with what was shown under it.
fn steps(output: &str) -> Vec<(String, String)> {
    let mut steps: Vec<(String, String)> = Vec::new();
    for line in output.lines() {
        if line.starts_with(|c: char| c.is_ascii_digit()) && line.get(1..3) == Some(". ") {
            steps.push((line.to_string(), String::new()));
        } else if let Some((_, shown)) = steps.last_mut() {
            shown.push_str(line);
            shown.push('\n');
        }
    }
    steps
}

#[test]
fn the_journey_has_six_steps_in_order_and_leaves_nothing_behind() {
    let temp = TempDir::new("journey");
    let output = output(&mut journey(temp.path(), &[]));
    assert!(is_empty(temp.path()));
    assert_eq!(processes(temp.path()), Vec::<String>::new());

    let steps = steps(&output);
    assert_eq!(steps.len(), 6, "{output}");
    // For each step: its chapters, where the letter is, and what is said in it, in this order.
    let expected: [(&str, &[&str]); 6] = [
        (
            "(chapter 1)",
            &["From:    alice@a.example", "in no file yet"],
        ),
        (
            "(chapter 12)",
            &[
                "Date: ",
                "Subject: ",
                "=?UTF-8?B?",
                "Message-ID: <",
                "the file letter.eml",
            ],
        ),
        (
            "(chapters 2 to 11)",
            &[
                "S: 220 a.example ",
                "C: EHLO ",
                "C: AUTH PLAIN ********\n",
                "S: 235 ",
                "C: MAIL FROM:<alice@a.example>",
                "S: 250 ",
                "C: RCPT TO:<bob@b.example>",
                "S: 250 ",
                "C: DATA\n",
                "S: 354 ",
                "C: ..A line that begins with a dot",
                "C: .\n",
                "S: 250 ",
                "C: QUIT\n",
                "S: 221 ",
                "the file a.example/queue/",
            ],
        ),
        (
            "(chapters 14 to 16)",
            &[
                "route b.example 127.0.0.1:",
                "# calling 127.0.0.1:",
                "S: 220 b.example ",
                "C: EHLO a.example\n",
                "C: MAIL FROM:<alice@a.example>",
                "C: RCPT TO:<bob@b.example>",
                "C: DATA\n",
                "C: .\n",
                "S: 250 ",
                "C: QUIT\n",
                "the file b.example/mail/bob/new/",
                "Return-Path: <alice@a.example>\n",
                "Received: from a.example ",
                "by b.example with ESMTP id ",
                "Received: from alice.a.example ",
                "by a.example with ESMTPA id ",
            ],
        ),
        (
            "(chapter 17)",
            &[
                "S: +OK ",
                "C: USER bob\n",
                "C: PASS ********\n",
                "C: LIST\n",
                "C: RETR 1\n",
                "S: Return-Path: <alice@a.example>\n",
                "S: ..A line",
                "S: .\n",
                "C: DELE 1\n",
                "C: QUIT\n",
                "S: +OK",
                "The server removed it at QUIT",
                "the file bob.mail/new/",
            ],
        ),
        (
            "(chapter 18)",
            &[
                "Subject: The way of a letter 一封信的旅程\n",
                "\n      .A line that begins",
            ],
        ),
    ];
    for (number, ((title, shown), (chapters, pieces))) in (1..).zip(steps.iter().zip(expected)) {
        assert!(
            title.starts_with(&format!("{number}. ")) && title.ends_with(chapters),
            "{title}"
        );
        let mut rest = shown.as_str();
        for piece in pieces {
            let (_, after) = rest
                .split_once(piece)
                .unwrap_or_else(|| panic!("{title}: {piece:?} is not in, or not after: {shown}"));
            rest = after;
        }
    }
    // aiosmtpd #233, chrj/smtpd #38: a password in a log.
    for secret in ["wonderland", "AHdvbmRlcmxhbmQ", "builder"] {
        assert!(!output.contains(secret), "a password is shown");
    }
    assert!(!output.contains('\x1b'), "this is no terminal");
}

#[test]
fn the_letter_arrives_as_it_was_written() {
    let temp = TempDir::new("journey");
    let output = output(&mut journey(temp.path(), &[]));
    let steps = steps(&output);
    let body = |shown: &str| -> Vec<String> {
        let lines = shown.lines().map(str::trim_start);
        let from = lines.skip_while(|line| *line != "Dear Bob,");
        from.take_while(|line| !line.is_empty())
            .map(str::to_string)
            .collect()
    };
    assert_eq!(body(&steps[0].1).len(), 5);
    assert_eq!(body(&steps[0].1), body(&steps[5].1));
}

#[test]
fn keep_leaves_both_sites_and_says_where() {
    let temp = TempDir::new("journey");
    let output = output(&mut journey(temp.path(), &["--keep"]));
    let last = output.lines().last().expect("a last line");
    let folder = last
        .strip_prefix("Both sites are still in ")
        .expect("where they are");
    for file in [
        "a.example/site.conf",
        "a.example/queue",
        "b.example/mail/bob/new",
        "bob.mail/new",
    ] {
        assert!(Path::new(folder).join(file).exists(), "{file}");
    }
    assert!(Path::new(folder).starts_with(temp.path()));
    // The letter has come to Bob, and is on no server any more.
    let bob = Path::new(folder).join("bob.mail/new");
    assert_eq!(fs::read_dir(bob).expect("a mailbox").count(), 1);
    assert!(is_empty(&Path::new(folder).join("b.example/mail/bob/new")));
    assert_eq!(processes(temp.path()), Vec::<String>::new());
}

#[test]
fn two_journeys_at_the_same_time_do_not_meet() {
    let temp = TempDir::new("journey");
    for fixed in [None, Some("1000000000")] {
        let start = || -> Child {
            let mut command = journey(temp.path(), &[]);
            command.stdout(Stdio::piped()).stderr(Stdio::piped());
            fixed.map(|second| command.env("SOURCE_DATE_EPOCH", second));
            command.spawn().expect("it starts")
        };
        for child in [start(), start(), start()] {
            child
                .wait_with_output()
                .expect("its output")
                .assert()
                .success()
                .stderr("");
        }
        assert!(is_empty(temp.path()), "SOURCE_DATE_EPOCH {fixed:?}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_journey_that_is_killed_leaves_no_process_behind() {
    let mut dice = Dice::new(821);
    // The whole output has about 180 lines.
    let moments: Vec<usize> = (0..12).map(|_| dice.below(180)).collect();
    side_by_side(moments, |lines| {
        let temp = TempDir::new("journey");
        let mut child = journey(temp.path(), &[])
            .stdout(Stdio::piped())
            .stderr(Stdio::null()) // else servers that stay keep the test's own output open
            .spawn()
            .expect("it starts");
        let output = BufReader::new(child.stdout.take().expect("its output"));
        let read = output.lines().take(lines).count();
        child.kill().expect("killed");
        child.wait().expect("ended");
        all_end(temp.path());
        assert_eq!(read, lines, "the journey is shorter now");
    });
}

#[test]
fn pause_waits_for_enter_before_each_step() {
    let temp = TempDir::new("journey");
    let mut child = journey(temp.path(), &["--pause"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut enter = child.stdin.take().expect("its input");
    let mut output = child.stdout.take().expect("its output");
    let mut seen = Vec::new();
    for step in 0..=6 {
        // Reads until it asks, or ends; it asks without a line end.
        let mut octet = [0];
        while !seen.ends_with(b"(press Enter to go on) ")
            && output.read(&mut octet).expect("output") > 0
        {
            seen.push(octet[0]);
        }
        assert_eq!(steps(&String::from_utf8_lossy(&seen)).len(), step);
        seen.push(b'\n');
        if step < 6 {
            enter.write_all(b"\n").expect("input");
        }
    }
    assert!(child.wait().expect("its end").success());
    assert!(is_empty(temp.path()));
}

#[test]
fn nobody_has_to_read_on() {
    let temp = TempDir::new("journey");
    for lines in [0, 3] {
        let mut child = journey(temp.path(), &["--pause"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let output = BufReader::new(child.stdout.take().expect("its output"));
        assert_eq!(output.lines().take(lines).count(), lines); // and closes the pipe
        let ended = child.wait_with_output().expect("its end");
        ended.assert().success().stderr("");
        assert!(is_empty(temp.path()));
    }
}

#[test]
fn a_journey_that_cannot_begin_says_why() {
    let temp = TempDir::new("journey");
    let assert = journey(&temp.path().join("nowhere"), &[]).assert().code(1);
    let message = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    assert!(
        message.starts_with("smtp-primer: ") && message.contains("nowhere"),
        "{message}"
    );
}
