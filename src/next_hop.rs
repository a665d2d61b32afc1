// ANCHOR: story
//! # The next hop (chapter 15)
//!
//! A letter for `bob@b.example` is in our queue. Which host do we call? Here SMTP helps
//! each computer that sends or relays a letter find the next destination (RFC 5321
//! §5.1).
//!
//! 1. The owner of the site may have written a [`Route`] for the domain.
//! 2. An address literal such as `[192.0.2.1]` is its own answer.
//! 3. For all other domains we ask DNS for the mail hosts of the domain.
//! 4. Then we ask DNS for the addresses of each of these hosts.
//!
//! If there is no hop, [`NoHop`] says whether a later try can help. Names in DNS are not
//! mail domains: real ones hold a `_`, and more. We ask about every name that DNS itself
//! has given us, and DNS says whether it is good.
//!
//! This file knows how to choose. [`dns`] and [`resolver`] know how to ask, and how long
//! a search may take. None of them calls the host: that is for the relay.
// ANCHOR_END: story

// ANCHOR: uses
pub mod dns;
pub mod resolver;
mod route;

use crate::protocol::address::{Domain, HostName};
use dns::{Data, Kind, Record};
pub use route::Route;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::{IpAddr, SocketAddr};
// ANCHOR_END: uses

// ANCHOR: target_type
/// A host to try, and its addresses in the order in which to try them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Its name. If that is not well formed, the literal of its first address.
    pub name: HostName,
    /// At least one address.
    pub addresses: Vec<SocketAddr>,
}
// ANCHOR_END: target_type

// ANCHOR: no_hop
/// Why there is no next hop, in words for the sender of the letter. They may begin with a
/// status code for programs, as a reply may (RFC 3463, RFC 7505).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoHop {
    /// The letter cannot be delivered: it goes back.
    Never(String),
    /// The letter stays in the queue.
    NotNow(String),
}

/// What we look for, or why we do not have it.
type Found<T> = Result<T, NoHop>;
// ANCHOR_END: no_hop

// ANCHOR: dns_trait
/// Something that answers questions about names: a [`resolver`], or a table in a test.
pub trait Dns {
    /// The records that answer one question about a name, which is written as in
    /// [`Data`]. An empty list means that the name exists, but has no such record.
    ///
    /// Errors: [`NoHop::Never`] if there is no such name, [`NoHop::NotNow`] if nobody
    /// knows.
    fn ask(&mut self, name: &str, kind: Kind) -> Result<Vec<Record>, NoHop>;
}
// ANCHOR_END: dns_trait

// ANCHOR: next_hops
/// The hosts to try for the mail of `domain`, best first; at least one. `own` is our own
/// name, and `mx_port` the port of every host that no route names. Errors: see [`NoHop`].
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
    // ANCHOR_END: next_hops
    // ANCHOR: next_hops_nobody
    let Some(dns) = dns else {
        return Err(NoHop::NotNow(format!(
            "no host is known for {domain}: \
             site.conf has no \"route {domain} HOST:PORT\", \
             and no \"resolver HOST:PORT\" that we could ask"
        )));
    };
    // ANCHOR_END: next_hops_nobody
    // ANCHOR: next_hops_dns
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
    // ANCHOR_END: next_hops_dns
    // ANCHOR: next_hops_many
    if hosts.len() > CANDIDATES {
        reasons.push(NoHop::NotNow(format!(
            "none of the first {CANDIDATES} mail hosts of {domain} has an address, \
             and we ask for no more at a time"
        )));
    }
    // ANCHOR_END: next_hops_many
    // ANCHOR: next_hops_end
    match most_hopeful(reasons) {
        Some(reason) if targets.is_empty() => Err(reason),
        _ => Ok(targets),
    }
}
// ANCHOR_END: next_hops_end

// ANCHOR: exchanges
/// Step 3: the names of the hosts that take the mail of `domain`, best first.
fn exchanges(domain: &Domain, own: &Domain, dns: &mut dyn Dns) -> Found<Vec<String>> {
    let (name, found) = follow(domain.as_str(), Kind::Mx, dns)?;
    let mut hosts = Vec::new();
    for data in found {
        if let Data::Mx(preference, host) = data {
            hosts.push((preference, host));
        }
    }
    // ANCHOR_END: exchanges
    // ANCHOR: exchanges_null
    let count = hosts.len();
    hosts.retain(|(_, host)| host != ".");
    if hosts.is_empty() && count > 0 {
        return Err(NoHop::Never(format!(
            "5.1.10 {domain} takes no mail: \
             its MX record names no host (null MX, RFC 7505)"
        )));
    }
    // ANCHOR_END: exchanges_null
    // ANCHOR: exchanges_implicit
    // The implicit MX of RFC 5321 §5.1.
    if hosts.is_empty() {
        hosts.push((0, name));
    }
    // ANCHOR_END: exchanges_implicit
    // ANCHOR: exchanges_own
    // A host with a higher number than ours would only hand the letter to us again.
    let us = hosts.iter().filter(|(_, host)| is_us(host, own));
    if let Some(limit) = us.map(|(preference, _)| *preference).min() {
        hosts.retain(|(preference, _)| *preference < limit);
    }
    if hosts.is_empty() {
        return Err(NoHop::Never(format!(
            "mail for {domain} loops back to this server, which has no such mailboxes"
        )));
    }
    // ANCHOR_END: exchanges_own
    // ANCHOR: exchanges_sort
    // Among equals the order MUST be random, so that none of them gets all the load.
    hosts.sort_by_cached_key(|(preference, _)| (*preference, unguessable()));
    Ok(hosts.into_iter().map(|(_, host)| host).collect())
}
// ANCHOR_END: exchanges_sort

// ANCHOR: unguessable
/// A number that nobody can guess. The standard library has no random numbers, but it
/// seeds its hash tables with some, so that nobody can choose keys that collide.
fn unguessable() -> u64 {
    RandomState::new().build_hasher().finish()
}
// ANCHOR_END: unguessable

// ANCHOR: locate
/// Step 4: finds the addresses of one host. IPv4 comes first: more networks have it.
fn locate(host: &str, port: u16, dns: &mut dyn Dns) -> Found<Target> {
    let address = |data| match data {
        Data::Address(ip) => Some(ip),
        _ => None,
    };
    let (mut addresses, mut reasons) = (Vec::new(), Vec::new());
    for kind in [Kind::A, Kind::Aaaa] {
        match follow(host, kind, dns) {
            Ok((_, found)) => {
                let found = found.into_iter().filter_map(address);
                addresses.extend(found.take(HOST_ADDRESSES));
            }
            Err(reason) => reasons.push(reason),
        }
    }
    // ANCHOR_END: locate
    // ANCHOR: locate_end
    if addresses.is_empty() {
        let has_none = || NoHop::Never(format!("{host} has no address"));
        return Err(most_hopeful(reasons).unwrap_or_else(has_none));
    }
    target(host, addresses, port)
}
// ANCHOR_END: locate_end

// ANCHOR: is_us
/// On every machine `localhost` is the machine itself (RFC 6761 §6.3).
fn is_us(host: &str, own: &Domain) -> bool {
    host.eq_ignore_ascii_case(own.as_str()) || host.eq_ignore_ascii_case("localhost")
}
// ANCHOR_END: is_us

// ANCHOR: target
/// A host to call, at those of its addresses that are not our own.
fn target(name: &str, mut addresses: Vec<IpAddr>, port: u16) -> Found<Target> {
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
// ANCHOR_END: target

// ANCHOR: follow
/// What DNS has about a name. If the name is an alias, we ask again for the real name
/// (RFC 5321 §5.1). Returns the real name, too.
fn follow(name: &str, kind: Kind, dns: &mut dyn Dns) -> Found<(String, Vec<Data>)> {
    let mut real = name.to_string();
    for _ in 0..=ALIASES {
        let (mut alias, mut found) = (None, Vec::new());
        for Record { owner, data } in dns.ask(&real, kind)? {
            match data {
                _ if !owner.eq_ignore_ascii_case(&real) => {} // nobody asked for it
                Data::Alias(of) => alias = Some(alias.unwrap_or(of)),
                data => found.push(data),
            }
        }
        // ANCHOR_END: follow
        // ANCHOR: follow_end
        match alias {
            Some(of) => real = of,
            None => return Ok((real, found)),
        }
    }
    Err(NoHop::NotNow(format!(
        "{name} is an alias of an alias, and so on, more than {ALIASES} times"
    )))
}
// ANCHOR_END: follow_end

// ANCHOR: most_hopeful
/// Of several reasons, the one that counts. If one of them is "not now", a later try may
/// help.
fn most_hopeful(reasons: Vec<NoHop>) -> Option<NoHop> {
    let is_final = |reason: &NoHop| matches!(reason, NoHop::Never(_));
    reasons.into_iter().min_by_key(is_final)
}
// ANCHOR_END: most_hopeful

// ANCHOR: limits
/// Most hosts that we try for one domain, the preferred ones. RFC 5321 §5.1 allows a
/// limit.
pub const EXCHANGES: usize = 5;
/// Most hosts whose addresses we ask for until we have found those. A stranger can list a
/// thousand names, and each of them costs two questions.
pub const CANDIDATES: usize = 20;
/// Most addresses of one kind, A or AAAA, that we try for one host. RFC 5321 §5.1 allows
/// a limit.
pub const HOST_ADDRESSES: usize = 5;
/// Most aliases that we follow one after another. Two names may be aliases of each other.
pub const ALIASES: usize = 4;
// ANCHOR_END: limits

// ANCHOR: mail_port
/// The port of mail servers (RFC 5321 §4.5.4.2).
pub const MAIL_PORT: u16 = 25;
// ANCHOR_END: mail_port
