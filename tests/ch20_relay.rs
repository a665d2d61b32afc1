//! Chapter 20, `relay`: the real relay on a real queue.

#[allow(dead_code)]
mod common {
    pub mod crash;
    pub mod folder;
    pub mod process;
    pub mod script;
}

use common::crash::{assert_all_kept, kill_often};
use common::folder::{TempDir, new_letters};
use common::process::{Server, make_site, program};
use smtp_primer::message::Clock;
use smtp_primer::protocol::address::{Mailbox, ReversePath};
use smtp_primer::protocol::dot::Text;
use smtp_primer::queue::{Envelope, Queue};
use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::time::Duration;

const NOW: u64 = 1_795_412_453;

/// A clock that stands still.
fn still() -> Clock {
    Clock::new(Some(NOW))
}

fn mailbox(text: &str) -> Mailbox {
    text.parse().unwrap()
}

/// A letter from alice to bob.
fn add(queue: &Queue, clock: &mut Clock, text: &str) -> io::Result<String> {
    let from = ReversePath::Mailbox(mailbox("alice@a.example"));
    let text = Text::from_file(text.as_bytes());
    queue.add(
        &from,
        vec![mailbox("bob@b.example")],
        clock,
        |id| format!("X-Name: {id}\r\n"),
        &text,
    )
}

/// What `each` shows: the letters, and the names of those that are damaged.
fn see(queue: &Queue) -> (Vec<(String, Envelope)>, Vec<String>) {
    let (mut letters, mut damaged) = (Vec::new(), Vec::new());
    let all = queue.each(|id, envelope| match envelope {
        Ok(envelope) => letters.push((id.to_string(), envelope)),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::InvalidData, "{id}: {error}");
            damaged.push(id.to_string());
        }
    });
    all.unwrap();
    letters.sort_by(|(a, _), (b, _)| a.cmp(b));
    (letters, damaged)
}

/// The names of the files in a folder.
fn names(folder: &Path) -> Vec<String> {
    let name = |file: io::Result<fs::DirEntry>| file.unwrap().file_name().into_string().unwrap();
    let mut names: Vec<String> = fs::read_dir(folder).unwrap().map(name).collect();
    names.sort();
    names
}

/// Puts something at a path.
#[cfg(unix)]
type Put = Box<dyn Fn(&Path)>;

/// What is no regular file, and how to make it. One link leads to a file outside.
#[cfg(unix)]
fn others(outside: std::path::PathBuf) -> Vec<(&'static str, Put)> {
    use std::os::unix::{fs::symlink, net::UnixListener};
    let fifo = |path: &Path| {
        let made = std::process::Command::new("mkfifo").arg(path).status();
        assert!(made.unwrap().success());
    };
    vec![
        ("fifo", Box::new(fifo)),
        (
            "socket",
            Box::new(|path| drop(UnixListener::bind(path).unwrap())),
        ),
        (
            "device",
            Box::new(|path| symlink("/dev/zero", path).unwrap()),
        ),
        (
            "link",
            Box::new(move |path| symlink(&outside, path).unwrap()),
        ),
        (
            "dangling",
            Box::new(|path| symlink("nowhere", path).unwrap()),
        ),
    ]
}

/// Runs `relay --once`, which must not stand still.
#[cfg(unix)]
fn relay_at_once(site: &Path) -> (Option<i32>, String) {
    let mut relay = program();
    relay.args(["relay", "--once", "--quiet"]).arg(site);
    relay.stderr(std::process::Stdio::piped());
    let mut child = relay.spawn().unwrap();
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while child.try_wait().unwrap().is_none() {
        if std::time::Instant::now() > deadline {
            child.kill().unwrap();
            panic!("it stands still");
        }
        std::thread::yield_now();
    }
    let done = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    (done.status.code(), said)
}

#[cfg(unix)]
#[test]
fn only_regular_files_are_letters_and_envelopes_and_the_others_wait_for_nobody() {
    for kind in ["letter", "envelope", "new", "lock"] {
        let folder = TempDir::new("queue");
        let outside = folder.path().join("outside");
        fs::write(&outside, "not to be touched").unwrap();
        let site = make_site(folder.path(), "a.example", &[], "");
        for (name, put) in others(outside.clone()) {
            let queue = Queue::create(&site.join("queue")).unwrap();
            let id = add(&queue, &mut still(), "x").unwrap();
            let place = match kind {
                "lock" => site.join("queue/lock"),
                kind => site.join(format!("queue/{id}.{kind}")),
            };
            let _ = fs::remove_file(&place);
            put(&place);
            let (code, said) = relay_at_once(&site);
            match kind {
                "lock" => assert!(said.contains("not a regular file"), "{name}: {said}"),
                // Nobody knows a hop for b.example, so the letter waits, as a letter does.
                "new" => {
                    assert_eq!(code, Some(75), "{name}: {said}");
                    let left = names(&site.join("queue"));
                    for kind in ["envelope", "letter"] {
                        assert!(left.contains(&format!("{id}.{kind}")), "{name}: {left:?}");
                    }
                }
                _ => assert!(
                    code == Some(1) && said.contains(&id),
                    "{name} {kind}: {said}"
                ),
            }
            assert_eq!(fs::read_to_string(&outside).unwrap(), "not to be touched");
            fs::remove_dir_all(site.join("queue")).unwrap();
        }
    }
}

#[test]
fn one_at_a_time_may_work_the_queue_off() {
    let folder = TempDir::new("queue");
    let site = make_site(folder.path(), "a.example", &[], "");
    let queue = Queue::create(&site.join("queue")).unwrap();
    let relay = || {
        program()
            .args(["relay", "--once", "--quiet"])
            .arg(&site)
            .output()
            .unwrap()
    };
    let lock = queue.lock().unwrap().expect("nobody has it");
    assert!(queue.lock().unwrap().is_none(), "also within one process");
    let refused = relay();
    assert_eq!(refused.status.code(), Some(75));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("another relay"));
    // Not dropped: a process that another test starts just now may hold a copy of it for a moment.
    lock.unlock().expect("it is ours");
    assert!(relay().status.success());
    // That process has ended, and its lock with it; the file stays.
    assert!(queue.lock().unwrap().is_some());
}

#[test]
fn a_server_killed_at_any_moment_leaves_whole_letters_and_every_one_it_answered_250() {
    let folder = TempDir::new("queue-killed");
    let site = make_site(folder.path(), "a.example", &[], "");
    let queue = Queue::create(&site.join("queue")).unwrap();
    kill_often(&site, &["bob@b.example", "carol@c.example"], |kept| {
        let (letters, damaged) = see(&queue);
        assert!(damaged.is_empty(), "{damaged:?}");
        let mut texts = Vec::new();
        for (id, envelope) in &letters {
            assert_eq!(envelope.waiting().count(), 2);
            texts.push(queue.text(id).unwrap());
        }
        assert_all_kept(kept, texts.iter().map(Text::octets));
    });
}
const LETTER: &str = "Subject: Tea?\r\n\r\nHello Bob\r\n.dot\r\n";

fn files(folder: &Path) -> Vec<String> {
    let files = std::fs::read_dir(folder).expect("a folder");
    let mut names: Vec<String> = files
        .map(|file| {
            file.expect("a file")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .filter(|name| name != "lock")
        .collect();
    names.sort();
    names
}

/// `relay --once`: its exit status, and what it says.
fn relay_once(site: &Path) -> (i32, String) {
    let output = program()
        .arg("relay")
        .arg(site)
        .arg("--once")
        .output()
        .expect("relay runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code().expect("an exit status"), said)
}

/// Sends a letter, and fails if it is not taken.
fn send(server: &Server, from: &str, to: &[&str], file: &Path) {
    let mut send = program();
    send.args([
        "send",
        "--quiet",
        "--server",
        &server.address,
        "--from",
        from,
    ]);
    for to in to {
        send.args(["--to", to]);
    }
    let sent = send.arg("--message").arg(file).output().expect("send runs");
    assert!(
        sent.status.success(),
        "{}",
        String::from_utf8_lossy(&sent.stderr)
    );
}

fn route(site: &Path, domain: &str, server: &Server) {
    let file = site.join("site.conf");
    let conf = std::fs::read_to_string(&file).expect("site.conf");
    let conf = format!("{conf}route {domain} {}\n", server.address);
    std::fs::write(file, conf).expect("site.conf");
}

#[test]
fn the_exit_status_tells_how_a_pass_went() {
    let folder = TempDir::new("exit");
    let a = make_site(folder.path(), "a.example", &["alice:x"], "");
    let b = make_site(folder.path(), "b.example", &["bob:x"], "");
    let (serve_a, serve_b) = (
        Server::start("serve", &a, &["--quiet"]),
        Server::start("serve", &b, &["--quiet"]),
    );
    route(&a, "b.example", &serve_b);
    let letter = folder.path().join("letter");
    std::fs::write(&letter, LETTER).expect("a letter");
    assert_eq!(relay_once(&a).0, 0, "an empty queue");

    send(&serve_a, "alice@a.example", &["bob@b.example"], &letter);
    let (status, said) = relay_once(&a);
    assert_eq!(status, 0, "{said}");
    let letters = new_letters(&b, "bob");
    assert_eq!(letters.len(), 1);
    assert!(letters[0].ends_with(LETTER.as_bytes()));

    let nobody = ["nobody@b.example", "bob@b.example"];
    send(&serve_a, "alice@a.example", &nobody, &letter);
    let (status, said) = relay_once(&a);
    assert_eq!(status, 1, "{said}");
    assert!(said.contains("550 no such user here"), "{said}");
    assert_eq!(new_letters(&b, "bob").len(), 2, "the other one has it");
    let bounces = new_letters(&a, "alice");
    assert_eq!(bounces.len(), 1);
    assert!(bounces[0].starts_with(b"Return-Path: <>\r\n"));

    send(&serve_a, "alice@a.example", &["carol@c.example"], &letter);
    let (status, said) = relay_once(&a);
    assert_eq!(status, 75, "no route and no resolver: {said}");
    assert_eq!(relay_once(&a).0, 75, "it waits");
    let queue = a.join("queue");
    for name in files(&queue)
        .iter()
        .filter(|name| name.ends_with(".envelope"))
    {
        std::fs::write(queue.join(name), "").expect("an envelope");
    }
    let (status, said) = relay_once(&a);
    assert_eq!(status, 1, "a damaged letter: {said}");
    assert!(said.contains(".damaged"), "{said}");
    assert_eq!(relay_once(&a).0, 0, "and then it is nobody's trouble");
}

#[test]
fn the_reply_to_the_dot_does_not_wait_for_the_next_hop() {
    // RFC 5321 §6.1: who waits too long for it sends the letter again.
    let folder = TempDir::new("soon");
    let next = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let conf = format!(
        "route b.example {}\n",
        next.local_addr().expect("an address")
    );
    let site = make_site(folder.path(), "a.example", &[], &conf);
    let server = Server::start("serve", &site, &["--quiet"]);
    let letter = folder.path().join("letter");
    std::fs::write(&letter, LETTER).expect("a letter");
    send(&server, "alice@a.example", &["bob@b.example"], &letter);
    next.set_nonblocking(true).expect("a listener");
    let called = next.accept().map_err(|error| error.kind());
    assert_eq!(called.err(), Some(io::ErrorKind::WouldBlock));
}

#[test]
fn two_relays_do_not_work_on_one_queue() {
    let folder = TempDir::new("two");
    let site = make_site(folder.path(), "a.example", &[], "");
    let queue = Queue::create(&site.join("queue")).expect("a queue");
    let lock = queue.lock().expect("a lock").expect("ours");
    let (status, said) = relay_once(&site);
    assert_eq!(status, 75);
    assert!(said.contains("another relay"), "{said}");
    // Not dropped: a process that another test starts just now may hold a copy of it for a moment.
    lock.unlock().expect("it is ours");
    assert_eq!(relay_once(&site).0, 0);
}

#[test]
fn a_letter_that_goes_round_in_circles_ends_as_a_bounce() {
    // RFC 5321 §6.3. It has been round 45 times already, to save time.
    let old = "Received: from x by y; Fri, 15 Jan 2027 07:59:00 +0000\r\n".repeat(90);
    for sites in [["a.example", "b.example"], ["a.example", "a.example"]] {
        let folder = TempDir::new("loop");
        let a = make_site(folder.path(), "a.example", &["alice:x"], "");
        let b = make_site(folder.path(), "b.example", &[], "");
        let (serve_a, serve_b) = (
            Server::start("serve", &a, &["--quiet"]),
            Server::start("serve", &b, &["--quiet"]),
        );
        let [first, second] = sites.map(|name| if name == "a.example" { &a } else { &b });
        let next = if second == &a { &serve_a } else { &serve_b };
        route(first, "c.example", next);
        route(&b, "c.example", &serve_a);
        route(&b, "a.example", &serve_a);
        let letter = folder.path().join("letter");
        std::fs::write(&letter, format!("{old}{LETTER}")).expect("a letter");
        send(&serve_a, "alice@a.example", &["carol@c.example"], &letter);
        let mut rounds = 0;
        while new_letters(&a, "alice").is_empty() {
            relay_once(&a);
            relay_once(&b);
            rounds += 1;
            assert!(rounds <= 10, "{sites:?}: it still goes round");
        }
        let bounce = String::from_utf8(new_letters(&a, "alice").remove(0)).expect("ASCII");
        assert!(
            bounce.contains("554 this letter goes in a circle"),
            "{bounce}"
        );
        assert!(
            [&a, &b]
                .iter()
                .all(|site| files(&site.join("queue")).is_empty())
        );
    }
}
