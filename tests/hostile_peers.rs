//! Hostile peers: on the other end of every connection there may be somebody who wants us to hang,
//! to grow or to fall over. Here each program of ours meets them, as a process of its own.
//!
//! The tables below have one row for each thing that a peer does. For each row four things hold:
//!
//! 1. *Time.* It is over within seconds, when `--timeout` is below one.
//! 2. *Memory.* The program never had more than so many megabytes (on Linux, which tells).
//! 3. *Words.* The trace of a server, or the last words of a client, name what happened.
//! 4. *The next one.* The next caller is served; the relay goes on to the next host; `send` and
//!    `inbox` end with the exit status that says what to do.
//!
//! Nothing here sleeps: who dribbles waits in a read with a timeout, for a server that answers it.
//! What it measures is shown by `cargo test --test hostile_peers -- --nocapture`.

#[allow(dead_code)]
mod common {
    pub mod dns;
    pub mod folder;
    pub mod hostile;
    pub mod inn;
    pub mod mailbox;
    pub mod process;
    pub mod script;
    pub mod side_by_side;
}

use common::dns::{ASKED, FINE, answer_to, asked, bind, labels, other_id, record};
use common::folder::TempDir;
use common::folder::new_letters;
use common::hostile::{
    Client, DEADLINE, Host, HostilePeer, JUST_IN_TIME, LIVELY, Pace, Watched, for_each_row, watch,
};
use common::inn::{Guest, codes};
use common::mailbox::put;
use common::process::{Server, make_site, program};
use common::side_by_side::side_by_side;
use smtp_primer::message::Clock;
use smtp_primer::pop3::client::LETTER;
use smtp_primer::protocol::dot::Text;
use smtp_primer::queue::Queue;
use smtp_primer::server::{BUSY_TIMEOUT, CONNECTION_TIMEOUTS};
use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

// Most of the time is spent in waiting, so tables that show the same thing are gone through together.

#[test]
fn whatever_a_client_does_the_next_one_is_served() {
    let tables = [smtp_clients_call_serve, pop3_clients_call_pop3];
    side_by_side(tables, |table| table());
}

#[test]
fn whatever_a_server_does_send_and_inbox_say_at_which_step_and_whether_to_try_again() {
    let tables = [smtp_servers_answer_send, pop3_servers_answer_inbox];
    side_by_side(tables, |table| table());
}

#[test]
fn whatever_a_server_or_a_resolver_does_the_relay_goes_on() {
    let tables = [smtp_servers_answer_relay, resolvers_answer_relay];
    side_by_side(tables, |table| table());
}

/// No program needs more memory than this, in octets, if its letters are small.
const SMALL: usize = 8 * 1024 * 1024;

const MEBIBYTE: usize = 1024 * 1024;

/// Time and memory of one row.
#[track_caller]
fn assert_bounded(row: &str, took: Duration, peak: usize, most: usize) {
    println!("{:5.2} s {:6} kB  {row}", took.as_secs_f64(), peak / 1024);
    assert!(took < DEADLINE, "{row}: it took {took:?}");
    assert!(peak < most, "{row}: it had {peak} octets");
}

// --- An SMTP client against `serve` --------------------------------------------------------------

const TO_DATA: &str =
    "EHLO h.example\r\nMAIL FROM:<h@h.example>\r\nRCPT TO:<alice@a.example>\r\nDATA\r\n";
const TO_RCPT: &str = "EHLO h.example\r\nMAIL FROM:<h@h.example>\r\n";
const NO_LINE: &str = "# the conversation ended early: no line came in time";
const TOO_LONG: &str = "# the conversation ended early: the connection has lasted too long";
const NOT_READ: &str = "# the conversation ended early: our answer was not read in time";
const FOREIGN: &str = "S: 421 a.example this is SMTP, and that line is not; closing";
const MISTAKES: &str = "S: 421 a.example too many mistakes, closing";

fn dribbles(first: &str, again: &'static str, pause: Duration) -> Client {
    Client::Dribbles(first.to_string(), again, pause)
}

fn floods(first: &str, line: &str, times: usize) -> Client {
    Client::Floods(first.to_string(), line.to_string(), times)
}

fn never_reads(first: &str, line: &'static str, times: usize) -> Client {
    Client::NeverReads(first.to_string(), line, times)
}

/// What the client does, the last code that it hears, and what the trace says of it.
///
/// Not here: a client that closes or resets the connection after every few octets, and one that
/// sends 200 kB of dice. They are in tests/ch10_server.rs.
#[rustfmt::skip]
fn smtp_clients() -> Vec<(&'static str, Client, u16, &'static str)> {
    let long = "x".repeat(MEBIBYTE);
    vec![
        ("never hears a reply",
            never_reads("EHLO h.example\r\n", "EXPN all\r\n", 2000), 0, NOT_READ),
        ("never says a word",
            dribbles("", "", JUST_IN_TIME), 421, NO_LINE),
        ("speaks TLS, and waits",
            dribbles("\x16\x03\x01\x02\0\x01\0\x01", "", JUST_IN_TIME), 421, NO_LINE),
        ("says a command an octet at a time",
            dribbles("", "N", JUST_IN_TIME), 421, NO_LINE),
        ("says a text an octet at a time",
            dribbles(TO_DATA, "x", JUST_IN_TIME), 421, NO_LINE),
        ("says a command again and again",
            dribbles("", "NOOP\r\n", LIVELY), 421, TOO_LONG),
        ("says a line of a text again and again",
            dribbles(TO_DATA, "one more line\r\n", LIVELY), 421, TOO_LONG),
        ("floods with empty lines",
            floods("", "\r\n", 1000), 421, MISTAKES),
        ("floods with commands that are none",
            floods("", "WHAT\r\n", 1000), 421, MISTAKES),
        ("speaks HTTP, with commands behind it",
            floods("POST / HTTP/1.1\r\n", &format!("{TO_DATA}x\r\n.\r\n"), 10), 421, FOREIGN),
        ("says lines of a header, with commands behind them",
            floods("Host: a.example\r\n", &format!("{TO_DATA}x\r\n.\r\n"), 10), 421, FOREIGN),
        ("floods with AUTH and junk",
            floods("EHLO h.example\r\n", "AUTH PLAIN =!=\r\n", 1000), 421, MISTAKES),
        ("floods with guesses of a password",
            floods("EHLO h.example\r\n", "AUTH LOGIN\r\neA==\r\neA==\r\n", 1000), 421, MISTAKES),
        // These break no rule, and are answered to the last: only time is their limit.
        ("floods with mistakes, and a success after each",
            floods("", "WHAT\r\nNOOP\r\n", 1000), 221, "C: WHAT"),
        ("floods with NOOP",
            floods("", "NOOP\r\n", 5000), 221, "C: NOOP"),
        ("floods with EHLO",
            floods("", "EHLO h.example\r\n", 2000), 221, "C: EHLO h.example"),
        ("floods with letters that it begins and drops",
            floods("EHLO h.example\r\n", "MAIL FROM:<>\r\nRSET\r\n", 2000), 221, "C: RSET"),
        ("floods with VRFY",
            floods("", "VRFY alice\r\nVRFY nobody\r\n", 2000), 221, "S: 550 no such user here"),
        ("floods with HELP",
            floods("", "HELP\r\n", 2000), 221, "C: HELP"),
        ("floods with recipients",
            floods(TO_RCPT, "RCPT TO:<alice@a.example>\r\n", 2000), 221, "S: 452 too many recip"),
        ("floods with recipients who are nobody",
            floods(TO_RCPT, "RCPT TO:<x@a.example>\r\n", 2000), 221, "S: 550 no such user here"),
        ("says a mebibyte without a line end",
            floods("", &long, 1), 500, "S: 500 line too long, and its end did not come"),
        ("says a mebibyte without a line end in a text, and waits",
            dribbles(&format!("{TO_DATA}{long}"), "", JUST_IN_TIME), 421, NO_LINE),
        ("says lines of a mebibyte in a text",
            floods("", &format!("{TO_DATA}{long}\r\n.\r\n"), 5), 221, "S: 552 too big"),
        ("goes on after QUIT",
            floods("QUIT\r\n", "NOOP\r\n", 2000), 221, "S: 221 a.example goodbye"),
    ]
}

/// A list of which EXPN shows 90 lines, each as long as lines may be: that fills a connection.
fn long_list() -> String {
    let label = "x".repeat(63);
    let member = |n| format!(" member{n}@{label}.{label}.{label}.example");
    format!("alias all{}\n", (0..90).map(member).collect::<String>())
}

/// The next one can deliver.
fn smtp_clients_call_serve() {
    for_each_row(
        &smtp_clients(),
        |row| row.1.pace(),
        |(row, client, last, words), pace| {
            let begun = Instant::now();
            let folder = TempDir::in_memory("hostile");
            let site = make_site(folder.path(), "a.example", &["alice:x"], &long_list());
            let options = ["--timeout", &pace.timeout, "--max-size", "100000"];
            let server = Server::start("serve", &site, &options);
            let mut hostile = Guest::call_only(&server.address);
            let mut next = Guest::call_only(&server.address);

            let heard = client.act(&mut hostile, pace);
            let code = codes(heard.as_bytes()).last().copied();
            assert_eq!(code.unwrap_or_default(), *last, "{row}");

            assert_eq!(next.hear(), 220, "{row}");
            let letter = TO_DATA.replace("<h@h", "<next@next");
            next.send(format!("{letter}Hello\r\n.\r\n"));
            assert_eq!(next.quit(), [250, 250, 250, 354, 250, 221], "{row}");
            let letters = new_letters(&site, "alice");
            assert_eq!(letters.len(), 1, "{row}");
            assert!(letters[0].starts_with(b"Return-Path: <next@next.example>"));

            let peak = server.peak_memory().unwrap_or_default();
            assert_bounded(row, begun.elapsed(), peak, SMALL);
            let trace = server.end();
            assert!(trace.contains(words), "{row}: {}", end_of(&trace));
            drop(hostile); // Until now it held on to its end of the connection.
        },
    );
}

/// The last lines of a trace that may have a hundred thousand.
fn end_of(trace: &str) -> String {
    let lines: Vec<&str> = trace.lines().rev().take(30).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join("\n")
}

#[test]
#[ignore = "the timeout that it tests is a minute long"]
fn a_lively_client_has_a_minute_once_another_waits() {
    let clients = [("", "NOOP\r\n"), (TO_DATA, "one more line\r\n")];
    for_each_row(
        &clients,
        |_| Pace::untimed(),
        |(first, again), _| {
            let folder = TempDir::in_memory("hostile");
            let site = make_site(folder.path(), "a.example", &["alice:x"], "");
            let server = Server::start("serve", &site, &[]);
            let begun = Instant::now();
            let mut hostile = Guest::call(&server.address);
            let mut next = Guest::call_only(&server.address);
            let heard =
                dribbles(first, again, Duration::from_secs(3)).act(&mut hostile, &Pace::timed(1));
            let goodbye = "421 a.example closing: another caller has waited too long\r\n";
            assert!(heard.ends_with(goodbye), "{heard}");
            assert_eq!(next.hear(), 220);
            assert!(begun.elapsed() >= BUSY_TIMEOUT * CONNECTION_TIMEOUTS);
            assert!(begun.elapsed() < BUSY_TIMEOUT * CONNECTION_TIMEOUTS + DEADLINE);
        },
    );
}

// --- A POP3 client against `pop3` ----------------------------------------------------------------

const LOGIN: &str = "USER alice\r\nPASS wonderland\r\n";

/// What the client does, how the last line that it hears begins, and what the trace says of it.
#[rustfmt::skip]
fn pop3_clients() -> Vec<(&'static str, Client, &'static str, &'static str)> {
    let long = "x".repeat(MEBIBYTE);
    let mistakes = "S: -ERR too many mistakes";
    vec![
        ("never says a word",
            dribbles("", "", JUST_IN_TIME), "+OK", NO_LINE),
        ("says a command an octet at a time",
            dribbles(LOGIN, "N", JUST_IN_TIME), "+OK 2", NO_LINE),
        ("says a command again and again",
            dribbles(LOGIN, "NOOP\r\n", LIVELY), "+OK here", TOO_LONG),
        ("floods with commands that are none",
            floods("", "WHAT\r\n", 1000), "-ERR", mistakes),
        ("speaks HTTP, with commands behind it",
            floods("POST / HTTP/1.1\r\n", "USER alice\r\nPASS wonderland\r\nDELE 1\r\nQUIT\r\n", 1),
            "-ERR", "S: -ERR this is POP3, and that line is not; closing"),
        ("floods with commands that are none, after the login",
            floods(LOGIN, "WHAT\r\n", 1000), "-ERR", mistakes),
        ("floods with empty lines",
            floods("", "\r\n", 1000), "-ERR", mistakes),
        ("floods with guesses of a password",
            floods("", "USER alice\r\nPASS x\r\n", 1000), "-ERR", mistakes),
        ("floods with NOOP before the login",
            floods("", "NOOP\r\n", 1000), "-ERR", mistakes),
        ("floods with names, and no password",
            floods("", "USER alice\r\n", 2000), "+OK goodbye", "C: USER alice"),
        ("floods with NOOP",
            floods(LOGIN, "NOOP\r\n", 5000), "+OK goodbye", "C: NOOP"),
        ("floods with lists",
            floods(LOGIN, "LIST\r\nUIDL\r\n", 2000), "+OK goodbye", "C: UIDL"),
        ("floods with letters that it deletes and takes back",
            floods(LOGIN, "DELE 1\r\nRSET\r\n", 2000), "+OK goodbye", "C: RSET"),
        ("says a mebibyte without a line end",
            floods(LOGIN, &long, 1), "-ERR", "S: -ERR line too long, and its end did not come"),
        ("deletes all and never says QUIT",
            dribbles(&format!("{LOGIN}DELE 1\r\nDELE 2\r\n"), "", JUST_IN_TIME), "+OK it", NO_LINE),
        ("never hears the letters that it asks for",
            never_reads(LOGIN, "RETR 2\r\n", 100), "", NOT_READ),
    ]
}

/// A site with two letters for alice; the second has a mebibyte.
fn site_with_letters(folder: &Path) -> std::path::PathBuf {
    let site = make_site(folder, "a.example", &["alice:wonderland"], "");
    let mailbox = site.join("mail/alice");
    put(&mailbox, "1", "Subject: small\r\n\r\nHello\r\n");
    // Its lines are long, so that it fills a connection faster than a trace of it is written.
    let line = format!("{}\r\n", "x".repeat(64 * 1024));
    let large = line.repeat(MEBIBYTE / line.len());
    put(&mailbox, "2", format!("Subject: large\r\n\r\n{large}"));
    site
}

/// Somebody who comes after, and finds both letters in the mailbox.
fn assert_finds_both(next: &mut Guest, row: &str) {
    let mut greeting = String::new();
    next.0.read_line(&mut greeting).expect("a greeting");
    assert!(greeting.starts_with("+OK "), "{row}: {greeting}");
    next.send(format!("{LOGIN}QUIT\r\n"));
    let mut rest = String::new();
    next.0.read_to_string(&mut rest).expect("replies");
    let replies: Vec<&str> = rest.lines().collect();
    assert!(replies[1].starts_with("+OK 2 "), "{row}: {rest}");
    assert_eq!(replies[2], "+OK goodbye", "{row}");
}

/// The next one finds all letters.
fn pop3_clients_call_pop3() {
    for_each_row(
        &pop3_clients(),
        |row| row.1.pace(),
        |(row, client, last, words), pace| {
            let begun = Instant::now();
            let folder = TempDir::in_memory("hostile");
            let site = site_with_letters(folder.path());
            let server = Server::start("pop3", &site, &["--timeout", &pace.timeout]);
            let mut hostile = Guest::call_only(&server.address);
            let mut next = Guest::call_only(&server.address);

            let heard = client.act(&mut hostile, pace);
            let line = heard.lines().last().unwrap_or_default();
            assert!(line.starts_with(last), "{row}: {line}");

            assert_finds_both(&mut next, row);
            let peak = server.peak_memory().unwrap_or_default();
            assert_bounded(row, begun.elapsed(), peak, SMALL);
            let trace = server.end();
            assert!(trace.contains(words), "{row}: {}", end_of(&trace));
            drop(hostile);
        },
    );
}

#[test]
fn a_pop3_client_that_goes_at_any_octet_before_the_end_of_quit_deletes_nothing() {
    // RFC 1939 §6. DEFECTS 40.
    let whole = format!("{LOGIN}DELE 2\r\nRETR 1\r\nDELE 1\r\nQUIT\r\n");
    let folder = TempDir::in_memory("hostile");
    let site = site_with_letters(folder.path());
    let server = Server::start("pop3", &site, &["--timeout", "20", "--quiet"]);
    let begun = Instant::now();
    for end in LOGIN.len()..whole.len() {
        // One goes politely, and is heard to the end; the other resets the connection.
        let mut guest = Guest::call_only(&server.address);
        let mut other = Guest::call_only(&server.address);
        guest.send(&whole[..end]);
        let socket = guest.0.get_ref();
        socket
            .shutdown(std::net::Shutdown::Write)
            .expect("a socket");
        guest.0.read_to_end(&mut Vec::new()).expect("the end");
        other.send(&whole[..end]);
        assert_eq!(other.0.get_ref().peek(&mut [0]).expect("a greeting"), 1);
        drop(other);
        assert_eq!(new_letters(&site, "alice").len(), 2, "after {end} octets");
    }
    assert_finds_both(&mut Guest::call_only(&server.address), "goes at any octet");
    let peak = server.peak_memory().unwrap_or_default();
    assert_bounded("goes at any octet", begun.elapsed(), peak, SMALL);
    let mut guest = Guest::call_only(&server.address);
    guest.send(&whole);
    guest.0.read_to_end(&mut Vec::new()).expect("the end");
    assert_eq!(new_letters(&site, "alice").len(), 0, "and after all of it");
}

// --- An SMTP server against `send` and `relay` ---------------------------------------------------

/// What a good server says, step by step.
const GOOD_SMTP: [&str; 7] = [
    "220 h.example\r\n",
    "250-h.example\r\n250 SIZE\r\n",
    "250 from you\r\n",
    "250 to her\r\n",
    "354 go on\r\n",
    "250 kept\r\n",
    "221 goodbye\r\n",
];
/// What our messages call these steps.
const SMTP_STEPS: [&str; 6] = [
    "the greeting",
    "EHLO or HELO",
    "MAIL",
    "RCPT",
    "DATA",
    "the text",
];
/// The steps at which the letter may have arrived, and has.
const TEXT: usize = 5;
const QUIT: usize = 6;

const NO_ANSWER: &str = "no answer came in time";
const NO_REPLY: &str = "this is not a reply, it lacks a code from 200 to 599: ";

/// What the server does in the place of one of its replies, and what we say of it.
///
/// Not here: a good reply of the wrong kind, such as 354 to MAIL. tests/ch11_client.rs has a table
/// with all of them.
#[rustfmt::skip]
const SMTP_SERVERS: [(&str, Host, &str); 13] = [
    ("never answers",
        Host::IsSilent, NO_ANSWER),
    ("answers an octet at a time",
        Host::Dribbles("250-", "x", JUST_IN_TIME), NO_ANSWER),
    ("answers a line at a time",
        Host::Dribbles("", "250-x\r\n", LIVELY), NO_ANSWER),
    ("closes",
        Host::Closes, "the other side closed the connection without a reply"),
    ("closes within a reply",
        Host::SaysAndCloses("250-begun\r\n25"), "closed the connection without a reply"),
    ("answers in lines without end",
        Host::NeverEnds("", "250-and\r\n"), "a reply longer than any real one"),
    ("answers in a line without end",
        Host::NeverEnds("250-", "and so on, "), "a reply longer than any real one"),
    ("answers NUL",
        Host::Says(b"\0\0\0\0\r\n"), NO_REPLY),
    ("answers octets over 127, and ESC",
        Host::Says(b"\xff\xfe\x1b[31m\r\n"), "\\xff\\xfe\\x1b[31m"),
    ("answers with a code that is none",
        Host::Says(b"999 what\r\n"), NO_REPLY),
    ("answers with two codes",
        Host::Says(b"250-yes\r\n550 no\r\n"), "the lines of one reply have different first digits"),
    ("answers with a CR in the code",
        Host::Says(b"25\r0 yes\r\n"), NO_REPLY),
    ("answers with an LF alone",
        Host::Says(b"250 yes\n"), "ended with LF alone"),
];

fn send(server: SocketAddr, letter: &Path, timeout: &str, most: usize) -> Watched {
    let mut send = program();
    send.args(["send", "--server", &server.to_string(), "--quiet"]);
    send.args(["--from", "alice@a.example", "--to", "bob@b.example"]);
    send.args(["--timeout", timeout, "--message"]);
    watch(send.arg(letter), most)
}

fn letter(folder: &Path) -> std::path::PathBuf {
    let file = folder.join("letter");
    std::fs::write(&file, "Subject: x\n\nHello\n").expect("a letter");
    file
}

fn smtp_servers_answer_send() {
    let folder = TempDir::in_memory("hostile");
    let letter = letter(folder.path());
    let steps = 0..GOOD_SMTP.len();
    let rows: Vec<_> = steps
        .flat_map(|step| SMTP_SERVERS.map(|row| (step, row)))
        .collect();
    for_each_row(
        &rows,
        |(_, row)| row.1.pace(),
        |(step, (name, does, words)), pace| {
            let row = format!("{name} at step {step}");
            let peer = HostilePeer::new(&GOOD_SMTP, *step, *does, pace);
            let sent = send(peer.address, &letter, &pace.timeout, SMALL);
            peer.finish();
            assert_bounded(&row, sent.took, sent.peak, SMALL);
            let said = &sent.said;
            assert!(said.is_ascii() && !said.contains('\x1b'), "{row}: {said}");
            if *step == QUIT {
                assert_eq!((sent.status, said.as_str()), (Some(0), ""), "{row}");
                return;
            }
            assert_eq!(sent.status, Some(75), "{row}: {said}");
            assert!(said.contains(words), "{row}: {said}");
            let (what, hint) = match *step {
                TEXT => (
                    "outcome unknown: the whole text was sent",
                    "it may come twice\n",
                ),
                step => (SMTP_STEPS[step], "; try again later\n"),
            };
            assert!(said.contains(what) && said.ends_with(hint), "{row}: {said}");
        },
    );
}

#[test]
fn a_server_that_answers_before_it_is_asked_is_out_of_step() {
    let folder = TempDir::in_memory("hostile");
    let letter = letter(folder.path());
    let pace = Pace::untimed();
    for ahead in [
        "220 h.example\r\n250 early\r\n",
        "220 h.example\r\n221 early\r\n354 early\r\n",
    ] {
        let early = HostilePeer::new(&[ahead], 1, Host::IsSilent, &pace);
        let sent = send(early.address, &letter, &pace.timeout, SMALL);
        assert_eq!(sent.status, Some(75), "{}", sent.said);
        let words = "at EHLO or HELO: the server answered before it was asked; try again later";
        assert!(sent.said.contains(words), "{}", sent.said);
        early.finish();
    }
    // All of them at once: no answer can be to the dot before there is one.
    let all = GOOD_SMTP.concat();
    let ahead = HostilePeer::new(&[&all], 1, Host::IsSilent, &pace);
    let sent = send(ahead.address, &letter, &pace.timeout, SMALL);
    assert_eq!(sent.status, Some(75), "{}", sent.said);
    assert_bounded("says all its replies at once", sent.took, sent.peak, SMALL);
    ahead.finish();
}

#[test]
fn a_server_that_never_takes_the_text_is_left() {
    let folder = TempDir::new("hostile");
    let file = folder.path().join("letter");
    let size = 16 * MEBIBYTE; // more than any system keeps for one connection
    let most = SMALL + 4 * size;
    std::fs::write(&file, "a line of a long letter\n".repeat(size / 24)).expect("a letter");
    for_each_row(
        &["never takes the text"],
        |_| Pace::timed(1),
        |row, pace| {
            let peer = HostilePeer::new(&GOOD_SMTP, TEXT, Host::NeverReads, pace);
            let sent = send(peer.address, &file, &pace.timeout, most);
            peer.finish();
            assert_bounded(row, sent.took, sent.peak, most);
            assert_eq!(sent.status, Some(75), "{}", sent.said);
            let words = "not sent: at the text: no answer came in time; try again later\n";
            assert!(sent.said.ends_with(words), "{}", sent.said);
        },
    );
}

/// Puts a letter from alice to bob at each of these domains into the queue of a site.
fn queue(site: &Path, domains: &[String]) {
    let mailbox = |domain: &String| format!("bob@{domain}").parse().expect("a mailbox");
    let from = "<alice@a.example>".parse().expect("a path");
    let text = Text::from_file(b"Subject: x\n\nHello\n");
    let queue = Queue::create(&site.join("queue")).expect("a queue");
    let to = domains.iter().map(mailbox).collect();
    let added = queue.add(&from, to, &mut Clock::new(None), |_| String::new(), &text);
    added.expect("a letter in the queue");
}

fn relay_once(site: &Path, timeout: &str) -> Watched {
    let mut relay = program();
    relay.arg("relay").arg(site);
    watch(
        relay.args(["--once", "--quiet", "--timeout", timeout]),
        SMALL,
    )
}

/// What the relay says of bob at `domain`.
#[track_caller]
fn answer_about<'a>(domain: &str, relayed: &'a Watched) -> &'a str {
    let about = format!("<bob@{domain}>: ");
    let line = relayed.said.lines().find(|line| line.contains(&about));
    line.unwrap_or_else(|| panic!("{domain}: {}", relayed.said))
}

/// The relay goes on to the next host.
fn smtp_servers_answer_relay() {
    // One letter for many domains; behind each but the last is a hostile host.
    for_each_row(
        &SMTP_SERVERS,
        |row| row.1.pace(),
        |(row, does, words), pace| {
            let is_slow = matches!(does, Host::IsSilent | Host::Dribbles(..));
            let steps: &[usize] = if is_slow {
                &[0, 2, TEXT]
            } else {
                &[0, 1, 2, 3, 4, TEXT, QUIT]
            };
            let folder = TempDir::in_memory("hostile");
            let good = make_site(folder.path(), "good.example", &["bob:x"], "");
            let good_server = Server::start("serve", &good, &["--quiet"]);
            let peers: Vec<_> = steps
                .iter()
                .map(|step| HostilePeer::new(&GOOD_SMTP, *step, *does, pace))
                .collect();
            let mut conf = format!("route good.example {}\n", good_server.address);
            let mut domains = Vec::new();
            for (step, peer) in steps.iter().zip(&peers) {
                conf += &format!("route step{step}.example {}\n", peer.address);
                domains.push(format!("step{step}.example"));
            }
            domains.push("good.example".to_string());
            let site = make_site(folder.path(), "a.example", &["alice:x"], &conf);
            queue(&site, &domains);

            let relayed = relay_once(&site, &pace.timeout);
            peers.into_iter().for_each(|peer| drop(peer.finish()));
            assert_bounded(row, relayed.took, relayed.peak, SMALL);
            assert_eq!(relayed.status, Some(75), "{row}: {}", relayed.said);
            for step in steps.iter().filter(|step| **step != QUIT) {
                let said = answer_about(&format!("step{step}.example"), &relayed);
                assert!(said.contains(words), "{row}: {said}");
                assert!(said.contains(": 451 "), "{row}: {said}");
                let what = if *step == TEXT {
                    "outcome unknown"
                } else {
                    SMTP_STEPS[*step]
                };
                assert!(said.contains(what), "{row}: {said}");
            }
            assert!(
                answer_about("good.example", &relayed).contains(": 250 "),
                "{row}"
            );
            assert_eq!(new_letters(&good, "bob").len(), 1, "{row}");
        },
    );
}

// --- A POP3 server against `inbox` ---------------------------------------------------------------

/// What a good server says, step by step: the greeting, to USER, PASS, LIST, RETR, DELE and QUIT.
const GOOD_POP3: [&str; 7] = [
    "+OK hello\r\n",
    "+OK go on\r\n",
    "+OK welcome\r\n",
    "+OK here\r\n1 30\r\n.\r\n",
    "+OK 30 octets\r\nSubject: x\r\n\r\nHello\r\n.\r\n",
    "+OK marked\r\n",
    "+OK goodbye\r\n",
];
/// What our messages call these steps.
const POP3_STEPS: [&str; 7] = [
    "the login",
    "the login",
    "the login",
    "LIST",
    "RETR or DELE",
    "RETR or DELE",
    "QUIT",
];
const LIST: usize = 3;
const RETR: usize = 4;

const NO_POP3: &str = "this is not a POP3 reply: ";
const ENDLESS: &str = "an answer longer than any real one";

/// What the server does in the place of any of its replies, the exit status, and what we say of it.
#[rustfmt::skip]
const POP3_SERVERS: [(&str, Host, i32, &str); 9] = [
    ("never answers",
        Host::IsSilent, 75, NO_ANSWER),
    ("answers an octet at a time",
        Host::Dribbles("+OK", "x", JUST_IN_TIME), 75, NO_ANSWER),
    ("closes",
        Host::Closes, 75, "the connection failed: the other side closed it"),
    ("closes within a reply",
        Host::SaysAndCloses("+O"), 75, "the connection failed: the other side closed it"),
    ("answers in a line without end",
        Host::NeverEnds("+OK ", "and so on, "), 1, ENDLESS),
    ("answers NUL",
        Host::Says(b"\0\0\0\0\r\n"), 1, NO_POP3),
    ("answers octets over 127, and ESC",
        Host::Says(b"\xff\xfe\x1b[31m\r\n"), 1, "\\xff\\xfe\\x1b[31m"),
    ("speaks SMTP",
        Host::Says(b"220 h.example\r\n"), 1, NO_POP3),
    ("answers with an LF alone",
        Host::Says(b"+OK\n"), 1, NO_POP3),
];

/// The same for lists and letters, of which each is hostile in its own way. (`inbox` says no UIDL.)
#[rustfmt::skip]
const POP3_TEXTS: [(&str, usize, Host, i32, &str); 9] = [
    ("lists a line at a time",
        LIST, Host::Dribbles("+OK\r\n", "1 1\r\n", LIVELY), 75, NO_ANSWER),
    ("stops in a list",
        LIST, Host::SaysAndWaits("+OK\r\n1 30\r\n2"), 75, NO_ANSWER),
    ("closes in a list",
        LIST, Host::SaysAndCloses("+OK\r\n1 30\r\n2 "), 75, "the other side closed it"),
    ("lists a number that no computer can hold",
        LIST, Host::Says(b"+OK\r\n99999999999999999999 1\r\n.\r\n"), 1, NO_POP3),
    ("lists a size that no computer can hold",
        LIST, Host::Says(b"+OK\r\n1 99999999999999999999\r\n.\r\n"), 1, NO_POP3),
    ("lists a size below nothing",
        LIST, Host::Says(b"+OK\r\n1 -1\r\n.\r\n"), 1, NO_POP3),
    ("sends a letter a line at a time",
        RETR, Host::Dribbles("+OK\r\n", "x\r\n", LIVELY), 75, NO_ANSWER),
    ("stops in a letter",
        RETR, Host::SaysAndWaits("+OK\r\nSubject: x\r\n"), 75, NO_ANSWER),
    ("closes in a letter",
        RETR, Host::SaysAndCloses("+OK\r\nSubject: x\r\n"), 75, "the other side closed it"),
];

fn inbox(server: SocketAddr, password: &Path, timeout: &str, most: usize) -> Watched {
    let mut inbox = program();
    inbox.args(["inbox", "--server", &server.to_string(), "--user", "alice"]);
    inbox.args(["--timeout", timeout, "--password-file"]);
    // Else it would say no DELE. Rows run side by side, and two programs must not make one mailbox.
    let own = password.with_file_name(format!("own-{}", server.port()));
    watch(inbox.arg(password).arg("--into").arg(own), most)
}

/// A file with a password in it.
fn password(folder: &Path) -> std::path::PathBuf {
    let file = folder.join("password");
    std::fs::write(&file, "wonderland\n").expect("a password");
    file
}

fn pop3_servers_answer_inbox() {
    let folder = TempDir::in_memory("hostile");
    let password = password(folder.path());
    let steps = 0..GOOD_POP3.len();
    let mut rows: Vec<_> = steps
        .flat_map(|step| {
            POP3_SERVERS.map(|(row, does, status, words)| (row, step, does, status, words))
        })
        .collect();
    rows.extend(POP3_TEXTS);
    for_each_row(
        &rows,
        |row| row.2.pace(),
        |(name, step, does, status, words), pace| {
            let row = format!("{name} at step {step}");
            let peer = HostilePeer::new(&GOOD_POP3, *step, *does, pace);
            let got = inbox(peer.address, &password, &pace.timeout, SMALL);
            peer.finish();
            assert_bounded(&row, got.took, got.peak, SMALL);
            let said = &got.said;
            assert!(said.is_ascii() && !said.contains('\x1b'), "{row}: {said}");
            assert_eq!(got.status, Some(*status), "{row}: {said}");
            assert!(said.contains(words), "{row}: {said}");
            let at = format!("at {}: ", POP3_STEPS[*step]);
            let hint = if *status == 75 {
                "; try again later\n"
            } else {
                "does a POP3 server listen there?\n"
            };
            assert!(said.contains(&at) && said.ends_with(hint), "{row}: {said}");
        },
    );
}

#[test]
fn a_list_or_a_letter_without_end_is_left_at_a_limit() {
    let folder = TempDir::in_memory("hostile");
    let password = password(folder.path());
    let line = format!("{}\r\n", "x".repeat(65_534)).leak();
    let mut announced = GOOD_POP3;
    announced[LIST] = "+OK\r\n1 999999999999\r\n.\r\n";
    let rows = [
        ("lists without end", GOOD_POP3, LIST, "1 1\r\n", SMALL),
        (
            "sends a letter without end",
            announced,
            RETR,
            line,
            SMALL + LETTER,
        ),
    ];
    for_each_row(
        &rows,
        |_| Pace::untimed(),
        |(row, replies, step, again, most), pace| {
            let does = Host::NeverEnds("+OK\r\n", again);
            let peer = HostilePeer::new(replies, *step, does, pace);
            let got = inbox(peer.address, &password, &pace.timeout, *most);
            peer.finish();
            assert_bounded(row, got.took, got.peak, *most);
            assert_eq!(got.status, Some(1), "{row}: {}", got.said);
            assert!(got.said.contains(ENDLESS), "{row}: {}", got.said);
        },
    );
}

// --- A resolver against `relay` ------------------------------------------------------------------

/// What a resolver says of one domain: the packets that answer this question.
type Answers = Arc<dyn Fn(&[u8]) -> Vec<Vec<u8>> + Send + Sync>;

/// The name of a domain, what is said of it, and what the relay says of that.
type Zone = (String, Answers, &'static str);

fn zone(
    name: impl ToString,
    words: &'static str,
    answers: impl Fn(&[u8]) -> Vec<Vec<u8>> + Send + Sync + 'static,
) -> Zone {
    (
        format!("{}.example", name.to_string()),
        Arc::new(answers),
        words,
    )
}

const MX: u16 = 15;
const A: u16 = 1;
const CNAME: u16 = 5;
const SERVER_FAILURE: u16 = FINE | 2;
const NO_SUCH_NAME: u16 = FINE | 3;
const TRUNCATED: u16 = FINE | 0x0200;
/// The pointer to what comes `octets` behind the question.
fn pointer(question: &[u8], octets: usize) -> [u8; 2] {
    (0xc000 + question.len() as u16 + octets as u16).to_be_bytes()
}

fn mx(host: &[u8]) -> Vec<u8> {
    record(ASKED, MX, &[&[0, 10], host].concat())
}

/// An answer with two records and a compressed name in each.
fn good_answer(question: &[u8]) -> Vec<u8> {
    let host = pointer(question, 14);
    let records = [
        mx(&[2, b'm', b'x', 0xc0, 12]),
        record(&host, A, &[192, 0, 2, 1]),
    ];
    answer_to(question, FINE, 2, &records.concat())
}

const UNREADABLE_ANSWER: &str = "the answer cannot be read";
const STRANGERS: &str = "only answers to other questions came";
const ALIASES: &str = "is an alias of an alias, and so on, more than 4 times";

/// Every answer cut at every octet. What does not even hold the question is nobody's answer, and
/// the right one is still waited for.
fn cut_zones() -> Vec<Zone> {
    let whole = good_answer(&question_about("cut000.example")).len();
    let question = question_about("cut000.example").len();
    let zone = |cut: usize| {
        let words = if cut < question {
            "server failure"
        } else {
            UNREADABLE_ANSWER
        };
        zone(format!("cut{cut:03}"), words, move |question| {
            let failure = answer_to(question, SERVER_FAILURE, 0, &[]);
            vec![good_answer(question)[..cut].to_vec(), failure]
        })
    };
    (0..whole).map(zone).collect()
}

/// As long a question as the relay asks about this name.
fn question_about(name: &str) -> Vec<u8> {
    [&[0; 12][..], &labels(name), &[0, 0, MX as u8, 0, 1]].concat()
}

fn zones() -> Vec<Zone> {
    let one = |question: &[u8], owner: &[u8]| {
        let records = record(owner, A, &[192, 0, 2, 1]);
        vec![answer_to(question, FINE, 1, &records)]
    };
    vec![
        zone("to-itself", UNREADABLE_ANSWER, move |question| {
            one(question, &pointer(question, 0))
        }),
        zone("forward", UNREADABLE_ANSWER, move |question| {
            one(question, &pointer(question, 20))
        }),
        zone("past-the-end", UNREADABLE_ANSWER, move |question| {
            one(question, &[0xff, 0xff])
        }),
        zone("to-each-other", UNREADABLE_ANSWER, |question| {
            let circle = record(&pointer(question, 12), CNAME, &pointer(question, 0));
            vec![answer_to(question, FINE, 1, &circle)]
        }),
        zone("many-pointers", "has no address", |question| {
            // Each name points to the one before it. That is legal, and a long way back.
            let first = record(&[1, b'x', 0xc0, 12], A, &[192, 0, 2, 1]);
            let before = std::iter::once(0).chain((18..).step_by(16)).take(899);
            let next = |at| record(&pointer(question, at), A, &[192, 0, 2, 1]);
            let records = [first, before.flat_map(next).collect()].concat();
            vec![answer_to(question, FINE, 900, &records)]
        }),
        zone("counts", UNREADABLE_ANSWER, |question| {
            let mut packet = answer_to(question, FINE, 0xffff, &[]);
            packet[8..12].fill(0xff);
            vec![packet]
        }),
        zone("counts-and-records", UNREADABLE_ANSWER, |question| {
            let records = record(&[0], A, &[192, 0, 2, 1]).repeat(4000);
            let mut packet = answer_to(question, FINE, 0xffff, &records);
            packet[8..12].fill(0xff);
            vec![packet]
        }),
        zone("aliases", ALIASES, |question| {
            let alias = record(ASKED, CNAME, &[1, b'x', 0xc0, 12]);
            vec![answer_to(question, FINE, 1, &alias)]
        }),
        zone("circle", ALIASES, |question| {
            vec![answer_to(question, FINE, 1, &record(ASKED, CNAME, ASKED))]
        }),
        zone("other-ids", STRANGERS, |question| {
            vec![other_id(good_answer(question)); 200]
        }),
        zone("other-questions", STRANGERS, |question| {
            let other = question_about("elsewhere.example");
            let other = [&question[..12], &other[12..]].concat();
            vec![answer_to(&other, SERVER_FAILURE, 0, &[]); 200]
        }),
        zone("a-hundred-strangers", "server failure", |question| {
            let mut packets = vec![other_id(good_answer(question)); 100];
            packets.push(answer_to(question, SERVER_FAILURE, 0, &[]));
            packets
        }),
        zone(
            "many-hosts",
            "none of the first 20 mail hosts",
            |question| match asked(question) {
                (name, MX) if name == "many-hosts.example" => {
                    let host = |n: u8| mx(&[2, b'a' + n / 26, b'a' + n % 26, 0xc0, 12]);
                    let records: Vec<u8> = (0..250).flat_map(host).collect();
                    vec![answer_to(question, FINE, 250, &records)]
                }
                _ => vec![answer_to(question, NO_SUCH_NAME, 0, &[])],
            },
        ),
        zone("good", ": 250 ", |question| match asked(question).1 {
            MX => vec![answer_to(question, FINE, 1, &mx(ASKED))],
            A => vec![answer_to(
                question,
                FINE,
                1,
                &record(ASKED, A, &[127, 0, 0, 1]),
            )],
            _ => vec![answer_to(question, FINE, 0, &[])],
        }),
    ]
}

/// A resolver that knows these zones. To who calls it over TCP it does something else.
struct HostileResolver {
    address: SocketAddr,
    thread: thread::JoinHandle<()>,
}

impl HostileResolver {
    fn new(zones: Vec<Zone>, over_tcp: Host, pace: &Pace) -> HostileResolver {
        let pace = pace.clone();
        let (udp, tcp) = bind();
        let pause = pace.pause(LIVELY);
        udp.set_read_timeout(Some(pause)).expect("a socket");
        let address = udp.local_addr().expect("an address");
        let thread = thread::spawn(move || {
            let mut packet = [0; 512];
            let mut last: Option<(SocketAddr, Vec<u8>)> = None;
            loop {
                let Ok((octets, from)) = udp.recv_from(&mut packet) else {
                    // Nobody asked for so long: some nag whom they answered last.
                    if let Some((from, nagging)) = &last {
                        let _ = udp.send_to(nagging, from);
                    }
                    continue;
                };
                if octets == 0 {
                    return;
                }
                let question = &packet[..octets];
                let name = asked(question).0;
                let zone = zones.iter().find(|(zone, ..)| name.ends_with(zone));
                let (_, answers, _) = zone.unwrap_or_else(|| panic!("asked for {name}"));
                for answer in answers(question) {
                    let is_cut = answer.get(2) == Some(&0x83);
                    let _ = udp.send_to(&answer, from);
                    if is_cut {
                        let (stream, _) = tcp.accept().expect("a call");
                        let mut stream = BufReader::new(stream);
                        let mut asked_again = vec![0; 2 + octets];
                        stream.read_exact(&mut asked_again).expect("a question");
                        over_tcp.act(&mut stream, &pace);
                    }
                }
                let is_nagging = name.starts_with("nags");
                last = is_nagging.then(|| (from, other_id(good_answer(question))));
            }
        });
        HostileResolver { address, thread }
    }

    fn finish(self) {
        let stop = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        stop.send_to(&[], self.address).expect("a last packet");
        self.thread.join().expect("a resolver that does not panic");
    }
}

/// One pass of a relay that has a letter to all of these zones; the last one is good, and gets it.
/// What is said of each of the others holds its words, and is no more than a delay, or a refusal.
fn relay_to(row: &str, zones: Vec<Zone>, over_tcp: Host, pace: &Pace) {
    let folder = TempDir::in_memory("hostile");
    let good = make_site(folder.path(), "good.example", &["bob:x"], "");
    let server = Server::start("serve", &good, &["--quiet"]);
    let expected: Vec<_> = zones
        .iter()
        .map(|(name, _, words)| (name.clone(), *words))
        .collect();
    let resolver = HostileResolver::new(zones, over_tcp, pace);
    let port = server.address.rsplit(':').next().expect("a port");
    let conf = format!("resolver {}\nmx-port {port}\n", resolver.address);
    let site = make_site(folder.path(), "a.example", &["alice:x"], &conf);
    let domains: Vec<String> = expected.iter().map(|(name, _)| name.clone()).collect();
    queue(&site, &domains);

    let relayed = relay_once(&site, &pace.timeout);
    resolver.finish();
    assert_bounded(row, relayed.took, relayed.peak, SMALL);
    assert_eq!(relayed.status, Some(75), "{row}: {}", relayed.said);
    for (name, words) in expected {
        let said = answer_about(&name, &relayed);
        assert!(said.contains(words), "{row}: {said}");
    }
    assert_eq!(new_letters(&good, "bob").len(), 1, "{row}");
}

/// The relay goes on to the next domain.
fn resolvers_answer_relay() {
    let good = || zones().pop().expect("a good zone");
    let cut = |question: &[u8]| vec![answer_to(question, TRUNCATED, 0, &[])];
    let silent = |_: &[u8]| Vec::new();
    // Each row is a relay of its own: some of them take as long as three tries may take.
    #[rustfmt::skip]
    let rows = [
        ("a resolver that never answers",
            zone("silent", "no answer came", silent), Host::IsSilent),
        ("a resolver that nags with wrong answers",
            zone("nags", "no answer came", silent), Host::IsSilent),
        ("a resolver that is silent over TCP",
            zone("tcp", "timed out", cut), Host::IsSilent),
        ("a resolver that answers over TCP an octet at a time",
            zone("tcp", "timed out", cut), Host::Dribbles("", "\x7f", LIVELY)),
        ("a resolver that closes over TCP",
            zone("tcp", "cut short, even over TCP", cut), Host::Closes),
        ("a resolver that announces 127 octets over TCP, and closes",
            zone("tcp", "cut short, even over TCP", cut), Host::SaysAndCloses("\0\x7f")),
        ("a resolver that answers nothing over TCP",
            zone("tcp", "an answer to another question came", cut), Host::Says(b"\0\0")),
        ("a resolver that answers over TCP without end",
            zone("tcp", "an answer to another question came", cut), Host::NeverEnds("", "\x7f")),
    ];
    let mut rows: Vec<_> = rows
        .into_iter()
        .map(|(row, zone, over_tcp)| (row, vec![zone, good()], over_tcp))
        .collect();
    let cut = cut_zones().into_iter().chain([good()]).collect();
    rows.push((
        "a resolver whose answers are cut at every octet",
        cut,
        Host::Closes,
    ));
    rows.push((
        "a resolver that breaks each rule of DNS",
        zones(),
        Host::Closes,
    ));
    for_each_row(
        &rows,
        |row| row.2.pace(),
        |(row, zones, over_tcp), pace| {
            relay_to(row, zones.clone(), *over_tcp, pace);
        },
    );
}
