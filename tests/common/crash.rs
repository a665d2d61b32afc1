//! Servers that are killed in the middle of their work.

use super::process::Server;
use super::script::Dice;
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

/// How many times a server is killed.
pub const KILLS: u64 = 30;

/// A text that shows whether it is whole: number and length stand at its head and at its end.
pub fn numbered_text(number: u64, lines: u64) -> String {
    let line = "and so on, for as many lines as it takes to be killed in the middle\r\n";
    let body = line.repeat(lines as usize);
    format!("Subject: {number} of {lines}\r\n\r\n{body}end of {number} of {lines}\r\n")
}

/// The number of a text that is whole, below whatever trace; `None` if it is not whole. Its lines
/// end as on the wire, or as in a file.
pub fn number_if_whole(letter: &[u8]) -> Option<u64> {
    let letter = str::from_utf8(letter).ok()?;
    let letter = letter.replace("\r\n", "\n").replace('\n', "\r\n");
    let (_, subject) = letter.split_once("Subject: ")?;
    let (number, lines) = subject.lines().next()?.split_once(" of ")?;
    let (number, lines) = (number.parse().ok()?, lines.parse().ok()?);
    letter
        .ends_with(&numbered_text(number, lines))
        .then_some(number)
}

/// Feeds letters to a `serve` and kills it [`KILLS`] times, each time at another moment: most often
/// while it keeps a letter. After each kill `check` is called with the numbers of the letters that
/// were answered 250.
///
/// A process that is killed loses nothing that it wrote; so this shows that the steps are in the
/// right order. That each is on the disk before the next, only a power cut could show: see
/// `crash_points.rs`, which also meets every step, and not only those that the dice hit.
pub fn kill_often(site: &Path, recipients: &[&str], check: impl Fn(&[u64])) {
    let mut dice = Dice::new(0x5eed);
    let mut kept = Vec::new();
    for round in 0..KILLS {
        let server = Server::start("serve", site, &["--quiet"]);
        let mut caller = Caller::new(&server.address);
        let lines = dice.below(1000) as u64;
        let begun = Instant::now();
        caller.send(&numbered_text(2 * round, lines), recipients);
        assert!(
            caller.reply().starts_with("250"),
            "nothing a dead server left is in the way"
        );
        kept.push(2 * round);
        let usual = begun.elapsed().as_micros() as u64;
        caller.send(&numbered_text(2 * round + 1, lines), recipients);
        let sent = Instant::now();
        let moment = Duration::from_micros(usual / 4 + dice.below((usual as usize).max(1)) as u64);
        while sent.elapsed() < moment {
            std::hint::spin_loop();
        }
        drop(server);
        if caller.reply().starts_with("250") {
            kept.push(2 * round + 1);
        }
        check(&kept);
    }
}

/// Every letter that was answered 250 is among these, and none is there twice.
pub fn assert_all_kept<'a>(kept: &[u64], letters: impl IntoIterator<Item = &'a [u8]>) {
    let whole = |letter| number_if_whole(letter).expect("no half letter");
    let found: Vec<u64> = letters.into_iter().map(whole).collect();
    let numbers: BTreeSet<u64> = found.iter().copied().collect();
    assert_eq!(numbers.len(), found.len(), "and none twice");
    let lost: Vec<_> = kept
        .iter()
        .filter(|number| !numbers.contains(number))
        .collect();
    assert!(lost.is_empty(), "{lost:?}");
}

/// A sender that says all in its own time.
pub struct Caller {
    input: BufReader<TcpStream>,
}

impl Caller {
    pub fn new(address: &str) -> Caller {
        let stream = TcpStream::connect(address).expect("a server");
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .expect("a timeout");
        let mut caller = Caller {
            input: BufReader::new(stream),
        };
        caller.reply();
        caller.ask("HELO killer.example\r\n");
        caller
    }

    /// The last line of a reply; empty if the server is gone.
    pub fn reply(&mut self) -> String {
        let mut line = String::new();
        let _ = self.input.read_line(&mut line);
        line
    }

    /// A command that is taken.
    pub fn ask(&mut self, command: &str) {
        self.input
            .get_mut()
            .write_all(command.as_bytes())
            .expect("a living server");
        let reply = self.reply();
        assert!(reply.starts_with(['2', '3']), "{command}{reply}");
    }

    /// A whole transaction, up to the lone dot. The answer to that is not awaited.
    pub fn send(&mut self, text: &str, recipients: &[&str]) {
        self.ask("MAIL FROM:<killer@killer.example>\r\n");
        for recipient in recipients {
            self.ask(&format!("RCPT TO:<{recipient}>\r\n"));
        }
        self.ask("DATA\r\n");
        let text = format!("{text}.\r\n");
        self.input
            .get_mut()
            .write_all(text.as_bytes())
            .expect("a living server");
    }
}
