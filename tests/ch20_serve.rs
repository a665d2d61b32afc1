//! Chapter 20, `serve`: the real server, with real callers. It is killed, filled and flooded.

#[allow(dead_code)]
mod common {
    pub mod crash;
    pub mod dialogues;
    pub mod folder;
    pub mod inn;
    pub mod process;
    pub mod script;
    pub mod side_by_side;
    pub mod talk;
}

use common::crash::{assert_all_kept, kill_often};
use common::dialogues::{folder, of_chapter, play_against_serve};
use common::folder::TempDir;
use common::folder::new_letters;
use common::inn::Guest;
use common::process::{Server, make_site, program};
use common::side_by_side::side_by_side;
use common::talk::ALICE;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::Stdio;
use std::thread;

/// aiosmtpd #233, chrj/smtpd #38, go-mail #338: passwords in the log.
#[test]
fn the_trace_of_a_server_shows_no_password() {
    let secrets = [ALICE, "d29uZGVybGFuZA==", "d29uZGVybGFuRA==", "wonderland"];
    let files = of_chapter("09");
    let files = files
        .iter()
        .filter(|file| file.to_string_lossy().contains("09-auth"));
    for file in files {
        let trace = play_against_serve(file).trace;
        assert!(trace.contains("S: 235 "), "{trace}");
        for secret in secrets {
            assert!(!trace.contains(secret), "{}: {trace}", file.display());
        }
    }
}

#[test]
fn the_dialogues_of_this_chapter_and_the_next_happen() {
    let files = [of_chapter("09"), of_chapter("10")].concat();
    assert!(files.len() >= 10, "{files:?}");
    side_by_side(files, |file| drop(play_against_serve(&file)));
}

#[test]
fn the_letters_of_the_dialogues_arrive_once_at_the_right_place() {
    for (name, letters) in [
        (
            "09-two-letters",
            [("alice", 1), ("bob", 1), ("postmaster", 0)],
        ),
        (
            "09-recipients",
            [("alice", 1), ("bob", 1), ("postmaster", 1)],
        ),
        (
            "09-smuggling",
            [("alice", 0), ("bob", 0), ("postmaster", 0)],
        ),
    ] {
        let played = play_against_serve(&folder().join(format!("{name}.txt")));
        for (user, count) in letters {
            assert_eq!(
                new_letters(&played.site, user).len(),
                count,
                "{name}: {user}"
            );
        }
    }
}
const TO_DATA: &str =
    "EHLO b.example\r\nMAIL FROM:<bob@b.example>\r\nRCPT TO:<alice@a.example>\r\nDATA\r\n";

/// A server that is still well takes a letter.
fn assert_well(address: &str) {
    let mut guest = Guest::call(address);
    guest.send(format!("{TO_DATA}well\r\n.\r\n"));
    assert_eq!(guest.quit(), [250, 250, 250, 354, 250, 221]);
}

#[test]
fn a_hundred_thousand_commands_at_once_are_all_answered() {
    // DEFECTS 28: Postfix HISTORY 20260625, 20260805: memory that grows with tiny commands.
    const MANY: usize = 100_000;
    let folder = TempDir::new("ch10");
    let site = make_site(folder.path(), "a.example", &["alice:x"], "");
    let server = Server::start("serve", &site, &["--quiet"]);
    let mut guest = Guest::call(&server.address);
    let mut sender = guest.0.get_ref().try_clone().expect("a socket");
    let sending = thread::spawn(move || {
        sender
            .write_all(&b"NOOP\r\n".repeat(MANY))
            .expect("it is read");
        sender.write_all(b"QUIT\r\n").expect("it is read");
    });
    let memory = || common::script::peak_memory(server.id()).unwrap_or(0);
    let mut replies: Vec<u16> = (0..MANY / 4).map(|_| guest.hear()).collect();
    let before = memory();
    replies.extend(guest.rest());
    sending.join().expect("all was sent");
    assert_eq!(replies.len(), MANY + 1);
    assert!(replies[..MANY].iter().all(|code| *code == 250));
    // To stay small is not enough: ten octets kept of each command are seen here.
    assert!(memory() < before + 700_000, "{before} {}", memory());
    assert_small(&server);
}

/// A server's memory stays below 20 MB, where the system tells.
fn assert_small(server: &Server) {
    let peak = server.peak_memory().unwrap_or_default();
    assert!(peak < 20_000_000, "{peak}");
}

#[test]
fn memory_stays_flat_however_much_is_sent() {
    // DEFECTS 27: maddy #116, CVE-2013-1752: `nc host 25 </dev/zero`.
    let folder = TempDir::new("ch10");
    let site = make_site(folder.path(), "a.example", &["alice:x"], "");
    let server = Server::start("serve", &site, &["--quiet", "--max-size", "1000000"]);
    let mut guest = Guest::call(&server.address);
    guest.send(TO_DATA);
    assert_eq!(
        [250, 250, 250, 354].map(|_| guest.hear()),
        [250, 250, 250, 354]
    );
    let block = [&[b'x'; 9998][..], b"\r\n"].concat().repeat(100);
    (0..200).for_each(|_| guest.send(&block));
    guest.send("\r\n.\r\n");
    assert_eq!(guest.hear(), 552);
    // And the same without a line end: one line, one refusal, and the door is shut.
    let mut guest = {
        guest.quit();
        Guest::call(&server.address)
    };
    guest.send(vec![0; 1024 * 1024]);
    assert_eq!(guest.rest(), [500]);
    assert_well(&server.address);
    assert_small(&server);
}

#[test]
fn a_text_of_exactly_the_size_is_taken_and_one_octet_more_is_not() {
    // DEFECTS 29: go-smtp data.go:73, chasquid dotreader.go:104. Neither the dots that transparency
    // adds nor the line with the lone dot count (RFC 1870 §5).
    let folder = TempDir::new("ch10");
    let site = make_site(folder.path(), "a.example", &["alice:x"], "");
    let server = Server::start("serve", &site, &["--max-size", "1000"]);
    let mut guest = Guest::call(&server.address);
    for (size, declared, replies) in [
        (999, "", vec![250, 250, 354, 250]),
        (1000, "", vec![250, 250, 354, 250]),
        (1001, "", vec![250, 250, 354, 552]),
        (1000, " SIZE=1000", vec![250, 250, 354, 250]),
        (1001, " SIZE=1001", vec![552, 503, 503]),
        (1001, " SIZE=1000", vec![250, 250, 354, 552]),
        (1, " SIZE=999", vec![250, 250, 354, 250]),
    ] {
        guest.say("EHLO b.example");
        let envelope = format!("MAIL FROM:<bob@b.example>{declared}\r\nRCPT TO:<alice@a.example>");
        guest.send(format!("{envelope}\r\nDATA\r\n"));
        let mut came: Vec<u16> = (0..3).map(|_| guest.hear()).collect();
        if came[2] == 354 {
            let dots = "..\r\n".repeat(100); // three octets each, without transparency
            let rest = usize::max(size, 302) - 302;
            let text = if size < 302 {
                String::new()
            } else {
                dots + &"x".repeat(rest) + "\r\n"
            };
            guest.send(text + ".\r\n");
            came.push(guest.hear());
        }
        assert_eq!(came, replies, "{size}{declared}");
    }
    assert_eq!(guest.quit(), [221]);
    let sizes: Vec<usize> = new_letters(&site, "alice")
        .iter()
        .map(|letter| text_size(letter))
        .collect();
    assert_eq!(sizes, [999, 1000, 1000, 0]);
}

/// The size of a letter without what we put on top: the trace fields and, as it has no header, an
/// empty line.
fn text_size(letter: &[u8]) -> usize {
    let text = String::from_utf8_lossy(letter);
    text.find("+0000\r\n\r\n")
        .map_or(0, |at| letter.len() - at - "+0000\r\n\r\n".len())
}

#[test]
fn the_trace_says_why_a_letter_was_not_kept_and_the_reply_does_not() {
    let folder = TempDir::new("ch10");
    let site = make_site(folder.path(), "a.example", &["alice:x"], "");
    let server = Server::start("serve", &site, &["--sessions", "1"]);
    let new = site.join("mail/alice/new");
    std::fs::remove_dir(&new).expect("an empty folder");
    std::fs::write(&new, "in the way").expect("a file");
    let mut guest = Guest::call(&server.address);
    guest.send(format!("{TO_DATA}Hello\r\n.\r\n"));
    assert_eq!(guest.quit(), [250, 250, 250, 354, 451, 221]);
    let trace = server.finish();
    assert!(
        trace.contains("# the letter could not be kept: "),
        "{trace}"
    );
    assert!(
        !trace.contains("S: 451 the letter could not be kept here: "),
        "{trace}"
    );
}

#[test]
fn after_its_sessions_the_program_ends_well() {
    let folder = TempDir::new("ch10");
    let site = make_site(folder.path(), "a.example", &["alice:x"], "");
    let server = Server::start("serve", &site, &["--sessions", "2", "--timeout", "0.3"]);
    let mut guest = Guest::call(&server.address);
    assert_eq!(guest.rest(), [421]);
    assert_well(&server.address);
    let trace = server.finish(); // which also checks the exit status
    assert!(
        trace.contains("# the conversation ended early: "),
        "{trace}"
    );
    assert!(trace.contains("\nS: 421 a.example "), "{trace}");
    assert!(
        trace.ends_with("S: 221 a.example goodbye\n# the connection is closed\n"),
        "{trace}"
    );
}

#[cfg(unix)]
#[test]
fn a_server_on_a_leash_ends_with_the_program_that_started_it() {
    let folder = TempDir::new("ch10");
    let site = make_site(folder.path(), "a.example", &["alice:x"], "");
    side_by_side([false, true], |connected| {
        // The shell starts the server, and lives until its standard input is closed.
        let mut serve = program();
        serve
            .arg("serve")
            .arg(&site)
            .args(["--listen", "127.0.0.1:0", "--quiet"]);
        let mut shell = std::process::Command::new("sh")
            .args(["-c", "SMTP_PRIMER_LEASH=$$ \"$@\" & read line", "sh"])
            .arg(serve.get_program())
            .args(serve.get_args())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell");
        let mut output = BufReader::new(shell.stdout.take().expect("its output"));
        let mut line = String::new();
        output.read_line(&mut line).expect("its first line");
        let address = line
            .trim()
            .strip_prefix("listening on ")
            .expect("an address");
        let guest = connected.then(|| Guest::call(address));
        drop(shell.stdin.take());
        shell.wait().expect("the shell ends");
        // Its output ends when the server does.
        assert_eq!(output.read_to_string(&mut line).expect("its output"), 0);
        drop(guest);
    });
}

#[test]
fn a_server_killed_at_any_moment_leaves_whole_letters_and_every_one_it_answered_250() {
    let folder = TempDir::new("maildir-killed");
    let site = make_site(folder.path(), "a.example", &["alice:x", "bob:x"], "");
    kill_often(&site, &["alice@a.example", "bob@a.example"], |kept| {
        for user in ["alice", "bob"] {
            let letters = new_letters(&site, user);
            assert_all_kept(kept, letters.iter().map(Vec::as_slice));
        }
    });
}
