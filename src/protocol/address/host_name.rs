// ANCHOR: story
//! Names of hosts. A client says its own name in EHLO, and DNS gives one for each host
//! that takes mail. Some real names break the rule for domains: Windows allows `_` in a
//! name, and DNS ends a name with a dot. We only show such a name or look it up, so it
//! does no harm.

use super::{AddressError, Domain};
use std::fmt;
use std::str::FromStr;
// ANCHOR_END: story

// ANCHOR: host_name
/// The name of a host, or an address literal. It is displayed as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostName(String);
// ANCHOR_END: host_name

// ANCHOR: host_name_text
impl FromStr for HostName {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<HostName, AddressError> {
        let mut name = text.to_string();
        if !text.starts_with('[') {
            name = text.strip_suffix('.').unwrap_or(text).replace('_', "x");
        }
        name.parse::<Domain>()?;
        Ok(HostName(text.to_string()))
    }
}

impl From<Domain> for HostName {
    fn from(domain: Domain) -> HostName {
        HostName(domain.to_string())
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
// ANCHOR_END: host_name_text
