//! Routes: what the owner of a site knows better than DNS.

use super::{NoHop, Target};
use crate::protocol::address::Domain;
use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs};
use std::str::FromStr;

/// The two words after `route` in a `site.conf`: `b.example 127.0.0.1:2626` sends the mail of one
/// domain to one host, and `* relay.example:25` all mail that no other route takes. Such a host is
/// called a smart host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Whose mail it is for; `None` is the `*`.
    pub domain: Option<Domain>,
    /// The host: its name, or its address as a literal.
    pub host: Domain,
    /// The port on which the host listens, not 0.
    pub port: u16,
}

impl Route {
    /// The first route for exactly this domain; if there is none, the first for all.
    pub(super) fn find<'a>(routes: &'a [Route], domain: &Domain) -> Option<&'a Route> {
        let first = |domain| routes.iter().find(|route| route.domain.as_ref() == domain);
        first(Some(domain)).or_else(|| first(None))
    }

    /// Its host. A name is looked up by the operating system, which also knows the names of the
    /// neighbourhood that are in no DNS. If it fails, a person must look at it: the letter waits.
    pub(super) fn target(&self) -> Result<Target, NoHop> {
        let name = self.host.clone();
        let addresses = match name.literal() {
            Some(ip) => Ok(vec![SocketAddr::new(ip, self.port)]),
            None => (name.as_str(), self.port)
                .to_socket_addrs()
                .map(Iterator::collect),
        };
        match addresses {
            Ok(addresses) => Ok(Target { name, addresses }),
            Err(error) => Err(NoHop::NotNow(format!(
                "\"route {self}\" leads nowhere: {error}"
            ))),
        }
    }
}

/// Two words that are no route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoRoute;

impl fmt::Display for NoRoute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a route has the form DOMAIN HOST:PORT, where DOMAIN may be * for all, \
             and HOST is a name, an IPv4 address, or an IPv6 address in [ ]",
        )
    }
}

impl std::error::Error for NoRoute {}

impl FromStr for Route {
    type Err = NoRoute;

    fn from_str(text: &str) -> Result<Route, NoRoute> {
        let mut words = text.split_whitespace();
        let (Some(domain), Some(to), None) = (words.next(), words.next(), words.next()) else {
            return Err(NoRoute);
        };
        let domain = match domain {
            "*" => None,
            domain => Some(domain.parse().map_err(|_| NoRoute)?),
        };
        match host_and_port(to) {
            Some((host, port)) if port != 0 => Ok(Route { domain, host, port }),
            _ => Err(NoRoute),
        }
    }
}

fn host_and_port(text: &str) -> Option<(Domain, u16)> {
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Some((address.ip().into(), address.port()));
    }
    let (host, port) = text.rsplit_once(':')?;
    Some((host.parse().ok()?, port.parse().ok()?))
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let domain = self.domain.as_ref().map_or("*", Domain::as_str);
        match self.host.literal() {
            Some(ip) => write!(f, "{domain} {}", SocketAddr::new(ip, self.port)),
            None => write!(f, "{domain} {}:{}", self.host, self.port),
        }
    }
}
