//! What the user fills in, and the message that goes out; then the trace that two servers leave.
//!
//! Run it with `cargo run --example ch12_message`.

use smtp_primer::message::{Clock, Date, Draft, Field, compose, received, return_path};
use smtp_primer::protocol::address::{Domain, HostName, ReversePath};
use smtp_primer::session::{Letter, Origin};
use std::error::Error;
use std::net::IpAddr;

fn main() -> Result<(), Box<dyn Error>> {
    if std::env::args().len() > 1 {
        eprintln!("usage: cargo run --example ch12_message");
        std::process::exit(2);
    }
    println!("Look for the fields that nobody filled in.");
    println!("Look for the subject: it is ASCII now, and folded.");
    println!("Look for the trace: from the top down, it is the way back.");
    println!();
    // ANCHOR: goal
    let draft = Draft {
        from: "alice@a.example".parse()?,
        to: vec!["<bob@b.example>".parse()?],
        cc: vec!["<carol@c.example>".parse()?],
        subject: Some("一封信 from Alice, who is in the café near the station".to_string()),
        fields: vec![
            "Reply-To: Alice <alice@phone.example>".parse()?,
            "X-Phone: +49 89 1234".parse()?,
        ],
        body: "Bob,\nI am in the café.\nAlice\n".to_string(),
        // For a server that does not offer 8BITMIME.
        eight_bit: false,
    };
    // A clock that always shows the same second: the output is the same each time.
    let mut clock = Clock::new(Some(1_795_412_453));
    let text = compose(&draft, &mut clock)?;
    // ANCHOR_END: goal
    println!(
        "--- the message\n{}",
        String::from_utf8_lossy(text.octets())
    );

    let letter = Letter {
        reverse_path: ReversePath::Mailbox(draft.from),
        forward_paths: draft.to,
        origin: Some(hop("station.example", "192.0.2.7")?),
        text,
    };
    let first: Domain = "a.example".parse()?;
    let at_first = received(&letter, &first, "1795412454Q1", Date(1_795_412_454));
    let second: Domain = "b.example".parse()?;
    let letter = Letter {
        origin: Some(hop("a.example", "198.51.100.1")?),
        ..letter
    };
    let at_second = received(&letter, &second, "1795412455Q1", Date(1_795_412_455));
    print!(
        "--- the trace\n{}{at_second}{at_first}",
        return_path(&letter.reverse_path)
    );

    let refused = Field::new("Subject", "Tea\r\nBcc: everybody@b.example");
    if let Err(why) = refused {
        println!("--- a subject with a line end\n{why}");
    }
    Ok(())
}

fn hop(helo: &str, ip: &str) -> Result<Origin, Box<dyn Error>> {
    let (helo, ip): (HostName, IpAddr) = (helo.parse()?, ip.parse()?);
    Ok(Origin {
        helo,
        ip,
        protocol: "ESMTP",
    })
}
