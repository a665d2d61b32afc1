// ANCHOR: story
//! Routes: what the owner of a site knows better than DNS.

use super::{NoHop, Target};
use crate::protocol::address::{Domain, HostName};
use std::fmt;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::str::FromStr;
// ANCHOR_END: story

// ANCHOR: route
/// The two words after `route` in a `site.conf`: a domain, or `*` for all, and a host.
/// A host that gets all mail is called a smart host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The domain whose mail it is for; `None` is the `*`.
    pub domain: Option<Domain>,
    /// The host: its name, or its address as a literal.
    pub host: HostName,
    /// The port on which the host listens, not 0.
    pub port: u16,
}
// ANCHOR_END: route

// ANCHOR: find
impl Route {
    /// The first route for exactly this domain; if there is none, the first for all.
    pub(super) fn find<'a>(routes: &'a [Route], domain: &Domain) -> Option<&'a Route> {
        let first = |domain| routes.iter().find(|route| route.domain.as_ref() == domain);
        first(Some(domain)).or_else(|| first(None))
    }
}
// ANCHOR_END: find

// ANCHOR: target
impl Route {
    /// Its host. The operating system looks up a name: it also knows the names of
    /// neighbours that are not in DNS. If that fails, a person must look at it: the
    /// letter waits.
    pub(super) fn target(&self) -> Result<Target, NoHop> {
        let addresses = match self.literal() {
            Some(ip) => vec![(ip, self.port).into()],
            None => {
                let found = (self.host.to_string(), self.port).to_socket_addrs();
                let because = |why| {
                    let failed = format!("\"route {self}\": its host was not found: {why}");
                    NoHop::NotNow(failed)
                };
                found.map_err(because)?.collect()
            }
        };
        let name = self.host.clone();
        Ok(Target { name, addresses })
    }

    fn literal(&self) -> Option<IpAddr> {
        self.host.to_string().parse::<Domain>().ok()?.literal()
    }
}
// ANCHOR_END: target

// ANCHOR: from_str
const FORM: &str = "a route has the form DOMAIN HOST:PORT, \
                    where DOMAIN may be * for all, \
                    and HOST is a name, an IPv4 address, or an IPv6 address in [ ]";

impl FromStr for Route {
    /// The form that a route should have.
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Route, &'static str> {
        parse(text).ok_or(FORM)
    }
}

fn parse(text: &str) -> Option<Route> {
    let (domain, to) = text.split_once(' ')?;
    let domain = match domain {
        "*" => None,
        domain => Some(domain.parse().ok()?),
    };
    let (host, port) = to.rsplit_once(':')?;
    // The standard library would take `+25` for a number.
    if !port.bytes().all(|octet| octet.is_ascii_digit()) {
        return None;
    }
    let port = port.parse().ok().filter(|port| *port != 0)?;
    let host = match to.parse::<SocketAddr>() {
        Ok(address) => Domain::from(address.ip()).into(),
        Err(_) => host.parse().ok()?,
    };
    Some(Route { domain, host, port })
}
// ANCHOR_END: from_str

// ANCHOR: display
impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let domain = self.domain.as_ref().map_or("*", Domain::as_str);
        match self.literal() {
            Some(ip) => write!(f, "{domain} {}", SocketAddr::new(ip, self.port)),
            None => write!(f, "{domain} {}:{}", self.host, self.port),
        }
    }
}
// ANCHOR_END: display
