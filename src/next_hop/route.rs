//! Routes: what the owner of a site knows better than DNS.

use super::{NoHop, Target};
use crate::protocol::address::{Domain, HostName};
use std::fmt;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::str::FromStr;

/// The two words after `route` in a `site.conf`: `b.example 127.0.0.1:2626` sends the mail of one
/// domain to one host, and `* relay.example:25` all mail that no other route takes. Such a host is
/// called a smart host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Whose mail it is for; `None` is the `*`.
    pub domain: Option<Domain>,
    /// The host: its name, or its address as a literal.
    pub host: HostName,
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
        let (name, port) = (self.host.clone(), self.port);
        let addresses: Vec<SocketAddr> = if let Some(ip) = self.literal() {
            vec![(ip, port).into()]
        } else {
            let found = (name.to_string(), port).to_socket_addrs();
            let failed = |error| NoHop::NotNow(format!("\"route {self}\" leads nowhere: {error}"));
            found.map_err(failed)?.collect()
        };
        Ok(Target { name, addresses })
    }

    fn literal(&self) -> Option<IpAddr> {
        self.host.to_string().parse::<Domain>().ok()?.literal()
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
        parse(text).ok_or(NoRoute)
    }
}

fn parse(text: &str) -> Option<Route> {
    let (domain, to) = text.split_once(' ')?;
    let domain = match domain {
        "*" => None,
        domain => Some(domain.parse().ok()?),
    };
    let (host, port) = if let Ok(address) = to.parse::<SocketAddr>() {
        (Domain::from(address.ip()).into(), address.port())
    } else {
        let (host, port) = to.rsplit_once(':')?;
        // The standard library would take `+25` for a number.
        let digits = port.bytes().all(|octet| octet.is_ascii_digit());
        (host.parse().ok()?, port.parse().ok().filter(|_| digits)?)
    };
    (port != 0).then_some(Route { domain, host, port })
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let domain = self.domain.as_ref().map_or("*", Domain::as_str);
        match self.literal() {
            Some(ip) => write!(f, "{domain} {}", SocketAddr::new(ip, self.port)),
            None => write!(f, "{domain} {}:{}", self.host, self.port),
        }
    }
}
