//! Chapter 11: a client that hears every reply, and that knows what became of the letter, or that
//! nobody can know.

#[allow(dead_code)]
mod common {
    pub mod inn;
    pub mod script;
}

use common::inn::{Inn, Shared};
use common::script::{Event, Notes, Script, strings};
use smtp_primer::client::{
    Client, RECIPIENTS_AT_ONCE, SendError, Stage, Timeouts, Verdict, connect,
};
use smtp_primer::protocol::address::{Domain, ForwardPath};
use smtp_primer::protocol::dot::Text;
use smtp_primer::protocol::line::{ENDLESS_LINE, Stream, Trace, Wire};
use smtp_primer::protocol::mask::PasswordMask;
use smtp_primer::protocol::reply::{ENDLESS_REPLY, REPLY_LINES};
use smtp_primer::protocol::sasl::Credentials;
use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

const GREETING: &str = "220 a.example at your service\r\n";
/// The server's side of a conversation in which all goes well.
const WELL: [&str; 7] = [
    GREETING,
    "250 hello\r\n",
    "250 sender\r\n",
    "250 recipient\r\n",
    "354 go on\r\n",
    "250 kept\r\n",
    "221 goodbye\r\n",
];
/// The client's side of that.
const SAID: [&str; 6] = [
    "EHLO b.example\r\n",
    "MAIL FROM:<bob@b.example>\r\n",
    "RCPT TO:<alice@a.example>\r\n",
    "DATA\r\n",
    "Subject: x\r\n\r\n..\r\n.\r\n",
    "QUIT\r\n",
];
const TEXT: &str = "Subject: x\r\n\r\n.\r\n";

fn helo() -> Domain {
    "b.example".parse().expect("a domain")
}

fn text(octets: impl AsRef<[u8]>) -> Text {
    Text::new(octets.as_ref().to_vec()).expect("a text")
}

fn recipients(names: &[&str]) -> Vec<ForwardPath> {
    let path = |name: &&str| format!("<{name}@a.example>").parse().expect("a path");
    names.iter().map(path).collect()
}

/// Sends one letter to `names` over `stream`, and says goodbye.
fn send_over<S: Stream>(stream: S, names: &[&str], text: &Text) -> Result<Vec<Verdict>, SendError> {
    let mut client = Client::open(Wire::new(stream), &helo(), Timeouts::RFC)?;
    let verdicts = send_by(&mut client, names, text);
    client.quit();
    Ok(verdicts)
}

/// The same in a conversation that goes on.
fn send_by<S: Stream>(client: &mut Client<S>, names: &[&str], text: &Text) -> Vec<Verdict> {
    let from = "<bob@b.example>".parse().expect("a path");
    let to = recipients(names);
    client.send(&from, &to, text).flatten().collect()
}

/// The same with a server that says `replies`: what became of it, and what we said.
fn send<T: AsRef<[u8]>>(replies: &[T], names: &[&str], octets: &str) -> (String, String) {
    let replies: Vec<Vec<u8>> = replies
        .iter()
        .map(|reply| reply.as_ref().to_vec())
        .collect();
    let stream = Shared::new(Script::new(replies));
    let sent = send_over(stream.clone(), names, &text(octets));
    (outcome(&sent), stream.written())
}

/// In short: what became of each recipient; or if that is the same for all and has nothing to do
/// with them, where it failed; and whether to try again.
fn outcome(sent: &Result<Vec<Verdict>, SendError>) -> String {
    match sent {
        Ok(verdicts) => {
            let short = |verdict: &Verdict| match &verdict.result {
                Ok(_) => "sent".to_string(),
                Err(failure) => of_one(failure),
            };
            let mut short: Vec<String> = verdicts.iter().map(short).collect();
            let is_same = short.iter().all(|one| *one == short[0]);
            if is_same && short.iter().any(|one| one.contains(',')) {
                short.truncate(1);
            }
            short.join(" ")
        }
        Err(failure) => of_one(failure),
    }
}

fn of_one(failure: &SendError) -> String {
    let again = if failure.is_temporary() {
        "later"
    } else {
        "never"
    };
    match failure {
        SendError::Refused(Stage::Rcpt | Stage::Data | Stage::Text | Stage::Dot, _) => {
            again.to_string()
        }
        SendError::Refused(stage, _) => format!("{stage:?} refused, {again}"),
        SendError::Unfit(_) => format!("unfit, {again}"),
        SendError::Broken(stage, why) if why.contains("before it was asked") => {
            format!("{stage:?} out of step, {again}")
        }
        SendError::Broken(stage, _) => format!("{stage:?} broken, {again}"),
        SendError::Unknown(_) => format!("unknown, {again}"),
    }
}

#[test]
fn each_command_waits_for_the_reply_before_it_as_long_as_the_rfc_says() {
    let stream = Shared::new(Script::new(WELL));
    let sent = send_over(stream.clone(), &["alice"], &text(TEXT));
    assert_eq!(outcome(&sent), "sent");
    let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
    let waits = [
        ("", minutes(5)), // RFC 5321 §4.5.3.2.1, the greeting
        (SAID[0], minutes(5)),
        (SAID[1], minutes(5)),              // §4.5.3.2.2
        (SAID[2], minutes(5)),              // §4.5.3.2.3
        (SAID[3], minutes(2)),              // §4.5.3.2.4, the reply to DATA
        (SAID[4], minutes(10)),             // §4.5.3.2.6, the reply to the dot
        (SAID[5], Duration::from_secs(10)), // nothing depends on it
    ];
    assert_eq!(
        stream.waits(),
        waits.map(|(said, wait)| (said.to_string(), wait))
    );
    // §4.5.3.2.5: three minutes for each block of the text.
    let script = stream.0.borrow();
    let allowed: Vec<_> = script.events().windows(2).collect();
    let text = Event::Wrote(SAID[4].as_bytes().to_vec());
    let before = allowed
        .iter()
        .find(|pair| pair[1] == text)
        .expect("the text");
    assert_eq!(before[0], Event::Allowed(minutes(3)));
}

#[test]
fn every_reply_at_every_step_has_its_outcome() {
    let other = ["250 ok\r\n", "354 go on\r\n", "451 later\r\n", "550 no\r\n"];
    // If the reply is 2yz, 3yz, 4yz, 5yz, and if there is none.
    #[rustfmt::skip]
    let table = [
        ["sent", "Greeting refused, later", "Greeting refused, later", "Greeting refused, never",
            "Greeting broken, later"],
        ["sent", "Hello refused, later", "Hello refused, later", "sent",
            "Hello broken, later"],
        ["sent", "Mail refused, later", "Mail refused, later", "Mail refused, never",
            "Mail broken, later"],
        ["sent", "later", "later", "never", "Rcpt broken, later"],
        ["later", "sent", "later", "never", "Data broken, later"],
        ["sent", "unknown, later", "later", "never", "unknown, later"],
        ["sent", "sent", "sent", "sent", "sent"],
    ];
    for (step, outcomes) in table.iter().enumerate() {
        for (at, expected) in outcomes.iter().enumerate() {
            let mut replies = WELL[..step].to_vec();
            if let Some(reply) = other.get(at) {
                replies.push(reply);
                // To EHLO, 5yz means: say HELO instead, and that goes well.
                let (from, to) = if step == 1 && at == 3 {
                    (1, 7)
                } else {
                    (step + 1, 7)
                };
                replies.extend(&WELL[from..to]);
            }
            let (outcome, said) = send(&replies, &["alice"], TEXT);
            assert_eq!(outcome, *expected, "step {step}, reply {:?}", other.get(at));
            let text_is_due = step > 4 || outcome == "sent";
            assert_eq!(said.contains(SAID[4]), text_is_due, "step {step}: {said}");
            let refused = at < other.len() && !outcome.ends_with("unknown, later");
            assert!(
                !refused || said.ends_with("QUIT\r\n"),
                "step {step}: {said}"
            );
        }
    }
}

#[test]
fn the_text_of_a_reply_decides_nothing() {
    // RFC 5321 §4.2: the code does, whatever is said, or if nothing is.
    for text in [
        "",
        " ",
        " 550 no",
        " error, try again later",
        "-OK\r\n{} OK",
    ] {
        let codes = ["220", "250", "250", "250", "354", "250", "221"];
        for (step, code, expected) in [
            (6, "221", "sent"),
            (2, "451", "Mail refused, later"),
            (2, "550", "Mail refused, never"),
            (3, "450", "later"),
            (3, "553", "never"),
            (5, "452", "later"),
            (5, "554", "never"),
        ] {
            let mut codes = codes;
            codes[step] = code;
            let reply = |code: &str| format!("{code}{}\r\n", text.replace("{}", code));
            let (outcome, _) = send(&codes.map(reply), &["alice"], TEXT);
            assert_eq!(outcome, expected, "{code}{text:?}");
        }
    }
}

#[test]
fn the_text_is_sent_after_354_and_after_no_other_reply() {
    // RFC 5321 §3.3
    for code in [
        "250", "300", "334", "353", "355", "399", "450", "503", "554",
    ] {
        let reply = format!("{code} well\r\n");
        let replies = [&WELL[..4], &[&reply, "250 reset\r\n", "221 bye\r\n"]].concat();
        let (outcome, said) = send(&replies, &["alice"], TEXT);
        assert!(!outcome.contains("sent"), "{code}: {outcome}");
        assert!(!said.contains("Subject"), "{code}: {said}");
        assert!(said.ends_with("QUIT\r\n"), "{code}: {said}");
    }
}

#[test]
fn silence_at_any_step_is_a_timeout_there() {
    for step in 0..WELL.len() {
        let script = Script::new(WELL[..step].to_vec()).failing(ErrorKind::TimedOut);
        let sent = send_over(script, &["alice"], &text(TEXT));
        let failure = match &sent {
            Ok(verdicts) => verdicts[0].result.clone().err(),
            Err(failure) => Some(failure.clone()),
        };
        match (step, failure) {
            (0..=4, Some(SendError::Broken(_, why))) | (5, Some(SendError::Unknown(why))) => {
                assert_eq!(why, "no answer came in time");
            }
            (6, None) => {} // whatever comes after QUIT
            _ => panic!("step {step}: {}", outcome(&sent)),
        }
    }
}

#[test]
fn a_server_that_closes_at_any_octet_of_its_replies_has_not_said_what_it_left_out() {
    for (step, reply) in WELL.iter().enumerate() {
        for octets in 0..reply.len() {
            let begun = [&WELL[..step], &[&reply[..octets]]].concat();
            let (became, _) = send(&begun, &["alice"], TEXT);
            let stages = ["Greeting", "Hello", "Mail", "Rcpt", "Data"];
            let due = match stages.get(step) {
                Some(stage) => format!("{stage} broken, later"),
                None if step == 5 => "unknown, later".to_string(),
                None => "sent".to_string(), // whatever comes after QUIT
            };
            assert_eq!(became, due, "after {octets} octets of {reply}");
        }
    }
}

#[test]
fn what_is_no_reply_breaks_the_conversation_at_any_step() {
    // DEFECTS 20: CVE-2020-8794: `250`, and an empty line, read beyond their end.
    let long = format!("250 {}\r\n", "x".repeat(ENDLESS_LINE));
    let garbage = [
        "\r\n",
        "25\r\n",
        "25 ok\r\n",
        "2500 ok\r\n",
        "ok\r\n",
        " 250 ok\r\n",
        "150 ok\r\n",
        "650 ok\r\n",
        "-50 ok\r\n",
        "250-ok\r\n550 ok\r\n",
        "250-ok\r\n\r\n",
        "250 ok\r",
        "250-",
        "250 ok",
        &long,
        "250 ok\n",
    ];
    for (step, expected) in [
        (0, "Greeting broken, later"),
        (1, "Hello broken, later"),
        (3, "Rcpt broken, later"),
        (4, "Data broken, later"),
        (5, "unknown, later"),
    ] {
        for reply in garbage {
            let replies = [&WELL[..step], &[reply]].concat();
            let (outcome, said) = send(&replies, &["alice"], TEXT);
            assert_eq!(outcome, expected, "{reply:?}");
            // Who does not even greet in SMTP hears no more of it.
            assert!(step > 1 || !said.contains("QUIT"), "{reply:?}: {said}");
        }
    }
    // These are replies: no text, an unusual code, a long line, many lines, an odd end.
    let longest = format!("250 {}\r\n", "x".repeat(700));
    let lines = "250-x\r\n".repeat(REPLY_LINES) + "250 x\r\n";
    for reply in [
        "250\r\n",
        "250 \r\n",
        "299 ok\r\n",
        "250-a\r\n250-\r\n250 b\r\n",
        "250-ok\r\n251 ok\r\n",
        "250 o\rk\r\n",
        "250ok\r\n",
        "250\tok\r\n",
        &longest,
        &lines,
    ] {
        let replies = [&WELL[..5], &[reply]].concat();
        assert_eq!(send(&replies, &["alice"], TEXT).0, "sent", "{reply:?}");
    }
}

/// async-smtp #72 and others: a reply has no number, so a client that is out of step with its
/// server takes the answer to one thing for the answer to another.
#[test]
fn an_answer_that_is_there_before_the_question_is_a_no_or_not_believed() {
    let stages = ["Hello", "Mail", "Rcpt", "Data", "Text"];
    for (at, stage) in stages.into_iter().enumerate() {
        for (early, due) in [
            ("", "out of step, later"),
            ("421 closing\r\n", "refused, later"),
            ("554 go away\r\n", "refused, never"),
            ("354 go on\r\n", "out of step, later"),
            ("nonsense\r\n", "out of step, later"),
        ] {
            let mut replies = WELL.map(String::from).to_vec();
            replies[at] += early;
            if early.is_empty() {
                let next = replies.remove(at + 1);
                replies[at] += &next;
            }
            let (outcome, said) = send(&replies, &["alice"], TEXT);
            // At RCPT and behind it, a no is one to the letter.
            let due = match (stage, due.strip_prefix("refused, ")) {
                ("Rcpt" | "Data" | "Text", Some(again)) => again.to_string(),
                _ => format!("{stage} {due}"),
            };
            assert_eq!(outcome, due, "{early}");
            assert!(!said.contains("\r\n.\r\n"), "{said}");
        }
    }
}

#[test]
fn a_reply_without_end_costs_little() {
    for (piece, most) in [
        ("250-more\r\n", ENDLESS_REPLY + 100),
        ("250 more", ENDLESS_LINE + 512),
    ] {
        let stream = Shared::new(Script::new(std::iter::repeat(piece)));
        let sent = send_over(stream.clone(), &["alice"], &text(TEXT));
        let failure = sent.expect_err("no reply");
        let why = "at the greeting: a reply longer than any real one";
        assert_eq!(failure.to_string(), why);
        let read = stream.0.borrow().octets_read();
        assert!(
            read <= 2 * most,
            "the greeting, and the reply to QUIT: {read} octets were read"
        );
    }
}

#[test]
fn replies_may_have_many_lines_and_come_octet_by_octet() {
    let well = "220-a\r\n220-\r\n220 c\r\n250-a\r\n250-X-WHATEVER\r\n250 SIZE\r\n250-a\r\n250 b\r\n\
                250-a\r\n250 b\r\n354-a\r\n354 b\r\n250-a\r\n250 b\r\n221-a\r\n221 b\r\n";
    let octets: Vec<[u8; 1]> = well.bytes().map(|octet| [octet]).collect();
    let (outcome, said) = send(&octets, &["alice"], TEXT);
    assert_eq!(
        (outcome.as_str(), said.matches("\r\n").count()),
        ("sent", 9)
    );
}

#[test]
fn helo_is_said_only_after_ehlo_was_refused_and_then_nothing_is_offered() {
    for code in ["500", "502", "504", "550", "554"] {
        let refusal = format!("{code} what?\r\n");
        let mut replies = WELL.to_vec();
        replies.splice(
            1..2,
            [refusal.as_str(), "250-a\r\n250-SIZE 1\r\n250 8BITMIME\r\n"],
        );
        let (outcome, said) = send(&replies, &["alice"], TEXT);
        assert_eq!(outcome, "sent", "a SIZE after HELO is only text");
        let hellos = "EHLO b.example\r\nHELO b.example\r\nMAIL FROM:<bob@b.example>\r\n";
        assert!(said.starts_with(hellos), "{said}");
    }
    for refusal in ["450 busy\r\n", "550 no\r\n"] {
        let (outcome, said) = send(
            &[GREETING, "502 what?\r\n", refusal, "221 bye\r\n"],
            &["alice"],
            TEXT,
        );
        let expected = if refusal.starts_with('4') {
            "later"
        } else {
            "never"
        };
        assert_eq!(outcome, format!("Hello refused, {expected}"));
        assert_eq!(said, "EHLO b.example\r\nHELO b.example\r\nQUIT\r\n");
    }
}

#[test]
fn size_and_body_are_said_only_to_a_server_that_offers_them() {
    let size = TEXT.len();
    for (offers, text, expected) in [
        ("250 a\r\n", TEXT, String::new()),
        ("250-SIZE 9\r\n250 a\r\n", TEXT, String::new()), // the first line offers nothing
        ("250-a\r\n250 SIZE\r\n", TEXT, format!(" SIZE={size}")),
        ("250-a\r\n250 size 0\r\n", TEXT, format!(" SIZE={size}")),
        ("250-a\r\n250 SIZE many\r\n", TEXT, format!(" SIZE={size}")),
        ("250-a\r\n250 8BITMIME\r\n", TEXT, String::new()),
        (
            "250-a\r\n250 8bitmime\r\n",
            "\u{e9}\r\n",
            " BODY=8BITMIME".to_string(),
        ),
        (
            "250-a\r\n250-SIZE 4\r\n250 8BITMIME\r\n",
            "\u{e9}\r\n",
            " SIZE=4 BODY=8BITMIME".to_string(),
        ),
        ("250-a\r\n250 XSIZE 1\r\n", TEXT, String::new()),
    ] {
        let mut replies = WELL.to_vec();
        replies[1] = offers;
        let (outcome, said) = send(&replies, &["alice"], text);
        let mail = said.lines().nth(1).expect("MAIL");
        assert_eq!(outcome, "sent", "{offers}");
        assert_eq!(
            mail,
            format!("MAIL FROM:<bob@b.example>{expected}"),
            "{offers}"
        );
    }
}

#[test]
fn a_letter_that_the_server_cannot_take_is_not_begun() {
    for (offers, octets, fits) in [
        ("250 a\r\n", "\u{e9}\r\n", false),
        ("250-a\r\n250 8BITMIME\r\n", "\u{e9}\r\n", true),
        ("250-a\r\n250 SIZE 4\r\n", "x\r\n", true),
        ("250-a\r\n250 SIZE 4\r\n", "xx\r\n", true),
        ("250-a\r\n250 SIZE 4\r\n", "xxx\r\n", false),
        ("250-a\r\n250 SIZE 4\r\n", "..\r\n", true), // transparency does not count
    ] {
        let mut replies = WELL.to_vec();
        replies[1] = offers;
        let (outcome, said) = send(&replies, &["alice"], octets);
        assert_eq!(
            outcome,
            if fits { "sent" } else { "unfit, never" },
            "{octets:?}"
        );
        assert_eq!(said == "EHLO b.example\r\nQUIT\r\n", !fits, "{said}");
    }
}

#[test]
fn a_refused_recipient_does_not_stop_the_others_and_every_reply_is_heard() {
    // DEFECTS 16 and 17: async-smtp #72, lettre connection.rs:120, MailKit #309.
    // Also chatmail #8640.
    let names = ["a", "b", "c", "d"];
    let rcpt = [
        "250 ok\r\n",
        "550 who?\r\n",
        "250 ok\r\n",
        "450 not now\r\n",
    ];
    // The dot decides about those whom the server has accepted.
    for (dot, expected) in [
        ("250 kept\r\n", "sent never sent later"),
        ("452 full\r\n", "later never later later"),
        ("554 no\r\n", "never never never later"),
    ] {
        let replies = [&WELL[..3], &rcpt, &["354 go on\r\n", dot, "221 bye\r\n"]].concat();
        let (outcome, said) = send(&replies, &names, TEXT);
        assert_eq!(outcome, expected);
        assert_eq!(
            said.lines().filter(|line| line.starts_with("RCPT")).count(),
            4
        );
        assert!(said.ends_with("\r\n.\r\nQUIT\r\n"), "{said}");
    }
    let replies = [&WELL[..3], &rcpt, &WELL[4..]].concat();
    let stream = Shared::new(Script::new(replies));
    let verdicts = send_over(stream, &names, &text(TEXT)).expect("verdicts");
    let last: Vec<String> = verdicts.iter().map(|verdict| verdict.to_string()).collect();
    let said = "the server said:";
    assert_eq!(
        last,
        [
            "to <a@a.example>: 250 kept".to_string(),
            format!("to <b@a.example>: at RCPT {said} 550 who?"),
            "to <c@a.example>: 250 kept".to_string(),
            format!("to <d@a.example>: at RCPT {said} 450 not now"),
        ]
    );
}

#[test]
fn a_letter_that_nobody_gets_is_dropped_and_the_next_goes_well() {
    let nobody = ["550 who?\r\n", "450 not now\r\n", "250 reset\r\n"];
    let no_data = ["250 ok\r\n", "250 ok\r\n", "451 no\r\n", "250 reset\r\n"];
    for (refused, data, expected) in [
        (&nobody[..], "", "never later"),
        (&no_data, "DATA\r\n", "later later"),
    ] {
        let replies = [&WELL[..3], refused, &WELL[2..]].concat();
        let stream = Shared::new(Script::new(replies));
        let opened = Client::open(Wire::new(stream.clone()), &helo(), Timeouts::RFC);
        let mut client = opened.expect("a greeting");
        let first = send_by(&mut client, &["a", "b"], &text(TEXT));
        assert_eq!(outcome(&Ok(first)), expected);
        let second = send_by(&mut client, &["alice"], &text(TEXT));
        assert_eq!(outcome(&Ok(second)), "sent");
        client.quit();
        let said = format!(
            "EHLO b.example\r\n{0}RCPT TO:<a@a.example>\r\nRCPT TO:<b@a.example>\r\n\
             {data}RSET\r\n{0}RCPT TO:<alice@a.example>\r\nDATA\r\n{1}QUIT\r\n",
            SAID[1], SAID[4]
        );
        assert_eq!(stream.written(), said);
    }
}

#[test]
fn a_552_to_rcpt_means_later_and_to_the_dot_never() {
    // RFC 5321 §4.5.3.1.10: an old way to say 452, too many recipients.
    let mut replies = WELL;
    replies[3] = "552 too many\r\n";
    assert_eq!(send(&replies, &["alice"], TEXT).0, "later");
    let mut replies = WELL;
    replies[5] = "552 too big\r\n";
    assert_eq!(send(&replies, &["alice"], TEXT).0, "never");
}

/// A connection that breaks after so many octets of ours.
struct Breaking(Shared, usize);

impl Read for Breaking {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Breaking {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        if self.1 == 0 {
            return Err(ErrorKind::BrokenPipe.into());
        }
        let written = self.0.write(&octets[..octets.len().min(self.1)])?;
        self.1 -= written;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream for Breaking {
    fn allow(&mut self, timeout: Duration) -> io::Result<()> {
        self.0.allow(timeout)
    }
}

#[test]
fn a_connection_that_breaks_has_an_unknown_outcome_only_once_the_dot_may_be_out() {
    let before: usize = SAID[..4].iter().map(|said| said.len()).sum();
    let large = "x\r\n".repeat(100_000);
    for (octets, after, expected) in [
        (TEXT, before - 1, "Data broken, later"),
        (TEXT, before, "unknown, later"), // the text and its dot are one write
        (TEXT, before + SAID[4].len() - 1, "unknown, later"),
        (TEXT, before + SAID[4].len(), "sent"),
        (&large, before + 1000, "Text broken, later"),
        (&large, before + large.len() - 65536, "Text broken, later"),
        (&large, before + large.len(), "unknown, later"),
    ] {
        let stream = Breaking(Shared::new(Script::new(WELL)), after);
        let sent = send_over(stream, &["alice"], &text(octets));
        assert_eq!(outcome(&sent), expected, "after {after}");
    }
}

#[test]
fn a_server_that_hangs_up_in_the_text_is_heard_all_the_same() {
    let before: usize = SAID[..4].iter().map(|said| said.len()).sum();
    let large = "x\r\n".repeat(100_000);
    for (said, in_text, at_the_end) in [
        ("552 too big\r\n", "never", "never"),
        ("421 closing\r\n", "later", "later"),
        ("250 kept\r\n", "Text broken, later", "unknown, later"), // it cannot have all of it
        ("", "Text broken, later", "unknown, later"),
    ] {
        let mut replies = WELL;
        replies[5] = said;
        for (after, expected) in [(1000, in_text), (large.len(), at_the_end)] {
            let stream = Shared::new(Script::new(replies.into_iter().take(6)));
            let sent = send_over(Breaking(stream, before + after), &["alice"], &text(&large));
            assert_eq!(outcome(&sent), expected, "{said:?} after {after}");
        }
    }
}

fn authenticate(
    offers: &'static str,
    replies: &'static [&'static str],
) -> (String, String, String) {
    let stream = Shared::new(Script::new([&[GREETING, offers], replies].concat()));
    let notes = Notes::default();
    let trace = Trace::of_client(Box::new(notes.clone())).with_mask(PasswordMask::default());
    let wire = Wire::traced(stream.clone(), Some(trace));
    let mut client = Client::open(wire, &helo(), Timeouts::RFC).expect("open");
    let (user, password) = ("alice".to_string(), "wonderland".to_string());
    let proved = client.authenticate(&Credentials { user, password });
    client.quit();
    let outcome = outcome(&proved.map(|()| Vec::new()));
    let said = stream.written();
    let auth = said
        .strip_prefix("EHLO b.example\r\n")
        .and_then(|said| said.strip_suffix("QUIT\r\n"));
    (outcome, auth.expect(&said).to_string(), notes.text())
}

#[test]
fn auth_says_plain_if_it_can_then_login_and_else_keeps_the_password() {
    const PLAIN: &str = "AUTH PLAIN AGFsaWNlAHdvbmRlcmxhbmQ=\r\n";
    const LOGIN: &str = "AUTH LOGIN\r\nYWxpY2U=\r\nd29uZGVybGFuZA==\r\n";
    const ASKS: [&str; 4] = [
        "334 VXNlcm5hbWU6\r\n",
        "334 UGFzc3dvcmQ6\r\n",
        "235 welcome\r\n",
        "221 bye\r\n",
    ];
    let (both, login) = (
        "250-a\r\n250 AUTH LOGIN PLAIN\r\n",
        "250-a\r\n250 auth login\r\n",
    );
    for (offers, replies, said, expected) in [
        (both, &["235 welcome\r\n", "221 bye\r\n"][..], PLAIN, ""),
        (
            both,
            &["535 no\r\n", "221 bye\r\n"],
            PLAIN,
            "Auth refused, never",
        ),
        (
            both,
            &["454 later\r\n", "221 bye\r\n"],
            PLAIN,
            "Auth refused, later",
        ),
        (both, &[], PLAIN, "Auth broken, later"),
        (login, &ASKS, LOGIN, ""),
        (
            login,
            &["504 no\r\n", "221 bye\r\n"],
            "AUTH LOGIN\r\n",
            "Auth refused, never",
        ),
        (
            login,
            &["334 x\r\n", "535 no\r\n"],
            "AUTH LOGIN\r\nYWxpY2U=\r\n",
            "Auth refused, never",
        ),
        (
            login,
            &["334 x\r\n", "334 x\r\n", "535 no\r\n"],
            LOGIN,
            "Auth refused, never",
        ),
        // All lines count, and both spellings, also that of old servers.
        (
            "250-a\r\n250 AUTH=PLAIN LOGIN\r\n",
            &["235 in\r\n"],
            PLAIN,
            "",
        ),
        ("250-a\r\n250 auth=LOGIN\r\n", &ASKS, LOGIN, ""),
        ("250-a\r\n250 AUTH\tPLAIN\r\n", &["235 in\r\n"], PLAIN, ""),
        (
            "250-a\r\n250-AUTH=PLAIN LOGIN\r\n250 AUTH CRAM-MD5\r\n",
            &["235 in\r\n"],
            PLAIN,
            "",
        ),
        (
            "250-a\r\n250-AUTH CRAM-MD5\r\n250-SIZE\r\n250-AUTH NTLM\r\n250 AUTH LOGIN\r\n",
            &ASKS,
            LOGIN,
            "",
        ),
        (
            "250-a\r\n250-AUTH LOGIN\r\n250 AUTH PLAIN\r\n",
            &["235 in\r\n"],
            PLAIN,
            "",
        ),
        (
            "250-a\r\n250 AUTH=\r\n",
            &["221 bye\r\n"],
            "",
            "unfit, never",
        ),
        ("250 a\r\n", &["221 bye\r\n"], "", "unfit, never"),
        (
            "250-a\r\n250 AUTH CRAM-MD5\r\n",
            &["221 bye\r\n"],
            "",
            "unfit, never",
        ),
        (
            "250-a\r\n250 AUTHPLAIN\r\n",
            &["221 bye\r\n"],
            "",
            "unfit, never",
        ),
    ] {
        let (outcome, auth, trace) = authenticate(offers, replies);
        assert_eq!(
            (outcome.as_str(), auth.as_str()),
            (expected, said),
            "{offers}{replies:?}"
        );
        // DEFECTS 32: go-mail #338: passwords in the log.
        for secret in ["AGFsaWNl", "d29uZG", "wonderland"] {
            assert!(!trace.contains(secret), "{trace}");
        }
    }
}

#[test]
fn a_server_that_is_out_of_step_does_not_get_the_password() {
    // It asks twice at once, so nobody knows what it takes the next line for.
    const OFFER: &str = "250-a\r\n250 AUTH LOGIN\r\n";
    for (replies, said) in [
        (&["334 user\r\n334 password\r\n"][..], "AUTH LOGIN\r\n"),
        (&["334 user\r\n250 ok\r\n"], "AUTH LOGIN\r\n"),
        (
            &["334 user\r\n", "334 password\r\n235 in\r\n"],
            "AUTH LOGIN\r\nYWxpY2U=\r\n",
        ),
    ] {
        let (outcome, auth, _) = authenticate(OFFER, replies);
        assert_eq!(outcome, "Auth out of step, later", "{replies:?}");
        assert_eq!(auth, said, "{replies:?}");
    }
}

/// A conversation with a server that says these replies after the greeting and the hello: the
/// verdicts in full, and what we said from MAIL on.
fn verdicts(replies: &[&str], names: &[&str]) -> (Vec<String>, String) {
    let hello = [&WELL[..2], replies].concat();
    let hello: Vec<Vec<u8>> = hello
        .iter()
        .map(|reply| reply.as_bytes().to_vec())
        .collect();
    let stream = Shared::new(Script::new(hello));
    let verdicts = send_over(stream.clone(), names, &text(TEXT)).expect("a hello");
    let mut verdicts: Vec<String> = verdicts.iter().map(Verdict::to_string).collect();
    verdicts.sort();
    let said = stream.written();
    (
        verdicts,
        said.strip_prefix(SAID[0]).expect("EHLO").to_string(),
    )
}

// ours 2: a server refused one recipient and closed the connection at the next. The refusal was
// forgotten, and each pass was the same.
#[test]
fn what_was_answered_stays_answered_when_the_conversation_breaks() {
    const OK: &str = "250 ok\r\n";
    const NO: &str = "550 who?\r\n";
    const BYE: &str = "421 closing\r\n";
    const GO: &str = "354 go on\r\n";
    let closed = "the other side closed the connection without a reply";
    let unknown = format!(
        "outcome unknown: the whole text was sent, and then {closed}; the letter may have arrived"
    );
    let said = |stage: &str| format!("at {stage} the server said: 421 closing");
    for (replies, rest) in [
        (&[OK, OK, NO, BYE][..], said("RCPT")),
        (&[OK, OK, NO], format!("at RCPT: {closed}")),
        (
            &[OK, OK, NO, "nonsense\r\n"],
            "at RCPT: this is not a reply".to_string(),
        ),
        (&[OK, OK, "550 who?\r\n421 closing\r\n"], said("RCPT")),
        (&[OK, OK, NO, OK, BYE], said("DATA")),
        (&[OK, OK, NO, OK], format!("at DATA: {closed}")),
        (&[OK, OK, NO, OK, GO, BYE], said("the final dot")),
        (
            &[OK, OK, NO, OK, "354 go on\r\n421 closing\r\n"],
            said("the text"),
        ),
        (&[OK, OK, NO, OK, GO], unknown),
    ] {
        let (verdicts, said) = verdicts(replies, &["alice", "nobody", "zoe"]);
        let never = "to <nobody@a.example>: at RCPT the server said: 550 who?";
        assert_eq!(verdicts[1], never, "{replies:?}");
        for (at, name) in [(0, "alice"), (2, "zoe")] {
            let begin = format!("to <{name}@a.example>: {rest}");
            assert!(
                verdicts[at].starts_with(&begin),
                "{replies:?}: {verdicts:?}"
            );
        }
        // To a server that is closing no recipient is named any more.
        let names = said.matches("RCPT").count();
        let due = if replies.len() == 3 && rest.contains("421") {
            2
        } else {
            3
        };
        assert_eq!(names, due, "{replies:?}: {said}");
    }
    // All were refused, and then it broke at RSET: nobody waits.
    let (verdicts, _) = verdicts(&[OK, NO, "551 gone\r\n"], &["a", "b"]);
    let said = "at RCPT the server said:";
    let due = [
        format!("to <a@a.example>: {said} 550 who?"),
        format!("to <b@a.example>: {said} 551 gone"),
    ];
    assert_eq!(verdicts, due);
}

/// A server that has room for so many recipients in one transaction, and for so many transactions.
#[derive(Clone)]
struct Small {
    room: usize,
    full: &'static str,
    transactions: usize,
    named: usize,
    /// How many were taken in each transaction, and how many were named in all.
    taken: Vec<usize>,
    rcpts: usize,
    says: Vec<u8>,
    in_text: bool,
}

impl Small {
    fn new(room: usize, full: &'static str, transactions: usize) -> Small {
        Small {
            room,
            full,
            transactions,
            named: 0,
            taken: Vec::new(),
            rcpts: 0,
            says: GREETING.into(),
            in_text: false,
        }
    }

    fn hear(&mut self, line: &str) {
        let reply = match line.split([' ', ':']).next().unwrap_or_default() {
            "." if self.in_text => {
                self.in_text = false;
                self.taken.push(self.named);
                "250 kept"
            }
            _ if self.in_text => return,
            "MAIL" if self.taken.len() == self.transactions => "451 enough for now",
            "MAIL" => {
                self.named = 0;
                "250 ok"
            }
            "RCPT" => {
                self.rcpts += 1;
                if self.named == self.room {
                    self.full
                } else {
                    self.named += 1;
                    "250 ok"
                }
            }
            "DATA" => {
                self.in_text = true;
                "354 go on"
            }
            _ => "250 ok",
        };
        self.says
            .extend_from_slice(format!("{reply}\r\n").as_bytes());
    }
}

impl Read for Small {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let octets = buffer.len().min(self.says.len());
        buffer[..octets].copy_from_slice(&self.says[..octets]);
        self.says.drain(..octets);
        Ok(octets)
    }
}

impl Write for Small {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(octets).into_owned();
        text.lines().for_each(|line| self.hear(line));
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream for &mut Small {
    fn allow(&mut self, _: Duration) -> io::Result<()> {
        Ok(())
    }
}

// ours 3: a letter to 2,500 people at one host went to a hundred of them in each pass. After five
// days, 500 were bounced.
#[test]
fn many_recipients_go_in_transactions_of_a_hundred_one_after_another() {
    // RFC 5321 §4.5.3.1.8 and §4.5.3.1.10
    assert_eq!(RECIPIENTS_AT_ONCE, 100);
    for (recipients, room, full, taken) in [
        (99, 1000, "", &[99][..]),
        (100, 1000, "", &[100]),
        (101, 1000, "", &[100, 1]),
        (250, 1000, "", &[100, 100, 50]),
        (250, 100, "452 too many", &[100, 100, 50]),
        (250, 70, "452 too many", &[70, 70, 70, 40]),
        (120, 50, "552 too many", &[50, 50, 20]),
        (5, 1, "452 one at a time", &[1, 1, 1, 1, 1]),
        (100, 1, "452 one at a time", &[1, 1, 1, 1]), // one more is named each time, and no more
        (3, 0, "452 none at all", &[]),
        (250, 0, "452 none at all", &[]),
        (120, 50, "550 too many", &[50]), // that is for good
    ] {
        let mut server = Small::new(room, full, usize::MAX);
        let names: Vec<String> = (0..recipients).map(|number| format!("u{number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let sent = send_over(&mut server, &names, &text(TEXT)).expect("a hello");
        let case = format!("{recipients} to {room}: {full}");
        assert!(
            server.taken.starts_with(taken),
            "{case}: {:?}",
            server.taken
        );
        let has_it = sent.iter().filter(|verdict| verdict.result.is_ok()).count();
        assert_eq!(has_it, server.taken.iter().sum::<usize>(), "{case}");
        let mut paths: Vec<String> = sent.iter().map(|it| it.path.to_string()).collect();
        paths.sort();
        paths.dedup();
        assert_eq!(paths.len(), recipients, "each has one verdict: {case}");
        assert_eq!(sent.len(), recipients, "each has one verdict: {case}");
        let all = room > 0 && !full.starts_with("550");
        assert_eq!(has_it == recipients, all, "{case}");
        assert!(
            server.rcpts <= 2 * recipients,
            "{case}: {} RCPT",
            server.rcpts
        );
    }
}

#[test]
fn a_no_to_one_transaction_is_none_to_those_who_were_not_named_but_later_is_later_for_all() {
    let names: Vec<String> = (0..250).map(|number| format!("u{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut server = Small::new(1000, "", 1);
    let sent = send_over(&mut server, &names, &text(TEXT)).expect("a hello");
    let later = |verdict: &&Verdict| verdict.to_string().ends_with(": 451 enough for now");
    assert_eq!(server.taken, [100]);
    assert_eq!(sent.iter().filter(later).count(), 150);

    let (ok, no) = ("250 ok\r\n", "554 not to these\r\n");
    let hundred = vec!["250 ok\r\n"; RECIPIENTS_AT_ONCE];
    for refusal in [&["354 go on\r\n", no][..], &[no, "250 reset\r\n"]] {
        let second = [ok, ok, "354 go on\r\n", "250 kept\r\n"];
        let replies = [&[ok], &hundred[..], refusal, &second].concat();
        let (verdicts, _) = verdicts(&replies, &names[..=RECIPIENTS_AT_ONCE]);
        let of = |end: &str| verdicts.iter().filter(|it| it.ends_with(end)).count();
        assert_eq!((of("554 not to these"), of("250 kept")), (100, 1));
    }
    // The dot got no answer: the others have not got the letter for sure.
    let replies = [&[ok], &hundred[..], &["354 go on\r\n"]].concat();
    let (verdicts, _) = verdicts(&replies, &names[..=RECIPIENTS_AT_ONCE]);
    let of = |what: &str| verdicts.iter().filter(|it| it.contains(what)).count();
    assert_eq!(
        (of("may have arrived"), of(": at the final dot: ")),
        (100, 1)
    );
}

#[test]
fn no_transaction_begins_before_the_verdicts_of_the_last_one_were_taken() {
    let mut server = Small::new(1, "452 one at a time", usize::MAX);
    let mut client = Client::open(Wire::new(&mut server), &helo(), Timeouts::RFC).expect("open");
    let (from, to) = ("<>".parse().expect("a path"), recipients(&["a", "b", "c"]));
    let text = text(TEXT);
    let sent = client.send(&from, &to, &text).take(2);
    assert_eq!(sent.map(|verdicts| verdicts.len()).sum::<usize>(), 2);
    drop(client);
    assert_eq!(server.taken, [1, 1]);
}

#[test]
fn a_text_arrives_to_the_octet_whatever_its_dots() {
    // DEFECTS 9, 10, 13: curl #2304, MailKit #788, aiosmtpd #561.
    let mut octets: Vec<Vec<u8>> = strings(&[b".", b"x", b"\r\n"], 5)
        .filter(|octets| octets.is_empty() || octets.ends_with(b"\r\n"))
        .collect();
    octets.push([&b"x".repeat(65533)[..], b"\r\n.\r\n..\r\n"].concat());
    octets.push(b".\r\n".repeat(50_000));
    let inn = Inn::open(1, Timeouts::RFC.of(Stage::Hello));
    let socket = connect(&inn.address, Timeouts::RFC.of(Stage::Greeting)).expect("a server");
    let mut client = Client::open(Wire::new(socket), &helo(), Timeouts::RFC).expect("open");
    for octets in &octets {
        let sent = send_by(&mut client, &["alice"], &text(octets));
        assert_eq!(outcome(&Ok(sent)), "sent", "{octets:?}");
    }
    client.quit();
    let letters = inn.close();
    let came: Vec<&[u8]> = letters.iter().map(|letter| letter.text.octets()).collect();
    assert!(
        came == octets,
        "{} letters of {} came",
        came.len(),
        octets.len()
    );
}

#[test]
fn connect_tries_every_address_of_a_name() {
    let inn = Inn::open(1, Timeouts::RFC.of(Stage::Hello));
    let nobody: SocketAddr = "127.0.0.1:0".parse().expect("an address"); // port 0 is no port
    let addresses = [nobody, inn.address.parse().expect("an address")];
    let timeout = Duration::from_secs(10);
    let socket = connect(&addresses[..], timeout).expect("the second answers");
    let client = Client::open(Wire::new(socket), &helo(), Timeouts(Some(timeout))).expect("open");
    client.quit();
    inn.close();
    assert!(connect(&addresses[..1], timeout).is_err());
    let none = connect(&addresses[..0], timeout).expect_err("no address");
    assert_eq!(none.kind(), ErrorKind::NotFound);
}

#[test]
fn a_failure_says_where_it_happened_in_the_words_of_the_server() {
    for (step, reply, expected) in [
        (
            0,
            "554 no service here\r\n",
            "at the greeting the server said: 554 no service here",
        ),
        (
            2,
            "550-go\r\n550 away\r\n",
            "at MAIL the server said: 550 go; away",
        ),
        (
            3,
            "",
            "at RCPT: the other side closed the connection without a reply",
        ),
        (
            4,
            "",
            "at DATA: the other side closed the connection without a reply",
        ),
        (
            5,
            "",
            "outcome unknown: the whole text was sent, and then the other side closed the \
                 connection without a reply; the letter may have arrived",
        ),
    ] {
        let replies = [&WELL[..step], &[reply]].concat();
        let failure = match send_over(Script::new(replies), &["alice"], &text(TEXT)) {
            Ok(verdicts) => verdicts[0].result.clone().expect_err("a failure"),
            Err(failure) => failure,
        };
        assert_eq!(failure.to_string(), expected);
    }
}
