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
//! The names in DNS are not mail domains: any octet may stand in them, and real ones have a `_`. We
//! ask about every name that DNS itself has given us, and let DNS say whether it is any good.
//!
//! This file knows how to choose, and not how to ask: packets are the business of [`dns`] and
//! [`resolver`], and so is the time that a search may take. It connects to nobody; that is for the
//! relay.

pub mod dns;
pub mod resolver;
mod route;

use crate::protocol::address::{Domain, HostName};
use dns::{Data, Kind, Record};
pub use route::{NoRoute, Route};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::{IpAddr, SocketAddr};

/// Where mail servers listen (RFC 5321 §4.5.4.2).
pub const MAIL_PORT: u16 = 25;
/// Most hosts that we take for one domain, the preferred ones. RFC 5321 §5.1 allows a limit.
pub const EXCHANGES: usize = 5;
/// Most hosts whose addresses we ask for until we have found those. A stranger can list a thousand
/// names, and each of them costs two questions.
pub const CANDIDATES: usize = 20;
/// Most addresses of one kind, A or AAAA, that we take for one host; the same rule allows it.
pub const ADDRESSES: usize = 5;
/// Most aliases that we follow one after another. Two names may be aliases of each other.
pub const ALIASES: usize = 4;

/// A host to try, and its addresses in the order in which to try them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Its name. Where it has none, or one too odd to be shown, it is the literal of its first
    /// address.
    pub name: HostName,
    /// At least one address.
    pub addresses: Vec<SocketAddr>,
}

/// Why there is no next hop, in words for the sender of the letter. They may begin with a status code
/// for programs, as a reply may (RFC 3463, RFC 7505).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoHop {
    /// The letter cannot be delivered: it goes back.
    Never(String),
    /// The letter stays in the queue.
    NotNow(String),
}

/// Whoever answers questions about names: a [`resolver`], or a table in a test.
pub trait Dns {
    /// The records that answer one question about a name, which is written as in [`Data`]. An empty
    /// list means that the name exists, but has no such record.
    ///
    /// Errors: [`NoHop::Never`] if there is no such name, [`NoHop::NotNow`] if nobody knows.
    fn ask(&mut self, name: &str, kind: Kind) -> Result<Vec<Record>, NoHop>;
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
    dns: Option<&mut dyn Dns>,
) -> Result<Vec<Target>, NoHop> {
    if let Some(route) = Route::find(routes, domain) {
        return Ok(vec![route.target()?]);
    }
    if let Some(ip) = domain.literal() {
        return Ok(vec![target(domain.as_str(), vec![ip], mx_port)?]);
    }
    let Some(dns) = dns else {
        return Err(NoHop::NotNow(format!(
            "no host is known for {domain}: site.conf has no \"route {domain} HOST:PORT\", \
             and no \"resolver HOST:PORT\" that we could ask"
        )));
    };
    let exchanges = exchanges(domain, own, dns)?;
    let (mut targets, mut reasons) = (Vec::new(), Vec::new());
    for exchange in exchanges.iter().take(CANDIDATES) {
        match locate(exchange, mx_port, dns) {
            Ok(target) => targets.push(target),
            Err(reason) => reasons.push(reason),
        }
        if targets.len() == EXCHANGES {
            break;
        }
    }
    if exchanges.len() > CANDIDATES {
        reasons.push(NoHop::NotNow(format!(
            "none of the first {CANDIDATES} mail hosts of {domain} has an address, \
             and we ask for no more at a time"
        )));
    }
    match most_hopeful(reasons) {
        Some(reason) if targets.is_empty() => Err(reason),
        _ => Ok(targets),
    }
}

/// The one that counts of several reasons. As long as one of them is "not now", there is hope.
fn most_hopeful(reasons: Vec<NoHop>) -> Option<NoHop> {
    let is_final = |reason: &NoHop| matches!(reason, NoHop::Never(_));
    reasons.into_iter().min_by_key(is_final)
}

/// The names of the hosts that take the mail of `domain`, best first.
fn exchanges(domain: &Domain, own: &Domain, dns: &mut dyn Dns) -> Result<Vec<String>, NoHop> {
    let (host, data) = follow(domain.as_str(), Kind::Mx, dns)?;
    let exchange = |data| match data {
        Data::Mx(preference, exchange) => Some((preference, exchange)),
        _ => None,
    };
    let mut exchanges: Vec<(u16, String)> = data.into_iter().filter_map(exchange).collect();
    if exchanges.is_empty() {
        exchanges.push((0, host)); // the implicit MX of RFC 5321 §5.1
    } else {
        exchanges.retain(|(_, exchange)| exchange != ".");
    }
    if exchanges.is_empty() {
        return Err(NoHop::Never(format!(
            "5.1.10 {domain} takes no mail: its MX record names no host (null MX, RFC 7505)"
        )));
    }
    // Hosts with a higher number than ours would only hand the letter to us again, and those with
    // the same number may. So they go, and we with them.
    let is_ours = |(_, exchange): &&(u16, String)| is_us(exchange, own);
    if let Some((limit, _)) = exchanges.iter().filter(is_ours).min().cloned() {
        exchanges.retain(|(preference, _)| *preference < limit);
    }
    if exchanges.is_empty() {
        return Err(NoHop::Never(format!(
            "mail for {domain} loops back to this server, which has no such mailboxes"
        )));
    }
    // Among equals the order MUST be random, so that none of them gets all the load.
    exchanges.sort_by_cached_key(|(preference, _)| (*preference, unguessable()));
    Ok(exchanges
        .into_iter()
        .map(|(_, exchange)| exchange)
        .collect())
}

/// On every machine `localhost` is the machine itself (RFC 6761 §6.3).
fn is_us(exchange: &str, own: &Domain) -> bool {
    exchange.eq_ignore_ascii_case(own.as_str()) || exchange.eq_ignore_ascii_case("localhost")
}

/// Finds the addresses of one host. IPv4 comes first: more networks have it.
fn locate(exchange: &str, port: u16, dns: &mut dyn Dns) -> Result<Target, NoHop> {
    let address = |data| match data {
        Data::Address(ip) => Some(ip),
        _ => None,
    };
    let (mut addresses, mut reasons) = (Vec::new(), Vec::new());
    for kind in [Kind::A, Kind::Aaaa] {
        match follow(exchange, kind, dns) {
            Ok((_, data)) => addresses.extend(data.into_iter().filter_map(address).take(ADDRESSES)),
            Err(reason) => reasons.push(reason),
        }
    }
    if addresses.is_empty() {
        let has_none = || NoHop::Never(format!("{exchange} has no address"));
        return Err(most_hopeful(reasons).unwrap_or_else(has_none));
    }
    target(exchange, addresses, port)
}

/// A host to call, at those of its addresses that are not ourselves. A loopback address at the mail
/// port is, whatever name a stranger gave to it. At any other port it is a network for practice,
/// all on one machine.
fn target(name: &str, mut addresses: Vec<IpAddr>, port: u16) -> Result<Target, NoHop> {
    addresses.retain(|ip| {
        let ip = ip.to_canonical();
        !(ip.is_unspecified() || ip.is_loopback() && port == MAIL_PORT)
    });
    let Some(first) = addresses.first() else {
        return Err(NoHop::Never(format!(
            "{name} has only addresses of this machine itself: the letter would come back"
        )));
    };
    let name = name.parse().unwrap_or_else(|_| Domain::from(*first).into());
    let addresses = addresses.into_iter().map(|ip| (ip, port).into()).collect();
    Ok(Target { name, addresses })
}

/// What DNS has about a name. If that is an alias, we ask again for the name it stands for
/// (RFC 5321 §5.1), and say which name that was.
fn follow(name: &str, kind: Kind, dns: &mut dyn Dns) -> Result<(String, Vec<Data>), NoHop> {
    let mut real = name.to_string();
    for _ in 0..=ALIASES {
        // Records about other names may stand in an answer too. Nobody asked for them.
        let mut records = dns.ask(&real, kind)?;
        records.retain(|record| record.owner.eq_ignore_ascii_case(&real));
        let alias = records.iter().find_map(|record| match &record.data {
            Data::Alias(alias) => Some(alias.clone()),
            _ => None,
        });
        let Some(alias) = alias else {
            let data = records.into_iter().map(|record| record.data);
            return Ok((real, data.collect()));
        };
        real = alias;
    }
    Err(NoHop::NotNow(format!(
        "{name} is an alias of an alias, and so on, more than {ALIASES} times"
    )))
}

/// A number that nobody can guess. The standard library has no random numbers, but it seeds its
/// hash tables with some, so that nobody can choose keys that collide.
fn unguessable() -> u64 {
    RandomState::new().build_hasher().finish()
}
