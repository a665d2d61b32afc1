// ANCHOR: story
//! Options: `--name value` or `--name=value`. A word that begins with a dash is an
//! option, never a value; only the second form can carry such a value. A single `-` names
//! standard input.
//!
//! Which options a command takes is written in the manual, `help.txt`: the form of the
//! command is also the rule for its arguments. So the two cannot differ.

use super::{Failure, usage};
use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;
// ANCHOR_END: story

// ANCHOR: args
/// The arguments of one command.
pub struct Args {
    /// What is not an option: `DIR`, `FILE` or `HOST:PORT`. Empty where the form has
    /// none.
    pub word: String,
    /// Names and values.
    options: Vec<(String, String)>,
}
// ANCHOR_END: args

// ANCHOR: parse_words
impl Args {
    /// Sorts the words of a command line by the form of the command.
    pub fn parse(form: &str, words: &[&str]) -> Result<Args, Failure> {
        let known = known_options(form);
        // The names of the program and of the command come first.
        let place = form.split_whitespace().nth(2);
        let place = place.filter(|word| !word.contains("--"));
        let mut args = Args {
            word: String::new(),
            options: Vec::new(),
        };
        // ANCHOR_END: parse_words
        // ANCHOR: parse_each
        let mut words = words.iter().copied();
        while let Some(word) = words.next() {
            if is_option(word) {
                args.add_option(&known, word, &mut words).map_err(usage)?;
            } else if place.is_some() && args.word.is_empty() {
                args.word = word.to_string();
            } else {
                return Err(usage(format!("{word} is one word too many")));
            }
        }
        let place = place.filter(|_| args.word.is_empty());
        match place {
            Some(place) => Err(usage(format!("{place} is missing"))),
            None => Ok(args),
        }
    }
    // ANCHOR_END: parse_each

    // ANCHOR: add_option
    /// Adds an option, and its value, which may be the next of the words.
    fn add_option<'a>(
        &mut self,
        known: &[Known],
        word: &str,
        words: &mut impl Iterator<Item = &'a str>,
    ) -> Result<(), String> {
        let (dashed, value) = match word.split_once('=') {
            Some((dashed, value)) => (dashed, Some(value)),
            None => (word, None),
        };
        let mut known = known.iter();
        let option = known.find(|known| dashed.strip_prefix("--") == Some(known.name));
        let option = option.ok_or(format!("{dashed} is not an option"))?;
        // ANCHOR_END: add_option
        // ANCHOR: value
        let needs = format!("{dashed} needs a value");
        let value = match (option.has_value, value) {
            (true, Some(value)) => value,
            (true, None) => match words.next() {
                Some(next) if is_option(next) => {
                    return Err(format!("{needs}; {dashed}={next} if you mean that"));
                }
                next => next.ok_or(needs)?,
            },
            (false, Some(_)) => return Err(format!("{dashed} takes no value")),
            (false, None) => "",
        };
        // ANCHOR_END: value
        // ANCHOR: twice
        if self.flag(option.name) && !option.may_repeat {
            return Err(format!("{dashed} is given twice"));
        }
        let option = (option.name.to_string(), value.to_string());
        self.options.push(option);
        Ok(())
    }
    // ANCHOR_END: twice

    // ANCHOR: get
    /// The value of an option.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// All values of an option that may be repeated.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let options = self.options.iter();
        options.filter_map(move |(given, value)| (given == name).then_some(value.as_str()))
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

    /// The value of an option, read as a time in seconds, more than 0.
    pub fn seconds(&self, name: &str) -> Result<Option<Duration>, Failure> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        let rule = "takes a number of seconds, more than 0";
        let most = u32::MAX.into();
        match Duration::try_from_secs_f64(value.parse().unwrap_or(0.0)) {
            Ok(time) if !time.is_zero() && time.as_secs() <= most => Ok(Some(time)),
            _ => Err(usage(format!("--{name} {rule}"))),
        }
    }
}
// ANCHOR_END: get

// ANCHOR: parse
/// Reads the value of an option as what it has to be.
pub fn parse<T: FromStr<Err: Display>>(name: &str, value: &str) -> Result<T, Failure> {
    let parsed = value.parse();
    parsed.map_err(|why| usage(format!("--{name}: {value:?}: {why}")))
}
// ANCHOR_END: parse

// ANCHOR: known
/// An option that a command knows.
struct Known<'a> {
    name: &'a str,
    has_value: bool,
    may_repeat: bool,
}

/// Reads the options of a form such as `smtp-primer init DIR --domain D [--user
/// NAME:PASSWORD]...`.
fn known_options(form: &str) -> Vec<Known<'_>> {
    let mut options: Vec<Known> = Vec::new();
    for word in form.split_whitespace() {
        if let Some(name) = word.trim_matches(['[', ']', '(']).strip_prefix("--") {
            // Of `--to B [--to C]...` the second says that there may be more.
            options.retain(|known| known.name != name);
            options.push(Known {
                name,
                has_value: !word.ends_with(']'),
                may_repeat: false,
            });
        }
        if let Some(last) = options.last_mut() {
            last.may_repeat |= word.ends_with("...");
        }
    }
    options
}
// ANCHOR_END: known

// ANCHOR: is_option
fn is_option(word: &str) -> bool {
    word.len() > 1 && word.starts_with('-')
}
// ANCHOR_END: is_option
