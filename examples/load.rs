//! A load generator for any SMTP server: letters a second, and how long each takes.
//!
//! ```text
//! cargo run --release --example load -- --server HOST:PORT [--letters N] [--size BYTES]
//!     [--connections N] [--from A] [--to B] [--bare DIR]
//! cargo run --release --example load -- --text-only [--size BYTES]
//! ```
//!
//! The connections follow one another, and share the letters among them. With `--bare`, rounds of
//! letters alternate with rounds of a bare loop, which does in the Maildir DIR what a server has to
//! do for one letter and nothing else; give it the mailbox that the letters go to. Look for the
//! ratio: what the server adds to the disk. `--text-only` needs no server and measures chapter 3:
//! a text written to memory, and read from there.

use smtp_primer::client::connect;
use smtp_primer::protocol::dot::{Received, Text, end_text, read_text, write_text_line};
use smtp_primer::protocol::line::{Socket, Stream, Wire};
use smtp_primer::protocol::reply::{Reply, Severity};
use std::collections::BTreeMap;
use std::error::Error;
use std::fs::{self, File};
use std::io::{self, Cursor, Read, Write};
use std::path::Path;
use std::process::exit;
use std::time::{Duration, Instant};

/// The options, with what each is if it is not given.
const OPTIONS: [(&str, &str); 8] = [
    ("server", "127.0.0.1:2525"),
    ("letters", "1000"),
    ("size", "4096"),
    ("connections", "1"),
    ("from", "bob@b.example"),
    ("to", "alice@a.example"),
    ("bare", ""),
    ("text-only", ""),
];
const USAGE: &str = "cargo run --release --example load -- [--server HOST:PORT] [--letters N]
    [--size BYTES] [--connections N] [--from A] [--to B] [--bare DIR] [--text-only]";
/// Letters in a row, before the bare loop has its turn.
const ROUND: usize = 10;
/// How often `--text-only` measures.
const TRIES: usize = 5;
/// How long a server may take for anything.
const TIMEOUT: Duration = Duration::from_secs(60);
/// What a server may add to a letter: its trace fields, in octets.
const TRACE: usize = 190;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() {
    let options = options().unwrap_or_else(|why| usage(&why));
    if let Err(why) = measure(&options) {
        eprintln!("{why}");
        exit(1);
    }
}

fn usage(why: &str) -> ! {
    eprintln!("{why}\nusage: {USAGE}");
    exit(2)
}

fn measure(options: &BTreeMap<String, String>) -> Outcome<()> {
    let size = number(options, "size");
    let text = text(size)?;
    if options["text-only"] == "yes" {
        return text_only(&text);
    }
    let letters = number(options, "letters");
    let connections = number(options, "connections");
    let envelope = [
        format!("MAIL FROM:<{}>", options["from"]),
        format!("RCPT TO:<{}>", options["to"]),
    ];
    let on_disk = [text.octets(), &[b'-'; TRACE]].concat();
    let bare_folder = Some(options["bare"].as_str()).filter(|folder| !folder.is_empty());
    let (mut times, mut bare_times) = (Vec::new(), Vec::new());
    for connection in 1..=connections {
        let mut server = open(&options["server"])?;
        let due = letters * connection / connections;
        if times.len() < due {
            announce(&mut server, &envelope)?;
            hear_announced(&mut server)?;
        }
        while times.len() < due {
            for _ in 0..ROUND.min(due - times.len()) {
                let is_last = times.len() + 1 == due;
                times.push(send(&mut server, &envelope, &text, is_last)?);
            }
            while let Some(folder) = bare_folder
                && bare_times.len() < times.len()
            {
                bare_times.push(bare(folder, bare_times.len(), &on_disk)?);
            }
        }
        server.0.write_line("QUIT")?;
        hear(&mut server.0, Severity::Done)?;
    }
    let median = report("server", times, size);
    if let Some(folder) = bare_folder {
        for number in 0..bare_times.len() {
            fs::remove_file(format!("{folder}/new/bare-{number}"))?;
        }
        let ratio = report("bare loop", bare_times, size).div_duration_f64(median);
        println!("by the medians, the rate of the server is {ratio:.2} of the bare loop's");
    }
    Ok(())
}

/// `--name value`, or `--name=value`.
fn options() -> Result<BTreeMap<String, String>, String> {
    let known = OPTIONS.map(|(name, default)| (name.to_string(), default.to_string()));
    let mut options = BTreeMap::from(known);
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value.to_string())),
            None if word == "--text-only" => (word.as_str(), Some("yes".to_string())),
            None => (word.as_str(), words.next()),
        };
        let known = options.get_mut(name.trim_start_matches("--"));
        let known = known.ok_or(format!("{name} is not an option"))?;
        *known = value.ok_or(format!("{name} needs a value"))?;
    }
    Ok(options)
}

fn number(options: &BTreeMap<String, String>, name: &str) -> usize {
    match options[name].parse() {
        Ok(number) if number > 0 => number,
        _ => usage(&format!("--{name} takes a whole number, more than 0")),
    }
}

/// A text of so many octets. Every tenth line begins with a dot.
fn text(size: usize) -> Outcome<Text> {
    let mut octets = b"Subject: load\r\n\r\n".to_vec();
    for number in (0..10).cycle() {
        let left = size.saturating_sub(octets.len());
        let line = if number == 0 { "." } else { "" }.to_string() + &"x".repeat(69);
        if left < 2 * line.len() {
            octets.extend("y".repeat(left.saturating_sub(2)).bytes().chain(*b"\r\n"));
            break;
        }
        octets.extend(line.bytes().chain(*b"\r\n"));
    }
    Text::new(octets).map_err(|_| "the text has a bare CR or LF".into())
}

/// A connection, and whether the server takes several commands at once.
fn open(server: &str) -> Outcome<(Wire<Socket>, bool)> {
    let hint = "start a server: cargo run --release -- serve a.example --quiet";
    let socket = connect(server, TIMEOUT).map_err(|why| format!("{server}: {why}; {hint}"))?;
    let mut wire = Wire::new(socket);
    hear(&mut wire, Severity::Done)?;
    wire.write_line("EHLO load.example")?;
    let offers = hear(&mut wire, Severity::Done)?;
    let pipelining = |line: &String| line.eq_ignore_ascii_case("PIPELINING");
    Ok((wire, offers.text().iter().any(pipelining)))
}

/// Announces a letter: MAIL, RCPT and DATA, in one go if the server takes that (RFC 2920 §3.1).
fn announce(server: &mut (Wire<Socket>, bool), envelope: &[String; 2]) -> Outcome<()> {
    let (wire, pipelining) = server;
    for command in [&envelope[0], &envelope[1], "DATA"] {
        wire.write_line(command)?;
        if !*pipelining {
            hear(
                wire,
                if command == "DATA" {
                    Severity::GoOn
                } else {
                    Severity::Done
                },
            )?;
        }
    }
    Ok(())
}

/// Sends the text of a letter that was announced, and announces the next if there is one. Tells how
/// long that took. Unlike the client of chapter 11 this waits only where it has to.
fn send(
    server: &mut (Wire<Socket>, bool),
    envelope: &[String; 2],
    text: &Text,
    is_last: bool,
) -> Outcome<Duration> {
    let begun = Instant::now();
    let pipelining = server.1;
    for line in text.lines() {
        write_text_line(&mut server.0, line, TIMEOUT)?;
    }
    server.0.write_line(".")?;
    if !pipelining {
        hear(&mut server.0, Severity::Done)?;
    }
    if !is_last {
        announce(server, envelope)?;
    }
    if pipelining {
        hear(&mut server.0, Severity::Done)?;
        if !is_last {
            hear_announced(server)?;
        }
    }
    Ok(begun.elapsed())
}

/// The replies to what was announced in one go.
fn hear_announced((wire, pipelining): &mut (Wire<Socket>, bool)) -> Outcome<()> {
    let due = [Severity::Done, Severity::Done, Severity::GoOn];
    for due in due.into_iter().filter(|_| *pipelining) {
        hear(wire, due)?;
    }
    Ok(())
}

fn hear(wire: &mut Wire<Socket>, due: Severity) -> Outcome<Reply> {
    wire.allow(TIMEOUT)?;
    let reply = Reply::read(wire)?;
    match reply.severity() == due {
        true => Ok(reply),
        false => Err(reply.to_string().into()),
    }
}

/// What a server has to do for one letter before it may say 250 (chapter 13).
fn bare(folder: &str, number: usize, octets: &[u8]) -> Outcome<Duration> {
    let [tmp, new] = ["tmp", "new"].map(|name| format!("{folder}/{name}/bare-{number}"));
    let begun = Instant::now();
    let mut file = File::create_new(&tmp)?;
    file.write_all(octets)?;
    file.sync_all()?;
    drop(file);
    fs::hard_link(&tmp, new)?;
    File::open(Path::new(folder).join("new"))?.sync_all()?;
    fs::remove_file(tmp)?;
    Ok(begun.elapsed())
}

/// Prints what the times come to, and returns the median.
fn report(what: &str, mut times: Vec<Duration>, size: usize) -> Duration {
    times.sort();
    let seconds: f64 = times.iter().map(Duration::as_secs_f64).sum();
    let rate = times.len() as f64 / seconds;
    let megabytes = rate * size as f64 / 1e6;
    println!("{what}: {} letters of {size} octets", times.len());
    println!("  {rate:.0} letters/s, {megabytes:.1} MB/s");
    let percentile = |percent: usize| {
        let at = (times.len() * percent).div_ceil(100).saturating_sub(1);
        times.get(at).copied().unwrap_or_default()
    };
    for (name, percent) in [("p50", 50), ("p90", 90), ("p99", 99), ("max", 100)] {
        println!("  {name} {:.3} ms", percentile(percent).as_secs_f64() * 1e3);
    }
    percentile(50)
}

/// A connection to nobody: what is written stays in memory, and is read from there.
#[derive(Default)]
struct Memory(Cursor<Vec<u8>>);

impl Stream for Memory {
    fn allow(&mut self, _: Duration) -> io::Result<()> {
        Ok(())
    }
}

impl Read for Memory {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Memory {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0.get_mut().write(octets)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn text_only(text: &Text) -> Outcome<()> {
    let size = text.octets().len();
    let mut times = [const { Vec::new() }; 2];
    for _ in 0..TRIES {
        let mut wire = Wire::new(Memory::default());
        let begun = Instant::now();
        for line in text.lines() {
            write_text_line(&mut wire, line, TIMEOUT)?;
        }
        end_text(&mut wire, TIMEOUT)?;
        times[0].push(begun.elapsed());
        let begun = Instant::now();
        let received = read_text(&mut wire, size, TIMEOUT)?;
        times[1].push(begun.elapsed());
        if received != Received::Text(text.clone()) {
            return Err("another text was read than was written".into());
        }
    }
    let [written, read] = times;
    report("text written to memory", written, size);
    report("text read from memory", read, size);
    Ok(())
}
