//! Chapter 18, display: one letter, as it lies in the mailbox and as its reader sees it.
//!
//! Run it: `cargo run --example ch18_display`

use smtp_primer::display::{Header, decode_words, parts, present, printable};

const LETTER: &str = "\
Received: from mail.b.example by mail.a.example; Thu, 19 Nov 2026 09:00:00 +0000
Date: Thu, 19 Nov 2026 10:00:00 +0100
From: =?utf-8?q?Zo=C3=AB=1B]0;You_have_won=07?= <zoe@b.example>
To: alice@a.example
Subject: =?utf-8?b?R3LDvMOfZSBh?=
 =?utf-8?b?dXMgTcO8bmNoZW4=?=
Content-Type: multipart/mixed; boundary=outer

--outer
Content-Type: multipart/alternative; boundary=inner

--inner
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: base64

U2VydnVzIEFsaWNlLCBkYXMgQmllciBpc3Qgc2Now7ZuIGvDvGhsLg==
--inner
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: quoted-printable

<p>Servus <b>Alice</b>, das Bier ist sch=C3=B6n k=C3=BChl.
--inner--
--outer
Content-Type: image/png; name=\"glass.png\"
Content-Transfer-Encoding: base64

iVBORw0KGgo=
--outer--
";

fn main() {
    if std::env::args().len() > 1 {
        eprintln!("usage: cargo run --example ch18_display");
        std::process::exit(2);
    }
    println!("Look for the subject: two encoded-words, and one line on the page.");
    println!("Look for the text: it came as base64.");
    println!("Look for the sender, who tried to change the title of your terminal.\n");

    // ANCHOR: goal
    let letter = LETTER.as_bytes();
    let (header, _) = Header::read(letter);
    let subject = header.first("Subject");
    println!("--- the subject, unfolded\n{subject}");
    println!("--- and decoded\n{}", printable(&decode_words(subject)));

    println!("--- the parts");
    for part in parts(letter) {
        println!("{}, {} octets", part.kind, part.octets.len());
    }
    print!("--- the page\n{}", present(letter));
    // ANCHOR_END: goal
}
