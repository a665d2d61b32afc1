//! Two callers, one telephone line: the obvious server, and ours.
//!
//! Run it with `cargo run --example ch10_busy`.

use smtp_primer::protocol::line::{Socket, Stream, Wire};
use smtp_primer::server::{Entrance, Store, Times, converse, hang_up, serve};
use smtp_primer::session::{Caller, Host, Letter, Session};
use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

fn main() -> io::Result<()> {
    if std::env::args().len() > 1 {
        eprintln!("usage: cargo run --example ch10_busy");
        std::process::exit(2);
    }
    println!("Look for what the second caller hears while the first one says NOOP.\n");
    println!("the obvious server: {}", second_caller(obvious, 1)?);
    println!("our server: {}", second_caller(ours, 10)?);
    Ok(())
}

fn second_caller(server: fn(TcpListener), patience: u64) -> io::Result<String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || server(listener));
    let mut first = TcpStream::connect(address)?;
    let mut second = TcpStream::connect(address)?;
    second.set_read_timeout(Some(Duration::from_millis(50)))?;
    let called = Instant::now();
    while called.elapsed() < Duration::from_secs(patience) {
        let _ = first.write_all(b"NOOP\r\n");
        let mut code = [0; 3];
        if second.read_exact(&mut code).is_ok() {
            return Ok(String::from_utf8_lossy(&code).to_string());
        }
    }
    Ok(format!("nothing for {patience} s"))
}

// ANCHOR: obvious
/// The obvious server: each line has a deadline, and nothing else has one.
fn obvious(listener: TcpListener) {
    for stream in listener.incoming().flatten() {
        let _ = talk(&mut Wire::new(Socket::new(stream)));
    }
}
// ANCHOR_END: obvious

fn ours(listener: TcpListener) {
    let times = Times {
        timeout: Duration::from_secs(1),
        busy_timeout: Duration::from_millis(100),
        goodbye: Duration::from_millis(100),
    };
    let entrance = Entrance::new(listener, times, None);
    serve(&mut entrance.expect("a listener"), None, |connection| {
        let mut wire = Wire::new(connection);
        let ended = talk(&mut wire);
        ended.unwrap_or_else(|error| hang_up(&mut wire, &error, "421 a.example closing"));
    });
}

fn talk<S: Stream>(wire: &mut Wire<S>) -> io::Result<()> {
    let host = Host {
        domain: "a.example".parse().expect("a domain"),
        users: BTreeMap::new(),
        aliases: BTreeMap::new(),
        max_size: 1024,
    };
    let caller = Caller {
        ip: Ipv4Addr::LOCALHOST.into(),
        local: Ipv4Addr::LOCALHOST.into(),
        is_trusted: false,
        may_authenticate: false,
    };
    let mut session = Session::new(&host, caller);
    converse(wire, &mut session, &mut Nowhere, Duration::from_secs(1))
}

struct Nowhere;

impl Store for Nowhere {
    fn store(&mut self, _letter: &Letter) -> io::Result<String> {
        Err(io::Error::other("no letters here"))
    }
}
