//! Where a dialogue of an assignment is played: against our program or a student's, in a folder
//! that goes away.
//!
//! The comments at the head of a dialogue are for this module:
//!
//! ```text
//! # against: smtp-primer serve       or pop3, send, inbox, relay, with more words; or: you
//! # stdin: Subject: x\n\nHello       what a client reads as its text
//! # site.conf: alias staff bob       one more line of it
//! # letter: FROM TO                  the letter that waits when a relay starts
//! # passes: 2                        so many passes of a relay, if it does not call before
//! # file: cat.gif GIF89a\x00         a file in the folder
//! # exit: 1                          the exit status of a client
//! # pieces: 12                       we say so many octets at a time, as a slow network does
//! # prints: plain                    a client prints no control characters
//! # unix: only                       elsewhere it holds: a file there cannot have such a name
//! # next: is greeted                 a server is still there, and greets the next caller
//! # next: is greeted, and hears 503 to RCPT TO:<bob@a.example>       and that is its first command
//! # leaves: alice 2 with "one"       so many files in this folder, and one of them has this text
//! # leaves: alice 2 is "one\n"       the same, and one of them has this text and nothing else
//! # leaves: alice 2 ends "one\r\n"   the same, and before this text there are only header fields
//! # kept: alice 1 ends "one\r\n"     not at the head: it is so before the next line is said
//! ```

use crate::card::{Card, Role};
use crate::running::{Folder, LINE, LONG, PRINTED, PROGRAM, Running, shortened, told};
use smtp_primer::dialogue::{Dialogue, Side};
use smtp_primer::protocol::line::{Socket, Stream, visible};
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

/// How long it takes from one piece of what we say to the next one.
const PAUSE: Duration = Duration::from_millis(10);

/// What went wrong, and where: `1-rcpt.txt:14`.
#[derive(Debug, Clone)]
pub struct Failure {
    pub place: String,
    pub report: String,
}

/// What became of a dialogue.
pub struct Played {
    /// How many of its lines were right, and how many it has.
    pub right: usize,
    pub lines: usize,
    pub failure: Option<Failure>,
}

impl Played {
    /// Did the program listen or call at all? If it did not, the failure is at the first line of the
    /// dialogue, which nobody says.
    pub fn began(&self) -> bool {
        let failure = self.failure.as_ref();
        failure.is_none_or(|failure| !failure.place.ends_with(":1"))
    }
}

/// Against what we play.
pub enum Program {
    /// Our program, compiled.
    Ours(PathBuf),
    /// A student's: its words.
    Yours(Vec<String>),
}

/// The comments at the head of a dialogue, with their lines; and the lines of the client.
struct Marks(Vec<(usize, String, String)>, Vec<usize>);

impl Marks {
    fn read(text: &str) -> Marks {
        let comments = (1..).zip(text.lines());
        let marks = comments.filter_map(|(line, text)| {
            let (word, rest) = text.strip_prefix("# ")?.split_once(": ")?;
            let is_word = !word.contains(' ') && word.starts_with(char::is_lowercase);
            is_word.then(|| (line, word.to_string(), rest.to_string()))
        });
        let lines = (1..).zip(text.lines());
        let said = lines.filter(|(_, line)| line.starts_with("C:"));
        Marks(marks.collect(), said.map(|(line, _)| line).collect())
    }

    fn all(&self, word: &str) -> impl Iterator<Item = (usize, &str)> {
        let marks = self.0.iter().filter(move |(_, other, _)| other == word);
        marks.map(|(line, _, rest)| (*line, rest.as_str()))
    }

    /// The marks `kept` between two lines of the client, the second of which has this number.
    fn kept_before(&self, said: usize) -> impl Iterator<Item = (usize, &str)> {
        let begin = said.checked_sub(1).and_then(|last| self.1.get(last));
        let between = begin.copied().unwrap_or(0)..self.1.get(said).copied().unwrap_or(0);
        self.all("kept")
            .filter(move |(line, _)| between.contains(line))
    }

    fn one(&self, word: &str) -> Option<(usize, &str)> {
        self.all(word).next()
    }
}

/// The marks of a dialogue: their lines, words and values.
pub fn marks(text: &str) -> Vec<(usize, String, String)> {
    Marks::read(text).0
}

/// Plays a dialogue of an assignment. An error is a fault of the assignment itself.
pub fn play(card: &Card, name: &str, program: &Program) -> Result<Played, String> {
    play_text(card.role, name, &card.text(name)?, program).map_err(|why| {
        let path = card.path(name);
        format!("{path}: {why}")
    })
}

/// Plays this text, which is a file `name`.
pub fn play_text(
    role: Option<Role>,
    name: &str,
    text: &str,
    program: &Program,
) -> Result<Played, String> {
    let folder = Folder::new().map_err(|why| why.to_string())?;
    play_in(&folder.0, role, name, text, program)
}

/// The same in a folder of the caller's, who can look at what is left there.
pub fn play_in(
    folder: &Path,
    role: Option<Role>,
    name: &str,
    text: &str,
    program: &Program,
) -> Result<Played, String> {
    let marks = Marks::read(text);
    let (_, against) = marks
        .one("against")
        .ok_or_else(|| format!("{name}:1: there is no line `# against: …`"))?;
    let (against, input) = against
        .split_once(" < ")
        .unwrap_or((against, "Hello Alice"));
    let mut input = unescaped(marks.one("stdin").map_or(input, |(_, text)| text));
    if !input.ends_with(b"\n") {
        input.push(b'\n');
    }
    if cfg!(not(unix)) && marks.one("unix").is_some() {
        let spoken = |line: &&str| line.starts_with("C:") || line.starts_with("S:");
        let lines = text.lines().filter(spoken).count();
        let (right, failure) = (lines, None);
        return Ok(Played {
            right,
            lines,
            failure,
        });
    }
    for (_, file) in marks.all("file") {
        let (name, octets) = file.split_once(' ').unwrap_or((file, ""));
        let name = String::from_utf8_lossy(&unescaped(name)).to_string();
        let path = folder.join(name);
        let parent = path.parent().unwrap_or(folder);
        let written = fs::create_dir_all(parent).and_then(|()| fs::write(&path, unescaped(octets)));
        written.map_err(|why| why.to_string())?;
    }
    let stage = Stage {
        name,
        marks: &marks,
        folder,
        program,
    };
    let mut dialogue = text.to_string();
    let is_client = matches!(role, Some(Role::Client | Role::Fetch))
        || ["send", "inbox", "relay"]
            .iter()
            .any(|word| against.contains(word));
    if is_client && !text.contains("{close}") {
        dialogue += "C: {close}\n";
    }
    let dialogue = Dialogue::parse(name, &dialogue)?;
    let failure = match is_client {
        true => stage.answer(&dialogue, role, against, &input)?,
        false => stage.call(&dialogue, role, against)?,
    };
    let spoken = text
        .lines()
        .filter(|line| line.starts_with("C:") || line.starts_with("S:"));
    let lines = spoken.count();
    let right = match failure
        .as_ref()
        .and_then(|failure| failure.place.split_once(':'))
    {
        None => lines,
        Some((_, at)) => {
            let at: usize = at.parse().unwrap_or_default();
            let before = text.lines().take(at.saturating_sub(1));
            before
                .filter(|line| line.starts_with("C:") || line.starts_with("S:"))
                .count()
        }
    };
    Ok(Played {
        right,
        lines,
        failure,
    })
}

/// Can people talk by hand to the program that a dialogue is against? Then it is a server of ours.
pub fn is_for_people(text: &str) -> bool {
    let marks = Marks::read(text);
    let against = marks.one("against").map_or("", |(_, words)| words);
    against.starts_with("smtp-primer serve") || against.starts_with("smtp-primer pop3")
}

/// Starts our program for people who talk to it by hand, in this folder, with the site that the dialogue
/// has. Returns its address, too.
pub fn serve(program: &Path, folder: &Path, text: &str) -> Result<(Running, String), String> {
    let marks = Marks::read(text);
    let stage = Stage {
        name: "",
        marks: &marks,
        folder,
        program: &Program::Ours(program.to_path_buf()),
    };
    stage.site(program, "")?;
    let words = words(marks.one("against").map_or("", |(_, words)| words));
    if words.get(1).is_some_and(|word| word == "pop3") {
        stage.letter(program, "bob@b.example", "alice@a.example")?;
    }
    let mut serve = Command::new(program);
    serve.args(words.get(1..).unwrap_or_default());
    serve.args(["a.example", "--listen", "127.0.0.1:0"]);
    let mut server = Running::start(serve.current_dir(folder))?;
    let address = server.listens().ok_or_else(|| server.silent())?;
    Ok((server, address))
}

/// A dialogue without its marks. A student's could make letters appear.
pub fn without_marks(text: &str) -> String {
    let marks = Marks::read(text);
    let is_mark = |number: usize| marks.0.iter().any(|(line, _, _)| *line == number);
    let lines = (1..).zip(text.lines());
    let lines = lines.map(|(number, line)| if is_mark(number) { "#" } else { line });
    lines.map(|line| format!("{line}\n")).collect()
}

/// All that the client says in a dialogue.
pub fn said(name: &str, text: &str) -> Result<Vec<u8>, String> {
    let lines = text.lines();
    let lines = lines.map(|line| if line.starts_with("S:") { "#" } else { line });
    let text: String = lines.map(|line| format!("{line}\n")).collect();
    let mut ear = Ear(Vec::new());
    Dialogue::parse(name, &text)?.play(Side::Client, &mut ear, LINE)?;
    Ok(ear.0)
}

/// A peer that says nothing, and remembers what it hears.
struct Ear(Vec<u8>);

impl Read for &mut Ear {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Ok(0)
    }
}

impl Write for &mut Ear {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream for &mut Ear {
    fn allow(&mut self, _: Duration) -> io::Result<()> {
        Ok(())
    }
}

/// Says all of this to our server at once, as a relay does that takes it for one text. Returns how many
/// letters Alice has then.
pub fn pour(said: &[u8], program: &Path) -> Result<usize, String> {
    let folder = Folder::new().map_err(|why| why.to_string())?;
    let stage = Stage {
        name: "",
        marks: &Marks(Vec::new(), Vec::new()),
        folder: &folder.0,
        program: &Program::Ours(program.to_path_buf()),
    };
    stage.site(program, "")?;
    let mut server = stage.serve_once(program)?;
    let address = server.listens().ok_or_else(|| server.silent())?;
    let mut stream = TcpStream::connect(&address).map_err(|why| why.to_string())?;
    let _ = stream.set_read_timeout(Some(LINE));
    // It may close in the middle, if it is not fooled.
    let _ = stream.write_all(said);
    let _ = stream.shutdown(Shutdown::Write);
    let _ = stream.take(PRINTED as u64).read_to_end(&mut Vec::new());
    server.finish(PROGRAM).ok_or("serve does not end")?;
    Ok(letters(&folder.0))
}

/// How many letters Alice has.
pub fn letters(folder: &Path) -> usize {
    let new = folder.join("a.example/mail/alice/new");
    fs::read_dir(new).into_iter().flatten().count()
}

struct Stage<'a> {
    name: &'a str,
    marks: &'a Marks,
    folder: &'a Path,
    program: &'a Program,
}

impl Stage<'_> {
    /// We are the client.
    fn call(
        &self,
        dialogue: &Dialogue,
        role: Option<Role>,
        against: &str,
    ) -> Result<Option<Failure>, String> {
        let words: Vec<String> = against.split_whitespace().map(str::to_string).collect();
        let (mut command, root) = match self.program {
            Program::Ours(program) => {
                let site = self.site(program, "")?;
                let mut command = Command::new(program);
                if words.get(1).is_some_and(|word| word == "pop3") {
                    self.letter(program, "bob@b.example", "alice@a.example")?;
                }
                command.args(words.get(1..).unwrap_or_default());
                command.args(["a.example", "--listen", "127.0.0.1:0"]);
                (command, site)
            }
            Program::Yours(words) => {
                let (program, rest) = words.split_first().ok_or("no program was named")?;
                let users = match role {
                    Some(Role::Mailbox) => "alice wonderland\nbob builder\n",
                    _ => "alice\nbob\n",
                };
                let file = self.folder.join("users.txt");
                // The dialogue can have users of its own.
                if !file.exists() {
                    fs::write(file, users).map_err(|why| why.to_string())?;
                }
                let mut command = Command::new(program);
                command.args(rest).arg("0").arg(self.folder);
                (command, self.folder.to_path_buf())
            }
        };
        if let Program::Ours(_) = self.program {
            command.current_dir(self.folder);
        }
        let mut server = Running::start(&mut command)?;
        let Some(address) = server.listens() else {
            return Ok(Some(self.failure(1, server.silent())));
        };
        // Whatever a program prints, we never call another computer.
        let is_here = |address: &SocketAddr| address.ip().is_loopback() && address.port() != 0;
        let called = match address.parse().ok().filter(is_here) {
            Some(address) => TcpStream::connect(address).map_err(|why| why.to_string()),
            None => Err("127.0.0.1 and the number of a port, which is not 0, are due".to_string()),
        };
        let stream = match called {
            Ok(stream) => stream,
            Err(why) => {
                let report = format!("{}:1: nobody listens at {address}: {why}", self.name);
                return Ok(Some(self.at(report, &mut server, None)));
            }
        };
        let line = stream.try_clone().ok();
        let mut failure = None;
        let watched = Watched {
            socket: Socket::new(stream),
            said: 0,
            stage: self,
            root: &root,
            failure: &mut failure,
        };
        let played = dialogue.play(Side::Client, watched, LINE);
        if failure.is_some() {
            return Ok(failure);
        }
        if let Err(report) = played {
            return Ok(Some(self.at(report, &mut server, line)));
        }
        drop(line);
        // When it greets the next caller, it has done with this one.
        let (mut greeting, mut reply) = (Vec::new(), Vec::new());
        let next = self.marks.one("next").unwrap_or_default();
        let says = next.1.strip_prefix("is greeted, and hears ");
        let says = says.and_then(|says| says.split_once(" to "));
        if let Ok(stream) = TcpStream::connect(&address) {
            let _ = stream.set_read_timeout(Some(LINE));
            let mut limited = BufReader::new(&stream).take(PRINTED as u64);
            let _ = limited.read_until(b'\n', &mut greeting);
            if let Some((_, command)) = says {
                let _ = (&stream).write_all(format!("{command}\r\n").as_bytes());
                let _ = limited.read_until(b'\n', &mut reply);
            }
            let _ = (&stream).write_all(b"QUIT\r\n");
            let _ = limited.read_to_end(&mut Vec::new());
        }
        let why = match says {
            _ if next.0 == 0 => None,
            _ if greeting.is_empty() => Some("the next caller gets no greeting".to_string()),
            Some((due, command)) if !reply.starts_with(due.as_bytes()) => {
                let came = shortened(reply.trim_ascii_end(), LONG);
                let report = "the first command of the next caller is";
                Some(format!(
                    "{report} {command}, and the reply is not {due}, but: {came}"
                ))
            }
            _ => None,
        };
        if let Some(why) = why {
            let line = next.0;
            let report = format!("{}:{line}: the conversation is over, but {why}", self.name);
            return Ok(Some(self.at(report, &mut server, None)));
        }
        drop(server);
        Ok(self.left(&root))
    }

    /// We are the server.
    fn answer(
        &self,
        dialogue: &Dialogue,
        role: Option<Role>,
        against: &str,
        input: &[u8],
    ) -> Result<Option<Failure>, String> {
        let listener = TcpListener::bind("127.0.0.1:0").map_err(|why| why.to_string())?;
        let address = listener.local_addr().map_err(|why| why.to_string())?;
        let words: Vec<String> = words(against);
        let mut root = self.folder.to_path_buf();
        let mut command = match self.program {
            Program::Ours(program) => {
                let mut command = Command::new(program);
                command.current_dir(self.folder);
                command.args(words.get(1..).unwrap_or_default());
                if words.get(1).is_some_and(|word| word == "relay") {
                    root = self.site(program, &format!("route b.example {address}\n"))?;
                    let letter = self.marks.one("letter").map_or("", |(_, letter)| letter);
                    let (from, to) = letter
                        .split_once(' ')
                        .unwrap_or(("alice@a.example", "bob@b.example"));
                    self.letter(program, from, to)?;
                    command.args(["a.example", "--once"]);
                } else {
                    let password = self.folder.join("password");
                    fs::write(password, "wonderland\n").map_err(|why| why.to_string())?;
                    command.args(["--server", &address.to_string()]);
                }
                command
            }
            Program::Yours(own) => {
                let (program, rest) = own.split_first().ok_or("no program was named")?;
                let mut command = Command::new(program);
                command
                    .args(rest)
                    .arg("127.0.0.1")
                    .arg(address.port().to_string());
                let words = words.get(1..).unwrap_or_default();
                if role == Some(Role::Fetch) {
                    let letters = self.folder.join("letters");
                    // There can be a file in its place: then no letter can be written.
                    let _ = fs::create_dir(&letters);
                    command.args(words).arg(letters);
                } else {
                    command.arg("bob@b.example").args(words);
                }
                command
            }
        };
        let passes = self.marks.one("passes");
        let passes = passes.and_then(|(_, passes)| passes.parse().ok());
        let (mut client, mut stream) = (Running::start(&mut command)?, None);
        for pass in 1..=passes.unwrap_or(1) {
            if pass > 1 {
                client = Running::start(&mut command)?;
            }
            client.write(input);
            stream = client.calls(&listener);
            if stream.is_some() {
                break;
            }
        }
        drop(listener);
        let Some(stream) = stream else {
            return Ok(Some(self.failure(1, client.uncalled())));
        };
        let line = stream.try_clone().ok();
        let _ = stream.set_nodelay(true);
        let pieces = self.marks.one("pieces");
        let said = Said {
            most: pieces.and_then(|(_, most)| most.parse().ok()),
            socket: Socket::new(stream),
        };
        let played = dialogue.play(Side::Server, said, LINE);
        if let Err(report) = played {
            return Ok(Some(self.at(report, &mut client, line)));
        }
        drop(line);
        Ok(self.ended(client).or_else(|| self.left(&root)))
    }

    /// A client ends by itself, as it should.
    fn ended(&self, mut client: Running) -> Option<Failure> {
        let Some(ended) = client.finish(PROGRAM) else {
            let report = "the conversation is over, but the program does not end".to_string();
            let report = report + &told("the program said:", &client.killed());
            let (line, _) = self.marks.one("exit").unwrap_or((1, ""));
            return Some(self.failure(line, report));
        };
        if let Some((line, due)) = self.marks.one("exit")
            && ended.status.code().map(|code| code.to_string()).as_deref() != Some(due)
        {
            let came = ended
                .status
                .code()
                .map_or("no status".to_string(), |code| code.to_string());
            let said = told("the program said:", &[ended.printed, ended.complained]);
            let report = format!("the exit status should be {due}, but it was {came}{said}");
            return Some(self.failure(line, report));
        }
        let all = [ended.printed, ended.complained].concat();
        if let Some((line, _)) = self.marks.one("prints")
            && let Some(octet) = all.iter().find(|octet| is_control(**octet))
        {
            let report = format!("the program prints the control character \\x{octet:02x}");
            return Some(self.failure(line, report));
        }
        None
    }

    /// What is left in the folder.
    fn left(&self, root: &Path) -> Option<Failure> {
        self.holds(root, self.marks.all("leaves"))
    }

    /// What is in the folder.
    fn holds<'m>(
        &self,
        root: &Path,
        mut marks: impl Iterator<Item = (usize, &'m str)>,
    ) -> Option<Failure> {
        marks.find_map(|(line, due)| {
            let (folder, rest) = due.split_once(' ')?;
            let is_number = |(count, _): &(&str, &str)| !count.contains(' ');
            let whole = rest.split_once(" is ").filter(is_number);
            let end = rest.split_once(" ends ").filter(is_number);
            let part = rest.split_once(" with ");
            let (count, text) = whole.or(end).or(part).unwrap_or((rest, ""));
            let text = unescaped(text.trim_matches('"'));
            let entries = fs::read_dir(root.join(folder)).into_iter().flatten();
            let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
            let mut files: Vec<PathBuf> = paths.filter(|path| path.is_file()).collect();
            files.sort();
            let octets: Vec<Vec<u8>> = files
                .iter()
                .filter_map(|path| fs::read(path).ok())
                .collect();
            let found: Vec<String> = octets
                .iter()
                .map(|octets| shortened(octets, 1000))
                .collect();
            let found = match found.is_empty() {
                true => String::new(),
                false => format!("\n  it holds: {}", found.join("\n  and: ")),
            };
            if files.len().to_string() != count.trim() {
                let report = format!(
                    "the number of files in the folder {folder} is to be {}, but it is {}{found}",
                    count.trim(),
                    files.len()
                );
                return Some(self.failure(line, report));
            }
            let has = |octets: &Vec<u8>| match (whole, end) {
                (Some(_), _) => *octets == text,
                (_, Some(_)) => octets.strip_suffix(&*text).is_some_and(is_header),
                _ => octets.windows(text.len().max(1)).any(|part| part == text),
            };
            let is_due = match end {
                Some(_) => "is a text (perhaps below header fields of your own) that is",
                None => "has the text",
            };
            if text.is_empty() || octets.iter().any(has) {
                return None;
            }
            let report = format!(
                "no file in the folder {folder} {is_due} {}{found}",
                visible(&text)
            );
            Some(self.failure(line, report))
        })
    }

    /// Makes the site a.example, with Alice, Bob and the list `staff`.
    fn site(&self, program: &Path, more: &str) -> Result<PathBuf, String> {
        let mut init = Command::new(program);
        init.args(["init", "a.example", "--domain", "a.example"]);
        init.args(["--user", "alice:wonderland", "--user", "bob:builder"]);
        init.current_dir(self.folder).stdout(Stdio::null());
        let done = init.status().map_err(|why| why.to_string())?;
        if !done.success() {
            return Err("init does not work".to_string());
        }
        let site = self.folder.join("a.example");
        let file = site.join("site.conf");
        let mut text = fs::read_to_string(&file).map_err(|why| why.to_string())?;
        text += "alias staff alice bob\n";
        for (_, line) in self.marks.all("site.conf") {
            text += &format!("{line}\n");
        }
        fs::write(&file, text + more).map_err(|why| why.to_string())?;
        Ok(site)
    }

    /// Hands a short letter to the site.
    fn letter(&self, program: &Path, from: &str, to: &str) -> Result<(), String> {
        let mut server = self.serve_once(program)?;
        let address = server.listens().ok_or_else(|| server.silent())?;
        let mut send = Command::new(program);
        send.args(["send", "--server", &address, "--from", from, "--to", to]);
        send.args(["--subject", "First letter"]);
        let mut sending = Running::start(&mut send)?;
        sending.write(b"Hello Alice\n");
        let sent = sending.finish(PROGRAM).ok_or("send does not end")?;
        match sent.status.success() {
            true => server
                .finish(PROGRAM)
                .map(drop)
                .ok_or("serve does not end".to_string()),
            false => Err(String::from_utf8_lossy(&sent.complained).to_string()),
        }
    }

    /// Our server, for one client.
    fn serve_once(&self, program: &Path) -> Result<Running, String> {
        let mut serve = Command::new(program);
        serve.args(["serve", "a.example", "--listen", "127.0.0.1:0"]);
        serve.args(["--sessions", "1"]);
        Running::start(serve.current_dir(self.folder))
    }

    /// The report of the player, which says `name:line: here it differs`, and what the program said.
    /// Some of that it says only because we hang up; before that the connection is still `open`.
    fn at(&self, report: String, program: &mut Running, open: Option<TcpStream>) -> Failure {
        let begin = format!("{}:", self.name);
        let line = report.lines().find_map(|line| line.strip_prefix(&begin));
        let line = line.and_then(|rest| rest.split(':').next()?.parse().ok());
        program.wait_a_little();
        let mut before = program.so_far();
        drop(open);
        program.wait_a_little();
        let all = program.killed();
        let mut later =
            [0, 1].map(|at| all[at].get(before[at].len()..).unwrap_or_default().to_vec());
        if let Program::Ours(_) = self.program {
            // Ours prints the conversation, which is in the report.
            before[0].clear();
            later[0].clear();
        }
        let then = match before.iter().all(Vec::is_empty) {
            true => "when we hung up, the program said:",
            false => "and then, when we hung up, it said:",
        };
        let before = told("the program said:", &before);
        Failure {
            place: format!("{}:{}", self.name, line.unwrap_or(1)),
            report: report + &before + &told(then, &later),
        }
    }

    fn failure(&self, line: usize, report: String) -> Failure {
        let place = format!("{}:{line}", self.name);
        Failure {
            report: format!("{place}: {report}"),
            place,
        }
    }
}

/// What we say to a server. Before a line we look whether it has kept what it promised.
struct Watched<'a> {
    socket: Socket,
    /// So many lines of ours.
    said: usize,
    stage: &'a Stage<'a>,
    root: &'a Path,
    failure: &'a mut Option<Failure>,
}

impl Read for Watched<'_> {
    fn read(&mut self, octets: &mut [u8]) -> io::Result<usize> {
        self.socket.read(octets)
    }
}

impl Write for Watched<'_> {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let marks = self.stage.marks.kept_before(self.said);
        *self.failure = self.stage.holds(self.root, marks);
        match self.failure {
            Some(failure) => {
                failure.report += "\n  the server had said 250 already, and the client had not said the next line";
                Err(io::Error::other("the server has not kept what it promised"))
            }
            None => self.socket.write(octets),
        }
    }

    /// Each line ends with this.
    fn flush(&mut self) -> io::Result<()> {
        self.said += 1;
        self.socket.flush()
    }
}

impl Stream for Watched<'_> {
    fn allow(&mut self, timeout: Duration) -> io::Result<()> {
        self.socket.allow(timeout)
    }
}

/// What we say, perhaps in pieces. A client that takes one of them for a whole reply is found out.
struct Said {
    socket: Socket,
    most: Option<usize>,
}

impl Read for Said {
    fn read(&mut self, octets: &mut [u8]) -> io::Result<usize> {
        self.socket.read(octets)
    }
}

impl Write for Said {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let mut part = octets;
        if let Some(most) = self.most {
            thread::sleep(PAUSE);
            part = &octets[..octets.len().min(most)];
        }
        match self.socket.write(part) {
            // The client has gone. What it said before that may still be unread, and it is what counts.
            Err(why) if is_gone(&why) => Ok(octets.len()),
            written => written,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.socket.flush()
    }
}

fn is_gone(why: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset};
    [BrokenPipe, ConnectionAborted, ConnectionReset].contains(&why.kind())
}

impl Stream for Said {
    fn allow(&mut self, timeout: Duration) -> io::Result<()> {
        self.socket.allow(timeout)
    }
}

/// Are these only the lines of header fields?
fn is_header(octets: &[u8]) -> bool {
    let lines = octets.split_inclusive(|octet| *octet == b'\n');
    lines.enumerate().all(|(at, line)| {
        let name = line.split(|octet| *octet == b':').next().unwrap_or(line);
        let is_field = name.len() < line.len() && name.iter().all(u8::is_ascii_graphic);
        let goes_on = at > 0 && line.starts_with(b" ") || line.starts_with(b"\t");
        line.ends_with(b"\r\n") && (goes_on || is_field && !name.is_empty())
    })
}

fn is_control(octet: u8) -> bool {
    octet < b' ' && !b"\t\n\r".contains(&octet) || octet == 0x7f
}

/// The octets of a text with `\n`, `\r`, `\t`, `\\`, `\"` and `\x00`.
fn unescaped(text: &str) -> Vec<u8> {
    let mut octets = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        octets.extend(before.bytes());
        let hex = after.strip_prefix('x').and_then(|hex| hex.get(..2));
        let hex = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        let (octet, length) = match (hex, after.bytes().next()) {
            (Some(octet), _) => (octet, 3),
            (None, Some(b'n')) => (b'\n', 1),
            (None, Some(b'r')) => (b'\r', 1),
            (None, Some(b't')) => (b'\t', 1),
            (None, Some(octet)) if octet.is_ascii() => (octet, 1),
            _ => (b'\\', 0),
        };
        octets.push(octet);
        rest = after.get(length..).unwrap_or_default();
    }
    octets.extend(rest.bytes());
    octets
}

/// Splits a command line; single quotes hold a word together, and `\n` is a newline.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (at, part) in line.split('\'').enumerate() {
        match at % 2 {
            1 => words.push(String::from_utf8_lossy(&unescaped(part)).to_string()),
            _ => words.extend(part.split_whitespace().map(str::to_string)),
        }
    }
    words
}
