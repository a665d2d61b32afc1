//! Chapter 12, the message: ways to write a header and a body that look right, and what they spoil.
//!
//! Run it with `cargo run --example ch12_wrong`.

use smtp_primer::message::Field;
use smtp_primer::protocol::base64;

fn main() {
    if std::env::args().len() > 1 {
        eprintln!("usage: cargo run --example ch12_wrong");
        std::process::exit(2);
    }
    println!("Look for what the old wire makes of the three characters.");
    println!("Look for the recipients that nobody meant.");
    println!("Look for the characters that are cut.\n");
    println!("A wire that knows 128 characters:");
    println!("  {}", old_wire("一封信").escape_ascii());

    println!("A subject with a line end:");
    let subject = "Tea\r\nBcc: everybody@b.example";
    show(&trusting("Subject", subject));
    show_field("Subject", subject);

    println!("A word for every eight octets:");
    let subject = "一封信 from Alice";
    show(&cut_anywhere(subject));
    show_field("Subject", subject);

    println!("A name and its address in one word:");
    let to = "李雷 <lilei@b.example>";
    show(&all_in_one("To", to));
    show_field("To", to);
}

/// The eighth bit of each octet is lost.
fn old_wire(text: &str) -> Vec<u8> {
    text.bytes().map(|octet| octet & 0x7f).collect()
}

// ANCHOR: trusting
fn trusting(name: &str, value: &str) -> String {
    format!("{name}: {value}\r\n")
}
// ANCHOR_END: trusting

// ANCHOR: cut_anywhere
/// Each word as a reader shows it: decoded by itself.
fn cut_anywhere(text: &str) -> String {
    let mut shown = String::new();
    for octets in text.as_bytes().chunks(8) {
        shown += &format!("[{}]", String::from_utf8_lossy(octets));
    }
    shown
}
// ANCHOR_END: cut_anywhere

// ANCHOR: all_in_one
fn all_in_one(name: &str, value: &str) -> String {
    format!("{name}: =?UTF-8?B?{}?=", base64::encode(value.as_bytes()))
}
// ANCHOR_END: all_in_one

fn show(lines: &str) {
    for line in lines.lines() {
        println!("  {line}");
    }
}

fn show_field(name: &str, value: &str) {
    match Field::new(name, value) {
        Ok(field) => println!("  ours: {}", field.to_lines().trim_end()),
        Err(why) => println!("  ours: {why}"),
    }
}
