//! Chapter 20, `pop3`: the real POP3 server.

#[allow(dead_code)]
mod common {
    pub mod dialogues;
    pub mod folder;
    pub mod mailbox;
    pub mod process;
    pub mod script;
}

use common::dialogues::{of_chapter, site};
use common::folder::TempDir;
use common::folder::new_letters;
use common::mailbox::put;
use common::process::Server;
use smtp_primer::dialogue::{Dialogue, Side};
use smtp_primer::pop3::COMMAND_TIMEOUT;
use smtp_primer::protocol::line::Socket;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

const TEA: &str = "Subject: Tea?\r\n\r\nAt five?\r\n.\r\nBob\r\n";
const ONE_TWO: &str = "Subject: Re: Tea?\r\n\r\none\r\ntwo\r\nthree\r\n";

#[test]
fn the_dialogues_of_the_book_are_spoken_by_the_real_server() {
    let dialogues = of_chapter("17");
    assert!(dialogues.len() >= 4);
    for file in dialogues {
        let folder = TempDir::new("pop3");
        let site = site(folder.path());
        put(&site.join("mail/alice"), "1", TEA);
        put(&site.join("mail/alice"), "2", ONE_TWO);
        let server = Server::start("pop3", &site, &["--sessions", "1"]);
        let text = std::fs::read_to_string(&file).expect("a dialogue");
        let dialogue = Dialogue::parse(&file.display().to_string(), &text);
        let stream = TcpStream::connect(&server.address).expect("the server answers");
        let stream = Socket::new(stream);
        let played = dialogue
            .and_then(|dialogue| dialogue.play(Side::Client, stream, Duration::from_secs(10)));
        played.unwrap_or_else(|why| panic!("{why}"));
        let trace = server.finish();
        let left = new_letters(&site, "alice").len();
        assert_eq!(
            left,
            if file.ends_with("17-fetch.txt") { 1 } else { 2 },
            "{}",
            file.display()
        );
        // aiosmtpd #233: passwords in the log
        assert!(
            !trace.contains("wonderland") && !trace.contains("looking-glass"),
            "{trace}"
        );
    }
}

#[cfg(unix)]
#[test]
fn what_is_no_regular_file_keeps_nobody_waiting() {
    use std::os::unix::fs::symlink;
    let fifo = |path: &std::path::Path| {
        let made = std::process::Command::new("mkfifo").arg(path).status();
        assert!(made.expect("mkfifo").success());
    };
    let folder = TempDir::new("pop3");
    let site = site(folder.path());
    let alice = site.join("mail/alice");
    put(&alice, "1", "one\n");
    put(&alice, "2", "two\n");
    fifo(&alice.join("new/0"));
    symlink("/dev/zero", alice.join("cur/9")).expect("a link");
    let server = Server::start("pop3", &site, &["--quiet"]);
    let login = |answer| {
        let mut call = TcpStream::connect(&server.address).expect("the server answers");
        let timeout = Some(Duration::from_secs(10));
        call.set_read_timeout(timeout).expect("a timeout");
        ask(&mut call, "", "+OK");
        ask(&mut call, "USER alice\r\n", "+OK");
        ask(&mut call, "PASS wonderland\r\n", answer);
        call
    };
    let mut call = login("+OK 2 10 ");
    std::fs::remove_file(alice.join("new/1")).expect("a letter");
    fifo(&alice.join("new/1"));
    ask(
        &mut call,
        "RETR 1\r\n",
        "-ERR [SYS/TEMP] that letter cannot be read",
    );
    ask(&mut call, "QUIT\r\n", "+OK");
    drop(call);
    let lock = alice.join("pop3.lock");
    for kind in ["fifo", "device", "dangling"] {
        std::fs::remove_file(&lock).expect("a lock");
        match kind {
            "fifo" => fifo(&lock),
            "device" => symlink("/dev/null", &lock).expect("a link"),
            _ => symlink("nowhere", &lock).expect("a link"),
        }
        login("-ERR [SYS/TEMP] the mailbox cannot be opened");
    }
    assert!(!alice.join("nowhere").exists());
    std::fs::remove_file(&lock).expect("a lock");
    login("+OK 1 5 ");
}

/// A line of a conversation: what is said, and how the answer begins.
fn ask(stream: &mut TcpStream, line: &str, answer: &str) {
    stream
        .write_all(line.as_bytes())
        .expect("the server listens");
    let mut said = Vec::new();
    while !said.ends_with(b"\r\n") {
        let mut octet = [0];
        assert_eq!(
            stream.read(&mut octet).expect("an answer"),
            1,
            "after {line}"
        );
        said.push(octet[0]);
    }
    let said = String::from_utf8_lossy(&said);
    assert!(said.starts_with(answer), "{line}: {said}");
}

#[test]
fn a_mailbox_has_one_reader_at_a_time() {
    // RFC 1939 §8, RFC 2449 §8.1.2
    let folder = TempDir::new("in-use");
    let site = site(folder.path());
    let servers = [(); 2].map(|()| Server::start("pop3", &site, &[]));
    let mut calls = servers.iter().map(|server| {
        let mut call = TcpStream::connect(&server.address).expect("the server answers");
        call.set_read_timeout(Some(Duration::from_secs(10)))
            .expect("a timeout");
        ask(&mut call, "", "+OK");
        ask(&mut call, "USER alice\r\n", "+OK");
        call
    });
    let (mut first, mut second) = (calls.next().expect("a call"), calls.next().expect("a call"));
    ask(&mut first, "PASS wonderland\r\n", "+OK");
    ask(&mut second, "PASS wonderland\r\n", "-ERR [IN-USE]");
    ask(&mut first, "QUIT\r\n", "+OK");
    assert_eq!(first.read(&mut [0]).expect("the end"), 0);
    ask(&mut second, "USER alice\r\n", "+OK");
    ask(&mut second, "PASS wonderland\r\n", "+OK");
}

#[test]
fn a_silent_caller_is_left_without_a_word_and_nothing_is_removed() {
    // RFC 1939 §3: after 10 minutes at least
    assert!(COMMAND_TIMEOUT >= Duration::from_secs(600));
    let folder = TempDir::new("silent");
    let site = site(folder.path());
    put(&site.join("mail/alice"), "1", TEA);
    let server = Server::start("pop3", &site, &["--timeout", "0.3", "--sessions", "1"]);
    let mut call = TcpStream::connect(&server.address).expect("the server answers");
    call.set_read_timeout(Some(Duration::from_secs(10)))
        .expect("a timeout");
    ask(&mut call, "", "+OK");
    ask(&mut call, "USER alice\r\n", "+OK");
    ask(&mut call, "PASS wonderland\r\n", "+OK");
    ask(&mut call, "DELE 1\r\n", "+OK");
    let mut rest = Vec::new();
    call.read_to_end(&mut rest).expect("the end");
    assert_eq!(rest, b"");
    drop(call);
    server.finish();
    assert_eq!(new_letters(&site, "alice").len(), 1);
}
