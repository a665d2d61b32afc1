//! Chapter 18: what the reader of a letter sees, and what a hostile letter cannot do to the
//! terminal or to the program that shows it.

use smtp_primer::display::{
    DEPTH, Header, PARTS, decode_body, decode_charset, decode_words, parts, present,
};
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
fn the_body_begins_after_the_first_empty_line_or_with_the_first_line_that_is_no_field() {
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
        // Not well formed, or unknown: as it stands.
        ("=?utf-8?x?a?=", "=?utf-8?x?a?="),
        ("=?utf-8?q?a b?=", "=?utf-8?q?a b?="),
        ("=?utf-8?q?a?", "=?utf-8?q?a?"),
        ("=?utf-8?q?a?b?=", "=?utf-8?q?a?b?="),
        ("=??q?a?=", "=??q?a?="),
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
fn the_text_is_all_the_plain_text_that_is_no_attachment() {
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
fn a_letter_in_a_letter_is_one_part_named_by_its_subject() {
    let inner = "Subject: =?utf-8?q?caf=C3=A9?=\r\n\r\nnot shown";
    let forwarded = format!("Content-Type: message/rfc822\r\n\r\n{inner}");
    let digest = multipart("digest", "d", &[&format!("\r\n{inner}")]);
    let page = present(multipart("mixed", "b", &["\r\nshown", &forwarded, &digest]).as_bytes());
    let list = "\n  shown\n\nOther parts:\n  1. message/rfc822 \"café\", 43 octets\n  \
                2. message/rfc822 \"café\", 43 octets\n";
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

    // With no boundary, all there is to show is the body as it stands.
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
        let note = page.contains("  1. multipart/mixed, ") && page.contains("nested too deep");
        assert_eq!(note, !opened, "{depth}: {page}");
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
