//! Two ends of a connection without a network: the server's hears what the client has said so far,
//! and the client's hears what the server answers to that.

use smtp_primer::protocol::line::Stream;
use std::cell::{Cell, RefCell};
use std::io::{self, Read, Write};
use std::rc::Rc;
use std::time::Duration;

/// The server's end.
pub struct Memory {
    input: io::Cursor<Vec<u8>>,
    output: Rc<RefCell<Vec<u8>>>,
    /// Has it read all, and wanted more?
    pub at_end: Rc<Cell<bool>>,
}

impl Memory {
    /// What it hears is given; what it says is in the other half of the result.
    pub fn new(heard: &[u8]) -> (Memory, Rc<RefCell<Vec<u8>>>) {
        let output = Rc::default();
        let memory = Memory {
            input: io::Cursor::new(heard.to_vec()),
            output: Rc::clone(&output),
            at_end: Rc::default(),
        };
        (memory, output)
    }
}

impl Stream for Memory {
    fn allow(&mut self, _: Duration) -> io::Result<()> {
        Ok(())
    }
}

impl Read for Memory {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        if read == 0 {
            self.at_end.set(true);
        }
        Ok(read)
    }
}

impl Write for Memory {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.output.borrow_mut().write(octets)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What a client did in its turns: which turn, and the octets.
pub type Said = Rc<RefCell<Vec<(usize, Vec<u8>)>>>;

/// The client's end. Whenever it listens, the server hears the whole conversation so far.
pub struct Caller<F> {
    pub said: Said,
    pub answer: F,
    pub heard: usize,
    pub turns: usize,
}

impl<F> Stream for Caller<F>
where
    F: Fn(&[u8]) -> Vec<u8>,
{
    /// A dialogue does this once in each turn.
    fn allow(&mut self, _: Duration) -> io::Result<()> {
        self.turns += 1;
        Ok(())
    }
}

impl<F: Fn(&[u8]) -> Vec<u8>> Read for Caller<F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let said: Vec<u8> = self
            .said
            .borrow()
            .iter()
            .flat_map(|(_, it)| it.clone())
            .collect();
        let answers = (self.answer)(&said);
        let read = answers.get(self.heard..).unwrap_or_default().read(buffer)?;
        self.heard += read;
        Ok(read)
    }
}

impl<F> Write for Caller<F> {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.said
            .borrow_mut()
            .push((self.turns - 1, octets.to_vec()));
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
