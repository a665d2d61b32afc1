// ANCHOR: story
//! One question to DNS, and its answer, as they are in a packet (RFC 1035 §4).
//!
//! A packet is a header of six 16-bit numbers, the question, and then records. The answer
//! repeats the id and the question, so one can see what it is an answer to.
//!
//! Every length, count and pointer in an answer was written by a stranger. Here a
//! `Reader` takes one piece after another, and it cannot take more than the packet holds.
//!
//! This file opens no socket; it turns values into octets, and octets into values or an
//! error.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
// ANCHOR_END: story

// ANCHOR: kind
/// The types of records that mail needs, with their numbers (RFC 1035 §3.2.2, RFC 3596
/// §2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An IPv4 address of a host.
    A = 1,
    /// The name is an alias of another name.
    Cname = 5,
    /// A host that takes the mail of a domain.
    Mx = 15,
    /// An IPv6 address of a host.
    Aaaa = 28,
}
// ANCHOR_END: kind

// ANCHOR: kinds
const KINDS: [Kind; 4] = [Kind::A, Kind::Cname, Kind::Mx, Kind::Aaaa];
// ANCHOR_END: kinds

// ANCHOR: question
/// A question, as it is in a packet: a name, a type and a class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question(Vec<u8>);
// ANCHOR_END: question

// ANCHOR: new
impl Question {
    /// Asks for the `kind` of records of `name`, which is written as in [`Data`]. `None`
    /// if no packet can hold such a name: it has an empty label, or one over [`LABEL`],
    /// or is over [`DNS_NAME`].
    pub fn new(name: &str, kind: Kind) -> Option<Question> {
        let mut octets = name_octets(name)?;
        octets.extend_from_slice(&(kind as u16).to_be_bytes());
        octets.extend_from_slice(&INTERNET.to_be_bytes());
        Some(Question(octets))
    }
}
// ANCHOR_END: new

// ANCHOR: name_octets
/// A name as it is in a packet, without pointers.
fn name_octets(name: &str) -> Option<Vec<u8>> {
    let mut octets = Vec::new();
    for label in name.split('.').filter(|_| name != ".") {
        if label.is_empty() || label.len() > LABEL {
            return None;
        }
        octets.push(label.len() as u8);
        octets.extend_from_slice(label.as_bytes());
    }
    octets.push(0);
    (octets.len() <= DNS_NAME).then_some(octets)
}
// ANCHOR_END: name_octets

// ANCHOR: encode
impl Question {
    /// The packet that asks it: one question, and no records in the three sections after
    /// it.
    pub fn encode(&self, id: u16) -> Vec<u8> {
        let header = [id, RECURSION_DESIRED, 1, 0, 0, 0];
        let mut packet = header.map(u16::to_be_bytes).concat();
        packet.extend_from_slice(&self.0);
        packet
    }
}
// ANCHOR_END: encode

// ANCHOR: record_type
/// One record of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The name that it is about.
    pub owner: String,
    /// What it says about it.
    pub data: Data,
}
// ANCHOR_END: record_type

// ANCHOR: data
/// What a record says. A name does not end with a dot here; only the root, the name
/// without labels, is `.`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Data {
    /// An address of the host.
    Address(IpAddr),
    /// A preference, and the host that takes mail.
    Mx(u16, String),
    /// The name is an alias, and this is the real name.
    Alias(String),
    /// Something that mail does not need.
    Other,
}
// ANCHOR_END: data

// ANCHOR: answer
/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The records of the answer section; perhaps none.
    Records(Vec<Record>),
    /// There is no such name, not for any type of record. People call this NXDOMAIN.
    NoSuchName,
    /// There is no good answer; the text says why.
    Failed(&'static str),
    /// The answer did not fit: the question must be asked again over TCP.
    Truncated,
}
// ANCHOR_END: answer

// ANCHOR: read_answer
impl Question {
    /// Reads the answer to it; `None` if the packet belongs to another question, or to
    /// nothing.
    pub fn read_answer(&self, id: u16, packet: &[u8]) -> Option<Answer> {
        let mut reader = Reader { packet, at: 0 };
        let its_id = reader.number()?;
        let flags = reader.number()?;
        let questions = reader.number()?;
        let counts = [reader.number()?, reader.number()?, reader.number()?];
        let its_question = reader.octets(self.0.len())?;
        // ANCHOR_END: read_answer
        // ANCHOR: read_answer_ours
        // The name may come back in capitals. No length and no number in a question is
        // the code of one, so nothing else is ignored here.
        let is_repeated = its_question.eq_ignore_ascii_case(&self.0);
        let is_answer = flags & ANSWER_MASK == ANSWER;
        if its_id != id || !is_answer || questions != 1 || !is_repeated {
            return None;
        }
        // ANCHOR_END: read_answer_ours
        // ANCHOR: read_answer_result
        Some(match flags & RESULT_MASK {
            0 if flags & TRUNCATED != 0 => Answer::Truncated,
            0 => reader.records(counts).map_or(MALFORMED, Answer::Records),
            3 => Answer::NoSuchName,
            2 => Answer::Failed("server failure"),
            5 => Answer::Failed("refused"),
            _ => Answer::Failed("the resolver cannot answer that"),
        })
    }
}
// ANCHOR_END: read_answer_result

// ANCHOR: reader
/// Reads a packet from front to back. `None` means everywhere that the packet is
/// malformed.
struct Reader<'a> {
    packet: &'a [u8],
    /// The place of the next octet to read.
    at: usize,
}

impl<'a> Reader<'a> {
    fn octets(&mut self, length: usize) -> Option<&'a [u8]> {
        let octets = self.packet.get(self.at..)?.get(..length)?;
        self.at += length;
        Some(octets)
    }
}
// ANCHOR_END: reader

// ANCHOR: number
impl Reader<'_> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.octets(N)?.try_into().ok()
    }

    fn number(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }
}
// ANCHOR_END: number

// ANCHOR: records
impl Reader<'_> {
    /// Reads all three sections, so that a damaged packet is seen as such (RFC 1035
    /// §7.3). Only the first has answers.
    fn records(&mut self, counts: [u16; 3]) -> Option<Vec<Record>> {
        let [answers, authority, additional] = counts.map(usize::from);
        let mut records = Vec::new();
        for _ in 0..answers + authority + additional {
            records.push(self.record()?);
        }
        records.truncate(answers);
        Some(records)
    }
}
// ANCHOR_END: records

// ANCHOR: record
impl Reader<'_> {
    fn record(&mut self) -> Option<Record> {
        let owner = self.name()?;
        let number = self.number()?;
        let class = self.number()?;
        self.octets(4)?; // how long a resolver may remember it
        let length = usize::from(self.number()?);
        let end = self.at + length;
        // ANCHOR_END: record
        // ANCHOR: record_data
        let is_known = |kind: &Kind| *kind as u16 == number && class == INTERNET;
        let data = match KINDS.into_iter().find(is_known) {
            Some(Kind::A) => Data::Address(Ipv4Addr::from(self.array()?).into()),
            Some(Kind::Aaaa) => Data::Address(Ipv6Addr::from(self.array::<16>()?).into()),
            Some(Kind::Cname) => Data::Alias(self.name()?),
            Some(Kind::Mx) => Data::Mx(self.number()?, self.name()?),
            None => {
                self.octets(length)?;
                Data::Other
            }
        };
        // ANCHOR_END: record_data
        // ANCHOR: record_end
        // Otherwise we would read the next record as part of this one.
        if self.at != end {
            return None;
        }
        // ANCHOR_END: record_end
        // ANCHOR: record_done
        Some(Record { owner, data })
    }
}
// ANCHOR_END: record_done

// ANCHOR: name
impl Reader<'_> {
    /// Reads a name: labels, and at the end an empty label or a pointer to an earlier
    /// name (RFC 1035 §4.1.4).
    fn name(&mut self) -> Option<String> {
        let mut name = String::new(); // with a dot after each label
        let mut start = self.at; // where this piece of the name begins
        let mut after = None; // where reading goes on: after the first pointer
        loop {
            let [first] = self.array()?;
            match first {
                0 => break,
                1..=63 => {
                    let label = str::from_utf8(self.octets(first.into())?).ok()?;
                    // ANCHOR_END: name
                    // ANCHOR: name_odd
                    // A dot in a label would look like the end of the label.
                    let odd = |c: char| !c.is_ascii_graphic() || c == '.';
                    if label.contains(odd) || name.len() + label.len() + 1 >= DNS_NAME {
                        return None;
                    }
                    // ANCHOR_END: name_odd
                    // ANCHOR: name_pointer
                    name += &format!("{label}.");
                }
                0xc0.. => {
                    let [second] = self.array()?;
                    after.get_or_insert(self.at);
                    let to = u16::from_be_bytes([first & 0x3f, second]).into();
                    // ANCHOR_END: name_pointer
                    // ANCHOR: name_back
                    // Each piece begins before the one that points to it, so no pointer
                    // leads in a circle.
                    if to >= start {
                        return None;
                    }
                    // ANCHOR_END: name_back
                    // ANCHOR: name_jump
                    (start, self.at) = (to, to);
                }
                _ => return None,
            }
        }
        self.at = after.unwrap_or(self.at);
        match name.pop() {
            Some(_) => Some(name),
            None => Some(".".to_string()),
        }
    }
}
// ANCHOR_END: name_jump

// ANCHOR: limits
/// Longest label, the part of a name between two dots, in octets (RFC 1035 §2.3.4).
pub const LABEL: usize = 63;
/// Longest name as it is in a packet, in octets (RFC 1035 §2.3.4).
pub const DNS_NAME: usize = 255;
// ANCHOR_END: limits

// ANCHOR: flags
/// The class of everything on the Internet (RFC 1035 §3.2.4).
const INTERNET: u16 = 1;

/// QR and the opcode. In every answer to a plain question, QR is set, and the opcode is 0
/// (RFC 1035 §4.1.1).
const ANSWER_MASK: u16 = 0xf800;
const ANSWER: u16 = 0x8000;
/// TC: the answer was too long for its packet.
const TRUNCATED: u16 = 0x0200;
/// RD: please ask others until you know.
const RECURSION_DESIRED: u16 = 0x0100;
/// RCODE: the result, one of the numbers in RFC 1035 §4.1.1.
const RESULT_MASK: u16 = 0x000f;

const MALFORMED: Answer = Answer::Failed("the answer cannot be read");
// ANCHOR_END: flags
