//! What comes from DNS, where anybody may answer.

use crate::common::script::Dice;
use crate::{Stock, count};
use smtp_primer::next_hop::dns::{Answer, DNS_NAME, Data, Kind, Question, Record};
use smtp_primer::next_hop::{Dns, EXCHANGES, HOST_ADDRESSES, MAIL_PORT, NoHop, next_hops};
use smtp_primer::protocol::address::Domain;
use std::net::SocketAddr;

/// Answers to "MX of b.example": two hosts and their addresses; an alias, and a name in pieces; no
/// such name.
const GOOD: [&[u8]; 3] = [
    b"\x12\x34\x81\x80\0\x01\0\x02\0\0\0\x02\x01b\x07example\0\0\x0f\0\x01\
      \xc0\x0c\0\x0f\0\x01\0\0\x0e\x10\0\x07\0\x0a\x02mx\xc0\x0c\
      \xc0\x0c\0\x0f\0\x01\0\0\x0e\x10\0\x08\0\x14\x02mx\x01c\0\
      \xc0\x29\0\x01\0\x01\0\0\x0e\x10\0\x04\xc0\0\x02\x01\
      \xc0\x3c\0\x1c\0\x01\0\0\x0e\x10\0\x10\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01",
    b"\x12\x34\x81\x80\0\x01\0\x03\0\0\0\0\x01b\x07example\0\0\x0f\0\x01\
      \xc0\x0c\0\x05\0\x01\0\0\0\0\0\x06\x03www\xc0\x0c\
      \x03WWW\xc0\x0c\0\x0f\0\x01\0\0\0\0\0\x04\0\0\xc0\x27\
      \xc0\x27\0\x01\0\x01\0\0\0\0\0\x04\x7f\0\0\x01",
    b"\x12\x34\x81\x83\0\x01\0\0\0\x01\0\0\x01B\x07exAMPle\0\0\x0f\0\x01\
      \0\0\x06\0\x01\0\0\0\0\0\x02\0\0",
];

/// A resolver that always gives the same records.
struct Always(Vec<Record>);

impl Dns for Always {
    fn ask(&mut self, _: &str, _: Kind) -> Result<Vec<Record>, NoHop> {
        Ok(self.0.clone())
    }
}

/// Is it a name that can be asked for, and shown without harm?
fn assert_name(name: &str) {
    assert!(Question::new(name, Kind::A).is_some(), "{name}");
    assert!(!name.is_empty() && name.len() <= 4 * DNS_NAME, "{name}");
    assert!(name.bytes().all(|octet| octet.is_ascii_graphic()), "{name}");
}

/// An answer in which more octets are wrong, most often a length or a pointer.
fn packet(stock: &Stock, dice: &mut Dice) -> Vec<u8> {
    let mut packet = stock.spoilt(dice);
    for _ in 0..dice.below(4) {
        let at = dice.below(packet.len() + 1);
        let octet = [dice.below(256), 0xc0, dice.below(64)][dice.below(3)] as u8;
        packet.splice(at..packet.len().min(at + 1), [octet]);
    }
    packet
}

#[test]
fn an_answer_from_anybody_is_read_within_its_bounds_or_not_at_all() {
    let pieces = "\u{c}|\u{f}|\u{1}a|\u{1}b\u{7}example\0|\u{3f}|@";
    let stock = Stock::new(GOOD.to_vec(), pieces, &[512]);
    stock.feed(count::PACKETS, packet, answer);
}

pub fn answer(packet: &[u8]) -> bool {
    let [domain, own] = ["b.example", "us.example"].map(|name| name.parse::<Domain>().expect(name));
    let question = Question::new(domain.as_str(), Kind::Mx).expect("a question");
    let Some(answer) = question.read_answer(0x1234, packet) else {
        return false;
    };
    // It is an answer, to one question, and that is ours.
    assert!(packet.starts_with(b"\x12\x34") && packet[2] & 0xf8 == 0x80);
    assert_eq!(packet[4..6], [0, 1]);
    assert!(packet[12..27].eq_ignore_ascii_case(b"\x01b\x07example\0\0\x0f\0\x01"));
    assert_eq!(question.read_answer(0x1235, packet), None, "another id");
    let Answer::Records(records) = &answer else {
        return false;
    };
    let announced = u16::from_be_bytes([packet[6], packet[7]]);
    assert_eq!(records.len(), usize::from(announced));
    for Record { owner, data } in records {
        assert_name(owner);
        if let Data::Mx(_, name) | Data::Alias(name) = data {
            assert_name(name);
        }
    }
    // What stands behind the last record is no part of the answer.
    let longer = question.read_answer(0x1234, &[packet, &[0xc0; 9]].concat());
    assert_eq!(longer.as_ref(), Some(&answer));
    let mut always = Always(records.clone());
    let hops = next_hops(&domain, &[], &own, MAIL_PORT, Some(&mut always));
    assert!(hops.as_ref().map_or(1, Vec::len) <= EXCHANGES);
    for target in hops.unwrap_or_default() {
        assert!((1..=2 * HOST_ADDRESSES).contains(&target.addresses.len()));
        let ours = |to: &SocketAddr| to.ip().to_canonical().is_loopback();
        assert!(!target.addresses.iter().any(ours), "that is us");
    }
    true
}
