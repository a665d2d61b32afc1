//! Chapter 12: the message as it leaves the user agent, the trace that servers put on top, and
//! dates.

#[allow(dead_code)]
mod common {
    pub mod reader;
    pub mod side_by_side;
}

use common::reader::{Header, body as body_of, decode_words};
use common::side_by_side::side_by_side;
use smtp_primer::message::{
    Clock, Date, Draft, ENCODED, FOLD, Field, LONGEST, MAILER, compose, received, return_path,
};
use smtp_primer::protocol::address::{Domain, ForwardPath, Mailbox, ReversePath};
use smtp_primer::protocol::dot::Text;
use smtp_primer::session::{Letter, Origin};

/// Mon, 23 Nov 2026 05:40:53 +0000.
const NOW: u64 = 1_795_412_453;

fn draft(fields: &[&str], subject: &str, body: &str) -> Draft {
    Draft {
        from: "alice@a.example".parse().unwrap(),
        to: vec!["<bob@b.example>".parse().unwrap()],
        cc: vec![],
        subject: Some(subject.to_string()),
        fields: fields.iter().map(|field| field.parse().unwrap()).collect(),
        body: body.to_string(),
        eight_bit: true,
    }
}

fn composed(draft: &Draft) -> Text {
    compose(draft, &mut Clock::new(Some(NOW))).unwrap()
}

fn as_str(text: &Text) -> &str {
    str::from_utf8(text.octets()).unwrap()
}

/// Why something is not a field.
#[track_caller]
fn refusal(name: &str, value: &str) -> String {
    Field::new(name, value).unwrap_err().to_string()
}

/// The value of a field after it was folded, encoded, unfolded and decoded.
fn there_and_back(name: &str, value: &str) -> String {
    let lines = Field::new(name, value).unwrap().to_lines();
    let (header, rest) = Header::read(lines.as_bytes());
    assert!(rest.is_empty(), "{lines:?}");
    decode_words(header.first(name))
}

#[test]
fn a_message_has_the_fields_that_a_letter_needs_and_those_the_user_adds() {
    let fields = [
        "Reply-To: Alice <alice@phone.example>",
        "X-Phone: +49 89 1234",
    ];
    let text = composed(&draft(&fields, "Tea?", "Bob,\nhow are you?\n\nAlice"));
    let expected = format!(
        "Date: Mon, 23 Nov 2026 05:40:53 +0000\r\nFrom: alice@a.example\r\n\
         To: bob@b.example\r\nSubject: Tea?\r\nMessage-ID: <{NOW}Q1@a.example>\r\n\
         X-Mailer: {MAILER}\r\nReply-To: Alice <alice@phone.example>\r\n\
         X-Phone: +49 89 1234\r\n\r\nBob,\r\nhow are you?\r\n\r\nAlice\r\n"
    );
    assert_eq!(as_str(&text), expected);
}

#[test]
fn a_field_that_the_user_gives_takes_the_place_of_the_made_one() {
    let given = [
        "dAtE: Thu, 1 Jan 1970 00:00:00 +0000",
        "FROM: Alice <alice@elsewhere.example>",
        "to: team@elsewhere.example",
        "subject: Coffee?",
        "Message-Id: <1@x.example>",
        "X-mailer: a pen",
    ];
    let text = composed(&draft(&given, "Tea?", "Hello\n"));
    assert_eq!(as_str(&text), given.join("\r\n") + "\r\n\r\nHello\r\n");
}

#[test]
fn the_recipients_of_to_are_in_one_field() {
    for (to, expected) in [
        (vec![], None),
        (vec!["<b@b.example>"], Some("b@b.example")),
        (
            vec!["<b@b.example>", "<c@c.example>"],
            Some("b@b.example, c@c.example"),
        ),
        // An address in a header has a domain (RFC 5322 §3.4.1).
        (vec!["<Postmaster>", "<c@c.example>"], Some("c@c.example")),
        (vec!["<Postmaster>"], None),
    ] {
        let to: Vec<ForwardPath> = to.iter().map(|path| path.parse().unwrap()).collect();
        let text = composed(&Draft {
            to,
            ..draft(&[], "x", "")
        });
        let (header, _) = Header::read(text.octets());
        assert_eq!(header.all("To").next(), expected);
    }
}

#[test]
fn without_a_subject_there_is_no_subject_field() {
    let text = composed(&Draft {
        subject: None,
        ..draft(&[], "", "x")
    });
    assert!(!as_str(&text).contains("Subject"));
    assert!(as_str(&composed(&draft(&[], "", "x"))).contains("\r\nSubject: \r\n"));
}

#[test]
fn two_letters_never_share_a_message_id() {
    let mut clock = Clock::new(Some(NOW));
    let mut id = || {
        let text = compose(&draft(&[], "x", "x"), &mut clock).unwrap();
        Header::read(text.octets())
            .0
            .first("Message-ID")
            .to_string()
    };
    assert_ne!(id(), id());
}

#[test]
fn no_name_and_no_value_can_hold_a_line_end_or_another_control_character() {
    // DEFECTS 23 and 24: CVE-2024-6923 and CVE-2026-1299 CPython, mimetext #81: a newline in a
    // value added fields.
    // Also CPython gh-100612, simple-java-mail #88.
    for bad in [
        "\r\nBcc: x@x.example",
        "\n",
        "\r",
        "\r\n",
        "\0",
        "\x1b",
        "\x7f",
        "\u{85}",
    ] {
        for value in [
            format!("a{bad}b"),
            format!("a{bad}"),
            format!("{bad}b"),
            format!("é{bad}"),
        ] {
            let why = refusal("Subject", &value);
            let rule = "the Subject field holds a line end or control character";
            assert_eq!(why, rule, "{value:?}");
            assert_eq!(refusal("Cc", &value), rule.replace("Subject", "Cc"));
            let draft = draft(&[], &value, "x");
            assert!(compose(&draft, &mut Clock::new(None)).is_err(), "{value:?}");
        }
        let name = format!("X{bad}");
        assert!(refusal(&name, "a").contains("is not a name"));
    }
}

#[test]
fn a_name_is_printable_ascii_without_a_colon_and_fits_on_a_line() {
    for good in ["X", "X-Phone", "a!#~", &"n".repeat(FOLD - 1)] {
        let lines = Field::new(good, "v").unwrap().to_lines();
        assert!(lines.starts_with(&format!("{good}:")), "{lines}");
    }
    for bad in ["", " ", "X Y", "X:", "Größe", "X\t", &"n".repeat(FOLD)] {
        let why = format!("{bad:?} is not a name for a header field");
        assert_eq!(refusal(bad, "v"), why);
    }
    let no_colon = "no colon".parse::<Field>().unwrap_err();
    assert!(no_colon.to_string().contains("has the form Name: value"));
    assert_eq!(
        refusal("X ", "v"),
        "\"X \" is not a name for a header field"
    );
    assert!("X : v".parse::<Field>().is_err());
    assert_eq!("X:v".parse::<Field>().unwrap().to_lines(), "X: v\r\n");
}

#[test]
fn a_line_is_folded_when_it_would_have_more_than_78_characters() {
    assert_eq!((FOLD, ENCODED, LONGEST), (78, 76, 998));
    for (word, folded) in [(FOLD - 1, false), (FOLD, false), (FOLD + 1, true)] {
        let word = "w".repeat(word - "Subject: a ".len());
        let fold = if folded { "\r\n" } else { "" };
        let lines = Field::new("Subject", &format!("a {word}"))
            .unwrap()
            .to_lines();
        assert_eq!(lines, format!("Subject: a{fold} {word}\r\n"));
    }
    let long = "in many words  and\tblanks ".repeat(100);
    let lines = Field::new("Subject", &long).unwrap().to_lines();
    assert!(
        lines
            .lines()
            .all(|line| line.len() <= FOLD && !line.trim().is_empty())
    );
    assert!(
        lines
            .lines()
            .skip(1)
            .all(|line| line.starts_with([' ', '\t']))
    );
    assert_eq!(there_and_back("Subject", &long), long.trim());
    // With nothing to say, not even the longest name is folded.
    let name = "n".repeat(FOLD - 1);
    let lines = Field::new(&name, "").unwrap().to_lines();
    assert_eq!(lines, format!("{name}: \r\n"));
}

#[test]
fn a_long_word_has_a_line_of_its_own_up_to_998() {
    for length in [FOLD, LONGEST - 2, LONGEST - 1] {
        let word = "w".repeat(length);
        let lines = Field::new("X", &format!("a {word} b")).unwrap().to_lines();
        assert_eq!(lines, format!("X: a\r\n {word}\r\n b\r\n"));
        let lines = Field::new("X", &word).unwrap().to_lines();
        assert_eq!(lines, format!("X:\r\n {word}\r\n"));
    }
    let too_long = "the X field has a word too long for a line";
    assert_eq!(refusal("X", &"w".repeat(LONGEST)), too_long);
    let blanks = format!("a{}b", " ".repeat(LONGEST));
    assert_eq!(refusal("X", &blanks), too_long);
}

#[test]
fn what_is_not_ascii_travels_in_encoded_words_and_comes_back() {
    let german = "Größe ".repeat(60);
    let values = [
        "é",
        "é é",
        "é  é",
        "é a é",
        "a  é  b",
        "名字 <a@b.example>",
        "a é é é b",
        "é\té",
        "\u{3000}é",
        "🦀",
        &"🦀".repeat(200),
        &format!("x{}", "名".repeat(300)),
        german.trim(),
        "a =?utf-8?q?b?= c",
        "=?",
        "x =?utf-8?b?YQ==?= é",
    ];
    for value in values {
        for name in [
            "Subject",
            "X-With-A-Name-That-Leaves-Hardly-Any-Room-For-A-Single-Word-Encoded",
        ] {
            assert_eq!(there_and_back(name, value), value, "{name}");
            let lines = Field::new(name, value).unwrap().to_lines();
            assert!(lines.is_ascii());
            for line in lines.lines() {
                // RFC 2047 §2: no encoded-word over 75, no line with one over 76.
                assert!(line.len() <= ENCODED, "{line:?}");
                assert!(line.split(' ').all(|word| word.len() <= 75), "{line:?}");
            }
        }
    }
}

#[test]
fn no_encoded_word_ends_within_a_character() {
    for before in 0..8 {
        let value = "x".repeat(before) + &"é名🦀".repeat(40);
        let lines = Field::new("Subject", &value).unwrap().to_lines();
        let words: Vec<&str> = lines.split_whitespace().skip(1).collect();
        assert!(words.len() > 5);
        let decoded: String = words.iter().map(|word| decode_words(word)).collect();
        assert_eq!(decoded, value, "each word by itself");
    }
}

#[test]
fn a_body_says_what_it_is_if_it_is_not_plain_ascii() {
    let long = "a".repeat(LONGEST + 1);
    for (body, encoding) in [
        ("plain\n", None),
        (&long[1..], None),
        ("Grüße\n", Some("8bit")),
        (&long, Some("quoted-printable")),
        ("a\0b", Some("quoted-printable")),
        ("\0\0\0\0", Some("base64")),
        (&format!("é{long}"), Some("quoted-printable")),
        (&long.replace('a', "名"), Some("base64")),
    ] {
        let text = composed(&draft(&[], "x", body));
        let (header, _) = Header::read(text.octets());
        let all = |name| header.all(name).collect::<Vec<_>>();
        assert_eq!(all("Content-Transfer-Encoding"), Vec::from_iter(encoding));
        let mime = encoding.is_some();
        assert_eq!(all("MIME-Version") == ["1.0"], mime);
        assert_eq!(all("Content-Type") == ["text/plain; charset=UTF-8"], mime);
        assert!(
            text.lines()
                .all(|line| line.len() <= LONGEST && !line.contains(&0))
        );
        let decoded = body_of(text.octets());
        assert_eq!(decoded, Text::from_file(body.as_bytes()).octets());
    }
}

#[test]
fn a_body_that_the_user_has_encoded_is_not_encoded_once_more() {
    let given = ["Content-Transfer-Encoding: quoted-printable"];
    let long = "=C3=BC".repeat(LONGEST);
    for body in ["=C3=BC", &long] {
        let text = composed(&draft(&given, "x", body));
        let (header, rest) = Header::read(text.octets());
        assert_eq!(rest, format!("{body}\r\n").as_bytes());
        let encodings: Vec<_> = header.all("Content-Transfer-Encoding").collect();
        assert_eq!(encodings, ["quoted-printable"]);
        assert_eq!(header.first("Content-Type"), "text/plain; charset=UTF-8");
    }
}

/// Lines of all kinds, none of which may be changed on the way.
const ODD: [&str; 12] = [
    "Größe",
    "ends with a blank ",
    "tab\tand tab\t",
    "",
    ".",
    "..x",
    "From me",
    "a=b =C3=BC = =\u{a0}",
    "\u{7f}\u{c}\u{1b}[1m",
    "🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀",
    "=",
    " ",
];

#[test]
fn without_8bitmime_a_body_in_any_language_is_encoded_and_comes_back() {
    let long = ODD.join(" ").repeat(20);
    let mut bodies = vec![
        ODD.join("\n"),
        long,
        "名字\n".repeat(100),
        "\0é".to_string(),
    ];
    // A blank, and an octet to be escaped, at every place near the end of a line of 76.
    bodies.extend((70..80).map(|at| format!("{} é é \né", "x".repeat(at))));
    bodies.extend((70..80).map(|at| format!("é{} \n", "x".repeat(at))));
    bodies.extend((70..80).map(|at| format!("{}é", "x".repeat(at))));
    for body in bodies {
        let text = composed(&Draft {
            eight_bit: false,
            ..draft(&[], "x", &body)
        });
        assert!(text.octets().is_ascii());
        let printable = |octet: &u8| matches!(octet, b' '..=b'~' | b'\t');
        let (header, rest) = Header::read(text.octets());
        for line in Text::from_file(rest).lines() {
            assert!(line.len() <= 76 && line.iter().all(printable));
            assert!(!line.ends_with(b" ") && !line.ends_with(b"\t"));
        }
        assert_eq!(header.first("MIME-Version"), "1.0");
        let decoded = body_of(text.octets());
        let expected = Text::from_file(body.as_bytes());
        assert_eq!(decoded, expected.octets(), "{body}");
    }
}

#[test]
fn the_encoding_is_one_that_people_can_read_if_most_of_the_body_is_ascii() {
    for (body, encoding) in [
        ("Viele Grüße aus München, und bis bald", "quoted-printable"),
        ("名字 and I", "base64"),
        (&"名".repeat(400), "base64"),
    ] {
        let text = composed(&Draft {
            eight_bit: false,
            ..draft(&[], "x", body)
        });
        let (header, rest) = Header::read(text.octets());
        assert_eq!(header.first("Content-Transfer-Encoding"), encoding);
        // Lines of base64 are full, but for the last (RFC 2045 §6.8).
        let rest = Text::from_file(rest);
        let lines: Vec<&[u8]> = rest.lines().collect();
        let (_, full) = lines.split_last().unwrap();
        assert!(encoding != "base64" || full.iter().all(|line| line.len() == 76));
    }
}

#[test]
fn a_body_that_goes_encoded_is_never_called_8bit() {
    for given in ["8bit", "7BIT", "binary"] {
        for (body, eight_bit, expected) in [
            ("Many Grüße to all", false, "quoted-printable"),
            ("Many Grüße to all", true, "8bit"),
            ("plain", false, given),
        ] {
            let field = format!("content-transfer-encoding: {given}");
            let text = composed(&Draft {
                eight_bit,
                ..draft(&[&field], "x", body)
            });
            let (header, _) = Header::read(text.octets());
            let told: Vec<&str> = header.all("Content-Transfer-Encoding").collect();
            assert_eq!(told, [expected]);
            assert_eq!(body_of(text.octets()), format!("{body}\r\n").as_bytes());
        }
    }
}

#[test]
fn a_body_of_many_parts_is_not_encoded_as_a_whole() {
    // RFC 2045 §6.4: only the parts inside may be.
    for kind in ["Multipart/mixed; boundary=x", "message/rfc822"] {
        let field = format!("Content-Type: {kind}");
        let text = composed(&Draft {
            eight_bit: false,
            ..draft(&[&field], "x", "--x\n\né\n--x--")
        });
        let (header, rest) = Header::read(text.octets());
        assert_eq!(header.first("Content-Transfer-Encoding"), "8bit");
        assert_eq!(rest, "--x\r\n\r\né\r\n--x--\r\n".as_bytes());
    }
}

#[test]
fn a_field_of_mime_brings_the_version_of_mime() {
    for (fields, versions) in [
        (&["Content-Type: text/html; charset=utf-8"][..], 1),
        (&["content-disposition: inline"], 1),
        (&["CONTENT-LANGUAGE: en", "X: y"], 1),
        (
            &["Content-Description: a poem", "mime-version: 1.0 (ours)"],
            1,
        ),
        (&["X-Content-Type: text/html", "Contents: 3"], 0),
    ] {
        let text = composed(&draft(fields, "x", "in ASCII"));
        let (header, _) = Header::read(text.octets());
        let found: Vec<&str> = header.all("MIME-Version").collect();
        assert_eq!(found.len(), versions, "{fields:?}");
        assert!(found.iter().all(|version| version.starts_with("1.0")));
        assert_eq!(header.all("Content-Type").count(), versions, "{fields:?}");
    }
}

#[test]
fn of_several_authors_one_has_sent_the_letter() {
    // RFC 5322 §3.6.2: then there must be a Sender.
    let two = "From: Zoë <z@a.example>, b@b.example";
    for (fields, senders) in [
        (&[two][..], &["alice@a.example"][..]),
        (&[two, "sender: z@a.example"], &["z@a.example"]),
        (&["From: Zoë <z@a.example>"], &[]),
        (&[], &[]),
    ] {
        let text = composed(&draft(fields, "x", "x"));
        let (header, _) = Header::read(text.octets());
        assert_eq!(header.all("Sender").collect::<Vec<_>>(), senders);
    }
}

#[test]
fn the_recipients_of_cc_are_in_a_field_of_their_own() {
    let path = |text: &str| text.parse::<ForwardPath>().unwrap();
    let text = composed(&Draft {
        to: vec![],
        cc: vec![path("<c@c.example>"), path("<\"d, e\"@d.example>")],
        ..draft(&[], "x", "x")
    });
    let (header, _) = Header::read(text.octets());
    assert_eq!(header.first("Cc"), "c@c.example, \"d, e\"@d.example");
    assert_eq!(header.all("To").count(), 0);
}

#[test]
fn dates_are_those_of_the_calendar() {
    for (seconds, expected) in [
        (0, "Thu, 1 Jan 1970 00:00:00 +0000"),
        (951_782_399, "Mon, 28 Feb 2000 23:59:59 +0000"),
        (951_782_400, "Tue, 29 Feb 2000 00:00:00 +0000"),
        (951_868_800, "Wed, 1 Mar 2000 00:00:00 +0000"),
        (1_000_000_000, "Sun, 9 Sep 2001 01:46:40 +0000"),
        (NOW, "Mon, 23 Nov 2026 05:40:53 +0000"),
        (4_107_542_399, "Sun, 28 Feb 2100 23:59:59 +0000"),
        (4_107_542_400, "Mon, 1 Mar 2100 00:00:00 +0000"),
        (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 +0000"),
    ] {
        assert_eq!(Date(seconds).to_string(), expected);
    }
}

/// A damaged file may hold any number. It must not keep us busy with the years up to it.
#[test]
fn a_date_in_any_year_is_told_at_once() {
    let after = |times: u64| Date(NOW + times * 146_097 * 86_400).to_string();
    for times in [1, 2, 1000, 1_000_000] {
        let year = 2026 + 400 * times;
        assert_eq!(after(times), format!("Mon, 23 Nov {year} 05:40:53 +0000"));
    }
    let last = "Thu, 9 Nov 584554051223 07:00:15 +0000";
    for _ in 0..10_000 {
        assert_eq!(Date(u64::MAX).to_string(), last);
    }
}

/// Counts the days one by one, as a wall calendar does.
#[test]
fn dates_agree_with_a_calendar_that_is_turned_day_by_day() {
    let week = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    let leap =
        |year: u64| year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
    let (mut day, mut due) = (0, Vec::new());
    for year in 1970..=9999 {
        let february = if leap(year) { 29 } else { 28 };
        let months = [
            ("Jan", 31),
            ("Feb", february),
            ("Mar", 31),
            ("Apr", 30),
            ("May", 31),
            ("Jun", 30),
            ("Jul", 31),
            ("Aug", 31),
            ("Sep", 30),
            ("Oct", 31),
            ("Nov", 30),
            ("Dec", 31),
        ];
        for (month, days) in months {
            for date in 1..=days {
                let edge = date == 1 || date == days;
                if edge || day % 97 == 0 {
                    let week_day = week[(day as usize + 3) % 7];
                    let expected = format!("{week_day}, {date} {month} {year} 00:00:01 +0000");
                    due.push((day, expected));
                }
                day += 1;
            }
        }
    }
    assert!(due.len() > 200_000);
    side_by_side(due.chunks(due.len() / 4), |days| {
        for (day, expected) in days {
            assert_eq!(Date(day * 86_400 + 1).to_string(), *expected);
        }
    });
}

#[test]
fn a_clock_can_stand_still_and_its_names_still_differ() {
    let still = Clock::new(Some(NOW));
    assert_eq!((still.now(), still.now()), (Date(NOW), Date(NOW)));
    let mut clocks = [Clock::new(None), still.clone()];
    for clock in &mut clocks {
        let names: std::collections::BTreeSet<_> = (0..1000).map(|_| clock.unique_name()).collect();
        assert_eq!(names.len(), 1000);
        assert!(
            names
                .iter()
                .flat_map(|name| name.chars())
                .all(|c| c.is_ascii_alphanumeric())
        );
    }
}

fn letter(helo: &str, ip: &str, paths: &[&str]) -> Letter {
    Letter {
        reverse_path: ReversePath::Null,
        forward_paths: paths.iter().map(|path| path.parse().unwrap()).collect(),
        origin: Some(Origin {
            helo: helo.parse().unwrap(),
            ip: ip.parse().unwrap(),
            protocol: "ESMTP",
        }),
        text: Text::default(),
    }
}

/// What a Received field says, read by the grammar of RFC 5321 §4.4: from, the address that TCP
/// knows, by, with, id, for, date.
type Stamp<'a> = (
    Domain,
    Domain,
    Domain,
    &'a str,
    &'a str,
    Option<Mailbox>,
    &'a str,
);

fn stamp(unfolded: &str) -> Option<Stamp<'_>> {
    let rest = unfolded.strip_prefix("Received: from ")?;
    let (from, rest) = rest.split_once(" (")?;
    let (tcp, rest) = rest.split_once(")    by ")?;
    let (by, rest) = rest.split_once(" with ")?;
    let (with, rest) = rest.split_once(" id ")?;
    let (rest, date) = rest.rsplit_once(";    ")?;
    let (id, path) = match rest.split_once("    for ") {
        Some((id, path)) => (id, Some(path.parse::<ForwardPath>().ok()?)),
        None => (rest, None),
    };
    let atom =
        |text: &str| !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_alphanumeric());
    let tcp: Domain = tcp.parse().ok()?;
    let recipient = match path {
        Some(ForwardPath::Postmaster) => return None, // neither a Path nor a Mailbox
        Some(ForwardPath::Mailbox(mailbox)) => Some(mailbox),
        None => None,
    };
    (atom(id) && atom(with) && tcp.literal().is_some()).then_some((
        from.parse().ok()?,
        tcp,
        by.parse().ok()?,
        with,
        id,
        recipient,
        date,
    ))
}

#[test]
fn a_server_writes_down_from_whom_by_whom_how_and_when() {
    let by: Domain = "b.example".parse().unwrap();
    let date = "Mon, 23 Nov 2026 05:40:53 +0000";
    let long = format!("{}.example", vec!["d".repeat(60); 4].join("."));
    for (helo, ip, tcp) in [
        ("a.example", "192.0.2.1", "[192.0.2.1]"),
        ("[192.0.2.9]", "::ffff:192.0.2.1", "[192.0.2.1]"),
        (&long, "2001:db8::1", "[IPv6:2001:db8::1]"),
    ] {
        for path in ["<c@b.example>", "<\"a; for <x\"@b.example>"] {
            let field = received(&letter(helo, ip, &[path]), &by, "1Q1", Date(NOW));
            let lines: Vec<&str> = field.split_inclusive('\n').collect();
            assert!(
                lines
                    .iter()
                    .all(|line| line.ends_with("\r\n") && line.len() <= LONGEST)
            );
            assert!(lines.iter().skip(1).all(|line| line.starts_with(' ')));
            let field = field.trim_end().replace("\r\n", "");
            let (from, literal, host, with, id, recipient, when) = stamp(&field).expect(&field);
            assert_eq!((from.as_str(), literal.as_str()), (helo, tcp));
            assert_eq!((host, with, id, when), (by.clone(), "ESMTP", "1Q1", date));
            assert_eq!(
                recipient.map(|mailbox| format!("<{mailbox}>")).as_deref(),
                Some(path)
            );
        }
    }
}

#[test]
fn no_recipient_learns_of_the_others_from_the_trace() {
    let by: Domain = "b.example".parse().unwrap();
    for paths in [
        &["<c@b.example>", "<d@b.example>"][..],
        &["<Postmaster>"],
        &[],
    ] {
        let field = received(
            &letter("a.example", "192.0.2.1", paths),
            &by,
            "1Q1",
            Date(NOW),
        );
        let field = field.trim_end().replace("\r\n", "");
        assert_eq!(stamp(&field).expect(&field).5, None);
        assert!(
            !field.contains("@b.example") && !field.contains("for"),
            "{field}"
        );
    }
}

#[test]
fn a_letter_that_was_written_here_has_no_received_field() {
    let home = Letter {
        origin: None,
        ..letter("a.example", "192.0.2.1", &["<c@b.example>"])
    };
    assert_eq!(
        received(&home, &"b.example".parse().unwrap(), "1Q1", Date(NOW)),
        ""
    );
}

#[test]
fn final_delivery_keeps_the_reverse_path() {
    for path in ["<>", "<alice@a.example>", "<\"a b\"@a.example>"] {
        let field = return_path(&path.parse().unwrap());
        assert_eq!(field, format!("Return-Path: {path}\r\n"));
    }
}

#[test]
fn a_body_that_is_called_encoded_and_is_not_is_encoded() {
    for encoding in ["base64", "quoted-printable"] {
        for eight_bit in [true, false] {
            let field = format!("Content-Transfer-Encoding: {encoding}");
            let mut draft = draft(&[&field], "x", "<p>h\u{ef} = x</p>\n");
            draft.eight_bit = eight_bit;
            let text = compose(&draft, &mut Clock::new(Some(0))).expect("a letter");
            let text = String::from_utf8_lossy(text.octets()).into_owned();
            let is_8bit = text.contains("Content-Transfer-Encoding: 8bit\r\n");
            assert_eq!(is_8bit, eight_bit, "{text}");
            assert_eq!(text.matches("Transfer-Encoding").count(), 1, "{text}");
            assert_eq!(text.is_ascii(), !eight_bit, "{text}");
        }
    }
}
