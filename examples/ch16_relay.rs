//! One letter to two people, neither of whom can be reached: what the relay does about each.
//!
//! Run it with `cargo run --example ch16_relay`, and look for: bob, of whose failure the sender
//! hears at once, and carol, who waits until five days are over. The days pass quickly here: the
//! time is handed in. So is the map of the world.

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
const DAY: u64 = 24 * 60 * 60;

/// Where bounces go: onto the page.
struct Page;

impl Store for Page {
    fn store(&mut self, letter: &Letter) -> std::io::Result<String> {
        let text = String::from_utf8_lossy(letter.text.octets());
        println!("--- a letter from {}\n{text}---", letter.reverse_path);
        Ok("a letter on this page".to_string())
    }
}

fn next_hops(domain: &Domain) -> Result<Vec<Target>, NoHop> {
    match domain.as_str() {
        "b.example" => Err(NoHop::Never("there is no such domain".to_string())),
        _ => Err(NoHop::NotNow("the name server is silent".to_string())),
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::temp_dir().join(format!("ch16-relay-{}", std::process::id()));
    let shown = show(&folder);
    fs::remove_dir_all(&folder)?;
    shown
}

fn show(folder: &Path) -> Result<(), Box<dyn Error>> {
    let queue = Queue::create(folder)?;
    let to = vec!["bob@b.example".parse()?, "carol@c.example".parse()?];
    let text = Text::from_file(b"Subject: Tea?\n\nAt five.\n");
    let mut clock = Clock::new(Some(MONDAY));
    let no_trace = |_: &str| String::new();
    let id = queue.add(
        &"<alice@a.example>".parse()?,
        to,
        &mut clock,
        no_trace,
        &text,
    )?;
    for (when, now) in [("at once", MONDAY), ("five days later", MONDAY + 5 * DAY)] {
        println!("=== {when}");
        let mut relay = Relay {
            queue: &queue,
            own: &"a.example".parse()?,
            schedule: Schedule::RFC,
            timeouts: Timeouts::RFC,
            next_hops: &mut next_hops,
            store: &mut Page,
            clock: &mut Clock::new(Some(now)),
            trace: &|| None,
            log: &|line| println!("{line}"),
        };
        println!("{:?}\n", relay.pass()?);
        let envelope = fs::read_to_string(folder.join(format!("{id}.envelope")));
        println!(
            "=== the envelope now\n{}",
            envelope.unwrap_or("it is gone\n".to_string())
        );
    }
    Ok(())
}
