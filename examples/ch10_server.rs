//! A mail server in one screen: it keeps its letters in memory and shows them.
//!
//! Run it with `cargo run --example ch10_server`, and in a second terminal
//! `cargo run --example ch11_client`. Look for: the conversation, line by line; then the letter,
//! without the dot that ended it; and when 250 is said: after `store` has returned, not before.

use smtp_primer::protocol::line::{Trace, Wire, visible};
use smtp_primer::protocol::mask::PasswordMask;
use smtp_primer::server::{COMMAND_TIMEOUT, Entrance, Store, Times, converse, hang_up, serve};
use smtp_primer::session::{Caller, Host, Letter, Session};
use std::collections::BTreeMap;
use std::{env, error, io, net::TcpListener};

/// Letters in memory. (A real server may say 250 only when a power cut can do no harm; that is
/// chapter 13.)
struct Memory(Vec<Letter>);

impl Store for Memory {
    fn store(&mut self, letter: &Letter) -> io::Result<String> {
        self.0.push(letter.clone());
        let (count, from) = (self.0.len(), &letter.reverse_path);
        let octets = letter.text.octets().len();
        println!("--- letter {count}, from {from}, {octets} octets");
        // What strangers wrote must not drive this terminal: `visible` sees to that.
        let lines = letter.text.lines().take(20);
        lines.for_each(|line| println!("    {}", visible(line)));
        Ok(count.to_string())
    }
}

fn main() -> Result<(), Box<dyn error::Error>> {
    let host = Host {
        domain: "a.example".parse()?,
        users: BTreeMap::from([("alice".to_string(), "wonderland".to_string())]),
        aliases: BTreeMap::new(),
        max_size: 64 * 1024 * 1024,
    };
    let address = env::args().nth(1).unwrap_or("127.0.0.1:2525".to_string());
    let listener = TcpListener::bind(address)?;
    let address = listener.local_addr()?;
    println!("listening on {address}");
    let mut entrance = Entrance::new(listener, Times::new(COMMAND_TIMEOUT), None)?;
    let mut memory = Memory(Vec::new());

    serve(&mut entrance, None, |connection| {
        let caller = Caller {
            ip: connection.peer.ip(),
            local: address.ip(),
            is_trusted: false,
            may_authenticate: false,
        };
        let mut session = Session::new(&host, caller);
        let trace = Trace::of_server(Box::new(io::stdout())).with_mask(PasswordMask::default());
        let mut wire = Wire::traced(connection, Some(trace));
        if let Err(error) = converse(&mut wire, &mut session, &mut memory, COMMAND_TIMEOUT) {
            hang_up(&mut wire, &error, "421 a.example closing");
        }
    });
    Ok(())
}
