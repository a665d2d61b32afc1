//! Chapter 20, `play`: the dialogues of chapter 8 against the real programs.

#[allow(dead_code)]
mod common {
    pub mod dialogues;
    pub mod folder;
    pub mod process;
    pub mod script;
}

use common::dialogues::{folder, play_against_serve, site};
use common::folder::{TempDir, new_letters};
use common::process::{Server, program};
use std::path::Path;

#[test]
fn the_dialogues_of_this_chapter_happen() {
    for name in ["08-notation.txt", "08-one-letter.txt"] {
        play_against_serve(&folder().join(name));
    }
}

/// `smtp-primer play`, as the client of a server that is running.
fn play_program(file: &Path, address: &str) -> (Option<i32>, String, String) {
    let output = program()
        .arg("play")
        .arg(file)
        .args(["--server", address])
        .output();
    let output = output.expect("play runs");
    let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

#[test]
fn the_program_plays_the_client_against_our_server() {
    let temp = TempDir::new("play");
    let site = site(temp.path());
    let server = Server::start("serve", &site, &["--sessions", "2"]);
    let letter = folder().join("08-one-letter.txt");
    let (status, said, errors) = play_program(&letter, &server.address);
    assert_eq!(status, Some(0), "{errors}");
    assert!(
        said.ends_with("08-one-letter.txt: all as written\n"),
        "{said}"
    );
    assert_eq!(new_letters(&site, "bob").len(), 1);

    let wrong = temp.path().join("wrong.txt");
    let text = "S: 220 {}\n# RFC 5321 §4.1.1.4: DATA comes after RCPT\nC: DATA\nS: 354 {}\n";
    std::fs::write(&wrong, text).expect("a file");
    let (status, _, errors) = play_program(&wrong, &server.address);
    assert_eq!(status, Some(1));
    assert!(errors.contains("wrong.txt:4: here it differs"), "{errors}");
    assert!(
        errors.contains("the rule: RFC 5321 §4.1.1.4: DATA comes after RCPT"),
        "{errors}"
    );
    server.finish();
}

/// `smtp-primer play` of a file of the book, as the server of `send`: how `send` ends, and what it
/// has to say about that.
fn send_to_player(file: &str, options: &[&str], letter: &Path) -> (Option<i32>, String) {
    let player = Server::start("play", &folder().join(file), &[]);
    let mut send = program();
    send.args(["send", "--quiet", "--server", &player.address])
        .args(options)
        .arg("--message")
        .arg(letter);
    let output = send.output().expect("send runs");
    assert!(player.finish().ends_with("all as written\n"));
    let errors = String::from_utf8_lossy(&output.stderr);
    (output.status.code(), errors.into_owned())
}

#[test]
fn the_program_plays_the_server_against_our_client() {
    let temp = TempDir::new("play");
    let letter = temp.path().join("letter.eml");
    let text = "From: alice@a.example\nTo: bob@a.example\nSubject: lunch\n\nAt noon?\n.\n";
    std::fs::write(&letter, text).expect("a file");
    for (file, options) in [
        (
            "08-one-letter.txt",
            "--helo client.example --from alice@a.example --to bob@a.example --to nobody@a.example",
        ),
        (
            "08-old-server.txt",
            "--from bob@b.example --to nobody@a.example",
        ),
    ] {
        let options: Vec<&str> = options.split(' ').collect();
        let (status, errors) = send_to_player(file, &options, &letter);
        assert_eq!(status, Some(1), "a recipient is refused for good: {errors}");
        assert!(errors.contains("nobody@a.example"), "{errors}");
        assert!(errors.contains("550"), "{errors}");
    }
}
