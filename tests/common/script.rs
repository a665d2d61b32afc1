//! A peer in memory: what it says is known beforehand, and what it hears is kept.

use smtp_primer::protocol::line::Stream;
use std::cell::RefCell;
use std::io::{self, Cursor, Read, Write};
use std::rc::Rc;
use std::time::Duration;

/// What the peer does when it has said all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    Closes,
    Resets,
    IsSilent,
}

pub struct Script {
    says: Cursor<Vec<u8>>,
    then: Then,
    heard: Rc<RefCell<Vec<u8>>>,
}

impl Script {
    /// The stream, and where to find what the peer has heard.
    pub fn new(says: &[u8], then: Then) -> (Script, Rc<RefCell<Vec<u8>>>) {
        let heard = Rc::default();
        let script = Script {
            says: Cursor::new(says.to_vec()),
            then,
            heard: Rc::clone(&heard),
        };
        (script, heard)
    }
}

impl Stream for Script {
    fn allow(&mut self, _: Duration) -> io::Result<()> {
        Ok(())
    }
}

impl Read for Script {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match (self.says.read(buffer)?, self.then) {
            (0, Then::IsSilent) => Err(io::ErrorKind::TimedOut.into()),
            (0, Then::Resets) => Err(io::ErrorKind::ConnectionReset.into()),
            (octets, _) => Ok(octets),
        }
    }
}

impl Write for Script {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.heard.borrow_mut().extend_from_slice(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
