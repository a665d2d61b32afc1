//! Chapter 9, continued: AUTH.

#[allow(dead_code)]
mod common {
    pub mod script;
    pub mod talk;
}

use common::script::Dice;
use common::talk::{ALICE, Talk, code, host};
use smtp_primer::protocol::base64::encode;
use smtp_primer::protocol::line::Line;
use smtp_primer::session::{Host, MAX_MISTAKES};

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
        // The right password, to use the account of somebody else (RFC 4616 §2).
        (
            vec!["AUTH PLAIN".into(), plain("bob\0alice\0wonderland")],
            535,
        ),
        (
            vec!["AUTH PLAIN".into(), plain("Alice\0alice\0wonderland")],
            535,
        ),
        (vec!["AUTH PLAIN".into(), plain("root\0alice\0wrong")], 535),
        // Not well formed.
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
        assert_eq!(is_known(&mut talk), due == 235, "{lines:?}");
    }
}

#[test]
fn challenges_are_base64() {
    let host = host();
    let mut talk = talk(&host);
    assert_eq!(talk.reply("AUTH PLAIN"), ["334 "]);
    talk.goes(&[("*", 501)]);
    assert_eq!(talk.reply("AUTH LOGIN"), ["334 VXNlcm5hbWU6"]);
    assert_eq!(talk.reply("YWxpY2U="), ["334 UGFzc3dvcmQ6"]);
    talk.goes(&[("d29uZGVybGFuZA==", 235)]);
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
        for number in 1..=MAX_MISTAKES {
            first
                .iter()
                .for_each(|line| assert_eq!(talk.code(line), 334));
            assert_eq!(
                talk.code(last),
                if number < MAX_MISTAKES { 535 } else { 421 },
                "{guess:?}"
            );
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
    let (mut caller, mut asked) = (talk(&host), false);
    for _ in 0..50_000 {
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
        asked = answer == 334;
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
