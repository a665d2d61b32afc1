//! One question to DNS, and its answer, as they stand in a packet (RFC 1035 §4).
//!
//! A packet has a header of six 16-bit words, the question, and then records. The answer repeats
//! the id and the question, so one can see what it is an answer to.
//!
//! Every length, count and pointer in an answer was written by a stranger. Resolvers that believed
//! them read past the end of the packet, or followed a pointer to itself for ever. Here a
//! `Reader` only ever gets shorter: what it has not got it cannot read.
//!
//! This file opens no socket; it turns values into octets, and octets into values or an error.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Longest label, the part of a name between two dots, in octets (RFC 1035 §2.3.4).
pub const LABEL: usize = 63;
/// Longest name as it stands in a packet, in octets (RFC 1035 §2.3.4).
pub const NAME: usize = 255;

/// The class of everything on the Internet (RFC 1035 §3.2.4).
const INTERNET: u16 = 1;
/// The types of records (RFC 1035 §3.2.2, RFC 3596 §2.1).
const A: u16 = 1;
const CNAME: u16 = 5;
const MX: u16 = 15;
const AAAA: u16 = 28;

/// QR and the opcode: set in every answer to a plain question, and nothing else is
/// (RFC 1035 §4.1.1).
const ANSWER: u16 = 0x8000;
const ANSWER_MASK: u16 = 0xf800;
/// TC: the answer was too long for its packet.
const TRUNCATED: u16 = 0x0200;
/// RD: please ask others until you know.
const RECURSION_DESIRED: u16 = 0x0100;
/// RCODE: how it went.
const RESULT_MASK: u16 = 0x000f;
const MALFORMED: Answer = Answer::Failed("the answer breaks the rules of DNS");

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub enum Kind {
    /// IPv4 addresses of a host.
    A = A,
    /// Hosts that take the mail of a domain.
    Mx = MX,
    /// IPv6 addresses of a host.
    Aaaa = AAAA,
}

/// One record of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The name that it is about.
    pub owner: String,
    /// What it says about it.
    pub data: Data,
}

/// What a record says. DNS allows any octet in a name. Here a name is printable ASCII without
/// spaces: an odd octet is shown as `\` and three digits (RFC 1035 §5.1). No dot stands at its end;
/// only the root, the name without labels, is `.`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Data {
    /// An address of the host.
    Address(IpAddr),
    /// A preference, and the host that takes mail.
    Mx(u16, String),
    /// The name is an alias, and this is what it stands for.
    Alias(String),
    /// Something that mail does not need.
    Other,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The records of the answer section; perhaps none.
    Records(Vec<Record>),
    /// There is no such name, not for any kind of record. People call this NXDOMAIN.
    NoSuchName,
    /// There is no good answer; the text says why.
    Failed(&'static str),
    /// The answer did not fit: the question must be asked again over TCP.
    Truncated,
}

/// A question, as it stands in a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question(Vec<u8>);

impl Question {
    /// Asks for the `kind` of records of `name`, which is written as in [`Data`]; `None` if no
    /// packet can hold such a name: it has an empty label, or one over [`LABEL`], or is over
    /// [`NAME`].
    pub fn new(name: &str, kind: Kind) -> Option<Question> {
        let mut octets = Vec::new();
        for label in name.split('.').filter(|_| name != ".") {
            let label = label_octets(label)?;
            if label.is_empty() || label.len() > LABEL {
                return None;
            }
            octets.push(label.len() as u8);
            octets.extend(label);
        }
        octets.push(0);
        if octets.len() > NAME {
            return None;
        }
        octets.extend_from_slice(&(kind as u16).to_be_bytes());
        octets.extend_from_slice(&INTERNET.to_be_bytes());
        Some(Question(octets))
    }

    /// The packet that asks it.
    pub fn encode(&self, id: u16) -> Vec<u8> {
        let header = [id, RECURSION_DESIRED, 1, 0, 0, 0];
        let mut packet: Vec<u8> = header.into_iter().flat_map(u16::to_be_bytes).collect();
        packet.extend_from_slice(&self.0);
        packet
    }

    /// Reads the answer to it; `None` if the packet belongs to another question, or to nothing.
    pub fn read_answer(&self, id: u16, packet: &[u8]) -> Option<Answer> {
        let mut reader = Reader {
            packet,
            rest: packet,
        };
        let [its_id, flags, questions] = reader.words()?;
        let counts = reader.words()?;
        // Only letters have two cases: no length and no number here looks like a letter.
        let repeated = reader.octets(self.0.len())?.eq_ignore_ascii_case(&self.0);
        if its_id != id || flags & ANSWER_MASK != ANSWER || questions != 1 || !repeated {
            return None;
        }
        Some(match flags & RESULT_MASK {
            0 if flags & TRUNCATED != 0 => Answer::Truncated,
            0 => reader.records(counts).map_or(MALFORMED, Answer::Records),
            1 => Answer::Failed("format error"),
            2 => Answer::Failed("server failure"),
            3 => Answer::NoSuchName,
            4 => Answer::Failed("not implemented"),
            5 => Answer::Failed("refused"),
            _ => Answer::Failed("an unknown error"),
        })
    }
}

/// Reads a packet from front to back. `None` means everywhere that the packet is malformed.
struct Reader<'a> {
    /// The packet, to look back into.
    packet: &'a [u8],
    /// The end of it, not read yet.
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn octets(&mut self, length: usize) -> Option<&'a [u8]> {
        let (octets, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(octets)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.octets(N)?.try_into().ok()
    }

    fn words<const N: usize>(&mut self) -> Option<[u16; N]> {
        let mut words = [0; N];
        for word in &mut words {
            *word = u16::from_be_bytes(self.array()?);
        }
        Some(words)
    }

    /// All three sections are read, so that a damaged packet is seen as such (RFC 1035 §7.3). Only
    /// the first has answers.
    fn records(&mut self, counts: [u16; 3]) -> Option<Vec<Record>> {
        let [answers, authority, additional] = counts.map(usize::from);
        let mut records = Vec::new();
        for _ in 0..answers + authority + additional {
            records.push(self.record()?);
        }
        records.truncate(answers);
        Some(records)
    }

    /// The data has a length, and a name in it ends somewhere: both must agree, or we would read
    /// the next record as part of this one.
    fn record(&mut self) -> Option<Record> {
        let owner = self.name()?;
        let [kind, class, _, _, length] = self.words()?;
        let rest = self.octets(length.into())?;
        let packet = self.packet.get(..self.at())?;
        let mut inside = Reader { packet, rest };
        let data = match (class, kind) {
            (INTERNET, A) => Data::Address(Ipv4Addr::from(inside.array()?).into()),
            (INTERNET, AAAA) => Data::Address(Ipv6Addr::from(inside.array::<16>()?).into()),
            (INTERNET, CNAME) => Data::Alias(inside.name()?),
            (INTERNET, MX) => Data::Mx(u16::from_be_bytes(inside.array()?), inside.name()?),
            _ => {
                inside.rest = &[];
                Data::Other
            }
        };
        inside.rest.is_empty().then_some(Record { owner, data })
    }

    /// A name is a row of labels, each with its length before it, and an empty one at the end. The
    /// end of a name that stands earlier in the packet may be used again: two octets that begin
    /// with two 1 bits point to it (RFC 1035 §4.1.4).
    fn name(&mut self) -> Option<String> {
        let mut labels = Vec::new();
        let mut length = 0;
        let (mut earlier, mut here) = self.packet.split_at_checked(self.at())?;
        let mut after = None; // where this name ends, and reading goes on
        loop {
            match here {
                [0, rest @ ..] => {
                    self.rest = after.unwrap_or(rest);
                    let name = labels.join(".");
                    return Some(if name.is_empty() { ".".into() } else { name });
                }
                [high @ 0xc0..=0xff, low, rest @ ..] => {
                    after.get_or_insert(rest);
                    let to = u16::from_be_bytes([high & 0x3f, *low]);
                    // From here on, only what stands before this name is left: there is less of
                    // it after every jump, so no pointer leads in a circle.
                    (earlier, here) = earlier.split_at_checked(to.into())?;
                }
                [size @ 1..=63, rest @ ..] => {
                    let (label, rest) = rest.split_at_checked(usize::from(*size))?;
                    length += 1 + label.len();
                    if length >= NAME {
                        return None;
                    }
                    labels.push(readable(label));
                    here = rest;
                }
                _ => return None,
            }
        }
    }

    fn at(&self) -> usize {
        self.packet.len() - self.rest.len()
    }
}

/// A label as people read it.
fn readable(label: &[u8]) -> String {
    let show = |octet: &u8| match octet {
        b'!'..=b'~' if !b".\\".contains(octet) => char::from(*octet).to_string(),
        _ => format!("\\{octet:03}"),
    };
    label.iter().map(show).collect()
}

/// The octets of a label that is written so.
fn label_octets(label: &str) -> Option<Vec<u8>> {
    let mut pieces = label.split('\\');
    let mut octets = pieces.next()?.as_bytes().to_vec();
    for piece in pieces {
        let (number, rest) = piece.split_at_checked(3)?;
        octets.push(number.parse().ok()?);
        octets.extend_from_slice(rest.as_bytes());
    }
    Some(octets)
}
