//! Where does a letter go next? A table stands in for DNS, so this needs no network.
//!
//! cargo run --example ch15_next_hop
//! cargo run --example ch15_next_hop gnu.org 9.9.9.9:53     (asks a real resolver)

use smtp_primer::next_hop::dns::{Data, Kind, Record};
use smtp_primer::next_hop::resolver::Resolver;
use smtp_primer::next_hop::{Dns, MAIL_PORT, NoHop, Target, next_hops};
use std::time::Instant;

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

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if ![0, 2].contains(&words.len()) {
        eprintln!("usage: cargo run --example ch15_next_hop [DOMAIN RESOLVER:PORT]");
        std::process::exit(2);
    }
    println!("Look for the order of the hosts: the lower preference comes first.");
    println!("Look for the reason where there is no host.");
    println!();
    if let [domain, resolver] = words.as_slice() {
        let mut resolver = Resolver::new(resolver.parse()?, None, Instant::now());
        return show(domain, &mut resolver);
    }
    let mut domains = TABLE.iter().map(|line| line.0).collect::<Vec<_>>();
    domains.dedup();
    domains.extend(["c.example", "[192.0.2.9]", "no.example"]);
    domains
        .iter()
        .try_for_each(|domain| show(domain, &mut Table))
}

struct Table;

impl Dns for Table {
    fn ask(&mut self, name: &str, asked: Kind) -> Result<Vec<Record>, NoHop> {
        let mut records = Vec::new();
        for (owner, preference, value) in TABLE.iter().filter(|line| line.0 == name) {
            let data = match (preference, value.parse()) {
                (Some(preference), _) if asked == Kind::Mx => {
                    Data::Mx(*preference, value.to_string())
                }
                (None, Ok(ip)) if asked == Kind::A => Data::Address(ip),
                _ => Data::Other,
            };
            let owner = owner.to_string();
            records.push(Record { owner, data });
        }
        if records.is_empty() {
            return Err(NoHop::Never(format!("there is no {name}")));
        }
        Ok(records)
    }
}

fn show(domain: &str, dns: &mut dyn Dns) -> Result<(), Box<dyn std::error::Error>> {
    let routes = ["c.example 127.0.0.1:2626".parse()?];
    match next_hops(
        &domain.parse()?,
        &routes,
        &"a.example".parse()?,
        MAIL_PORT,
        Some(dns),
    ) {
        Ok(targets) => {
            for Target { name, addresses } in targets {
                let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
                println!("{domain} -> {name} at {}", addresses.join(", "));
            }
        }
        Err(NoHop::Never(why)) => println!("{domain} -> never: {why}"),
        Err(NoHop::NotNow(why)) => println!("{domain} -> not now: {why}"),
    }
    Ok(())
}
