//! A million inputs that nobody has thought of. Each is something good, spoilt: a piece is left
//! out, said twice, or put where it does not belong. No input may make the code panic or hang; what
//! else has to be true of any input, the tests here say.
//!
//! Each input is made from its number, so they are the same in every run, and a failure shows both.
//! `TIMES=100 cargo test --release --test any_input` makes a hundred times as many. `bash .ci/fuzz`
//! has a fuzzer make them, which looks for inputs that reach what none before has reached.

mod clients;
#[allow(dead_code)]
#[path = "../common"]
mod common {
    pub mod folder;
    pub mod inn;
    pub mod mailbox;
    pub mod script;
    pub mod talk;
}
mod files;
mod letters;
mod lines;
mod packets;
mod pop3;
mod smtp;
mod talks;

use common::script::Dice;
use std::path::{Path, PathBuf};

/// How many inputs each test gets. A conversation is one, however many lines it has.
mod count {
    pub const ADDRESSES: u64 = 150_000;
    pub const COMMANDS: u64 = 300_000;
    pub const REPLIES: u64 = 120_000;
    pub const BASE64: u64 = 60_000;
    pub const FIELDS: u64 = 20_000;
    pub const PACKETS: u64 = 200_000;
    pub const LETTERS: u64 = 20_000;
    pub const ENVELOPES: u64 = 100_000;
    pub const DIALOGUES: u64 = 30_000;
    pub const SITES: u64 = 120;
    pub const SESSIONS: u64 = 15_000;
    pub const SERVERS: u64 = 5_000;
    pub const POP3_SESSIONS: u64 = 10_000;
    pub const POP3_SERVERS: u64 = 3_000;
    pub const SENDERS: u64 = 5_000;
    pub const FETCHERS: u64 = 5_000;

    const LINES: u64 = ADDRESSES + COMMANDS + REPLIES + BASE64 + FIELDS;
    const FILES: u64 = PACKETS + LETTERS + ENVELOPES + DIALOGUES + SITES;
    const CONVERSATIONS: u64 =
        SESSIONS + SERVERS + POP3_SESSIONS + POP3_SERVERS + SENDERS + FETCHERS;
    const _: () = assert!(LINES + FILES + CONVERSATIONS >= 1_000_000);
}

/// A list, written with a `|` between two.
fn list(text: &'static str) -> Vec<&'static [u8]> {
    text.split('|').map(str::as_bytes).collect()
}

/// Octets that are at home nowhere, and those that mean something nearly everywhere.
const ODD: &str = "\0|\t|\x1b|\x7f|\u{85}|\u{e9}|\u{202e}|\r|\n|\r\n| |  |\\|\"|+|-|.|0";

/// What the inputs of a test are made from.
struct Stock {
    good: Vec<&'static [u8]>,
    pieces: Vec<&'static [u8]>,
    /// How long an input may be, in octets.
    limits: &'static [usize],
}

impl Stock {
    /// Inputs that are good, and pieces that mean something in them.
    fn new(good: Vec<&'static [u8]>, pieces: &'static str, limits: &'static [usize]) -> Stock {
        let octets: [&[u8]; 3] = [b"\x80", b"\xc3", b"\xff"];
        let pieces = [list(pieces), list(ODD), octets.to_vec(), good.clone()].concat();
        Stock {
            good,
            pieces,
            limits,
        }
    }

    /// A good input, spoilt; sometimes in capitals, sometimes stretched to a limit, one octet less,
    /// or one more.
    fn spoilt(&self, dice: &mut Dice) -> Vec<u8> {
        let good = dice.pick(&self.good);
        let mut octets = dice.spoil(good, &self.pieces);
        if dice.below(16) == 0 {
            octets.make_ascii_uppercase();
        }
        if dice.below(32) == 0 && !self.limits.is_empty() {
            let limit = self.limits[dice.below(self.limits.len())];
            let missing = (limit + dice.below(3)).saturating_sub(octets.len() + 1);
            let at = dice.below(octets.len() + 1);
            let octet = octets.get(at).copied().unwrap_or(b'x');
            octets.splice(at..at, vec![octet; missing]);
        }
        octets
    }

    /// Feeds so many inputs to `check`, which panics if something is wrong with what became of one,
    /// and else says whether it was still good. With `SEEDS=FOLDER` the first thousand are kept
    /// there, for a fuzzer to begin with.
    fn feed(
        &self,
        count: u64,
        make: fn(&Stock, &mut Dice) -> Vec<u8>,
        check: impl Fn(&[u8]) -> bool,
    ) {
        let times = std::env::var("TIMES").map_or(1, |times| times.parse().expect("a number"));
        let (count, mut good) = (count * times, 0);
        let seeds = std::env::var_os("SEEDS").map(|folder| seeds(Path::new(&folder), &check));
        for number in 1..=count {
            // Small numbers have few bits set, and so would all that is made from them.
            let mut dice = Dice::new(number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            let input = make(self, &mut dice);
            if let Some(seeds) = &seeds
                && number <= 1000
            {
                std::fs::write(seeds.join(number.to_string()), &input).expect("a seed");
            }
            let _shown = Shown(number, &input);
            good += u64::from(check(&input));
        }
        let rare = good.min(count - good);
        assert!(
            rare > count / 10,
            "of {count} inputs {good} were good: half the code is missed"
        );
    }
}

/// Makes the folder for the inputs of a check, named as it is: `any_input::smtp::session`.
fn seeds<C>(folder: &Path, _: &C) -> PathBuf {
    let seeds = folder.join(std::any::type_name::<C>());
    std::fs::create_dir_all(&seeds).expect("a folder for seeds");
    seeds
}

/// Shows an input if the test fails over it.
struct Shown<'a>(u64, &'a [u8]);

impl Drop for Shown<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("input {}: b\"{}\"", self.0, self.1.escape_ascii());
        }
    }
}
