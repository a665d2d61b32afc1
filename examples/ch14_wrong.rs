//! Chapter 14, the queue: two ways to keep an envelope that look right, and what they lose.
//!
//! Run it: `cargo run --example ch14_wrong`

use smtp_primer::message::Date;
use smtp_primer::protocol::address::ForwardPath;
use smtp_primer::queue::{Envelope, Progress};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    if std::env::args().len() > 1 {
        eprintln!("usage: cargo run --example ch14_wrong");
        std::process::exit(2);
    }
    println!("Look for the recipient who is forgotten.");
    println!("Look for the line that a stranger has written.\n");
    cut_off()?;
    line_of_his_own();
    Ok(())
}

fn cut_off() -> Result<(), Box<dyn std::error::Error>> {
    let envelope = Envelope {
        reverse_path: "<alice@a.example>".parse()?,
        arrived: Date(1_795_412_453),
        tries: 0,
        next: Date(1_795_412_453),
        recipients: vec![
            ("bob@b.example".parse()?, Progress::Waiting(None)),
            ("carol@c.example".parse()?, Progress::Waiting(None)),
        ],
    };
    let file = envelope.to_string();
    let ends: Vec<usize> = file.match_indices('\n').map(|(at, _)| at + 1).collect();
    for lines in [5, 6, 7] {
        let cut = &file[..ends[lines - 1]];
        println!("{lines} of {} lines:", ends.len());
        println!("  the careless reader: {}", careless_reader(cut).join(" "));
        match cut.parse::<Envelope>() {
            Ok(envelope) => println!(
                "  our reader: {} recipients wait",
                envelope.waiting().count()
            ),
            Err(why) => println!("  our reader: {why}"),
        }
    }
    Ok(())
}

// ANCHOR: careless_reader
/// Wrong: a file that was cut off looks complete.
fn careless_reader(file: &str) -> Vec<&str> {
    let mut recipients = Vec::new();
    for line in file.lines() {
        recipients.extend(line.strip_prefix("waiting "));
    }
    recipients
}
// ANCHOR_END: careless_reader

fn line_of_his_own() {
    let address = "bob@b.example>\nwaiting <victim@c.example";
    let file = careless_writer(address);
    println!("\nthe careless writer, with one recipient:");
    print!("{file}");
    let ours = format!("<{address}>").parse::<ForwardPath>();
    match ours {
        Ok(path) => println!("our address: {path}"),
        Err(why) => println!("our address: {why}"),
    }
}

// ANCHOR: careless_writer
/// Wrong: a recipient can be any text.
fn careless_writer(recipient: &str) -> String {
    format!("waiting <{recipient}>\nend\n")
}
// ANCHOR_END: careless_writer
