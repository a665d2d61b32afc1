//! Chapter 2, lines: what goes wrong with three ways to read and write them that look right.
//!
//! Run it: `cargo run --example ch02_wrong`

use smtp_primer::protocol::line::{Socket, Stream, visible};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::{thread, time::Duration};

fn main() -> io::Result<()> {
    if std::env::args().len() > 1 {
        eprintln!("usage: cargo run --example ch02_wrong");
        std::process::exit(2);
    }
    println!("Look for the line of ten million octets.");
    println!("Look for the second command, which a name has brought.");
    println!("Look for the two clocks: which one stops the slow peer?\n");

    let line = kind_line(&b"NOOP\n"[..])?;
    println!("LF alone ends a line: {}", visible(&line));
    let line = kind_line(BufReader::new(io::repeat(b'x').take(10_000_000)))?;
    println!("Without a limit: one line of {} octets", line.len());
    let line = glued("b.example\r\nQUIT");
    println!("Glued together: {}", visible(line.as_bytes()));
    println!("A clock for each octet: {}", slow_peer(true)?);
    println!("One clock for all: {}", slow_peer(false)?);
    Ok(())
}

// ANCHOR: kind_line
/// Wrong: LF alone ends a line, and the line may have any length.
fn kind_line(mut stream: impl BufRead) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    stream.read_until(b'\n', &mut line)?;
    Ok(line.trim_ascii_end().to_vec())
}
// ANCHOR_END: kind_line

// ANCHOR: glued
/// Wrong: nobody has looked at the name.
fn glued(name: &str) -> String {
    format!("EHLO {name}\r\n")
}
// ANCHOR_END: glued

/// The peer sends one octet each 30 milliseconds, and we have 50 milliseconds: for each
/// octet, which is wrong, or for all ten.
fn slow_peer(clock_for_each: bool) -> io::Result<&'static str> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut peer = TcpStream::connect(listener.local_addr()?)?;
    let mut ours = Socket::new(listener.accept()?.0);
    // ANCHOR: slow_peer
    ours.allow(Duration::from_millis(50))?;
    for _ in 0..10 {
        thread::sleep(Duration::from_millis(30));
        peer.write_all(b"x")?;
        if clock_for_each {
            ours.allow(Duration::from_millis(50))?; // wrong
        }
        if ours.read(&mut [0]).is_err() {
            return Ok("we give up");
        }
    }
    Ok("ten octets later we still wait")
    // ANCHOR_END: slow_peer
}
