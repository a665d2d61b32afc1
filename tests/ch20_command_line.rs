//! Chapter 20: the command line, which is a contract with programs outside: words and options, exit
//! status, and what is said where. Everything here runs the program itself.

#[allow(dead_code)]
mod common {
    pub mod folder;
    pub mod process;
    pub mod script;
    pub mod side_by_side;
}

use assert_cmd::Command;
use assert_cmd::assert::Assert;
use common::folder::{TempDir, new_letters};
use common::process::{Server, make_site, program};
use common::side_by_side::side_by_side;
use smtp_primer::dialogue::{Dialogue, Side};
use smtp_primer::protocol::line::Socket;
use smtp_primer::queue::Queue;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const COMMANDS: [&str; 10] = [
    "journey", "init", "serve", "pop3", "relay", "send", "inbox", "show", "talk", "play",
];

/// Runs the program with these words and this standard input, to its end.
fn run(words: &[&str], input: impl Into<Vec<u8>>) -> Assert {
    let mut command = Command::from_std(program());
    command.timeout(Duration::from_secs(60));
    command.args(words).write_stdin(input).assert()
}

fn stdout(assert: &Assert) -> String {
    String::from_utf8(assert.get_output().stdout.clone()).expect("UTF-8")
}

fn stderr(assert: &Assert) -> String {
    String::from_utf8(assert.get_output().stderr.clone()).expect("UTF-8")
}

/// Checks the exit status, and that standard error holds these pieces.
#[track_caller]
fn fails(assert: Assert, code: i32, pieces: &[&str]) {
    let message = stderr(&assert);
    assert_eq!(assert.get_output().status.code(), Some(code), "{message}");
    assert!(message.starts_with("smtp-primer: "), "{message}");
    for piece in pieces {
        assert!(message.contains(piece), "{piece:?} is not in: {message}");
    }
}

/// A server that says its side of a dialogue to one caller.
struct Peer {
    address: String,
    thread: JoinHandle<Result<(), String>>,
}

impl Peer {
    fn new(dialogue: &str) -> Peer {
        let dialogue = Dialogue::parse("the test", dialogue).expect("a dialogue");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address").to_string();
        let thread = std::thread::spawn(move || {
            let (stream, _) = listener.accept().map_err(|error| error.to_string())?;
            let played = dialogue.play(Side::Server, Socket::new(stream), Duration::from_secs(20));
            played.map_err(|difference| difference.to_string())
        });
        Peer { address, thread }
    }

    /// Did the caller say all that is written?
    fn finish(self) {
        if let Err(difference) = self.thread.join().expect("the peer") {
            panic!("{difference}");
        }
    }
}

/// A place where nobody listens.
fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("its address").to_string()
}

/// A folder with the site a.example of alice and bob in it.
struct Stage {
    folder: TempDir,
    site: PathBuf,
}

impl Stage {
    fn new() -> Stage {
        let folder = TempDir::in_memory("command-line");
        let site = make_site(
            folder.path(),
            "a.example",
            &["alice:wonderland", "bob:builder"],
            "",
        );
        Stage { folder, site }
    }

    fn file(&self, name: &str, text: impl AsRef<[u8]>) -> String {
        let file = self.folder.path().join(name);
        fs::write(&file, text).expect("a file");
        file.display().to_string()
    }

    fn site(&self) -> &str {
        self.site.to_str().expect("UTF-8")
    }
}

/// What was stored, below the trace fields.
fn below_trace(letter: &[u8]) -> String {
    let letter = String::from_utf8(letter.to_vec()).expect("UTF-8");
    let (trace, rest) = letter.split_once(" +0000\r\n").expect("a Received field");
    assert!(trace.starts_with("Return-Path: <"), "{trace}");
    rest.to_string()
}

#[test]
fn help_is_for_asking_and_goes_to_standard_output() {
    for words in [&["help"][..], &["--help"], &["-h"]] {
        let page = stdout(&run(words, "").success().stderr(""));
        for command in COMMANDS {
            assert!(
                page.contains(&format!("\n  {command} ")),
                "{command}: {page}"
            );
        }
    }
    for command in COMMANDS {
        let page = stdout(&run(&["help", command], "").success().stderr(""));
        assert!(!page.ends_with("\n\n"), "{page:?}");
        assert!(
            page.starts_with(&format!("smtp-primer {command} ")),
            "{page}"
        );
        for words in [&[command, "--help"][..], &[command, "x", "-h", "--frob"]] {
            assert_eq!(stdout(&run(words, "").success().stderr("")), page);
        }
    }
    let version = concat!("smtp-primer ", env!("CARGO_PKG_VERSION"), "\n");
    run(&["--version"], "").success().stdout(version).stderr("");
}

/// The manual: each line that begins with the name of the program opens the page of a command.
#[test]
fn the_manual_has_a_page_for_each_command_and_no_other() {
    let manual = include_str!("../src/command_line/help.txt");
    let titles = manual
        .lines()
        .filter_map(|line| line.strip_prefix("smtp-primer "));
    let pages: Vec<&str> = titles.filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(pages, COMMANDS);
    // Those that the program knows, in its own order, each with a line about it.
    let overview = stdout(&run(&["help"], "").success());
    let known = overview.lines().filter_map(|line| line.strip_prefix("  "));
    let known: Vec<(&str, &str)> = known.filter_map(|line| line.split_once(' ')).collect();
    let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, pages);
    for (name, about) in known {
        assert!(about.trim().len() > 10, "{name}: {about:?}");
        let page = stdout(&run(&["help", name], "").success());
        assert!(manual.replace("\r\n", "\n").contains(&page), "{page}");
        assert!(page.lines().all(|line| line.len() <= 90), "{page}");
        // It has a function, which finds its options in the page.
        let unknown = format!("{name}: --frob is not an option\n");
        fails(run(&[name, "--frob"], ""), 2, &[&unknown]);
    }
}

#[test]
fn options_are_those_of_the_manual() {
    let stage = Stage::new();
    for (words, said) in [
        // Of one with `...` there may be several; of any other, one.
        (
            &[
                "send",
                "--to=a@a.example",
                "--to=b@b.example",
                "--subject=x",
                "--subject=y",
            ][..],
            "--subject is given twice",
        ),
        (
            &[
                "send",
                "--header=A: b",
                "--header=C: d",
                "--from=",
                "--from=",
            ],
            "--from is given twice",
        ),
        (
            &[
                "init",
                "x",
                "--user=a:b",
                "--user=c:d",
                "--domain=x",
                "--domain=y",
            ],
            "--domain is given twice",
        ),
        // One without a word after it has no value.
        (&["journey", "--keep=1"], "--keep takes no value"),
        (
            &["relay", stage.site(), "--once=1"],
            "--once takes no value",
        ),
        (&["play", "x", "--server"], "--server needs a value"),
        (&["inbox", "--keep", "--timeout"], "--timeout needs a value"),
        (&["send", "--body"], "--body needs a value"),
    ] {
        fails(run(words, ""), 2, &[said]);
    }
}

#[test]
fn wrong_usage_ends_with_2_and_says_what_would_be_right() {
    let stage = Stage::new();
    let site = stage.site();
    let to = ["send", "--server", "127.0.0.1:1", "--to", "b@b.example"];
    for (words, hint) in [
        (&[][..], "which command?"),
        (&["frob"], "frob is not a command"),
        (&["help", "frob"], "frob is not a command"),
        (&["help", "send", "x"], "too many words"),
        (&["--version", "x"], "too many words"),
        (&["journey", "x"], "x is one word too many"),
        (&["init", "new"], "--domain is missing"),
        (&["init", "--domain", "a.example"], "DIR is missing"),
        (&["init", "", "--domain", "a.example"], "DIR is missing"),
        (&["play", "nothing.txt"], "give either --server or --listen"),
        (&["init", "new", "--domain", "a b"], "domain"),
        (
            &["init", "new", "--domain=a.example", "--user", "x"],
            "--user has the form NAME:PASSWORD",
        ),
        (
            &["init", "new", "--domain=a.example", "--user", "../x:y"],
            "is not a user name",
        ),
        (
            &["init", "new", "--domain=a.example", "--user", "x:y z"],
            "the password of x",
        ),
        (&["serve"], "DIR is missing"),
        (&["serve", site, "x"], "x is one word too many"),
        (
            &["serve", site, "--frob"],
            "--frob is not an option\nusage: ",
        ),
        (&["serve", site, "-q"], "-q is not an option"),
        (&["show", "--frob"], "--frob is not an option\nusage: "),
        (&["serve", site, "--listen"], "--listen needs a value"),
        (
            &["serve", site, "--listen", "--quiet"],
            "--listen needs a value; --listen=--quiet if",
        ),
        (&["serve", site, "--quiet=1"], "--quiet takes no value"),
        (
            &["serve", site, "--quiet", "--quiet"],
            "--quiet is given twice",
        ),
        (
            &["serve", site, "--listen", "nowhere"],
            "serve: nowhere: the form is HOST:PORT",
        ),
        (
            &["serve", site, "--listen", "127.0.0.1:65536"],
            "the form is HOST:PORT",
        ),
        (
            &["serve", site, "--sessions", "x"],
            "--sessions takes a whole number",
        ),
        (
            &["serve", site, "--timeout", "0"],
            "--timeout takes a number of seconds",
        ),
        (
            &["serve", site, "--timeout=-1"],
            "--timeout takes a number of seconds",
        ),
        (
            &["serve", site, "--max-size", "0"],
            "--max-size must be more than 0",
        ),
        (
            &["pop3", site, "--max-size", "1"],
            "--max-size is not an option",
        ),
        (
            &["relay", site, "--retry", "soon"],
            "--retry takes a number of seconds",
        ),
        (&to, "--from is missing"),
        (
            &["send", "--from", "a@a.example", "--to", "b@b.example"],
            "--server is missing",
        ),
        (
            &["send", "--server", "x", "--from", "a@a.example"],
            "--to is missing",
        ),
        (
            &["send", "--from=", "--to=b@b.example", "--server=x"],
            "x: the form is HOST:PORT",
        ),
        (&["inbox", "--server", "127.0.0.1:1"], "--user is missing"),
        (
            &["inbox", "--server=127.0.0.1:1", "--user=x"],
            "--password-file is missing",
        ),
        (&["show"], "FILE is missing"),
        (&["show", "-", "-"], "- is one word too many"),
        (&["talk"], "HOST:PORT is missing"),
        (&["talk", "nowhere"], "the form is HOST:PORT"),
    ] {
        let assert = run(words, "").stdout("");
        let message = stderr(&assert);
        fails(assert, 2, &[hint]);
        let form = words.first().filter(|name| COMMANDS.contains(name));
        let form = form.map_or("\n  journey ".to_string(), |name| {
            format!("\nusage: smtp-primer {name} ")
        });
        assert!(message.contains(&form), "{words:?}: {message}");
    }
    assert!(!Path::new("new").exists());
}

#[test]
fn what_send_cannot_send_is_found_before_anybody_is_called() {
    let stage = Stage::new();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("not blocking");
    let address = listener.local_addr().expect("its address").to_string();
    let latin = stage.file("latin", b"caf\xe9");
    let empty = stage.file("empty", "\n");
    let good = stage.file("good", "Subject: x\n\nHello");
    for (words, code, hint) in [
        (
            &["--from", "a b@c"][..],
            2,
            "--from: \"a b@c\" is not one address; write --from b@c",
        ),
        (
            &["--to", "b"],
            2,
            "--to: \"b\" is not one address; an address has the form local-part@domain",
        ),
        (&["--to", "b@b.example\r\nDATA"], 2, "--to: "),
        (
            &["--helo", "x y"],
            2,
            "--helo: \"x y\": the domain is not well formed; write a full name",
        ),
        (&["--helo", "my_pc"], 2, "--helo: \"my_pc\": "),
        // CVE-2024-6923 and others: a line end in a header adds fields.
        (
            &["--header", "X: y\r\nBcc: eve@e.example"],
            2,
            "the X field holds a line end",
        ),
        (&["--header", "X: y\n\nHello"], 2, "--header: "),
        (&["--header", "X: y\rz"], 2, "--header: "),
        (
            &["--header", "X"],
            2,
            "--header: \"X\": a header field has the form Name: value",
        ),
        (
            &["--header", "X Y: z"],
            2,
            "is not a name for a header field",
        ),
        (
            &["--subject", "x\nBcc: eve@e.example"],
            2,
            "the Subject field holds a line end",
        ),
        (&["--body", &latin], 1, "not UTF-8"),
        (&["--body", "no-such-file"], 1, "no-such-file: "),
        (&["--message", "no-such-file"], 1, "no-such-file: "),
        (
            &["--message", &good, "--subject", "x"],
            2,
            "--subject cannot change it",
        ),
        (
            &["--message", &good, "--header", "X: y"],
            2,
            "--header cannot change it",
        ),
        (
            &["--message", &good, "--body", &good],
            2,
            "--body cannot change it",
        ),
        (&["--user", "x"], 2, "--password-file is missing"),
        (&["--password-file", "x"], 2, "--password-file needs --user"),
        (
            &["--user", "x", "--password-file", "-"],
            2,
            "standard input cannot be both",
        ),
        (
            &["--user", "x", "--password-file", "no-such-file"],
            1,
            "no-such-file: ",
        ),
        (
            &["--user", "x", "--password-file", &empty],
            1,
            "no password",
        ),
        (
            &["--user", "x", "--password-file", &latin],
            1,
            "no password in UTF-8",
        ),
    ] {
        let mut all = vec!["send", "--server", &address, "--to", "b@b.example"];
        all.extend(words);
        if words[0] != "--from" {
            all.extend(["--from", "a@a.example"]);
        }
        fails(run(&all, "Hello"), code, &[hint]);
        assert!(listener.accept().is_err(), "somebody called: {words:?}");
    }
}

#[test]
fn an_address_that_is_written_in_another_way_is_told_with_the_way_to_write_it() {
    for (option, value, hint) in [
        (
            "--from",
            "Bob <bob@b.example>",
            "write --from bob@b.example, and the name into --header 'From: Bob <bob@b.example>'",
        ),
        (
            "--from",
            "mailto:bob@b.example?subject=x",
            "write --from bob@b.example",
        ),
        ("--from", " bob@b.example", "write --from bob@b.example"),
        (
            "--to",
            "a@x.example,b@x.example",
            "write --to a@x.example --to b@x.example",
        ),
        (
            "--cc",
            "\"Zoë, Z.\" <z@x.example>; Bob <b@x.example>",
            "write --cc z@x.example --cc b@x.example",
        ),
        ("--bcc", "eve@e.example, ", "write --bcc eve@e.example"),
        ("--cc", "“carol@c.example”", "write --cc carol@c.example"),
        ("--to", "'carol@c.example'", "write --to carol@c.example"),
        ("--cc", "josé@d.example", "addresses here are ASCII"),
        // The one that would be left without the e is somebody else.
        ("--to", "e\u{301}va@d.example", "addresses here are ASCII"),
        (
            "--bcc",
            "carol",
            "an address has the form local-part@domain",
        ),
        ("--to", "", "an address has the form local-part@domain"),
    ] {
        let mut words = vec!["send", "--server", "127.0.0.1:1", option, value];
        let rest: [&[&str]; 2] = [&["--from=a@a.example"], &["--to=b@b.example"]];
        words.extend(rest[usize::from(option == "--from")]);
        let named = format!("{option}: {value:?} is not one address; {hint}");
        fails(run(&words, "Hello"), 2, &[&named]);
    }
}

// ours 7: the people in a Cc that the user wrote got no letter, and those in a Bcc could be seen
// by everybody.
#[test]
fn a_header_that_names_recipients_is_refused_with_the_option_to_use() {
    for (header, hint) in [
        ("Cc: carol@c.example", "write --cc carol@c.example"),
        ("BCC: Eve <eve@e.example>", "write --bcc eve@e.example"),
        (
            "to:a@x.example, b@x.example",
            "write --to a@x.example --to b@x.example",
        ),
        ("cC : carol@c.example", "write --cc carol@c.example"),
        ("Resent-Bcc: eve@e.example", "write --bcc eve@e.example"),
        ("resent-to: a@a.example", "write --to a@a.example"),
        ("Apparently-To: a@a.example", "write --to a@a.example"),
        ("Apparently-To: <c@c.example>", "write --to c@c.example"),
        ("Bcc:", "write --bcc ADDRESS"),
    ] {
        let words = [
            "send",
            "--server=127.0.0.1:1",
            "--from=a@a.example",
            "--to=b@b.example",
        ];
        let words = [&words[..], &["--header", header]].concat();
        let named = format!("--header: {header:?} would name recipients");
        fails(run(&words, "Hello"), 2, &[&named, hint]);
    }
}

#[test]
fn cc_and_bcc_get_the_letter_and_only_cc_is_named_in_it() {
    let to = |paths: &[&str]| {
        let rcpt = |path: &&str| format!("C: RCPT TO:<{path}>\nS: 250 ok\n");
        paths.iter().map(rcpt).collect::<String>()
    };
    for (options, paths, fields) in [
        (
            &["--to=b@b.example", "--cc=c@c.example", "--bcc=e@e.example"][..],
            &["b@b.example", "c@c.example", "e@e.example"][..],
            "C: To: b@b.example\nC: Cc: c@c.example\n",
        ),
        // Who is named twice gets it once; the case of a domain means nothing, that of a name may.
        (
            &[
                "--cc=c@c.example",
                "--bcc=c@C.EXAMPLE",
                "--to=b@b.example",
                "--cc=B@b.example",
                "--bcc=<b@b.example>",
            ],
            &["b@b.example", "c@c.example", "B@b.example"],
            "C: To: b@b.example\nC: Cc: c@c.example, B@b.example\n",
        ),
        (
            &["--cc=c@c.example"],
            &["c@c.example"],
            "C: Cc: c@c.example\n",
        ),
        (
            &["--bcc=e@e.example", "--bcc=f@e.example"],
            &["e@e.example", "f@e.example"],
            "",
        ),
    ] {
        let peer = Peer::new(&format!(
            "{HELLO}{MAIL}S: 250 ok\n{}C: DATA\nS: 354 go on\nC: Date: {{}}\nC: From: a@a.example\n\
             {fields}C: Message-ID: {{}}\nC: X-Mailer: {{}}\nC:\nC: Hello\nC: .\nS: 250 kept\n{QUIT}",
            to(paths)
        ));
        let mut words = vec!["send", "--server", &peer.address, "--from=a@a.example"];
        words.extend(options);
        let assert = run(&words, "Hello");
        peer.finish();
        assert.success().stderr("");
    }
}

#[test]
fn a_letter_that_is_composed_goes_also_where_8bitmime_is_not_offered() {
    let stage = Stage::new();
    let finished = stage.file("finished", "Subject: x\n\nHübsch\n");
    let esmtp = "S: 220 x\nC: EHLO [127.0.0.1]\nS: 250-x\nS: 250 SIZE 1000000\n";
    let smtp = "S: 220 x\nC: EHLO [127.0.0.1]\nS: 500 what?\nC: HELO [127.0.0.1]\nS: 250 x\n";
    for (hello, size, encoding, line) in [
        (HELLO, " BODY=8BITMIME", "8bit", "Ein hübscher Garten"),
        (
            esmtp,
            " SIZE={}",
            "quoted-printable",
            "Ein h=C3=BCbscher Garten",
        ),
        (smtp, "", "quoted-printable", "Ein h=C3=BCbscher Garten"),
    ] {
        let peer = Peer::new(&format!(
            "{hello}C: MAIL FROM:<a@a.example>{size}\nS: 250 ok\nC: RCPT TO:<b@b.example>\nS: 250 ok\n\
             C: DATA\nS: 354 go on\nC: Date: {{}}\nC: From: a@a.example\nC: To: b@b.example\n\
             C: Subject: =?UTF-8?B?5L2g5aW9?=\nC: Message-ID: {{}}\nC: X-Mailer: {{}}\n\
             C: MIME-Version: 1.0\nC: Content-Type: text/plain; charset=UTF-8\n\
             C: Content-Transfer-Encoding: {encoding}\nC:\nC: {line}\nC: .\nS: 250 kept\n{QUIT}"
        ));
        let words = [
            "send",
            "--server",
            &peer.address,
            "--from=a@a.example",
            "--to=b@b.example",
        ];
        let assert = run(
            &[&words[..], &["--subject=你好"]].concat(),
            "Ein hübscher Garten",
        );
        peer.finish();
        assert.success().stderr("");

        if encoding != "8bit" {
            let peer = Peer::new(&format!("{hello}{QUIT}"));
            let words = [
                "send",
                "--server",
                &peer.address,
                "--from=a@a.example",
                "--to=b@b.example",
            ];
            let assert = run(&[&words[..], &["--message", &finished]].concat(), "");
            peer.finish();
            fails(assert, 1, &["not sent: ", "does not offer 8BITMIME"]);
        }
    }
}

#[test]
fn a_value_may_follow_an_equals_sign_and_only_there_begin_with_a_dash() {
    let stage = Stage::new();
    let server = Server::start("serve", &stage.site, &["--sessions", "2", "--quiet"]);
    for (words, from, subject) in [
        (
            &["--from=bob@b.example", "--subject=-x = y"][..],
            "<bob@b.example>",
            "-x = y",
        ),
        (
            &["--from", "", "--subject", "=-x", "--body", "-"],
            "<>",
            "=-x",
        ),
    ] {
        let mut all = vec!["send", "--server", &server.address, "--to=alice@a.example"];
        all.extend(words);
        run(&all, "Hello").success().stderr("");
        let letter = new_letters(&stage.site, "alice").pop().expect("a letter");
        let letter = String::from_utf8(letter).expect("UTF-8");
        assert!(
            letter.starts_with(&format!("Return-Path: {from}\r\n")),
            "{letter}"
        );
        assert!(
            letter.contains(&format!("\r\nSubject: {subject}\r\n")),
            "{letter}"
        );
        assert!(letter.ends_with("\r\n\r\nHello\r\n"), "{letter}");
    }
    let words = ["send", "--server", "127.0.0.1:1", "--subject", "-x"];
    fails(
        run(&words, ""),
        2,
        &["--subject needs a value; --subject=-x if you mean that"],
    );
}

/// What every server says and hears first.
const HELLO: &str = "S: 220 x\nC: EHLO [127.0.0.1]\nS: 250-x\nS: 250 8BITMIME\n";
const MAIL: &str = "C: MAIL FROM:<a@a.example>\n";
const TEXT: &str = "C: DATA\nS: 354 go on\nC: Subject: x\nC:\nC: Hello\nC: .\n";
const QUIT: &str = "C: QUIT\nS: 221 bye\n";

#[test]
fn the_exit_status_of_send_says_whether_to_try_again() {
    let stage = Stage::new();
    let letter = stage.file("letter", "Subject: x\n\nHello\n");
    let ok = format!("{HELLO}{MAIL}S: 250 ok\nC: RCPT TO:<b@b.example>\nS: 250 ok\n");
    let two = |first: &str, second: &str| {
        let rcpt = format!("C: RCPT TO:<b@b.example>\nS: {first}\nC: RCPT TO:<c@c.example>");
        format!("{HELLO}{MAIL}S: 250 ok\n{rcpt}\nS: {second}\n")
    };
    let one = ["--to", "b@b.example"];
    let both = ["--to", "b@b.example", "--to", "<c@c.example>"];
    let table: Vec<(String, &[&str], i32, &[&str])> = vec![
        (format!("{ok}{TEXT}S: 250 kept\n{QUIT}"), &one, 0, &[]),
        (
            "S: 421 not now\nC: QUIT\nS: {close}".into(),
            &one,
            75,
            &["the greeting", "421 not now"],
        ),
        (
            "S: 554 go away\nC: QUIT\nS: {close}".into(),
            &one,
            1,
            &["the greeting", "554 go away"],
        ),
        (
            "S: {close}".into(),
            &one,
            75,
            &["the greeting", "closed the connection"],
        ),
        (
            "S: +OK pop\nC: {close}".into(),
            &one,
            75,
            &["the greeting", "not a reply", "+OK pop"],
        ),
        (
            format!("{HELLO}{MAIL}S: 451 busy\n{QUIT}"),
            &one,
            75,
            &["at MAIL ", "451 busy"],
        ),
        (
            format!("{HELLO}{MAIL}S: 550 not you\n{QUIT}"),
            &one,
            1,
            &["at MAIL ", "550 not you"],
        ),
        (
            format!("{HELLO}{MAIL}S: {{close}}"),
            &one,
            75,
            &["at MAIL", "closed the connection"],
        ),
        (
            two("250 ok", "550 no c") + TEXT + "S: 250 kept\n" + QUIT,
            &both,
            1,
            &["not to <c@c.example>: at RCPT the server said: 550 no c"],
        ),
        (
            two("450 later", "250 ok") + TEXT + "S: 250 kept\n" + QUIT,
            &both,
            75,
            &["not to <b@b.example>: at RCPT the server said: 450 later"],
        ),
        (
            two("450 later", "550 no c") + "C: RSET\nS: 250 ok\n" + QUIT,
            &both,
            1,
            &[
                "not to <b@b.example>: at RCPT the server said: 450 later",
                "550 no c",
            ],
        ),
        (
            two("452 full", "452 full") + "C: RSET\nS: 250 ok\n" + QUIT,
            &both,
            75,
            &["not to <b@b.example>", "not to <c@c.example>", "452 full"],
        ),
        // What was answered stays answered, and nobody is told more than is known.
        (
            two("550 no b", "421 closing") + "C: QUIT\nS: {close}",
            &both,
            1,
            &[
                "not to <b@b.example>: at RCPT the server said: 550 no b",
                "not to <c@c.example>: at RCPT the server said: 421 closing",
            ],
        ),
        (
            two("550 no b", "250 ok") + TEXT + "S: {close}",
            &both,
            1,
            &[
                "not to <b@b.example>: at RCPT the server said: 550 no b",
                "\nto <c@c.example>: outcome unknown: ",
            ],
        ),
        (
            two("250 ok", "250 ok") + "C: DATA\nS: {close}",
            &both,
            75,
            &["smtp-primer: not sent: at DATA: ", "try again later"],
        ),
        (
            format!("{ok}C: DATA\nS: 451 busy\nC: RSET\nS: 250 ok\n{QUIT}"),
            &one,
            75,
            &["not to <b@b.example>: at DATA the server said: 451 busy"],
        ),
        (
            format!("{ok}{TEXT}S: 554 spam\n{QUIT}"),
            &one,
            1,
            &["not to <b@b.example>: at the final dot the server said: 554 spam"],
        ),
        (
            format!("{ok}{TEXT}S: 452 full\n{QUIT}"),
            &one,
            75,
            &["at the final dot", "452 full"],
        ),
        (
            format!("{ok}{TEXT}S: {{close}}"),
            &one,
            75,
            &[
                "smtp-primer: outcome unknown: ",
                "closed the connection without a reply",
            ],
        ),
    ];
    side_by_side(table, |(dialogue, to, code, pieces)| {
        let peer = Peer::new(&dialogue);
        let mut words = vec!["send", "--server", &peer.address, "--from", "a@a.example"];
        words.extend(["--quiet", "--message", &letter]);
        words.extend(to);
        let assert = run(&words, "");
        peer.finish();
        match code {
            0 => drop(assert.success().stdout("").stderr("")),
            code => fails(assert, code, pieces),
        }
    });
}

#[test]
fn a_hundred_and_fifty_recipients_are_two_transactions() {
    let names: Vec<String> = (0..150).map(|at| format!("u{at}@b.example")).collect();
    let rcpt = |name: &String| format!("C: RCPT TO:<{name}>\nS: 250 ok\n");
    let takes = |names: &[String]| {
        let rcpts: String = names.iter().map(rcpt).collect();
        format!("{MAIL}S: 250 ok\n{rcpts}{TEXT}S: 250 kept\n")
    };
    let dialogue = format!(
        "{HELLO}{}{}{QUIT}",
        takes(&names[..100]),
        takes(&names[100..])
    );
    let peer = Peer::new(&dialogue);
    let stage = Stage::new();
    let letter = stage.file("letter", "Subject: x\n\nHello\n");
    let mut words = vec!["send", "--server", &peer.address, "--from", "a@a.example"];
    words.extend(["--quiet", "--message", &letter]);
    names
        .iter()
        .for_each(|name| words.extend(["--to", name.as_str()]));
    let assert = run(&words, "");
    peer.finish();
    assert.success().stdout("").stderr("");
}

#[test]
fn a_server_that_is_not_there_may_be_there_later() {
    let nobody = nobody();
    for words in [
        &["send", "--from=", "--to=b@b.example", "--server"][..],
        &["inbox", "--user=x", "--password-file=-", "--server"],
        &["talk"],
    ] {
        let words = [words, &[&nobody]].concat();
        let hint = format!("no connection to {nobody}: ");
        fails(
            run(&words, "x"),
            75,
            &[&hint, "does a server listen there?"],
        );
    }
    let stage = Stage::new();
    let file = stage.file("dialogue", "S: 220 {}\n");
    fails(
        run(&["play", &file, "--server", &nobody], ""),
        75,
        &["no connection to "],
    );
}

#[test]
fn a_message_file_arrives_as_it_is_with_its_line_ends_made_cr_lf() {
    let stage = Stage::new();
    let server = Server::start("serve", &stage.site, &["--quiet"]);
    let long = format!("Subject: x\r\n\r\n{}\r\n.\r\n..\r\n", "x".repeat(5000));
    for (file, arrives) in [
        (
            "Subject: lf\n\na\n\nb\n",
            "Subject: lf\r\n\r\na\r\n\r\nb\r\n",
        ),
        ("Subject: crlf\r\n\r\na\r\n", "Subject: crlf\r\n\r\na\r\n"),
        ("Subject: cr\r\ra\r", "Subject: cr\r\n\r\na\r\n"),
        (
            "Subject: mixed\n\r\na\rb\r\r\n\n",
            "Subject: mixed\r\n\r\na\r\nb\r\n\r\n\r\n",
        ),
        ("Subject: no end\n\na", "Subject: no end\r\n\r\na\r\n"),
        (
            "Subject: Grüße\n\n.Grüße\n..\n",
            "Subject: Grüße\r\n\r\n.Grüße\r\n..\r\n",
        ),
        // RFC 5321 §4.4: the server puts an empty line below its trace.
        ("no header\0at all", "\r\nno header\0at all\r\n"),
        (&long, &long),
        ("", "\r\n"),
    ] {
        let file = stage.file("letter", file);
        for message in [&file, "-"] {
            let mut words = vec!["send", "--server", &server.address, "--from=", "--message"];
            words.extend([message, "--to", "alice@a.example"]);
            let input = fs::read(&file).expect("the file");
            run(&words, input).success().stderr("");
            let letter = new_letters(&stage.site, "alice").pop().expect("a letter");
            assert_eq!(below_trace(&letter), arrives);
        }
    }
}

#[test]
fn a_letter_is_made_from_the_options_in_any_language() {
    let stage = Stage::new();
    let server = Server::start("serve", &stage.site, &["--quiet"]);
    let body = stage.file("body", "Grüße\n.\n.x\n");
    let mut words = vec![
        "send",
        "--server",
        &server.address,
        "--from",
        "bob@b.example",
    ];
    words.extend([
        "--to",
        "alice@a.example",
        "--to",
        "bob@a.example",
        "--subject",
        "Grüße 你好",
    ]);
    words.extend(["--header", "X-One: 1", "--header", "X-Two: zwei"]);
    words.extend(["--body", &body]);
    let trace = stdout(&run(&words, "this is not read").success().stderr(""));
    assert!(
        trace.contains("S: 220 a.example ") && trace.contains("\nC: .\n"),
        "{trace}"
    );
    let letter = below_trace(&new_letters(&stage.site, "alice")[0]);
    assert!(
        letter.is_ascii() || letter.contains("\r\n\r\nGrüße\r\n.\r\n.x\r\n"),
        "{letter}"
    );
    for field in [
        "\r\nFrom: bob@b.example\r\n",
        "\r\nX-One: 1\r\n",
        "\r\nX-Two: zwei\r\n",
    ] {
        assert!(letter.contains(field), "{letter}");
    }
    assert!(
        letter.contains("\r\nTo: alice@a.example, bob@a.example\r\n"),
        "{letter}"
    );
    assert_eq!(new_letters(&stage.site, "bob").len(), 1);

    let file = stage.file("letter", &new_letters(&stage.site, "alice")[0]);
    let page = stdout(&run(&["show", &file], "").success().stderr(""));
    assert!(
        page.contains("Subject: Grüße 你好\n") && page.ends_with("\n\n  Grüße\n  .\n  .x\n"),
        "{page}"
    );
    let letter = fs::read(&file).expect("the letter");
    assert_eq!(stdout(&run(&["show", "-"], letter).success()), page);
}

#[test]
fn serve_says_first_where_it_listens_and_shows_the_conversation_unless_quiet() {
    let stage = Stage::new();
    for (options, seen) in [
        (&["--sessions", "1"][..], true),
        (&["--sessions=1", "--quiet"], false),
    ] {
        for (role, first) in [
            ("serve", "S: 220 a.example "),
            ("pop3", "S: +OK a.example "),
        ] {
            let server = Server::start(role, &stage.site, options);
            let seen_by_client = stdout(&run(&["talk", &server.address], "QUIT\n").success());
            assert!(seen_by_client.starts_with(first), "{seen_by_client}");
            let rest = server.finish();
            assert_eq!(rest.contains(&format!("\n{first}")), seen, "{rest}");
            assert_eq!(rest.is_empty(), !seen, "{rest}");
        }
    }
}

#[test]
fn a_taken_port_is_told_with_a_way_out() {
    let stage = Stage::new();
    let file = stage.file("dialogue", "S: 220 {}\n");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("its address").to_string();
    for words in [
        &["serve", stage.site()][..],
        &["pop3", stage.site()],
        &["play", &file],
    ] {
        let words = [words, &["--listen", &address]].concat();
        let hint = format!("cannot listen on {address}: ");
        fails(run(&words, ""), 1, &[&hint, "--listen takes another port"]);
    }
}

#[test]
fn all_bad_lines_of_site_conf_are_told_before_anybody_is_let_in() {
    let stage = Stage::new();
    let file = stage.site.join("site.conf");
    fs::write(&file, "domain a.example\nusr x y\nmx-port 0\n").expect("site.conf");
    for role in ["serve", "pop3", "relay"] {
        let assert = run(&[role, stage.site(), "--quiet"], "").stdout("");
        let line = |number| format!("{}:{number}: ", file.display());
        fails(
            assert,
            1,
            &[&line(2), &line(3), "is not a keyword", "from 1 to 65535"],
        );
    }
    let nowhere = stage.folder.path().join("nowhere").display().to_string();
    fails(
        run(&["serve", &nowhere], ""),
        1,
        &["site.conf", "smtp-primer init makes a site"],
    );
}

#[test]
fn init_makes_a_site_once() {
    let temp = TempDir::in_memory("command-line");
    let site = temp.path().join("a.example").display().to_string();
    let words = [
        "init",
        &site,
        "--domain",
        "a.example",
        "--user",
        "alice:a:b",
    ];
    let said = stdout(&run(&words, "").success().stderr(""));
    assert!(said.contains("next: smtp-primer serve"), "{said}");
    let file = temp.path().join("a.example/site.conf");
    let conf = fs::read_to_string(&file).expect("site.conf");
    assert!(conf.contains("\nuser   alice a:b\n"), "{conf}");
    fails(run(&words, ""), 1, &["there is a site already"]);
    assert_eq!(fs::read_to_string(&file).expect("site.conf"), conf);
}

#[test]
fn max_size_is_announced_and_kept() {
    let stage = Stage::new();
    let server = Server::start("serve", &stage.site, &["--max-size", "1000", "--quiet"]);
    for (octets, code) in [(999, 0), (1000, 0), (1001, 1)] {
        let letter = stage.file("letter", "x".repeat(octets - 2));
        let mut words = vec![
            "send",
            "--server",
            &server.address,
            "--from=",
            "--message",
            &letter,
        ];
        words.push("--to=alice@a.example");
        let assert = run(&words, "").code(code);
        assert_eq!(
            stderr(&assert).contains("the server takes 1000 at most"),
            code == 1
        );
    }
    assert_eq!(new_letters(&stage.site, "alice").len(), 2);
}

#[test]
fn inbox_removes_letters_only_into_a_maildir() {
    let stage = Stage::new();
    let password = stage.file("password", "wonderland\r\n");
    let smtp = Server::start("serve", &stage.site, &["--quiet"]);
    for subject in ["One", "Two"] {
        let words = [
            "send",
            "--server",
            &smtp.address,
            "--from=",
            "--to=alice@a.example",
        ];
        run(&[&words[..], &["--subject", subject]].concat(), "Hello").success();
    }
    let pop3 = Server::start("pop3", &stage.site, &["--quiet"]);
    let mut words = vec!["inbox", "--server", &pop3.address, "--user", "alice"];
    words.extend(["--password-file", &password]);
    let page = stdout(&run(&words, "").success().stderr(""));
    assert!(page.starts_with("2 letters\n\n--- 1 of 2 ---\n"), "{page}");
    assert!(
        page.contains("Subject: One\n") && page.contains("Subject: Two\n"),
        "{page}"
    );
    let keep = [&words[..], &["--keep"]].concat();
    assert_eq!(stdout(&run(&keep, "").success().stderr("")), page);

    let own = stage.folder.path().join("own");
    let into = own.to_str().expect("UTF-8");
    let fetch = [&words[..], &["--into", into]].concat();
    let fetched = stdout(&run(&fetch, "").success().stderr(""));
    let same = page.replace(" of 2 ---", &format!(" of 2, put into {into} ---"));
    assert_eq!(fetched, same);
    assert_eq!(stdout(&run(&words, "").success().stderr("")), "0 letters\n");
    assert!(new_letters(&stage.site, "alice").is_empty());
    // What was fetched can be shown again.
    let files = fs::read_dir(own.join("new")).expect("a Maildir");
    let mut files: Vec<_> = files.map(|file| file.expect("a letter").path()).collect();
    files.sort();
    assert_eq!(files.len(), 2);
    let shown = stdout(&run(&["show", files[0].to_str().expect("UTF-8")], "").success());
    assert!(fetched.contains(&format!("---\n{shown}\n---")), "{shown}");
}

#[test]
fn inbox_says_at_which_step_the_server_spoke() {
    let login = "S: +OK x\nC: USER alice\nS: +OK\nC: PASS wonderland\n";
    for (dialogue, code, pieces) in [
        (
            "S: -ERR busy\n".to_string(),
            1,
            &["at the login", "-ERR busy"],
        ),
        (
            "S: {close}".to_string(),
            75,
            &["at the login", "connection failed"],
        ),
        (
            format!("{login}S: -ERR no\n"),
            1,
            &["at the login", "-ERR no"],
        ),
        (
            format!("{login}S: -ERR [IN-USE] wait\n"),
            75,
            &["at the login", "[IN-USE] wait"],
        ),
        (
            format!("{login}S: +OK\nC: LIST\nS: {{close}}"),
            75,
            &["at LIST", "connection failed"],
        ),
        (
            format!("{login}S: +OK\nC: LIST\nS: -ERR no\n"),
            1,
            &["at LIST", "-ERR no"],
        ),
        (
            format!("{login}S: +OK\nC: LIST\nS: +OK\nS: .\nC: QUIT\nS: -ERR 1 left\n"),
            1,
            &["at QUIT", "-ERR 1 left"],
        ),
    ] {
        let peer = Peer::new(&dialogue);
        let words = [
            "inbox",
            "--server",
            &peer.address,
            "--user=alice",
            "--password-file=-",
        ];
        fails(run(&words, "wonderland"), code, pieces);
        peer.finish();
    }
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let stage = Stage::new();
    let folder = stage.folder.path().display().to_string();
    let file = "no-such-file";
    for words in [
        &["show", file][..],
        &["play", file, "--server", "127.0.0.1:1"],
    ] {
        fails(run(words, ""), 1, &["no-such-file: "]);
    }
    fails(run(&["show", &folder], ""), 1, &[&folder]);
}

#[test]
fn a_server_tells_why_a_letter_could_not_be_kept_also_if_it_is_quiet() {
    for quiet in [&["--quiet"][..], &[]] {
        let stage = Stage::new();
        let errors = stage.file("errors", "");
        let mut command = program();
        command.args(["serve", stage.site(), "--listen", "127.0.0.1:0"]);
        command.arg("--sessions=1").args(quiet);
        let server = Server::run(command.stderr(fs::File::create(&errors).expect("a file")));
        let mailbox = stage.site.join("mail/alice");
        fs::remove_dir_all(&mailbox).expect("a mailbox");
        fs::write(&mailbox, "").expect("a file in its place");
        let words = [
            "send",
            "--from=a@b.example",
            "--to=alice@a.example",
            "--server",
        ];
        let words = [&words[..], &[&server.address]].concat();
        fails(run(&words, "x"), 75, &["451 the letter could not be kept"]);
        let why = "the letter could not be kept: ";
        let trace = server.finish();
        assert_eq!(
            trace.contains(&format!("# {why}")),
            quiet.is_empty(),
            "{trace}"
        );
        let errors = fs::read_to_string(&errors).expect("what was told");
        assert!(
            errors.starts_with(&format!("smtp-primer: {why}")),
            "{errors}"
        );
        assert_eq!(errors.lines().count(), 1, "{errors}");
    }
}

/// Puts a letter for b.example into the queue.
fn queue_a_letter(stage: &Stage) {
    let server = Server::start("serve", &stage.site, &["--quiet"]);
    let words = [
        "send",
        "--server",
        &server.address,
        "--from=alice@a.example",
    ];
    run(&[&words[..], &["--to=x@b.example"]].concat(), "Hello").success();
}

#[test]
fn one_pass_of_the_relay_has_three_outcomes() {
    let hello = "S: 220 b.example\nC: EHLO a.example\nS: 250 b.example\n\
                 C: MAIL FROM:<alice@a.example>\nS: 250 ok\nC: RCPT TO:<x@b.example>\n";
    for (reply, code) in [
        ("250 ok", 0),
        ("550 no x", 1),
        ("451 later", 75),
        ("no connection", 75),
    ] {
        let stage = Stage::new();
        queue_a_letter(&stage);
        let b = TempDir::in_memory("command-line");
        let b_site = make_site(b.path(), "b.example", &["x:x"], "");
        let b_server = Server::start("serve", &b_site, &["--quiet"]);
        let refusal = format!("{hello}S: {reply}\nC: RSET\nS: 250 ok\n{QUIT}");
        let peer = reply.starts_with(['4', '5']).then(|| Peer::new(&refusal));
        let route = match (&peer, code) {
            (Some(peer), _) => peer.address.clone(),
            (None, 0) => b_server.address.clone(),
            _ => nobody(),
        };
        let conf = stage.site.join("site.conf");
        let text = fs::read_to_string(&conf).expect("site.conf");
        fs::write(&conf, format!("{text}route b.example {route}\n")).expect("site.conf");

        let words = ["relay", stage.site(), "--once", "--quiet"];
        let assert = run(&words, "").stdout("").code(code);
        let message = stderr(&assert);
        let bounced = new_letters(&stage.site, "alice").len();
        let queue = fs::read_dir(stage.site.join("queue")).expect("the queue");
        let waiting = queue.filter(|file| {
            let file = file.as_ref().expect("a file").path();
            file.extension().is_some_and(|kind| kind == "letter")
        });
        let expected = match code {
            0 => (0, 0, 1),
            1 => (1, 0, 0),
            _ => (0, 1, 0),
        };
        let found = (bounced, waiting.count(), new_letters(&b_site, "x").len());
        assert_eq!(found, expected, "{reply}: {message}");
        if let Some(peer) = peer {
            assert!(message.contains(reply), "{message}");
            peer.finish();
        }
        // Nothing is left to do, or not yet.
        run(&words, "").code(if code == 75 { 75 } else { 0 });
    }
}

#[test]
fn when_to_try_again_and_when_to_give_up_can_be_chosen() {
    // RFC 5321 §4.5.4.1
    let stage = Stage::new();
    queue_a_letter(&stage);
    let words = ["relay", stage.site(), "--once", "--quiet"];
    run(&[&words[..], &["--retry", "0.001"]].concat(), "").code(75);
    // A wait of less than a second is none, so the letter is tried again at once.
    run(
        &[&words[..], &["--retry", "7200", "--give-up", "3600"]].concat(),
        "",
    )
    .code(75);
    let mut files = fs::read_dir(stage.site.join("queue")).expect("the queue");
    let envelope = files.find_map(|file| {
        let path = file.expect("a file").path();
        let is_envelope = path.extension().is_some_and(|kind| kind == "envelope");
        is_envelope.then_some(path)
    });
    let file = envelope.expect("an envelope");
    let envelope = fs::read_to_string(&file).expect("an envelope");
    let seconds = |name: &str| -> u64 {
        let line = envelope.lines().find_map(|line| line.strip_prefix(name));
        line.expect(name).parse().expect("a number")
    };
    let wait = seconds("next ") - seconds("arrived ");
    assert!((14_400..14_500).contains(&wait), "twice the first: {wait}");
    assert!(envelope.contains("tries 2\n"), "{envelope}");
    let now = envelope.replace(&format!("next {}", seconds("next ")), "next 0");
    fs::write(&file, now).expect("an envelope");
    run(&[&words[..], &["--give-up", "0.001"]].concat(), "").code(1);
    assert_eq!(new_letters(&stage.site, "alice").len(), 1, "the bounce");
}

#[test]
fn a_queue_has_one_relay_at_a_time() {
    let stage = Stage::new();
    let queue = Queue::create(&stage.site.join("queue")).expect("a queue");
    let lock = queue.lock().expect("a lock").expect("it is free");
    let words = ["relay", stage.site(), "--once"];
    fails(run(&words, ""), 75, &["another relay works on this queue"]);
    // Not dropped: a process that another test starts just now may hold a copy of it for a moment.
    lock.unlock().expect("it is ours");
    run(&words, "").success().stdout("").stderr("");
}

#[test]
fn talk_says_smtp_line_by_line_and_ends_with_quit() {
    let stage = Stage::new();
    let server = Server::start("serve", &stage.site, &["--quiet"]);
    let said = "EHLO x\nMAIL FROM:<b@b.example>\r\nRCPT TO:<alice@a.example>\nDATA\n\
                Subject: by hand\n\nQUIT\n..\n.\nNOOP\nquit\nthis is not sent\n";
    // A name may have several addresses, and the server listens on one of them.
    let address = server.address.replace("127.0.0.1", "localhost");
    let shown = stdout(&run(&["talk", &address], said).success().stderr(""));
    let mut rest = shown.as_str();
    for piece in [
        "S: 220 ",
        "\nC: EHLO x\n",
        "S: 250-",
        "S: 250 HELP\n",
        "C: DATA\nS: 354 ",
        "\nC: Subject: by hand\nC:",
        "\nC: QUIT\nC: ..\nC: .\nS: 250 OK, kept as ",
        "\nC: NOOP\nS: 250 ",
        "\nC: quit\nS: 221 ",
    ] {
        let (_, after) = rest
            .split_once(piece)
            .unwrap_or_else(|| panic!("{piece:?}: {shown}"));
        rest = after;
    }
    assert!(!rest.contains("C: "), "{rest}");
    let letter = below_trace(&new_letters(&stage.site, "alice")[0]);
    assert_eq!(letter, "Subject: by hand\r\n\r\nQUIT\r\n.\r\n");
}

#[test]
fn talk_knows_which_answers_of_pop3_have_many_lines() {
    let stage = Stage::new();
    let mailbox = stage.site.join("mail/alice/new/1.x");
    fs::write(mailbox, "Subject: x\n\n.Hello\n").expect("a letter");
    let server = Server::start("pop3", &stage.site, &["--quiet"]);
    let said =
        "CAPA\nUSER alice\nPASS wonderland\nLIST\nLIST 1\nUIDL\nRETR 1\nRETR 2\nTOP 1 0\nQUIT\n";
    let shown = stdout(&run(&["talk", &server.address], said).success().stderr(""));
    for piece in [
        "C: CAPA\nS: +OK ",
        "S: USER\n",
        "S: .\nC: USER alice\n",
        "C: LIST\nS: +OK ",
        "S: .\nC: LIST 1\nS: +OK 1 ",
        "C: UIDL\n",
        "S: 1 1.x\nS: .\nC: RETR 1\nS: +OK ",
        "S: ..Hello\nS: .\nC: RETR 2\nS: -ERR ",
        "C: TOP 1 0\nS: +OK",
        "S: .\nC: QUIT\nS: +OK ",
    ] {
        assert!(shown.contains(piece), "{piece:?}: {shown}");
    }
}

/// A peer that says a greeting, and then the same text without end, whatever it hears. It ends with
/// the test.
fn endless_peer(greeting: &'static str, text: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address").to_string();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a call");
        stream.write_all(greeting.as_bytes()).expect("a greeting");
        let many = text.repeat(1000);
        while stream.write_all(many.as_bytes()).is_ok() {}
    });
    address
}

#[test]
fn talk_leaves_an_answer_without_end() {
    let table = [
        ("", "220-x\r\n", "", "an answer of more than 100 lines"),
        (
            "220 x\r\n",
            "250-x\r\n",
            "NOOP\n",
            "an answer of more than 100 lines",
        ),
        (
            "+OK\r\n+OK\r\n",
            "1 1\r\n",
            "LIST\n",
            "an answer of more than 1000000 lines",
        ),
        ("220 x\r\n", "250 x", "NOOP\n", "a line without an end"),
    ];
    side_by_side(table, |(greeting, text, said, words)| {
        let assert = run(&["talk", &endless_peer(greeting, text)], said);
        fails(assert, 75, &["the conversation ended early: ", words]);
    });
    // Real answers may be long: of a list more lines come than of any reply.
    let list = "S: 1 1\n".repeat(200);
    let reply = "S: 250-x\n".repeat(99);
    let peer = Peer::new(&format!(
        "S: +OK\nC: LIST\nS: +OK\n{list}S: .\nC: NOOP\n{reply}S: 250 x\nC: {{close}}"
    ));
    run(&["talk", &peer.address], "LIST\nNOOP\n")
        .success()
        .stderr("");
    peer.finish();
}

#[test]
fn talk_says_that_an_answer_ends_with_lf_alone() {
    for (dialogue, said) in [
        ("S: 220 x\\n\\\nC: {close}", ""),
        ("S: 220 x\nC: NOOP\nS: 250 x\\n\\\nC: {close}", "NOOP\n"),
        ("S: +OK\nC: RETR 1\nS: +O\\rK\nC: {close}", "RETR 1\n"),
    ] {
        let peer = Peer::new(dialogue);
        fails(run(&["talk", &peer.address], said), 75, &["CR LF"]);
        peer.finish();
    }
    // In a letter it is the letter's fault.
    let letter = "S: +OK\nC: RETR 1\nS: +OK\nS: a\\nb\nS: .\nC: {close}";
    let peer = Peer::new(letter);
    run(&["talk", &peer.address], "RETR 1\n").success();
    peer.finish();
}

#[test]
fn talk_sends_no_line_that_would_not_be_one_or_is_not_utf_8() {
    for (said, words) in [
        (&b"NOOP\nNO\rOP\nRSET\n"[..], "a CR inside a line"),
        (b"NOOP\nX\r\r\nRSET\n", "a CR inside a line"),
        (b"NOOP\n\rNOOP\nRSET\n", "a CR inside a line"),
        (b"NOOP\ncaf\xe9\nRSET\n", "not UTF-8"),
    ] {
        // What follows in a script relies on what went before, so nothing more is said.
        let peer = Peer::new("S: 220 x\nC: NOOP\nS: 250 x\nC: {close}");
        let assert = run(&["talk", &peer.address], said);
        peer.finish();
        fails(assert, 1, &["standard input: ", words]);
    }
}

#[test]
fn talk_shows_no_answer_to_a_question_of_auth() {
    // A word that would be shown anywhere else.
    let peer = Peer::new("S: 220 x\nC: AUTH LOGIN\nS: 334 x\nC: swordfish\nS: 235 x\nC: {close}");
    let assert = run(&["talk", &peer.address], "AUTH LOGIN\nswordfish\n");
    peer.finish();
    let shown = stdout(&assert.success());
    assert!(shown.contains("C: ********\n"), "{shown}");
    assert!(!shown.contains("swordfish"), "{shown}");
    let peer = Peer::new("S: 220 x\nC: X\nS: 335 x\nC: swordfish\nS: 235 x\nC: {close}");
    let shown = stdout(&run(&["talk", &peer.address], "X\nswordfish\n").success());
    peer.finish();
    assert!(shown.contains("C: swordfish\n"), "{shown}");
}

#[test]
fn talk_shows_a_text_whole_also_where_it_looks_like_a_password() {
    let text = "C: PASS me the salt\nC: AUTH is not needed\nC: ..\nC: swordfish\nC: .\n";
    let dialogue = format!("S: 220 x\nC: DATA\nS: 354 x\n{text}S: 250 x\nC: {{close}}");
    let peer = Peer::new(&dialogue);
    let said = format!("DATA\n{}", text.replace("C: ", ""));
    let shown = stdout(&run(&["talk", &peer.address], said).success());
    peer.finish();
    assert!(shown.contains(text), "{shown}");
}

/// What was typed can be seen on the terminal already. (The program `script` makes one.)
#[test]
#[cfg(target_os = "linux")]
fn at_a_terminal_talk_shows_only_what_it_hears() {
    let script = "/usr/bin/script";
    if !std::path::Path::new(script).exists() {
        return;
    }
    let peer = Peer::new("S: 220 C: x\nC: NOOP\nS: 250 x\nC: QUIT\nS: 221 x\n");
    let program = program().get_program().to_owned().into_string();
    let talk = format!("'{}' talk {}", program.expect("UTF-8"), peer.address);
    let mut command = Command::new(script);
    command.timeout(Duration::from_secs(60));
    let command = command.args(["-qec", &talk, "/dev/null"]);
    let shown = stdout(&command.write_stdin("NOOP\nQUIT\n").assert().success());
    peer.finish();
    assert_eq!(shown.matches("NOOP").count(), 1, "{shown}");
    assert!(!shown.contains("C: NOOP"), "{shown}");
    for reply in ["S: 220 C: x", "S: 250 x", "S: 221 x"] {
        assert!(shown.contains(reply), "{shown}");
    }
}

#[test]
fn play_waits_for_each_line_as_long_as_it_was_told() {
    let stage = Stage::new();
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = silent.local_addr().expect("its address").to_string();
    let file = stage.file("dialogue", "S: 220 x\nC: QUIT\n");
    for (timeout, least) in [("--timeout=0.1", 100), ("--timeout=0.5", 500)] {
        let begun = Instant::now();
        let words = ["play", &file, "--server", &address, timeout];
        let pieces = ["S: 220 x\n", "(nothing came in time)"];
        fails(run(&words, ""), 1, &pieces);
        let took = begun.elapsed();
        assert!((least..20_000).contains(&took.as_millis()), "{took:?}");
    }
    let mut play = program();
    play.args(["play", &file, "--listen=127.0.0.1:0", "--timeout=0.2"]);
    let play = Server::run(play.stderr(Stdio::null()));
    let _silent = TcpStream::connect(&play.address).expect("it listens");
    assert_eq!(play.wait().code(), Some(1));
    for timeout in ["0", "soon"] {
        let words = ["play", &file, "--server", &address, "--timeout", timeout];
        fails(run(&words, ""), 2, &["--timeout takes a number of seconds"]);
    }
}

#[test]
fn talk_says_that_the_other_side_has_gone() {
    let peer = Peer::new("S: 220 x\nC: NOOP\nS: 421 closing\nS: {close}");
    let assert = run(&["talk", &peer.address], "NOOP\nNOOP\nNOOP\n");
    peer.finish();
    assert!(stdout(&assert).contains("S: 421 closing\n"));
    assert_eq!(
        assert.get_output().status.code(),
        Some(75),
        "{}",
        stderr(&assert)
    );

    let peer = Peer::new("S: 220 x\nC: NOOP\nS: 250 x\nC: {close}");
    run(&["talk", &peer.address], "NOOP\n").success().stderr("");
    peer.finish();
}

#[test]
fn play_is_either_side_and_reports_the_first_difference() {
    let stage = Stage::new();
    let good = stage.file(
        "good",
        "S: 220 a.example\nC: NOOP\nS: 250 OK\nC: QUIT\nS: 221 bye\n",
    );
    let bad = stage.file(
        "bad",
        "S: 220 {}\nC: NOOP\n# RFC 5321 section 4.1.1.9\nS: 251 OK\nC: QUIT\nS: 221 bye\n",
    );
    for (client, code) in [(&good, 0), (&bad, 1)] {
        let mut server = program()
            .args(["play", &good, "--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut lines = BufReader::new(server.stdout.take().expect("its output")).lines();
        let first = lines.next().expect("a line").expect("UTF-8");
        let address = first
            .strip_prefix("listening on ")
            .expect("where it listens");
        let assert = run(&["play", client, "--server", address], "");
        let ended = server.wait().expect("its end").code();
        if code == 0 {
            assert
                .success()
                .stdout(format!("{good}: all as written\n"))
                .stderr("");
            let last = lines.next().expect("a line").expect("UTF-8");
            assert_eq!((ended, last), (Some(0), format!("{good}: all as written")));
            continue;
        }
        assert_eq!(ended, Some(1), "the client went away");
        let pieces = [
            "so far all was as written:\n  S: 220 {}\n  C: NOOP\n",
            &format!("{bad}:4: "),
            "written: S: 251 OK\n",
            "came:    250 OK",
            "RFC 5321 section 4.1.1.9",
        ];
        fails(assert, 1, &pieces);
    }
    let words = [
        "play",
        &good,
        "--server",
        "127.0.0.1:1",
        "--listen",
        "127.0.0.1:0",
    ];
    fails(run(&words, ""), 2, &["give either --server or --listen"]);
    fails(
        run(&["play", &good], ""),
        2,
        &["give either --server or --listen"],
    );
    let nonsense = stage.file("nonsense", "S: 220 x\nX: what\n");
    let words = ["play", &nonsense, "--listen", "127.0.0.1:0"];
    fails(run(&words, ""), 1, &[&format!("{nonsense}:2: ")]);
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let stage = Stage::new();
    let letter = stage.file("letter", format!("Subject: x\n\n{}", "x\n".repeat(100_000)));
    let server = Server::start("serve", &stage.site, &["--quiet"]);
    let mut send = vec![
        "send",
        "--server",
        &server.address,
        "--from=",
        "--message",
        &letter,
    ];
    send.push("--to=alice@a.example");
    for words in [
        &["help"][..],
        &["help", "send"],
        &["--version"],
        &["show", &letter],
        &send,
    ] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let ended = program()
            .args(words)
            .stdout(writer)
            .output()
            .expect("it runs");
        let message = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!(
            (ended.status.code(), message.as_str()),
            (Some(0), ""),
            "{words:?}"
        );
    }
    assert_eq!(new_letters(&stage.site, "alice").len(), 1);
}

#[test]
fn with_source_date_epoch_two_runs_are_the_same_to_the_octet() {
    let run_at = |second: &str| {
        let stage = Stage::new();
        let mut serve = program()
            .args([
                "serve",
                stage.site(),
                "--listen=127.0.0.1:0",
                "--sessions=2",
            ])
            .env("SOURCE_DATE_EPOCH", second)
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut lines = BufReader::new(serve.stdout.take().expect("its output")).lines();
        let first = lines.next().expect("a line").expect("UTF-8");
        let address = first
            .strip_prefix("listening on ")
            .expect("where it listens");
        let mut shown = String::new();
        for _ in 0..2 {
            let mut send = Command::from_std(program());
            send.args([
                "send",
                "--server",
                address,
                "--from=b@b.example",
                "--to=alice@a.example",
            ]);
            send.env("SOURCE_DATE_EPOCH", second).write_stdin("Hello");
            shown += &stdout(&send.assert().success().stderr(""));
        }
        serve.wait().expect("its end");
        let new = fs::read_dir(stage.site.join("mail/alice/new")).expect("a mailbox");
        let mut names: Vec<_> = new
            .map(|file| file.expect("a letter").file_name())
            .collect();
        names.sort();
        assert_eq!(names.len(), 2, "a letter was overwritten");
        (shown, names, new_letters(&stage.site, "alice"))
    };
    let (first, second) = (run_at("1000000000"), run_at("1000000000"));
    assert_eq!(first, second);
    assert!(
        first
            .0
            .contains("C: Date: Sun, 9 Sep 2001 01:46:40 +0000\n"),
        "{}",
        first.0
    );
    assert_ne!(first, run_at("1000000001"));
}

#[test]
fn of_a_file_that_is_longer_than_any_letter_the_beginning_is_shown() {
    let stage = Stage::new();
    let longest: u64 = 64 * 1024 * 1024;
    let table = [(longest - 1, false), (longest, false), (longest + 1, true)];
    side_by_side(table, |(length, is_cut)| {
        let file = stage.file(&length.to_string(), "Subject: long\n\nhello\n");
        let open = fs::File::options().write(true).open(&file);
        open.expect("the file")
            .set_len(length)
            .expect("a sparse file");
        let page = stdout(&run(&["show", &file], "").success().stderr(""));
        assert!(page.starts_with("Subject: long\n\n  hello\n"));
        let end = "(the file is longer; 67108864 octets were read)\n";
        assert_eq!(page.ends_with(end), is_cut, "{length}");
    });
}
