//! SMTP smuggling (DEFECTS 4 to 13), across all chapters.
//!
//! A letter's text ends with CR LF "." CR LF. There have been servers that took less for the end, a
//! mere LF "." LF, and senders that passed such octets on as text. Between two that disagree, what
//! the one sends as text the other runs as commands: one letter becomes two, and the second is from
//! whomever the attacker likes (CVE-2023-51764 Postfix, -51765 Sendmail, -51766 Exim, -52354
//! chasquid, CVE-2024-27305 aiosmtpd, go-smtp #243, James #1876).
//!
//! So we try everything that stands before a dot, with everything that stands after it, and demand
//! two things. As a receiver: the real end ends the text and nothing else does, wherever TCP cuts
//! the stream. As a sender, from whatever source: no receiver that errs as others did sees two
//! letters.

#[allow(dead_code)]
mod common {
    pub mod folder;
    pub mod inn;
    pub mod mailbox;
    pub mod process;
    pub mod script;
    pub mod side_by_side;
}

use common::folder::TempDir;
use common::folder::new_letters;
use common::inn::{Guest, Memory, conversation};
use common::mailbox::{Letterbox, enqueue};
use common::process::{Server, make_site, run};
use common::script::{Script, latin1, octets, splits};
use common::side_by_side::side_by_side;
use smtp_primer::client::{Client, SendError, Stage, Timeouts, Verdict};
use smtp_primer::pop3::client as pop3;
use smtp_primer::protocol::dot::Text;
use smtp_primer::protocol::line::{Stream, Wire};
use smtp_primer::protocol::sasl::Credentials;
use std::collections::BTreeSet;
use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::thread::JoinHandle;
use std::time::Duration;

/// What some program somewhere takes for the end of a line, or passes over, or makes one of. Each
/// character is one octet.
const AROUND: [&str; 25] = [
    "",
    "\r\n",
    "\n",
    "\r",
    "\r\r\n",
    "\n\r",
    "\r\n\r",
    "\n\r\n",
    "\r\n\n",
    "\n\n",
    "\r\r",
    "\r\0\n",
    "\0\r\n",
    "\r\n\0",
    "\0",
    "\r\n ",
    " \r\n",
    "\r \n",
    "\r\n.",
    "\x0b", // VT and FF, which end lines for Unicode,
    "\x0c",
    "\u{85}",             // as do NEL, raw
    "\u{c2}\u{85}",       // and in UTF-8,
    "\u{e2}\u{80}\u{a8}", // and U+2028
    "\u{8d}\u{8a}",       // CR LF for who cuts off the eighth bit
];

/// Every end that is one, or pretends to be one: behind a first line, and as the first line itself.
fn ends() -> Vec<String> {
    let befores = AROUND.map(|before| format!("x{before}"));
    let befores = befores.iter().map(String::as_str).chain([""]);
    let around = |before| AROUND.map(|after| format!("{before}.{after}"));
    befores.flat_map(around).collect()
}

/// What must not be run: a second letter, from somebody else.
const SMUGGLED: &str = "MAIL FROM:<eve@e>\r\nRCPT TO:<postmaster>\r\nDATA\r\ny\r\n.\r\n";
const TO_DATA: &str = "HELO b\r\nMAIL FROM:<>\r\nRCPT TO:<postmaster>\r\nDATA\r\n";

/// Answered 250, 221 by a server that is in step, and not at all by one that has closed.
const FAREWELL: &str = "NOOP\r\nQUIT\r\n";

fn has_bare_newline(text: &str) -> bool {
    text.replace("\r\n", "").contains(['\r', '\n'])
}

/// The rule in other words: the text that a stream holds, if it is one, and what stands behind it.
fn rule(stream: &str) -> (Option<String>, String) {
    let stream = format!("\r\n{stream}");
    let (stuffed, rest) = stream.split_once("\r\n.\r\n").expect("an end");
    let text = format!("{stuffed}\r\n").replace("\r\n.", "\r\n")[2..].to_string();
    let text = (!has_bare_newline(stuffed)).then_some(text);
    (text, rest.to_string())
}

/// A server was sent TO_DATA, a stream, and FAREWELL: it must have answered so, and kept so much.
fn assert_not_fooled(stream: &str, replies: &[u16], kept: &[String]) {
    let (text, rest) = rule(stream);
    let (to_data, replies) = replies.split_at(5);
    assert_eq!(to_data, [220, 250, 250, 250, 354]);
    let due = text.as_slice();
    match (due.is_empty(), rest.as_str()) {
        (false, "") => assert_eq!(replies, [250, 250, 221], "{stream:?}"),
        (true, "") => assert_eq!(replies, [554, 250, 221], "{stream:?}"),
        // The real end. What stands behind it the caller has said; everybody agrees on that.
        (false, _) => {
            assert_eq!(replies[0], 250, "{stream:?}");
            assert_eq!(kept.len() == 2, replies.contains(&354), "{stream:?}");
            return assert_eq!(kept[0], due[0], "{stream:?}");
        }
        // Here too. But the text before it was doubtful, and such a caller begins no more letters.
        (true, _) => {
            let after = replies
                .strip_suffix(&[421])
                .or(replies.strip_suffix(&[250, 221]));
            let after = after.unwrap_or_else(|| panic!("{stream:?}: {replies:?}"));
            assert_eq!(after[0], 554, "{stream:?}");
            assert!(
                after.iter().all(|code| *code >= 500),
                "{stream:?}: {replies:?}"
            );
        }
    }
    assert_eq!(kept, due, "{stream:?}");
}

#[test]
fn only_the_real_end_ends_a_text_wherever_the_stream_is_cut() {
    let tried = side_by_side(ends(), |end| {
        let stream = format!("{end}{SMUGGLED}");
        let (text, rest) = rule(&stream);
        let mut cuts = 0;
        for pieces in splits(&octets(&format!("{TO_DATA}{stream}{FAREWELL}"))) {
            let mut memory = Memory::default();
            let (replies, _) = conversation(Script::new(pieces), 1000, &mut memory);
            let kept = memory.letters.iter();
            let kept: Vec<String> = kept.map(|letter| latin1(letter.text.octets())).collect();
            assert_not_fooled(&stream, &replies, &kept);
            cuts += 1;
        }
        let is_real = rest == SMUGGLED && text.is_some();
        (is_real, text.is_none(), cuts)
    });
    let real = tried.iter().filter(|(is_real, ..)| *is_real).count();
    let doubtful = tried.iter().filter(|(_, is_doubtful, _)| *is_doubtful);
    let cuts: usize = tried.iter().map(|(.., cuts)| cuts).sum();
    let count = (tried.len(), real, doubtful.count(), cuts);
    assert_eq!(count, (650, 4, 432, 79429));
}

#[test]
fn nor_does_anything_else_where_the_text_is_too_big() {
    for end in ends() {
        let stream = format!("{end}{SMUGGLED}");
        let mut memory = Memory::default();
        let script = Script::says(octets(&format!("{TO_DATA}{stream}{FAREWELL}")));
        let (replies, _) = conversation(script, 0, &mut memory);
        let due = match rule(&stream).0.as_deref() {
            Some("") => 250, // no octet is too much
            Some(_) => 552,
            None => 554, // this must be known also where nothing of the text is kept
        };
        assert_eq!(replies[5], due, "{stream:?}");
        assert_eq!(memory.letters.len(), usize::from(due == 250), "{stream:?}");
        assert!(due != 554 || !replies[6..].contains(&354), "{stream:?}");
    }
}

#[test]
fn nor_does_anything_else_in_the_real_server() {
    let folder = TempDir::in_memory("smuggling");
    let site = make_site(folder.path(), "a.example", &[], "");
    let server = Server::start("serve", &site, &["--quiet"]);
    let mut next = Guest::call_only(&server.address);
    for end in ends() {
        // A server on a leash dozes when nobody stands in line.
        let mut guest = std::mem::replace(&mut next, Guest::call_only(&server.address));
        guest.send(TO_DATA);
        for octet in octets(&end) {
            guest.send([octet]); // in a packet of its own, if TCP has time for it
        }
        guest.send(format!("{SMUGGLED}{FAREWELL}"));
        let replies = guest.rest();
        let kept = new_letters(&site, "postmaster");
        let kept: Vec<String> = kept
            .iter()
            .map(|letter| below_trace(&latin1(letter)))
            .collect();
        assert_not_fooled(&format!("{end}{SMUGGLED}"), &replies, &kept);
        if !kept.is_empty() {
            let new = site.join("mail/postmaster/new");
            std::fs::remove_dir_all(&new).expect("a mailbox");
            std::fs::create_dir(&new).expect("a mailbox");
        }
    }
}

/// A letter below what servers put on top: fields and, as these letters have no header, an empty
/// line (RFC 5321 §4.4).
fn below_trace(letter: &str) -> String {
    let (trace, letter) = letter
        .split_once(" +0000\r\n\r\n")
        .expect("a Received field");
    assert!(trace.contains("Received: "), "{trace}");
    letter.to_string()
}

/// How somebody reads a stream: what is made of the octets first, and what then ends a text.
type Reading = (fn(&str) -> String, &'static str);

/// How servers have read that erred. Some are not here, for no sender can protect them: a text may
/// hold any octet (RFC 5321 §4.1.1.4). Who drops NULs first sees an end in CR LF NUL "." CR LF; who
/// splits lines as Unicode does, in VT "." VT; who says 8BITMIME and cuts off the eighth bit all
/// the same, in the last of [`AROUND`].
const READINGS: [Reading; 4] = [
    (str::to_string, "\r\n.\r\n"), // nothing: that is the rule
    // LF alone ends a line too: Postfix, Exim, aiosmtpd, chasquid, go-smtp, James.
    (|text| text.replace("\r\n", "\n"), "\n.\n"),
    // Every CR is dropped: OpenSMTPD, and Postfix before 20240106 where they stand before LF.
    (|text| text.replace('\r', ""), "\n.\n"),
    // CR alone ends a line too, with LF and without.
    (
        |text| text.replace("\r\n", "\r").replace('\n', "\r"),
        "\r.\r",
    ),
];

/// A text as it went over the wire is this letter, and to every reader it is one.
fn assert_carries(wire: &str, letter: &str) {
    assert_eq!(rule(wire), (Some(letter.to_string()), String::new()));
    for (read, end) in READINGS {
        let seen = read(&format!("\r\n{wire}"));
        let (_, smuggled) = seen.split_once(end).expect("an end");
        assert_eq!(smuggled, "", "{letter:?} on the wire: {wire:?}");
    }
}

/// A file as a text: each line end, of whatever kind, is one CR LF.
fn as_text(file: &str) -> String {
    let lines = file.replace("\r\n", "\n").replace('\r', "\n");
    lines.replace('\n', "\r\n")
}

/// A server that answers as it should, and remembers the texts as they came.
struct Hop {
    heard: String,
    end: &'static str,
    texts: Vec<String>,
    says: Vec<u8>,
    answers: usize,
    /// Behind its answer of this number it says more.
    more: (usize, String),
    to_the_dot: &'static str,
}

impl Hop {
    fn new(more: (usize, String), to_the_dot: &'static str) -> Hop {
        let mut hop = Hop {
            heard: String::new(),
            end: "\r\n",
            texts: Vec::new(),
            says: Vec::new(),
            answers: 0,
            more,
            to_the_dot,
        };
        hop.say("220 b.example");
        hop
    }

    fn say(&mut self, answer: &str) {
        let (number, more) = &self.more;
        let more = if self.answers == *number { more } else { "" };
        self.says.extend(octets(&format!("{answer}{more}\r\n")));
        self.answers += 1;
    }

    fn hear(&mut self, octets: &[u8]) {
        self.heard += &latin1(octets);
        while let Some((said, rest)) = self.heard.split_once(self.end) {
            let (said, rest) = (said.to_string(), rest.to_string());
            let is_data = self.end == "\r\n" && said == "DATA";
            let answer = match said.get(..4) {
                _ if self.end != "\r\n" => {
                    self.texts.push(format!("{said}\r\n.\r\n")[2..].to_string());
                    self.to_the_dot
                }
                Some("EHLO") => "250-b.example\r\n250 8BITMIME",
                Some("DATA") => "354 go on",
                Some("QUIT") => "221 goodbye",
                _ => "250 OK",
            };
            self.say(answer);
            (self.end, self.heard) = match is_data {
                // The CR LF of DATA is the one before the first line.
                true => ("\r\n.\r\n", format!("\r\n{rest}")),
                false => ("\r\n", rest),
            };
        }
    }
}

impl Read for Hop {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let said = self.says.len().min(buffer.len());
        buffer[..said].copy_from_slice(&self.says[..said]);
        self.says.drain(..said);
        Ok(said)
    }
}

impl Write for Hop {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.hear(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream for &mut Hop {
    fn allow(&mut self, _: Duration) -> io::Result<()> {
        Ok(())
    }
}

/// The same behind a port, for so many callers: its address, and the texts that came.
fn listening_hop(callers: usize) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address").to_string();
    let serve = move || {
        let mut texts = Vec::new();
        for _ in 0..callers {
            let (mut stream, _) = listener.accept().expect("a caller");
            let mut hop = Hop::new((usize::MAX, String::new()), "250 kept");
            let mut block = [0; 4096];
            loop {
                let says = std::mem::take(&mut hop.says);
                stream.write_all(&says).expect("a caller who listens");
                match stream.read(&mut block).expect("what it says") {
                    0 => break,
                    heard => hop.hear(&block[..heard]),
                }
            }
            texts.append(&mut hop.texts);
        }
        texts
    };
    (address, std::thread::spawn(serve))
}

fn send(hop: &mut Hop, text: &Text) -> Result<Vec<Verdict>, SendError> {
    let helo = "a.example".parse().expect("a domain");
    let mut client = Client::open(Wire::new(hop), &helo, Timeouts::RFC)?;
    let from = "<alice@a.example>".parse().expect("a path");
    let to = ["<bob@b.example>".parse().expect("a path")];
    let sent = client.send(&from, &to, text).flatten().collect();
    client.quit();
    Ok(sent)
}

#[test]
fn no_receiver_however_it_reads_sees_two_letters_in_one_that_the_client_sends() {
    // RUSTSEC-2021-0069, CVE-2021-38189: lettre; curl #2304; aiosmtpd #561; lettre fa402db.
    for end in ends() {
        let letter = format!("{end}{SMUGGLED}");
        let is_text = Text::new(octets(&letter)).is_ok();
        assert_eq!(is_text, !has_bare_newline(&letter), "{letter:?}");
        let mut hop = Hop::new((usize::MAX, String::new()), "250 kept");
        let sent = send(&mut hop, &Text::from_file(&octets(&letter)));
        assert!(sent.is_ok_and(|sent| sent[0].result.is_ok()), "{letter:?}");
        assert_eq!(hop.texts.len(), 1, "{letter:?}");
        assert_carries(&hop.texts[0], &as_text(&letter));
    }
}

/// One letter with all ends in it that fit.
fn all(fit: impl Fn(&str) -> bool) -> String {
    let ends = ends().into_iter().filter(|end| fit(end));
    ends.map(|end| format!("{end}{SMUGGLED}")).collect()
}

#[test]
fn nor_in_one_that_send_reads_from_a_file_or_from_its_input() {
    let folder = TempDir::in_memory("smuggling");
    let file = folder.path().join("letter");
    let path = file.to_str().expect("UTF-8");
    let (address, hop) = listening_hop(4);
    let anything = all(|_| true);
    // What `--body` takes is text; with a NUL in it, it would be sent in base64.
    let plain = all(|end| str::from_utf8(&octets(end)).is_ok() && !end.contains('\0'));
    for (option, letter) in [("--message", &anything), ("--body", &plain)] {
        std::fs::write(&file, octets(letter)).expect("a file");
        for source in [path, "-"] {
            let words = ["send", "--quiet", "--server", &address, "--from="];
            let words = [&words[..], &["--to=bob@b.example", option, source]].concat();
            let sent = run(&words, &octets(letter));
            assert!(sent.status.success(), "{sent:?}");
        }
    }
    let texts = hop.join().expect("a next hop");
    assert_eq!(texts.len(), 4);
    for text in &texts[..2] {
        assert_carries(text, &as_text(&anything));
    }
    for text in &texts[2..] {
        let (letter, _) = rule(text);
        let letter = letter.expect("a text");
        assert_carries(text, &letter);
        assert!(letter.ends_with(&format!("\r\n\r\n{}", as_text(&plain))));
    }
}

#[test]
fn an_argument_with_a_line_end_is_refused_before_anybody_is_called() {
    // CVE-2015-9097, CVE-2024-6923, CVE-2025-59419, bpo-43124, nodemailer GHSA-vvjj-xcjg-gr5g.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("a port");
    let address = listener.local_addr().expect("its address").to_string();
    let newlines = AROUND.iter().filter(|end| end.contains(['\r', '\n']));
    let mut tried = 0;
    for newline in newlines.filter(|end| !end.contains('\0')) {
        for (option, value) in [
            ("from", "alice@a.example"),
            ("to", "bob@b.example"),
            ("helo", "a.example"),
            ("subject", "x"),
            ("header", "X: y"),
        ] {
            let smuggled = format!("--{option}={value}{newline}.{newline}{SMUGGLED}");
            let words = ["send", "--timeout=9", "--server", &address, &smuggled];
            let mut words = words.map(str::to_string).to_vec();
            for (other, value) in [("from", "alice@a.example"), ("to", "bob@b.example")] {
                words.extend((other != option).then(|| format!("--{other}={value}")));
            }
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let refused = run(&words, b"x");
            assert_eq!(refused.status.code(), Some(2), "{words:?}: {refused:?}");
            assert!(listener.accept().is_err(), "{words:?}");
            tried += 1;
        }
    }
    assert_eq!(tried, 14 * 5);
}

#[test]
fn a_relay_hands_on_one_letter_and_sets_aside_what_is_no_text() {
    let (address, hop) = listening_hop(1);
    let folder = TempDir::in_memory("smuggling");
    let route = format!("route b.example {address}\n");
    let site = make_site(folder.path(), "a.example", &[], &route);
    // All that a receiver may take goes its whole way: over the wire, into the queue, and on.
    let letter = all(|end| !has_bare_newline(end));
    let server = Server::start("serve", &site, &["--quiet"]);
    let mut guest = Guest::call(&server.address);
    guest.send("EHLO b\r\nMAIL FROM:<>\r\nRCPT TO:<bob@b.example>\r\nDATA\r\n");
    let stuffed = format!("\r\n{letter}").replace("\r\n.", "\r\n..");
    guest.send(octets(&format!("{}.\r\n", &stuffed[2..])));
    assert_eq!(guest.quit(), [250, 250, 250, 354, 250, 221]);
    // The others no receiver of ours has put there.
    let queue = site.join("queue");
    let bare: Vec<String> = ends()
        .into_iter()
        .filter(|end| has_bare_newline(end))
        .collect();
    for (number, end) in bare.iter().enumerate() {
        let letter = octets(&format!("{end}{SMUGGLED}"));
        enqueue(&queue, &format!("foreign-{number}"), &letter);
    }
    let site = site.to_str().expect("UTF-8");
    let relayed = run(&["relay", site, "--once", "--quiet"], b"");
    assert_eq!(relayed.status.code(), Some(1), "{relayed:?}");
    let texts = hop.join().expect("a next hop");
    assert_eq!(texts.len(), 1);
    let (text, _) = rule(&texts[0]);
    let text = text.expect("a text");
    assert_carries(&texts[0], &text);
    assert_eq!(below_trace(&text), letter);
    for number in 0..bare.len() {
        assert!(queue.join(format!("foreign-{number}.damaged")).exists());
        assert!(queue.join(format!("foreign-{number}.letter")).exists());
    }
}

#[test]
fn a_server_that_says_more_than_it_was_asked_is_not_believed() {
    // async-smtp #72, CVE-2020-8794, CVE-2021-33515 and others: replies that a client takes for the
    // answer to what it has not said yet. Here the true answer to the dot is no. A reply has no
    // number, so a client cannot know to what it is an answer; but it asks one thing at a time,
    // and what is there before the question is no answer. If that was not seen, who is one reply
    // behind hears 250 to DATA, or 354 to the dot, and both are nonsense.
    let text = Text::from_file(b"x");
    let (mut tried, mut believed) = (0, BTreeSet::new());
    for number in 0..6 {
        for between in AROUND {
            for more in [
                "220 x", "250 x", "250-x", "354 x", "450 x", "550 x", "", "x",
            ] {
                let mut hop = Hop::new((number, format!("{between}{more}")), "550 no");
                let sent = send(&mut hop, &text);
                let yes = |verdict: &Verdict| verdict.result.is_ok();
                if sent.is_ok_and(|verdicts| verdicts.iter().any(yes)) {
                    believed.insert((number, between, more));
                }
                assert!(hop.texts.len() <= 1 && hop.texts.iter().all(|text| text == "x\r\n.\r\n"));
                tried += 1;
            }
        }
    }
    assert_eq!(believed, [].into());
    assert_eq!(tried, 6 * 25 * 8);
}

#[test]
fn a_letter_fetched_by_pop3_is_one_letter_and_the_answers_stay_in_step() {
    // Mailpit #299, GreenMail #475, #984, hMailServer #126.
    let alice = Credentials {
        user: "alice".to_string(),
        password: "x".to_string(),
    };
    let mut cuts = 0;
    for end in ends() {
        let letter = format!("{end}+OK 5 octets\r\n-ERR\r\n.\r\n");
        let (text, rest) = rule(&letter);
        let answers = |count| vec![b"+OK\r\n".to_vec(); count];
        for pieces in splits(&octets(&format!("+OK\r\n{letter}"))) {
            let wire = Wire::new(Script::new([answers(3), pieces, answers(2)].concat()));
            let mut client = pop3::Pop3Client::open(wire, &alice, Timeouts::RFC.of(Stage::Dot))
                .expect("a login");
            let size = text
                .as_ref()
                .map_or(letter.len(), |text| octets(text).len());
            match (client.retrieve(1, size), &text) {
                (Ok(came), Some(text)) => assert_eq!(&latin1(came.octets()), text),
                (Err(pop3::FetchError::Unfit(_)), None) => {}
                (came, _) => panic!("{letter:?}: {came:?}"),
            }
            if rest.is_empty() {
                client.delete(1).expect("its own answer");
                client.quit().expect("its own answer");
            }
            cuts += 1;
        }
    }
    assert_eq!(cuts, 22_879);
}

#[test]
fn what_pop3_sends_of_a_letter_that_another_program_put_there_is_one_letter() {
    let letter = all(|_| true);
    let mailbox = Letterbox::new(&[&octets(&letter)]);
    let said = mailbox.answers("RETR 1\r\nTOP 1 99999\r\nNOOP\r\n");
    let text = as_text(&letter);
    let stuffed = format!("\r\n{text}").replace("\r\n.", "\r\n..");
    let wire = format!("{}.\r\n", &stuffed[2..]);
    assert_carries(&wire, &text);
    let size = octets(&text).len();
    let retr = format!("+OK {size} octets\r\n{wire}");
    let top = format!("+OK the top of the letter\r\n{wire}");
    assert_eq!(said, format!("{retr}{top}+OK here I am\r\n+OK goodbye\r\n"));
}
