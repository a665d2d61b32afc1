//! Chapter 6: replies of one line and of many, from good servers and from bad ones.

mod common;

use common::script::{Script, splits};
use smtp_primer::protocol::line::{Line, REPLY_LINE, Wire};
use smtp_primer::protocol::reply::{REPLY_LINES, Reply, ReplyError, ReplyLine, Severity};
use std::io::ErrorKind;

fn read(octets: impl AsRef<[u8]>) -> Result<Reply, ReplyError> {
    Reply::read(&mut Wire::new(Script::says(octets)))
}

fn written(reply: &Reply) -> String {
    let mut wire = Wire::new(Script::says(b""));
    reply.write(&mut wire).unwrap();
    wire.flush().unwrap();
    String::from_utf8(wire.stream().written()).unwrap()
}

#[test]
fn a_reply_is_read_to_its_last_line_and_no_further() {
    let cases: [(&str, u16, &[&str]); 9] = [
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
fn what_is_no_reply_is_told_from_one() {
    for line in [
        "",
        "2",
        "25",
        "25 ",
        "25-",
        "-",
        " ",
        " 250 ok",
        "2500",
        "2500 ok",
        "250ok",
        "250_ok",
        "250\tok",
        "25a ok",
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
        assert_eq!(ReplyLine::parse(line.as_bytes()), None, "{line:?}");
        assert!(
            matches!(read(format!("{line}\r\n")), Err(ReplyError::NoReply(_))),
            "{line:?}"
        );
        let second = read(format!("250-ok\r\n{line}\r\n250 ok\r\n"));
        assert!(matches!(second, Err(ReplyError::NoReply(_))), "{line:?}");
    }
    assert_eq!(ReplyLine::parse(b"25\xff ok"), None);
    let Err(ReplyError::NoReply(shown)) = read(b"\x1b]0;\x07\xff\r\n") else {
        panic!("no reply at all");
    };
    assert_eq!(shown, "\\x1b]0;\\x07\\xff", "it is fit to be shown");
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
        assert!(matches!(read(cut), Err(ReplyError::Closed)), "{cut:?}");
    }
    for mixed in [
        "250-a\r\n251 b\r\n",
        "250-a\r\n550 b\r\n",
        "250-a\r\n250-b\r\n354 c\r\n",
    ] {
        assert!(
            matches!(read(mixed), Err(ReplyError::TwoCodes)),
            "{mixed:?}"
        );
    }
    for bare in [
        "250 ok\n",
        "250 o\rk\r\n",
        "250-a\r\n250 b\n",
        "250 ok\r\r\n",
    ] {
        assert!(
            matches!(read(bare), Err(ReplyError::BareNewline)),
            "{bare:?}"
        );
    }
    let failing = Script::says(b"250-a\r\n").failing(ErrorKind::TimedOut);
    let error = Reply::read(&mut Wire::new(failing)).unwrap_err();
    assert!(matches!(&error, ReplyError::Io(error) if error.kind() == ErrorKind::TimedOut));
    assert_eq!(error.to_string(), "no answer came in time");
    let failing = Script::says(b"250-a\r\n").failing(ErrorKind::ConnectionReset);
    let error = Reply::read(&mut Wire::new(failing)).unwrap_err();
    assert!(
        error.to_string().starts_with("the connection failed: "),
        "{error}"
    );
}

#[test]
fn a_reply_is_bounded_in_the_length_of_its_lines_and_in_their_number() {
    assert_eq!((REPLY_LINE, REPLY_LINES), (512, 100)); // RFC 5321 §4.5.3.1.5, and our own
    for length in [REPLY_LINE - 1, REPLY_LINE, REPLY_LINE + 1] {
        let line = format!("250 {}\r\n", "x".repeat(length - 6));
        match read(&line) {
            Ok(reply) => assert!(length <= REPLY_LINE && written(&reply) == line),
            Err(error) => assert!(length > REPLY_LINE && matches!(error, ReplyError::TooLong)),
        }
    }
    for lines in [REPLY_LINES - 1, REPLY_LINES, REPLY_LINES + 1] {
        let reply = format!("{}250 x\r\n", "250-x\r\n".repeat(lines - 1));
        match read(reply) {
            Ok(reply) => assert!(lines <= REPLY_LINES && reply.text().len() == lines),
            Err(error) => assert!(lines > REPLY_LINES && matches!(error, ReplyError::TooLong)),
        }
    }
    for block in ["250-x\r\n".repeat(1000), "x".repeat(1000)] {
        let mut wire = Wire::new(Script::new(std::iter::repeat(block)));
        assert!(matches!(Reply::read(&mut wire), Err(ReplyError::TooLong)));
        assert!(
            wire.stream().octets_read() < 200_000,
            "an endless reply is given up"
        );
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
        for letter in ["x", "\u{fc}"] {
            let reply = Reply::new(250, &letter.repeat(length));
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
    let errors = [
        "",
        "x\r\n",
        "250-a\r\n251 b\r\n",
        "250 a\n",
        &"x".repeat(999),
    ];
    for error in errors.map(|octets| read(octets).unwrap_err().to_string()) {
        assert!(
            error.len() > 20 && !error.contains(['\r', '\n']),
            "{error:?}"
        );
    }
}
