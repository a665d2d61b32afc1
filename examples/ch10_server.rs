//! A mail server in one screen: it keeps its letters in memory and shows them.
//!
//! Run it with `cargo run --example ch10_server`, and in a second terminal
//! `cargo run --example ch11_client`.

use smtp_primer::protocol::line::{Trace, Wire, visible};
use smtp_primer::server::{COMMAND_TIMEOUT, Entrance, Store, Times, converse, hang_up, serve};
use smtp_primer::session::{Caller, Host, Letter, Session};
use std::{collections::BTreeMap, env, error::Error, io, net::TcpListener, process::exit};

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = env::args().skip(1);
    let address = words.next().unwrap_or("127.0.0.1:2525".to_string());
    let (Ok(listener), None) = (TcpListener::bind(&address), words.next()) else {
        eprintln!("usage: cargo run --example ch10_server [HOST:PORT]; is {address} taken?");
        exit(2);
    };
    let address = listener.local_addr()?;
    println!("listening on {address}");
    println!("Look for the letter, which is shown without the last dot.");
    println!("Look for 250: it is said after the letter is kept.\n");
    let host = Host {
        domain: "a.example".parse()?,
        users: BTreeMap::from([("alice".into(), "wonderland".into())]),
        aliases: BTreeMap::new(),
        max_size: 64 * 1024 * 1024,
    };
    let mut memory = Memory(Vec::new());

    // ANCHOR: goal
    let mut entrance = Entrance::new(listener, Times::new(COMMAND_TIMEOUT), None)?;
    serve(&mut entrance, None, |connection| {
        let caller = Caller {
            ip: connection.peer.ip(),
            local: address.ip(),
            is_trusted: false,
            may_authenticate: false,
        };
        let mut session = Session::new(&host, caller);
        // A server that takes passwords gives the trace a mask, which hides them: chapter 7.
        let trace = Trace::of_server(Box::new(io::stdout()));
        let mut wire = Wire::traced(connection, Some(trace));
        let ended = converse(&mut wire, &mut session, &mut memory, COMMAND_TIMEOUT);
        ended.unwrap_or_else(|error| hang_up(&mut wire, &error, "421 a.example closing"));
    });
    // ANCHOR_END: goal
    Ok(())
}

// ANCHOR: memory
/// Letters in memory. A real server keeps them on a disk: chapter 13.
struct Memory(Vec<Letter>);

impl Store for Memory {
    fn store(&mut self, letter: &Letter) -> io::Result<String> {
        self.0.push(letter.clone());
        println!("--- letter {}, from {}", self.0.len(), letter.reverse_path);
        // What strangers wrote must not drive this terminal: `visible` sees to that.
        let lines = letter.text.lines();
        lines.for_each(|line| println!("    {}", visible(line)));
        Ok(self.0.len().to_string())
    }
}
// ANCHOR_END: memory
