//! Options: `--name value` or `--name=value`. What begins with a dash is an option, never a value;
//! only the second form can carry such a value. A lone `-` is no option: it names standard input.
//!
//! The form of a command, as `help` prints it, is also what its arguments are checked against, so
//! that the two cannot differ.

use super::{Failure, usage};
use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

/// The arguments of one command.
pub struct Args {
    /// What is no option: `DIR`, `FILE` or `HOST:PORT`. Empty where the form has none.
    pub word: String,
    options: Vec<(String, String)>,
}

/// What a form says of an option.
struct Known<'a> {
    name: &'a str,
    takes_value: bool,
    repeats: bool,
}

/// Finds the options of a form such as `DIR [--listen HOST:PORT] --to B [--to C]... [--quiet]`.
fn known(form: &str) -> Vec<Known<'_>> {
    let mut known: Vec<Known> = Vec::new();
    for piece in form.split("--").skip(1) {
        let end = piece.find([' ', ']']).unwrap_or(piece.len());
        let (name, rest) = piece.split_at(end);
        known.retain(|earlier| earlier.name != name);
        known.push(Known {
            name,
            takes_value: rest.starts_with(' '),
            repeats: rest.contains("]..."),
        });
    }
    known
}

fn is_option(word: &str) -> bool {
    word.len() > 1 && word.starts_with('-')
}

impl Args {
    /// Sorts the words of a command line by the form of the command.
    pub fn parse(form: &str, words: &[&str]) -> Result<Args, Failure> {
        let known = known(form);
        let mut args = Args {
            word: String::new(),
            options: Vec::new(),
        };
        let place = form.split(' ').next();
        let mut place = place.filter(|place| !place.contains("--"));
        let mut words = words.iter().copied();
        while let Some(word) = words.next() {
            if is_option(word) {
                let taken = args.option(word, &known, &mut words);
                taken.map_err(usage)?;
            } else if place.take().is_some() {
                args.word = word.to_string();
            } else {
                return Err(usage(format!("{word} is one word too many")));
            }
        }
        match place {
            Some(place) => Err(usage(format!("{place} is missing"))),
            None => Ok(args),
        }
    }

    /// Takes an option, and its value, which may be the next of the words.
    fn option<'a>(
        &mut self,
        word: &str,
        known: &[Known],
        words: &mut impl Iterator<Item = &'a str>,
    ) -> Result<(), String> {
        let (dashed, value) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (word, None),
        };
        let fits = |known: &&Known| dashed.strip_prefix("--") == Some(known.name);
        let Some(known) = known.iter().find(fits) else {
            return Err(format!("{dashed} is no option; {}", names(known)));
        };
        let needs = format!("{dashed} needs a value");
        let value = match (known.takes_value, value) {
            (true, Some(value)) => value,
            (true, None) => match words.next() {
                Some(value) if !is_option(value) => value,
                Some(value) => return Err(format!("{needs}; {dashed}={value} if you mean that")),
                None => return Err(needs),
            },
            (false, Some(_)) => return Err(format!("{dashed} takes no value")),
            (false, None) => "",
        };
        if !known.repeats && self.flag(known.name) {
            return Err(format!("{dashed} is given twice"));
        }
        let name = known.name.to_string();
        self.options.push((name, value.to_string()));
        Ok(())
    }

    /// The value of an option.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// All values of an option that may be repeated.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let named = move |option: &&(String, String)| option.0 == name;
        let options = self.options.iter().filter(named);
        options.map(|(_, value)| value.as_str())
    }

    /// Was this option given?
    pub fn flag(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// The value of an option that must be there.
    pub fn need(&self, name: &str) -> Result<&str, Failure> {
        let missing = || usage(format!("--{name} is missing"));
        self.get(name).ok_or_else(missing)
    }

    /// The value of an option, read as a number.
    pub fn number(&self, name: &str) -> Result<Option<u64>, Failure> {
        let number = self.get(name).map(str::parse).transpose();
        number.map_err(|_| usage(format!("--{name} takes a whole number")))
    }

    /// The value of an option, read as seconds, of which there must be some.
    pub fn seconds(&self, name: &str) -> Result<Option<Duration>, Failure> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        let rule = "takes a number of seconds, more than 0";
        let seconds = value.parse().unwrap_or(0.0);
        match Duration::try_from_secs_f64(seconds) {
            Ok(time) if !time.is_zero() && time.as_secs() <= u32::MAX.into() => Ok(Some(time)),
            _ => Err(usage(format!("--{name} {rule}"))),
        }
    }
}

/// Reads the value of an option as what it has to be.
pub fn parse<T: FromStr<Err: Display>>(name: &str, value: &str) -> Result<T, Failure> {
    let parsed = value.parse();
    parsed.map_err(|why| usage(format!("--{name}: {why}")))
}

fn names(known: &[Known]) -> String {
    if known.is_empty() {
        return "there is none".to_string();
    }
    let names = known.iter().map(|known| format!(" --{}", known.name));
    format!("there are{}", names.collect::<String>())
}
