//! The program, and servers that end with their test.

use super::script::peak_memory;
use assert_cmd::assert::OutputAssertExt;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread::{self, JoinHandle};

/// The program under test, with a clean environment.
pub fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_smtp-primer"));
    command.env_remove("SOURCE_DATE_EPOCH").env("NO_COLOR", "1");
    command
}

/// Runs the program with these words and this standard input, to its end.
pub fn run<W: AsRef<OsStr>>(words: &[W], input: &[u8]) -> Output {
    run_in(Path::new("."), words, input)
}

/// The same in another folder.
pub fn run_in<W: AsRef<OsStr>>(folder: &Path, words: &[W], input: &[u8]) -> Output {
    let mut command = assert_cmd::Command::from_std(program());
    command.args(words).current_dir(folder).write_stdin(input);
    command.output().expect("the program")
}

/// Makes a site below `folder`: `users` are `name:password`, `conf` is added to its site.conf.
pub fn make_site(folder: &Path, domain: &str, users: &[&str], conf: &str) -> PathBuf {
    let site = folder.join(domain);
    let mut init = program();
    init.arg("init").arg(&site).args(["--domain", domain]);
    for user in users {
        init.args(["--user", user]);
    }
    init.assert().success();
    let file = site.join("site.conf");
    let text = std::fs::read_to_string(&file).expect("site.conf") + conf;
    std::fs::write(&file, text).expect("site.conf");
    site
}

/// `serve` or `pop3`, running as its own process. It is killed when this goes out of scope, and
/// ends by itself if the test is killed.
pub struct Server {
    child: Child,
    /// Reads all that it prints: a pipe that is full would stop it.
    output: Option<JoinHandle<String>>,
    /// Where it listens: `127.0.0.1:port`.
    pub address: String,
}

impl Server {
    /// Starts `smtp-primer ROLE SITE --listen 127.0.0.1:0 OPTIONS...` and waits until it listens.
    pub fn start(role: &str, site: &Path, options: &[&str]) -> Server {
        let mut command = program();
        command
            .arg(role)
            .arg(site)
            .args(["--listen", "127.0.0.1:0"])
            .args(options);
        Server::run(&mut command)
    }

    /// Starts a program that says first where it listens.
    pub fn run(command: &mut Command) -> Server {
        let mut child = command
            .env("SMTP_PRIMER_LEASH", std::process::id().to_string())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut output = BufReader::new(child.stdout.take().expect("its output"));
        let mut line = String::new();
        output.read_line(&mut line).expect("its first line");
        let address = line
            .trim_end()
            .strip_prefix("listening on ")
            .expect("where it listens");
        let output = thread::spawn(move || {
            let mut rest = String::new();
            output.read_to_string(&mut rest).expect("its output");
            rest
        });
        Server {
            address: address.to_string(),
            child,
            output: Some(output),
        }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The most memory that it has ever had, in octets, where the system tells.
    pub fn peak_memory(&self) -> Option<usize> {
        peak_memory(self.id())
    }

    fn rest(&mut self) -> String {
        let output = self.output.take().expect("it ends once");
        output.join().expect("its output")
    }

    /// Waits until it ends by itself (`--sessions`), and returns the rest of its output.
    pub fn finish(mut self) -> String {
        let rest = self.rest();
        let status = self.child.wait().expect("it ends");
        assert!(status.success(), "{status}");
        rest
    }
}

impl Server {
    /// Waits until it ends, however it does.
    pub fn wait(mut self) -> ExitStatus {
        self.child.wait().expect("it ends")
    }

    /// Ends it, and returns the rest of its output.
    pub fn end(mut self) -> String {
        self.child.kill().expect("it is ended");
        self.rest()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
