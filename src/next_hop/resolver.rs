// ANCHOR: story
//! Asking a resolver: a server that does the real work of DNS for us and remembers what
//! it found.
//!
//! Over UDP, a question is one packet, and so is its answer. Packets get lost, so we ask
//! again. Anybody can send us a packet and write the resolver's address on it. So an
//! answer only counts if it comes to the port that the operating system chose for this
//! question, from the resolver's address, with the id that we drew, and about what we
//! asked (RFC 5452 §9.1).
//!
//! There is no cache here: the resolver has one.

use super::dns::{Answer, Kind, Question, Record};
use super::{Dns, NoHop, unguessable};
use crate::protocol::line::{Socket, Stream, timed_out};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};
// ANCHOR_END: story

// ANCHOR: resolver
/// A resolver, and how long we wait for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolver {
    /// Where it listens.
    pub server: SocketAddr,
    /// How long the first try of each question waits.
    pub timeout: Duration,
    /// When the last question ends.
    pub deadline: Instant,
}
// ANCHOR_END: resolver

// ANCHOR: ask
impl Dns for Resolver {
    fn ask(&mut self, name: &str, kind: Kind) -> Result<Vec<Record>, NoHop> {
        let not_a_name = || format!("{name} is not a name that DNS can hold");
        let question = Question::new(name, kind);
        let question = question.ok_or_else(|| NoHop::Never(not_a_name()))?;
        let mut answer = self.over_udp(&question);
        if let Ok(Answer::Truncated) = answer {
            answer = self.over_tcp(&question);
        }
        // ANCHOR_END: ask
        // ANCHOR: ask_result
        let kind = format!("{kind:?}").to_uppercase();
        let asked = format!("asked {} for the {kind} records of {name}", self.server);
        let why = match answer {
            Ok(Answer::Records(records)) => return Ok(records),
            Ok(Answer::NoSuchName) => {
                let why = format!("5.1.2 {asked}: there is no such name");
                return Err(NoHop::Never(why));
            }
            Ok(Answer::Failed(why)) => why.to_string(),
            Ok(Answer::Truncated) => CUT_SHORT.to_string(),
            Err(why) if why.kind() == ErrorKind::UnexpectedEof => CUT_SHORT.to_string(),
            Err(why) => why.to_string(),
        };
        Err(NoHop::NotNow(format!("{asked}: {why}")))
    }
}
// ANCHOR_END: ask_result

// ANCHOR: cut_short
const CUT_SHORT: &str = "the answer was cut short, even over TCP";
// ANCHOR_END: cut_short

// ANCHOR: over_udp
impl Resolver {
    /// Asks until an answer comes, or until the last try has waited in vain.
    fn over_udp(&self, question: &Question) -> io::Result<Answer> {
        let v4 = self.server.is_ipv4();
        let socket = UdpSocket::bind(if v4 { "0.0.0.0:0" } else { "[::]:0" })?;
        socket.connect(self.server)?; // now packets from elsewhere do not reach us
        let id = unguessable() as u16;
        let mut packet = vec![0; MESSAGE];
        let mut strangers = 0;
        // ANCHOR_END: over_udp
        // ANCHOR: over_udp_tries
        for times in TRIES {
            let timeout = self.time_for(times);
            if timeout.is_zero() {
                return Err(io::Error::other("the time for one domain is over"));
            }
            let end = Instant::now() + timeout;
            socket.send(&question.encode(id))?;
            // ANCHOR_END: over_udp_tries
            // ANCHOR: over_udp_packets
            while let Some(length) = receive(&socket, &mut packet, end)? {
                let packet = packet.get(..length).unwrap_or_default();
                match question.read_answer(id, packet) {
                    Some(answer) => return Ok(answer),
                    None if strangers < STRANGERS => strangers += 1,
                    None => return Err(io::Error::other(ONLY_STRANGERS)),
                }
            }
        }
        Err(io::Error::new(ErrorKind::TimedOut, "no answer came"))
    }
}
// ANCHOR_END: over_udp_packets

// ANCHOR: receive
/// The length of the next packet, if one comes before the `end`.
fn receive(from: &UdpSocket, to: &mut [u8], end: Instant) -> io::Result<Option<usize>> {
    let left = end.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Ok(None);
    }
    from.set_read_timeout(Some(left))?;
    match from.recv(to).map_err(timed_out) {
        Err(error) if error.kind() == ErrorKind::TimedOut => Ok(None),
        received => received.map(Some),
    }
}
// ANCHOR_END: receive

// ANCHOR: limits
/// We ask three times. Each try waits this many times the first timeout.
pub const TRIES: [u32; 3] = [1, 2, 4];
/// How many packets that do not belong to a question we ignore before we give up. Each
/// one may be a try to guess the id.
pub const STRANGERS: usize = 100;
const ONLY_STRANGERS: &str = "only answers to other questions came";
/// Longest message: over TCP its length is a 16-bit number (RFC 1035 §4.2.2).
const MESSAGE: usize = 65_535;
/// How long the first try waits for an answer, at most (RFC 1035 §4.2.1).
pub const FIRST_WAIT: Duration = Duration::from_secs(2);
// ANCHOR_END: limits

// ANCHOR: search
/// How long all questions for the hosts of one domain may take together. Every question
/// about a host may stay without an answer, and meanwhile no other letter moves.
pub const SEARCH: Duration = Duration::from_secs(60);

impl Resolver {
    /// A multiple of the first timeout, or what is left of it until the deadline.
    fn time_for(&self, times: u32) -> Duration {
        let left = self.deadline.saturating_duration_since(Instant::now());
        self.timeout.saturating_mul(times).min(left)
    }
}
// ANCHOR_END: search

// ANCHOR: over_tcp
impl Resolver {
    /// Asks for an answer that is too long for UDP. The message is the same, after its
    /// length.
    fn over_tcp(&self, question: &Question) -> io::Result<Answer> {
        let times = TRIES.iter().sum();
        let stream = TcpStream::connect_timeout(&self.server, self.time_for(times))?;
        let mut socket = Socket::new(stream);
        socket.allow(self.time_for(times))?;
        let id = unguessable() as u16;
        let packet = question.encode(id);
        let length = u16::try_from(packet.len()).map_err(io::Error::other)?;
        socket.write_all(&[&length.to_be_bytes(), &*packet].concat())?;
        let mut length = [0; 2];
        socket.read_exact(&mut length)?;
        let mut packet = vec![0; u16::from_be_bytes(length).into()];
        socket.read_exact(&mut packet)?;
        let answer = question.read_answer(id, &packet);
        answer.ok_or_else(|| io::Error::other("an answer to another question came"))
    }
}
// ANCHOR_END: over_tcp

// ANCHOR: new
impl Resolver {
    /// The resolver at this address, for a search that begins now. `timeout` is how long
    /// the user wants to wait for an answer. We never wait longer than [`FIRST_WAIT`] at
    /// first.
    pub fn new(server: SocketAddr, timeout: Option<Duration>, now: Instant) -> Resolver {
        Resolver {
            server,
            timeout: timeout.map_or(FIRST_WAIT, |timeout| timeout.min(FIRST_WAIT)),
            deadline: now + SEARCH,
        }
    }
}
// ANCHOR_END: new
