//! Options: `--name value` or `--name=value`. What begins with a dash is an option, never a value;
//! only the second form can carry such a value. A lone `-` is no option: it names standard input.
//!
//! The form of a command, as `help` prints it, is also what its arguments are checked against, so
//! that the two cannot differ.

use super::Failure;
use std::io::ErrorKind;
use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

/// The arguments of one command.
pub struct Args {
    words: Vec<String>,
    options: Vec<(String, String)>,
}

/// What a form says of an option.
struct Known<'a> {
    name: &'a str,
    takes_value: bool,
    repeats: bool,
}

/// Finds the options of a form such as `DIR [--listen HOST:PORT] [--to C]... [--quiet]`.
fn known(form: &str) -> Vec<Known<'_>> {
    let mut known: Vec<Known> = Vec::new();
    for (at, _) in form.match_indices("--") {
        let rest = form.get(at + 2..).unwrap_or_default();
        let end = rest.find([' ', ']', ')']).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        let value = after
            .strip_prefix(' ')
            .is_some_and(|value| !value.starts_with(['[', '|', '-']));
        let until = after.find([']', ')', '[', '|']).unwrap_or(after.len());
        let repeats = after
            .get(until..)
            .is_some_and(|end| end.starts_with("]..."));
        match known.iter_mut().find(|known| known.name == name) {
            Some(known) => known.repeats |= repeats,
            None => known.push(Known {
                name,
                takes_value: value,
                repeats,
            }),
        }
    }
    known
}

fn is_option(word: &str) -> bool {
    word.len() > 1 && word.starts_with('-')
}

impl Args {
    /// Sorts the words of a command line by the form of the command.
    pub fn parse(form: &str, words: &[String]) -> Result<Args, String> {
        let known = known(form);
        let most = form
            .split_whitespace()
            .take_while(|word| !word.contains("--") && *word != "(")
            .count();
        let mut args = Args {
            words: Vec::new(),
            options: Vec::new(),
        };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            if !is_option(word) {
                args.words.push(word.clone());
                continue;
            }
            let option = word.strip_prefix("--").unwrap_or_default();
            let (name, value) = match option.split_once('=') {
                Some((name, value)) => (name, Some(value.to_string())),
                None => (option, None),
            };
            let Some(known) = known.iter().find(|known| known.name == name) else {
                let names = known.iter().map(|known| format!(" --{}", known.name));
                let names = match known.as_slice() {
                    [] => "there is none".to_string(),
                    _ => format!("there are{}", names.collect::<String>()),
                };
                return Err(format!("{word} is no option; {names}"));
            };
            let value = match (known.takes_value, value) {
                (true, Some(value)) => value,
                (true, None) => match words.next() {
                    Some(value) if is_option(value) => {
                        return Err(format!(
                            "--{name} needs a value; --{name}={value} if you mean that"
                        ));
                    }
                    Some(value) => value.clone(),
                    None => return Err(format!("--{name} needs a value")),
                },
                (false, None) => String::new(),
                (false, Some(_)) => return Err(format!("--{name} takes no value")),
            };
            if !known.repeats && args.get(name).is_some() {
                return Err(format!("--{name} is given twice"));
            }
            args.options.push((name.to_string(), value));
        }
        match args.words.get(most) {
            Some(word) => Err(format!("{word} is one word too many")),
            None => Ok(args),
        }
    }

    /// The word that is no option.
    pub fn word(&self, what: &str) -> Result<&str, Failure> {
        let word = self.words.first().map(String::as_str);
        word.ok_or_else(|| Failure::Usage(format!("{what} is missing")))
    }

    /// The value of an option.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// All values of an option that may be repeated.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.options
            .iter()
            .filter(move |(given, _)| given == name)
            .map(|(_, value)| value.as_str())
    }

    /// Was this option given?
    pub fn flag(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// The value of an option that must be there.
    pub fn need(&self, name: &str) -> Result<&str, Failure> {
        self.get(name)
            .ok_or_else(|| Failure::Usage(format!("--{name} is missing")))
    }

    /// The value of an option, read as a number.
    pub fn number(&self, name: &str) -> Result<Option<u64>, Failure> {
        let wrong = |_| Failure::Usage(format!("--{name} takes a whole number"));
        self.get(name)
            .map(|value| value.parse().map_err(wrong))
            .transpose()
    }

    /// The value of an option, read as seconds, of which there must be some.
    pub fn seconds(&self, name: &str) -> Result<Option<Duration>, Failure> {
        let seconds = |value: &str| {
            let time = Duration::try_from_secs_f64(value.parse().ok()?).ok()?;
            Some(time).filter(|time| !time.is_zero() && time.as_secs() <= u32::MAX.into())
        };
        let wrong = || Failure::Usage(format!("--{name} takes a number of seconds, more than 0"));
        self.get(name)
            .map(|value| seconds(value).ok_or_else(wrong))
            .transpose()
    }

    /// The value of an option, or `default`, read as `HOST:PORT` and looked up.
    pub fn addresses(&self, name: &str, default: &str) -> Result<Vec<SocketAddr>, Failure> {
        look_up(self.get(name).unwrap_or(default)).map_err(|failure| match failure {
            Failure::Usage(why) => Failure::Usage(format!("--{name}: {why}")),
            failure => failure,
        })
    }
}

/// Finds the addresses of `HOST:PORT`. A name may have several, as localhost often has, and a
/// server may listen on one of them alone: so whoever connects tries them all.
pub fn look_up(host_and_port: &str) -> Result<Vec<SocketAddr>, Failure> {
    let form = "the form is HOST:PORT, such as 127.0.0.1:2525";
    match host_and_port.to_socket_addrs() {
        Ok(addresses) => Ok(addresses.collect()),
        Err(error) if error.kind() == ErrorKind::InvalidInput => {
            Err(Failure::Usage(format!("{host_and_port}: {form}")))
        }
        Err(error) => Err(Failure::TryLater(format!("{host_and_port}: {error}"))),
    }
}
