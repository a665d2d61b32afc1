//! Chapter 7, base64 and credentials: how a password travels, and how little that hides.
//!
//! Run it: `cargo run --example ch07_base64`
//! or with a name and a password: `cargo run --example ch07_base64 alice wonderland`
//! (Do not try this with a password that you use.)

use smtp_primer::protocol::base64::{decode, decode_loosely, encode};
use smtp_primer::protocol::line::{Mask, Trace, visible};
use smtp_primer::protocol::mask::PasswordMask;
use smtp_primer::protocol::sasl::Credentials;
use std::io::stdout;

fn main() {
    if ![1, 3].contains(&std::env::args().len()) {
        eprintln!("usage: cargo run --example ch07_base64 [NAME PASSWORD]");
        std::process::exit(2);
    }
    println!("Look for what a listener reads: anybody on the way has the password.");
    println!("Look for how much of the password two masks show.");
    println!();
    println!("Three octets are four characters:");
    for text in ["f", "fo", "foo"] {
        let bits: Vec<String> = text.bytes().map(|octet| format!("{octet:08b}")).collect();
        let (bits, characters) = (bits.join(" "), encode(text.as_bytes()));
        println!("    {text:3} {bits:26} {characters}");
    }
    println!("PLAIN says it all at once:");
    // ANCHOR: goal
    let mut words = std::env::args().skip(1);
    let credentials = Credentials {
        user: words.next().unwrap_or("alice".to_string()),
        password: words.next().unwrap_or("wonderland".to_string()),
    };
    let message = credentials.to_plain();
    println!("    C: AUTH PLAIN {message}");
    let heard = decode(&message).unwrap_or_default();
    println!("    a listener reads {}", visible(&heard));
    if let Some((_, read)) = Credentials::from_plain(&message) {
        println!("    the server reads the name {}", read.user);
        let is_right = yes_no(read.has_password("wonderland"));
        println!("    is the password right? {is_right}");
    }
    // ANCHOR_END: goal

    let same = yes_no(decode_loosely(b"Zg==") == decode_loosely(b"Zh=="));
    println!("Zg== and Zh==, read loosely, are the same: {same}");
    let strict = yes_no(decode("Zh==").is_some());
    println!("decode takes Zh==: {strict}");
    println!("How far does a comparison look that stops at the first difference?");
    for guess in ["mmmmmmmmmm", "wmmmmmmmmm", "wommmmmmmm"] {
        let pairs = guess.bytes().zip("wonderland".bytes());
        let same = pairs.take_while(|(tried, known)| tried == known).count();
        println!("    {guess}: to octet {}", same + 1);
    }

    println!("The careless mask leaves:");
    show(CarelessMask);
    println!("Our mask leaves:");
    show(PasswordMask::default());
}

/// Shows a conversation as the trace of a client does.
fn show(mask: impl Mask + 'static) {
    let mut trace = Trace::of_client(Box::new(stdout())).with_mask(mask);
    trace.said(b"AUTH PLAIN AGFsaWNlAHdvbmRlcmxhbmQ=\r\n");
    trace.heard(b"504 no such mechanism\r\n");
    trace.said(b"AUTH LOGIN\r\n");
    trace.heard(b"334 VXNlcm5hbWU6\r\n");
    trace.said(b"YWxpY2U=\r\n");
    trace.heard(b"334 UGFzc3dvcmQ6\r\n");
    trace.said(b"d29uZGVybGFuZA==\r\n");
}

// ANCHOR: careless
/// The wrong mask that looks right: it hides what follows `AUTH PLAIN`.
struct CarelessMask;

impl Mask for CarelessMask {
    fn public_part(&mut self, _who: char, line: &[u8]) -> usize {
        let start = b"AUTH PLAIN ";
        let is_secret = line.starts_with(start);
        if is_secret { start.len() } else { line.len() }
    }
}
// ANCHOR_END: careless

fn yes_no(answer: bool) -> &'static str {
    if answer { "yes" } else { "no" }
}
