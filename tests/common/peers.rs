//! Scripted hosts: the server's side of dialogues, behind a real port.

use smtp_primer::dialogue::{Dialogue, Side};
use smtp_primer::protocol::line::Socket;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread::JoinHandle;
use std::time::Duration;

/// Longer than any step of a test takes, also on a busy machine.
pub const TIMEOUT: Duration = Duration::from_secs(20);

/// A host that takes one call for each of its scripts, in their order.
pub struct Peer {
    pub address: SocketAddr,
    /// Keeps the port, so that a late call from here cannot reach somebody else.
    _port: TcpListener,
    thread: JoinHandle<()>,
}

impl Peer {
    pub fn new(scripts: &[&str]) -> Peer {
        let play = |(at, script): (usize, &&str)| {
            Dialogue::parse(&format!("call {at}"), script).expect("a script")
        };
        let dialogues: Vec<Dialogue> = scripts.iter().enumerate().map(play).collect();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let _port = listener.try_clone().expect("a socket");
        let thread = std::thread::spawn(move || {
            for dialogue in dialogues {
                let (stream, _) = listener.accept().expect("a call");
                if let Err(why) = dialogue.play(Side::Server, Socket::new(stream), TIMEOUT) {
                    panic!("{why}");
                }
            }
        });
        Peer {
            address,
            _port,
            thread,
        }
    }

    /// All calls must have come, and gone as written.
    pub fn finish(self) {
        // A host that still waits for a call gets an empty one, and fails.
        drop(TcpStream::connect(self.address));
        assert!(
            self.thread.join().is_ok(),
            "a call was missing, or not as written"
        );
    }
}

/// A port that nobody else can take, and where nobody answers.
pub struct Nobody {
    pub address: SocketAddr,
    _taken: (TcpListener, TcpStream),
}

impl Nobody {
    pub fn new() -> Nobody {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let stream = TcpStream::connect(listener.local_addr().expect("an address"));
        let stream = stream.expect("a connection");
        Nobody {
            address: stream.local_addr().expect("an address"),
            _taken: (listener, stream),
        }
    }
}
