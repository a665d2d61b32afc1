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

fn main() -> Result<(), Box<dyn Error>> {
    if std::env::args().len() > 1 {
        eprintln!("usage: cargo run --example ch14_queue");
        std::process::exit(2);
    }
    println!("Look for the envelope: from whom, to whom, how far we are, and a last line `end`.");
    println!("Look for the second runner, which must wait.");
    println!();
    let folder = std::env::temp_dir().join(format!("ch14-queue-{}", std::process::id()));
    let shown = show(&folder);
    fs::remove_dir_all(&folder)?;
    shown
}

fn show(folder: &Path) -> Result<(), Box<dyn Error>> {
    let queue = Queue::create(folder)?;
    let mut clock = Clock::new(Some(1_795_412_453));
    let bob: Mailbox = "bob@b.example".parse()?;
    let carol: Mailbox = "carol@c.example".parse()?;
    let from = "<alice@a.example>".parse()?;
    let text = Text::from_file(b"Subject: Tea?\n\nAt five.\n");
    let to = vec![bob.clone(), carol.clone()];
    let id = queue.add(&from, to, &mut clock, |_| String::new(), &text)?;
    let file = folder.join(format!("{id}.envelope"));
    println!(
        "--- {id}.envelope, just added\n{}",
        fs::read_to_string(&file)?
    );

    let lock = queue.lock()?;
    let word = |got: bool| {
        if got {
            "it has the lock"
        } else {
            "it must wait"
        }
    };
    println!(
        "--- one runner: {}; a second one: {}\n",
        word(lock.is_some()),
        word(queue.lock()?.is_some())
    );
    queue.each(|id, envelope| match envelope {
        Ok(mut envelope) => {
            let busy = Reply::new(450, "too busy, come back later");
            let reason = Reason {
                host: "mail.c.example".parse().ok(),
                reply: busy,
            };
            envelope.tries += 1;
            envelope.next = Date(envelope.arrived.0 + 1800);
            envelope.remove(&bob); // he has it
            envelope.set(&carol, Progress::Waiting(Some(reason)));
            queue.update(id, &envelope).expect("the disk takes it");
            println!("--- after one try");
        }
        Err(error) => println!("--- not a letter that can be sent: {error}"),
    })?;
    println!("{}", fs::read_to_string(&file)?);

    queue.finish(&id)?;
    println!("--- finished; the envelope is there: {}", file.exists());
    Ok(())
}
