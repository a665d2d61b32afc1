//! One letter to two people, and neither can be reached: what the relay does about each. The time
//! and the map of the world are handed in, so five days pass quickly, and no network is needed.
//!
//! Run it with `cargo run --example ch16_relay`.

use smtp_primer::next_hop::NoHop;
use smtp_primer::protocol::{address::Domain, dot::Text};
use smtp_primer::relay::{Relay, Schedule};
use smtp_primer::{client::Timeouts, message::Clock, queue::Queue, server::Store, session::Letter};
use std::{error::Error, fs, path::Path};

const MONDAY: u64 = 1_795_412_453;
const HALF_HOUR: u64 = 30 * 60;

fn main() {
    if std::env::args().len() > 1 {
        eprintln!("usage: cargo run --example ch16_relay");
        std::process::exit(2);
    }
    println!("Look for bob: his domain does not exist, and the sender hears of it at once.");
    println!("Look for the envelope after that: only carol still waits, and it says why.");
    println!("Look for carol: the waits grow, and after five days the sender hears of it.\n");
    let folder = std::env::temp_dir().join(format!("ch16-relay-{}", std::process::id()));
    let shown = show(&folder);
    let _ = fs::remove_dir_all(&folder);
    if let Err(why) = shown {
        eprintln!("{}: {why}", folder.display());
        std::process::exit(1);
    }
}

fn show(folder: &Path) -> Result<(), Box<dyn Error>> {
    let queue = Queue::create(folder)?;
    let to = vec!["bob@b.example".parse()?, "carol@c.example".parse()?];
    let text = Text::from_file(b"Subject: Tea?\n\nAt five.\n");
    let (from, mut clock) = ("<alice@a.example>".parse()?, Clock::new(Some(MONDAY)));
    let id = queue.add(&from, to, &mut clock, |_| String::new(), &text)?;
    let mut next_hops = |domain: &Domain| match domain.as_str() {
        "b.example" => Err(NoHop::Never("5.1.2 there is no such domain".to_string())),
        _ => Err(NoHop::NotNow("the name server does not answer".to_string())),
    };
    let envelope = folder.join(format!("{id}.envelope"));
    let mut now = MONDAY;
    while envelope.exists() {
        let hours = (now - MONDAY) as f64 / 3600.0;
        // ANCHOR: goal
        let mut relay = Relay {
            queue: &queue,
            own: &"a.example".parse()?,
            schedule: Schedule::RFC,
            timeouts: Timeouts::RFC,
            next_hops: &mut next_hops,
            store: &mut Page,
            clock: &mut Clock::new(Some(now)),
            trace: &|| None,
            log: &|line| println!("{hours:5} h: {line}"),
        };
        relay.pass()?; // It does nothing if the time of the next try has not come.
        // ANCHOR_END: goal
        if now == MONDAY {
            println!("\nthe envelope now:\n{}", fs::read_to_string(&envelope)?);
        }
        now += HALF_HOUR;
    }
    Ok(())
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
