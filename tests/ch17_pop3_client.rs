//! Chapter 17, the user agent's side of POP3: what it says, and what no server can make it do.

mod common;

use common::dialogues::site;
use common::mailbox::put;
use common::peers::{Nobody, Peer};
use common::process::{Server, TempDir, new_letters, program};
use common::script::Script;
use smtp_primer::pop3::client::{Client, Failure, LETTER, LETTERS};
use smtp_primer::protocol::dot::ENDLESS_TEXT;
use smtp_primer::protocol::line::{ENDLESS_LINE, Wire};
use smtp_primer::protocol::sasl::Credentials;
use std::io;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

const WELCOME: &str = "+OK hello\r\n+OK go on\r\n+OK welcome\r\n";

fn alice() -> Credentials {
    Credentials {
        user: "alice".to_string(),
        password: "open sesame".to_string(),
    }
}

type Conversation<'a> = Client<&'a mut Script>;

fn open(server: &mut Script) -> Result<Conversation<'_>, Failure> {
    Client::open(Wire::new(server), &alice(), Duration::from_secs(1))
}

/// All that a user agent does with a mailbox of one letter.
fn fetch(server: &mut Script) -> Result<Vec<u8>, Failure> {
    let mut client = open(server)?;
    let mut octets = Vec::new();
    for (number, size) in client.list()? {
        octets.extend_from_slice(client.retrieve(number, size)?.octets());
        client.delete(number)?;
    }
    client.quit().map(|()| octets)
}

const GOOD: &str = "+OK hello\r\n+OK go on\r\n+OK welcome\r\n+OK here\r\n7 5\r\n.\r\n\
                    +OK 5 octets\r\n..ab\r\n.\r\n+OK marked\r\n+OK bye\r\n";

#[test]
fn it_logs_in_lists_retrieves_deletes_and_quits() {
    let mut server = Script::answers(GOOD);
    assert_eq!(fetch(&mut server).expect("a letter"), b".ab\r\n");
    let said = String::from_utf8(server.written()).expect("commands");
    let commands: Vec<&str> = said.lines().collect();
    let expected = [
        "USER alice",
        "PASS open sesame",
        "LIST",
        "RETR 7",
        "DELE 7",
        "QUIT",
    ];
    assert_eq!(commands, expected);
}

#[test]
fn a_conversation_that_ends_early_anywhere_is_a_failure() {
    for end in 0..GOOD.len() {
        let failure = fetch(&mut Script::answers(&GOOD[..end]));
        assert!(matches!(failure, Err(Failure::Io(_))), "{end}: {failure:?}");
    }
    let late = Script::answers(WELCOME).failing(io::ErrorKind::TimedOut);
    let failure = fetch(&mut { late }).expect_err("it is late");
    assert_eq!(failure.to_string(), "no answer came in time");
}

#[test]
fn a_refusal_or_nonsense_in_place_of_any_answer_is_told() {
    let answers = [
        "+OK hello",
        "+OK go on",
        "+OK welcome",
        "+OK here",
        "+OK 5",
        "+OK m",
        "+OK bye",
    ];
    for answer in answers {
        let refused = fetch(&mut Script::answers(GOOD.replacen(
            answer,
            "-ERR no\x1b[31m",
            1,
        )));
        let Err(Failure::Refused(words)) = refused else {
            panic!("{answer}: {refused:?}");
        };
        assert!(words.starts_with("-ERR no\\x1b[31m"), "{words}");
        for wrong in ["220 hello", "", "+OKAY", "+ok", "+OK \n", "+OK \rx", "\0\0"] {
            let nonsense = fetch(&mut Script::answers(GOOD.replacen(answer, wrong, 1)));
            assert!(
                matches!(nonsense, Err(Failure::Nonsense(_))),
                "{wrong:?}: {nonsense:?}"
            );
        }
    }
}

#[test]
fn the_first_word_of_an_answer_decides_however_long_the_rest_is() {
    assert_eq!(ENDLESS_LINE, 65_536);
    let answers = [
        "+OK hello",
        "+OK go on",
        "+OK here",
        "+OK 5 octets",
        "+OK marked",
        "+OK bye",
    ];
    for length in [500, 511, 512, 513, 700, 65_535, 65_536, 65_537] {
        let words = |begin: &str| format!("{begin} {}", "x".repeat(length - begin.len() - 3));
        for answer in answers {
            let fetched = fetch(&mut Script::answers(GOOD.replacen(
                answer,
                &words("+OK"),
                1,
            )));
            let refused = fetch(&mut Script::answers(GOOD.replacen(
                answer,
                &words("-ERR"),
                1,
            )));
            if length <= ENDLESS_LINE {
                assert_eq!(fetched.expect("a letter"), b".ab\r\n", "{length}");
                let Err(Failure::Refused(words)) = refused else {
                    panic!("{length}: {refused:?}");
                };
                assert!(words.starts_with("-ERR xxx") && words.len() <= 512);
            } else {
                assert!(matches!(fetched, Err(Failure::Endless)), "{fetched:?}");
                assert!(matches!(refused, Err(Failure::Endless)), "{refused:?}");
            }
        }
    }
    for odd in ["+OK\tm", "+OK, m", "+OK\u{e9}", "+OK", "+OK "] {
        assert!(
            fetch(&mut Script::answers(GOOD.replacen("+OK marked", odd, 1))).is_ok(),
            "{odd:?}"
        );
    }
}

#[test]
fn an_answer_that_is_there_before_the_question_is_not_believed() {
    // Whatever the server says ahead, the next thing is not said, and no letter is removed.
    let answers: Vec<&str> = GOOD.split_inclusive("+OK").skip(1).collect();
    for ahead in 0..answers.len() - 1 {
        let mut server = Script::answers(GOOD);
        let whole = fetch(&mut server).map(|_| server.writes().len());
        let whole = whole.expect("a conversation that goes well");
        let end = GOOD.match_indices("+OK").nth(ahead + 2);
        let end = end.map_or(GOOD.len(), |(at, _)| at);
        let begin = GOOD.match_indices("+OK").nth(ahead).expect("an answer").0;
        let before = GOOD[..begin].split_inclusive("\r\n").map(str::to_string);
        let mut early = Script::new(
            before
                .chain([GOOD[begin..end].to_string()])
                .collect::<Vec<_>>(),
        );
        let failure = fetch(&mut early);
        assert!(
            matches!(failure, Err(Failure::OutOfStep)),
            "{ahead}: {failure:?}"
        );
        assert!(early.writes().len() < whole);
        assert!(!early.written().ends_with(b"QUIT\r\n"));
    }
}

#[test]
fn a_list_that_makes_no_sense_is_refused() {
    for line in [
        "",
        "7",
        "7 ",
        "x 5",
        "7 x",
        "-7 5",
        " 7 5",
        "7 5x",
        "7\t5",
        "99999999999999999999 5",
    ] {
        let listed = fetch(&mut Script::answers(
            GOOD.replace("7 5\r\n", &format!("{line}\r\n")),
        ));
        assert!(
            matches!(listed, Err(Failure::Nonsense(_))),
            "{line:?}: {listed:?}"
        );
    }
    // RFC 1939 §5 allows a server to say more after the size.
    assert!(fetch(&mut Script::answers(GOOD.replace("7 5", "7 5 old"))).is_ok());
}

#[test]
fn credentials_that_would_be_commands_are_never_sent() {
    for word in ["", "alice\r\nDELE 1", "alice\n", "al\rice", "al\0ice"] {
        for (user, password) in [(word, "x"), ("alice", word)] {
            let mut server = Script::answers(GOOD);
            let [user, password] = [user, password].map(str::to_string);
            let credentials = Credentials { user, password };
            let wire = Wire::new(&mut server);
            assert!(Client::open(wire, &credentials, Duration::from_secs(1)).is_err());
            assert!(!server.written().windows(4).any(|octets| octets == b"DELE"));
            assert!(server.written().is_empty() || server.written() == b"USER alice\r\n");
        }
    }
}

#[test]
fn a_letter_may_be_twice_as_long_as_was_said_and_64_kib_more() {
    let claimed = 500;
    let limit = 2 * claimed + 64 * 1024;
    for (size, fits) in [(limit - 1, true), (limit, true), (limit + 1, false)] {
        let line = "x".repeat(size - 2);
        let mut server = Script::answers(format!(
            "{WELCOME}+OK\r\n{line}\r\n.\r\n+OK\r\nthe next\r\n.\r\n"
        ));
        let mut client = open(&mut server).expect("a login");
        let got = client.retrieve(1, claimed);
        assert_eq!(got.is_ok(), fits, "{size}");
        assert!(fits || matches!(got, Err(Failure::Unfit(_))), "{got:?}");
        // It was read to its end, so the conversation goes on.
        let next = client.retrieve(2, claimed).expect("the next");
        assert_eq!(next.octets(), b"the next\r\n");
    }
}

#[test]
fn a_letter_has_64_mib_at_most_whatever_was_said() {
    assert_eq!(LETTER, 64 * 1024 * 1024);
    let line = vec![b'x'; 65_534];
    let lines = LETTER / 65_536;
    for claimed in [LETTER, 10 * LETTER, usize::MAX] {
        for (more, fits) in [("", true), ("\r\n", false)] {
            let begin = WELCOME.split_inclusive('\n').chain(["+OK\r\n"]);
            let begin = begin.map(|line| line.as_bytes().to_vec());
            let line = [line.as_slice(), b"\r\n"].concat();
            let text = std::iter::repeat_n(line, lines);
            let end = [format!("{more}.\r\n").into_bytes()];
            let mut server = Script::new(begin.chain(text).chain(end));
            let got = open(&mut server).expect("a login").retrieve(1, claimed);
            let length = got.as_ref().map(|letter| letter.octets().len());
            assert_eq!(length.is_ok(), fits, "{claimed}");
            assert!(!fits || length.is_ok_and(|length| length == LETTER));
            assert!(fits || matches!(got, Err(Failure::Unfit(_))));
        }
    }
}

#[test]
fn a_list_has_a_hundred_thousand_letters_at_most() {
    assert_eq!(LETTERS, 100_000);
    for (letters, fits) in [(LETTERS - 1, true), (LETTERS, true), (LETTERS + 1, false)] {
        let list = "1 1\r\n".repeat(letters);
        let mut server = Script::answers(format!("{WELCOME}+OK\r\n{list}.\r\n"));
        let listed = open(&mut server).expect("a login").list();
        match listed {
            Ok(listed) => assert!(fits && listed.len() == letters, "{letters}"),
            Err(failure) => assert!(!fits && matches!(failure, Failure::Endless), "{failure}"),
        }
    }
}

#[test]
fn a_server_that_never_ends_is_left() {
    let piece = vec![b'x'; 64 * 1024];
    let line = || std::iter::repeat(piece.clone());
    let mut lines = vec![b'1'; 64 * 1024 - 4];
    lines.extend_from_slice(b" 1\r\n");
    let lines = || std::iter::repeat(lines.clone());
    let greeting = |lines: &'static str| lines.split_inclusive("\r\n").map(|line| line.into());
    let list = "+OK hello\r\n+OK go on\r\n+OK welcome\r\n+OK\r\n";

    let mut endless = Script::new(line());
    assert!(matches!(open(&mut endless), Err(Failure::Endless)));
    assert!(
        endless.octets_read() < 256 * 1024,
        "{}",
        endless.octets_read()
    );

    for endless in [
        Script::new(greeting(list).chain(line())),
        Script::new(greeting(list).chain(lines())),
    ] {
        let mut endless = endless;
        let mut client = open(&mut endless).expect("a login");
        let failure = client.retrieve(1, 0).expect_err("no letter");
        assert!(matches!(failure, Failure::Endless), "{failure}");
        assert!(endless.octets_read() < ENDLESS_TEXT + 1024 * 1024);
    }
    // Whatever size is claimed, no more is kept.
    const { assert!(LETTER <= 64 * 1024 * 1024) };
}

/// `inbox` with these options: what came of it.
fn inbox(server: &str, folder: &Path, options: &[&str]) -> Output {
    let file = folder.join("password");
    std::fs::write(&file, "wonderland\n").expect("a password");
    let mut inbox = program();
    inbox.args([
        "inbox",
        "--server",
        server,
        "--user",
        "alice",
        "--timeout",
        "10",
    ]);
    inbox
        .arg("--password-file")
        .arg(file)
        .args(options)
        .output()
        .expect("inbox runs")
}

#[track_caller]
fn ends(output: &Output, status: i32, printed: &[&str]) {
    let text = String::from_utf8_lossy(&output.stdout);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{text}{said}");
    for words in printed {
        assert!(
            format!("{text}{said}").contains(words),
            "{words}: {text}{said}"
        );
    }
}

#[test]
fn inbox_shows_letters_and_removes_them_or_keeps_them() {
    let folder = TempDir::new("inbox");
    let site = site(folder.path());
    for number in ["1", "2"] {
        put(
            &site.join("mail/alice"),
            number,
            format!("Subject: No. {number}\n\n.\n"),
        );
    }
    let server = Server::start("pop3", &site, &["--quiet"]);
    for (options, left) in [(&["--keep"][..], 2), (&[], 0)] {
        let output = inbox(&server.address, folder.path(), options);
        let shown = [
            "2 letters",
            "--- 1 of 2 ---",
            "No. 1",
            "--- 2 of 2 ---",
            "No. 2",
        ];
        ends(&output, 0, &shown);
        assert_eq!(new_letters(&site, "alice").len(), left);
    }
    ends(
        &inbox(&server.address, folder.path(), &[]),
        0,
        &["0 letters"],
    );
}

#[test]
fn inbox_tells_why_it_has_no_letters() {
    let folder = TempDir::new("inbox");
    let nobody = Nobody::new().address.to_string();
    ends(&inbox(&nobody, folder.path(), &[]), 75, &["no connection"]);
    let login = "S: +OK\nC: USER alice\nS: +OK\nC: PASS wonderland\n";
    for (reply, status) in [
        ("-ERR [IN-USE] wait", 75),
        ("-ERR [AUTH] no", 1),
        ("what?", 1),
    ] {
        let peer = Peer::new(&[&format!("{login}S: {reply}\n")]);
        ends(
            &inbox(&peer.address.to_string(), folder.path(), &[]),
            status,
            &[reply],
        );
        peer.finish();
    }
}

#[test]
fn one_bad_letter_does_not_keep_the_others_from_being_shown() {
    let folder = TempDir::new("inbox");
    let peer = Peer::new(&[
        "S: +OK\nC: USER alice\nS: +OK\nC: PASS wonderland\nS: +OK\n\
        C: LIST\nS: +OK\nS: 1 10\nS: 2 10\nS: 3 10\nS: 4 10\nS: .\n\
        C: RETR 1\nS: -ERR the disk has a scratch\n\
        C: RETR 2\nS: +OK\nS: a line feed \\n alone\nS: .\n\
        C: RETR 3\nS: +OK\nS: Subject: third\nS: .\nC: DELE 3\nS: -ERR I keep it\n\
        C: RETR 4\nS: +OK\nS: Subject: fourth\nS: .\nC: DELE 4\nS: +OK\n\
        C: QUIT\nS: +OK\n",
    ]);
    let output = inbox(&peer.address.to_string(), folder.path(), &[]);
    let printed = [
        "a scratch",
        "letter 2: the letter holds a CR or LF alone",
        "third",
        "I keep it",
    ];
    ends(&output, 1, &printed);
    ends(&output, 1, &["Subject: fourth"]);
    peer.finish();
}

#[test]
fn a_server_out_of_step_is_left_before_a_letter_is_removed() {
    let folder = TempDir::new("inbox");
    let peer = Peer::new(&[
        "S: +OK\nC: USER alice\nS: +OK\nC: PASS wonderland\nS: +OK\n\
        C: LIST\nS: +OK\nS: 1 10\nS: 2 10\nS: .\nC: RETR 1\nS: Subject: first\nC: {close}\n",
    ]);
    ends(
        &inbox(&peer.address.to_string(), folder.path(), &[]),
        1,
        &["this is no POP3 reply"],
    );
    peer.finish();
}

#[test]
fn what_nobody_could_read_is_not_removed() {
    let folder = TempDir::new("inbox");
    let site = site(folder.path());
    put(&site.join("mail/alice"), "1", "Subject: x\n\nx\n");
    let server = Server::start("pop3", &site, &["--quiet"]);
    let password = folder.path().join("password");
    std::fs::write(&password, "wonderland\n").expect("a password");
    let (reader, closed_pipe) = io::pipe().expect("a pipe");
    drop(reader);
    let mut inbox = program();
    inbox.stderr(Stdio::null());
    inbox.args([
        "inbox",
        "--server",
        &server.address,
        "--user",
        "alice",
        "--password-file",
    ]);
    let status = inbox
        .arg(password)
        .stdout(closed_pipe)
        .status()
        .expect("inbox runs");
    assert_eq!(status.code(), Some(1));
    assert_eq!(new_letters(&site, "alice").len(), 1);
}
