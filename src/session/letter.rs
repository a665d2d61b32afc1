//! What a session has to show for its work.

use crate::protocol::address::{ForwardPath, HostName, ReversePath};
use crate::protocol::dot::Text;
use std::net::IpAddr;

/// A letter that was received whole, with its envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// Where a bounce goes.
    pub reverse_path: ReversePath,
    /// Where the letter goes, as the client said it.
    pub forward_paths: Vec<ForwardPath>,
    /// How it came; `None` if it was written on this host.
    pub origin: Option<Origin>,
    /// Header and body.
    pub text: Text,
}

/// How a letter came: what the `Received` field tells (RFC 5321 §4.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The name that the client gave with EHLO or HELO.
    pub helo: HostName,
    /// Its address, which it cannot make up.
    pub ip: IpAddr,
    /// `SMTP`, `ESMTP`, or `ESMTPA` after AUTH (RFC 3848).
    pub protocol: &'static str,
}
