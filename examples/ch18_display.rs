//! One letter, as it lies in the mailbox and as its reader sees it.
//!
//! Run it with `cargo run --example ch18_display`.

use smtp_primer::display::{Header, decode_words, present, printable};

const LETTER: &str = "\
Received: from mail.b.example by mail.a.example; Thu, 19 Nov 2026 09:00:00 +0000
Date: Thu, 19 Nov 2026 10:00:00 +0100
From: =?utf-8?q?Zo=C3=AB=1B]0;You_have_won=07?= <zoe@b.example>
To: alice@a.example
Subject: =?utf-8?b?R3LDvMOfZSBh?=
 =?utf-8?b?dXMgTcO8bmNoZW4=?=
Content-Type: multipart/mixed; boundary=parts

--parts
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: base64

U2VydnVzIEFsaWNlLCBkYXMgQmllciBpc3Qgc2Now7ZuIGvDvGhsLg==
--parts
Content-Type: image/png; name=\"glass.png\"
Content-Transfer-Encoding: base64

iVBORw0KGgo=
--parts--
";

fn main() {
    if std::env::args().len() > 1 {
        eprintln!("usage: cargo run --example ch18_display");
        std::process::exit(2);
    }
    println!("Look for the subject: two encoded-words, and one line on the page.");
    println!("Look for the text: it came as base64.");
    println!("Look for the sender, who tried to change the title of your terminal.");
    println!();
    println!("--- the letter\n{LETTER}");

    let (header, _) = Header::read(LETTER.as_bytes());
    let subject = header.first("Subject");
    println!("--- the subject, unfolded\n{subject}\n");
    println!("--- and decoded\n{}\n", printable(&decode_words(subject)));

    println!("--- the page\n{}", present(LETTER.as_bytes()));
}
