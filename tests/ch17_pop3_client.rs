//! Chapter 17, the user agent's side of POP3: what it says, and what no server can make it do.

#[allow(dead_code)]
mod common {
    pub mod script;
    pub mod side_by_side;
}

use common::script::Script;
use common::side_by_side::side_by_side;
use smtp_primer::pop3::client::{FetchError, Pop3Client};
use smtp_primer::protocol::dot::ENDLESS_TEXT;
use smtp_primer::protocol::line::{ENDLESS_LINE, Wire};
use smtp_primer::protocol::sasl::Credentials;
use std::io;
use std::time::Duration;

const WELCOME: &str = "+OK hello\r\n+OK go on\r\n+OK welcome\r\n";

fn alice() -> Credentials {
    Credentials {
        user: "alice".to_string(),
        password: "open sesame".to_string(),
    }
}

type Conversation<'a> = Pop3Client<&'a mut Script>;

fn open(server: &mut Script) -> Result<Conversation<'_>, FetchError> {
    Pop3Client::open(Wire::new(server), &alice(), Duration::from_secs(1))
}

const ENDLESS: &str = "an answer longer than any real one";

/// Did the server say something that is not POP3, and does the message tell what?
fn is_nonsense<T>(result: &Result<T, FetchError>, what: &str) -> bool {
    matches!(result, Err(FetchError::Nonsense(told)) if told.contains(what))
}

/// All that a user agent does with a mailbox of one letter.
fn fetch(server: &mut Script) -> Result<Vec<u8>, FetchError> {
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
        assert!(
            matches!(failure, Err(FetchError::Io(_))),
            "{end}: {failure:?}"
        );
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
        let Err(FetchError::Refused(words)) = refused else {
            panic!("{answer}: {refused:?}");
        };
        assert!(words.starts_with("-ERR no\\x1b[31m"), "{words}");
        for wrong in ["220 hello", "", "+OKAY", "+ok", "+OK \n", "+OK \rx", "\0\0"] {
            let nonsense = fetch(&mut Script::answers(GOOD.replacen(answer, wrong, 1)));
            assert!(is_nonsense(&nonsense, ""), "{wrong:?}: {nonsense:?}");
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
                let Err(FetchError::Refused(words)) = refused else {
                    panic!("{length}: {refused:?}");
                };
                assert!(words.starts_with("-ERR xxx") && words.len() <= 512);
            } else {
                assert!(is_nonsense(&fetched, ENDLESS), "{fetched:?}");
                assert!(is_nonsense(&refused, ENDLESS), "{refused:?}");
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
        let why = "the server answered before it was asked";
        assert!(is_nonsense(&failure, why), "{ahead}: {failure:?}");
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
        assert!(is_nonsense(&listed, ""), "{line:?}: {listed:?}");
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
            assert!(Pop3Client::open(wire, &credentials, Duration::from_secs(1)).is_err());
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
        assert!(fits || matches!(got, Err(FetchError::Unfit(_))), "{got:?}");
        // It was read to its end, so the conversation goes on.
        let next = client.retrieve(2, 10).expect("the next");
        assert_eq!(next.octets(), b"the next\r\n");
    }
}

// ours 16: the beginning of a letter came, and the letter was removed from the server.
#[test]
fn a_letter_of_which_less_than_half_came_is_refused_and_the_next_one_is_fetched() {
    // Many servers announce a size that is a little wrong, and some tell none.
    let letter = "Subject: x\r\n\r\nHello\r\n"; // 21 octets
    for (claimed, fits) in [(0, true), (21, true), (41, true), (42, true), (43, false)] {
        let text = format!("+OK\r\n{letter}.\r\n");
        let mut server = Script::answers(format!("{WELCOME}{text}{text}"));
        let mut client = open(&mut server).expect("a login");
        let got = client.retrieve(1, claimed);
        assert_eq!(got.is_ok(), fits, "{claimed}: {got:?}");
        assert!(fits || matches!(got, Err(FetchError::Unfit(_))), "{got:?}");
        let next = client.retrieve(2, letter.len()).expect("the next");
        assert_eq!(next.octets(), letter.as_bytes());
    }
    for (claimed, fits) in [(0, true), (1, false)] {
        let mut server = Script::answers(format!("{WELCOME}+OK\r\n.\r\n"));
        let got = open(&mut server).expect("a login").retrieve(1, claimed);
        assert_eq!(got.is_ok(), fits, "{claimed}: {got:?}");
    }
}

#[test]
fn a_list_has_a_hundred_thousand_letters_at_most() {
    for (letters, fits) in [(99_999, true), (100_000, true), (100_001, false)] {
        let list = "1 1\r\n".repeat(letters);
        let mut server = Script::answers(format!("{WELCOME}+OK\r\n{list}.\r\n"));
        let listed = open(&mut server).expect("a login").list();
        assert_eq!(is_nonsense(&listed, ENDLESS), !fits, "{letters}");
        assert_eq!(
            listed.ok().map(|listed| listed.len()),
            fits.then_some(letters)
        );
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
    assert!(is_nonsense(&open(&mut endless), ENDLESS));
    assert!(
        endless.octets_read() < 256 * 1024,
        "{}",
        endless.octets_read()
    );

    side_by_side([true, false], |is_one_line| {
        let mut endless = match is_one_line {
            true => Script::new(greeting(list).chain(line())),
            false => Script::new(greeting(list).chain(lines())),
        };
        let mut client = open(&mut endless).expect("a login");
        let letter = client.retrieve(1, 0);
        assert!(is_nonsense(&letter, ENDLESS), "{letter:?}");
        assert!(endless.octets_read() < ENDLESS_TEXT + 1024 * 1024);
    });
}

#[test]
fn a_letter_has_64_mib_at_most_whatever_size_was_claimed() {
    let most: usize = 64 * 1024 * 1024;
    let line = format!("{}\r\n", "x".repeat(65_534));
    for (size, fits) in [(most - 1, true), (most, true), (most + 1, false)] {
        let begin = WELCOME.split_inclusive('\n').chain(["+OK\r\n"]);
        let lines = std::iter::repeat_n(line.clone(), most / line.len() - 1);
        let rest = size - (most - line.len());
        let end = format!("{}\r\n.\r\n", "x".repeat(rest - 2));
        let said = begin.map(str::to_string).chain(lines).chain([end]);
        let mut server = Script::new(said.collect::<Vec<_>>());
        let got = open(&mut server)
            .expect("a login")
            .retrieve(1, most + most / 2);
        let got = got.map(|text| text.octets().len());
        assert!(
            fits == matches!(got, Ok(kept) if kept == size),
            "{size}: {got:?}"
        );
        assert!(fits || matches!(got, Err(FetchError::Unfit(_))), "{got:?}");
    }
}
