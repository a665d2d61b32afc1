//! Nothing that strangers write reaches a terminal raw, or becomes a path; and no password is shown
//! (DEFECTS 32, 41, 42). Each claim is tried on the real commands, wherever something from outside
//! comes in: the wire, a letter, a file, the command line.

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
use common::inn::Guest;
use common::mailbox::{enqueue, put};
use common::process::{Server, make_site, program, run, run_in};
use common::side_by_side::side_by_side;
use smtp_primer::protocol::base64;
use smtp_primer::site::Site;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt::Debug;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::process::Output;

/// What a terminal obeys (a title, a question that it answers, C1 in UTF-8, BEL, DEL), and what
/// deceives its reader (text turned around, and signs that cannot be seen). `]0;t` is what shows
/// that it came through. pm-cli #7, GHSA-4225-c933-76f3, posthorn #52.
const HOSTILE: &str = "]0;t\x1b]0;t\x07\x1b[6n\x08\x7f\u{9b}6n\u{85}\u{202e}gpj\u{2066}\u{200b}\
                       \u{ad}\u{feff}\u{2028}\u{e0041}\x0b\x0c";
/// Raw C1, NUL, and a CR that would overwrite the line.
const ROUGH: &[u8] = b"]0;t\x1b]0;t\x07\x9b6n\x9d0;t\x9c\x00\xff\rC: all is well";

/// Is this text that a terminal only shows?
fn is_tame(c: char) -> bool {
    let deceives = matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}')
        || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
        || matches!(c, '\u{e0000}'..='\u{e007f}');
    !deceives && (!c.is_control() || c == '\n')
}

/// Says all this to one caller, whatever that one says; the address.
fn peer(answers: &[impl AsRef<[u8]>]) -> String {
    let all: Vec<u8> = answers.iter().flat_map(|it| it.as_ref().to_vec()).collect();
    in_turn(&[all])
}

/// Gives these answers to one caller, each when a line has been heard (after 354, a text); the
/// address. An answer before its question would not be believed.
fn in_turn(answers: &[impl AsRef<[u8]>]) -> String {
    let answers: Vec<Vec<u8>> = answers.iter().map(|it| it.as_ref().to_vec()).collect();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address").to_string();
    std::thread::spawn(move || {
        let (stream, _) = listener.accept().expect("a caller");
        let mut stream = BufReader::new(stream);
        let last = answers.len() - 1;
        let mut line = String::new();
        for (at, answer) in answers.into_iter().enumerate() {
            let _ = stream.get_mut().write_all(&answer);
            let is_text = line == "DATA\r\n" && answer.starts_with(b"354");
            line.clear();
            while at < last && !matches!(&line[..], ".\r\n" | "QUIT\r\n" | "RSET\r\n") {
                line.clear();
                let octets = stream.read_line(&mut line).unwrap_or(0);
                if octets == 0 || !is_text {
                    break;
                }
            }
        }
        let _ = stream.get_mut().shutdown(Shutdown::Write);
        let _ = stream.read_to_end(&mut Vec::new());
    });
    address
}

/// What a peer says who gives these answers, a `|` between two.
fn answers(text: &str) -> Vec<String> {
    text.split('|')
        .map(|answer| format!("{answer}\r\n"))
        .collect()
}

/// What commands have printed, and which they were.
#[derive(Default)]
struct Shown(Vec<(String, Vec<u8>)>);

impl Shown {
    fn run<W: AsRef<OsStr> + Debug>(&mut self, words: &[W], input: &[u8]) {
        let Output { stdout, stderr, .. } = run(words, input);
        self.0
            .push((format!("{words:?}"), [stdout, stderr].concat()));
    }

    /// All of it is tame; and so many times one could see that the hostile text came through.
    fn assert_tame(&self, came_through: usize) {
        let mut count = 0;
        for (what, output) in &self.0 {
            let text = str::from_utf8(output).unwrap_or_else(|_| panic!("{what}: {output:?}"));
            let wild: Vec<char> = text.chars().filter(|c| !is_tame(*c)).collect();
            assert!(wild.is_empty(), "{what}: {wild:?} in {text:?}");
            count += usize::from(text.contains("]0;t"));
        }
        assert_eq!(count, came_through, "of {}", self.0.len());
    }
}

/// What a peer says, one line after the other replaced by something hostile behind each of `codes`.
fn with_hostile(well: &str, codes: &[&str]) -> Vec<Vec<Vec<u8>>> {
    let mut talks = Vec::new();
    let well = answers(well);
    for (at, answer) in well.iter().enumerate() {
        let lines: Vec<&str> = answer.split_inclusive("\r\n").collect();
        for line in 0..lines.len() {
            for (hostile, code) in [HOSTILE.as_bytes(), ROUGH]
                .iter()
                .flat_map(|hostile| codes.iter().map(move |code| (hostile, code)))
            {
                let mut talk: Vec<Vec<u8>> = well.iter().map(|it| it.clone().into()).collect();
                let (before, after) = (lines[..line].concat(), lines[line + 1..].concat());
                let new = [code.as_bytes(), hostile, b"\r\n"].concat();
                talk[at] = [before.as_bytes(), &new, after.as_bytes()].concat();
                // Who waits for the end of this answer says nothing before it has heard all.
                if after.is_empty() && (line > 0 || code.ends_with('-')) {
                    let rest = talk.split_off(at).concat();
                    talk.push(rest);
                }
                talks.push(talk);
            }
        }
    }
    talks
}

const SMTP: &str = "220 a|250 a|250 OK|250 OK|354 go|250 kept|221 bye";
const CODES: [&str; 5] = ["220 ", "550 ", "250-", "354 ", ""];

#[test]
fn no_server_drives_the_terminal_of_send_or_talk_or_play() {
    let mut all = Shown::default();
    let folder = TempDir::in_memory("terminal");
    let dialogue = folder.path().join("dialogue");
    fs::write(
        &dialogue,
        "S: 220 {}\nC: EHLO x\nS: 250 {}\nC: QUIT\nS: 221 {}\n",
    )
    .expect("a file");
    let dialogue = dialogue.to_str().expect("UTF-8");
    for says in with_hostile(SMTP, &CODES) {
        let to = ["--to=b@b.example", "--to=c@b.example"];
        let send = ["send", "--from=", to[0], to[1], "--server", &in_turn(&says)];
        all.run(&send, HOSTILE.as_bytes());
        let talk = ["talk", &peer(&says)];
        all.run(&talk, b"EHLO x\nDATA\n.\nQUIT\n");
        let play = ["play", dialogue, "--server", &peer(&says)];
        all.run(&play, b"");
    }
    all.assert_tame(148);
}

#[test]
fn no_server_and_no_letter_drives_the_terminal_of_inbox_or_talk() {
    let mut all = Shown::default();
    let folder = TempDir::in_memory("terminal");
    let password = folder.path().join("password");
    fs::write(&password, "x\n").expect("a file");
    let password = password.to_str().expect("UTF-8");
    let encoded = "Subject: =?utf-8?q?]0;t=1B]0;t=07=0D=C2=9B?= =?iso-8859-1?b?G5sNCgc=?=";
    let list = "+OK|+OK|+OK|+OK\r\n1 100\r\n.";
    let well = format!("{list}|+OK\r\nFrom: x\r\n{encoded}\r\n\r\ntext\r\n.|+OK|+OK");
    for says in with_hostile(&well, &["+OK ", "-ERR ", "1 ", "Subject: ", ""]) {
        let inbox = ["inbox", "--server", &in_turn(&says), "--user", "alice"];
        let inbox = [&inbox[..], &["--password-file", password]].concat();
        all.run(&inbox, b"");
        let talk = ["talk", &peer(&says)];
        all.run(&talk, b"USER x\nPASS x\nLIST\nRETR 1\nDELE 1\nQUIT\n");
    }
    for letter in [HOSTILE.as_bytes(), ROUGH, encoded.as_bytes()] {
        all.run(&["show", "-"], letter);
    }
    all.assert_tame(218);
}

#[test]
fn no_caller_drives_the_terminal_of_serve_or_pop3_or_play() {
    let folder = TempDir::in_memory("terminal");
    let site = make_site(folder.path(), "a.example", &["alice:x"], "");
    let name = if cfg!(unix) {
        "1\u{1b}]0;t\u{202e}"
    } else {
        "1"
    };
    put(&site.join("mail/alice"), name, ROUGH);
    put(&site.join("mail/alice"), "2", HOSTILE);
    let mut all = Shown::default();
    for (role, talk) in [
        (
            "serve",
            "EHLO |HELO |MAIL FROM:<|RCPT TO:<|VRFY |HELP |AUTH |NOOP ||QUIT ",
        ),
        (
            "serve",
            "EHLO x\r\n|MAIL FROM:<>\r\n|RCPT TO:<alice@a.example>\r\n|DATA\r\n|.\r\n|RSET ",
        ),
        ("pop3", "USER |PASS |STAT |APOP ||QUIT "),
        (
            "pop3",
            "USER alice\r\nPASS x\r\n|LIST\r\nUIDL\r\n|RETR 1\r\n|RETR 2\r\n|TOP 2 9\r\n|DELE ",
        ),
    ] {
        for (hostile, end) in [(HOSTILE.as_bytes(), "\r\n"), (ROUGH, "\r\n"), (ROUGH, "\n")] {
            let errors = folder.path().join("errors");
            let mut command = program();
            command
                .arg(role)
                .arg(&site)
                .args(["--listen=127.0.0.1:0", "--sessions=1"]);
            let server = Server::run(command.stderr(File::create(&errors).expect("a file")));
            let mut stream = TcpStream::connect(&server.address).expect("a server");
            for piece in talk.split('|') {
                let line = [piece.as_bytes(), hostile, end.as_bytes()].concat();
                let _ = stream.write_all(&line);
            }
            let _ = stream.shutdown(Shutdown::Write);
            let _ = stream.read_to_end(&mut Vec::new());
            let mut output = server.finish().into_bytes();
            output.extend(fs::read(&errors).expect("a file"));
            all.0.push((format!("{role} {talk}"), output));
        }
    }
    let dialogue = folder.path().join("dialogue");
    fs::write(&dialogue, "S: 220 x\nC: QUIT\n").expect("a file");
    for hostile in [HOSTILE.as_bytes(), ROUGH] {
        let errors = folder.path().join("errors");
        let mut command = program();
        command
            .arg("play")
            .arg(&dialogue)
            .arg("--listen=127.0.0.1:0");
        let server = Server::run(command.stderr(File::create(&errors).expect("a file")));
        let mut stream = TcpStream::connect(&server.address).expect("a server");
        let _ = stream.write_all(&[hostile, b"\r\n"].concat());
        let _ = stream.shutdown(Shutdown::Write);
        let _ = stream.read_to_end(&mut Vec::new());
        server.wait();
        all.0
            .push(("play".to_string(), fs::read(&errors).expect("a file")));
    }
    all.assert_tame(14);
}

#[test]
fn no_next_hop_drives_the_terminal_of_relay_and_its_bounce_is_plain() {
    let folder = TempDir::in_memory("terminal");
    let site = make_site(folder.path(), "a.example", &["alice:x"], "");
    let conf = fs::read_to_string(site.join("site.conf")).expect("site.conf");
    let field = [b"Subject: ", HOSTILE.as_bytes(), b"\r\n"].concat();
    let mut all = Shown::default();
    let well = SMTP.replace("250 a", "250-a\r\n250 8BITMIME");
    for says in with_hostile(&well, &["550 ", ""]) {
        enqueue(&site.join("queue"), "waiting", &field);
        // This is the last of its tries: then it is too old, and bounced.
        let envelope = site.join("queue/waiting.envelope");
        let last = fs::read_to_string(&envelope).expect("an envelope");
        fs::write(&envelope, last.replace("tries 0", "tries 7")).expect("an envelope");
        let conf = format!("{conf}route b.example {}\n", in_turn(&says));
        fs::write(site.join("site.conf"), conf).expect("site.conf");
        let relay = ["relay", site.to_str().expect("UTF-8"), "--once"];
        all.run(&relay, b"");
    }
    all.assert_tame(32);
    let bounces = new_letters(&site, "alice");
    let plain = |octet: &u8| matches!(octet, b' '..=b'~' | b'\r' | b'\n');
    assert!(bounces.iter().flatten().all(plain), "{bounces:?}");
    assert_eq!(bounces.len(), 28);
}

/// A resolver that answers one question with one MX record, whose name is hostile.
fn resolver() -> String {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let address = socket.local_addr().expect("its address").to_string();
    std::thread::spawn(move || {
        let mut packet = [0; 512];
        let (length, peer) = socket.recv_from(&mut packet).expect("a question");
        let mut answer = packet[..length].to_vec();
        answer[2..8].copy_from_slice(&[0x80, 0, 0, 1, 0, 1]);
        let name = &HOSTILE.as_bytes()[..40];
        let length = 2 + 1 + name.len() as u8 + 1;
        answer.extend([0xc0, 12, 0, 15, 0, 1, 0, 0, 0, 0, 0, length, 0, 1, 40]);
        answer.extend([name, &[0]].concat());
        socket.send_to(&answer, peer).expect("an answer");
    });
    address
}

#[test]
fn no_name_from_dns_no_file_and_no_word_of_the_command_line_drives_the_terminal() {
    let mut all = Shown::default();
    let folder = TempDir::in_memory("terminal");
    let conf = format!("resolver {}\n", resolver());
    let site = make_site(folder.path(), "a.example", &[], &conf);
    enqueue(&site.join("queue"), "waiting", b"x\r\n");
    let file = site.join("site.conf");
    let site = site.to_str().expect("UTF-8");
    all.run(&["relay", site, "--once"], b"");
    let keys = [
        "domain", "user", "alias", "alias x", "route", "route x", "resolver", "mx-port", "",
    ];
    for key in keys {
        let conf = format!("domain a.example\n{key} {HOSTILE} {HOSTILE}\n");
        fs::write(&file, conf).expect("a file");
        all.run(&["serve", site, "--listen=127.0.0.1:0"], b"");
    }
    fs::write(&file, "domain a.example\n").expect("a file");
    let dialogue = folder.path().join("dialogue");
    for line in [format!("S: {HOSTILE}"), format!("# {HOSTILE}\nS: 220 x")] {
        fs::write(&dialogue, line).expect("a file");
        let dialogue = dialogue.to_str().expect("UTF-8");
        all.run(&["play", dialogue, "--server", &peer(&["220 y\r\n"])], b"");
    }
    // Words in every place of every command.
    all.run(&[HOSTILE], b"");
    all.run(&["help", HOSTILE], b"");
    let (dashed, named) = (format!("--{HOSTILE}"), |name| format!("--{name}={HOSTILE}"));
    for command in [
        "init", "serve", "pop3", "relay", "send", "inbox", "show", "talk", "play",
    ] {
        all.run(&[command, HOSTILE], b"");
        all.run(&[command, &dashed], b"");
        all.run(&[command, "x", HOSTILE], b"");
    }
    for name in [
        "from", "to", "subject", "header", "body", "message", "helo", "timeout",
    ] {
        let mut words = vec![
            "send".to_string(),
            "--server=127.0.0.1:1".to_string(),
            named(name),
        ];
        for (other, value) in [("from", "a@a.example"), ("to", "b@b.example")] {
            words.extend((other != name).then(|| format!("--{other}={value}")));
        }
        all.run(&words, b"x");
    }
    all.run(
        &["send", "--from=", "--to=b@b.example", &named("server")],
        b"x",
    );
    for name in ["listen", "sessions", "timeout", "max-size"] {
        all.run(&["serve", site, &named(name)], b"");
    }
    let password = named("password-file");
    all.run(
        &["inbox", "--server=127.0.0.1:1", &named("user"), &password],
        b"",
    );
    // A name from DNS with such characters is not shown at all: the answer counts as unreadable.
    all.assert_tame(39);
}

/// Other programs may have put what they like into a queue, and a user may name a folder so.
#[cfg(unix)] // elsewhere no file can have such a name
#[test]
fn no_name_of_a_file_drives_the_terminal() {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;
    let mut all = Shown::default();
    let folder = TempDir::in_memory("terminal");
    let folder = folder.path().to_str().expect("UTF-8");
    let site = format!("{folder}/{HOSTILE}");
    all.run(&["init", &site, "--domain=a.example"], b"");
    all.run(&["init", &site, "--domain=a.example"], b"");
    fs::create_dir_all(format!("{site}/queue")).expect("a folder");
    fs::write(format!("{site}/queue/{HOSTILE}.envelope"), HOSTILE).expect("a file");
    all.run(&["relay", &site, "--once"], b"");
    let dialogue = format!("{folder}/{HOSTILE}.txt");
    fs::write(&dialogue, "S: 220 x\n").expect("a file");
    for says in ["220 x\r\n", "220 y\r\n"] {
        all.run(&["play", &dialogue, "--server", &peer(&[says])], b"");
    }
    let word = ROUGH.iter().copied().filter(|octet| *octet != 0).collect();
    all.run(&["show".into(), OsString::from_vec(word)], b"");
    all.assert_tame(6);
}

/// All files and folders below a folder, and what is in them.
fn tree(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut tree = BTreeMap::new();
    for file in fs::read_dir(folder).expect("a folder") {
        let path = file.expect("a file").path();
        let name = path
            .file_name()
            .expect("a name")
            .to_str()
            .expect("UTF-8")
            .to_string();
        if path.is_dir() {
            let inside = self::tree(&path).into_iter();
            tree.extend(inside.map(|(path, octets)| (format!("{name}/{path}"), octets)));
            tree.insert(name, Vec::new());
        } else {
            tree.insert(name, fs::read(path).expect("a file"));
        }
    }
    tree
}

#[test]
fn no_name_from_outside_becomes_a_path() {
    // James #659, maildev #467, CVE-2005-1105, RUSTSEC-2020-0069.
    let folder = TempDir::in_memory("paths");
    let outside = folder.path().join("outside");
    fs::create_dir(&outside).expect("a folder");
    let password = folder.path().join("password");
    fs::write(&password, "x\n").expect("a file");
    let conf = "route b.example 127.0.0.1:1\n";
    let site = make_site(folder.path(), "a.example", &["alice:x"], conf);
    let made = Server::start("pop3", &site, &["--sessions", "0"]);
    made.finish(); // makes the folders
    let before = tree(folder.path());
    let marker = format!("smtp-primer-marker-{}", std::process::id());
    let names: Vec<String> = [
        "../X",
        "../../X",
        "../../../X",
        "../alice",
        "/tmp/X",
        "alice/../X",
        "alice/new/X",
        "alice/",
        "/alice",
        ".",
        "..",
        ".X",
        "-X",
        "--X",
        "~/X",
        "$HOME/X",
        "*",
        "alice;X",
        "C:X",
        "..%2fX",
        "ALICE",
        "|X",
        "alice new",
        "\\../X",
        "alice\0/X",
    ]
    .map(|name| name.replace('X', &marker))
    .to_vec();
    let (smtp, pop3) = (
        Server::start("serve", &site, &[]),
        Server::start("pop3", &site, &[]),
    );
    for name in &names {
        let mut guest = Guest::call_only(&smtp.address);
        for line in [
            "HELO N",
            "EHLO N",
            "EHLO x",
            "VRFY N",
            "expn N",
            "VRFY \"N\"",
            "MAIL FROM:<\"N\"@b.example>",
            "RCPT TO:<N@a.example>",
            "RCPT TO:<\"N\"@a.example>",
            "RCPT TO:<\"N\"@b.example>",
            "RCPT TO:<alice@a.example>",
            "DATA",
            "Message-ID: <N>",
            "In-Reply-To: <N>",
            "Subject: N",
            "Content-Disposition: attachment; filename=\"N\"",
            "Content-Type: x/y; name=\"N\"",
            "",
            ".",
            "QUIT",
        ] {
            guest.send(line.replace('N', name) + "\r\n");
        }
        guest.rest();
        let mut guest = Guest::call_only(&pop3.address);
        for line in [
            "USER N",
            "PASS x",
            "APOP N x",
            "USER alice",
            "PASS x",
            "RETR N",
            "TOP N 1",
            "LIST N",
            "UIDL N",
            "DELE N",
            "QUIT",
        ] {
            guest.send(line.replace('N', name) + "\r\n");
        }
        guest.0.read_to_end(&mut Vec::new()).expect("the end");
    }
    let password = password.to_str().expect("UTF-8");
    let inbox = [
        "inbox",
        "--keep",
        "--user=alice",
        "--server",
        &pop3.address,
        "--password-file",
    ];
    let inbox = [&inbox[..], &[password]].concat();
    let page = run_in(&outside, &inbox, b"");
    assert!(page.status.success(), "{page:?}");
    let relayed = run_in(
        &outside,
        &["relay", site.to_str().expect("UTF-8"), "--once"],
        b"",
    );
    assert_eq!(relayed.status.code(), Some(75), "{relayed:?}");

    let mut after = tree(folder.path());
    for (path, octets) in &before {
        assert_eq!(after.remove(path).as_ref(), Some(octets), "{path}");
    }
    let taken = names.len() - 1; // all but the one with NUL are addresses, between quotes
    let mut kinds = BTreeMap::new();
    for path in after.keys() {
        let (folder, name) = path.rsplit_once('/').expect("a name in the site");
        let ours = |c: char| c.is_ascii_alphanumeric() || ".,=".contains(c);
        assert!(name.chars().all(ours) && !name.starts_with('.'), "{path}");
        let kind = name.rsplit('.').next().expect("an end");
        let kind = if folder.ends_with("/new") {
            "letter"
        } else {
            kind
        };
        *kinds.entry(format!("{folder}: {kind}")).or_insert(0) += 1;
    }
    let due = [
        ("a.example/mail/alice/new: letter", taken),
        ("a.example/mail/alice: lock", 1),
        ("a.example/queue: envelope", taken),
        ("a.example/queue: letter", taken),
    ];
    assert_eq!(
        kinds,
        due.map(|(kind, count)| (kind.to_string(), count)).into()
    );
    assert!(!folder.path().with_file_name(&marker).exists());
}

const PASSWORD: &str = "zebra-quartz-sesame";

/// No piece of the password, nor of the password in base64, alone or with the name.
fn assert_keeps_the_secret(what: &str, output: &str) {
    let [plain, login] = in_base64();
    for secret in [PASSWORD, &plain, &login, &login.replace('=', "")] {
        for piece in secret.as_bytes().windows(6) {
            let piece = str::from_utf8(piece).expect("ASCII");
            assert!(!output.contains(piece), "{what}: {piece:?} is in {output}");
        }
    }
}

/// The message of PLAIN, and the password for LOGIN.
fn in_base64() -> [String; 2] {
    [format!("\0alice\0{PASSWORD}"), PASSWORD.to_string()].map(|it| base64::encode(it.as_bytes()))
}

/// In these lines the word P stands for the message of PLAIN, L for the answer to LOGIN, M for one
/// that is malformed, W for the password, and Z for more of it than a line may hold.
fn spell_out(talk: &str) -> String {
    let [plain, login] = in_base64();
    let spell = |word: &str| {
        let secret = match word.trim_matches([' ', '\t', '\r', '\n', '=', '\0']) {
            "P" => &plain,
            "L" => &login,
            "M" => &login[1..],
            "W" => PASSWORD,
            "Z" => &plain.repeat(999),
            _ => return word.to_string(),
        };
        word.replace(['P', 'L', 'M', 'W', 'Z'], secret)
    };
    talk.split_inclusive([' ', '\t', '\r', '\n'])
        .map(spell)
        .collect()
}

#[test]
fn no_server_shows_a_password_however_it_comes() {
    // aiosmtpd #233, chrj/smtpd #38, go-mail #338.
    let folder = TempDir::in_memory("secret");
    let right = make_site(
        folder.path(),
        "a.example",
        &[&format!("alice:{PASSWORD}")],
        "",
    );
    let wrong = make_site(folder.path(), "b.example", &["alice:x"], "");
    let smtp = [
        "AUTH PLAIN P\r\n",
        "auth plain P\r\n",
        "AUTH  PLAIN P\r\n",
        "AUTH\tPLAIN\tP\r\n",
        " AUTH PLAIN P\r\n",
        "AUTH PLAIN P \r\n",
        "AUTH PLAIN P\n",
        "AUTH PLAIN P\r",
        "AUTH PLAIN P",
        "AUTH PLAIN P P\r\n",
        "AUTH PLAIN =P\r\n",
        "AUTH PLAIN P=\r\n",
        "AUTH PLAIN M\r\n",
        "AUTH XYZ P\r\n",
        "AUTH PLAIN\r\nP\r\n",
        "AUTH PLAIN\r\nP\n",
        "AUTH PLAIN\r\nP",
        "AUTH PLAIN\r\n M\r\n",
        "AUTH PLAIN\r\n*\r\nP\r\n",
        "AUTH PLAIN\nP\r\n",
        "AUTH XYZ\r\nP\r\n",
        "EHLO x\rAUTH PLAIN P\r\n",
        "AUTH LOGIN\r\0L\r\0NOOP\r\n",
        "AUTH LOGIN\r\nYWxpY2U=\r\nL\r\n",
        "AUTH LOGIN YWxpY2U=\r\nL\r\n",
        "AUTH LOGIN\r\nYWxpY2U=\nL\r\n",
        "AUTH LOGIN\r\n!\r\nL\r\n",
        "AUTH LOGIN\r\n*\r\nL\r\n",
        "AUTH LOGIN\nYWxpY2U=\nL\n",
        "AUTH LOGIN\r\nYWxpY2U=\r\nM\r\n",
        "AUTH LOGIN\r\nYWxpY2U=\r\nL",
        "AUTH LOGIN M\r\nM\r\n",
        "MAIL FROM:<>\r\nAUTH PLAIN P\r\n",
        "MAIL FROM:<>\r\nAUTH LOGIN\r\nYWxpY2U=\r\nL\r\n",
        "AUTH PLAIN P\r\nAUTH LOGIN\r\nYWxpY2U=\r\nL\r\n",
        "HELO x\r\nAUTH PLAIN\r\nP\r\n",
        "AUTH PLAIN Z\r\n",
        "AUTH PLAIN\r\nZ\r\n",
        "PASS W\r\n",
    ];
    let pop3 = [
        "USER alice\r\nPASS W\r\n",
        "USER alice\r\npass W\r\n",
        "USER alice\r\nPASS  W \r\n",
        "USER alice\r\n PASS W\r\n",
        "USER alice\r\nPASS\tW\r\n",
        "USER alice\r\nPASS W\n",
        "USER alice\r\nPASS W\r",
        "USER alice\r\nPASS W",
        "USER alice\rPASS W\rQUIT\r",
        "USER alice\r\0PASS W\r\0QUIT\r\0",
        "PASS W\r\n",
        "USER bob\r\nPASS W\r\n",
        "USER alice\r\nPASS W\r\nPASS W\r\n",
        "USER alice\r\nPASS W Z\r\n",
        "AUTH PLAIN P\r\n",
        "AUTH PLAIN\r\nP\r\n",
        "AUTH LOGIN\r\nYWxpY2U=\r\nL\r\n",
    ];
    let roles = [("serve", "EHLO x\r\n", &smtp[..]), ("pop3", "", &pop3)];
    let tried = side_by_side([right, wrong], |site| {
        let mut tried = 0;
        for (role, hello, talks) in roles {
            let errors = site.join("errors");
            let mut command = program();
            command.arg(role).arg(&site).args(["--listen=127.0.0.1:0"]);
            command.arg(format!("--sessions={}", talks.len()));
            let server = Server::run(command.stderr(File::create(&errors).expect("a file")));
            for talk in talks {
                let mut stream = TcpStream::connect(&server.address).expect("a server");
                let _ = stream.write_all((hello.to_string() + &spell_out(talk)).as_bytes());
                let _ = stream.shutdown(Shutdown::Write);
                let mut said = Vec::new();
                let _ = stream.read_to_end(&mut said);
                assert_keeps_the_secret(role, &String::from_utf8_lossy(&said));
                tried += 1;
            }
            let trace = server.finish() + &fs::read_to_string(&errors).expect("a file");
            assert!(trace.matches("********").count() >= talks.len(), "{trace}");
            assert_keeps_the_secret(role, &trace);
        }
        tried
    });
    assert_eq!(tried, [39 + 17, 39 + 17]);
}

#[test]
fn a_site_in_a_message_of_a_programmer_shows_no_password_either() {
    let folder = TempDir::in_memory("secret");
    let user = format!("alice:{PASSWORD}");
    let site = make_site(folder.path(), "a.example", &[&user], "");
    let site = Site::open(&site).expect("a site");
    assert_eq!(site.host.users["alice"], PASSWORD);
    let shown = format!("{site:?} {site:#?}");
    assert_keeps_the_secret("{:?}", &shown);
    assert!(shown.contains("a.example"), "{shown}");
}

#[test]
fn no_client_shows_the_password_that_it_was_given() {
    let [plain, login] = in_base64();
    let folder = TempDir::in_memory("secret");
    let file = folder.path().join("password");
    fs::write(&file, format!("{PASSWORD}\n")).expect("a file");
    let file = format!("--password-file={}", file.to_str().expect("UTF-8"));
    let mut shown = String::new();
    let mut hears = |words: &[&str], input: &str| {
        let Output { stdout, stderr, .. } = run(words, input.as_bytes());
        let output = String::from_utf8([stdout, stderr].concat()).expect("UTF-8");
        assert_keeps_the_secret(&format!("{words:?}"), &output);
        shown += &output;
    };
    let hello = "220 a|250-a\r\n250";
    for says in [
        "AUTH PLAIN|235 yes|250 |250 |354 |250 |221 ",
        "AUTH PLAIN|535 no|221 bye",
        "AUTH PLAIN|334 |221 bye",
        "AUTH PLAIN",
        "AUTH LOGIN|334 VXNlcm5hbWU6|334 UGFzc3dvcmQ6|235 yes",
        "AUTH LOGIN|334 x|334 x|334 x|535 no",
        "AUTH LOGIN|334 x",
        "AUTH LOGIN|504 no|500 what|500 what|221 bye",
        "SIZE|221 bye",
    ] {
        let words = ["send", "--from=", "--to=b@b.example", "--user=alice", &file];
        let says = answers(&format!("{hello} {says}"));
        hears(&[&words[..], &["--server", &in_turn(&says)]].concat(), "x");
        let typed = match says.concat().contains("LOGIN") {
            true => format!("EHLO x\nAUTH LOGIN\nYWxpY2U=\n{login}\n"),
            false => format!("EHLO x\nAUTH PLAIN {plain}\n"),
        };
        hears(&["talk", &peer(&says)], &typed);
    }
    for says in [
        "+OK|+OK|+OK|+OK\r\n.|+OK",
        "+OK|+OK|-ERR no",
        "+OK|+OK",
        "+OK",
    ] {
        let says = answers(says);
        hears(
            &["inbox", "--user=alice", &file, "--server", &in_turn(&says)],
            "",
        );
        hears(
            &["talk", &peer(&says)],
            &format!("USER alice\nPASS {PASSWORD}\nQUIT\n"),
        );
    }
    assert_eq!(shown.matches("********").count(), 26, "{shown}");
}
