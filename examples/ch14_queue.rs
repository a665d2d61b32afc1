//! A letter waits in the queue: its two files, a try that fails, one that does not.
//!
//! Run it with `cargo run --example ch14_queue`.

use smtp_primer::message::{Clock, Date};
use smtp_primer::protocol::address::Mailbox;
use smtp_primer::protocol::dot::Text;
use smtp_primer::protocol::reply::Reply;
use smtp_primer::queue::{Progress, Queue, Reason};
use std::error::Error;
use std::fs;
use std::path::Path;

fn main() {
    if std::env::args().len() > 1 {
        eprintln!("usage: cargo run --example ch14_queue");
        std::process::exit(2);
    }
    println!("Look for the envelope, and what one try changes in it.");
    println!("Look for the second runner, which must wait.\n");
    let folder = std::env::temp_dir().join(format!("ch14-queue-{}", std::process::id()));
    let shown = show(&folder);
    let _ = fs::remove_dir_all(&folder);
    if let Err(why) = shown {
        eprintln!("{}: {why}", folder.display());
        std::process::exit(1);
    }
}

fn show(folder: &Path) -> Result<(), Box<dyn Error>> {
    let queue = Queue::create(folder)?;
    let mut clock = Clock::new(Some(1_795_412_453));
    let bob: Mailbox = "bob@b.example".parse()?;
    let carol: Mailbox = "carol@c.example".parse()?;
    let from = "<alice@a.example>".parse()?;
    let text = Text::from_file(b"Subject: Tea?\n\nAt five.\n");

    // ANCHOR: goal
    let to = vec![bob.clone(), carol.clone()];
    let id = queue.add(&from, to, &mut clock, |_| String::new(), &text)?;
    print(folder, &id, "just added")?;

    let lock = queue.lock()?; // others may add letters, but not hand them on
    let mut found = Vec::new();
    queue.each(|_, envelope| found.push(envelope))?;
    for envelope in found {
        let mut envelope = envelope?;
        envelope.tries += 1;
        envelope.next = Date(envelope.arrived.0 + 1800);
        envelope.remove(&bob); // he has it
        envelope.set(&carol, Progress::Waiting(Some(busy())));
        queue.update(&id, &envelope)?;
    }
    print(folder, &id, "after one try")?;
    // ANCHOR_END: goal

    println!("one runner: {}", in_words(&lock));
    println!("a second one: {}", in_words(&queue.lock()?));
    queue.finish(&id)?;
    println!("finished: {}", files(folder)?);
    Ok(())
}

fn busy() -> Reason {
    Reason {
        host: "mail.c.example".parse().ok(),
        reply: Reply::new(450, "too busy, come back later"),
    }
}

fn print(folder: &Path, id: &str, when: &str) -> Result<(), Box<dyn Error>> {
    println!("{when}: {}", files(folder)?);
    let envelope = folder.join(format!("{id}.envelope"));
    println!("{}", fs::read_to_string(envelope)?);
    Ok(())
}

fn files(folder: &Path) -> std::io::Result<String> {
    let mut names = Vec::new();
    for file in fs::read_dir(folder)? {
        names.push(file?.file_name().display().to_string());
    }
    names.sort();
    Ok(names.join(", "))
}

fn in_words(lock: &Option<fs::File>) -> &str {
    match lock {
        Some(_) => "it has the lock",
        None => "it must wait",
    }
}
