//! A letter is delivered into two mailboxes at once, is read, and keeps its name for life.
//!
//! Run it with `cargo run --example ch13_maildir`.

use smtp_primer::maildir::{Maildir, deliver};
use smtp_primer::message::Clock;
use smtp_primer::protocol::address::Domain;
use smtp_primer::protocol::dot::Text;
use std::error::Error;
use std::fs;
use std::path::Path;

fn main() {
    if std::env::args().len() > 1 {
        eprintln!("usage: cargo run --example ch13_maildir");
        std::process::exit(2);
    }
    println!("Look for the two sizes of a letter: on the wire it is bigger than its file.");
    println!("Look for the folder of a letter, which changes, and its uid, which does not.");
    println!("Look for the letter that cannot be delivered to all: nobody gets it.");
    println!();
    let folder = std::env::temp_dir().join(format!("ch13-maildir-{}", std::process::id()));
    let shown = show(&folder);
    let _ = fs::remove_dir_all(&folder);
    if let Err(why) = shown {
        eprintln!("{}: {why}", folder.display());
        std::process::exit(1);
    }
}

fn show(folder: &Path) -> Result<(), Box<dyn Error>> {
    let alice = Maildir::create(&folder.join("alice"))?;
    let bob = Maildir::create(&folder.join("bob"))?;
    let both = [alice.clone(), bob.clone()];
    let here: Domain = "a.example".parse()?;
    let mut clock = Clock::new(Some(1_795_412_453));

    // ANCHOR: goal
    for subject in ["Tea?", "Or coffee?"] {
        let text = Text::from_file(format!("Subject: {subject}\n\nAt five.\n").as_bytes());
        let head = |id: &str| format!("Return-Path: <carol@a.example>\r\nX-Name: {id}\r\n");
        let name = deliver(&both, &mut clock, &here, head, &text)?;
        println!("delivered: {name}");
    }
    list("alice", &alice)?;

    // What mutt does when alice has seen her first letter.
    let seen = alice.list()?.remove(0);
    let cur = folder.join("alice/cur");
    fs::rename(&seen.path, cur.join(format!("{}:2,S", seen.uid)))?;
    list("alice has seen one", &alice)?;
    // ANCHOR_END: goal

    fs::remove_dir_all(folder.join("bob"))?;
    let failed = deliver(
        &both,
        &mut clock,
        &here,
        |_| String::new(),
        &Text::default(),
    );
    match failed {
        Ok(name) => println!("\nbob's mailbox is gone, and this is kept: {name}"),
        Err(why) => println!("\nbob's mailbox is gone: {why}"),
    }
    list("alice", &alice)
}

fn list(title: &str, mailbox: &Maildir) -> Result<(), Box<dyn Error>> {
    println!("\n{title}:");
    for letter in mailbox.list()? {
        let place = letter.path.strip_prefix(mailbox.folder())?;
        println!(
            "  {}, {} octets\n    uid {}, {} octets on the wire",
            place.display(),
            fs::metadata(&letter.path)?.len(),
            letter.uid,
            letter.size
        );
    }
    Ok(())
}
