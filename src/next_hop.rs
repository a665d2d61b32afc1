//! # The next hop (chapter 15)
//!
//! A letter for `bob@b.example` is in our queue. Which host do we call? This is where SMTP "helps
//! each computer that sends or relays a letter find the next destination" (RFC 5321 §5.1).
//!
//! There are three sources. A [`Route`] is written by the owner of the site, and is asked first.
//! An address literal such as `[192.0.2.1]` is its own answer. For all other domains we ask DNS: an
//! MX record names a host that takes the domain's mail, and a number, its preference. The lowest
//! number is tried first; hosts with the same number share the load. A domain without MX records
//! takes its mail itself.
//!
//! Where no hop is found, [`NoHop`] says whether a later try can help. A wrong "never" bounces a
//! good letter, a wrong "not now" only delays a bad one. So whenever we are not sure, it is "not
//! now".
//!
//! This file knows how to choose, and not how to ask: packets are the business of [`dns`] and
//! [`resolver`]. It connects to nobody; that is for the relay.

pub mod dns;
pub mod resolver;
mod route;

use crate::protocol::address::Domain;
use dns::{Data, Kind, Record};
pub use route::{NoRoute, Route};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::{IpAddr, SocketAddr};

/// Where mail servers listen (RFC 5321 §4.5.4.2).
pub const MAIL_PORT: u16 = 25;
/// Most hosts that we look up for one domain, the preferred ones. RFC 5321 §5.1 allows a limit; a
/// stranger who lists a thousand must not keep us busy for a day.
pub const EXCHANGES: usize = 5;
/// Most addresses of one kind, A or AAAA, that we take for one host; the same rule allows it.
pub const ADDRESSES: usize = 5;
/// Most aliases that we follow one after another. Two names may be aliases of each other.
pub const ALIASES: usize = 4;

/// A host to try, and its addresses in the order in which to try them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Its name, or an address literal where it has none.
    pub name: Domain,
    /// At least one address.
    pub addresses: Vec<SocketAddr>,
}

/// Why there is no next hop, in words for the sender of the letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoHop {
    /// The letter cannot be delivered: it goes back.
    Never(String),
    /// The letter stays in the queue.
    NotNow(String),
}

/// Whoever answers questions about names: a [`resolver`], or a table in a test.
pub trait Lookup {
    /// The records that answer one question. An empty list means that the name exists, but has no
    /// such record.
    ///
    /// Errors: [`NoHop::Never`] if there is no such name, [`NoHop::NotNow`] if nobody knows.
    fn look_up(&mut self, name: &Domain, kind: Kind) -> Result<Vec<Record>, NoHop>;
}

/// The hosts to try for the mail of `domain`, best first; at least one. `own` is our own name, and
/// `mx_port` the port of every host that no route names.
///
/// Errors: see [`NoHop`].
pub fn next_hops(
    domain: &Domain,
    routes: &[Route],
    own: &Domain,
    mx_port: u16,
    lookup: Option<&mut dyn Lookup>,
) -> Result<Vec<Target>, NoHop> {
    if let Some(route) = Route::find(routes, domain) {
        return Ok(vec![route.target()?]);
    }
    if let Some(ip) = domain.literal() {
        return Ok(vec![target(domain, vec![ip], mx_port)?]);
    }
    let Some(lookup) = lookup else {
        return Err(NoHop::NotNow(format!(
            "no host is known for {domain}: site.conf has no \"route {domain} HOST:PORT\", \
             and no \"resolver HOST:PORT\" that we could ask"
        )));
    };
    let mut targets = Vec::new();
    let mut reason = None;
    for (_, exchange) in exchanges(domain, own, lookup)? {
        match locate(&exchange, mx_port, lookup) {
            Ok(target) => targets.push(target),
            // As long as one of the reasons is "not now", there is hope.
            Err(NoHop::NotNow(why)) => reason = Some(NoHop::NotNow(why)),
            Err(never) => reason = reason.or(Some(never)),
        }
    }
    match reason {
        Some(reason) if targets.is_empty() => Err(reason),
        _ => Ok(targets),
    }
}

/// A preference, and the name of a host that takes mail.
type Exchange = (u16, String);
type Exchanges = Result<Vec<Exchange>, NoHop>;

/// The hosts that take the mail of `domain`, best first.
fn exchanges(domain: &Domain, own: &Domain, lookup: &mut dyn Lookup) -> Exchanges {
    let (host, data) = ask(domain, Kind::Mx, lookup)?;
    let exchange = |data| match data {
        Data::Mx(preference, exchange) => Some((preference, exchange)),
        _ => None,
    };
    let mut exchanges: Vec<Exchange> = data.into_iter().filter_map(exchange).collect();
    if exchanges.is_empty() {
        exchanges.push((0, host.to_string())); // the implicit MX of RFC 5321 §5.1
    }
    if exchanges.iter().all(|(_, exchange)| exchange == ".") {
        return Err(NoHop::Never(format!(
            "{domain} takes no mail: its MX record names no host (null MX, RFC 7505)"
        )));
    }
    // Hosts with a higher number than ours would only hand the letter to us again, and those with
    // the same number may. So they go, and we with them.
    let ours = |(preference, name): &Exchange| is_us(name, own).then_some(*preference);
    if let Some(ours) = exchanges.iter().filter_map(ours).min() {
        exchanges.retain(|(preference, _)| *preference < ours);
    }
    if exchanges.is_empty() {
        return Err(NoHop::Never(format!(
            "mail for {domain} loops back to this server, which has no such mailboxes"
        )));
    }
    // Among equals the order MUST be random, so that none of them gets all the load.
    exchanges.sort_by_cached_key(|(preference, _)| (*preference, random()));
    exchanges.truncate(EXCHANGES);
    Ok(exchanges)
}

/// On every machine `localhost` is the machine itself (RFC 6761 §6.3).
fn is_us(exchange: &str, own: &Domain) -> bool {
    exchange.eq_ignore_ascii_case(own.as_str()) || exchange.eq_ignore_ascii_case("localhost")
}

/// Finds the addresses of one host. IPv4 comes first: more networks have it.
fn locate(exchange: &str, port: u16, lookup: &mut dyn Lookup) -> Result<Target, NoHop> {
    let name: Domain = exchange
        .parse()
        .map_err(|_| NoHop::Never(format!("an MX record names {exchange}, which is no host")))?;
    let address = |data| match data {
        Data::Address(ip) => Some(ip),
        _ => None,
    };
    let mut addresses = Vec::new();
    let mut trouble = None;
    for kind in [Kind::A, Kind::Aaaa] {
        match ask(&name, kind, lookup) {
            Ok((_, data)) => addresses.extend(data.into_iter().filter_map(address).take(ADDRESSES)),
            Err(no_hop) => trouble = trouble.or(Some(no_hop)),
        }
    }
    if addresses.is_empty() {
        return Err(trouble.unwrap_or_else(|| NoHop::Never(format!("{name} has no address"))));
    }
    target(&name, addresses, port)
}

/// A host to call, unless that would be ourselves. A loopback address at the mail port is, whatever
/// name a stranger gave to it. At any other port it is a network for practice, all on one machine.
fn target(name: &Domain, addresses: Vec<IpAddr>, port: u16) -> Result<Target, NoHop> {
    let is_us = |ip: &IpAddr| {
        let ip = ip.to_canonical();
        ip.is_unspecified() || ip.is_loopback() && port == MAIL_PORT
    };
    if addresses.iter().any(is_us) {
        return Err(NoHop::Never(format!(
            "{name} has an address of this machine itself: the letter would come back"
        )));
    }
    let name = name.clone();
    let addresses = addresses.into_iter().map(|ip| (ip, port).into()).collect();
    Ok(Target { name, addresses })
}

/// What DNS has about a name. If that is an alias, we ask again for the name it stands for
/// (RFC 5321 §5.1), and say which name that was.
fn ask(name: &Domain, kind: Kind, lookup: &mut dyn Lookup) -> Result<(Domain, Vec<Data>), NoHop> {
    let mut real = name.clone();
    for _ in 0..=ALIASES {
        // Records about other names may stand in an answer too. Nobody asked for them.
        let mut records = lookup.look_up(&real, kind)?;
        records.retain(|record| record.owner.eq_ignore_ascii_case(real.as_str()));
        let alias = records.iter().find_map(|record| match &record.data {
            Data::Alias(alias) => Some(alias),
            _ => None,
        });
        let Some(alias) = alias else {
            let data = records.into_iter().map(|record| record.data);
            return Ok((real, data.collect()));
        };
        real = alias.parse().map_err(|_| {
            NoHop::Never(format!("{real} is an alias of {alias}, which is no host"))
        })?;
    }
    Err(NoHop::NotNow(format!(
        "{name} is an alias of an alias, and so on, more than {ALIASES} times"
    )))
}

/// A number that nobody can guess. The standard library has no random numbers, but it seeds its
/// hash tables with some, so that nobody can choose keys that collide.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}
