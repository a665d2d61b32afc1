//! Where the conversations and terminal sessions of the book happen: the mail server a.example, in
//! a folder that vanishes, at a moment that is always the same.

use crate::common::folder::TempDir;
use crate::common::process::{Server, make_site, program};
use crate::project::TextFile;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Now, for everything in the book: in September 2026.
const NOW: &str = "1790000000";

/// `command`, at that moment, and without colours.
pub fn timeless(mut command: Command) -> Command {
    command
        .env("SOURCE_DATE_EPOCH", NOW)
        .env("NO_COLOR", "1")
        .env("LC_ALL", "C");
    command
}

/// A folder, and in it, if need be, the site a.example.
pub struct Stage {
    folder: TempDir,
    /// What a file adds to site.conf, in lines such as `# site.conf: trust nobody`.
    conf: String,
}

impl Stage {
    /// An empty stage for what a file describes.
    pub fn new(file: &TextFile) -> Stage {
        let comments = file.lines.iter().take_while(|line| line.starts_with('#'));
        let conf = comments.filter_map(|line| line.strip_prefix("# site.conf: "));
        Stage {
            folder: TempDir::in_memory("book"),
            conf: conf.map(|line| format!("{line}\n")).collect(),
        }
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Makes the site, with Alice, Bob, and the list `staff`; `conf` is added to its site.conf.
    pub fn site(&self, conf: &str) -> PathBuf {
        let users = ["alice:wonderland", "bob:builder"];
        let conf = format!("alias staff alice bob\n{}{conf}", self.conf);
        make_site(self.folder(), "a.example", &users, &conf)
    }

    /// `smtp-primer` with these words, run in the folder.
    pub fn program(&self, words: &[&str]) -> Command {
        let mut command = timeless(program());
        command.args(words).current_dir(self.folder());
        command
    }

    /// Starts `serve` or `pop3` on the site.
    pub fn serve(&self, words: &[&str]) -> Server {
        let (role, options) = words.split_first().expect("a role");
        let mut command = self.program(&[role, "a.example", "--listen", "127.0.0.1:0"]);
        Server::run(command.args(options))
    }

    /// Hands a short letter to the site.
    pub fn receive(&self, from: &str, to: &str) {
        let server = self.serve(&["serve", "--sessions", "1", "--quiet"]);
        let words = [
            "send",
            "--server",
            &server.address,
            "--from",
            from,
            "--to",
            to,
        ];
        let mut send = self.program(&words);
        send.args(["--subject", "First letter"])
            .stdout(Stdio::null());
        let mut sending = send.stdin(Stdio::piped()).spawn().expect("send runs");
        let mut body = sending.stdin.take().expect("its input");
        body.write_all(b"Hello Alice\n").expect("it reads the text");
        drop(body);
        assert!(sending.wait().expect("send ends").success());
        server.finish();
    }
}

/// Splits a command line; single quotes hold a word together.
pub fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (at, part) in line.split('\'').enumerate() {
        if at % 2 == 1 {
            words.push(part.to_string());
        } else {
            words.extend(part.split_whitespace().map(str::to_string));
        }
    }
    words
}
