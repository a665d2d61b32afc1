//! Rule 4, second half: every conversation in the book is played against the real program, octet
//! for octet.
//!
//! The first line of a dialogue says against which: `# against: smtp-primer serve`, and we play the
//! client; `pop3` is the same, with the two letters of chapter 17 in Alice's mailbox. Against `send`,
//! `inbox` and `relay` we play the server. Behind ` < ` can stand what `send` is to read.

use crate::common::process::Server;
use crate::common::side_by_side::side_by_side;
use crate::player::pop3::LETTERS;
use crate::project::{Project, TextFile, files, is_anchor_line};
use crate::stage::{Stage, words};
use smtp_primer::dialogue::{Dialogue, Side};
use smtp_primer::protocol::line::Socket;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

/// How long we wait for a line.
const TIMEOUT: Duration = Duration::from_secs(10);

pub fn happen(project: &Project) -> Vec<String> {
    let names = files(&project.root, "book/dialogues", "txt");
    let files = names
        .iter()
        .filter_map(|name| TextFile::read(&project.root, name));
    let results = side_by_side(files, |file| play(&file));
    results.into_iter().filter_map(Result::err).collect()
}

fn play(file: &TextFile) -> Result<(), String> {
    let first = file.lines.first().map_or("", String::as_str);
    let against = first
        .strip_prefix("# against: smtp-primer ")
        .ok_or_else(|| file.complaint(1, "the first line says `# against: smtp-primer ...`"))?;
    // What is said to mdBook and to us is no rule behind the line that follows.
    let marks = |line: &str| {
        is_anchor_line(line)
            || ["# against:", "# site.conf:"]
                .iter()
                .any(|mark| line.starts_with(mark))
    };
    let text = file.lines.iter().map(|line| match marks(line) {
        true => "\n".to_string(),
        false => format!("{line}\n"),
    });
    let mut text: String = text.collect();
    // A client whose conversation ends here has no more to say.
    if !against.starts_with("serve") && !against.starts_with("pop3") && !text.contains("{close}") {
        text += "C: {close}\n";
    }
    let dialogue = Dialogue::parse(&file.name, &text);
    let dialogue = dialogue.map_err(|why| why.to_string())?;
    let stage = Stage::new(file);
    let (command, input) = against
        .split_once(" < ")
        .unwrap_or((against, "Hello Alice"));
    let words = words(command);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["serve", ..] => {
            stage.site("");
            call(&dialogue, &stage.serve(&words))
        }
        ["pop3", ..] => {
            stage.site("");
            let mailbox = stage.folder().join("a.example/mail/alice/new");
            for (name, letter) in LETTERS {
                std::fs::write(mailbox.join(name), letter).expect("a letter");
            }
            call(&dialogue, &stage.serve(&words))
        }
        ["send" | "inbox" | "relay", ..] => {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
            let address = listener.local_addr().expect("its number").to_string();
            let mut command = stage.program(&words);
            if words[0] == "relay" {
                stage.site(&format!("route b.example {address}\n"));
                stage.receive("alice@a.example", "bob@b.example");
                command.args(["a.example", "--once"]);
            } else {
                let password = stage.folder().join("password");
                std::fs::write(password, "wonderland\n").expect("a file");
                command.args(["--server", &address]);
            }
            let input = input.replace("\\n", "\n") + "\n";
            answer(&dialogue, command, input, listener)
        }
        _ => Err(file.complaint(1, "we play against serve, pop3, send, inbox and relay")),
    }
}

/// We are the client.
fn call(dialogue: &Dialogue, server: &Server) -> Result<(), String> {
    let stream = TcpStream::connect(&server.address).expect("the server answers");
    let played = dialogue.play(Side::Client, Socket::new(stream), TIMEOUT);
    played.map_err(|difference| difference.to_string())
}

/// We are the server, and `command` is the client.
fn answer(
    dialogue: &Dialogue,
    mut command: Command,
    input: String,
    listener: TcpListener,
) -> Result<(), String> {
    let address = listener.local_addr().expect("its number");
    let client = thread::spawn(move || {
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut client = piped.stderr(Stdio::piped()).spawn().expect("it runs");
        // It may have its reasons not to read it.
        let _ = client
            .stdin
            .take()
            .map(|mut text| text.write_all(input.as_bytes()));
        let output = client.wait_with_output().expect("it ends");
        // If it has not called, this call in its place wakes us.
        let _ = TcpStream::connect(address);
        output
    });
    let (stream, _) = listener.accept().expect("a caller");
    drop(listener);
    let played = dialogue.play(Side::Server, Socket::new(stream), TIMEOUT);
    let output = client.join().expect("it ends");
    played.map_err(|difference| {
        let said = String::from_utf8_lossy(&output.stderr);
        format!("{difference}\n{said}")
    })
}
