//! Chapter 20: sites, with real programs that make them and work in them.

#[allow(dead_code)]
mod common {
    pub mod crash;
    pub mod folder;
    pub mod process;
    pub mod script;
}

use common::crash::Caller;
use common::folder::{TempDir, new_letters};
use common::process::{Server, make_site, program};
use smtp_primer::maildir::Maildir;
use smtp_primer::site::Site;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Stdio;

#[test]
fn of_many_that_make_a_site_at_once_one_makes_it_and_it_is_whole() {
    let folder = TempDir::new("site");
    let site = folder.path().join("a.example");
    let start = |number: usize| {
        let mut init = program();
        init.arg("init").arg(&site).args(["--domain=a.example"]);
        let init = init.arg(format!("--user=user{number}:x"));
        let init = init.stdout(Stdio::null()).stderr(Stdio::piped());
        init.spawn().expect("init runs")
    };
    let all: Vec<_> = (0..8).map(start).collect();
    let ends = all
        .into_iter()
        .map(|it| it.wait_with_output().expect("it ends"));
    let ends: Vec<_> = ends.collect();
    let made: Vec<usize> = (0..8).filter(|at| ends[*at].status.success()).collect();
    assert_eq!(made.len(), 1, "{ends:?}");
    let users = Site::open(&site).expect("a site").host.users;
    assert_eq!(
        users.keys().collect::<Vec<_>>(),
        [&format!("user{}", made[0])]
    );
}

/// The names and rights of all that lies below a folder.
#[cfg(unix)]
fn rights(folder: &Path) -> Vec<(String, u32)> {
    use std::os::unix::fs::PermissionsExt;
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let mode = fs::metadata(&path).expect("a file").permissions().mode();
        found.push((path.display().to_string(), mode & 0o7777));
        if path.is_dir() {
            found.extend(rights(&path));
        }
    }
    found
}

#[cfg(unix)]
// ours 10: every user of the computer could read all mail.
#[test]
fn all_that_a_site_makes_is_for_its_owner_only_whatever_the_umask() {
    for umask in ["000", "022", "077", "777"] {
        let temp = TempDir::new("site");
        let site = temp.path().join("deep/a.example");
        let under_umask = |role: &str| {
            let mut shell = std::process::Command::new("sh");
            let script = format!("umask {umask}; exec \"$0\" \"$@\"");
            shell.arg("-c").arg(script).arg(program().get_program());
            shell.arg(role).arg(&site).stderr(Stdio::null());
            shell
        };
        let mut command = under_umask("init");
        let made = command
            .args(["--domain=a.example", "--user=alice:x"])
            .output();
        assert!(made.expect("init").status.success(), "umask {umask}");
        // One more user, whose mailbox serve has to make; one letter to keep and one to queue.
        let conf = fs::read_to_string(site.join("site.conf")).expect("site.conf");
        fs::write(site.join("site.conf"), conf + "user bob x\n").expect("site.conf");
        let mut command = under_umask("serve");
        let server = Server::run(command.args(["--listen=127.0.0.1:0", "--sessions=1"]));
        let mut caller = Caller::new(&server.address);
        caller.send(
            "Subject: x\r\n",
            &["alice@a.example", "bob@a.example", "c@c.example"],
        );
        assert!(caller.reply().starts_with("250"), "umask {umask}");
        drop(caller);
        server.finish();
        let relayed = under_umask("relay").arg("--once").status().expect("relay");
        assert_eq!(relayed.code(), Some(75), "umask {umask}");
        let mut command = under_umask("pop3");
        let server = Server::run(command.args(["--listen=127.0.0.1:0", "--sessions=1"]));
        let mut stream = TcpStream::connect(&server.address).expect("a server");
        stream
            .write_all(b"USER alice\r\nPASS x\r\nQUIT\r\n")
            .expect("a server");
        let mut said = String::new();
        stream.read_to_string(&mut said).expect("replies");
        assert!(said.contains("+OK 1 "), "umask {umask}: {said}");
        drop(stream);
        server.finish();
        let found = rights(temp.path());
        for end in [
            "/pop3.lock",
            "queue/lock",
            ".letter",
            ".envelope",
            "bob/new",
            "deep",
        ] {
            let is_there = found.iter().any(|(name, _)| name.ends_with(end));
            assert!(is_there, "{end}: {found:?}");
        }
        for (name, mode) in found {
            let due = if Path::new(&name).is_dir() {
                0o700
            } else {
                0o600
            };
            assert_eq!(mode, due, "umask {umask}: {name} has {mode:o}");
        }
    }
}

#[test]
fn without_its_mailbox_a_server_says_451_and_after_the_next_start_250() {
    let temp = TempDir::new("site");
    let site = make_site(temp.path(), "a.example", &["alice:x"], "");
    for (gone, reply) in [(true, "451 "), (false, "250 ")] {
        let server = Server::start("serve", &site, &["--sessions=1"]);
        if gone {
            fs::remove_dir_all(site.join("mail")).expect("a folder");
        }
        let mut caller = Caller::new(&server.address);
        caller.send("Subject: x\r\n", &["alice@a.example"]);
        let said = caller.reply();
        assert!(said.starts_with(reply), "{said}");
        drop(caller);
        server.finish();
    }
    assert_eq!(new_letters(&site, "alice").len(), 1);
}

#[test]
fn relay_needs_no_mailbox() {
    let temp = TempDir::new("site");
    let site = make_site(temp.path(), "a.example", &["alice:x"], "");
    fs::remove_dir_all(site.join("mail")).expect("a folder");
    let mut relay = program();
    let done = relay.arg("relay").arg(&site).arg("--once").status();
    assert!(done.expect("relay runs").success());
    assert!(!site.join("mail").exists());
}

#[test]
fn a_text_without_a_header_stays_one_through_two_servers() {
    let temp = TempDir::new("site");
    let b = make_site(temp.path(), "b.example", &["bob:x"], "");
    let b_server = Server::start("serve", &b, &["--sessions=4", "--quiet"]);
    let route = format!("route b.example {}\n", b_server.address);
    let a = make_site(temp.path(), "a.example", &[], &route);
    let a_server = Server::start("serve", &a, &["--sessions=4", "--quiet"]);
    let texts = [
        " indented\r\nsecond\r\n",
        "",
        "Dear Bob: x\r\n",
        "\r\nbody\r\n",
    ];
    for text in texts {
        let mut caller = Caller::new(&a_server.address);
        caller.send(text, &["bob@b.example"]);
        assert!(caller.reply().starts_with("250"), "{text:?}");
        drop(caller);
        let mut relay = program();
        let relayed = relay.args(["relay", "--once", "--quiet"]).arg(&a).status();
        assert!(relayed.expect("relay runs").success(), "{text:?}");
        let arrived = new_letters(&b, "bob").remove(0);
        let arrived = String::from_utf8(arrived).expect("ASCII");
        let (header, body) = arrived.split_once("\r\n\r\n").expect("an empty line");
        assert_eq!(header.matches("Received:").count(), 2, "{arrived}");
        let due = text.strip_prefix("\r\n").unwrap_or(text);
        assert_eq!(body, due, "{arrived}");
        let folder = b.join("mail/bob");
        for entry in Maildir::open(&folder).list().expect("a mailbox") {
            fs::remove_file(entry.path).expect("a letter");
        }
    }
    a_server.finish();
    b_server.finish();
}
