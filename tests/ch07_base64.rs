//! Chapter 7: base64 both ways, strict where it proves who is calling, credentials that do not
//! leak, and a mask that hides them from a trace.

#[allow(dead_code)]
mod common {
    pub mod script;
}

use common::script::{Dice, Notes, Script, strings};
use smtp_primer::protocol::base64::{decode, decode_loosely, encode};
use smtp_primer::protocol::dot::{end_text, read_text, write_text_line};
use smtp_primer::protocol::line::{Trace, Wire};
use smtp_primer::protocol::mask::PasswordMask;
use smtp_primer::protocol::sasl::{Credentials, LOGIN_CHALLENGES};

const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn credentials(user: &str, password: &str) -> Credentials {
    Credentials {
        user: user.to_string(),
        password: password.to_string(),
    }
}

/// A message of PLAIN with these parts.
fn plain(parts: &[&str]) -> Option<(String, Credentials)> {
    Credentials::from_plain(&encode(parts.join("\0").as_bytes()))
}

/// The vectors of RFC 4648 §10, and some from RFC 4616 and RFC 4954.
#[test]
fn known_texts_are_written_and_read_as_everybody_does() {
    let octets: Vec<u8> = (0..=255).collect();
    let all = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+\
        P0BBQkNERUZHSElKS0xNTk9QUVJTVFVWV1hZWltcXV5fYGFiY2RlZmdoaWprbG1ub3BxcnN0dXZ3eHl6e3x9\
        fn+AgYKDhIWGh4iJiouMjY6PkJGSk5SVlpeYmZqbnJ2en6ChoqOkpaanqKmqq6ytrq+wsbKztLW2t7i5uru8\
        vb6/wMHCw8TFxsfIycrLzM3Oz9DR0tPU1dbX2Nna29zd3t/g4eLj5OXm5+jp6uvs7e7v8PHy8/T19vf4+fr7\
        /P3+/w==";
    for (octets, text) in [
        (&b""[..], ""),
        (b"f", "Zg=="),
        (b"fo", "Zm8="),
        (b"foo", "Zm9v"),
        (b"foob", "Zm9vYg=="),
        (b"fooba", "Zm9vYmE="),
        (b"foobar", "Zm9vYmFy"),
        (b"\0\0\0", "AAAA"),
        (b"\xff\xff\xff", "////"),
        (b"\xfb\xef\xbe", "++++"),
        (b"Username:", "VXNlcm5hbWU6"),
        (b"Password:", "UGFzc3dvcmQ6"),
        (b"test\0test\x001234", "dGVzdAB0ZXN0ADEyMzQ="),
        (&octets, all),
    ] {
        assert_eq!(encode(octets), text);
        assert_eq!(decode(text).as_deref(), Some(octets), "{text}");
        assert_eq!(decode_loosely(text.as_bytes()), octets, "{text}");
    }
    assert_eq!(LOGIN_CHALLENGES, ["Username:", "Password:"]);
}

#[test]
fn octets_of_every_length_survive_the_way_there_and_back() {
    let mut dice = Dice::new(7);
    for length in 0..300_usize {
        let octets: Vec<u8> = (0..length).map(|_| dice.below(256) as u8).collect();
        let text = encode(&octets);
        assert_eq!(text.len(), length.div_ceil(3) * 4);
        assert!(
            text.trim_end_matches('=')
                .chars()
                .all(|character| ALPHABET.contains(character))
        );
        assert_eq!(decode(&text), Some(octets.clone()));
        assert_eq!(decode_loosely(text.as_bytes()), octets);
    }
    for number in 0..=u16::MAX {
        let octets = number.to_be_bytes();
        assert_eq!(decode(&encode(&octets)).as_deref(), Some(&octets[..]));
    }
}

/// The rule in other words: characters are six digits each, and what is over a whole octet is zero.
fn decode_by_digits(text: &str) -> Option<Vec<u8>> {
    let characters = text
        .strip_suffix("==")
        .or(text.strip_suffix('='))
        .unwrap_or(text);
    let digits = characters
        .chars()
        .map(|character| Some(format!("{:06b}", ALPHABET.find(character)?)));
    let digits = digits.collect::<Option<String>>()?;
    let (whole, over) = digits.split_at(digits.len() / 8 * 8);
    let good = text.len().is_multiple_of(4) && text.len() - characters.len() == over.len() / 2;
    let octet = |at: usize| u8::from_str_radix(&whole[at..at + 8], 2).unwrap();
    let octets = (0..whole.len()).step_by(8).map(octet).collect();
    (good && !over.contains('1')).then_some(octets)
}

#[test]
fn one_value_has_one_spelling() {
    for bad in [
        "=",
        "==",
        "===",
        "====",
        "A",
        "AA",
        "AAA",
        "AAAAA",
        "A=",
        "A==",
        "A===",
        "AA=",
        "AAA==",
        "AA=A",
        "=AAA",
        "AA==AAAA",
        "AAAA=",
        "AAAA==",
        "AAAA====",
        "AB==",
        "AAB=",
        "Zh==",
        "Zm9=",
        "AA= ",
        "AA==\n",
        "AA\n==",
        " AAAA",
        "AAAA ",
        "AAA\0",
        "AAA-",
        "AAA_",
        "AA*A",
        "\u{c4}AA",
        "AA\u{e9}",
        "\u{ff1d}A",
        "*",
        "Zm9v\r\nZm9v",
    ] {
        assert_eq!(decode(bad), None, "{bad:?}");
    }
    let alphabet: [&[u8]; 9] = [b"A", b"B", b"Q", b"g", b"w", b"/", b"=", b"\n", b"-"];
    for text in strings(&alphabet, 5) {
        let text = String::from_utf8(text).unwrap();
        assert_eq!(decode(&text), decode_by_digits(&text), "{text:?}");
    }
}

/// RFC 2045 §6.8: line ends and whatever else is not in the alphabet is passed over.
#[test]
fn in_letters_of_other_people_base64_is_read_loosely() {
    for (text, octets) in [
        (&b"Zm9v\r\nYmFy\r\n"[..], &b"foobar"[..]),
        (b" Z m\t9 v\0", b"foo"),
        (b"Zm9v*!-_\xff\xc3", b"foo"),
        (b"Zm8=", b"fo"),
        (b"Zm8", b"fo"),
        (b"Zm9", b"fo"),
        (b"Zg", b"f"),
        (b"Z", b""),
        (b"Zm8=Zm9v", b"fo"),
        (b"=Zm9v", b""),
        (b"", b""),
        (b"\xff\xfe\0", b""),
    ] {
        assert_eq!(decode_loosely(text), octets, "{text:?}");
    }
}

#[test]
fn credentials_survive_the_way_as_a_message_of_plain() {
    let message = credentials("tim", "tanstaaftanstaaf").to_plain();
    assert_eq!(message, "AHRpbQB0YW5zdGFhZnRhbnN0YWFm");
    for (user, password) in [
        ("alice", "wonderland"),
        ("a", "b"),
        (" alice ", " \t\r\n=,"),
        ("gr\u{fc}n", "\u{90ae}\u{1f4ee}"),
    ] {
        let credentials = credentials(user, password);
        assert_eq!(
            Credentials::from_plain(&credentials.to_plain()),
            Some((String::new(), credentials))
        );
    }
    for length in [1, 254, 255, 256] {
        let long = "x".repeat(length);
        assert_eq!(
            credentials(&long, "p").to_plain(),
            encode(format!("\0{long}\0p").as_bytes())
        );
        assert_eq!(plain(&["", &long, "p"]).is_some(), length < 256, "{length}");
        assert_eq!(plain(&["", "u", &long]).is_some(), length < 256, "{length}");
    }
}

#[test]
fn whom_a_caller_wants_to_act_for_is_told_beside_who_it_is() {
    for acting_for in ["", "alice", "bob", "Alice", "alice ", "root", " "] {
        let alice = credentials("alice", "wonderland");
        assert_eq!(
            plain(&[acting_for, "alice", "wonderland"]),
            Some((acting_for.to_string(), alice))
        );
    }
}

/// go-smtp #43, imail #131, gen_smtp #84, SmtpServer #272: junk after AUTH crashed.
#[test]
fn a_message_of_plain_has_three_parts_and_two_are_not_empty() {
    let bad: [&[&str]; 10] = [
        &[],
        &["alice"],
        &["alice", "x"],
        &["", "alice"],
        &["", "", ""],
        &["", "", "x"],
        &["", "alice", ""],
        &["alice", "", "x"],
        &["", "alice", "x", ""],
        &["", "alice", "x", "y"],
    ];
    for parts in bad {
        assert_eq!(plain(parts), None, "{parts:?}");
    }
    for text in [
        "=",
        "*",
        "AGFsaWNlAHg",
        "AGFsaWNlAHg==",
        "alice",
        "\u{e9}",
        "AGFs aWNlAHg=",
    ] {
        assert_eq!(Credentials::from_plain(text), None, "{text:?}");
    }
    let not_utf8 = encode(b"\0alice\0\xff");
    assert_eq!(Credentials::from_plain(&not_utf8), None);
}

#[test]
fn only_the_password_itself_proves_who_is_calling() {
    let alice = credentials("alice", "wonderland");
    assert!(alice.has_password("wonderland"));
    for wrong in [
        "",
        "w",
        "wonderlan",
        "wonderlandd",
        "wonderland ",
        "Wonderland",
        "xonderland",
        "wonderlane",
        "wonderland\0",
        "wonderlandwonderland",
        "\0\0\0\0\0\0\0\0\0\0",
    ] {
        assert!(!alice.has_password(wrong), "{wrong:?}");
    }
    assert!(credentials("u", "gr\u{fc}n").has_password("gr\u{fc}n"));
    assert!(!credentials("u", "gr\u{fc}n").has_password("gru\u{308}n"));
}

/// aiosmtpd #233, chrj/smtpd #38: passwords in the log.
#[test]
fn a_password_is_not_shown_to_whoever_debugs() {
    let alice = credentials("alice", "wonderland");
    for shown in [
        format!("{alice:?}"),
        format!("{alice:#?}"),
        format!("{:?}", Some(&alice)),
    ] {
        assert!(
            shown.contains("alice") && !shown.contains("wonder"),
            "{shown}"
        );
    }
}

/// What the mask makes of a conversation. Each line has its CR LF, or what it ends with.
fn masked(lines: &[&str]) -> String {
    let notes = Notes::default();
    let trace = Trace::of_server(Box::new(notes.clone()));
    let mut trace = trace.with_mask(PasswordMask::default());
    for line in lines {
        let (who, line) = line.split_at(3);
        match who {
            "S: " => trace.said(line.as_bytes()),
            _ => trace.heard(line.as_bytes()),
        }
    }
    notes.text()
}

/// aiosmtpd #233, chrj/smtpd #38, go-mail #338: passwords stood in the log.
#[test]
fn the_trace_never_shows_a_password() {
    let cases = [
        ("AUTH PLAIN s3cret", "AUTH PLAIN ********"),
        ("auth login s3cret", "auth login ********"),
        ("AUTH PLAIN s3cret s3cret", "AUTH PLAIN ********"),
        ("AUTH  PLAIN s3cret", "AUTH  PLAIN ********"),
        ("AUTH\tPLAIN s3cret", "AUTH\\x09PLAIN ********"),
        ("AUTH PLAIN\ts3cret", "AUTH PLAIN\\x09********"),
        (" AUTH PLAIN s3cret", " AUTH PLAIN ********"),
        ("PASS s3cret", "PASS ********"),
        ("pass s3cret with spaces", "pass ********"),
        ("PASS  s3cret", "PASS ********"),
        ("PASS\ts3cret", "PASS\\x09********"),
        ("\t PASS s3cret", "\\x09 PASS ********"),
        ("\0PASS s3cret", "\\x00PASS ********"),
        ("PASS\0s3cret", "PASS\\x00********"),
        ("NOOP\rPASS s3cret\rQUIT", "NOOP\\rPASS ********"),
        ("AUTH LOGIN\r\0s3cret", "AUTH LOGIN\\r********"),
        ("AUTH PLAIN", "AUTH PLAIN"),
        ("AUTH ", "AUTH "),
        ("AUTH", "AUTH"),
        ("PASS", "PASS"),
        ("PASSED the test", "PASSED the test"),
        ("", ""),
    ];
    for (line, shown) in cases {
        for (end, mark) in [("\r\n", ""), ("\n", "\\n\\"), ("", "\\")] {
            let shown = match shown {
                _ if shown.ends_with('*') => format!("C: {shown}\n"),
                "" if end.is_empty() => String::new(),
                _ => format!("C: {shown}{mark}\n"),
            };
            assert_eq!(
                masked(&[&format!("C: {line}{end}")]),
                shown,
                "{line:?}{end:?}"
            );
        }
    }
    let long = format!("C: AUTH PLAIN {}", "s3cret".repeat(20_000));
    assert_eq!(masked(&[&long]), "C: AUTH PLAIN ********\n");
}

#[test]
fn the_answer_to_a_question_is_hidden_whatever_it_looks_like() {
    for answer in ["s3cret", "*", "QUIT", "NOOP s3cret", "\0", " "] {
        for end in ["\r\n", "\n", ""] {
            let (question, answer) = ("S: 334 VXNlcm5hbWU6\r\n", format!("C: {answer}{end}"));
            let lines = [question, &answer, "S: 250 OK\r\n", "C: QUIT\r\n"];
            let shown = "S: 334 VXNlcm5hbWU6\nC: ********\nS: 250 OK\nC: QUIT\n";
            assert_eq!(masked(&lines), shown);
        }
    }
    // No other code asks. A list of POP3 may hold such a line, but not as the last one.
    for replies in [
        &["S: 335 x\r\n"][..],
        &["S: 250-334\r\n"],
        &["S: 334 120\r\n", "S: .\r\n"],
    ] {
        let lines = [replies, &["C: swordfish\r\n"]].concat();
        assert!(masked(&lines).ends_with("C: swordfish\n"), "{replies:?}");
    }
}

/// A client that does not listen: it says AUTH, and its secrets whatever the answer is.
#[test]
fn after_auth_nothing_is_shown_that_is_not_a_command() {
    const USER: &str = "C: YWxpY2U=\r\n";
    const SHORT: &str = "C: eA==\r\n";
    for refusal in [
        "500 what",
        "502 not here",
        "503 EHLO first",
        "504 not LOGIN",
        "-ERR what",
    ] {
        let refusal = format!("S: {refusal}\r\n");
        let lines = [
            "C: AUTH LOGIN\r\n",
            &refusal,
            USER,
            &refusal,
            SHORT,
            &refusal,
        ];
        for (next, shown) in [
            ("C: mail FROM:<>\r\n", "C: mail FROM:<>\n"),
            ("C: NOOP\n", "C: NOOP\\n\\\n"),
            ("C: PASS s3cret\r\n", "C: PASS ********\n"),
        ] {
            let end = [next, "C: eA==\r\n"];
            let all = masked(&[&lines[..], &end].concat());
            assert_eq!(all.matches("C: ********\n").count(), 2, "{all}");
            assert!(all.ends_with(&format!("{shown}C: eA==\n")), "{all}");
        }
    }
    // AUTH alone is a question, and gives nothing away.
    assert!(masked(&["C: AUTH\r\n", "S: -ERR\r\n", "C: CAPA\r\n"]).contains("CAPA"));
    // After success there are no more secrets.
    let lines = ["C: AUTH PLAIN s3cret\r\n", "S: 235 yes\r\n", "C: XYZ\r\n"];
    assert!(masked(&lines).ends_with("C: XYZ\n"));
    // A client that does not wait, and the same again with a wrong password.
    for code in ["334 x", "535 no"] {
        let reply = format!("S: {code}\r\n");
        let lines = [
            "C: AUTH LOGIN\r\n",
            &reply,
            USER,
            &reply,
            SHORT,
            "S: 535 no\r\n",
            SHORT,
        ];
        assert_eq!(masked(&lines).matches("C: ********\n").count(), 3);
    }
}

#[test]
fn the_lines_of_a_text_are_not_masked_and_do_not_mask() {
    let notes = Notes::default();
    let trace = Trace::of_server(Box::new(notes.clone())).with_mask(PasswordMask::default());
    let mut wire = Wire::traced(Script::says("AUTH x\r\n334\r\n.\r\nhello\r\n"), Some(trace));
    let wait = std::time::Duration::from_secs(1);
    read_text(&mut wire, 100, wait).expect("a text");
    wire.read_line(512).expect("a line");
    for line in ["PASS me the salt", "334 12"] {
        write_text_line(&mut wire, line.as_bytes(), wait).expect("written");
    }
    end_text(&mut wire, wait).expect("written");
    let shown = "C: AUTH x\nC: 334\nC: .\nC: hello\nS: PASS me the salt\nS: 334 12\nS: .\n";
    assert_eq!(notes.text(), shown);
}
