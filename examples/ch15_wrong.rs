//! Chapter 15, the next hop: what goes wrong if we believe all that DNS says.
//!
//! Run it: `cargo run --example ch15_wrong`

use smtp_primer::next_hop::dns::{Answer, Data, Kind, Question};
use std::panic;

const ID: u16 = 0x1234;

fn main() {
    if std::env::args().len() > 1 {
        eprintln!("usage: cargo run --example ch15_wrong");
        std::process::exit(2);
    }
    println!("Look for the reader that comes to no end, and for the mail that a thief gets.\n");

    let question = Question::new("b.example", Kind::Mx).expect("a good name");
    let ours = |packet: &[u8]| shown(question.read_answer(ID, packet));

    let to_itself = answer(&question, ID, b"\xc0\x1b\0\x0f\0\x01\0\0\0\0\0\0");
    let steps = trusting(&to_itself, 27).1;
    println!("A pointer to itself, trusting reader: we stop it after {steps} steps");
    println!("A pointer to itself, our reader: {}", ours(&to_itself));
    let too_long = answer(&question, ID, b"\x3fabc");
    panic::set_hook(Box::new(|_| ()));
    let failed = panic::catch_unwind(|| trusting(&too_long, 27)).is_err();
    let end = ["it reads a name", "the program ends"][usize::from(failed)];
    println!("A label past the end, trusting reader: {end}");
    println!("A label past the end, our reader: {}", ours(&too_long));

    let thief = b"\xc0\x0c\0\x0f\0\x01\0\0\0\0\0\x0a\0\x0a\x05thief\xc0\x0e";
    let forged = answer(&question, 0x9999, thief);
    println!("Gullible client: {}", shown(gullible(&question, &forged)));
    println!("Our client: {}", ours(&forged));

    let with_us = vec![(20, "backup.example"), (10, "a.example")];
    println!("Careless server a.example: call {}", careless(with_us));
    let null_mx = vec![(0, ".")];
    println!("Careless server, null MX: call {}", careless(null_mx));
}

/// The packet that answers a question with one record.
fn answer(question: &Question, id: u16, record: &[u8]) -> Vec<u8> {
    let header = b"\x81\x80\0\x01\0\x01\0\0\0\0";
    let asked = question.encode(id);
    [&asked[..2], header, &asked[12..], record].concat()
}

fn shown(answer: Option<Answer>) -> String {
    match answer {
        Some(Answer::Failed(why)) => why.to_string(),
        Some(Answer::Records(records)) => match &records[0].data {
            Data::Mx(_, host) => format!("call {host}"),
            _ => "call nobody".to_string(),
        },
        _ => "not our answer, we go on waiting".to_string(),
    }
}

// ANCHOR: trusting
/// Wrong: it believes every length, and follows every pointer. We stop it at last.
fn trusting(packet: &[u8], mut at: usize) -> (String, u32) {
    let (mut name, mut steps) = (String::new(), 0);
    while packet[at] != 0 && steps < 1_000_000 {
        let first = usize::from(packet[at]);
        if first >= 0xc0 {
            at = (first & 0x3f) * 256 + usize::from(packet[at + 1]);
        } else {
            name += &String::from_utf8_lossy(&packet[at + 1..=at + first]);
            name += ".";
            at += 1 + first;
        }
        steps += 1;
    }
    (name, steps)
}
// ANCHOR_END: trusting

// ANCHOR: gullible
/// Wrong: the first packet that comes is the answer, whatever its id is.
fn gullible(question: &Question, packet: &[u8]) -> Option<Answer> {
    let its_id = u16::from_be_bytes([packet[0], packet[1]]);
    question.read_answer(its_id, packet)
}
// ANCHOR_END: gullible

// ANCHOR: careless
/// Wrong: the host with the lowest number, whichever it is.
fn careless(mut hosts: Vec<(u16, &str)>) -> &str {
    hosts.sort();
    hosts[0].1
}
// ANCHOR_END: careless
