//! Chapter 6: replies of one line and of many, from good servers and from bad ones.

#[allow(dead_code)]
mod common {
    pub mod script;
}

use common::script::{Script, splits};
use smtp_primer::protocol::line::{ENDLESS_LINE, Line, REPLY_LINE, Wire};
use smtp_primer::protocol::reply::{ENDLESS_REPLY, REPLY_LINES, Reply, Severity, in_words};
use std::io::{self, ErrorKind};

fn read(octets: impl AsRef<[u8]>) -> io::Result<Reply> {
    Reply::read(&mut Wire::new(Script::says(octets)))
}

/// Why this is not a reply, in words.
fn why_not(octets: impl AsRef<[u8]>) -> String {
    in_words(&read(octets).expect_err("not a reply"))
}

fn written(reply: &Reply) -> String {
    let mut wire = Wire::new(Script::says(b""));
    reply.write(&mut wire).unwrap();
    wire.flush().unwrap();
    String::from_utf8(wire.stream().written()).unwrap()
}

#[test]
fn a_reply_is_read_to_its_last_line_and_no_further() {
    let cases: [(&str, u16, &[&str]); 11] = [
        ("250 ok\r\n", 250, &["ok"]),
        ("250\r\n", 250, &[""]),
        ("250 \r\n", 250, &[""]),
        ("250  two spaces \r\n", 250, &[" two spaces "]),
        (
            "250-a.example\r\n250-SIZE 100\r\n250 HELP\r\n",
            250,
            &["a.example", "SIZE 100", "HELP"],
        ),
        ("250-a\r\n250\r\n", 250, &["a", ""]),
        ("250-\r\n250\r\n", 250, &["", ""]),
        ("550 5.1.1 no such user\r\n", 550, &["5.1.1 no such user"]),
        ("250-\r\n250-\r\n250 \r\n", 250, &["", "", ""]),
        ("354 250-go on\r\n", 354, &["250-go on"]),
        ("599 a\tb\r\n", 599, &["a\tb"]),
    ];
    for (octets, code, text) in cases {
        let stream = format!("{octets}221 bye\r\n");
        for pieces in splits(stream.as_bytes()) {
            let mut wire = Wire::new(Script::new(pieces));
            let reply = Reply::read(&mut wire).unwrap();
            assert_eq!(
                (reply.code(), reply.text().join("|")),
                (code, text.join("|"))
            );
            assert_eq!(
                wire.read_line(REPLY_LINE).unwrap(),
                Line::Text(b"221 bye".into())
            );
        }
    }
}

/// CVE-2020-8794: OpenSMTPD read past the end of such lines, and an attacker's text became lines of
/// its queue files.
#[test]
fn what_is_not_a_reply_is_refused() {
    for line in [
        "",
        "2",
        "25",
        "25 ",
        "25-",
        "25 ok",
        "-",
        " ",
        " 250 ok",
        "2500",
        "2500 ok",
        "25a ok",
        "25\r0 ok",
        "+50 ok",
        "-50 ok",
        "2.0 ok",
        "\u{664}\u{665}\u{666} ok",
        "000 x",
        "100 x",
        "199 x",
        "600 x",
        "999 x",
        "hello",
        "HTTP/1.1 400 Bad Request",
        "SSH-2.0-x",
        "\0\0\0",
    ] {
        assert_eq!(Reply::parse(line.as_bytes()), None, "{line:?}");
        for octets in [
            format!("{line}\r\n"),
            format!("250-ok\r\n{line}\r\n250 ok\r\n"),
        ] {
            let why = why_not(&octets);
            assert!(
                why.starts_with("this is not a reply, "),
                "{octets:?}: {why}"
            );
        }
    }
    assert_eq!(Reply::parse(b"25\xff ok"), None);
    let why = why_not(b"\x1b]0;\x07\xff\r\n");
    assert!(
        why.ends_with(": \\x1b]0;\\x07\\xff"),
        "fit to be shown: {why}"
    );
}

#[test]
fn a_reply_that_breaks_off_or_contradicts_itself_is_none() {
    for cut in [
        "",
        "2",
        "250",
        "250 ok",
        "250 ok\r",
        "250-ok\r\n",
        "250-ok\r\n250 o",
        "250-",
    ] {
        assert!(why_not(cut).contains(" closed the connection "), "{cut:?}");
    }
    for mixed in [
        "250-a\r\n550 b\r\n",
        "250-a\r\n250-b\r\n354 c\r\n",
        "550-a\r\n250 b\r\n",
    ] {
        assert!(
            why_not(mixed).contains(" different first digits"),
            "{mixed:?}"
        );
    }
    let failing = Script::says(b"250-a\r\n").failing(ErrorKind::TimedOut);
    let error = Reply::read(&mut Wire::new(failing)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert_eq!(in_words(&error), "no answer came in time");
    let failing = Script::says(b"250-a\r\n").failing(ErrorKind::ConnectionReset);
    let error = Reply::read(&mut Wire::new(failing)).unwrap_err();
    let why = in_words(&error);
    assert!(why.starts_with("the connection failed: "), "{why}");
}

/// RFC 5321 §4.2: any text must be acceptable, and §4.3.2: the first digit decides. A client that
/// does not hear a 250 sends the letter again.
#[test]
fn a_reply_is_heard_whatever_its_text() {
    for (octets, text) in [
        ("250\tok", "\tok"),
        ("250ok", "ok"),
        ("250_ok", "_ok"),
        ("250.ok", ".ok"),
        ("250 o\rk", "o\\rk"),
        ("250\rok", "\\rok"),
        ("250 ok\r", "ok\\r"),
        ("250 gr\u{fc}n", "gr\\u{fc}n"),
        ("250 \0\x1b", "\\u{0}\\u{1b}"),
        ("250-a\r\n251 b", "a|b"),
        ("250-a\r\n250_b", "a|_b"),
    ] {
        let reply = read(format!("{octets}\r\n")).expect(octets);
        assert_eq!(reply.severity(), Severity::Done, "{octets:?}");
        assert_eq!(reply.text().join("|"), text, "{octets:?}");
    }
    assert!(read(b"250 \xff\xfe\r\n").is_ok());
}

/// RFC 5321 §2.3.8: nothing but CR LF ends a line. If an attacker can bring an LF into the text of a reply, he
/// must not be able to say a reply of his own.
#[test]
fn a_lone_lf_ends_no_reply() {
    for line in [
        "250 ok\n",
        "550 no such user: x\n250 OK\r\n",
        "250-a\r\n250 b\n",
        "250-ok\n",
        "\n",
    ] {
        let why = why_not(line);
        assert!(why.contains(" ended with LF alone"), "{line:?}: {why}");
    }
}

// ours 1: a reply of more than 512 octets was not heard. A letter that was refused was tried for
// five days, and one that was taken was sent again in every pass.
#[test]
fn a_reply_is_read_to_its_end_however_long_its_lines_are() {
    assert_eq!((REPLY_LINE, ENDLESS_LINE), (512, 64 * 1024)); // RFC 5321 §4.5.3.1.5, and our own
    for length in [
        511, 512, 513, 706, 1000, 1001, 65_535, 65_536, 65_537, 70_000,
    ] {
        let text = "x".repeat(length - "250 \r\n".len());
        for long in [
            format!("{{}} {text}\r\n"),
            format!("{{}}-{text}\r\n{{}}-{text}\r\n{{}} x\r\n"),
            format!("{{}}-x\r\n{{}} {text}\r\n"),
        ] {
            for code in [250, 354, 452, 550] {
                let long = long.replace("{}", &code.to_string());
                let mut wire = Wire::new(Script::says(format!("{long}221 bye\r\n")));
                let Ok(reply) = Reply::read(&mut wire) else {
                    assert!(length > ENDLESS_LINE, "{length}");
                    continue;
                };
                assert!(length <= ENDLESS_LINE, "{length}");
                assert_eq!(reply.code(), code, "{length}");
                let kept = reply.text().iter().map(String::len).max();
                assert_eq!(kept, Some(text.len().min(506)), "{length}");
                let next = wire.read_line(REPLY_LINE).expect("the next reply");
                assert_eq!(next, Line::Text(b"221 bye".into()), "{length}");
            }
        }
    }
}

#[test]
fn a_reply_is_read_to_its_end_however_many_lines_it_has() {
    assert_eq!((REPLY_LINES, ENDLESS_REPLY), (100, 1024 * 1024)); // RFC 5321 names no number
    let most = ENDLESS_REPLY / "250-xx\r\n".len();
    for lines in [99, 100, 101, 1000, most - 1, most, most + 1] {
        let long = format!("{}250 xx\r\n221 bye\r\n", "250-xx\r\n".repeat(lines - 1));
        let mut wire = Wire::new(Script::says(long));
        let Ok(reply) = Reply::read(&mut wire) else {
            assert!(lines > most, "{lines}");
            continue;
        };
        assert!(lines <= most, "{lines}");
        assert_eq!((reply.code(), reply.text().len()), (250, lines.min(100)));
        let next = wire.read_line(REPLY_LINE).expect("the next reply");
        assert_eq!(next, Line::Text(b"221 bye".into()), "{lines}");
    }
}

#[test]
fn a_reply_without_end_is_given_up() {
    for (block, most) in [
        ("250-x\r\n".repeat(1000), ENDLESS_REPLY),
        ("x".repeat(1000), ENDLESS_LINE),
        (format!("250-{}\r\n", "x".repeat(60_000)), ENDLESS_REPLY),
    ] {
        let mut wire = Wire::new(Script::new(std::iter::repeat(block)));
        let why = in_words(&Reply::read(&mut wire).unwrap_err());
        assert_eq!(why, "a reply longer than any real one");
        let read = wire.stream().octets_read();
        assert!(read < most + 200_000, "{read} octets");
    }
}

/// RFC 5321 §4.3.2: a client must work with codes it has never heard of.
#[test]
fn a_code_is_judged_by_its_first_digit() {
    for code in 200..600 {
        let severity = [
            Severity::Done,
            Severity::GoOn,
            Severity::TryLater,
            Severity::Refused,
        ];
        let expected = severity[code as usize / 100 - 2];
        let reply = read(format!("{code} x\r\n")).unwrap();
        assert_eq!((reply.code(), reply.severity()), (code, expected));
        assert_eq!(Reply::new(code, "x"), reply);
    }
}

#[test]
fn a_reply_is_written_as_it_will_be_read() {
    for (text, wire) in [
        ("ok", "250 ok\r\n"),
        ("", "250 \r\n"),
        ("a\nb", "250-a\r\n250 b\r\n"),
        ("a\r\nb\r\n", "250-a\r\n250 b\r\n"),
        ("\n\n", "250-\r\n250 \r\n"),
        ("a\n\nb", "250-a\r\n250-\r\n250 b\r\n"),
        ("a\tb", "250 a\tb\r\n"),
        ("a\rb", "250 a\\rb\r\n"),
        ("a\0\x1b\x7f", "250 a\\u{0}\\u{1b}\\u{7f}\r\n"),
        (
            "gr\u{fc}n\u{2028}\u{85}",
            "250 gr\\u{fc}n\\u{2028}\\u{85}\r\n",
        ),
    ] {
        let reply = Reply::new(250, text);
        assert_eq!(written(&reply), wire, "{text:?}");
        assert_eq!(read(wire).unwrap(), reply);
    }
}

#[test]
fn a_reply_cannot_be_made_that_is_none() {
    for code in [0, 1, 99, 100, 199, 600, 1000, u16::MAX] {
        assert_eq!(Reply::new(code, "x").code(), 554, "{code}");
    }
    let room = REPLY_LINE - "250 \r\n".len();
    for length in [room - 1, room, room + 1, 10_000] {
        for character in ["x", "\u{fc}"] {
            let reply = Reply::new(250, &character.repeat(length));
            assert!(written(&reply).len() <= REPLY_LINE);
            assert_eq!(read(written(&reply)).unwrap(), reply);
        }
        assert_eq!(
            Reply::new(250, &"x".repeat(length)).text()[0].len(),
            length.min(room)
        );
    }
    for lines in [REPLY_LINES - 1, REPLY_LINES, REPLY_LINES + 1] {
        let reply = Reply::new(250, &"x\n".repeat(lines));
        assert_eq!(reply.text().len(), lines.min(REPLY_LINES));
        assert_eq!(read(written(&reply)).unwrap(), reply);
    }
}

#[test]
fn for_people_a_reply_is_one_line() {
    assert_eq!(
        Reply::new(550, "no such user\ntry VRFY").to_string(),
        "550 no such user; try VRFY"
    );
    let errors = ["", "x\r\n", "250-a\r\n551 b\r\n", &"x".repeat(ENDLESS_LINE)];
    for error in errors.map(why_not) {
        assert!(
            error.len() > 20 && !error.contains(['\r', '\n']),
            "{error:?}"
        );
    }
}
