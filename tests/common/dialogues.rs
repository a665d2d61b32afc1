//! The dialogue files of the book, played against the real program.

use super::folder::TempDir;
use super::process::{Server, make_site};
use smtp_primer::dialogue::{Dialogue, Side};
use smtp_primer::protocol::line::Socket;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The folder of the book's dialogues.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("book")
        .join("dialogues")
}

/// All dialogue files of one chapter, by name: `09` for `09-*.txt`.
pub fn of_chapter(number: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder())
        .expect("the dialogues")
        .map(|file| file.expect("a dialogue").path())
        .filter(|file| {
            let name = file.file_name().expect("its name").to_string_lossy();
            name.starts_with(&format!("{number}-"))
        })
        .collect();
    files.sort();
    files
}

/// The mail server that the dialogues talk to: alice, bob, and the list staff.
pub fn site(folder: &Path) -> PathBuf {
    let users = ["alice:wonderland", "bob:builder"];
    make_site(folder, "a.example", &users, "alias staff alice bob\n")
}

/// What a dialogue left behind.
pub struct Played {
    /// The site, which goes with this.
    pub site: PathBuf,
    /// The trace that the server wrote.
    pub trace: String,
    _folder: TempDir,
}

/// Plays the client's side of a file against `serve`, on a site of its own.
pub fn play_against_serve(file: &Path) -> Played {
    let folder = TempDir::in_memory("dialogue");
    let site = site(folder.path());
    let text = std::fs::read_to_string(file).expect("a dialogue");
    // `# against: smtp-primer serve --timeout 1` is how the book plays it, too.
    let first = text.lines().next().unwrap_or_default();
    let more = first.strip_prefix("# against: smtp-primer serve");
    let more = more.unwrap_or_default().split_whitespace();
    let options: Vec<&str> = ["--sessions", "1"].into_iter().chain(more).collect();
    let server = Server::start("serve", &site, &options);
    let name = file.display().to_string();
    let dialogue = Dialogue::parse(&name, &text).unwrap_or_else(|why| panic!("{why}"));
    let stream = TcpStream::connect(&server.address).expect("the server answers");
    let played = dialogue.play(Side::Client, Socket::new(stream), Duration::from_secs(10));
    played.unwrap_or_else(|difference| panic!("{difference}"));
    Played {
        site,
        trace: server.finish(),
        _folder: folder,
    }
}
