//! Where does a letter go next? A table stands in for DNS, so this needs no network.
//!
//! Run it with `cargo run --example ch15_next_hop`, or let it ask a real resolver:
//! `cargo run --example ch15_next_hop gnu.org 9.9.9.9:53`.

use smtp_primer::next_hop::dns::{Data, Kind, Record};
use smtp_primer::next_hop::resolver::Resolver;
use smtp_primer::next_hop::{Dns, MAIL_PORT, NoHop, Target, next_hops};
use std::error::Error;
use std::time::Instant;

// ANCHOR: table
/// Lines of a name, a preference if it is an MX record, and the host or address.
const TABLE: [(&str, Option<u16>, &str); 8] = [
    ("b.example", Some(20), "backup.example"),
    ("b.example", Some(10), "mx.b.example"),
    ("mx.b.example", None, "192.0.2.1"),
    ("backup.example", None, "198.51.100.9"),
    ("host.example", None, "192.0.2.7"),
    ("silent.example", Some(0), "."),
    ("loop.example", Some(10), "a.example"),
    ("loop.example", Some(20), "backup.example"),
];
// ANCHOR_END: table

const DOMAINS: &str =
    "c.example [192.0.2.9] b.example host.example silent.example loop.example no.example";

fn main() {
    if ![1, 3].contains(&std::env::args().len()) {
        eprintln!("usage: cargo run --example ch15_next_hop [DOMAIN RESOLVER:PORT]");
        std::process::exit(2);
    }
    println!("Look for the order of the hosts: the lower preference comes first.");
    println!("Look for the reason where there is no host.");
    println!();
    let words: Vec<String> = std::env::args().skip(1).collect();
    let shown = match words.as_slice() {
        [domain, resolver] => show_from_resolver(domain, resolver),
        _ => DOMAINS
            .split(' ')
            .try_for_each(|domain| show(domain, &mut Table)),
    };
    if let Err(why) = shown {
        eprintln!("{why}");
        std::process::exit(1);
    }
}

fn show_from_resolver(domain: &str, resolver: &str) -> Result<(), Box<dyn Error>> {
    let address = resolver
        .parse()
        .map_err(|why| format!("{resolver}: {why}"))?;
    show(domain, &mut Resolver::new(address, None, Instant::now()))
}

struct Table;

impl Dns for Table {
    fn ask(&mut self, name: &str, asked: Kind) -> Result<Vec<Record>, NoHop> {
        let mut records = Vec::new();
        for (owner, preference, value) in TABLE.iter().filter(|line| line.0 == name) {
            let (owner, host) = (owner.to_string(), value.to_string());
            let data = match (preference, value.parse()) {
                (Some(preference), _) if asked == Kind::Mx => Data::Mx(*preference, host),
                (None, Ok(ip)) if asked == Kind::A => Data::Address(ip),
                _ => Data::Other,
            };
            records.push(Record { owner, data });
        }
        if records.is_empty() {
            return Err(NoHop::Never(format!("there is no {name}")));
        }
        Ok(records)
    }
}

// ANCHOR: goal
fn show(domain: &str, dns: &mut dyn Dns) -> Result<(), Box<dyn Error>> {
    let routes = ["c.example 127.0.0.1:2626".parse()?];
    let (to, own) = (domain.parse()?, "a.example".parse()?);
    let wrap = |why: String| why.replace(": ", ":\n    ").replace(", w", ",\n    w");
    match next_hops(&to, &routes, &own, MAIL_PORT, Some(dns)) {
        Ok(targets) => {
            for Target { name, addresses } in targets {
                println!("{domain} -> {name} at {}", addresses[0]);
            }
        }
        Err(NoHop::Never(why)) => println!("{domain} -> never: {}", wrap(why)),
        Err(NoHop::NotNow(why)) => println!("{domain} -> not now: {}", wrap(why)),
    }
    Ok(())
}
// ANCHOR_END: goal
