//! Chapter 20, `inbox`: the real user agent. No server can make it lose a letter.

#[allow(dead_code)]
mod common {
    pub mod dialogues;
    pub mod folder;
    pub mod mailbox;
    pub mod peers;
    pub mod process;
    pub mod script;
    pub mod side_by_side;
}

use common::dialogues::site;
use common::folder::TempDir;
use common::folder::new_letters;
use common::mailbox::put;
use common::peers::{Nobody, Peer};
use common::process::{Server, program};
use common::side_by_side::side_by_side;
use smtp_primer::maildir::{ABANDONED, Maildir};
use smtp_primer::pop3::client::FetchError;
use smtp_primer::protocol::dot::Text;
use std::io::{self, BufRead, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::{Duration, Instant, SystemTime};

/// `inbox` with these options: what came of it.
fn inbox(server: &str, folder: &Path, options: &[&str]) -> Output {
    let file = folder.join("password");
    std::fs::write(&file, "wonderland\n").expect("a password");
    let mut inbox = program();
    inbox.args([
        "inbox",
        "--server",
        server,
        "--user",
        "alice",
        "--timeout",
        "10",
    ]);
    inbox
        .arg("--password-file")
        .arg(file)
        .args(options)
        .output()
        .expect("inbox runs")
}

#[track_caller]
fn ends(output: &Output, status: i32, printed: &[&str]) {
    let text = String::from_utf8_lossy(&output.stdout);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{text}{said}");
    for words in printed {
        assert!(
            format!("{text}{said}").contains(words),
            "{words}: {text}{said}"
        );
    }
}

/// The letters in the user's own Maildir, as they go over the wire.
fn owned(own: &Path) -> Vec<Text> {
    let mailbox = Maildir::open(own);
    assert_eq!(std::fs::read_dir(own.join("tmp")).expect("tmp").count(), 0);
    let letters = mailbox.list().expect("letters").into_iter();
    let text = |path: PathBuf| Text::from_file(&std::fs::read(path).expect("a letter"));
    letters.map(|entry| text(entry.path)).collect()
}

/// Letters of which not all can be seen on a page, or that are easily spoilt on the way.
const LETTERS_OF_ALL_KINDS: [&[u8]; 9] = [
    b"Subject: plain\n\nHello\n.\n..\n",
    b"MIME-Version: 1.0\nContent-Type: multipart/alternative; boundary=b\n\n--b\n\n \n\
      --b\nContent-Type: text/html\n\n<b>Hi</b>\n--b--\n",
    b"Content-Transfer-Encoding: x-uuencode\n\nbegin 644 a\n",
    b"Content-Type: image/png\nContent-Transfer-Encoding: base64\n\niVBORw0KGgo=\n",
    b"Content-Type: text/plain; charset=x-unknown\n\n\xe4\xf6\xfc\n",
    b"Content-Type: message/rfc822\n\nSubject: inside\n\n\n",
    b"no header\0 at all\n",
    b"Subject: only a header\n",
    b"",
];

// ours 6: the user agent printed that a letter has no text, and removed it from the server.
#[test]
fn inbox_shows_letters_and_leaves_all_of_them_on_the_server() {
    let folder = TempDir::new("inbox");
    let site = site(folder.path());
    for (name, letter) in (1..).zip(LETTERS_OF_ALL_KINDS) {
        put(&site.join("mail/alice"), &name.to_string(), letter);
    }
    let server = Server::start("pop3", &site, &["--quiet"]);
    for options in [&[][..], &["--keep"], &[]] {
        let output = inbox(&server.address, folder.path(), options);
        let shown = [
            "9 letters\n",
            "--- 1 of 9 ---\n",
            "plain",
            "--- 9 of 9 ---\n",
        ];
        ends(&output, 0, &shown);
        let wire = LETTERS_OF_ALL_KINDS.map(|letter| Text::from_file(letter).octets().to_vec());
        assert_eq!(new_letters(&site, "alice"), wire);
    }
}

#[test]
fn a_letter_leaves_the_server_when_it_lies_in_a_maildir_of_the_users_own() {
    let folder = TempDir::new("inbox");
    let site = site(folder.path());
    let own = folder.path().join("not/there/yet");
    let into = ["--into", own.to_str().expect("UTF-8")];
    for (name, letter) in (1..).zip(LETTERS_OF_ALL_KINDS) {
        put(&site.join("mail/alice"), &name.to_string(), letter);
    }
    let server = Server::start("pop3", &site, &["--quiet"]);
    let output = inbox(&server.address, folder.path(), &into);
    let frame = |number| format!("--- {number} of 9, put into {} ---\n", own.display());
    ends(&output, 0, &[&frame(1), "plain", &frame(9)]);
    // To the octet, with no field of ours on top: a user agent is no mail server (RFC 5321 §4.4).
    let there = LETTERS_OF_ALL_KINDS.map(Text::from_file);
    assert_eq!(owned(&own), there);
    assert!(new_letters(&site, "alice").is_empty());
    // The next letters come to those that are there.
    put(&site.join("mail/alice"), "next", "Subject: next\n");
    ends(
        &inbox(&server.address, folder.path(), &into),
        0,
        &["1 letter\n"],
    );
    assert_eq!(owned(&own)[9].octets(), b"Subject: next\r\n");
    let again = inbox(
        &server.address,
        folder.path(),
        &["--into", &own.display().to_string()],
    );
    ends(&again, 0, &["0 letters\n"]);
    assert_eq!(owned(&own).len(), 10);
}

#[test]
fn what_an_inbox_that_died_left_in_the_maildir_is_swept_when_it_is_old() {
    let folder = TempDir::new("inbox");
    let site = site(folder.path());
    let own = folder.path().join("own");
    let server = Server::start("pop3", &site, &["--quiet"]);
    Maildir::create(&own).expect("a Maildir");
    for (name, age) in [
        ("old", ABANDONED + Duration::from_secs(60)),
        ("new", Duration::ZERO),
    ] {
        let file = std::fs::File::create(own.join("tmp").join(name)).expect("a file");
        file.set_modified(SystemTime::now() - age)
            .expect("its time");
    }
    let into = ["--into", own.to_str().expect("UTF-8")];
    ends(
        &inbox(&server.address, folder.path(), &into),
        0,
        &["0 letters"],
    );
    assert!(!own.join("tmp/old").exists() && own.join("tmp/new").exists());
}

#[test]
fn inbox_waits_for_each_answer_as_long_as_it_was_told() {
    let folder = TempDir::new("inbox");
    let password = folder.path().join("password");
    std::fs::write(&password, "x\n").expect("a password");
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = silent.local_addr().expect("an address").to_string();
    let begun = Instant::now();
    let mut inbox = program();
    inbox.args(["inbox", "--server", &address, "--user=x", "--timeout=0.3"]);
    let output = inbox.arg("--password-file").arg(password).output();
    let words = ["at the login: no answer came in time; try again later"];
    ends(&output.expect("inbox runs"), 75, &words);
    assert!(begun.elapsed() < Duration::from_secs(30));
}

#[test]
fn where_no_maildir_can_be_nobody_is_called_and_nothing_is_made() {
    let folder = TempDir::new("inbox");
    let site = site(folder.path());
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("not blocking");
    let address = listener.local_addr().expect("an address").to_string();
    let file = put(&site.join("mail/alice"), "1", "Subject: x\n");
    let path = |path: &Path| path.to_str().expect("UTF-8").to_string();
    let half = folder.path().join("half");
    std::fs::create_dir_all(half.join("new")).expect("a folder");
    std::fs::write(half.join("cur"), "").expect("a file");
    let mails = site.join("mail");
    for (into, status, words) in [
        (String::new(), 2, "--into is empty"),
        (path(&file), 1, "1: "),
        (path(&file.join("below")), 1, "below: "),
        (path(&site), 1, "a.example: this folder holds other things"),
        (path(&mails), 1, "mail: this folder holds other things"),
        (path(&half), 1, "half: "),
    ] {
        let output = inbox(&address, folder.path(), &["--into", &into]);
        ends(&output, status, &[words]);
        assert!(listener.accept().is_err(), "somebody called: {into}");
    }
    assert!(!site.join("new").exists() && !mails.join("new").exists());
    assert_eq!(std::fs::read(&file).expect("a letter"), b"Subject: x\n");
}

/// The login of a scripted server, and a list of three letters.
const THREE: &str = "S: +OK\nC: USER alice\nS: +OK\nC: PASS wonderland\nS: +OK\n\
    C: LIST\nS: +OK\nS: 1 10\nS: 2 10\nS: 3 10\nS: .\n";
const FIRST: &str = "C: RETR 1\nS: +OK\nS: Subject: first\nS: .\nC: DELE 1\n";

#[test]
fn what_did_not_come_whole_is_not_removed_and_what_may_come_twice_is_told() {
    let first = format!("{THREE}{FIRST}S: +OK\n");
    let last = "C: RETR 3\nS: +OK\nS: Subject: last\nS: .\nC: DELE 3\nS: +OK\nC: QUIT\n";
    // The first letter is here in each case; how many are, and what is told.
    let twice = "already may come a second time";
    let table = [
        (
            "C: RETR 2\nS: +OK\nS: Subject: sec\nS: {close}",
            75,
            1,
            twice,
        ),
        ("C: RETR 2\nS: {close}", 75, 1, twice),
        ("C: RETR 2\nS: what?\nC: {close}", 1, 1, twice),
        (
            &format!("C: RETR 2\nS: -ERR a scratch\n{last}S: +OK\n"),
            1,
            2,
            "2 stays on the",
        ),
        (
            &format!("C: RETR 2\nS: -ERR [SYS/TEMP] x\n{last}S: +OK\n"),
            75,
            2,
            "2 stays on the",
        ),
        (
            &format!("C: RETR 2\nS: +OK\nS: a\\nb\nS: .\n{last}S: +OK\n"),
            1,
            2,
            "CR or LF alone",
        ),
        (
            &format!("C: RETR 2\nS: +OK\nS: .\n{last}S: +OK\n"),
            1,
            2,
            "less than half of it came",
        ),
        (
            &format!("C: RETR 2\nS: +OK\nS: ab\nS: .\n{last}S: +OK\n"),
            1,
            2,
            "letter 2 stays on the server: less than half of it came",
        ),
        (
            &format!("C: RETR 2\nS: +OK\nS: {{70000*x}}\nS: .\n{last}S: +OK\n"),
            1,
            2,
            "longer than announced",
        ),
        (
            &format!(
                "C: RETR 2\nS: +OK\nS: X: second\nS: .\nC: DELE 2\nS: -ERR I keep it\n{last}S: +OK\n"
            ),
            1,
            3,
            "letter 2 stays on the server: the server said: -ERR I keep it",
        ),
        (
            &format!("C: RETR 2\nS: -ERR [sys/temp]\n{last}S: -ERR 2 left\n"),
            1,
            2,
            twice,
        ),
        (
            &format!("C: RETR 2\nS: -ERR [sys/temp]\n{last}S: -ERR [SYS/TEMP]\n"),
            75,
            2,
            twice,
        ),
        (
            &format!("C: RETR 2\nS: -ERR no\n{last}S: {{close}}"),
            1,
            2,
            twice,
        ),
        (
            &format!("C: RETR 2\nS: -ERR [SYS/TEMP]\n{last}S: {{close}}"),
            75,
            2,
            twice,
        ),
    ];
    side_by_side(table, |(rest, status, here, words)| {
        let folder = TempDir::new("inbox");
        let own = folder.path().join("own");
        let peer = Peer::new(&[&format!("{first}{rest}")]);
        let into = ["--into", own.to_str().expect("UTF-8")];
        ends(
            &inbox(&peer.address.to_string(), folder.path(), &into),
            status,
            &[words],
        );
        peer.finish();
        let owned = owned(&own);
        assert_eq!(owned.len(), here, "{rest}");
        assert_eq!(owned[0].octets(), b"Subject: first\r\n", "{rest}");
    });
}

#[test]
fn a_maildir_that_fails_ends_the_visit_with_quit_so_that_nothing_comes_twice() {
    // Who runs the tests may be root, who may write anywhere but below a file.
    let folder = TempDir::new("inbox");
    let own = folder.path().join("own");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let tmp = own.join("tmp");
    let server = std::thread::spawn(move || {
        let (stream, _) = listener.accept().expect("a call");
        let mut say = stream.try_clone().expect("a stream");
        let mut lines = std::io::BufReader::new(stream).lines();
        let mut said = Vec::new();
        say.write_all(b"+OK\r\n").expect("a greeting");
        while let Some(Ok(line)) = lines.next() {
            let reply = match line.as_str() {
                "LIST" => "+OK\r\n1 9\r\n2 9\r\n3 9\r\n.\r\n",
                "RETR 1" => "+OK\r\nFirst: 1\r\n.\r\n",
                "RETR 2" => {
                    std::fs::remove_dir(&tmp).expect("an empty folder");
                    std::fs::write(&tmp, "").expect("a file");
                    "+OK\r\nSecond: 2\r\n.\r\n"
                }
                _ => "+OK\r\n",
            };
            say.write_all(reply.as_bytes()).expect("a reply");
            said.push(line);
        }
        said
    });
    let output = inbox(
        &address,
        folder.path(),
        &["--into", own.to_str().expect("UTF-8")],
    );
    ends(
        &output,
        1,
        &[
            "letter 2 of 3 could not be put into",
            "and so do those after it",
        ],
    );
    let said = server.join().expect("the server");
    assert_eq!(said[3..], ["RETR 1", "DELE 1", "RETR 2", "QUIT"]);
}

#[test]
#[cfg(target_os = "linux")]
fn a_page_that_cannot_be_shown_costs_no_letter() {
    let folder = TempDir::new("inbox");
    let site = site(folder.path());
    let server = Server::start("pop3", &site, &["--quiet"]);
    let password = folder.path().join("password");
    std::fs::write(&password, "wonderland\n").expect("a password");
    let own = folder.path().join("own");
    let closed_pipe = || {
        let (reader, closed_pipe) = io::pipe().expect("a pipe");
        drop(reader);
        Stdio::from(closed_pipe)
    };
    let full_disk = || Stdio::from(std::fs::File::create("/dev/full").expect("a full disk"));
    let fetch = |stdout: Stdio, options: &[&str]| {
        let mut inbox = program();
        inbox.args(["inbox", "--server", &server.address, "--user=alice"]);
        inbox.arg("--password-file").arg(&password).args(options);
        let output = inbox.stdout(stdout).output().expect("inbox runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code(), said)
    };
    for number in 1..=3 {
        put(
            &site.join("mail/alice"),
            &number.to_string(),
            "Subject: x\n",
        );
    }
    // That nobody reads on is no failure (and what is shown is not removed anyway); that nothing
    // could be written is.
    assert_eq!(fetch(closed_pipe(), &[]), (Some(0), String::new()));
    let (status, said) = fetch(full_disk(), &[]);
    assert!(
        status == Some(1) && said.contains("standard output: "),
        "{said}"
    );
    assert_eq!(new_letters(&site, "alice").len(), 3);

    let into = ["--into", own.to_str().expect("UTF-8")];
    assert_eq!(fetch(full_disk(), &into).0, Some(1));
    assert_eq!(new_letters(&site, "alice").len() + owned(&own).len(), 3);
    assert_eq!(fetch(closed_pipe(), &into), (Some(0), String::new()));
    assert!(new_letters(&site, "alice").is_empty());
    assert_eq!(owned(&own).len(), 3);
}

#[test]
fn a_response_code_says_whether_to_try_again() {
    // RFC 2449 §8: at the beginning of the text, in any case, and unknown detail is ignored.
    for (reply, is_temporary) in [
        ("-ERR [SYS/TEMP] the disk is full", true),
        ("-ERR [LOGIN-DELAY] wait a minute", true),
        ("-ERR [IN-USE]", true),
        ("-ERR [login-delay]x", true),
        ("-ERR  [IN-USE] x", true),
        ("-ERR [Sys/Temp/Disk/7] x", true),
        ("-ERR [in-use/imap] x", true),
        ("-ERR [SYS/PERM] x", false),
        ("-ERR [AUTH] x", false),
        ("-ERR [SYS] x", false),
        ("-ERR [SYS/TEMPLATE] x", false),
        ("-ERR [IN-USE", false),
        ("-ERR [EXPIRE/IN-USE] x", false),
        ("-ERR it is not [IN-USE]", false),
        ("-ERR IN-USE", false),
        ("-ERR", false),
    ] {
        let failure = FetchError::Refused(reply.to_string());
        assert_eq!(failure.is_temporary(), is_temporary, "{reply}");
    }
    // At every step: what follows the first of these is not reached.
    let whole = "S: +OK hello\nC: USER alice\nS: +OK\nC: PASS wonderland\nS: +OK\n\
        C: LIST\nS: +OK\nS: 1 10\nS: .\nC: RETR 1\nS: +OK\nS: Subject: x\nS: .\n\
        C: DELE 1\nS: +OK\nC: QUIT\nS: +OK bye\n";
    let steps = [
        "S: +OK hello",
        "S: +OK",
        "S: +OK",
        "S: +OK",
        "S: +OK",
        "S: +OK",
        "S: +OK bye",
    ];
    side_by_side(0..steps.len(), |step| {
        for (code, status) in [("[sys/temp]", 75), ("[LOGIN-DELAY]", 75), ("[SYS/PERM]", 1)] {
            let folder = TempDir::new("inbox");
            let (at, _) = whole.match_indices("S: +OK").nth(step).expect("a step");
            let end = if (4..6).contains(&step) {
                "C: QUIT\nS: +OK\n"
            } else {
                ""
            };
            let dialogue = format!("{}S: -ERR {code} no\n{end}", &whole[..at]);
            let peer = Peer::new(&[&dialogue]);
            let own = folder.path().join("own");
            let into = ["--into", own.to_str().expect("UTF-8")];
            let output = inbox(&peer.address.to_string(), folder.path(), &into);
            ends(&output, status, &[code]);
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(said.contains("try again later"), status == 75, "{said}");
            peer.finish();
        }
    });
}

#[test]
fn inbox_tells_why_it_has_no_letters() {
    let folder = TempDir::new("inbox");
    let nobody = Nobody::new().address.to_string();
    ends(&inbox(&nobody, folder.path(), &[]), 75, &["no connection"]);
    let login = "S: +OK\nC: USER alice\nS: +OK\nC: PASS wonderland\n";
    for (reply, status) in [
        ("-ERR [IN-USE] wait", 75),
        ("-ERR [AUTH] no", 1),
        ("what?", 1),
    ] {
        let peer = Peer::new(&[&format!("{login}S: {reply}\n")]);
        ends(
            &inbox(&peer.address.to_string(), folder.path(), &[]),
            status,
            &[reply],
        );
        peer.finish();
    }
}

#[test]
fn one_bad_letter_does_not_keep_the_others_from_being_shown() {
    let folder = TempDir::new("inbox");
    let peer = Peer::new(&[
        "S: +OK\nC: USER alice\nS: +OK\nC: PASS wonderland\nS: +OK\n\
        C: LIST\nS: +OK\nS: 1 10\nS: 2 10\nS: 3 10\nS: 4 10\nS: .\n\
        C: RETR 1\nS: -ERR the disk has a scratch\n\
        C: RETR 2\nS: +OK\nS: a line feed \\n alone\nS: .\n\
        C: RETR 3\nS: +OK\nS: Subject: third\nS: .\n\
        C: RETR 4\nS: +OK\nS: Subject: fourth\nS: .\n\
        C: QUIT\nS: +OK\n",
    ]);
    let output = inbox(&peer.address.to_string(), folder.path(), &[]);
    let printed = [
        "a scratch",
        "letter 2 stays on the server: the letter holds a CR or LF alone",
        "third",
        "letter 1 stays on the server",
    ];
    ends(&output, 1, &printed);
    ends(&output, 1, &["Subject: fourth"]);
    peer.finish();
}

#[test]
fn a_server_out_of_step_is_left_before_a_letter_is_removed() {
    let folder = TempDir::new("inbox");
    let peer = Peer::new(&[
        "S: +OK\nC: USER alice\nS: +OK\nC: PASS wonderland\nS: +OK\n\
        C: LIST\nS: +OK\nS: 1 10\nS: 2 10\nS: .\nC: RETR 1\nS: Subject: first\nC: {close}\n",
    ]);
    ends(
        &inbox(&peer.address.to_string(), folder.path(), &[]),
        1,
        &["this is not a POP3 reply"],
    );
    peer.finish();
}
