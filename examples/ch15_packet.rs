//! A question to DNS and its answer, octet by octet.
//!
//! Run it with `cargo run --example ch15_packet`.

use smtp_primer::next_hop::dns::{Answer, Data, Kind, Question};

/// Flags: an answer, without an error. Then four counts: one question, two answers.
const HEADER: &[u8] = b"\x81\x80\0\x01\0\x02\0\0\0\0";
/// The two answers, as a resolver writes them.
const RECORDS: &[u8] = b"\xc0\x0c\0\x0f\0\x01\0\0\x0e\x10\0\x07\0\x0a\x02mx\xc0\x0c\
                         \xc0\x0c\0\x0f\0\x01\0\0\x0e\x10\0\x0b\0\x14\x06backup\xc0\x0e";

fn main() {
    if std::env::args().len() > 1 {
        eprintln!("usage: cargo run --example ch15_packet");
        std::process::exit(2);
    }
    println!("Look for c0 0c and c0 0e in the answer: they point into the question.");
    let id = 0x1234;
    let question = Question::new("b.example", Kind::Mx).expect("a good name");
    let asked = question.encode(id);
    println!("\nThe question, {} octets:", asked.len());
    dump(&asked);
    let packet = [&asked[..2], HEADER, &asked[12..], RECORDS].concat();
    println!("\nThe answer, {} octets:", packet.len());
    dump(&packet);
    println!("\nWhat we read in it:");
    if let Some(Answer::Records(records)) = question.read_answer(id, &packet) {
        for record in records {
            if let Data::Mx(preference, host) = record.data {
                println!("{} MX {preference} {host}", record.owner);
            }
        }
    }
}

/// Sixteen octets in a line: the place of the first, all as numbers, all as characters.
fn dump(packet: &[u8]) {
    for (row, octets) in packet.chunks(16).enumerate() {
        let numbers: Vec<String> = octets.iter().map(|octet| format!("{octet:02x}")).collect();
        let shown = |octet: &u8| match octet {
            b' '..=b'~' => char::from(*octet),
            _ => '.',
        };
        let characters: String = octets.iter().map(shown).collect();
        println!("{:04x}  {:47}  {characters}", row * 16, numbers.join(" "));
    }
}
