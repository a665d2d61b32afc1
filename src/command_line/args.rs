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

/// The options of a form such as `DIR [--listen HOST:PORT] --to B [--to C]... [--quiet]`: of each
/// the name, and what the form says behind it.
fn known(form: &str) -> impl Iterator<Item = (&str, &str)> {
    let pieces = form.split("--").skip(1);
    pieces.filter_map(|piece| piece.split_at_checked(piece.find([' ', ']'])?))
}

fn is_option(word: &str) -> bool {
    word.len() > 1 && word.starts_with('-')
}

impl Args {
    /// Sorts the words of a command line by the form of the command.
    pub fn parse(form: &str, words: &[&str]) -> Result<Args, Failure> {
        let mut args = Args {
            word: String::new(),
            options: Vec::new(),
        };
        let place = form.split(' ').next();
        let mut place = place.filter(|place| !place.contains("--"));
        let mut words = words.iter().copied();
        while let Some(word) = words.next() {
            if is_option(word) {
                let taken = args.option(word, form, &mut words);
                taken.map_err(usage)?;
            } else if let Some(place) = place.take() {
                if word.is_empty() {
                    return Err(usage(format!("{place} is empty")));
                }
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
        form: &str,
        words: &mut impl Iterator<Item = &'a str>,
    ) -> Result<(), String> {
        let (dashed, value) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (word, None),
        };
        // The last of that name is the one that says whether it may be repeated.
        let named = known(form).filter(|(name, _)| dashed.strip_prefix("--") == Some(name));
        let Some((name, behind)) = named.last() else {
            return Err(format!("{dashed} is no option; {}", names(form)));
        };
        let needs = format!("{dashed} needs a value");
        let value = match (behind.starts_with(' '), value) {
            (true, Some(value)) => value,
            (true, None) => match words.next() {
                Some(value) if !is_option(value) => value,
                Some(value) => return Err(format!("{needs}; {dashed}={value} if you mean that")),
                None => return Err(needs),
            },
            (false, Some(_)) => return Err(format!("{dashed} takes no value")),
            (false, None) => "",
        };
        if !behind.contains("]...") && self.flag(name) {
            return Err(format!("{dashed} is given twice"));
        }
        self.options.push((name.to_string(), value.to_string()));
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
    parsed.map_err(|why| usage(format!("--{name}: {value:?}: {why}")))
}

fn names(form: &str) -> String {
    let mut names: Vec<&str> = known(form).map(|(name, _)| name).collect();
    names.dedup();
    match names.join(" --") {
        names if names.is_empty() => "there is none".to_string(),
        names => format!("there are --{names}"),
    }
}
