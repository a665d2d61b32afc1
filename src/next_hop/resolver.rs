//! Asking a resolver: a server that does the real work of DNS for us and remembers what
//! it found.
//!
//! Over UDP, a question is one packet, and so is its answer. Packets get lost, so we ask
//! again. And anybody can send us a packet and write the resolver's address on it: an
//! attacker who makes us believe a false MX record gets the mail. So an answer only
//! counts if it comes to the port that the operating system chose for this question, from
//! the resolver's address, with the id that we drew, and about what we asked (RFC 5452
//! §9.1).
//!
//! There is no cache here: the resolver has one.

use super::dns::{Answer, Kind, Question, Record};
use super::{Dns, NoHop, unguessable};
use crate::protocol::line::{Socket, Stream, timed_out};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

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

/// How long the first try waits for an answer, at most (RFC 1035 §4.2.1).
pub const FIRST_WAIT: Duration = Duration::from_secs(2);
/// How long all questions for the hosts of one domain may take together. Every question
/// about a host may stay without an answer, and meanwhile no other letter moves.
pub const SEARCH: Duration = Duration::from_secs(60);

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

    /// A multiple of the first timeout, or what is left of it until the deadline.
    fn time_for(&self, times: u32) -> Duration {
        let left = self.deadline.saturating_duration_since(Instant::now());
        self.timeout.saturating_mul(times).min(left)
    }
}

const CUT_SHORT: &str = "the answer was cut short, even over TCP";

impl Dns for Resolver {
    fn ask(&mut self, name: &str, kind: Kind) -> Result<Vec<Record>, NoHop> {
        let question = Question::new(name, kind)
            .ok_or_else(|| NoHop::Never(format!("{name} is not a name that DNS can hold")))?;
        let mut answer = self.over_udp(&question);
        if let Ok(Answer::Truncated) = answer {
            answer = self.over_tcp(&question);
        }
        let kind = format!("{kind:?}").to_uppercase();
        let asked = format!("asked {} for the {kind} records of {name}", self.server);
        let why = match answer {
            Ok(Answer::Records(records)) => return Ok(records),
            Ok(Answer::NoSuchName) => {
                return Err(NoHop::Never(format!(
                    "5.1.2 {asked}: there is no such name"
                )));
            }
            Ok(Answer::Failed(why)) => why.to_string(),
            Ok(Answer::Truncated) => CUT_SHORT.to_string(),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => CUT_SHORT.to_string(),
            Err(error) => error.to_string(),
        };
        Err(NoHop::NotNow(format!("{asked}: {why}")))
    }
}

/// We ask three times. Each try waits this many times the first timeout.
pub const TRIES: [u32; 3] = [1, 2, 4];
/// How many packets that do not belong to a question we ignore before we give up. Each
/// one may be a try to guess the id.
pub const STRANGERS: usize = 100;
/// Longest message: over TCP its length is a 16-bit number (RFC 1035 §4.2.2).
const MESSAGE: usize = 65_535;

impl Resolver {
    /// Asks until an answer comes, or until the last try has waited in vain.
    fn over_udp(&self, question: &Question) -> io::Result<Answer> {
        let v4 = self.server.is_ipv4();
        let socket = UdpSocket::bind(if v4 { "0.0.0.0:0" } else { "[::]:0" })?;
        socket.connect(self.server)?; // from now on, packets from elsewhere do not reach us
        let id = unguessable() as u16;
        let mut packet = vec![0; MESSAGE];
        let mut strangers = 0;
        for times in TRIES {
            let timeout = self.time_for(times);
            if timeout.is_zero() {
                return Err(io::Error::other("the time for one domain is over"));
            }
            let end = Instant::now() + timeout;
            socket.send(&question.encode(id))?;
            while let Some(length) = next_packet(&socket, &mut packet, end)? {
                match question.read_answer(id, packet.get(..length).unwrap_or_default()) {
                    Some(answer) => return Ok(answer),
                    None if strangers < STRANGERS => strangers += 1,
                    None => return Err(io::Error::other("only answers to other questions came")),
                }
            }
        }
        Err(io::Error::new(io::ErrorKind::TimedOut, "no answer came"))
    }

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

/// The length of the next packet, if one comes before the `end`.
fn next_packet(socket: &UdpSocket, packet: &mut [u8], end: Instant) -> io::Result<Option<usize>> {
    let left = end.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Ok(None);
    }
    socket.set_read_timeout(Some(left))?;
    match socket.recv(packet).map_err(timed_out) {
        Err(error) if error.kind() == io::ErrorKind::TimedOut => Ok(None),
        received => received.map(Some),
    }
}
