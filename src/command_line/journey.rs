//! The journey: one letter, from Alice at a.example to Bob at b.example, in six steps. The servers
//! are processes of their own, and talk over real connections; this file only starts them,
//! and tells what happens.

use super::args::Args;
use super::{Failure, bold, clock, print};
use crate::display::present;
use crate::message::{Clock, Draft, compose};
use crate::protocol::address::{ForwardPath, Mailbox};
use crate::site::Site;
use std::fmt::Display;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

const SUBJECT: &str = "The way of a letter 一封信的旅程";
const BODY: &str = "Dear Bob,\n\
    this letter goes from my user agent to my mail server, from there to yours,\n\
    and from there to you.\n\
    .A line that begins with a dot arrives with its dot.\n\
    Alice\n";

pub fn journey(args: &Args) -> Result<(), Failure> {
    let stage = Stage::set(args.flag("keep"), args.flag("pause"))?;
    let folder = stage.folder.clone();
    stage.say(&format!(
        "Two mail servers, a.example and b.example, are folders in {}",
        folder.display()
    ))?;

    let b = stage.site("b.example", ("bob", "builder"))?;
    let b_smtp = stage.server("serve", &b.folder, &["--quiet"])?;
    let a = stage.site("a.example", ("alice", "wonderland"))?;
    let conf = format!("route b.example {}\n", b_smtp.address);
    append(&a.folder.join("site.conf"), &conf)?;
    let a_smtp = stage.server("serve", &a.folder, &["--quiet"])?;
    let b_pop3 = stage.server("pop3", &b.folder, &["--sessions", "1"])?;
    stage.say(&format!(
        "a.example takes SMTP at {}; b.example takes SMTP at {} and POP3 at {}",
        a_smtp.address, b_smtp.address, b_pop3.address
    ))?;

    stage.step(1, "Alice writes a letter", "chapter 1")?;
    stage.show(&format!(
        "From:    alice@a.example\nTo:      bob@b.example\nSubject: {SUBJECT}\n\n{BODY}"
    ))?;
    stage.say("It is in no file yet, only on her screen.")?;

    stage.step(2, "Her user agent makes a message of it", "chapter 12")?;
    let letter = folder.join("letter.eml");
    let text = compose(&draft()?, &mut clock()?).map_err(failed)?;
    fs::write(&letter, text.octets()).map_err(failed)?;
    stage.show(&String::from_utf8_lossy(text.octets()))?;
    stage.holds(&letter)?;

    stage.step(
        3,
        "The user agent sends it by SMTP to her server, a.example",
        "chapters 2 to 11",
    )?;
    let [alice, bob] = [
        ("alice.password", "wonderland"),
        ("bob.password", "builder"),
    ]
    .map(|(name, password)| fs::write(folder.join(name), password).map(|()| folder.join(name)));
    let (alice, bob) = (alice.map_err(failed)?, bob.map_err(failed)?);
    let conversation = stage.run(
        Command::new(program()?)
            .args([
                "send",
                "--server",
                &a_smtp.address,
                "--from",
                "alice@a.example",
            ])
            .args([
                "--to",
                "bob@b.example",
                "--helo",
                "alice.a.example",
                "--user",
                "alice",
            ])
            .args([
                "--password-file".as_ref(),
                alice.as_os_str(),
                "--message".as_ref(),
                letter.as_os_str(),
            ]),
    )?;
    stage.show(&conversation)?;
    stage.say(
        "250 after the dot is a promise: the letter is on the disk, and a.example answers for it.",
    )?;
    stage.holds(&only(&a.folder.join("queue"), "letter")?)?;

    stage.step(
        4,
        "a.example finds the next hop, and is itself the client now",
        "chapters 14 to 16",
    )?;
    stage.say(&format!("a.example/site.conf says: {}", conf.trim_end()))?;
    let conversation = stage.run(
        Command::new(program()?)
            .arg("relay")
            .arg(&a.folder)
            .arg("--once"),
    )?;
    stage.show(&conversation)?;
    let arrived = only(&b.folder.join("mail/bob/new"), "")?;
    stage.say("The queue of a.example is empty again. In Bob's mailbox lies:")?;
    stage.holds(&arrived)?;
    stage.show(&trace_fields(&fs::read(&arrived).map_err(failed)?))?;
    stage.say("These lines are new: each server has put its own on top (chapters 12 and 13).")?;

    stage.step(5, "Bob's user agent fetches it by POP3", "chapter 17")?;
    let received = fs::read(&arrived).map_err(failed)?;
    let seen = stage.run(
        Command::new(program()?)
            .args(["inbox", "--server", &b_pop3.address, "--user", "bob"])
            .args(["--password-file".as_ref(), bob.as_os_str()]),
    )?;
    stage.show(&b_pop3.finish()?)?;
    stage.say(
        "It left the server at QUIT, and not before. No file holds it now; Bob's user agent does.",
    )?;

    stage.step(6, "Bob's user agent shows it", "chapter 18")?;
    stage.show(seen.split_once("---\n").map_or(&*seen, |(_, page)| page))?;
    if !seen.contains(&present(&received)) {
        return Err(Failure::Failed(
            "what Bob sees is not what lay in his mailbox".to_string(),
        ));
    }
    drop((a_smtp, b_smtp));
    stage.close()
}

fn failed(error: impl Display) -> Failure {
    Failure::Failed(error.to_string())
}

fn program() -> Result<PathBuf, Failure> {
    std::env::current_exe().map_err(failed)
}

fn draft() -> Result<Draft, Failure> {
    let from: Mailbox = "alice@a.example".parse().map_err(failed)?;
    let to = vec![ForwardPath::Mailbox(
        "bob@b.example".parse().map_err(failed)?,
    )];
    let subject = Some(SUBJECT.to_string());
    Ok(Draft {
        from,
        to,
        subject,
        fields: Vec::new(),
        body: BODY.to_string(),
    })
}

fn append(file: &Path, line: &str) -> Result<(), Failure> {
    let file = File::options().append(true).open(file);
    file.and_then(|mut file| file.write_all(line.as_bytes()))
        .map_err(failed)
}

/// The one file in a folder whose name ends like this.
fn only(folder: &Path, end: &str) -> Result<PathBuf, Failure> {
    for file in fs::read_dir(folder).map_err(failed)? {
        let path = file.map_err(failed)?.path();
        if path.to_string_lossy().ends_with(end) {
            return Ok(path);
        }
    }
    Err(Failure::Failed(format!(
        "no letter has arrived in {}",
        folder.display()
    )))
}

/// The lines above the message that Alice's user agent made, which begins with its Date.
fn trace_fields(letter: &[u8]) -> String {
    let letter = String::from_utf8_lossy(letter);
    letter.split("Date:").next().unwrap_or_default().to_string()
}

/// Where the journey is played: a folder for the sites.
struct Stage {
    folder: PathBuf,
    keep: bool,
    pause: bool,
}

impl Stage {
    fn set(keep: bool, pause: bool) -> Result<Stage, Failure> {
        // The real time, also where letters bear a fixed one: two journeys need two folders.
        let name = format!("smtp-primer-{}", Clock::new(None).unique_name());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir(&folder)
            .map_err(|error| failed(format!("{}: {error}", folder.display())))?;
        Ok(Stage {
            folder,
            keep,
            pause,
        })
    }

    fn site(&self, domain: &str, (name, password): (&str, &str)) -> Result<Site, Failure> {
        let user = (name.to_string(), password.to_string());
        Site::init(&self.folder.join(domain), domain, &[user]).map_err(failed)
    }

    fn server(&self, role: &str, site: &Path, options: &[&str]) -> Result<Server, Failure> {
        let mut command = Command::new(program()?);
        command
            .arg(role)
            .arg(site)
            .args(["--listen", "127.0.0.1:0"])
            .args(options);
        // If we are killed, the servers notice it and end.
        command.env("SMTP_PRIMER_LEASH", std::process::id().to_string());
        let mut child = command
            .stdout(Stdio::piped())
            .stdin(Stdio::null())
            .spawn()
            .map_err(failed)?;
        let output = child.stdout.take().map(BufReader::new);
        let mut server = Server {
            child,
            output,
            address: String::new(),
        };
        let mut line = String::new();
        if let Some(output) = &mut server.output {
            output.read_line(&mut line).map_err(failed)?;
        }
        let address = line.trim_end().strip_prefix("listening on ");
        server.address = address
            .ok_or_else(|| failed(format!("{role} did not start")))?
            .to_string();
        Ok(server)
    }

    /// Runs a program to its end, and returns what it printed.
    fn run(&self, command: &mut Command) -> Result<String, Failure> {
        let output = command.stdin(Stdio::null()).output().map_err(failed)?;
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() {
            return Ok(printed);
        }
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(failed(format!("{printed}{error}the journey ends here")))
    }

    fn step(&self, number: u8, title: &str, chapters: &str) -> Result<(), Failure> {
        if self.pause {
            print("\n(Enter goes on) ")?;
            io::stdin()
                .lock()
                .read_line(&mut String::new())
                .map_err(failed)?;
        }
        print(&format!(
            "\n{}\n\n",
            bold(&format!("{number}. {title} ({chapters})"))
        ))
    }

    fn say(&self, text: &str) -> Result<(), Failure> {
        print(&format!("{text}\n"))
    }

    /// Shows what programs have said, set apart from what we say.
    fn show(&self, text: &str) -> Result<(), Failure> {
        let lines = text
            .lines()
            .map(|line| format!("    {line}").trim_end().to_string() + "\n");
        print(&(lines.collect::<String>() + "\n"))
    }

    fn holds(&self, file: &Path) -> Result<(), Failure> {
        let file = file.strip_prefix(&self.folder).unwrap_or(file);
        self.say(&format!("The letter is in the file {}", file.display()))
    }

    fn close(self) -> Result<(), Failure> {
        match self.keep {
            true => self.say(&format!(
                "Both sites are still in {}",
                self.folder.display()
            )),
            false => {
                self.say("The servers are stopped, and the folders removed. --keep leaves them.")
            }
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if !self.keep {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// A server that runs as a process of its own, and ends when this is dropped.
struct Server {
    child: Child,
    output: Option<BufReader<ChildStdout>>,
    address: String,
}

impl Server {
    /// Waits until it has ended, and returns the rest of what it printed.
    fn finish(mut self) -> Result<String, Failure> {
        let mut rest = String::new();
        if let Some(output) = &mut self.output {
            output.read_to_string(&mut rest).map_err(failed)?;
        }
        Ok(rest)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
