//! Chapter 9, continued: AUTH, and a caller who says anything at all.

mod common;

use common::dialogues::{of_chapter, play_against_serve};
use common::script::Dice;
use common::talk::{ALICE, Talk, code, host};
use smtp_primer::protocol::base64::encode;
use smtp_primer::protocol::command::Command;
use smtp_primer::protocol::dot::{Received, Text};
use smtp_primer::protocol::line::Line;
use smtp_primer::session::{Host, MISTAKES, RECIPIENTS, Step};

/// A conversation after EHLO, where AUTH is offered and nothing else is allowed.
fn talk(host: &Host) -> Talk<'_> {
    let mut talk = Talk::with(host, false, true);
    talk.goes(&[("EHLO c.example", 250)]);
    talk
}

/// Is the caller known now? Then, and only then, it may relay.
fn is_known(talk: &mut Talk) -> bool {
    talk.goes(&[("RSET", 250), ("MAIL FROM:<>", 250)]);
    let code = talk.code("RCPT TO:<x@b.example>");
    talk.goes(&[("RSET", 250)]);
    code == 250
}

#[test]
fn the_right_password_is_the_only_way_in() {
    let host = host();
    let plain = |message: &str| encode(message.as_bytes());
    for (lines, due) in [
        (vec!["AUTH PLAIN".into(), plain("\0alice\0wonderland")], 235),
        (
            vec!["auth plain".into(), plain("alice\0alice\0wonderland")],
            235,
        ),
        (vec![format!("AUTH PLAIN {ALICE}")], 235),
        (
            vec!["AUTH LOGIN".into(), plain("alice"), plain("wonderland")],
            235,
        ),
        (
            vec![format!("AUTH LOGIN {}", plain("bob")), plain("builder")],
            235,
        ),
        // Wrong ones.
        (vec!["AUTH PLAIN".into(), plain("\0alice\0Wonderland")], 535),
        (vec!["AUTH PLAIN".into(), plain("\0alice\0wonderlan")], 535),
        (
            vec!["AUTH PLAIN".into(), plain("\0alice\0wonderlandd")],
            535,
        ),
        (vec!["AUTH PLAIN".into(), plain("\0Alice\0wonderland")], 535),
        (
            vec!["AUTH PLAIN".into(), plain("\0alice@a.example\0wonderland")],
            535,
        ),
        (vec!["AUTH PLAIN".into(), plain("\0bob\0wonderland")], 535),
        (vec!["AUTH PLAIN".into(), plain("\0postmaster\0x")], 535),
        (vec!["AUTH PLAIN".into(), plain("\0staff\0x")], 535),
        (
            vec!["AUTH LOGIN".into(), plain("alice"), plain("builder")],
            535,
        ),
        (vec!["AUTH LOGIN".into(), plain("alice"), "".into()], 535),
        (vec!["AUTH LOGIN".into(), "".into(), "".into()], 535),
        (vec!["AUTH LOGIN =".into(), plain("wonderland")], 535),
        (
            vec!["AUTH LOGIN".into(), plain("postmaster"), "".into()],
            535,
        ),
        // Not well formed.
        (
            vec!["AUTH PLAIN".into(), plain("bob\0alice\0wonderland")],
            501,
        ),
        (vec!["AUTH PLAIN".into(), plain("alice\0wonderland")], 501),
        (
            vec!["AUTH PLAIN".into(), plain("\0alice\0wonderland\0")],
            501,
        ),
        (vec!["AUTH PLAIN".into(), plain("\0\0")], 501),
        (vec!["AUTH PLAIN".into(), plain("\0alice\0")], 501),
        (vec!["AUTH PLAIN".into(), "\0alice\0wonderland".into()], 501),
        (vec!["AUTH PLAIN".into(), format!(" {ALICE}")], 501),
        (vec!["AUTH PLAIN".into(), format!("{ALICE}=")], 501),
        (
            vec!["AUTH PLAIN".into(), ALICE.trim_end_matches('=').into()],
            501,
        ),
        (vec!["AUTH PLAIN".into(), "".into()], 501),
        (vec!["AUTH PLAIN".into(), "=".into()], 501),
        (vec!["AUTH PLAIN".into(), "*".into()], 501),
        (vec!["AUTH PLAIN =".into()], 501),
        (vec!["AUTH PLAIN ==".into()], 501),
        (vec![format!("AUTH PLAIN ={ALICE}")], 501),
        (vec!["AUTH PLAIN *".into()], 501),
        (vec!["AUTH PLAIN /w==".into()], 501), // 0xff is no UTF-8
        (vec!["AUTH LOGIN".into(), "*".into()], 501),
        (vec!["AUTH LOGIN".into(), plain("alice"), "*".into()], 501),
        (vec!["AUTH LOGIN".into(), "/w==".into()], 501),
        (
            vec!["AUTH LOGIN".into(), plain("alice"), "alice".into()],
            501,
        ),
        // No such thing.
        (vec!["AUTH".into()], 501),
        (vec!["AUTH PLAIN a b".into()], 501),
        (vec!["AUTH  PLAIN".into()], 501),
        (vec!["AUTH pl\u{e4}in".into()], 501),
        (vec!["AUTH CRAM-MD5".into()], 504),
        (vec![format!("AUTH PLAINLY {ALICE}")], 504),
        (vec!["AUTH EXTERNAL =".into()], 504),
    ] {
        let mut talk = talk(&host);
        let (last, first) = lines.split_last().expect("a line");
        first
            .iter()
            .for_each(|line| assert_eq!(talk.code(line), 334, "{lines:?}"));
        assert_eq!(talk.code(last), due, "{lines:?}");
        assert!(!talk.0.expects_secret(), "{lines:?}");
        assert_eq!(is_known(&mut talk), due == 235, "{lines:?}");
    }
}

#[test]
fn challenges_are_base64_and_answers_are_secrets() {
    let host = host();
    let mut talk = talk(&host);
    assert_eq!(talk.reply("AUTH PLAIN"), ["334 "]);
    assert!(talk.0.expects_secret());
    talk.goes(&[("*", 501)]);
    assert_eq!(talk.reply("AUTH LOGIN"), ["334 VXNlcm5hbWU6"]);
    assert!(talk.0.expects_secret());
    assert_eq!(talk.reply("YWxpY2U="), ["334 UGFzc3dvcmQ6"]);
    assert!(talk.0.expects_secret());
    talk.goes(&[("d29uZGVybGFuZA==", 235)]);
    assert!(!talk.0.expects_secret());
}

#[test]
fn auth_has_its_time_and_place() {
    let host = host();
    let auth = format!("AUTH PLAIN {ALICE}");
    for (before, due) in [
        (&[][..], 503),
        (&["HELO c.example"], 503), // RFC 4954 §3: it is an extension
        (&["EHLO c.example", "HELO c.example"], 503),
        (&["EHLO c.example", "MAIL FROM:<>"], 503),
        (&["EHLO c.example", "MAIL FROM:<>", "RSET"], 235),
        (&["EHLO c.example", &auth], 503),
        (&["EHLO c.example", &auth, "EHLO c.example"], 503),
    ] {
        let mut talk = Talk::new(&host);
        before
            .iter()
            .for_each(|line| assert!(talk.code(line) < 300, "{before:?}"));
        assert_eq!(talk.code(&auth), due, "{before:?}");
    }
    // Where it is not offered it is 502, whatever else may be wrong.
    let mut talk = Talk::with(&host, true, false);
    talk.goes(&[
        (&auth, 502),
        ("EHLO c.example", 250),
        (&auth, 502),
        ("AUTH X", 502),
    ]);
    assert!(!talk.reply("EHLO c.example").concat().contains("AUTH"));
    talk.goes(&[
        ("AUTH LOGIN", 502),
        ("MAIL FROM:<> AUTH=<>", 555),
        ("MAIL FROM:<>", 250),
    ]);
}

#[test]
fn a_line_that_is_none_ends_the_question() {
    let host = host();
    for question in ["AUTH PLAIN", "AUTH LOGIN", "AUTH LOGIN YWxpY2U="] {
        for line in [Line::BareNewline, Line::TooLong, Line::Endless] {
            let mut talk = talk(&host);
            talk.goes(&[(question, 334)]);
            assert_eq!(code(&talk.0.line(&line)), 500);
            assert!(!talk.0.expects_secret());
            talk.goes(&[("NOOP", 250), ("AUTH PLAIN", 334)]);
        }
    }
}

#[test]
fn guessing_passwords_comes_to_an_end() {
    let host = host();
    let wrong = encode(b"\0alice\0looking-glass");
    let at_once = [format!("AUTH PLAIN {wrong}")];
    let asked = ["AUTH PLAIN".to_string(), wrong.clone()];
    let login = ["AUTH LOGIN YWxpY2U=".to_string(), encode(b"looking-glass")];
    for guess in [&at_once[..], &asked, &login] {
        let mut talk = talk(&host);
        let (last, first) = guess.split_last().expect("a line");
        for number in 1..=MISTAKES {
            first
                .iter()
                .for_each(|line| assert_eq!(talk.code(line), 334));
            assert_eq!(
                talk.code(last),
                if number < MISTAKES { 535 } else { 421 },
                "{guess:?}"
            );
        }
    }
}

/// aiosmtpd #233, chrj/smtpd #38, go-mail #338: passwords in the log.
#[test]
fn the_trace_of_a_server_shows_no_password() {
    let secrets = [ALICE, "d29uZGVybGFuZA==", "d29uZGVybGFuRA==", "wonderland"];
    let files = of_chapter("09");
    let files = files
        .iter()
        .filter(|file| file.to_string_lossy().contains("09-auth"));
    for file in files {
        let trace = play_against_serve(file).trace;
        assert!(trace.contains("S: 235 "), "{trace}");
        for secret in secrets {
            assert!(!trace.contains(secret), "{}: {trace}", file.display());
        }
    }
}

/// go-smtp #43, imail #131, gen_smtp #84, SmtpServer #272: AUTH with junk crashed them.
#[test]
fn auth_with_junk_is_answered() {
    let host = host();
    let mut dice = Dice::new(1);
    let words = [
        "PLAIN", "LOGIN", "plain", "X", "=", "==", "*", " ", "", "\0", "\u{e9}", ALICE,
    ];
    let more = [
        "YWxpY2U=",
        "d29uZGVybGFuZA==",
        "A",
        "AA==",
        "AAA=",
        "////",
        "-",
        "_",
        "QUIT",
    ];
    let words = [&words[..], &more].concat();
    let mut seen = Vec::new();
    let mut caller = talk(&host);
    for _ in 0..50_000 {
        let asked = caller.0.expects_secret();
        let mut line = if asked {
            String::new()
        } else {
            "AUTH ".to_string()
        };
        for _ in 0..dice.below(4) {
            line += dice.pick(&words);
            line += dice.pick(&["", " ", ""]);
        }
        if dice.below(200) == 0 {
            line += &"A".repeat(dice.below(20_000));
        }
        let answer = caller.code(&line);
        let legal: &[u16] = match asked {
            true => &[235, 334, 421, 501, 535],
            false => &[235, 334, 421, 500, 501, 503, 504, 535],
        };
        assert!(legal.contains(&answer), "{line:?}: {answer}");
        if !seen.contains(&answer) {
            seen.push(answer);
        }
        if matches!(answer, 235 | 421) {
            caller = talk(&host);
        }
    }
    seen.sort();
    assert_eq!(
        seen,
        [235, 334, 421, 500, 501, 504, 535],
        "not all was tried"
    );
}

// ---------------------------------------------------------------- a caller who says anything

const PHRASES: [&str; 40] = [
    "EHLO c.example",
    "HELO c.example",
    "MAIL FROM:<x@y.example>",
    "MAIL FROM:<>",
    "MAIL FROM:<x@y.example> SIZE=1000 BODY=8BITMIME AUTH=<>",
    "MAIL FROM:<x@y.example> SIZE=1001",
    "RCPT TO:<alice@a.example>",
    "RCPT TO:<bob@A.EXAMPLE>",
    "RCPT TO:<staff@a.example>",
    "RCPT TO:<Postmaster>",
    "RCPT TO:<nobody@a.example>",
    "RCPT TO:<\"al ice\"@a.example>",
    "RCPT TO:<@b.example:x@[192.0.2.1]>",
    "DATA",
    "DATA",
    "DATA",
    "RSET",
    "VRFY alice",
    "VRFY x@b.example",
    "VRFY eve",
    "EXPN staff",
    "EXPN ping",
    "HELP",
    "HELP MAIL",
    "HELP me",
    "NOOP",
    "NOOP so what",
    "QUIT",
    "AUTH PLAIN",
    "AUTH LOGIN",
    "AUTH LOGIN YWxpY2U=",
    "AUTH PLAIN AGFsaWNlAHdvbmRlcmxhbmQ=",
    "AUTH CRAM-MD5",
    "AGFsaWNlAHdvbmRlcmxhbmQ=",
    "d29uZGVybGFuZA==",
    "*",
    "SEND FROM:<x@y.example>",
    "SAML FROM:<x@y.example>",
    "TURN",
    "",
];

/// The codes that RFC 5321 §4.3.2 and RFC 4954 §4 know for a command that could be read.
fn legal(command: &Command) -> &'static [u16] {
    match command {
        Command::Ehlo(_) | Command::Helo(_) | Command::Rset | Command::Noop(_) => &[250],
        Command::Mail(..) => &[250, 421, 503, 552, 555],
        Command::Rcpt(_) => &[250, 452, 503, 550],
        Command::Data => &[354, 503],
        Command::Vrfy(_) => &[250, 252, 550],
        Command::Expn(_) => &[250, 550],
        Command::Help(_) => &[214, 504],
        Command::Quit => &[221],
        Command::Auth(..) => &[235, 334, 501, 502, 503, 504, 535],
        Command::Abandoned(..) => &[502],
    }
}

/// What we know of a session from its replies alone.
#[derive(Default)]
struct Known {
    helo: bool,
    /// The letter that was begun: its recipients.
    letter: Option<Vec<String>>,
    mistakes: usize,
    /// A text was doubtful.
    doubt: bool,
}

impl Known {
    /// Takes note of an answer, which has to follow from all those before it.
    fn note(&mut self, command: &Command, code: u16) {
        match (command, code) {
            (Command::Ehlo(_) | Command::Helo(_), 250) => (self.helo, self.letter) = (true, None),
            (Command::Rset, 250) => self.letter = None,
            (Command::Mail(..), 250) => {
                assert!(self.helo && self.letter.is_none(), "MAIL out of order");
                self.letter = Some(Vec::new());
            }
            (Command::Rcpt(path), 250) => {
                let letter = self.letter.as_mut().expect("RCPT comes after MAIL");
                letter.push(path.to_string());
                assert!(letter.len() <= RECIPIENTS);
            }
            (Command::Data, code) => {
                let ready = self
                    .letter
                    .as_ref()
                    .is_some_and(|letter| !letter.is_empty());
                assert_eq!(
                    code == 354,
                    ready,
                    "DATA comes after RCPT, and is taken then"
                );
            }
            (Command::Auth(..), 235 | 334) => assert!(self.helo && self.letter.is_none()),
            _ => {}
        }
    }
}

/// A phrase, often one that takes a letter further, mostly as it is, sometimes mistreated.
fn line(dice: &mut Dice) -> Vec<u8> {
    let all = if dice.below(2) == 0 {
        PHRASES.len()
    } else {
        16
    };
    let mut line = dice.pick(&PHRASES[..all]).as_bytes().to_vec();
    for _ in 0..[0, 0, 0, 0, 0, 1, 1, 2, 5][dice.below(9)] {
        let at = dice.below(line.len() + 1);
        match dice.below(6) {
            0 => line.insert(at, dice.below(256) as u8),
            1 => line.truncate(at),
            2 => line.extend_from_slice(dice.pick(&PHRASES).as_bytes()),
            3 => line.insert(
                at,
                dice.pick(&[b" ", b"<", b">", b"@", b"\"", b"\\", b".", b":"])[0],
            ),
            4 => line
                .splice(at.., b"A".repeat(dice.below(700)))
                .for_each(drop),
            _ if at < line.len() => line[at] ^= 1 << dice.below(8),
            _ => {}
        }
    }
    line.retain(|octet| !matches!(octet, b'\r' | b'\n'));
    line
}

#[test]
fn whatever_is_said_no_step_is_skipped() {
    let host = host();
    let mut dice = Dice::new(821);
    let (mut letters, mut closed) = (0, 0);
    let mut session = Talk::new(&host).0;
    let mut known = Known::default();
    for _ in 0..200_000 {
        let secret = session.expects_secret();
        let said = match dice.below(300) {
            0 => Line::BareNewline,
            1 => Line::TooLong,
            _ => Line::Text(line(&mut dice)),
        };
        let step = session.line(&said);
        let answer = code(&step);
        match (&said, answer) {
            (_, 421) => {
                let mail = matches!(&said, Line::Text(line)
                    if matches!(Command::parse(line), Ok(Command::Mail(..))));
                assert!(
                    known.doubt && mail || known.mistakes + 1 == MISTAKES,
                    "no cause"
                );
            }
            (Line::Text(_), answer) if secret => {
                assert!([235, 334, 501, 535].contains(&answer), "{answer}");
            }
            (Line::Text(line), answer) => match Command::parse(line) {
                Ok(command) => {
                    assert!(legal(&command).contains(&answer), "{command:?}: {answer}");
                    known.note(&command, answer);
                }
                Err(mistake) => assert_eq!(answer, mistake.code()),
            },
            (_, answer) => assert_eq!(answer, 500),
        }
        known.mistakes = match answer {
            ..300 | 354 => 0,
            500.. if answer != 550 => known.mistakes + 1,
            _ => known.mistakes,
        };
        match step {
            Step::Reply(reply) => {
                assert!(known.mistakes < MISTAKES, "one mistake too many");
                for line in reply.lines().map(|line| line.to_string()) {
                    assert!(
                        line.len() <= 510 && line.bytes().all(|octet| octet >= b' '),
                        "{line}"
                    );
                }
            }
            Step::Text(_) => {
                let paths = known.letter.take().expect("a letter was begun");
                let received = match dice.below(8) {
                    0 => Received::TooBig,
                    1 => Received::BareNewline,
                    _ => Received::Text(Text::default()),
                };
                known.doubt |= received == Received::BareNewline;
                if let Ok(letter) = session.received(received) {
                    let to = letter.forward_paths.iter().map(|path| path.to_string());
                    assert_eq!(to.collect::<Vec<_>>(), paths);
                    letters += 1;
                }
            }
            Step::Close(_) => {
                let (trusted, offered) = (dice.below(2) == 0, dice.below(4) > 0);
                (session, known) = (Talk::with(&host, trusted, offered).0, Known::default());
                closed += 1;
            }
            Step::Gone => panic!("nobody went"),
        }
    }
    assert!(
        letters > 1000 && closed > 500,
        "{letters} letters, {closed} closed: try harder"
    );
}
