//! Packets of DNS, made by hand: also such as no good server makes.

use std::net::{TcpListener, UdpSocket};

/// An answer without trouble, from a server that asked others.
pub const FINE: u16 = 0x8180;

/// Points to the name in the question.
pub const ASKED: &[u8] = &[0xc0, 12];

/// A name: its labels, each with its length, and no end.
pub fn labels(name: &str) -> Vec<u8> {
    let label = |label: &str| [&[label.len() as u8], label.as_bytes()].concat();
    name.split('.').flat_map(label).collect()
}

/// The packet that answers `question`; `records` stand there as they are.
pub fn answer_to(question: &[u8], flags: u16, count: u16, records: &[u8]) -> Vec<u8> {
    let (id, rest) = (&question[..2], &question[12..]);
    let counts = [flags, 1, count, 0, 0].map(u16::to_be_bytes).concat();
    [id, &counts, rest, records].concat()
}

/// A record of class IN; `owner` and `data` stand there as they are.
pub fn record(owner: &[u8], kind: u16, data: &[u8]) -> Vec<u8> {
    let numbers = [kind, 1, 0, 3600, data.len() as u16];
    let numbers = numbers.map(u16::to_be_bytes).concat();
    [owner, &numbers, data].concat()
}

/// The name and the type that a question is about.
pub fn asked(question: &[u8]) -> (String, u16) {
    let (mut labels, mut rest) = (Vec::new(), &question[12..]);
    while rest[0] != 0 {
        let (label, after) = rest[1..].split_at(rest[0].into());
        labels.push(String::from_utf8_lossy(label));
        rest = after;
    }
    (labels.join("."), u16::from_be_bytes([rest[1], rest[2]]))
}

/// The same packet with another id.
pub fn other_id(mut packet: Vec<u8>) -> Vec<u8> {
    packet[0] ^= 0x80;
    packet
}

/// Both sockets of a resolver: they need the same port, and somebody else may have one of them.
pub fn bind() -> (UdpSocket, TcpListener) {
    let both = || {
        let tcp = TcpListener::bind("127.0.0.1:0").ok()?;
        let udp = UdpSocket::bind(tcp.local_addr().ok()?).ok()?;
        Some((udp, tcp))
    };
    (0..100).find_map(|_| both()).expect("a free port")
}
