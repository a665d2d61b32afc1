//! Chapter 17, the server's side of POP3: its rules, its sizes, and when letters are removed.

#[allow(dead_code)]
mod common {
    pub mod folder;
    pub mod mailbox;
    pub mod script;
}

use common::folder::TempDir;
use common::mailbox::{LOGIN, Letterbox, put};
use common::script::Script;
use smtp_primer::pop3::{COMMAND_TIMEOUT, Listed, Pop3Session, Pop3Step, converse};
use smtp_primer::protocol::line::{Line, Stream, Wire};
use smtp_primer::session::Host;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::time::Duration;

const TEA: &str = "Subject: Tea?\r\n\r\nAt five?\r\n.\r\nBob\r\n";

fn host() -> Host {
    let users = [("alice", "wonderland"), ("bob", "  two words ")];
    Host {
        domain: "a.example".parse().expect("a domain"),
        users: users
            .map(|(user, password)| (user.to_string(), password.to_string()))
            .into(),
        aliases: [].into(),
        max_size: 1000,
    }
}

fn says(session: &mut Pop3Session<'_>, line: &str) -> Pop3Step {
    session.line(&Line::Text(line.as_bytes().to_vec()))
}

fn is_error(step: &Pop3Step) -> bool {
    matches!(step, Pop3Step::Say(reply) if reply.starts_with("-ERR "))
}

fn is_ok(step: &Pop3Step) -> bool {
    matches!(step, Pop3Step::Say(reply) if reply.starts_with("+OK "))
}

/// A session in which alice reads letters of 10, 20, 30 octets and so on.
fn logged_in(host: &Host, letters: usize) -> Pop3Session<'_> {
    let mut session = Pop3Session::new(host, true);
    says(&mut session, "USER alice");
    assert_eq!(
        says(&mut session, "PASS wonderland"),
        Pop3Step::Open("alice".to_string())
    );
    let letter = |number| Listed::new(&format!("uid{number}"), number * 10);
    session.opened((1..=letters).map(letter).collect());
    session
}

#[test]
fn each_command_has_its_state() {
    // RFC 1939 §3: AUTHORIZATION, then TRANSACTION
    let host = host();
    for (line, before, after) in [
        ("USER alice", true, false),
        ("USER", false, false),
        ("USER alice bob", false, false),
        ("PASS wonderland", false, false),
        ("STAT", false, true),
        ("STAT 1", false, false),
        ("NOOP", false, true),
        ("RSET", false, true),
        ("LIST 1", false, true),
        ("UIDL 1", false, true),
        ("DELE 1", false, true),
        ("RETR", false, false),
        ("TOP 1", false, false),
        ("DELE", false, false),
        ("QUIT now", false, false),
        ("CAPA all", false, false),
        ("APOP alice x", false, false),
        ("AUTH PLAIN", false, false),
        ("STLS", false, false),
        ("HELO", false, false),
        ("", false, false),
        (" NOOP", false, false),
        ("\0", false, false),
    ] {
        let step = says(&mut Pop3Session::new(&host, true), line);
        assert!(
            if before {
                is_ok(&step)
            } else {
                is_error(&step)
            },
            "{line}: {step:?}"
        );
        let step = says(&mut logged_in(&host, 1), line);
        assert!(
            if after { is_ok(&step) } else { is_error(&step) },
            "logged in, {line}: {step:?}"
        );
    }
    for line in ["LIST", "UIDL", "RETR 1", "TOP 1 0"] {
        assert!(
            is_error(&says(&mut Pop3Session::new(&host, true), line)),
            "{line}"
        );
    }
    assert!(matches!(
        says(&mut Pop3Session::new(&host, true), "QUIT"),
        Pop3Step::Close(_)
    ));
    assert_eq!(
        says(&mut logged_in(&host, 1), "quit"),
        Pop3Step::Remove(vec![])
    );
    assert!(matches!(
        says(&mut Pop3Session::new(&host, true), "CaPa"),
        Pop3Step::Lines(_)
    ));
}

#[test]
fn a_number_is_that_of_a_letter_or_an_error() {
    let host = host();
    let wrong = [
        "0",
        "4",
        "3",
        "-1",
        "+1",
        "x",
        "1x",
        "1 1",
        "18446744073709551616",
        "99999999999999999999",
    ];
    for command in ["LIST", "UIDL", "RETR", "DELE", "TOP"] {
        let line = |number: &str| match command {
            "TOP" => format!("TOP {number} 7"),
            command => format!("{command} {number}"),
        };
        for number in wrong {
            let mut session = logged_in(&host, 3);
            says(&mut session, "DELE 3");
            let step = says(&mut session, &line(number));
            assert!(is_error(&step), "{}: {step:?}", line(number));
        }
        for (place, number) in ["1", "2"].into_iter().enumerate() {
            let step = says(&mut logged_in(&host, 2), &line(number));
            let expected = match command {
                "LIST" => Pop3Step::Say(format!("+OK {number} {number}0")),
                "UIDL" => Pop3Step::Say(format!("+OK {number} uid{number}")),
                "RETR" => Pop3Step::Send(place, None),
                "TOP" => Pop3Step::Send(place, Some(7)),
                _ => Pop3Step::Say("+OK it will be removed at QUIT".to_string()),
            };
            assert_eq!(step, expected);
        }
    }
    for lines in ["-1", "+1", "x", "18446744073709551616"] {
        assert!(
            is_error(&says(&mut logged_in(&host, 1), &format!("TOP 1 {lines}"))),
            "{lines}"
        );
    }
}

#[test]
fn a_deleted_letter_counts_no_more_and_the_others_keep_their_numbers() {
    // RFC 1939 §5
    let host = host();
    let mut session = logged_in(&host, 3);
    let lines =
        |lines: &[&str]| Pop3Step::Lines(lines.iter().map(|line| line.to_string()).collect());
    assert!(is_ok(&says(&mut session, "DELE 2")));
    assert_eq!(
        says(&mut session, "STAT"),
        Pop3Step::Say("+OK 2 40".to_string())
    );
    assert_eq!(
        says(&mut session, "LIST"),
        lines(&["+OK 2 40", "1 10", "3 30"])
    );
    assert_eq!(
        says(&mut session, "UIDL"),
        lines(&["+OK 2 40", "1 uid1", "3 uid3"])
    );
    assert!(is_ok(&says(&mut session, "RSET")));
    assert_eq!(
        says(&mut session, "STAT"),
        Pop3Step::Say("+OK 3 60".to_string())
    );
    for number in [3, 1] {
        assert!(is_ok(&says(&mut session, &format!("DELE {number}"))));
    }
    assert_eq!(says(&mut session, "QUIT"), Pop3Step::Remove(vec![0, 2]));
    assert!(session.removed(0).starts_with("+OK"));
    assert!(session.removed(1).starts_with("-ERR [SYS/TEMP] "));
}

#[test]
fn no_sum_is_too_big() {
    // A letter's size may come from its name, which any program could have made.
    let host = host();
    let mut session = logged_in(&host, 0);
    session.opened(vec![Listed::new("a", usize::MAX), Listed::new("b", 2)]);
    assert_eq!(
        says(&mut session, "STAT"),
        Pop3Step::Say(format!("+OK 2 {}", usize::MAX))
    );
}

#[test]
fn a_password_is_the_rest_of_the_line() {
    // RFC 1939 §7
    let host = host();
    for (password, opens) in [
        ("  two words ", true),
        (" two words ", false),
        ("  two words", false),
        ("  TWO words ", false),
        ("", false),
        (" ", false),
    ] {
        let mut session = Pop3Session::new(&host, true);
        says(&mut session, "USER bob");
        let step = says(&mut session, &format!("PASS {password}"));
        assert_eq!(
            step == Pop3Step::Open("bob".to_string()),
            opens,
            "{password:?}: {step:?}"
        );
    }
    // It comes immediately after USER. CAPA may come between: user agents ask again before they log in.
    for (between, is_open) in [("CAPA", true), ("FOO", false), ("NOOP", false)] {
        let mut session = Pop3Session::new(&host, true);
        for line in ["USER alice", between] {
            says(&mut session, line);
        }
        let step = says(&mut session, "PASS wonderland");
        assert_eq!(
            step == Pop3Step::Open("alice".to_string()),
            is_open,
            "{between}"
        );
    }
    for user in ["Alice", "alice@a.example", "nobody", "alice\u{0}"] {
        let mut session = Pop3Session::new(&host, true);
        says(&mut session, &format!("USER {user}"));
        assert!(is_error(&says(&mut session, "PASS wonderland")), "{user:?}");
    }
}

#[test]
fn where_others_could_listen_no_password_is_taken() {
    let host = host();
    let mut session = Pop3Session::new(&host, false);
    for line in [
        "USER alice",
        "PASS wonderland",
        "USER alice",
        "PASS wonderland",
    ] {
        // RFC 3206 §5: AUTH is for every refusal that is about the credentials, and for no other.
        let step = says(&mut session, line);
        assert!(
            matches!(&step, Pop3Step::Say(reply) if reply.starts_with("-ERR [AUTH] ")),
            "{line}: {step:?}"
        );
    }
    let offers = |session: &mut Pop3Session<'_>| match says(session, "CAPA") {
        Pop3Step::Lines(lines) => lines.contains(&"USER".to_string()),
        step => panic!("{step:?}"),
    };
    assert!(!offers(&mut session));
    assert!(offers(&mut Pop3Session::new(&host, true)));
}

#[test]
fn after_twenty_mistakes_we_close() {
    let host = host();
    let closes =
        |step: &Pop3Step| matches!(step, Pop3Step::Close(reply) if reply.starts_with("-ERR"));
    // Before the login they are counted in all: USER excuses nothing, and so a guesser is stopped.
    let mut session = Pop3Session::new(&host, true);
    for guess in 1..=20 {
        assert!(is_ok(&says(&mut session, "USER alice")));
        let step = says(&mut session, &format!("PASS guess{guess}"));
        assert_eq!(closes(&step), guess == 20, "{guess}: {step:?}");
    }
    // The login forgives them.
    let mut session = Pop3Session::new(&host, true);
    for _ in 1..20 {
        assert!(is_error(&says(&mut session, "STAT")));
    }
    says(&mut session, "USER alice");
    says(&mut session, "PASS wonderland");
    session.opened(vec![]);
    assert!(is_error(&says(&mut session, "RETR 2")));
    // After it, in a row.
    let mut session = logged_in(&host, 1);
    for _ in 1..20 {
        assert!(is_error(&says(&mut session, "RETR 2")));
    }
    assert!(is_ok(&says(&mut session, "NOOP")));
    for mistake in 1..=20 {
        assert_eq!(closes(&says(&mut session, "RETR 2")), mistake == 20);
    }
}

#[test]
fn what_is_no_line_is_a_mistake_or_the_end() {
    let host = host();
    let mut session = logged_in(&host, 1);
    says(&mut session, "DELE 1");
    for line in [
        Line::BareNewline,
        Line::TooLong,
        Line::Text(b"NOOP \xff".to_vec()),
    ] {
        assert!(is_error(&session.line(&line)), "{line:?}");
    }
    assert!(matches!(session.line(&Line::Endless), Pop3Step::Close(_)));
    assert_eq!(session.line(&Line::Closed), Pop3Step::Gone);
}

#[test]
fn a_mailbox_of_100_000_letters_is_listed_and_deleted_in_one_go() {
    // Were each step to look at all letters, this would take ten thousand million of them.
    let host = host();
    let mut session = logged_in(&host, 100_000);
    for command in ["LIST", "UIDL"] {
        let Pop3Step::Lines(lines) = says(&mut session, command) else {
            panic!("{command}");
        };
        assert_eq!(lines.len(), 100_001);
    }
    for number in 1..=100_000 {
        assert!(is_ok(&says(&mut session, &format!("LIST {number}"))));
        assert!(is_ok(&says(&mut session, &format!("DELE {number}"))));
    }
    let Pop3Step::Remove(places) = says(&mut session, "QUIT") else {
        panic!("QUIT");
    };
    assert_eq!(places.len(), 100_000);
}

#[test]
fn a_command_line_has_255_octets_at_most() {
    // RFC 2449 §4
    let mailbox = Letterbox::new(&[]);
    for (length, expected) in [
        (254, "the form is NOOP"),
        (255, "the form is NOOP"),
        (256, "line too long"),
        (5000, "line too long"),
        (65_536, "line too long"),
        (65_537, "line too long"),
    ] {
        let line = format!("NOOP {}\r\n", "x".repeat(length - "NOOP \r\n".len()));
        assert_eq!(line.len(), length);
        assert!(mailbox.answers(&line).contains(expected), "{length}");
    }
}

#[test]
fn what_is_wrong_with_a_command_is_said() {
    let host = host();
    let unknown = "-ERR no such command; this is POP3 (RFC 1939)";
    let later = "-ERR log in first, with USER and PASS";
    for (line, before, after) in [
        ("FOO", unknown, unknown),
        ("", unknown, unknown),
        ("EHLO a.example", unknown, unknown),
        ("CAPA all", "-ERR the form is CAPA", "-ERR the form is CAPA"),
        ("QUIT now", "-ERR the form is QUIT", "-ERR the form is QUIT"),
        (
            "USER",
            "-ERR the form is USER name",
            "-ERR you are logged in already",
        ),
        (
            "USER a b",
            "-ERR the form is USER name",
            "-ERR you are logged in already",
        ),
        (
            "PASS",
            "-ERR the form is PASS password",
            "-ERR you are logged in already",
        ),
        ("STAT 1", later, "-ERR the form is STAT"),
        ("LIST 1 2", later, "-ERR the form is LIST [letter]"),
        ("UIDL 1 2", later, "-ERR the form is UIDL [letter]"),
        ("RETR", later, "-ERR the form is RETR letter"),
        ("retr", later, "-ERR the form is RETR letter"),
        ("TOP 1", later, "-ERR the form is TOP letter lines"),
        (
            "TOP 1 x",
            later,
            "-ERR TOP needs a number of lines, 0 or more",
        ),
        ("DELE", later, "-ERR the form is DELE letter"),
        ("RSET x", later, "-ERR the form is RSET"),
        ("NOOP x", later, "-ERR the form is NOOP"),
        (
            "RETR 9",
            later,
            "-ERR no such letter; LIST shows their numbers",
        ),
    ] {
        let step = says(&mut Pop3Session::new(&host, true), line);
        assert_eq!(step, Pop3Step::Say(before.to_string()), "{line}");
        let step = says(&mut logged_in(&host, 1), line);
        assert_eq!(step, Pop3Step::Say(after.to_string()), "logged in, {line}");
    }
}

/// A text as it was before it was stuffed: up to the lone dot, in its own words here.
fn unstuff(answer: &str) -> String {
    let mut text = String::new();
    for line in answer.split("\r\n") {
        if line == "." {
            return text;
        }
        text += &format!("{}\r\n", line.strip_prefix('.').unwrap_or(line));
    }
    panic!("no lone dot: {answer:?}");
}

#[test]
fn the_size_in_the_list_is_what_retr_sends_and_top_sends_the_same() {
    // Mailpit #299, GreenMail #475 #984 #1049, hMailServer #126: cut letters, wrong counts
    // Also GreenMail #984, GreenMail #1049, qmail-pop3d.c:107.
    for (letter, expected) in [
        (&b""[..], ""),
        (b"A: b\r\n\r\nc\r\n", "A: b\r\n\r\nc\r\n"),
        (b"A: b\n\nc\n", "A: b\r\n\r\nc\r\n"),
        (b"A: b\n\nc", "A: b\r\n\r\nc\r\n"),
        (b"A: b\r\rc\r\r\n", "A: b\r\n\r\nc\r\n\r\n"),
        (
            b".\r\n..\r\n.a\r\n\r\n.\r\n.\r\n",
            ".\r\n..\r\n.a\r\n\r\n.\r\n.\r\n",
        ),
        (b".", ".\r\n"),
        (b"\n\n\n", "\r\n\r\n\r\n"),
        (b"A: \xfc\0\n\n\x1b", "A: \u{fc}\0\r\n\r\n\u{1b}\r\n"),
        (&[b'x'; 200_000], &format!("{}\r\n", "x".repeat(200_000))),
    ] {
        let mailbox = Letterbox::new(&[letter]);
        let size = expected.chars().count();
        let said = mailbox.answers("LIST 1\r\nRETR 1\r\n");
        let start = format!("+OK 1 {size}\r\n+OK {size} octets\r\n");
        let text = said.strip_prefix(&start);
        let text = text.unwrap_or_else(|| panic!("{size}: {said:.99}"));
        assert_eq!(unstuff(text), expected);
        let said = mailbox.answers("TOP 1 99\r\n");
        let text = said
            .strip_prefix("+OK the top of the letter\r\n")
            .expect("the top");
        assert_eq!(unstuff(text), expected);
    }
}

#[test]
fn top_is_the_header_the_empty_line_and_so_many_lines() {
    // RFC 1939 §7; Mailpit's TOP sent the whole body
    let letter = "A: b\r\nC: d\r\n\r\n1\r\n..\r\n\r\n4\r\n";
    for (letter, lines, expected) in [
        (letter, 0, "A: b\r\nC: d\r\n\r\n"),
        (letter, 1, "A: b\r\nC: d\r\n\r\n1\r\n"),
        (letter, 3, "A: b\r\nC: d\r\n\r\n1\r\n..\r\n\r\n"),
        (letter, 4, letter),
        (letter, 5, letter),
        (letter, usize::MAX, letter),
        ("A: b\r\n", 0, "A: b\r\n"),
        ("A: b\r\n", 5, "A: b\r\n"),
        ("A: b\r\n\r\n", 5, "A: b\r\n\r\n"),
        ("\r\nbody\r\n", 0, "\r\n"),
        ("\r\nbody\r\n", 1, "\r\nbody\r\n"),
        ("", 1, ""),
    ] {
        let said = Letterbox::new(&[letter.as_bytes()]).answers(&format!("TOP 1 {lines}\r\n"));
        let (_, text) = said.split_once("\r\n").expect("an answer");
        assert_eq!(unstuff(text), expected, "{lines} of {letter:?}");
    }
}

/// A client that looks into the mailbox whenever it hears something.
struct Watcher {
    script: Script,
    letter: PathBuf,
    seen: Vec<(String, bool)>,
}

impl Read for Watcher {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.script.read(buffer)
    }
}

impl Write for Watcher {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let said = String::from_utf8_lossy(octets).into_owned();
        self.seen.push((said, self.letter.exists()));
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream for Watcher {
    fn allow(&mut self, timeout: Duration) -> io::Result<()> {
        self.script.allow(timeout)
    }
}

#[test]
fn letters_are_removed_after_quit_and_before_its_reply() {
    // RFC 1939 §6; Mailpit server.go says +OK first
    let folder = TempDir::new("watched");
    let open = || smtp_primer::maildir::Maildir::create(folder.path());
    open().expect("a mailbox");
    let letter = put(folder.path(), "1", TEA);
    let lines = [
        "USER alice\r\n",
        "PASS wonderland\r\n",
        "DELE 1\r\n",
        "NOOP\r\n",
        "QUIT\r\n",
    ];
    let script = Script::new(lines);
    let mut wire = Wire::new(Watcher {
        script,
        letter,
        seen: Vec::new(),
    });
    let host = host();
    let ended = converse(
        &mut wire,
        &mut Pop3Session::new(&host, true),
        |_| open(),
        COMMAND_TIMEOUT,
    );
    ended.expect("a conversation that ends well");
    let seen: Vec<bool> = wire.stream().seen.iter().map(|(_, there)| *there).collect();
    assert_eq!(
        seen,
        [true, true, true, true, true, false],
        "{:?}",
        wire.stream().seen
    );
    assert_eq!(wire.stream().seen[5].0, "+OK goodbye\r\n");
}

#[test]
fn a_connection_that_drops_removes_nothing() {
    // RFC 1939 §6; Dovecot guards this with `quit_seen`
    let whole = format!("{LOGIN}DELE 1\r\nNOOP\r\nQUIT\r\n");
    for end in 0..whole.len() {
        let mailbox = Letterbox::new(&[TEA.as_bytes()]);
        let (ended, ..) = mailbox.converse(Script::says(&whole[..end]));
        assert!(ended.is_ok(), "{:?}", &whole[..end]);
        assert_eq!(mailbox.left(), ["1"], "{:?}", &whole[..end]);
    }
    let mailbox = Letterbox::new(&[TEA.as_bytes()]);
    let late = Script::says(format!("{LOGIN}DELE 1\r\n")).failing(io::ErrorKind::TimedOut);
    let (ended, ..) = mailbox.converse(late);
    assert_eq!(
        ended.map_err(|error| error.kind()),
        Err(io::ErrorKind::TimedOut)
    );
    assert_eq!(mailbox.left(), ["1"]);
    mailbox.answers("DELE 1\r\n");
    assert_eq!(mailbox.left(), [""; 0]);
}

/// A client that says `first`, and when all of that is answered, after `act`, says `last`.
fn says_later(first: String, act: impl Fn() + 'static, last: String) -> Script {
    Script::new((0..2).map(move |piece| {
        if piece == 0 {
            return first.clone();
        }
        act();
        last.clone()
    }))
}

/// What the server says to `first`, then, after `act`, to `last`.
fn meanwhile(mailbox: &Letterbox, first: &str, act: impl Fn() + 'static, last: &str) -> String {
    let client = says_later(format!("{LOGIN}{first}"), act, last.to_string());
    let (ended, said, _) = mailbox.converse(client);
    ended.expect("a conversation that ends well");
    said
}

#[test]
fn a_delete_that_fails_is_reported_and_the_others_are_done() {
    // RFC 1939 §6. The tests may run as root, who may remove anything but a folder with things in.
    let mailbox = Letterbox::new(&[b"one", b"two", b"three"]);
    let letter = mailbox.path().join("new").join("2");
    let stuck = letter.clone();
    let act = move || {
        std::fs::remove_file(&stuck).expect("a letter");
        std::fs::create_dir_all(stuck.join("full")).expect("a folder");
    };
    let said = meanwhile(&mailbox, "DELE 1\r\nDELE 2\r\nDELE 3\r\n", act, "QUIT\r\n");
    assert!(
        said.ends_with("-ERR [SYS/TEMP] letters that could not be removed: 1\r\n"),
        "{said}"
    );
    assert!(letter.exists());
    assert_eq!(mailbox.left(), [""; 0]);
}

#[test]
fn of_a_letter_that_has_moved_nothing_is_said_that_may_be_false() {
    // RFC 1939 §6: "some deleted messages not removed". Another program may have renamed it, to
    // keep notes in its name; put it into another folder; or removed it.
    for moves in ["cur/1:2,S", "tmp/1", "new/.1", ""] {
        let mailbox = Letterbox::new(&[b"one", b"two"]);
        let folder = mailbox.path().to_path_buf();
        let act = move || match moves {
            "" => std::fs::remove_file(folder.join("new/1")).expect("a letter"),
            name => std::fs::rename(folder.join("new/1"), folder.join(name)).expect("a letter"),
        };
        let last = "RETR 1\r\nTOP 1 0\r\nDELE 1\r\nRETR 2\r\nQUIT\r\n";
        let said = meanwhile(&mailbox, "NOOP\r\n", act, last);
        let unreadable =
            "-ERR [SYS/TEMP] that letter cannot be read; another program may have moved it (";
        assert_eq!(said.matches(unreadable).count(), 2, "{moves}: {said}");
        assert!(said.contains("+OK 5 octets\r\ntwo\r\n"), "{moves}: {said}");
        let end = "-ERR [SYS/TEMP] letters that could not be removed: 1\r\n";
        assert!(said.ends_with(end), "{moves}: {said}");
        let is_there = moves.is_empty() || mailbox.path().join(moves).exists();
        assert!(
            is_there && mailbox.left().contains(&"2".to_string()),
            "{moves}"
        );
    }
}

#[test]
fn the_next_login_finds_a_letter_that_has_moved() {
    let mailbox = Letterbox::new(&[b"one", b"two"]);
    let [old, new] = ["new/1", "cur/1:2,RS"].map(|name| mailbox.path().join(name));
    let act = move || std::fs::rename(old, new).expect("a letter");
    let act = std::cell::Cell::new(Some(act));
    let act = move || act.take().into_iter().for_each(|act| act());
    meanwhile(&mailbox, "DELE 1\r\n", act, "QUIT\r\n");
    let said = mailbox.answers("UIDL 1\r\nRETR 1\r\nDELE 1\r\n");
    assert!(
        said.starts_with("+OK 1 1\r\n+OK 5 octets\r\none\r\n"),
        "{said}"
    );
    assert!(said.ends_with("+OK goodbye\r\n"), "{said}");
    assert_eq!(mailbox.left(), ["2"]);
}

#[test]
fn a_mailbox_that_cannot_be_opened_is_not_kept_locked() {
    // RFC 1939 §4: the lock is released before the -ERR is said.
    let folder = TempDir::new("unlocked");
    let mailbox = smtp_primer::maildir::Maildir::create(folder.path()).expect("a mailbox");
    let [new, aside, lock] = ["new", "aside", "pop3.lock"].map(|name| folder.path().join(name));
    std::fs::rename(&new, &aside).expect("a folder");
    let act = move || {
        let lock = std::fs::File::open(&lock).expect("a lock");
        assert!(lock.try_lock().is_ok(), "it is still held");
        std::fs::rename(&aside, &new).expect("a folder");
    };
    let login = "USER alice\r\nPASS wonderland\r\n".to_string();
    let last = format!("{login}QUIT\r\n");
    let mut wire = Wire::new(says_later(login, act, last));
    let host = host();
    let ended = converse(
        &mut wire,
        &mut Pop3Session::new(&host, true),
        |_| Ok(mailbox.clone()),
        COMMAND_TIMEOUT,
    );
    ended.expect("a conversation that ends well");
    let said = String::from_utf8(wire.stream().written()).expect("replies");
    let replies: Vec<_> = said.lines().filter_map(|line| line.get(..4)).collect();
    let due = ["+OK ", "+OK ", "-ERR", "+OK ", "+OK ", "+OK "];
    assert_eq!(replies, due, "{said}");
    // RFC 3206 §4: it is not the user's fault, and may be over soon.
    assert!(said.contains("\n-ERR [SYS/TEMP] "), "{said}");
}

#[test]
fn what_is_not_offered_is_refused_with_a_hint() {
    let host = host();
    let mut sessions = [Pop3Session::new(&host, true), logged_in(&host, 1)];
    for session in &mut sessions {
        for (line, reply) in [
            ("STLS", "-ERR there is no TLS here"),
            ("stls now", "-ERR there is no TLS here"),
            (
                "APOP alice 0123",
                "-ERR log in with USER and PASS; there is no other way",
            ),
            (
                "AUTH PLAIN",
                "-ERR log in with USER and PASS; there is no other way",
            ),
        ] {
            assert_eq!(
                says(session, line),
                Pop3Step::Say(reply.to_string()),
                "{line}"
            );
        }
    }
}

#[test]
fn what_is_not_pop3_ends_the_conversation() {
    let host = host();
    let long = format!("GET /{} HTTP/1.1", "x".repeat(4000));
    for line in [
        long.as_str(),
        "GET / HTTP/1.1",
        "post /",
        "PRI * HTTP/2.0",
        "Host: a.example:2110",
        "User-Agent:x",
    ] {
        for mut session in [Pop3Session::new(&host, true), logged_in(&host, 1)] {
            let step = says(&mut session, line);
            let is_closed = matches!(&step, Pop3Step::Close(reply) if reply.starts_with("-ERR "));
            assert!(is_closed, "{line}: {step:?}");
        }
    }
}

#[test]
fn a_request_of_http_ends_the_conversation_however_long_it_is() {
    // A web page can make a browser send this, with commands after it.
    for length in [1, 200, 255, 4000, 60_000] {
        let mailbox = Letterbox::new(&[TEA.as_bytes()]);
        let path = "x".repeat(length);
        let request = format!("POST /{path} HTTP/1.1\r\n{LOGIN}DELE 1\r\nQUIT\r\n");
        let (_, said, _) = mailbox.converse(Script::says(request));
        let last = said.lines().last().expect("a reply");
        assert_eq!(
            last, "-ERR this is POP3, and that line is not; closing",
            "{length}"
        );
        assert_eq!(mailbox.left(), ["1"]);
    }
    // Whatever is in a password, it is one.
    let host = host();
    let mut session = Pop3Session::new(&host, true);
    says(&mut session, "USER alice");
    assert!(is_error(&says(&mut session, "PASS HTTP/1.1")));
    // And a line that begins with a command of ours is a mistake at most.
    for line in ["RETR HTTP/1.1", "top / HTTP/1.0"] {
        assert!(is_error(&says(&mut logged_in(&host, 1), line)), "{line}");
    }
}

/// A client whose time is over after the clock was started this many times.
struct Clocked {
    script: Script,
    left: usize,
}

impl Read for Clocked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.script.read(buffer)
    }
}

impl Write for Clocked {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.script.write(octets)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream for Clocked {
    fn allow(&mut self, _: Duration) -> io::Result<()> {
        let left = self.left.checked_sub(1);
        self.left = left.ok_or(io::ErrorKind::TimedOut)?;
        Ok(())
    }
}

// ours 17: while one login counted gigabytes, the next caller waited.
#[test]
fn a_login_that_has_to_count_many_letters_ends_when_the_time_is_over() {
    // A mailbox of 33 GB held the next caller for more than a minute.
    let folder = TempDir::new("large");
    let mailbox = smtp_primer::maildir::Maildir::create(folder.path()).expect("a mailbox");
    for number in 0..10 {
        put(folder.path(), &number.to_string(), TEA);
    }
    let host = host();
    // The clock is started for USER, for PASS, for each letter, and for QUIT.
    for (times, enough) in [(2, false), (3, false), (11, false), (12, true), (13, true)] {
        let script = Script::says("USER alice\r\nPASS wonderland\r\nQUIT\r\n");
        let mut wire = Wire::new(Clocked {
            script,
            left: times,
        });
        let mut session = Pop3Session::new(&host, true);
        let open = |_: &str| Ok(mailbox.clone());
        let ended = converse(&mut wire, &mut session, open, COMMAND_TIMEOUT);
        assert_eq!(ended.is_ok(), times == 13, "{times}: {ended:?}");
        let _ = wire.flush();
        let said = String::from_utf8(wire.stream().script.written()).expect("replies");
        let last = said.lines().last().unwrap_or_default();
        let due = match times {
            13 => "+OK goodbye",
            _ if enough => "+OK 10 350 in your mailbox",
            _ => "+OK now the password",
        };
        assert_eq!(last, due, "{times}");
    }
}
