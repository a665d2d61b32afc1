//! The boundary is the choice of the sender, so no dialogue can know it before. These tests send a
//! letter, read its boundary, and send it back as text.

use smtp_primer::display::{Part, parts};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

#[test]
fn the_boundary_is_not_in_the_text() {
    let mut text = "This letter is about MIME.\n".to_string();
    for _ in 0..4 {
        let letter = sent(&text, &[1, 2, 3]);
        let found = parts(&letter);
        let shown = |part: &Part| String::from_utf8_lossy(&part.octets).replace("\r\n", "\n");
        assert_eq!(found.len(), 2, "a text and a file have become other parts");
        assert_eq!(shown(&found[0]).trim_end(), text.trim_end());
        assert_eq!(found[1].octets, [1, 2, 3]);
        text += &format!("--{}\nis a boundary line.\n", boundary(&letter));
    }
}

#[test]
fn each_octet_of_a_file_arrives() {
    let all: Vec<u8> = (0..=255).cycle().take(3001).collect();
    let found = parts(&sent("Look!\n", &all));
    assert_eq!(found.last().map(|part| &part.octets), Some(&all));
    assert!(found.last().is_some_and(|part| part.is_attachment));
}

fn boundary(letter: &[u8]) -> String {
    let text = String::from_utf8_lossy(letter);
    let (_, after) = text
        .split_once("boundary=\"")
        .expect("a boundary in quotes");
    after.split('"').next().unwrap_or_default().to_string()
}

/// Sends a letter with this text and one file. Returns the letter as it has come, without the
/// dots of the protocol.
fn sent(text: &str, octets: &[u8]) -> Vec<u8> {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}.bin", octets.len()));
    fs::write(&file, octets).expect("a file");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let server = listener.local_addr().expect("an address").to_string();
    let words = ["send", "--quiet", "--server", &server, "--subject", "cat"];
    let mut send = Command::new(env!("CARGO_BIN_EXE_smtp-primer"))
        .args(words)
        .args(["--from", "bob@b.example", "--to", "alice@a.example"])
        .arg("--attach")
        .arg(file)
        .env("SOURCE_DATE_EPOCH", "1790000000")
        .stdin(Stdio::piped())
        .spawn()
        .expect("the program");
    let mut input = send.stdin.take().expect("its input");
    input.write_all(text.as_bytes()).expect("it reads");
    drop(input);
    let letter = thread::spawn(move || answer(&listener));
    let ended = send.wait().expect("its end");
    assert!(ended.success(), "send ended with {ended}");
    letter.join().expect("a letter")
}

/// Says yes to all.
fn answer(listener: &TcpListener) -> Vec<u8> {
    let (mut stream, _) = listener.accept().expect("a caller");
    let mut lines = BufReader::new(stream.try_clone().expect("a stream"));
    let mut letter = Vec::new();
    let mut is_text = false;
    stream.write_all(b"220 a.example\r\n").expect("it listens");
    loop {
        let mut line = Vec::new();
        lines.read_until(b'\n', &mut line).expect("a line");
        let reply = match line.as_slice() {
            b".\r\n" if is_text => "250 OK\r\n",
            _ if is_text => {
                letter.extend(line.strip_prefix(b".").unwrap_or(&line));
                continue;
            }
            b"DATA\r\n" => "354 go on\r\n",
            b"QUIT\r\n" | b"" => return letter,
            _ => "250 OK\r\n",
        };
        is_text = line == b"DATA\r\n";
        stream.write_all(reply.as_bytes()).expect("it listens");
    }
}
