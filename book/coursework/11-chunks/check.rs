//! What no dialogue can see: how much memory a chunk costs, every place where a text can be cut, and
//! a disk that is full.

#[allow(dead_code)]
mod common {
    pub mod folder;
    pub mod inn;
    pub mod process;
    pub mod script;
}

use common::folder::TempDir;
use common::inn::{Guest, Memory, conversation};
use common::process::{Server, make_site};
use common::script::Script;
use std::io::ErrorKind;

/// The longest text that the server takes, in octets.
const LIMIT: usize = 1000;
const BEGIN: &str = "EHLO b.example\r\nMAIL FROM:<bob@b.example>\r\nRCPT TO:<alice@a.example>\r\n";
/// The codes of the greeting and of the replies to [`BEGIN`].
const BEGUN: [u16; 4] = [220, 250, 250, 250];

/// A client that says all this at once: the letter begins, its text comes in these chunks, and then
/// it says `end`. The codes of the replies after BEGIN, and the texts that were kept.
fn sends(chunks: &[&[u8]], end: &str, errors: &[ErrorKind]) -> (Vec<u16>, Vec<Vec<u8>>) {
    let mut octets = BEGIN.as_bytes().to_vec();
    for (at, chunk) in chunks.iter().enumerate() {
        let last = if at + 1 == chunks.len() { " LAST" } else { "" };
        octets.extend(format!("BDAT {}{last}\r\n", chunk.len()).bytes());
        octets.extend_from_slice(chunk);
    }
    octets.extend_from_slice(end.as_bytes());
    let mut memory = Memory::default();
    memory.errors.extend(errors);
    let (codes, _) = conversation(Script::says(octets), LIMIT, &mut memory);
    assert_eq!(codes.get(..4), Some(&BEGUN[..]));
    let letters = memory.letters.iter();
    let texts = letters.map(|letter| letter.text.octets().to_vec());
    (codes[4..].to_vec(), texts.collect())
}

#[test]
fn a_text_may_be_cut_anywhere() {
    let text = b"Subject: x\r\n\r\n..\r\n.\r\nQUIT\r\n.\r\n";
    for first in 0..=text.len() {
        for second in first..=text.len() {
            let chunks = [&text[..first], &text[first..second], &text[second..]];
            let (codes, texts) = sends(&chunks, "QUIT\r\n", &[]);
            assert_eq!(codes, [250, 250, 250, 221], "cut at {first} and {second}");
            assert_eq!(texts, [text], "cut at {first} and {second}");
        }
    }
}

#[test]
fn a_text_that_is_not_lines_is_refused_wherever_it_is_cut() {
    let texts = [
        "a\nb\r\n",
        "a\rb\r\n",
        "a\r\r\n",
        "a\r\n\n",
        "\n",
        "\r",
        "a\r\n.\nb\r\n",
        "a",
        "a\r\nb",
        "a\r",
    ];
    for text in texts {
        for cut in 0..=text.len() {
            let chunks = [text[..cut].as_bytes(), text[cut..].as_bytes()];
            let (codes, texts) = sends(&chunks, "QUIT\r\n", &[]);
            // The server may see it in the first chunk. Then the second one belongs to no letter.
            assert!(
                codes == [250, 554, 221] || codes == [554, 503, 221],
                "{text:?}, cut at {cut}: {codes:?}"
            );
            assert!(texts.is_empty(), "{text:?} was kept as {texts:?}");
        }
    }
}

#[test]
fn after_each_failure_nothing_of_the_letter_is_left() {
    let after = "BDAT 3 LAST\r\na\r\nRCPT TO:<alice@a.example>\r\nDATA\r\nQUIT\r\n";
    let long = "x".repeat(LIMIT) + "\r\n";
    let failures: [(&[&str], &[ErrorKind], &[u16]); 5] = [
        (&[&long], &[], &[552]),
        (&["a\r\n", &long], &[], &[250, 552]),
        (&["a\nb\r\n"], &[], &[554]),
        (&["a\r\n"], &[ErrorKind::StorageFull], &[452]),
        (&["a\r\n", ""], &[ErrorKind::Other], &[250, 451]),
    ];
    for (chunks, errors, due) in failures {
        let chunks: Vec<&[u8]> = chunks.iter().map(|chunk| chunk.as_bytes()).collect();
        let (codes, texts) = sends(&chunks, after, errors);
        assert_eq!(codes, [due, &[503, 503, 503, 221]].concat());
        assert!(texts.is_empty(), "{texts:?}");
    }
}

/// What a server may need for a chunk that it throws away.
const MOST: usize = 16 * 1024 * 1024;

#[test]
fn the_octets_of_a_chunk_that_is_too_large_are_not_kept() {
    let folder = TempDir::new("chunks");
    let site = make_site(folder.path(), "a.example", &["alice:x"], "");
    let server = Server::start("serve", &site, &["--quiet", "--max-size", "1000"]);
    let before = server.peak_memory();
    let mut guest = Guest::call(&server.address);
    guest.send(BEGIN);
    assert_eq!([(); 3].map(|()| guest.hear()), [250; 3]);
    guest.send(format!("BDAT {}\r\n", 4 * MOST));
    for _ in 0..64 {
        guest.send("x".repeat(4 * MOST / 64));
    }
    assert_eq!(guest.hear(), 552);
    assert_eq!(guest.say("NOOP"), 250);
    let grown = server.peak_memory().zip(before);
    let grown = grown.map_or(0, |(now, before)| now.saturating_sub(before));
    assert!(
        grown < MOST,
        "for a chunk that is thrown away: {grown} octets"
    );
    assert_eq!(guest.quit(), [221]);
}
