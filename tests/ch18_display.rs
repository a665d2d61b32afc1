//! Chapter 18: what the reader of a letter sees, and what a hostile letter cannot do to the
//! terminal or to the program that shows it.

use smtp_primer::display::{
    COLUMNS, DEPTH, Header, INDENT, MARKS, PARTS, SHOWN_HEADER, SHOWN_NAME, SHOWN_TEXT,
    decode_body, decode_charset, decode_words, is_hidden, parts, present, printable,
};
use smtp_primer::message::{Clock, Draft, compose};
use smtp_primer::protocol::base64;

/// A letter of one part, with these fields in its header.
fn letter(fields: &str, body: &str) -> Vec<u8> {
    format!("Subject: x\r\n{fields}\r\n\r\n{body}").into_bytes()
}

/// A multipart entity: its header, and these parts between boundary lines.
fn multipart(kind: &str, boundary: &str, parts: &[&str]) -> String {
    let mut text = format!("Content-Type: multipart/{kind}; boundary=\"{boundary}\"\r\n\r\n");
    for part in parts {
        text += &format!("--{boundary}\r\n{part}\r\n");
    }
    text + &format!("--{boundary}--\r\n")
}

/// Where a page first holds something that could drive a terminal (C0, DEL, C1), or that hides text
/// or turns it around.
fn danger(page: &str) -> Option<char> {
    let drives = |c: &char| matches!(c, '\0'..='\x08' | '\x0b'..='\x1f' | '\x7f'..='\u{9f}');
    let hides = |c: &char| {
        let in_line = matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{feff}');
        in_line || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{e0041}')
    };
    page.chars().find(|c| drives(c) || hides(c))
}

#[test]
fn the_page_is_fields_text_and_a_list_of_the_rest() {
    let parts = [
        "\r\nHello\r\nBob\r\n",
        "Content-Type: image/png; name=a.png\r\nContent-Transfer-Encoding: base64\r\n\r\nAAEC\r\n",
    ];
    let letter = format!(
        "Return-Path: <a@a.example>\r\nReceived: from x by y\r\nSubject: Tea?\r\n\
         To: Bob <b@b.example>,\r\n \t  Carol <c@c.example>\r\nX-Mailer: none\r\n\
         CC: d@d.example\r\n\
         Reply-To: e@e.example\r\nFrom: a@a.example\r\nDate: today\r\n{}",
        multipart("mixed", "b", &parts)
    );
    let page = "Date: today\nFrom: a@a.example\nReply-To: e@e.example\n\
                To: Bob <b@b.example>, Carol <c@c.example>\nCc: d@d.example\nSubject: Tea?\n\n  \
                Hello\n  Bob\n\nOther parts:\n  1. image/png \"a.png\", 3 octets\n";
    assert_eq!(present(letter.as_bytes()), page);
    let unix = letter.replace("\r\n", "\n");
    assert_eq!(present(unix.as_bytes()), page, "lines that end in LF");
    let mixed = letter.replacen("\r\n", "\n", 9);
    assert_eq!(present(mixed.as_bytes()), page, "lines that end either way");
}

#[test]
fn unfolding_takes_out_the_line_end_and_nothing_else() {
    let (header, body) =
        Header::read(b"Subject: This\r\n  is\n\ta test\r\nsubject : too\r\n\r\nText\r\n");
    let subjects: Vec<&str> = header.all("SUBJECT").collect();
    assert_eq!(subjects, ["This  is\ta test", "too"]);
    assert_eq!(body, b"Text\r\n");
}

#[test]
fn the_body_begins_after_the_first_empty_line_or_with_the_first_line_that_is_not_a_field() {
    for (letter, expected) in [
        ("A: b\r\n\r\nC: d\r\n", "C: d\r\n"),
        ("A: b\r\nno field\r\nC: d\r\n", "no field\r\nC: d\r\n"),
        ("A: b\r\nno field: c\r\n", "no field: c\r\n"),
        (" A: b\r\n", " A: b\r\n"),
        (": b\r\n", ": b\r\n"),
        ("\r\nText", "Text"),
        ("A: b", ""),
        ("From a@b.example Thu Nov 19\nA: b\n\nText", "Text"),
        ("A: b\nFrom a@b.example", "From a@b.example"),
        ("From a\nFrom b\n", "From b\n"),
        ("\u{feff}A: b\n\nText", "Text"),
    ] {
        let (_, body) = Header::read(letter.as_bytes());
        assert_eq!(body, expected.as_bytes(), "{letter:?}");
    }
}

#[test]
fn a_letter_of_anything_gets_a_page() {
    let nothing = "(no date, no sender, no subject)\n\n(no text)\n";
    assert_eq!(present(b""), nothing);
    assert_eq!(present(b"\r\n\r\n"), nothing);
    let page = "(no date, no sender, no subject)\n\n  hello\n";
    assert_eq!(present(b"hello"), page);
    let page = "From: a\nFrom: b\nSubject: x\n\n(no text)\n";
    let letter = b"\xef\xbb\xbfFrom: a\nSubject: x\nFrom: b\n\n";
    assert_eq!(present(letter), page, "a byte order mark, and two senders");

    let all: Vec<u8> = (0..=255).collect();
    let page = present(&all);
    assert_eq!(danger(&page), None);
    for mark in [r"\x00", r"\x1b", r"\x7f", r"\x80", r"\xff"] {
        assert!(page.contains(mark), "{mark}");
    }
}

#[test]
fn parameters_are_tokens_or_quoted_strings() {
    for (field, expected) in [
        ("text/plain; charset=utf-8", "utf-8"),
        ("text/plain;format=flowed; CharSet = \"utf-8\"", "utf-8"),
        ("text/plain; charset=utf-8 (Plain text)", "utf-8"),
        ("text/plain; x=\"; charset=no\"; charset=utf-8", "utf-8"),
        ("text/plain; charset=\"a\\\"b;c\\\\\"", "a\"b;c\\"),
        ("text/plain; flowed; charset==_2", "=_2"),
        ("text/plain; charset=\"open", "open"),
        ("text/plain; name=a<b[c; charset=utf-8", "utf-8"),
        ("text/plain; xcharset=no", ""),
        ("text/plain", ""),
    ] {
        let field = format!("Content-Type: {field}\r\n\r\n");
        let (header, _) = Header::read(field.as_bytes());
        assert_eq!(header.parameter("content-type", "charset"), expected);
    }
}

#[test]
fn encoded_words_are_decoded_as_rfc_2047_shows() {
    for (value, expected) in [
        (
            "=?US-ASCII?Q?Keith_Moore?= <moore@x>",
            "Keith Moore <moore@x>",
        ),
        (
            "=?ISO-8859-1?q?Keld_J=F8rn?= <keld@x>",
            "Keld Jørn <keld@x>",
        ),
        ("=?iso-8859-1?B?SWYgeW91?= can", "If you can"),
        ("=?utf-8?b?R3LDvMOfZQ==?=", "Grüße"),
        // The table of section 8.
        ("(=?ISO-8859-1?Q?a?=)", "(a)"),
        ("(=?ISO-8859-1?Q?a?= b)", "(a b)"),
        ("(=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=)", "(ab)"),
        ("(=?ISO-8859-1?Q?a?=  \t =?ISO-8859-1?Q?b?=)", "(ab)"),
        ("(=?ISO-8859-1?Q?a_b?=)", "(a b)"),
        ("=?ISO-8859-1?Q?a?= =?utf-8?Q?_b?=", "a b"),
        // White space is dropped between encoded-words only.
        ("  =?utf-8?q?a?=", "  a"),
        ("x  =?utf-8?q?a?=  y  =?utf-8?q?b?=", "x  a  y  b"),
        // A character cut in two: é is C3 A9.
        ("=?utf-8?q?caf=C3?= =?UTF-8?q?=A9?=", "café"),
        ("=?utf-8?b?Y2Fmww==?= =?utf-8?b?qQ==?=", "café"),
        (
            "=?utf-8?q?caf=C3?= and =?utf-8?q?=A9?=",
            r"caf\xc3 and \xa9",
        ),
        // Not well formed, or unknown: it stays as it is.
        ("=?utf-8?x?a?=", "=?utf-8?x?a?="),
        ("=?utf-8?q?a b?=", "=?utf-8?q?a b?="),
        ("=?utf-8?q?a?", "=?utf-8?q?a?"),
        ("=?utf-8?q?a?b?=", "=?utf-8?q?a?b?="),
        ("=??q?a?=", "=??q?a?="),
        ("=?a=b?q?a?=", "=?a=b?q?a?="),
        ("=?utf-8?q?=C3=A9?= =?iso-8859-1?q?=E9?=", "éé"),
        ("=?=?utf-8?q?a?=", "=?a"),
        ("=?utf-8?q?1=2?=", "1=2"),
        // A charset that is not known is named.
        ("=?koi8-r?q?=C1bc?=", r"(koi8-r, not known here) \xc1bc"),
        ("", ""),
    ] {
        assert_eq!(decode_words(value), expected, "{value}");
    }
}

#[test]
fn quoted_printable_is_decoded_as_rfc_2045_says() {
    for (body, expected) in [
        ("a=3Db=3db", "a=b=b"),
        ("soft=\r\nbreak= \t\r\nends", "softbreakends"),
        ("added on the way  \t\r\nx", "added on the way\r\nx"),
        ("  kept=20\r\n", "  kept \r\n"),
        ("1=2 =G0 =", "1=2 =G0 "),
        ("lines\nof\nUnix\n", "lines\r\nof\r\nUnix\r\n"),
        ("=C3=A9=0D=0A", "é\r\n"),
        ("=4", "=4"),
    ] {
        let octets = decode_body("Quoted-Printable", body.as_bytes());
        assert_eq!(octets.as_deref(), Some(expected.as_bytes()), "{body:?}");
    }
}

#[test]
fn a_transfer_encoding_is_undone_or_is_not_known() {
    let base64 = decode_body("BASE64", b"SGVs\r\nbG8=\r\n");
    assert_eq!(base64.as_deref(), Some(&b"Hello"[..]));
    for plain in ["", "7bit", "8BIT", "binary"] {
        assert_eq!(decode_body(plain, b"=41").as_deref(), Some(&b"=41"[..]));
    }
    assert_eq!(decode_body("x-uuencode", b"abc"), None);
}

#[test]
fn an_unknown_charset_is_named_and_not_guessed() {
    assert_eq!(decode_charset("utf-8", b"\xc3\xa9").as_deref(), Ok("é"));
    assert_eq!(decode_charset("ISO-8859-1", b"\xe9").as_deref(), Ok("é"));
    assert_eq!(
        decode_charset("US-ASCII", b"e\xe9").as_deref(),
        Ok(r"e\xe9")
    );
    let unknown = decode_charset("iso-8859-2", "é\u{1b}".as_bytes());
    assert_eq!(unknown, Err("\\xc3\\xa9\u{1b}".to_string()));

    let page = present(&letter(
        "Content-Type: text/plain; charset=KOI8-R",
        "5 \u{c0}",
    ));
    let text = "\n(this text is in KOI8-R, which is not known here)\n\n  5 \\xc3\\x80\n";
    assert!(page.ends_with(text), "{page}");
}

#[test]
fn the_text_is_all_the_plain_text_that_is_not_an_attachment() {
    let html = "Content-Type: TEXT/HTML\r\n\r\n<p>hi</p>";
    let file = "Content-Type: text/plain\r\n\
                Content-Disposition: attachment; filename=\"=?utf-8?q?caf=C3=A9=2Etxt?=\"\r\n\r\nx";
    let inner = multipart("alternative", "b-2", &["\r\nfirst", html]);
    let outer = multipart("mixed", "b", &[&inner, "\r\nsecond", file]);
    let page = present(outer.as_bytes());
    let text = "\n\n  first\n\n  second\n\nOther parts:\n  1. text/html, 9 octets\n  \
                2. text/plain \"café.txt\", 1 octets\n";
    assert!(page.ends_with(text), "{page}");
}

#[test]
fn without_plain_text_the_source_of_the_best_part_is_shown_and_named() {
    let image = "Content-Type: image/png\r\n\r\nx";
    let html = "Content-Type: text/html\r\n\r\n<p>hi</p>";
    let report = "Content-Type: message/delivery-status\r\n\r\nAction: failed";
    for (parts, kind, text) in [
        (vec![image, report, html], "text/html", "<p>hi</p>"),
        (
            vec![image, report],
            "message/delivery-status",
            "Action: failed",
        ),
    ] {
        let page = present(multipart("mixed", "b", &parts).as_bytes());
        let expected = format!("\n(no plain text: this is the source of {kind})\n\n  {text}\n");
        assert!(page.contains(&expected), "{page}");
        assert!(page.contains("  1. image/png, 1 octets\n"), "{page}");
    }
}

#[test]
fn an_attachment_is_listed_and_never_shown() {
    for kind in ["text/plain", "text/html", "message/rfc822"] {
        let fields = format!("Content-Type: {kind}\r\nContent-Disposition: attachment");
        let expected = format!("(no text)\n\nOther parts:\n  1. {kind}, 4 octets\n");
        assert_eq!(shown(&fields, "A: b"), expected);
    }
}

#[test]
fn a_quote_in_a_name_does_not_end_it() {
    let field = r#"Content-Type: x/y; name="a\", 1 octets \"b""#;
    assert!(shown(field, "abc").ends_with(
        r#"  1. x/y "a\", 1 octets \"b", 3 octets
"#
    ));
}

#[test]
fn a_letter_in_a_letter_is_one_part_named_by_its_subject() {
    let inner = "Subject: =?utf-8?q?caf=C3=A9?=\r\n\r\nnot shown";
    let forwarded = format!("Content-Type: message/rfc822\r\n\r\n{inner}");
    let page = present(multipart("mixed", "b", &["\r\nshown", &forwarded]).as_bytes());
    let list = "\n  shown\n\nOther parts:\n  1. message/rfc822 \"café\", 43 octets\n";
    assert!(page.ends_with(list), "{page}");
}

#[test]
fn only_a_whole_boundary_line_parts_parts() {
    let body = "preamble\r\n--b\r\n\r\n--bc\r\n--b-\r\n --b\r\nx--b\r\n-b\r\n\
                --b \t\r\n\r\n2\r\n\r\n--b--\r\nepilogue\r\n--b\r\n\r\n3\r\n";
    let texts = |letter: &[u8]| -> Vec<String> {
        let texts = parts(letter).into_iter();
        texts
            .map(|part| String::from_utf8(part.octets).expect("what we wrote"))
            .collect()
    };
    let header = "Content-Type: multipart/x; boundary=b";
    let found = texts(&letter(header, body));
    assert_eq!(found, ["--bc\r\n--b-\r\n --b\r\nx--b\r\n-b", "2\r\n"]);

    // An outer boundary ends an inner multipart (RFC 2046 §5.1.2), a cut ends the last part.
    let inner = "--b\r\nContent-Type: multipart/x; boundary=c\r\n\r\n--c\r\n\r\n1\r\n--b\r\n\r\n2";
    assert_eq!(texts(&letter(header, inner)), ["1", "2"]);

    // Without a boundary, we show the body as it is.
    for header in ["boundary=none", "boundary=\"\"", "x"] {
        let header = format!("Content-Type: multipart/mixed; {header}");
        let body = "--b\r\nx\r\n-- \r\nBob";
        let letter = letter(&header, body);
        assert_eq!(texts(&letter), [body], "{header}");
        assert!(
            present(&letter).ends_with("\n\n  --b\n  x\n  --\n  Bob\n"),
            "{header}"
        );
    }
}

#[test]
fn nothing_in_a_letter_can_drive_the_terminal() {
    // pm-cli #7, GHSA-4225-c933-76f3, posthorn #52: title, clipboard and answer-back by ESC, C1
    // and DEL; text turned around or hidden by bidirectional and zero-width characters.
    let hostile = "\x1b]0;t\x07 \x1b[6n \r \0 \x08 \x0b \x0c \x7f \u{80} \u{9b}6n \u{9f} \u{85} \
                   \u{202e}gpj.exe \u{2066} \u{200b} \u{200e} \u{61c} \u{feff} \u{2028} \u{e0041}";
    let hex: String = hostile
        .bytes()
        .map(|octet| format!("={octet:02X}"))
        .collect();
    let b64 = base64::encode(hostile.as_bytes());
    let latin1 = "=1B]0;t=07 =80 =9B6n =9F";
    let mut letters = Vec::new();
    for value in [
        hostile,
        &format!("=?utf-8?q?{hex}?="),
        &format!("=?utf-8?b?{b64}?="),
        &format!("=?iso-8859-1?q?{}?=", latin1.replace(' ', "_")),
        &format!("=?x{hostile}?q?a?="),
        &format!("=?x\x1b?q?{hex}?="),
    ] {
        for field in [
            "Subject: ",
            "From: ",
            "Content-Type: text/",
            "Content-Type: x/y; name=",
        ] {
            letters.push(format!("{field}{value}\n\ntext"));
        }
        let name = format!("Content-Disposition: attachment; filename=\"{value}\"\n\ntext");
        letters.push(name);
        letters.push(format!(
            "Content-Type: message/rfc822\n\nSubject: {value}\n\n"
        ));
        letters.push(format!(
            "Content-Type: text/plain; charset=\"{value}\"\n\ntext"
        ));
        letters.push(value.to_string());
    }
    for charset in ["utf-8", "us-ascii", "iso-8859-1", "unknown"] {
        for (encoding, text) in [
            ("8bit", hostile),
            ("base64", &b64),
            ("quoted-printable", &hex),
        ] {
            for kind in ["text/plain", "text/html", "message/x", "multipart/mixed"] {
                letters.push(format!(
                    "Content-Type: {kind}; charset={charset}\n\
                     Content-Transfer-Encoding: {encoding}\n\n{text}"
                ));
            }
        }
    }
    for letter in letters {
        let page = present(letter.as_bytes());
        assert_eq!(danger(&page), None, "{letter:?} became {page:?}");
    }
}

#[test]
fn what_is_hidden_becomes_a_visible_mark() {
    let page = present(b"Subject: =?utf-8?q?=1B]0;x=07?=\nFrom: a\xe2\x80\xaeb\n\n\tC:\\x\x9b\n");
    assert_eq!(
        page,
        "From: a\\xe2\\x80\\xaeb\nSubject: \\x1b]0;x\\x07\n\n  \tC:\\x\\x9b\n"
    );
}

#[test]
fn no_character_of_unicode_is_printable_if_it_is_hidden() {
    for c in '\0'..=char::MAX {
        let shown = printable(&c.to_string());
        let hidden = |c: char| is_hidden(c) && c != '\n' && c != '\t';
        assert!(!shown.contains(hidden), "{c:?} is shown as {shown:?}");
    }
    assert!(!is_hidden(' ') && !is_hidden('~') && !is_hidden('\u{e9}') && !is_hidden('\u{1f4ee}'));
}

/// Nobody but its owner knows what a character for private use looks like; in some fonts it is an
/// apple, in others a letter or a bracket.
#[test]
fn characters_for_private_use_become_marks() {
    assert_eq!(
        printable("a\u{f8ff}\u{10fffd}"),
        "a\\xef\\xa3\\xbf\\xf4\\x8f\\xbf\\xbd"
    );
    let edges = ['\u{e000}', '\u{f8ff}', '\u{f0000}', '\u{10ffff}'];
    assert!(edges.into_iter().all(is_hidden));
    assert!(!is_hidden('\u{d7ff}') && !is_hidden('\u{f900}') && !is_hidden('\u{effff}'));
}

#[test]
fn no_encoded_word_adds_a_line_to_the_page() {
    let word = "=?utf-8?q?x=0D=0AFrom:_boss=0A=0Atext?=";
    let fields = format!("To: {word}\r\nContent-Type: x/y; name=\"{word}\"");
    let page = present(&letter(&fields, ""));
    let forged = |line: &str| line.starts_with("From") || line.starts_with("text");
    assert!(!page.lines().any(forged), "{page}");
    assert!(page.contains("To: x\\r\\nFrom: boss\\n\\ntext\n"), "{page}");
}

#[test]
fn multiparts_are_opened_to_a_limit() {
    for (depth, opened) in [(DEPTH - 1, true), (DEPTH, true), (DEPTH + 1, false)] {
        let mut entity = "\r\ninmost".to_string();
        for level in 0..depth {
            entity = multipart("mixed", &format!("b{level}."), &[&entity]);
        }
        let page = present(entity.as_bytes());
        assert_eq!(page.contains("\n\n  inmost\n"), opened, "{depth}: {page}");
        let is_listed = page.contains("  1. multipart/mixed, ");
        assert_eq!(is_listed, !opened, "{depth}: {page}");
    }
}

#[test]
fn parts_are_listed_to_a_limit() {
    for (count, listed) in [(PARTS - 1, PARTS - 1), (PARTS, PARTS), (PARTS + 1, PARTS)] {
        let entity = multipart("mixed", "b", &vec!["Content-Type: x/y\r\n\r\n"; count]);
        let page = present(entity.as_bytes());
        assert_eq!(page.matches("x/y").count(), listed);
        let note = format!("(no more than {PARTS} parts are shown)\n");
        assert_eq!(page.ends_with(&note), listed == PARTS, "{count}");
    }
}

#[test]
fn a_letter_made_to_exhaust_us_gets_a_short_page_soon() {
    // Email-MIME #66, php mailparse #59, email-parser #10, CVE-2025-14874 in nodemailer: each of
    // these took a stack, or time that grows with the square. Here that would be hours.
    // Also mini-redis frame.rs:105.
    let n = 100_000;
    let deep: String = (0..10_000)
        .map(|level| format!("Content-Type: multipart/mixed; boundary=b{level}\n\n--b{level}\n"))
        .collect();
    let same = "Content-Type: multipart/mixed; boundary=b\n\n--b\n".repeat(10_000);
    let wide = format!(
        "Content-Type: multipart/x; boundary=b\n\n{}",
        "--b\nContent-Type: image/x\n\n".repeat(n)
    );
    let comments = format!("{}{}", "(".repeat(n), ")".repeat(n));
    for (what, letter) in [
        ("deep", deep),
        ("same boundary", same),
        ("wide", wide),
        (
            "comments",
            format!("Content-Type: {comments}text/plain{comments}\n\nx"),
        ),
        (
            "parameters",
            format!("Content-Type: text/x; {}\n\nx", "a=\"b\";".repeat(n)),
        ),
        ("fields", format!("{}\nx", "Content-Type: (\n".repeat(n))),
    ] {
        let page = present(letter.as_bytes());
        assert!(page.len() < 10_000, "{what}: {} octets", page.len());
    }
    for value in [
        comments,
        "=?".repeat(n),
        "=?a?q?".repeat(n),
        "=?utf-8?q?a?= ".repeat(n),
        "=?a?b?YQ==?==?c?q?".repeat(n),
        "a\n ".repeat(n),
    ] {
        let letter = format!("From: {value}\n\nx");
        let page = present(letter.as_bytes());
        assert!(page.len() < 5 * letter.len(), "{} octets", page.len());
    }
}

#[test]
fn a_letter_cut_anywhere_gets_a_page() {
    let part = "Content-Type: text/plain; charset=\"utf-8\"\r\n\
                Content-Transfer-Encoding: quoted-printable\r\n\r\nGr=C3=BC=C3=9Fe=\r\n!\r\n";
    let subject = "Subject: =?utf-8?b?R3LDvMOfZQ==?= =?iso-8859-1?q?=FC?=\r\n";
    let letter = subject.to_string() + &multipart("mixed", "b", &[part, "\r\n\u{fc}"]);
    for at in 0..letter.len() {
        let cut = letter.as_bytes().get(..at).expect("inside the letter");
        let page = present(cut);
        assert!(page.ends_with('\n'), "cut at {at}: {page:?}");
        assert_eq!(danger(&page), None, "cut at {at}");
    }
}

/// What is shown of a letter with this text, without its fields.
fn shown(fields: &str, body: impl AsRef<[u8]>) -> String {
    let fields = if fields.is_empty() { "X: y" } else { fields };
    let letter = [&letter(fields, "")[..], body.as_ref()].concat();
    let page = present(&letter);
    let (_, text) = page.split_once("\n\n").expect("an empty line");
    text.to_string()
}

#[test]
fn a_parameter_may_come_in_sections_and_in_a_charset() {
    for (parameters, expected) in [
        ("name*=UTF-8''gr%C3%B6%C3%9Fe.pdf", "größe.pdf"),
        ("name*=iso-8859-1'de'gr%F6%DFe", "größe"),
        ("NAME*=utf-8''a%20b%27c'd", "a b'c'd"),
        ("name*=\"utf-8''a%3Bb\"", "a;b"),
        ("name*=a%20b.pdf", "a b.pdf"),
        ("name*=utf-8''100%.pdf", "100%.pdf"),
        ("name*=koi8-r''%C1b", r"(koi8-r, not known here) \xc1b"),
        ("name*0=\"a\"; name*1=\"b.pdf\"", "ab.pdf"),
        ("name*1=b; name*2=c; name*0=a", "abc"),
        (
            "name*0*=utf-8'fr'caf%C3; name*1*=%A9; name*2=\"%20.txt\"",
            "café%20.txt",
        ),
        ("name*1*=%20b; name*0=a", "a b"),
        (
            "name*10=k; name*9=j; name*8=i; name*7=h; name*6=g; name*5=f; name*4=e; \
          name*3=d; name*2=c; name*1=b; name*0=a",
            "abcdefghijk",
        ),
        // Which one counts, if there are several.
        ("name=old; name*=utf-8''n%C3%A9w", "néw"),
        ("name*=utf-8''n%C3%A9w; name=old", "néw"),
        ("name=old; name*0=n; name*1=ew", "new"),
        ("name*0=x; name*=utf-8''new", "new"),
        ("name=one; name=two", "one"),
        // A backslash means something in quotes and in comments only.
        ("name=C:\\(x)b", "C:\\b"),
        ("name=\"C:\\(x)b\"", "C:(x)b"),
        ("name*0=a; name*0=b", "a"),
        ("name*=utf-8''a; name*=utf-8''b", "a"),
        ("name*0*=utf-8''a; name*1*=b'c'd", "ab'c'd"),
        ("name*=; name=old", "old"),
        // Behind a missing section nothing is sure, and these are no sections.
        ("name*0=a; name*2=c", "a"),
        ("name*1=b; name=old", "old"),
        ("name*00=a; name*01=b", ""),
        (
            "name*0=a; name*01=b; name*+1=c; name*1**=d; name*1x=e; name**1=f",
            "a",
        ),
        (
            "name*0=a; name*4294967296=b; name*99999999999999999999=c; name*-1=d",
            "a",
        ),
    ] {
        let field = format!("Content-Type: x/y; {parameters}\r\n\r\n");
        let (header, _) = Header::read(field.as_bytes());
        assert_eq!(
            header.parameter("Content-Type", "name"),
            expected,
            "{parameters}"
        );
    }
    // Wherever a parameter is.
    let name = "Content-Type: x/y\r\nContent-Disposition: attachment;\r\n \
                filename*0*=UTF-8''%E2%82%AC;\r\n filename*1=\".p=?utf-8?q?d?=f\"";
    assert_eq!(parts(&letter(name, "1"))[0].name, "€.p=?utf-8?q?d?=f");
    assert!(shown(name, "1").ends_with("  1. x/y \"€.pdf\", 1 octets\n"));
    let charset = "Content-Type: text/plain; charset*0=iso-; charset*1=8859-1";
    assert_eq!(shown(charset, b"\xe9"), "  é\n");
    let boundary = "Content-Type: multipart/mixed; boundary*0=\"a \"; boundary*1*=%62";
    assert_eq!(shown(boundary, "--a b\n\n1\n--a b--\n"), "  1\n");
}

#[test]
fn an_encoded_word_may_name_its_language() {
    for (value, expected) in [
        ("=?utf-8*en?Q?Zo=C3=AB?=", "Zoë"),
        ("=?US-ASCII*en-us?q?a?= =?us-ascii*de?q?b?=", "ab"),
        ("=?ISO-8859-1*?B?6Q==?=", "é"),
        ("=?utf-8*fr?q?caf=C3?= =?UTF-8?q?=A9?=", "café"),
        ("=?koi8-r*ru?q?a?=", "(koi8-r, not known here) a"),
        ("=?*en?q?a?=", "=?*en?q?a?="),
    ] {
        assert_eq!(decode_words(value), expected, "{value}");
    }
}

#[test]
fn a_charset_is_known_by_all_its_names() {
    for name in [
        "ISO_8859-1:1987",
        "iso-ir-100",
        "ISO_8859-1",
        "iso8859-1",
        "latin1",
        "Latin-1",
        " latin1 ",
        "'l1'",
        "IBM819",
        "CP819",
        "csISOLatin1",
    ] {
        assert_eq!(decode_charset(name, b"\xe9").as_deref(), Ok("é"), "{name}");
    }
    for name in [
        "utf8",
        "UTF_8",
        "csUTF8",
        "ascii",
        "us",
        "ANSI_X3.4-1968",
        "ANSI_X3.4-1986",
        "iso-ir-6",
        "ISO_646.irv:1991",
        "ISO646-US",
        "IBM367",
        "cp367",
        "csASCII",
    ] {
        assert_eq!(
            decode_charset(name, "é".as_bytes()).as_deref(),
            Ok("é"),
            "{name}"
        );
    }
    for name in [
        "iso-8859-11",
        "iso-8859-16",
        "latin2",
        "utf-7",
        "utf-16",
        "windows-1258",
        "ebcdic-us",
    ] {
        assert!(decode_charset(name, b"a").is_err(), "{name}");
    }
    assert_eq!(
        shown("Content-Type: text/plain; charset = \" Latin1 \"", b"\xe9"),
        "  é\n"
    );
}

#[test]
fn a_blank_text_is_no_text_if_there_is_something_to_read() {
    let html = "Content-Type: text/html\r\n\r\n<p>hi</p>";
    let report = "Content-Type: message/delivery-status\r\n\r\nAction: failed";
    let blanks = [
        "",
        " ",
        "\r\n\t\r\n",
        "\u{a0}",
        "\u{feff}",
        "\u{200b}\u{200d}",
        "\u{3000}\u{2003}",
        "\u{3164}\u{2800}",
        "\u{34f}\u{ad}\r\n",
    ];
    for blank in blanks {
        for (other, kind, text) in [
            (html, "text/html", "<p>hi</p>"),
            (report, "message/delivery-status", "Action: failed"),
        ] {
            let plain = format!("Content-Type: text/plain; charset=utf-8\r\n\r\n{blank}");
            let page = present(multipart("alternative", "b", &[&plain, other]).as_bytes());
            let source = format!("\n(no plain text: this is the source of {kind})\n\n  {text}\n");
            assert!(page.ends_with(&source), "{blank:?}: {page}");
        }
    }
    let latin1 = "Content-Type: text/plain; charset=latin1\r\nContent-Transfer-Encoding: \
                  quoted-printable\r\n\r\n=A0=20";
    let page = present(multipart("alternative", "b", &[latin1, html]).as_bytes());
    assert!(page.ends_with("text/html)\n\n  <p>hi</p>\n"), "{page}");
    // Blank HTML does not help either, and a control character can be seen.
    let empty = "Content-Type: text/html\r\n\r\n \r\n";
    let page = present(multipart("alternative", "b", &["\r\n\r\n", empty]).as_bytes());
    assert!(
        page.contains("\n(no text)\n\nOther parts:\n  1. text/html, "),
        "{page}"
    );
    let page = present(multipart("alternative", "b", &["\r\n\x1b", html]).as_bytes());
    assert!(page.contains("\n\n  \\x1b\n"), "{page}");
}

#[test]
fn a_transfer_encoding_is_understood_however_it_is_spelled() {
    for (encoding, body) in [
        ("7-bit", "=41"),
        ("7 bit", "=41"),
        ("8-bit", "=41"),
        ("8bits", "=41"),
        ("x-8bit", "=41"),
        ("plain", "=41"),
        ("\"binary\"", "=41"),
        ("none", "=41"),
        ("8bit; x=y", "=41"),
        ("(a comment)", "=41"),
        ("8bit (really)", "=41"),
        ("\"quoted-printable\"", "=3D41"),
        ("QuotedPrintable", "=3D41"),
        ("quoted_printable;", "=3D41"),
        ("quoted-(b)printable", "=3D41"),
        ("base-64", "PTQx"),
        ("'base64'", "PTQx"),
        ("(mime) base64", "PTQx"),
        ("x-base64 (a (b) \\( c)", "PTQx"),
    ] {
        let field = format!("Content-Transfer-Encoding: {encoding}");
        assert_eq!(shown(&field, body), "  =41\n", "{encoding}");
    }
}

#[test]
fn a_text_in_an_unknown_encoding_is_shown_as_it_came() {
    for encoding in ["x-uuencode", "yenc", "7bit8bit", "quoted-printable base64"] {
        let cte = format!("Content-Transfer-Encoding: {encoding}");
        let note = format!("(this text is encoded in {encoding}, which is not known here)\n\n");
        assert_eq!(shown(&cte, "a=41\n"), note.clone() + "  a=41\n");
        let html = format!("Content-Type: text/html\r\n{cte}");
        assert!(shown(&html, "<p>").ends_with(&format!("{note}  <p>\n")));
        let image = format!("Content-Type: image/png\r\n{cte}");
        let list = "(no text)\n\nOther parts:\n  1. image/png, 3 octets\n";
        assert_eq!(shown(&image, "abc"), list);
    }
}

#[test]
fn comments_in_mime_fields_are_passed_over() {
    let kind = |value: &str| {
        let field = format!("Content-Type: {value}");
        let all = parts(&letter(&field, "--b\n\n1\n--b--\n--zzz\n\n2\n"));
        (
            all[0].kind.clone(),
            String::from_utf8(all[0].octets.clone()).expect("ASCII"),
        )
    };
    for value in [
        "(hello) text/html",
        "text/html (hello)",
        "text/(a)html",
        "text (a) / html",
        "(a)(b (c) d)text/html",
        "(a \\) b \\( \") text/html",
        "text/html(unclosed ; charset=x",
        "TEXT/HTML",
        "text/html x/y",
    ] {
        assert_eq!(kind(value).0, "text/html", "{value}");
    }
    for value in [
        "multipart/mixed (; boundary=zzz); boundary=b",
        "multipart/mixed; (boundary=zzz;) boundary=b",
        "multipart/mixed; boundary (zzz) = (zzz) b (zzz)",
        "multipart/mixed; x=\"(\"; boundary=b",
        "multipart/mixed; x=\"\\\"(\"; boundary=\"b\"; y=\")\"",
    ] {
        assert_eq!(
            kind(value),
            ("text/plain".to_string(), "1".to_string()),
            "{value}"
        );
    }
    // A type that is not well formed does not count (RFC 2045 §5.2).
    let long = "a".repeat(128);
    for value in [
        "(text/html)",
        "(text/html",
        "text",
        "text/",
        "/html",
        "te xt/html",
        "text/ht<ml",
        &long,
        &format!("{long}/html"),
        &format!("text/{long}"),
    ] {
        assert_eq!(kind(value).0, "text/plain", "{value}");
    }
    let longest = format!("{0}/{0}", "a".repeat(127));
    assert_eq!(kind(&longest).0, longest);
    for (value, attachment) in [
        ("(x) attachment", true),
        ("Attachment(x); filename=a", true),
        ("(attachment) inline", false),
    ] {
        let field = format!("Content-Disposition: {value}; filename=\"a (1).txt\" (b)");
        let all = parts(&letter(&field, ""));
        assert_eq!(all[0].is_attachment, attachment, "{value}");
        assert!(
            value.contains("filename") || all[0].name == "a (1).txt",
            "{}",
            all[0].name
        );
    }
}

#[test]
fn of_a_long_text_the_beginning_is_shown_and_what_is_left_out_is_counted() {
    for (length, left_out) in [
        (SHOWN_TEXT - 1, 0),
        (SHOWN_TEXT, 0),
        (SHOWN_TEXT + 1, 1),
        (2 * SHOWN_TEXT, SHOWN_TEXT),
    ] {
        for (encoding, sign) in [("8bit", "z"), ("quoted-printable", "=7A")] {
            let field = format!("Content-Transfer-Encoding: {encoding}");
            let page = shown(&field, sign.repeat(length));
            assert_eq!(page.matches('z').count(), length - left_out);
            let note = format!("\n({left_out} octets of the text are left out)\n");
            assert_eq!(page.ends_with(&note), left_out > 0, "{length}");
        }
    }
    // All texts share the room.
    let half = format!("\r\n{}", "z".repeat(SHOWN_TEXT / 2 + 1));
    let page = present(multipart("mixed", "b", &[&half, &half, &half]).as_bytes());
    assert_eq!(page.matches('z').count(), SHOWN_TEXT);
    assert!(page.ends_with(&format!(
        "\n({} octets of the text are left out)\n",
        SHOWN_TEXT / 2 + 3
    )));
    // What costs most: each octet becomes a mark.
    let page = shown(
        "Content-Type: text/plain; charset=latin1",
        b"\x9b".repeat(2 * SHOWN_TEXT),
    );
    assert!(page.len() < 9 * SHOWN_TEXT, "{}", page.len());
    // A text of blanks that nobody has seen to the end is not called blank.
    let page = shown("", " ".repeat(SHOWN_TEXT + 1));
    assert_eq!(page.trim(), "(1 octets of the text are left out)");
}

#[test]
fn of_a_long_header_the_beginning_is_kept_and_what_is_left_out_is_counted() {
    let whole = |length: usize| format!("Subject: {}", "x".repeat(length - "Subject: ".len()));
    let note = |octets: usize| format!("\n({octets} octets of the header are left out)\n");
    for (length, left_out) in [
        (SHOWN_HEADER - 1, 0),
        (SHOWN_HEADER, 0),
        (SHOWN_HEADER + 1, 1),
        (9 * SHOWN_HEADER, 8 * SHOWN_HEADER),
    ] {
        let page = present(format!("{}\n\ntext", whole(length)).as_bytes());
        assert_eq!(
            page.matches('x').count(),
            length - left_out - 9 + 1,
            "{length}"
        );
        assert_eq!(page.contains(&note(left_out)), left_out > 0, "{length}");
        assert!(page.ends_with("\n\n  text\n"));
    }
    let many = "From: a@a.example\n".repeat(SHOWN_HEADER);
    for rest in [
        "",
        " folded\n",
        "Subject: late\n",
        &format!("{}: z\n", "y".repeat(SHOWN_HEADER)),
    ] {
        let page = present(format!("{many}{rest}\ntext").as_bytes());
        assert!(page.len() < 2 * SHOWN_HEADER, "{}", page.len());
        assert!(
            page.contains("octets of the header are left out)\n\n  text\n"),
            "{rest:.20}"
        );
        assert!(!page.contains("late") && !page.contains("folded") && !page.contains('z'));
    }
    let word = format!(
        "Subject: {}\n\ntext",
        "=?latin1?q?=9b?= ".repeat(SHOWN_HEADER)
    );
    assert!(present(word.as_bytes()).len() < 4 * SHOWN_HEADER);
    // The name of a part is cut.
    for (length, cut) in [
        (SHOWN_NAME - 1, false),
        (SHOWN_NAME, false),
        (SHOWN_NAME + 1, true),
    ] {
        let name = "é".repeat(length);
        let field = format!(
            "Content-Type: x/y; name*=utf-8''{}",
            name.replace('é', "%C3%A9")
        );
        let page = shown(&field, "1");
        assert_eq!(page.matches('é').count(), length.min(SHOWN_NAME), "{page}");
        assert_eq!(page.contains("...\""), cut, "{page}");
    }
}

/// The lines that begin in the first column, without the notes and the fields of [`letter`].
fn first_column(page: &str) -> Vec<&str> {
    let ours =
        |line: &&str| !line.is_empty() && !line.starts_with([' ', '(']) && *line != "Other parts:";
    page.lines()
        .filter(ours)
        .filter(|line| !line.starts_with("Subject: x"))
        .collect()
}

#[test]
fn a_letter_cannot_draw_the_frame_around_itself() {
    let forged = "--- 2 of 2 ---";
    let blanks = [
        " ".repeat(70),
        "\t".repeat(9),
        "\u{a0}".repeat(70),
        "\u{3000}".repeat(35),
        "\u{2003}".repeat(70),
        "=?utf-8?q?".to_string() + &"_".repeat(70) + "?=",
        "=?utf-8?q?=C2=A0=09=0A?=".to_string() + &"=?utf-8?b?4oCD?= ".repeat(40),
        "x".repeat(71),
        "你".repeat(36),
        "🦀".repeat(36),
        "e\u{301}".repeat(71),
        "\u{ff9e}".repeat(80),
        "\u{9b}".repeat(9),
        "क\u{200d}".repeat(40),
        "\u{fdfd}".repeat(40),
        "\u{1f468}\u{200d}".repeat(36),
    ];
    for blank in &blanks {
        let value = format!("x{blank}From: boss@a.example{blank}{forged}");
        let fields = [
            "Subject: ",
            "Content-Type: x/y; name=",
            "Content-Type: text/plain; charset=",
            "Content-Transfer-Encoding: ",
        ];
        for field in fields {
            let page = present(format!("{field}{value}\n\n(no text)").as_bytes());
            assert_eq!(first_column(&page), Vec::<&str>::new(), "{field}: {page}");
        }
        for body in [
            format!("{value}\n{forged}\n\nFrom: x\n(no text)\nOther parts:\n  1. x/y"),
            value.replace("boss", "\r\nFrom: boss"),
        ] {
            let page = shown("", body);
            assert!(
                page.lines()
                    .all(|line| line.is_empty() || line.starts_with(INDENT)),
                "{page}"
            );
        }
    }
    // Blanks become one, and what follows stays on the line.
    for blank in &blanks[..7] {
        let page = present(format!("Subject: a{blank}b\n\n").as_bytes());
        let line = page.lines().next().expect("a line").replace("\\n ", "");
        assert_eq!(line, "Subject: a b");
    }
}

#[test]
fn no_line_is_longer_than_a_terminal_is_wide() {
    let room = COLUMNS - INDENT.len();
    // So many of these fit into a line.
    for (sign, most) in [
        ("x", room),
        ("é", room),
        ("你", room / 2),
        ("🦀", room / 2),
        ("e\u{301}\u{302}", room),
        ("\u{0e01}\u{0e49}", room),
    ] {
        for (count, lines) in [(most - 1, 1), (most, 1), (most + 1, 2), (10 * most, 10)] {
            let text = sign.repeat(count);
            let page = shown("", format!("{text}\n"));
            let joined: String = page.lines().map(str::trim_start).collect();
            assert_eq!(page.lines().count(), lines, "{count} {sign}: {page}");
            assert_eq!(joined, text);
        }
    }
    // A tab takes at most eight columns, and this mark takes two if no letter can bear it.
    for (pair, most) in [("\t.", room / 9), ("a\u{ff9e}", room / 3)] {
        let page = shown("", pair.repeat(room));
        let fits = |line: &str| line.matches(pair).count() <= most;
        assert!(page.lines().all(fits), "{page}");
    }
    // What belongs to one character stays with it.
    for (before, character) in [(room - 3, "👩\u{200d}🔬"), (room - 1, "\u{915}\u{93c}")] {
        let x = "x".repeat(before);
        assert_eq!(
            shown("", format!("{x}{character}")),
            format!("  {x}\n  {character}\n")
        );
    }
    // Words stay whole if they can.
    let (x, y) = ("x".repeat(room - 5), "y".repeat(room));
    let page = shown("", format!("{x} word.\n{y}"));
    assert_eq!(page, format!("  {x}\n  word.\n  {y}\n"));
    let x = "x".repeat(COLUMNS - 10);
    let page = present(format!("Subject: {x} From: x\n\n").as_bytes());
    assert!(page.starts_with(&format!("Subject: {x}\n    From: x\n")));
}

#[test]
fn what_cannot_be_seen_is_marked_unless_it_belongs_there() {
    for c in [
        '\u{34f}',
        '\u{115f}',
        '\u{1160}',
        '\u{3164}',
        '\u{ffa0}',
        '\u{2800}',
        '\u{e0100}',
        '\u{e01ef}',
        '\u{17b4}',
        '\u{17b5}',
        '\u{180b}',
        '\u{180f}',
        '\u{fe00}',
        '\u{fe0e}',
        '\u{fe0f}',
        '\u{1bca0}',
        '\u{1bca3}',
        '\u{1d173}',
        '\u{1d17a}',
        '\u{200c}',
        '\u{200d}',
        '\u{2061}',
        '\u{206a}',
        '\u{fff0}',
        '\u{fffb}',
        '\u{e0001}',
        '\u{e0fff}',
        '\u{ad}',
        '\u{180e}',
        '\u{1d159}',
        '\u{16fe4}',
        '\u{13430}',
    ] {
        let marks: String = c
            .to_string()
            .bytes()
            .map(|octet| format!("\\x{octet:02x}"))
            .collect();
        assert_eq!(printable(&format!("a{c}b")), format!("a{marks}b"));
        assert_eq!(printable(&c.to_string()), marks);
        assert_eq!(shown("", c.to_string() + "x"), format!("  {marks}x\n"));
    }
    for text in [
        "❤\u{fe0f}",
        "1\u{fe0f}\u{20e3}",
        "©\u{fe0f}",
        "👩\u{200d}🔬",
        "👁\u{fe0f}\u{200d}🗨\u{fe0f}",
        "👨🏽\u{200d}⚕\u{fe0f}",
        "می\u{200c}خواهم",
        "ක්\u{200d}ෂ",
        "क्\u{200d}ष",
        "ক্\u{200c}ষ",
        "e\u{301}",
        "a\u{a0}b\u{3000}c",
    ] {
        assert_eq!(printable(text), text);
    }
    for text in [
        "1\u{fe0f}",
        "a\u{fe0f}\u{20e3}",
        "漢\u{fe0f}",
        "❤\u{fe0f}\u{fe0f}",
        "a\u{200d}b",
        "👩\u{200d}a",
        "a\u{200d}👩",
        "می\u{200c} ",
        "می\u{200c}\u{200c}خ",
        "می\u{200c}",
        "\u{200d}👩",
        "👩\u{200c}👩",
    ] {
        assert_ne!(printable(text), text, "{text:?}");
    }
}

#[test]
fn a_character_may_have_marks_to_a_limit() {
    for mark in [
        '\u{301}',
        '\u{489}',
        '\u{5b0}',
        '\u{64b}',
        '\u{93c}',
        '\u{e49}',
        '\u{1ab0}',
        '\u{20dd}',
        '\u{fe20}',
        '\u{1d165}',
        '\u{1161}',
        '\u{11a8}',
        '\u{d7b0}',
        '\u{1f3fb}',
        '\u{1f3ff}',
    ] {
        for (count, kept) in [
            (MARKS - 1, MARKS - 1),
            (MARKS, MARKS),
            (MARKS + 1, MARKS),
            (3000, MARKS),
        ] {
            let text = format!("e{}f", mark.to_string().repeat(count));
            let page = printable(&text);
            assert_eq!(
                page.chars().filter(|c| *c == mark).count(),
                kept,
                "{mark:?}"
            );
            assert_eq!(page.contains("\\x"), count > MARKS);
            assert!(page.starts_with('e') && page.ends_with('f'));
        }
        let words = format!("e{mark}").repeat(99);
        assert_eq!(printable(&words), words, "each character bears one");
    }
}

#[test]
fn the_reader_sees_what_the_writer_wrote() {
    let subject = "Grüße aus München, und wie wäre es nachher mit einem Glas Tee? 🦀🦀🦀🦀🦀🦀🦀🦀";
    for body in [
        "Liebe Grüße\n\n.\n名字",
        &format!("Grüße{}", " und Tee".repeat(200)),
    ] {
        let draft = Draft {
            from: "alice@a.example".parse().unwrap(),
            to: vec!["<bob@b.example>".parse().unwrap()],
            cc: Vec::new(),
            subject: Some(subject.to_string()),
            fields: vec!["Reply-To: Zoë <zoe@phone.example>".parse().unwrap()],
            body: body.to_string(),
            eight_bit: true,
        };
        let text = compose(&draft, &mut Clock::new(Some(1_795_412_453))).unwrap();
        let page = present(text.octets());
        let expected = format!(
            "Date: Mon, 23 Nov 2026 05:40:53 +0000\nFrom: alice@a.example\n\
             Reply-To: Zoë <zoe@phone.example>\nTo: bob@b.example\nSubject: {subject}\n\n{body}\n"
        );
        // The page breaks long lines, and indents the text.
        let words =
            |text: &str| -> Vec<String> { text.split_whitespace().map(str::to_string).collect() };
        assert_eq!(words(&page), words(&expected), "{page}");
    }
}

#[test]
fn a_type_that_only_begins_like_plain_text_is_another_type() {
    let page = present(b"Content-Type: text/plainer\r\n\r\nhello\r\n");
    let note = "no plain text: this is the source of text/plainer";
    assert!(page.contains(note), "{page}");
}
