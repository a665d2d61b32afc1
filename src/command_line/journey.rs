// ANCHOR: story
//! The journey: one letter, from Alice at a.example to Bob at b.example, in six steps.
//! This same program does all of it, with commands that the reader could type. The
//! servers are processes of their own, and talk over real connections. This file only
//! starts them, and tells what they do.
// ANCHOR_END: story

// ANCHOR: uses
use super::args::Args;
use super::{Failure, clock, failed, print, print_raw};
use crate::message::{Clock, Draft, compose};
use crate::protocol::address::ForwardPath;
use std::fmt::Display;
use std::fs;
use std::io::{self, BufRead, BufReader, IsTerminal};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
// ANCHOR_END: uses

// ANCHOR: texts
const SUBJECT: &str = "The way of a letter 一封信的旅程";
const BODY: &str = "Dear Bob,\n\
    this letter goes from my user agent to my mail server, from there to yours,\n\
    and from there to you.\n\
    .A line that begins with a dot arrives with its dot.\n\
    Alice\n";
// ANCHOR_END: texts

// ANCHOR: sites
pub fn journey(args: &Args) -> Result<(), Failure> {
    let journey = Journey::begin(args.flag("keep"), args.flag("pause"))?;
    let folder = journey.folder.display();
    tell(format!(
        "Two mail servers, a.example and b.example, are folders in {folder}"
    ))?;
    journey.run("init b.example --domain b.example --user bob:builder")?;
    journey.run("init a.example --domain a.example --user alice:wonderland")?;
    // ANCHOR_END: sites
    // ANCHOR: servers
    let b_smtp = journey.start("serve b.example --quiet")?;
    let route = format!("route b.example {}", b_smtp.address);
    journey.append("a.example/site.conf", &route)?;
    let a_smtp = journey.start("serve a.example --quiet")?;
    let b_pop3 = journey.start("pop3 b.example --sessions 1")?;
    tell(format!(
        "a.example takes SMTP at {}; b.example takes SMTP at {} and POP3 at {}",
        a_smtp.address, b_smtp.address, b_pop3.address
    ))?;
    // ANCHOR_END: servers

    // ANCHOR: steps
    writing(&journey)?;
    composing(&journey)?;
    submitting(&journey, &a_smtp.address)?;
    let letter = relaying(&journey, &route)?;
    let file = fetching(&journey, b_pop3)?;
    if fs::read(journey.folder.join(&file)).map_err(failed)? != letter {
        return Err(failed("the letter has changed on its way to Bob"));
    }
    // ANCHOR_END: steps

    // ANCHOR: end
    journey.step(6, "Bob's user agent shows it", "chapter 18")?;
    quote(&journey.run(&format!("show {file}"))?)?;
    drop((a_smtp, b_smtp));
    match journey.is_kept {
        true => tell(format!("Both sites are still in {folder}")),
        false => {
            let end = "The servers are stopped, and the folders are removed";
            tell(format!("{end}. With --keep they stay."))
        }
    }
}
// ANCHOR_END: end

// ANCHOR: writing
fn writing(journey: &Journey) -> Result<(), Failure> {
    journey.step(1, "Alice writes a letter", "chapter 1")?;
    let header = "From:    alice@a.example\nTo:      bob@b.example\nSubject:";
    quote(&format!("{header} {SUBJECT}\n\n{BODY}"))?;
    tell("It is in no file yet, only on her screen.")
}

fn composing(journey: &Journey) -> Result<(), Failure> {
    journey.step(2, "Her user agent makes a message of it", "chapter 12")?;
    let bob = "bob@b.example".parse().map_err(failed)?;
    let draft = Draft {
        from: "alice@a.example".parse().map_err(failed)?,
        to: vec![ForwardPath::Mailbox(bob)],
        cc: Vec::new(),
        subject: Some(SUBJECT.to_string()),
        fields: Vec::new(),
        body: BODY.to_string(),
        eight_bit: true,
    };
    let text = compose(&draft, &mut clock()?).map_err(failed)?;
    fs::write(journey.folder.join("letter.eml"), text.octets()).map_err(failed)?;
    quote(&String::from_utf8_lossy(text.octets()))?;
    tell("The letter is in the file letter.eml")
}
// ANCHOR_END: writing

// ANCHOR: submitting
fn submitting(journey: &Journey, server: &str) -> Result<(), Failure> {
    let title = "The user agent sends it by SMTP to her server, a.example";
    journey.step(3, title, "chapters 2 to 11")?;
    journey.append("alice.password", "wonderland")?;
    let conversation = journey.run(&format!(
        "send --server {server} --from alice@a.example --to bob@b.example \
         --helo alice.a.example --user alice --password-file alice.password \
         --message letter.eml"
    ))?;
    quote(&conversation)?;
    let promise = "the letter is on the disk, and a.example is responsible for it.";
    tell(format!("250 after the dot is a promise: {promise}"))?;
    journey.find_letter("a.example/queue", ".letter")?;
    Ok(())
}

/// Returns the letter as it lies in Bob's mailbox.
fn relaying(journey: &Journey, route: &str) -> Result<Vec<u8>, Failure> {
    let title = "a.example finds the next hop, and is itself the client now";
    journey.step(4, title, "chapters 14 to 16")?;
    tell(format!("a.example/site.conf says: {route}"))?;
    quote(&journey.run("relay a.example --once")?)?;
    tell("The queue of a.example is empty again. Bob's mailbox has the letter:")?;
    let file = journey.find_letter("b.example/mail/bob/new", "")?;
    let letter = fs::read(journey.folder.join(file)).map_err(failed)?;
    // What Alice's user agent made begins with its Date.
    let text = String::from_utf8_lossy(&letter);
    quote(text.split("Date:").next().unwrap_or_default())?;
    let whose = "each server has put its own on top (chapters 12 and 19)";
    tell(format!("These lines are new: {whose}."))?;
    Ok(letter)
}
// ANCHOR_END: submitting

// ANCHOR: fetching
/// Returns the file in which Bob's user agent keeps the letter.
fn fetching(journey: &Journey, mut server: Server) -> Result<String, Failure> {
    journey.step(5, "Bob's user agent fetches it by POP3", "chapter 17")?;
    journey.append("bob.password", "builder")?;
    let address = &server.address;
    journey.run(&format!(
        "inbox --server {address} --user bob --password-file bob.password --into bob.mail"
    ))?;
    // After its one session the server has ended, so this too comes to an end.
    quote(&io::read_to_string(&mut server.output).map_err(failed)?)?;
    let saved = "Before DELE the letter was saved on Bob's own computer";
    tell(format!("{saved}. The server removed it at QUIT."))?;
    journey.find_letter("bob.mail/new", "")
}
// ANCHOR_END: fetching

// ANCHOR: tell
fn tell(text: impl Display) -> Result<(), Failure> {
    print(&format!("{text}\n"))
}

/// Shows what programs have said, set apart from what we tell.
fn quote(text: &str) -> Result<(), Failure> {
    for line in text.lines() {
        tell(format!("    {line}").trim_end())?;
    }
    tell("")
}

/// Bold, where the output is a terminal and nobody has asked for plain text
/// (no-color.org).
fn bold(text: &str) -> String {
    let is_plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    match is_plain || !io::stdout().is_terminal() {
        true => text.to_string(),
        false => format!("\x1b[1m{text}\x1b[0m"),
    }
}
// ANCHOR_END: tell

// ANCHOR: begin
/// A journey has a folder for the sites, and for what the two users keep.
struct Journey {
    folder: PathBuf,
    is_kept: bool,
    has_pauses: bool,
}

impl Journey {
    fn begin(is_kept: bool, has_pauses: bool) -> Result<Journey, Failure> {
        // The real time, also where letters have a fixed one: two journeys need two
        // folders.
        let name = format!("smtp-primer-{}", Clock::new(None).unique_name());
        let folder = std::env::temp_dir().join(name);
        let mut builder = fs::DirBuilder::new();
        // It will hold letters and passwords.
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        let made = builder.create(&folder);
        made.map_err(|error| failed(format!("{}: {error}", folder.display())))?;
        Ok(Journey {
            folder,
            is_kept,
            has_pauses,
        })
    }
    // ANCHOR_END: begin

    // ANCHOR: told
    fn step(&self, number: u8, title: &str, chapters: &str) -> Result<(), Failure> {
        if self.has_pauses {
            print("\n(press Enter to go on) ")?;
            io::stdin().read_line(&mut String::new()).map_err(failed)?;
        }
        let title = bold(&format!("{number}. {title} ({chapters})"));
        print_raw(&format!("\n{title}\n\n"))
    }

    /// Writes a line at the end of a file, which may be a new one.
    fn append(&self, file: &str, line: &str) -> Result<(), Failure> {
        let file = self.folder.join(file);
        let text = fs::read_to_string(&file).unwrap_or_default();
        fs::write(file, format!("{text}{line}\n")).map_err(failed)
    }

    /// Finds the one file in a folder whose name ends like this, and tells where it is.
    fn find_letter(&self, folder: &str, end: &str) -> Result<String, Failure> {
        for file in fs::read_dir(self.folder.join(folder)).map_err(failed)? {
            let name = file.map_err(failed)?.file_name();
            if let Some(name) = name.to_str().filter(|name| name.ends_with(end)) {
                let file = format!("{folder}/{name}");
                tell(format!("The letter is in the file {file}"))?;
                return Ok(file);
            }
        }
        Err(failed(format!("no letter has arrived in {folder}")))
    }
    // ANCHOR_END: told

    // ANCHOR: journey_run
    /// Runs a command to its end, and returns what it printed.
    fn run(&self, words: &str) -> Result<String, Failure> {
        let output = self.program(words)?.output().map_err(failed)?;
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() {
            return Ok(printed);
        }
        let error = String::from_utf8_lossy(&output.stderr);
        Err(failed(format!("{printed}{error}the journey ends here")))
    }
    // ANCHOR_END: journey_run

    // ANCHOR: program
    /// This program, with a command for it.
    fn program(&self, words: &str) -> Result<Command, Failure> {
        let mut program = Command::new(std::env::current_exe().map_err(failed)?);
        program.args(words.split(' ')).current_dir(&self.folder);
        program.stdin(Stdio::null()).stdout(Stdio::piped());
        Ok(program)
    }
    // ANCHOR_END: program

    // ANCHOR: start
    /// Starts a server on any free port.
    fn start(&self, words: &str) -> Result<Server, Failure> {
        let mut program = self.program(&format!("{words} --listen 127.0.0.1:0"))?;
        // ANCHOR_END: start
        // ANCHOR: leash
        // If we are killed, the servers notice it and end.
        program.env("SMTP_PRIMER_LEASH", std::process::id().to_string());
        let mut child = program.spawn().map_err(failed)?;
        // ANCHOR_END: leash
        // ANCHOR: started
        let not_started = || failed(format!("{words} did not start"));
        let mut output = BufReader::new(child.stdout.take().ok_or_else(not_started)?);
        let mut line = String::new();
        output.read_line(&mut line).map_err(failed)?;
        let address = line.trim_end().strip_prefix("listening on ");
        let address = address.ok_or_else(not_started)?.to_string();
        Ok(Server {
            child,
            output,
            address,
        })
    }
}
// ANCHOR_END: started

// ANCHOR: drop
impl Drop for Journey {
    fn drop(&mut self) {
        if !self.is_kept {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// A server that runs as a process of its own, and ends when this is dropped.
struct Server {
    child: Child,
    output: BufReader<ChildStdout>,
    address: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
// ANCHOR_END: drop
