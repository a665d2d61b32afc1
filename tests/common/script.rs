//! What the tests of several chapters share: a peer played from a script, a place for the trace,
//! and ways to try everything.

use smtp_primer::protocol::line::{Line, Stream, Wire};
use std::cell::RefCell;
use std::io::{self, Read, Write};
use std::rc::Rc;
use std::time::Duration;

/// What was done to a [`Script`], in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The clock was started anew.
    Allowed(Duration),
    /// So many octets were read; 0 at the end.
    Read(usize),
    /// These octets were written, in one call.
    Wrote(Vec<u8>),
}

/// The other end of a connection, in memory: it says its pieces one by one, each read getting at
/// most one, and then ends. It keeps a record of what was done.
pub struct Script {
    pieces: Box<dyn Iterator<Item = Vec<u8>>>,
    piece: io::Cursor<Vec<u8>>,
    end: Option<io::ErrorKind>,
    events: Vec<Event>,
}

impl Script {
    /// Pieces may come from any iterator, so a script can be longer than memory.
    pub fn new<I>(pieces: I) -> Script
    where
        I: IntoIterator<IntoIter: 'static, Item: AsRef<[u8]>>,
    {
        let pieces = pieces.into_iter().map(|piece| piece.as_ref().to_vec());
        Script {
            pieces: Box::new(pieces.filter(|piece| !piece.is_empty())),
            piece: io::Cursor::default(),
            end: None,
            events: Vec::new(),
        }
    }

    /// A peer that says a line at a time, so that no answer is there before the question.
    pub fn answers(octets: impl AsRef<[u8]>) -> Script {
        let lines = octets.as_ref().split_inclusive(|octet| *octet == b'\n');
        Script::new(lines.map(<[u8]>::to_vec).collect::<Vec<_>>())
    }

    /// A peer that says all this at once.
    pub fn says(octets: impl AsRef<[u8]>) -> Script {
        Script::new([octets.as_ref().to_vec()])
    }

    /// Instead of ending quietly, reads fail after the last piece.
    pub fn failing(self, end: io::ErrorKind) -> Script {
        let end = Some(end);
        Script { end, ..self }
    }

    /// What was done, in order.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// What was written, one entry for each call.
    pub fn writes(&self) -> Vec<&[u8]> {
        let writes = self.events.iter().filter_map(|event| match event {
            Event::Wrote(octets) => Some(octets.as_slice()),
            _ => None,
        });
        writes.collect()
    }

    /// All that was written.
    pub fn written(&self) -> Vec<u8> {
        self.writes().concat()
    }

    /// How many octets were read.
    pub fn octets_read(&self) -> usize {
        let reads = self.events.iter().map(|event| match event {
            Event::Read(octets) => *octets,
            _ => 0,
        });
        reads.sum()
    }
}

impl Read for Script {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut octets = self.piece.read(buffer)?;
        if octets == 0
            && let Some(piece) = self.pieces.next()
        {
            self.piece = io::Cursor::new(piece);
            octets = self.piece.read(buffer)?;
        }
        match self.end {
            Some(end) if octets == 0 => Err(end.into()),
            _ => {
                self.events.push(Event::Read(octets));
                Ok(octets)
            }
        }
    }
}

impl Write for Script {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.events.push(Event::Wrote(octets.to_vec()));
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream for Script {
    fn allow(&mut self, timeout: Duration) -> io::Result<()> {
        self.events.push(Event::Allowed(timeout));
        Ok(())
    }
}

/// Lent, so that its record can be read afterwards.
impl Stream for &mut Script {
    fn allow(&mut self, timeout: Duration) -> io::Result<()> {
        (**self).allow(timeout)
    }
}

/// Reads lines to the end of the stream.
pub fn read_lines(wire: &mut Wire<Script>, limit: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    loop {
        let line = wire.read_line(limit).expect("no error is in the script");
        let last = matches!(line, Line::Closed | Line::Endless);
        lines.push(line);
        if last {
            return lines;
        }
    }
}

/// A place for a trace to go that the test can read afterwards.
#[derive(Clone, Default)]
pub struct Notes(Rc<RefCell<Vec<u8>>>);

impl Notes {
    pub fn text(&self) -> String {
        String::from_utf8(self.0.borrow().clone()).expect("a trace is UTF-8")
    }
}

impl Write for Notes {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(octets)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Each octet as one character, so that the rules can be said in `replace` and `find`.
pub fn latin1(octets: &[u8]) -> String {
    octets.iter().copied().map(char::from).collect()
}

/// And back.
pub fn octets(latin1: &str) -> Vec<u8> {
    latin1.chars().map(|c| c as u8).collect()
}

/// Every way to cut `octets` in two, the empty piece included, and at last octet by octet.
pub fn splits(octets: &[u8]) -> impl Iterator<Item = Vec<Vec<u8>>> {
    let in_two = |at| vec![octets[..at].to_vec(), octets[at..].to_vec()];
    let singly = octets.chunks(1).map(<[u8]>::to_vec).collect();
    (0..octets.len()).map(in_two).chain([singly])
}

/// Every string of at most `most` letters of an alphabet.
pub fn strings(alphabet: &[&[u8]], most: u32) -> impl Iterator<Item = Vec<u8>> {
    let letters = alphabet.len();
    (0..=most).flat_map(move |length| {
        (0..letters.pow(length)).map(move |number| {
            let letter = |at| alphabet[number / letters.pow(at) % letters];
            (0..length).flat_map(letter).copied().collect()
        })
    })
}

/// Dice that fall the same way in every run (xorshift64).
pub struct Dice(u64);

impl Dice {
    /// `seed` is any number but 0.
    pub fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % end
    }

    /// One of these.
    pub fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }

    /// `seed` with up to three mistakes: something is left out, said twice, or replaced by one of
    /// these pieces, or all that follows is replaced by the end of one.
    pub fn spoil<T: Copy>(&mut self, seed: &[T], with: &[&[T]]) -> Vec<T> {
        let mut spoilt = seed.to_vec();
        for _ in 0..self.below(4) {
            let at = self.below(spoilt.len() + 1);
            let end = spoilt.len().min(at + self.below(3));
            let piece = self.pick(with);
            let (end, piece) = match self.below(9) {
                0..3 => (end, Vec::new()),
                3 => (end, spoilt[at..end].repeat(2)),
                4 => (spoilt.len(), piece[self.below(piece.len() + 1)..].to_vec()),
                _ => (end, piece.to_vec()),
            };
            spoilt.splice(at..end, piece);
        }
        spoilt
    }
}

/// The most memory that a process has ever had, in octets, where the system tells (Linux does).
pub fn peak_memory(process: u32) -> Option<usize> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: usize = peak.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kilobytes * 1024)
}
