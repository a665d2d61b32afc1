//! # The next hop (chapter 15)
//!
//! A letter for `bob@b.example` is in our queue. Which host do we call? Here SMTP helps
//! each computer that sends or relays a letter find the next destination (RFC 5321 §5.1).
//!
//! 1. The owner of the site may have written a [`Route`] for the domain.
//! 2. An address literal such as `[192.0.2.1]` is its own answer.
//! 3. For all other domains we ask DNS. An MX record names a host that takes the domain's
//!    mail, and a number, its preference. The lowest number is tried first; hosts with
//!    the same number share the load. A domain without MX records takes its mail itself.
//! 4. Then we ask DNS for the addresses of each of these hosts.
//!
//! If there is no hop, [`NoHop`] says whether a later try can help. A wrong "never"
//! bounces a good letter, a wrong "not now" only delays a bad one. So whenever we are not
//! sure, it is "not now".
//!
//! Names in DNS are not mail domains: real ones hold a `_`, and more. We ask about every
//! name that DNS itself has given us, and DNS says whether it is good.
//!
//! This file knows how to choose. [`dns`] and [`resolver`] know how to ask, and how long
//! a search may take. None of them calls the host: that is for the relay.

pub mod dns;
pub mod resolver;
mod route;

use crate::protocol::address::{Domain, HostName};
use dns::{Data, Kind, Record};
pub use route::Route;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::{IpAddr, SocketAddr};

/// The port of mail servers (RFC 5321 §4.5.4.2).
pub const MAIL_PORT: u16 = 25;

/// A host to try, and its addresses in the order in which to try them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Its name. If it has none, or one that is not well formed, this is the literal of
    /// its first address.
    pub name: HostName,
    /// At least one address.
    pub addresses: Vec<SocketAddr>,
}

/// Why there is no next hop, in words for the sender of the letter. They may begin with a
/// status code for programs, as a reply may (RFC 3463, RFC 7505).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoHop {
    /// The letter cannot be delivered: it goes back.
    Never(String),
    /// The letter stays in the queue.
    NotNow(String),
}

/// Something that answers questions about names: a [`resolver`], or a table in a test.
pub trait Dns {
    /// The records that answer one question about a name, which is written as in
    /// [`Data`]. An empty list means that the name exists, but has no such record.
    ///
    /// Errors: [`NoHop::Never`] if there is no such name, [`NoHop::NotNow`] if nobody
    /// knows.
    fn ask(&mut self, name: &str, kind: Kind) -> Result<Vec<Record>, NoHop>;
}

/// Most hosts that we try for one domain, the preferred ones. RFC 5321 §5.1 allows a
/// limit.
pub const EXCHANGES: usize = 5;
/// Most hosts whose addresses we ask for until we have found those. A stranger can list a
/// thousand names, and each of them costs two questions.
pub const CANDIDATES: usize = 20;

/// The hosts to try for the mail of `domain`, best first; at least one. `own` is our own
/// name, and `mx_port` the port of every host that no route names.
///
/// Errors: see [`NoHop`].
pub fn next_hops(
    domain: &Domain,
    routes: &[Route],
    own: &Domain,
    mx_port: u16,
    dns: Option<&mut dyn Dns>,
) -> Result<Vec<Target>, NoHop> {
    // 1. A route.
    if let Some(route) = Route::find(routes, domain) {
        return Ok(vec![route.target()?]);
    }
    // 2. An address literal.
    if let Some(ip) = domain.literal() {
        return Ok(vec![target(domain.as_str(), vec![ip], mx_port)?]);
    }
    let Some(dns) = dns else {
        return Err(NoHop::NotNow(format!(
            "no host is known for {domain}: site.conf has no \"route {domain} HOST:PORT\", \
             and no \"resolver HOST:PORT\" that we could ask"
        )));
    };
    // 3. The mail hosts of the domain.
    let hosts = exchanges(domain, own, dns)?;
    // 4. Their addresses. A host without an address does not hide the others.
    let (mut targets, mut reasons) = (Vec::new(), Vec::new());
    for host in hosts.iter().take(CANDIDATES) {
        match locate(host, mx_port, dns) {
            Ok(target) => targets.push(target),
            Err(reason) => reasons.push(reason),
        }
        if targets.len() == EXCHANGES {
            break;
        }
    }
    if hosts.len() > CANDIDATES {
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

/// Of several reasons, the one that counts. If one of them is "not now", a later try may
/// help.
fn most_hopeful(reasons: Vec<NoHop>) -> Option<NoHop> {
    let is_final = |reason: &NoHop| matches!(reason, NoHop::Never(_));
    reasons.into_iter().min_by_key(is_final)
}

/// Step 3: the names of the hosts that take the mail of `domain`, best first.
fn exchanges(domain: &Domain, own: &Domain, dns: &mut dyn Dns) -> Result<Vec<String>, NoHop> {
    let (name, found) = follow(domain.as_str(), Kind::Mx, dns)?;
    let mut hosts = Vec::new();
    for data in found {
        if let Data::Mx(preference, host) = data {
            hosts.push((preference, host));
        }
    }
    if hosts.is_empty() {
        hosts.push((0, name)); // the implicit MX of RFC 5321 §5.1
    } else {
        hosts.retain(|(_, host)| host != ".");
    }
    if hosts.is_empty() {
        return Err(NoHop::Never(format!(
            "5.1.10 {domain} takes no mail: its MX record names no host (null MX, RFC 7505)"
        )));
    }
    // Hosts with a higher number than ours would only hand the letter to us again, and
    // those with the same number may. So we drop them, and ourselves.
    let us = hosts.iter().filter(|(_, host)| is_us(host, own));
    if let Some(limit) = us.map(|(preference, _)| *preference).min() {
        hosts.retain(|(preference, _)| *preference < limit);
    }
    if hosts.is_empty() {
        return Err(NoHop::Never(format!(
            "mail for {domain} loops back to this server, which has no such mailboxes"
        )));
    }
    // Among equals the order MUST be random, so that none of them gets all the load.
    hosts.sort_by_cached_key(|(preference, _)| (*preference, unguessable()));
    Ok(hosts.into_iter().map(|(_, host)| host).collect())
}

/// On every machine `localhost` is the machine itself (RFC 6761 §6.3).
fn is_us(host: &str, own: &Domain) -> bool {
    host.eq_ignore_ascii_case(own.as_str()) || host.eq_ignore_ascii_case("localhost")
}

/// Most addresses of one kind, A or AAAA, that we try for one host. RFC 5321 §5.1 allows
/// a limit.
pub const HOST_ADDRESSES: usize = 5;

/// Step 4: finds the addresses of one host. IPv4 comes first: more networks have it.
fn locate(host: &str, port: u16, dns: &mut dyn Dns) -> Result<Target, NoHop> {
    let address = |data| match data {
        Data::Address(ip) => Some(ip),
        _ => None,
    };
    let (mut addresses, mut reasons) = (Vec::new(), Vec::new());
    for kind in [Kind::A, Kind::Aaaa] {
        match follow(host, kind, dns) {
            Ok((_, found)) => {
                addresses.extend(found.into_iter().filter_map(address).take(HOST_ADDRESSES));
            }
            Err(reason) => reasons.push(reason),
        }
    }
    if addresses.is_empty() {
        let has_none = || NoHop::Never(format!("{host} has no address"));
        return Err(most_hopeful(reasons).unwrap_or_else(has_none));
    }
    target(host, addresses, port)
}

/// A host to call, at those of its addresses that are not our own. A loopback address at
/// the mail port is our own, whatever name a stranger gave to it. At any other port it is
/// a network for practice, all on one machine.
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

/// Most aliases that we follow one after another. Two names may be aliases of each other.
pub const ALIASES: usize = 4;

/// What DNS has about a name. If the name is an alias, we ask again for the real name
/// (RFC 5321 §5.1). Returns the real name, too.
fn follow(name: &str, kind: Kind, dns: &mut dyn Dns) -> Result<(String, Vec<Data>), NoHop> {
    let mut real = name.to_string();
    for _ in 0..=ALIASES {
        let (mut alias, mut found) = (None, Vec::new());
        for Record { owner, data } in dns.ask(&real, kind)? {
            match data {
                // An answer may also hold records about other names. We did not ask for
                // them.
                _ if !owner.eq_ignore_ascii_case(&real) => {}
                Data::Alias(of) => alias = Some(alias.unwrap_or(of)),
                data => found.push(data),
            }
        }
        match alias {
            Some(of) => real = of,
            None => return Ok((real, found)),
        }
    }
    Err(NoHop::NotNow(format!(
        "{name} is an alias of an alias, and so on, more than {ALIASES} times"
    )))
}

/// A number that nobody can guess. The standard library has no random numbers, but it
/// seeds its hash tables with some, so that nobody can choose keys that collide.
fn unguessable() -> u64 {
    RandomState::new().build_hasher().finish()
}
