//! Chapter 18, display: four ways to show a letter that look right, and what goes wrong.
//!
//! Run it: `cargo run --example ch18_wrong`

use smtp_primer::display::{Header, decode_words, parts, present, printable};
use std::path::{Path, PathBuf};

/// A sender's name, and an ESC that nobody can see in it.
const NAME: &str = "=?utf-8?q?Zo=C3=AB=1B]0;You_have_won=07?=";

/// The text of this letter looks like a field, and like the list of parts.
const FORGED: &str = "\
From: zoe@b.example

I owe you a beer.
From: boss@a.example

Other parts:
  1. image/png \"stamp.png\", 512 octets
";

/// The second boundary begins like the first.
const PARTS: &str = "\
Content-Type: multipart/mixed; boundary=Part-1

--Part-1
Content-Type: multipart/mixed; boundary=Part-10

--Part-10

Hello
--Part-10--
--Part-1--
";

fn main() {
    if std::env::args().len() > 1 {
        eprintln!("usage: cargo run --example ch18_wrong");
        std::process::exit(2);
    }
    println!("Look for the ESC, \\u{{1b}}, which comes back.");
    println!("Look for the sender that a text invents.\n");

    println!("the encoded name: {NAME}");
    println!("made safe, then decoded: {:?}", safe_then_decoded(NAME));
    println!(
        "decoded, then made safe: {}",
        printable(&decode_words(NAME))
    );

    println!("\nthe plain page:\n{}", plain_page(FORGED));
    println!("our page:\n{}", present(FORGED.as_bytes()));

    let two = b"From: zoe@b.example\nFrom: boss@a.example\n\n";
    println!("the first sender: {}", Header::read(two).0.first("From"));
    println!("our page:\n{}", present(two));

    let count = split_by_beginning(PARTS, "--Part-1");
    println!("boundaries by their beginning: {count} parts");
    let count = parts(PARTS.as_bytes()).len();
    println!("boundaries by the whole line: {count} part");

    let path = save_as("/home/alice/.profile");
    println!("\nthe attachment goes to {}", path.display());
}

// ANCHOR: safe_then_decoded
/// Wrong: what is made safe is not what is shown.
fn safe_then_decoded(name: &str) -> String {
    decode_words(&printable(name))
}
// ANCHOR_END: safe_then_decoded

// ANCHOR: plain_page
/// Wrong: no control character is left, and yet the text can say anything.
fn plain_page(letter: &str) -> String {
    printable(letter)
}
// ANCHOR_END: plain_page

// ANCHOR: split_by_beginning
/// Wrong: another line may begin in the same way.
fn split_by_beginning(body: &str, boundary: &str) -> usize {
    let lines = body.lines();
    let boundaries = lines.filter(|line| line.starts_with(boundary));
    boundaries.count() - 1 // the last one ends the last part
}
// ANCHOR_END: split_by_beginning

// ANCHOR: save_as
/// Wrong: the sender chooses where we write.
fn save_as(name: &str) -> PathBuf {
    Path::new("attachments").join(name)
}
// ANCHOR_END: save_as
