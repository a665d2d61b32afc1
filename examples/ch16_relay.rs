//! One letter to two people, neither of whom can be reached: what the relay does about each.
//!
//! Run it with `cargo run --example ch16_relay`. The days pass quickly here: the time is handed in.
//! So is the map of the world.

use smtp_primer::client::Timeouts;
use smtp_primer::message::Clock;
use smtp_primer::next_hop::{NoHop, Target};
use smtp_primer::protocol::address::Domain;
use smtp_primer::protocol::dot::Text;
use smtp_primer::queue::Queue;
use smtp_primer::relay::{Relay, Schedule};
use smtp_primer::server::Store;
use smtp_primer::session::Letter;
use std::error::Error;
use std::fs;
use std::path::Path;

const MONDAY: u64 = 1_795_412_453;
const HOUR: u64 = 60 * 60;

fn main() -> Result<(), Box<dyn Error>> {
    if std::env::args().len() > 1 {
        eprintln!("usage: cargo run --example ch16_relay");
        std::process::exit(2);
    }
    let folder = std::env::temp_dir().join(format!("ch16-relay-{}", std::process::id()));
    let shown = show(&folder);
    fs::remove_dir_all(&folder)?;
    shown
}

/// Where bounces go: of each, the lines for people and the lines for programs that say why.
struct Page;

impl Store for Page {
    fn store(&mut self, letter: &Letter) -> std::io::Result<String> {
        println!("  a bounce from {}:", letter.reverse_path);
        for line in letter.text.lines().map(String::from_utf8_lossy) {
            if line.contains(" says: ") || line.starts_with('<') || line.starts_with("Status: ") {
                println!("    {line}");
            }
        }
        Ok("a letter on this page".to_string())
    }
}

fn next_hops(domain: &Domain) -> Result<Vec<Target>, NoHop> {
    match domain.as_str() {
        "b.example" => Err(NoHop::Never("5.1.2 there is no such domain".to_string())),
        _ => Err(NoHop::NotNow("the name server does not answer".to_string())),
    }
}

fn show(folder: &Path) -> Result<(), Box<dyn Error>> {
    println!("Look for bob: his domain does not exist, and the sender hears of it at once.");
    println!("Look for the envelope after that: only carol still waits, and it says why.");
    println!("Look for carol: the waits grow, and after five days the sender hears of it.");
    println!();
    let queue = Queue::create(folder)?;
    let to = vec!["bob@b.example".parse()?, "carol@c.example".parse()?];
    let text = Text::from_file(b"Subject: Tea?\n\nAt five.\n");
    let (from, mut clock) = ("<alice@a.example>".parse()?, Clock::new(Some(MONDAY)));
    let id = queue.add(&from, to, &mut clock, |_| String::new(), &text)?;
    while let Some(now) = next_try(&queue)? {
        println!("after {} hours", (now - MONDAY) as f64 / HOUR as f64);
        let mut relay = Relay {
            queue: &queue,
            own: &"a.example".parse()?,
            schedule: Schedule::RFC,
            timeouts: Timeouts::RFC,
            next_hops: &mut next_hops,
            store: &mut Page,
            clock: &mut Clock::new(Some(now)),
            trace: &|| None,
            log: &|line| println!("  {line}"),
        };
        relay.pass()?;
        if now == MONDAY {
            let envelope = fs::read_to_string(folder.join(format!("{id}.envelope")))?;
            println!(
                "  the envelope now:\n    {}",
                envelope.replace('\n', "\n    ")
            );
        }
    }
    Ok(())
}

/// When the relay will try the letter again; `None` if it has left the queue.
fn next_try(queue: &Queue) -> std::io::Result<Option<u64>> {
    let mut next = None;
    queue.each(|_, envelope| {
        if let Ok(envelope) = envelope {
            next = Some(envelope.next.0);
        }
    })?;
    Ok(next)
}
