//! Chapter 9: the receiver's rules. Which command may come when, what is answered, and that no
//! letter goes to the recipients of another.

#[allow(dead_code)]
mod common {
    pub mod talk;
}

use common::talk::{ALICE, Talk, code, envelope, host};
use smtp_primer::protocol::address::{ForwardPath, Mailbox};
use smtp_primer::protocol::command::Verb;
use smtp_primer::protocol::dot::Received;
use smtp_primer::protocol::line::Line;
use smtp_primer::protocol::reply::{REPLY_LINES, Reply};
use smtp_primer::session::{
    Caller, Host, Letter, MAX_HOPS, MAX_MISTAKES, MAX_RECIPIENTS, Policy, Recipient, Step,
    Transaction,
};
use std::cell::RefCell;

// ---------------------------------------------------------------- who is calling

/// Only here is the list written down whole, so a new extension breaks this test and no other.
#[test]
fn ehlo_lists_exactly_what_is_offered() {
    let host = host();
    let mut due = vec![
        "250-a.example greets C.example",
        "250-SIZE 1000",
        "250-8BITMIME",
        "250-PIPELINING",
        "250-EXPN",
        "250-AUTH PLAIN LOGIN",
        "250 HELP",
    ];
    let mut talk = Talk::new(&host);
    assert_eq!(talk.reply("EHLO C.example"), due);
    due.retain(|line| !line.contains("AUTH"));
    let mut talk = Talk::with(&host, true, false);
    assert_eq!(talk.reply("EHLO C.example"), due);
}

#[test]
fn helo_has_one_line_and_the_greeting_begins_with_the_domain() {
    let host = host();
    let mut talk = Talk::new(&host);
    assert!(talk.0.greeting().to_string().starts_with("220 a.example "));
    assert_eq!(
        talk.reply("HELO [IPv6:::1]"),
        ["250 a.example greets [IPv6:::1]"]
    );
}

#[test]
fn a_refused_ehlo_changes_nothing() {
    // RFC 5321 §4.1.4: the server stays in the state it was in.
    let host = host();
    let mut talk = Talk::new(&host);
    talk.goes(&[
        ("EHLO", 501),
        ("MAIL FROM:<>", 503),
        ("EHLO c.example", 250),
    ]);
    talk.goes(&[("MAIL FROM:<>", 250), ("RCPT TO:<bob@a.example>", 250)]);
    talk.goes(&[("EHLO a b", 501), ("HELO -", 501), ("DATA", 354)]);
    let letter = talk.received("").expect("a letter");
    assert_eq!(
        letter
            .origin
            .map(|origin| origin.helo.to_string())
            .as_deref(),
        Some("c.example")
    );
}

#[test]
fn the_origin_tells_how_the_letter_came() {
    let host = host();
    let auth = format!("AUTH PLAIN {ALICE}");
    for (said, protocol) in [
        (&["HELO c.example"][..], "SMTP"),
        (&["EHLO c.example"], "ESMTP"),
        (&["EHLO d.example", "EHLO c.example", &auth], "ESMTPA"),
        (&["EHLO d.example", "HELO c.example"], "SMTP"),
        (&["EHLO d.example", &auth, "HELO c.example"], "SMTP"),
    ] {
        let mut talk = Talk::new(&host);
        said.iter()
            .for_each(|line| assert!(talk.code(line) < 300, "{line}"));
        talk.announces("<>", &["<bob@a.example>"]);
        let origin = talk
            .received("")
            .expect("a letter")
            .origin
            .expect("it came from somewhere");
        assert_eq!(
            (origin.helo.to_string().as_str(), origin.protocol),
            ("c.example", protocol)
        );
        assert_eq!(origin.ip.to_string(), "192.0.2.1");
    }
}

#[test]
fn an_address_at_our_own_ip_address_is_ours() {
    // RFC 1123 §5.2.17. The caller has reached us at 192.0.2.25.
    let host = host();
    for literal in [
        "[192.0.2.25]",
        "[IPv6:::ffff:192.0.2.25]",
        "[ipv6:::FFFF:c000:219]",
    ] {
        let mut talk = Talk::with(&host, false, false);
        talk.goes(&[("EHLO c.example", 250)]);
        let path = |name: &str| format!("<{name}@{literal}>");
        assert_eq!(
            talk.reply(&format!("VRFY {}", path("bob"))),
            ["250 <bob@a.example>"]
        );
        assert_eq!(talk.code(&format!("EXPN staff@{literal}")), 250);
        talk.goes(&[(&format!("RCPT TO:{}", path("eve")), 503)]);
        talk.goes(&[(&format!("MAIL FROM:{}", path("eve")), 250)]);
        talk.goes(&[(&format!("RCPT TO:{}", path("eve")), 550)]);
        talk.goes(&[(&format!("RCPT TO:{}", path("alice")), 250), ("DATA", 354)]);
        let letter = talk.received("").expect("a letter");
        assert_eq!(envelope(&letter), "<eve@a.example> to <alice@a.example>");
    }
    for literal in ["[192.0.2.26]", "[127.0.0.1]", "[IPv6:::c000:219]"] {
        let mut talk = Talk::with(&host, false, false);
        talk.goes(&[("EHLO c.example", 250), ("MAIL FROM:<>", 250)]);
        assert_eq!(talk.code(&format!("RCPT TO:<alice@{literal}>")), 550);
        assert_eq!(talk.code(&format!("VRFY alice@{literal}")), 252);
    }
}

#[test]
fn a_name_that_only_differs_in_case_is_nobody_and_the_reply_says_why() {
    let host = host();
    let mut talk = Talk::new(&host);
    talk.goes(&[("EHLO c.example", 250), ("MAIL FROM:<>", 250)]);
    for line in [
        "RCPT TO:<ALICE@a.example>",
        "RCPT TO:<\"Bob\"@A.example>",
        "VRFY Alice",
    ] {
        let reply = talk.reply(line).join("");
        let words = "550 no such user here; names are compared exactly";
        assert!(reply.starts_with(words), "{reply}");
    }
}

#[test]
fn a_host_may_have_a_name_that_is_no_domain() {
    let host = host();
    for name in ["MY_PC", "_", "pc.a.example.", "a_b.c_d.example."] {
        for verb in ["EHLO", "HELO"] {
            let mut talk = Talk::new(&host);
            let reply = talk.reply(&format!("{verb} {name}"));
            assert!(reply[0].ends_with(&format!("greets {name}")), "{reply:?}");
        }
        assert_eq!(Talk::new(&host).code(&format!("MAIL FROM:<a@{name}>")), 501);
    }
}

// ---------------------------------------------------------------- order

/// What leads to each state of a conversation.
const STATES: [(&str, &[&str]); 10] = [
    ("new", &[]),
    ("helo", &["HELO c.example"]),
    ("ehlo", &["EHLO c.example"]),
    ("mail", &["EHLO c.example", "MAIL FROM:<x@y.example>"]),
    (
        "rcpt",
        &[
            "EHLO c.example",
            "MAIL FROM:<x@y.example>",
            "RCPT TO:<alice@a.example>",
        ],
    ),
    (
        "user",
        &["EHLO c.example", "AUTH PLAIN AGFsaWNlAHdvbmRlcmxhbmQ="],
    ),
    ("plain", &["EHLO c.example", "AUTH PLAIN"]),
    ("login", &["EHLO c.example", "AUTH LOGIN"]),
    ("word", &["EHLO c.example", "AUTH LOGIN YWxpY2U="]),
    (
        "doubt",
        &[
            "EHLO c.example",
            "MAIL FROM:<>",
            "RCPT TO:<bob@a.example>",
            "DATA",
        ],
    ),
];

#[test]
fn every_command_in_every_state_has_its_code() {
    // An answer to AUTH is no command, whatever it looks like: `RSET`, `QUIT` and `TURN` are base64
    // for three characters, and will do for a user name.
    let auth = format!("AUTH PLAIN {ALICE}");
    #[rustfmt::skip]
    let table: [(&str, [u16; 10]); 31] = [
        //                          new  helo ehlo mail rcpt user plain login word doubt
        ("EHLO c.example",         [250, 250, 250, 250, 250, 250, 501, 501, 501, 250]),
        ("HELO c.example",         [250, 250, 250, 250, 250, 250, 501, 501, 501, 250]),
        ("EHLO",                   [501, 501, 501, 501, 501, 501, 501, 501, 501, 501]),
        ("MAIL FROM:<z@y.example>",[503, 250, 250, 503, 503, 250, 501, 501, 501, 421]),
        ("MAIL FROM:<> SIZE=1001", [503, 552, 552, 503, 503, 552, 501, 501, 501, 421]),
        ("MAIL FROM:<> AUTH=<>",   [503, 250, 250, 503, 503, 250, 501, 501, 501, 421]),
        ("MAIL FROM:<> X=1",       [555, 555, 555, 555, 555, 555, 501, 501, 501, 555]),
        ("MAIL FROM:z@y.example",  [501, 501, 501, 501, 501, 501, 501, 501, 501, 501]),
        ("RCPT TO:<bob@a.example>",[503, 503, 503, 250, 250, 503, 501, 501, 501, 503]),
        ("RCPT TO:<eve@a.example>",[503, 503, 503, 550, 550, 503, 501, 501, 501, 503]),
        ("RCPT TO:<eve@b.example>",[503, 503, 503, 550, 550, 503, 501, 501, 501, 503]),
        ("RCPT TO:<>",             [501, 501, 501, 501, 501, 501, 501, 501, 501, 501]),
        ("DATA",                   [503, 503, 503, 503, 354, 503, 501, 501, 501, 503]),
        ("DATA now",               [501, 501, 501, 501, 501, 501, 501, 501, 501, 501]),
        ("RSET",                   [250, 250, 250, 250, 250, 250, 501, 334, 535, 250]),
        ("VRFY alice",             [250, 250, 250, 250, 250, 250, 501, 501, 501, 250]),
        ("EXPN staff",             [250, 250, 250, 250, 250, 250, 501, 501, 501, 250]),
        ("HELP",                   [214, 214, 214, 214, 214, 214, 501, 501, 501, 214]),
        ("NOOP",                   [250, 250, 250, 250, 250, 250, 501, 501, 501, 250]),
        ("QUIT",                   [221, 221, 221, 221, 221, 221, 501, 334, 535, 221]),
        (&auth,                    [503, 503, 235, 503, 503, 503, 501, 501, 501, 235]),
        ("AUTH LOGIN",             [503, 503, 334, 503, 503, 503, 501, 501, 501, 334]),
        ("AUTH GSSAPI",            [503, 503, 504, 503, 503, 503, 501, 501, 501, 504]),
        ("SEND FROM:<a@b.example>",[502, 502, 502, 502, 502, 502, 501, 501, 501, 502]),
        ("TURN",                   [502, 502, 502, 502, 502, 502, 501, 334, 535, 502]),
        ("GET / HTTP/1.1",         [421, 421, 421, 421, 421, 421, 501, 501, 501, 421]),
        ("Host: a.example",        [421, 421, 421, 421, 421, 421, 501, 501, 501, 421]),
        ("PLEASE",                 [500, 500, 500, 500, 500, 500, 501, 501, 501, 500]),
        ("STARTTLS",               [502, 502, 502, 502, 502, 502, 501, 501, 501, 502]),
        ("RCPT TO:<\u{e4}@a.example>",[553, 553, 553, 553, 553, 553, 501, 501, 501, 553]),
        ("",                       [500, 500, 500, 500, 500, 500, 501, 334, 535, 500]),
    ];
    let host = host();
    for (line, codes) in table {
        for ((state, before), due) in STATES.into_iter().zip(codes) {
            let mut talk = Talk::with(&host, false, true);
            before
                .iter()
                .for_each(|line| assert!(talk.code(line) < 400, "{state}: {line}"));
            if state == "doubt" {
                assert_eq!(talk.fails(Received::BareNewline), Err(554));
            }
            let code = talk.code(line);
            assert_eq!(code, due, "{line:?} in state {state}");
            // A command that is refused leaves the letter as it was.
            if state == "rcpt" && code >= 500 {
                assert_eq!(talk.code("DATA"), 354, "after {line:?}");
            }
            if matches!(state, "plain" | "login" | "word") && code != 334 {
                assert_eq!(talk.code("NOOP"), 250, "after {line:?} in state {state}");
            }
        }
    }
}

#[test]
fn what_ends_a_letter_leaves_nothing_of_it() {
    // Ends it: RSET, EHLO, HELO. RFC 5321 §4.1.1.5, §4.1.4.
    let host = host();
    for end in ["RSET", "EHLO c.example", "HELO c.example"] {
        let mut talk = Talk::new(&host);
        talk.goes(&[("EHLO c.example", 250), ("MAIL FROM:<x@y.example>", 250)]);
        talk.goes(&[
            ("RCPT TO:<alice@a.example>", 250),
            (end, 250),
            ("DATA", 503),
        ]);
        talk.goes(&[
            ("RCPT TO:<alice@a.example>", 503),
            ("MAIL FROM:<>", 250),
            ("DATA", 503),
        ]);
        talk.goes(&[("RCPT TO:<bob@a.example>", 250), ("DATA", 354)]);
        let letter = talk.received("").expect("a letter");
        assert_eq!(envelope(&letter), "<> to <bob@a.example>", "after {end}");
    }
}

#[test]
fn what_only_asks_leaves_a_letter_alone() {
    let host = host();
    let mut talk = Talk::new(&host);
    talk.goes(&[
        ("EHLO c.example", 250),
        ("MAIL FROM:<>", 250),
        ("RCPT TO:<bob@a.example>", 250),
    ]);
    talk.goes(&[
        ("NOOP x", 250),
        ("HELP", 214),
        ("VRFY alice", 250),
        ("EXPN staff", 250),
    ]);
    talk.goes(&[
        ("TURN", 502),
        ("?", 500),
        ("AUTH PLAIN", 503),
        ("DATA", 354),
    ]);
    assert_eq!(
        envelope(&talk.received("").expect("a letter")),
        "<> to <bob@a.example>"
    );
}

// ---------------------------------------------------------------- the end of a letter

fn hops(count: usize) -> String {
    "rEceived: from b by a; today\r\n".repeat(count) + "\r\nReceived: not a field\r\n"
}

/// Postfix HISTORY 20260724, 20260803 and 20260812; chasquid conn.go:673; aiosmtpd smtp.py:1512:
/// after a text that was refused, DATA was taken again with the old envelope.
/// Also conn.go:681, conn.go:688, conn.go:709.
#[test]
fn however_a_text_ends_the_next_data_is_refused() {
    let host = host();
    for (received, due) in [
        (Received::TooBig, Some(552)),
        (Received::BareNewline, Some(554)),
        (Received::Text(text(&hops(MAX_HOPS))), Some(554)),
        (Received::Text(text(&hops(0))), None),
    ] {
        let mut talk = Talk::new(&host);
        talk.goes(&[("EHLO c.example", 250)]);
        talk.announces("<x@y.example>", &["<alice@a.example>", "<bob@a.example>"]);
        assert_eq!(talk.fails(received.clone()).err(), due);
        talk.goes(&[
            ("DATA", 503),
            ("RCPT TO:<alice@a.example>", 503),
            ("DATA", 503),
        ]);
        assert_eq!(talk.received(""), Err(503), "a text that nobody asked for");
        if received == Received::BareNewline {
            continue;
        }
        talk.announces("<>", &["<bob@a.example>"]);
        let letter = talk.received("").expect("a letter");
        assert_eq!(
            envelope(&letter),
            "<> to <bob@a.example>",
            "after {received:?}"
        );
    }
}

fn text(text: &str) -> smtp_primer::protocol::dot::Text {
    smtp_primer::protocol::dot::Text::new(text.as_bytes().to_vec()).expect("a text")
}

/// nullmailer's growing list of recipients (swiftmailer #406).
/// Also aiosmtpd smtp.py:1512.
#[test]
fn each_of_many_letters_has_exactly_its_own_envelope() {
    let host = host();
    let mut talk = Talk::new(&host);
    talk.goes(&[("EHLO c.example", 250)]);
    for number in 0..300 {
        let from = format!("<s{number}@y.example>");
        let to: Vec<String> = (0..=number % 3)
            .map(|to| format!("<r{number}.{to}@y.example>"))
            .collect();
        talk.announces(&from, &to.iter().map(String::as_str).collect::<Vec<_>>());
        let body = format!("letter {number}\r\n");
        let letter = talk.received(&body).expect("a letter");
        assert_eq!(envelope(&letter), format!("{from} to {}", to.join(" ")));
        assert_eq!(letter.text.octets(), body.as_bytes());
    }
}

/// SMTP smuggling, CVE-2023-51764 to -51766: after a text with a bare CR or LF we and the sender
/// may not agree what is text and what is command.
#[test]
fn after_a_doubtful_text_no_letter_is_begun() {
    let host = host();
    let auth = format!("AUTH PLAIN {ALICE}");
    for between in ["RSET", "EHLO c.example", "HELO c.example", "NOOP", &auth] {
        let mut talk = Talk::new(&host);
        talk.goes(&[("EHLO c.example", 250)]);
        talk.announces("<x@y.example>", &["<alice@a.example>"]);
        assert_eq!(talk.fails(Received::BareNewline), Err(554));
        assert!(talk.code(between) < 300);
        talk.goes(&[
            ("RCPT TO:<bob@a.example>", 503),
            ("DATA", 503),
            ("MAIL FROM:<>", 421),
        ]);
    }
}

#[test]
fn a_text_with_a_hundred_received_fields_goes_in_circles() {
    // RFC 5321 §6.3. Only fields of the header count.
    let host = host();
    for (text, refused) in [
        (hops(MAX_HOPS - 1), None),
        (hops(MAX_HOPS), Some(554)),
        (hops(MAX_HOPS + 1), Some(554)),
        (hops(0) + &hops(MAX_HOPS), None),
        ("Received-SPF: pass\r\n".repeat(MAX_HOPS), None),
        (" Received: folded\r\n".repeat(MAX_HOPS), None),
    ] {
        let mut talk = Talk::new(&host);
        talk.goes(&[("HELO c.example", 250)]);
        talk.announces("<>", &["<bob@a.example>"]);
        assert_eq!(talk.received(&text).err(), refused);
    }
}

#[test]
fn a_letter_is_taken_whatever_its_header_looks_like() {
    // RFC 5321 §3.3: fields that should come in pairs and do not; §3.7.2: odd trace fields;
    // §4.5.3.1.8: more recipients than an envelope may have.
    let host = host();
    for header in [
        "Resent-To: x@y.example\r\n",
        "Resent-From: x@y.example\r\nResent-From: z@y.example\r\nResent-Date: today\r\n",
        "Received: \r\n",
        "Received: by pigeon, around noon\r\n",
        "Received: from (\r\n\tby ;;; \u{e9}\0\r\n",
        "RECEIVED : from x\r\n",
        "Return-Path: nobody\r\nReturn-Path: <<>\r\n",
        "no field at all\r\n: : :\r\n",
        "\r\n",
        "From: \r\nFrom: <\r\nDate: never\r\n",
        &"To: a@b, c@d\r\n".repeat(60),
    ] {
        let mut talk = Talk::new(&host);
        talk.goes(&[("EHLO c.example", 250)]);
        talk.announces("<>", &["<bob@a.example>"]);
        let text = format!("{header}Subject: x\r\n\r\nHello\r\n");
        let letter = talk.received(&text).expect(header);
        assert_eq!(letter.text.octets(), text.as_bytes(), "{header}");
    }
}

#[test]
fn the_size_of_a_letter_is_checked_to_the_octet() {
    let host = host();
    for (size, due) in [
        ("0", 250),
        ("999", 250),
        ("1000", 250),
        ("0000000001000", 250),
        ("1001", 552),
        ("18446744073709551616", 552),
        ("99999999999999999999", 552),
        ("100000000000000000000", 501),
        ("", 501),
        ("-1", 501),
        ("1e3", 501),
    ] {
        let mut talk = Talk::new(&host);
        talk.goes(&[
            ("EHLO c.example", 250),
            (&format!("MAIL FROM:<> SIZE={size}"), due),
        ]);
        // RFC 1870 §6.1: a refused MAIL begins nothing.
        talk.goes(&[(
            "RCPT TO:<bob@a.example>",
            if due == 250 { 250 } else { 503 },
        )]);
    }
}

// ---------------------------------------------------------------- recipients

#[test]
fn the_recipients_after_the_hundredth_are_asked_to_wait() {
    // RFC 5321 §4.5.3.1.8 and §4.5.3.1.10.
    let host = host();
    let mut talk = Talk::new(&host);
    talk.goes(&[("EHLO c.example", 250), ("MAIL FROM:<>", 250)]);
    for number in 1..=MAX_RECIPIENTS + 2 {
        let due = if number <= MAX_RECIPIENTS { 250 } else { 452 };
        talk.goes(&[(&format!("RCPT TO:<r{number}@y.example>"), due)]);
    }
    talk.goes(&[("RCPT TO:<nobody@a.example>", 452), ("DATA", 354)]);
    let paths = talk.received("").expect("a letter").forward_paths;
    assert_eq!((MAX_RECIPIENTS, paths.len()), (100, 100));
    assert_eq!(paths[99].to_string(), "<r100@y.example>");
    talk.announces("<>", &["<r101@y.example>"]); // the next letter has a hundred of its own
}

#[test]
fn a_refused_recipient_does_not_stop_the_others() {
    let host = host();
    let mut talk = Talk::with(&host, false, true);
    talk.goes(&[("EHLO c.example", 250), ("MAIL FROM:<x@y.example>", 250)]);
    talk.goes(&[("RCPT TO:<nobody@a.example>", 550), ("DATA", 503)]);
    talk.goes(&[
        ("RCPT TO:<alice@a.example>", 250),
        ("RCPT TO:<x@b.example>", 550),
    ]);
    talk.goes(&[
        ("RCPT TO:<bob@a.example> X=1", 555),
        ("RCPT TO:<bob@a.example>", 250),
    ]);
    talk.goes(&[("RCPT TO:bob", 501), ("DATA", 354)]);
    let letter = talk.received("").expect("a letter");
    assert_eq!(
        envelope(&letter),
        "<x@y.example> to <alice@a.example> <bob@a.example>"
    );
}

#[test]
fn only_those_we_know_may_send_to_other_domains() {
    // RFC 5321 §3.6.2, §7.8: an open relay serves those who hide.
    let host = host();
    for (trusted, authenticated, due) in [
        (false, false, 550),
        (true, false, 250),
        (false, true, 250),
        (true, true, 250),
    ] {
        let mut talk = Talk::with(&host, trusted, true);
        talk.goes(&[("EHLO c.example", 250)]);
        if authenticated {
            talk.goes(&[(&format!("AUTH PLAIN {ALICE}"), 235)]);
        }
        talk.goes(&[
            ("MAIL FROM:<alice@a.example>", 250),
            ("RCPT TO:<bob@a.example>", 250),
        ]);
        for to in [
            "<x@b.example>",
            "<x@[192.0.2.9]>",
            "<x@sub.a.example>",
            "<x@a.example.b>",
        ] {
            talk.goes(&[(&format!("RCPT TO:{to}"), due)]);
        }
        // No trick of writing makes another domain ours: percent, bang, quotes, source route.
        for (to, due) in [
            ("<x%b.example@a.example>", 550),
            ("<b.example!x@a.example>", 550),
            ("<\"x@b.example\"@a.example>", 550),
            ("<@a.example:x@b.example>", due),
            ("<bob@a.example@b.example>", 501),
        ] {
            talk.goes(&[(&format!("RCPT TO:{to}"), due)]);
        }
    }
}

#[test]
fn an_address_means_one_user_however_it_is_written() {
    let host = host();
    let local = |name: &str| vec![Recipient::Local(name.to_string())];
    for (path, due) in [
        ("<alice@a.example>", local("alice")),
        ("<alice@A.eXaMPLE>", local("alice")),
        ("<\"alice\"@A.EXAMPLE>", local("alice")),
        ("<\"al\\ice\"@a.example>", local("alice")),
        ("<@b.example,@c.example:alice@a.example>", local("alice")),
        ("<Alice@a.example>", vec![]),
        ("<\"alice \"@a.example>", vec![]),
        ("<ping@a.example>", vec![]),
        ("<postmaster>", local("postmaster")),
        ("<pOSTMASTER>", local("postmaster")),
        ("<PostMaster@A.example>", local("postmaster")),
        ("<\"PostMaster\"@a.example>", local("postmaster")),
        ("<>", vec![]),
        ("<alice>", vec![]),
    ] {
        let mut talk = Talk::with(&host, false, true);
        talk.goes(&[("EHLO c.example", 250), ("MAIL FROM:<>", 250)]);
        let code = talk.code(&format!("RCPT TO:{path}"));
        assert_eq!(code == 250, !due.is_empty(), "{path}: {code}");
        let found = path
            .parse()
            .map(|path| host.recipients(&[path]))
            .unwrap_or_default();
        assert_eq!(found, due, "{path}");
    }
}

#[test]
fn an_address_is_kept_to_the_letter() {
    // RFC 5321 §2.4: only the last server may give a local part a meaning.
    let host = host();
    let mut talk = Talk::new(&host);
    talk.goes(&[("EHLO c.example", 250)]);
    talk.announces(
        "<AliCe+X@B.eXample>",
        &["<\"b\\ob\"@A.Example>", "<Y@Z>", "<POSTmaster>"],
    );
    let letter = talk.received("").expect("a letter");
    let due = "<AliCe+X@B.eXample> to <\"b\\ob\"@A.Example> <Y@Z> <Postmaster>";
    assert_eq!(envelope(&letter), due);
}

#[test]
fn a_source_route_is_taken_and_nothing_of_it_is_kept() {
    // RFC 5321 §4.1.1.3, §6.1, appendix C and F.2.
    let host = host();
    let mut talk = Talk::new(&host);
    talk.goes(&[("EHLO c.example", 250)]);
    talk.announces(
        "<@one.example,@two.example:x@y.example>",
        &[
            "<@a.example,@b.example:bob@a.example>",
            "<@a.example:carol@b.example>",
        ],
    );
    let letter = talk.received("").expect("a letter");
    let due = "<x@y.example> to <bob@a.example> <carol@b.example>";
    assert_eq!(envelope(&letter), due);
}

#[test]
fn a_name_means_something_at_our_own_domain_only() {
    // RFC 5321 §2.3.11: what another host makes of the name is its own business.
    let host = host();
    for name in [
        "alice",
        "staff",
        "postmaster",
        "POSTMASTER",
        "\"al\\ice\"",
        "x%a.example",
    ] {
        for domain in ["b.example", "b.a.example", "[192.0.2.1]"] {
            let mailbox: Mailbox = format!("{name}@{domain}").parse().expect("a mailbox");
            let path = ForwardPath::Mailbox(mailbox.clone());
            let found = host.recipients(&[path]);
            assert_eq!(found, [Recipient::Remote(mailbox)], "{name}@{domain}");
        }
    }
}

#[test]
fn what_has_broken_into_others_is_refused_here() {
    let host = host();
    for (line, due) in [
        ("MAIL FROM:<>", 250), // mailin parser.rs:51, mailhog/smtp #7: no bounce could come
        ("MAIL FROM:<;rm -rf /;>", 501), // CVE-2020-7247 OpenSMTPD
        ("MAIL FROM:<a\rX: y@b>", 501), // CVE-2026-23829 Mailpit
        ("MAIL FROM:<a\rb@c>", 501),
        ("MAIL FROM:<a\nRCPT TO:<x@y>@b>", 501),
        ("MAIL FROM:<a\0@b>", 501),
        ("MAIL FROM:<\"a\r\n\"@b>", 501),
        ("MAIL FROM:<a@b> AUTH=a\rb", 501), // CVE-2020-28021 Exim
        ("MAIL FROM:<a@b> SIZE=1\rBODY=7BIT", 501),
        ("MAIL FROM:<a@b> SIZE=1\tBODY=7BIT", 501),
    ] {
        let mut talk = Talk::new(&host);
        talk.goes(&[("EHLO c.example", 250), (line, due)]);
    }
    // James #659, maildev #467, CVE-2005-1105: a name from the wire as a path.
    for (to, due) in [
        ("../x@a.example", 501),
        ("a/b@a.example", 550),
        (".@..", 501),
        (".@a.example", 501),
        ("..@a.example", 501),
        ("/etc/passwd@a.example", 550),
        ("\"../bob\"@a.example", 550),
        ("\"..\\\\bob\"@a.example", 550),
        ("bob/@a.example", 550),
        ("con@a.example", 550),
        ("bob\0@a.example", 501),
    ] {
        let mut talk = Talk::new(&host);
        talk.goes(&[("EHLO c.example", 250), ("MAIL FROM:<>", 250)]);
        talk.goes(&[(&format!("RCPT TO:<{to}>"), due), ("DATA", 503)]);
    }
}

// ---------------------------------------------------------------- policy

/// Refuses what these say, and writes down what it was asked.
struct Rules {
    recipient: fn(&str) -> Option<Reply>,
    text: fn(&[u8]) -> Option<Reply>,
    asked: RefCell<Vec<String>>,
}

impl Policy for Rules {
    fn refuse_recipient(
        &self,
        caller: &Caller,
        transaction: &Transaction,
        path: &ForwardPath,
    ) -> Option<Reply> {
        let (from, count) = (&transaction.reverse_path, transaction.forward_paths.len());
        let user = transaction.user.as_deref().unwrap_or("nobody");
        let asked = format!("{path} from {from}, {user}, {} after {count}", caller.ip);
        self.asked.borrow_mut().push(asked);
        (self.recipient)(&path.to_string())
    }

    fn refuse_letter(&self, caller: &Caller, letter: &Letter) -> Option<Reply> {
        let asked = format!("{} by {}", envelope(letter), caller.ip);
        self.asked.borrow_mut().push(asked);
        (self.text)(letter.text.octets())
    }
}

fn rules(recipient: fn(&str) -> Option<Reply>, text: fn(&[u8]) -> Option<Reply>) -> Rules {
    let asked = RefCell::default();
    Rules {
        recipient,
        text,
        asked,
    }
}

fn under<'a>(host: &'a Host, policy: &'a dyn Policy) -> Talk<'a> {
    Talk(Talk::with(host, false, true).0.with_policy(policy))
}

#[test]
fn a_recipient_that_a_policy_refuses_does_not_stop_the_others() {
    let refuses = |path: &str| match path {
        "<alice@a.example>" => Some(Reply::new(451, "come back in a minute")),
        "<Postmaster>" => Some(Reply::new(554, "never")),
        _ => None,
    };
    let (host, policy) = (host(), rules(refuses, |_| None));
    let mut talk = under(&host, &policy);
    talk.goes(&[
        ("EHLO c.example", 250),
        (&format!("AUTH PLAIN {ALICE}"), 235),
    ]);
    talk.goes(&[("MAIL FROM:<x@y.example>", 250)]);
    talk.goes(&[("RCPT TO:<alice@a.example>", 451), ("DATA", 503)]);
    talk.goes(&[("RCPT TO:<bob@a.example>", 250)]);
    assert_eq!(talk.reply("RCPT TO:<Postmaster>"), ["554 never"]);
    talk.goes(&[("RCPT TO:<staff@a.example>", 250), ("DATA", 354)]);
    let letter = talk.received("").expect("a letter");
    let due = "<x@y.example> to <bob@a.example> <staff@a.example>";
    assert_eq!(envelope(&letter), due);
    let by = "from <x@y.example>, alice, 192.0.2.1 after";
    let asked = [
        format!("<alice@a.example> {by} 0"),
        format!("<bob@a.example> {by} 0"),
        format!("<Postmaster> {by} 1"),
        format!("<staff@a.example> {by} 1"),
        format!("{due} by 192.0.2.1"),
    ];
    assert_eq!(policy.asked.take(), asked);
}

#[test]
fn a_letter_that_a_policy_refuses_is_forgotten() {
    let refuses = |text: &[u8]| match text {
        b"later\r\n" => Some(Reply::new(450, "not now")),
        b"never\r\n" => Some(Reply::new(554, "no")),
        _ => None,
    };
    let (host, policy) = (host(), rules(|_| None, refuses));
    let mut talk = under(&host, &policy);
    talk.goes(&[("EHLO c.example", 250)]);
    for (text, due) in [("later\r\n", 450), ("never\r\n", 554)] {
        talk.announces("<x@y.example>", &["<alice@a.example>"]);
        assert_eq!(talk.received(text).err(), Some(due));
        talk.goes(&[("DATA", 503), ("RCPT TO:<bob@a.example>", 503)]);
    }
    talk.announces("<>", &["<bob@a.example>"]);
    let letter = talk.received("now\r\n").expect("a letter");
    assert_eq!(envelope(&letter), "<> to <bob@a.example>");
}

#[test]
fn a_policy_is_asked_only_about_what_is_allowed() {
    let no = |_: &str| Some(Reply::new(554, "no"));
    let (host, policy) = (host(), rules(no, |_| Some(Reply::new(554, "no"))));
    let mut talk = under(&host, &policy);
    talk.goes(&[("RCPT TO:<bob@a.example>", 503)]);
    talk.goes(&[("EHLO c.example", 250), ("MAIL FROM:<>", 250)]);
    talk.goes(&[
        ("RCPT TO:<nobody@a.example>", 550),
        ("RCPT TO:<x@b.example>", 550),
        ("RCPT TO:bob", 501),
    ]);
    talk.goes(&[("RSET", 250)]);
    assert_eq!(talk.received(""), Err(503));
    assert_eq!(policy.asked.take(), Vec::<String>::new());
    talk.goes(&[("MAIL FROM:<>", 250)]);
    // A recipient that it refuses is a mistake like any other, but for 550.
    err(&mut talk, MAX_MISTAKES - 2);
    talk.goes(&[("RCPT TO:<bob@a.example>", 554), ("PLEASE", 421)]);
}

// ---------------------------------------------------------------- asking

#[test]
fn vrfy_tells_what_it_knows_and_no_more() {
    let host = host();
    let mut talk = Talk::with(&host, false, false);
    for name in [
        "alice",
        "<alice>",
        "alice@A.Example",
        "<alice@a.example>",
        "\"alice\"",
    ] {
        assert_eq!(
            talk.reply(&format!("VRFY {name}")),
            ["250 <alice@a.example>"],
            "{name}"
        );
    }
    assert_eq!(
        talk.reply("VRFY PostMaster"),
        ["250 <postmaster@a.example>"]
    );
    for (name, due) in [
        ("Alice", 550),
        ("nobody", 550),
        ("nobody@a.example", 550),
        ("Alice in Wonderland", 550),
        ("@", 550),
        ("<>", 550),
        ("<alice", 550),
        ("../alice", 550),
        ("staff", 252),
        ("alice@b.example", 252),
        ("", 501),
        ("ali\u{e7}e", 553),
    ] {
        talk.goes(&[(&format!("VRFY {name}"), due), ("NOOP", 250)]);
    }
}

#[test]
fn expn_shows_a_list_and_its_loops_end() {
    let host = host();
    let mut talk = Talk::with(&host, false, false);
    let staff = [
        "250-<alice@a.example>",
        "250-<bob@a.example>",
        "250 <carol@b.example>",
    ];
    for name in ["staff", "<staff@a.example>", "staff@A.EXAMPLE"] {
        assert_eq!(talk.reply(&format!("EXPN {name}")), staff);
    }
    for name in [
        "alice",
        "nobody",
        "postmaster",
        "staff@b.example",
        "Staff",
        "ping",
        "a b",
    ] {
        talk.goes(&[(&format!("EXPN {name}"), 550)]);
    }
    talk.goes(&[("EXPN", 501), ("EXPN \u{7}", 501)]);
}

#[test]
fn who_is_on_two_lists_is_named_once() {
    let mut host = host();
    let member = |name: &str| Recipient::Local(name.to_string());
    let both = vec![member("staff"), member("more"), member("staff")];
    let carol = Recipient::Remote("carol@b.example".parse().expect("an address"));
    host.aliases.insert(
        "more".to_string(),
        vec![carol.clone(), member("bob"), carol],
    );
    host.aliases.insert("both".to_string(), both);
    let mut talk = Talk::with(&host, false, false);
    assert_eq!(talk.reply("EXPN both"), talk.reply("EXPN staff"));
}

#[test]
fn expn_shows_a_list_whole_or_not_at_all() {
    for (members, code) in [
        (REPLY_LINES - 1, 250),
        (REPLY_LINES, 250),
        (REPLY_LINES + 1, 252),
    ] {
        let mut host = host();
        let member = |number| format!("m{number}@b.example").parse().expect("an address");
        let members = (0..members).map(|number| Recipient::Remote(member(number)));
        host.aliases.insert("all".to_string(), members.collect());
        Talk::with(&host, false, false).goes(&[("EXPN all", code)]);
    }
}

#[test]
fn what_vrfy_and_expn_show_is_an_address_for_rcpt() {
    // RFC 5321 §3.5.2: the domain is there, and no source route.
    let mut host = host();
    let quoted = Recipient::Remote("\"a b\"@[192.0.2.1]".parse().expect("a mailbox"));
    host.aliases.insert("odd".to_string(), vec![quoted]);
    for (ask, count) in [
        ("VRFY alice", 1),
        ("VRFY \"al\\ice\"@A.example", 1),
        ("VRFY Postmaster", 1),
        ("EXPN staff", 3),
        ("EXPN odd", 1),
    ] {
        let mut talk = Talk::new(&host);
        let lines = talk.reply(ask);
        assert_eq!(lines.len(), count, "{lines:?}");
        talk.goes(&[("EHLO c.example", 250), ("MAIL FROM:<>", 250)]);
        for line in lines {
            let (code, shown) = line.split_at("250 ".len());
            assert!(matches!(code, "250 " | "250-"), "{line}");
            let inside = shown.strip_prefix('<').and_then(|it| it.strip_suffix('>'));
            let mailbox = inside.and_then(|inside| inside.parse::<Mailbox>().ok());
            assert!(mailbox.is_some(), "{ask}: {shown}");
            talk.goes(&[(&format!("RCPT TO:{shown}"), 250)]);
        }
    }
    Talk::new(&host).goes(&[("VRFY <@b.example:alice@a.example>", 550)]);
}

#[test]
fn help_explains_every_verb_and_owns_up_to_the_rest() {
    let host = host();
    let mut talk = Talk::with(&host, false, false);
    let all = talk.reply("HELP").concat();
    for verb in Verb::all().map(Verb::name) {
        assert!(all.contains(verb), "{verb}");
        for topic in [verb.to_string(), verb.to_lowercase()] {
            let lines = talk.reply(&format!("HELP {topic}"));
            assert!(lines[0].starts_with(&format!("214-{verb}")), "{lines:?}");
            assert!(lines[1].starts_with("214 "), "{lines:?}");
        }
    }
    talk.goes(&[
        ("HELP XYZZY", 504),
        ("HELP RCPT TO", 504),
        ("HELP \u{e9}", 501),
    ]);
}

#[test]
fn abandoned_commands_are_known_and_not_done() {
    let host = host();
    let mut talk = Talk::new(&host);
    for verb in ["SEND", "SOML", "SAML"] {
        talk.goes(&[(&format!("{verb} FROM:<a@b.example>"), 502), (verb, 502)]);
    }
    talk.goes(&[
        ("TURN", 502),
        ("TURN x", 502),
        ("STARTTLS", 502),
        ("XYZZY 1", 500),
    ]);
}

/// A list of 50,000 names, each of them twice, takes no time that one would notice: nobody is
/// searched for in a list of all others.
#[test]
fn a_long_list_is_looked_into_once() {
    let mut host = host();
    let member = |number| Recipient::Remote(format!("m{number}@y.example").parse().expect("one"));
    let members: Vec<Recipient> = (0..50_000).map(member).collect();
    let twice = [members.clone(), members].concat();
    host.aliases.insert("long".to_string(), twice);
    let path: ForwardPath = "<long@a.example>".parse().expect("a path");
    assert_eq!(host.recipients(&[path]).len(), 50_000);
}

// ---------------------------------------------------------------- mistakes

/// Makes `count` mistakes, none of which ends the conversation.
fn err(talk: &mut Talk, count: usize) {
    (0..count).for_each(|_| assert_eq!(talk.code("PLEASE"), 500));
}

#[test]
fn the_twentieth_mistake_in_a_row_is_the_last() {
    let host = host();
    let last_mistakes = [
        "PLEASE",
        "DATA",
        "EHLO",
        "MAIL FROM:<> X=1",
        "TURN",
        "HELP me",
        "AUTH GSSAPI",
    ];
    for last in last_mistakes {
        let mut talk = Talk::new(&host);
        talk.goes(&[("EHLO c.example", 250)]);
        err(&mut talk, MAX_MISTAKES - 1);
        assert_eq!(talk.code(last), 421, "{last}");
    }
    assert_eq!(MAX_MISTAKES, 20);
    let mut talk = Talk::new(&host);
    err(&mut talk, MAX_MISTAKES - 1);
    assert_eq!(code(&talk.0.line(&Line::BareNewline)), 421);
    let mut talk = Talk::new(&host);
    err(&mut talk, MAX_MISTAKES - 1);
    assert_eq!(code(&talk.0.line(&Line::TooLong)), 421);
}

#[test]
fn a_success_forgives_mistakes() {
    let host = host();
    for success in [
        "NOOP",
        "HELP",
        "MAIL FROM:<>",
        "RSET",
        "EHLO c.example",
        "VRFY alice",
    ] {
        let mut talk = Talk::new(&host);
        talk.goes(&[("HELO c.example", 250)]);
        err(&mut talk, MAX_MISTAKES - 1);
        assert!(talk.code(success) < 300);
        err(&mut talk, MAX_MISTAKES - 1);
        assert_eq!(talk.code("PLEASE"), 421, "{success}");
    }
    let mut talk = Talk::new(&host);
    talk.goes(&[
        ("HELO c.example", 250),
        ("MAIL FROM:<>", 250),
        ("RCPT TO:<bob@a.example>", 250),
    ]);
    err(&mut talk, MAX_MISTAKES - 1);
    talk.goes(&[("DATA", 354)]);
    talk.received("").expect("a letter");
    err(&mut talk, MAX_MISTAKES - 1);
}

#[test]
fn a_wrong_address_or_a_full_letter_is_no_mistake() {
    let host = host();
    let mut talk = Talk::with(&host, false, true);
    talk.goes(&[("EHLO c.example", 250), ("MAIL FROM:<>", 250)]);
    for number in 0..=MAX_RECIPIENTS {
        let due = if number < MAX_RECIPIENTS { 250 } else { 452 };
        talk.goes(&[("RCPT TO:<bob@a.example>", due)]);
    }
    err(&mut talk, MAX_MISTAKES - 1);
    for _ in 0..3 * MAX_MISTAKES {
        talk.goes(&[
            ("RCPT TO:<eve@a.example>", 452),
            ("RCPT TO:<bob@a.example>", 452),
        ]);
        talk.goes(&[
            ("RCPT TO:<eve@b.example>", 550),
            ("VRFY eve", 550),
            ("EXPN eve", 550),
        ]);
    }
    talk.goes(&[("PLEASE", 421)]); // and they forgive nothing either
}

#[test]
fn a_line_that_is_none_is_answered_and_changes_no_letter() {
    let host = host();
    let mut talk = Talk::new(&host);
    talk.goes(&[
        ("HELO c.example", 250),
        ("MAIL FROM:<>", 250),
        ("RCPT TO:<bob@a.example>", 250),
    ]);
    for line in [Line::BareNewline, Line::TooLong] {
        assert_eq!(code(&talk.0.line(&line)), 500);
    }
    talk.goes(&[("DATA", 354)]);
    assert!(matches!(talk.0.line(&Line::Endless), Step::Close(reply) if reply.code() == 500));
    assert_eq!(talk.0.line(&Line::Closed), Step::Gone);
}
