//! A program on a disk that fails at a chosen moment: the tests' side of `fault.rs`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

/// What happens, and when.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    /// At which call, from 1.
    pub at: usize,
    /// `before` the call, `after` it, or `midway` in a write.
    pub how: &'static str,
    /// The error (errno) that is answered. 0: the program is killed.
    pub error: i32,
    /// How many calls get that answer.
    pub times: usize,
    /// The names of the calls that can get it.
    pub calls: &'static str,
}

/// A disk that does what it is asked to.
pub const NONE: Fault = Fault {
    at: 0,
    how: "before",
    error: 0,
    times: 0,
    calls: "",
};

/// From then on.
pub const FOR_GOOD: usize = usize::MAX;

/// What each error means, and which calls can meet it. A full disk can still remove files, and from
/// one that is read-only one can still read.
const ERRORS: [(i32, &str); 3] = [
    (ENOSPC, "create write fsync link rename mkdir"),
    (EROFS, "create write fsync link rename mkdir unlink"),
    (EIO, "create open write fsync link rename mkdir unlink"),
];
const ENOSPC: i32 = 28;
const EROFS: i32 = 30;
const EIO: i32 = 5;

impl Fault {
    /// The disk is full for good.
    pub fn full(at: usize) -> Fault {
        let (error, calls) = ERRORS[0];
        let times = FOR_GOOD;
        Fault {
            at,
            error,
            times,
            calls,
            ..NONE
        }
    }

    /// Can files still be removed while it lasts?
    pub fn can_remove(&self) -> bool {
        self.times == 1 || !self.calls.contains("unlink")
    }
}

/// To be killed before each of these calls, after it, and in the middle of each write.
pub fn kills(calls: &[Call]) -> Vec<Fault> {
    let ways = |call: &Call| match call.name.as_str() {
        "write" => &["before", "midway", "after"][..],
        _ => &["before", "after"][..],
    };
    let kill = |call: &Call, how| Fault {
        at: call.number,
        how,
        ..NONE
    };
    let kills = calls
        .iter()
        .flat_map(|call| ways(call).iter().map(move |how| kill(call, how)));
    kills.collect()
}

/// To meet each error that it can, at each of these calls: once, and from then on. A disk also gets
/// full in the middle of a write; and it is not read-only for one call.
pub fn errors(calls: &[Call]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for Call { number, name, .. } in calls {
        for (error, calls) in ERRORS {
            if !calls.split(' ').any(|bad| bad == name) {
                continue;
            }
            let once = Fault {
                at: *number,
                times: 1,
                error,
                calls,
                ..NONE
            };
            let for_good = Fault {
                times: FOR_GOOD,
                ..once
            };
            faults.push(for_good);
            if error != EROFS {
                faults.push(once);
            }
            if error == ENOSPC && name == "write" {
                faults.extend([once, for_good].map(|fault| Fault {
                    how: "midway",
                    ..fault
                }));
            }
        }
    }
    faults
}

/// A call that was made, as it stands in the log.
#[derive(Debug, Clone)]
pub struct Call {
    /// 0: it does not count.
    pub number: usize,
    pub name: String,
    /// What the function answered; -1 if it failed.
    pub result: isize,
    pub paths: Vec<PathBuf>,
}

impl Call {
    fn parse(line: &str) -> Call {
        let mut words = line.split('\t');
        let mut word = || words.next().expect("a whole line");
        Call {
            number: word().parse().expect("a number"),
            name: word().to_string(),
            result: word().parse().expect("a result"),
            paths: words.map(PathBuf::from).collect(),
        }
    }

    /// Is this the moment when something that begins so goes out to the other side?
    pub fn sends(&self, what: &str) -> bool {
        self.name == "send" && self.paths[0].to_string_lossy().starts_with(what)
    }
}

/// A folder that is watched, and the log of what is done to it.
pub struct Watch {
    below: PathBuf,
    log: PathBuf,
    from: &'static str,
    until: &'static str,
}

impl Watch {
    /// Calls that concern what is `below` count from a line of the log that holds the one text
    /// (empty: from the beginning) until one that holds the other.
    pub fn new(below: &Path, log: &Path, from: &'static str, until: &'static str) -> Watch {
        let (below, log) = (below.to_path_buf(), log.to_path_buf());
        Watch {
            below,
            log,
            from,
            until,
        }
    }

    /// Has the program meet this fault.
    pub fn prepare<'a>(&self, command: &'a mut Command, fault: &Fault) -> &'a mut Command {
        let number = |number: usize| number.to_string();
        command
            // A blank or a colon in the name of the folder would end the name of the library.
            .current_dir(&*LIBRARY)
            .env("LD_PRELOAD", "./libfault.so")
            .env("FAULT_BELOW", &self.below)
            .env("FAULT_LOG", &self.log)
            .env("FAULT_FROM", self.from)
            .env("FAULT_UNTIL", self.until)
            .env("FAULT_AT", number(fault.at))
            .env("FAULT_HOW", fault.how)
            .env("FAULT_ERROR", fault.error.to_string())
            .env("FAULT_TIMES", number(fault.times))
            .env("FAULT_CALLS", fault.calls)
    }

    /// What was done since the last time.
    pub fn log(&self) -> Vec<Call> {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let _ = fs::remove_file(&self.log);
        log.lines().map(Call::parse).collect()
    }
}

/// The calls that count.
pub fn counted(log: &[Call]) -> Vec<Call> {
    log.iter().filter(|call| call.number > 0).cloned().collect()
}

/// The folder of the library that stands between a program and its disk.
static LIBRARY: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    // Under a name of our own first: another test run may have it loaded just now.
    let mine = folder.join(format!("fault-{}.so", std::process::id()));
    let rustc = std::env::var_os("RUSTC").unwrap_or("rustc".into());
    let made = Command::new(rustc)
        .args([
            "--edition=2024",
            "--crate-type=cdylib",
            "--crate-name=fault",
            "-o",
        ])
        .arg(&mine)
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/common/fault.rs"
        ))
        .output()
        .expect("rustc is found");
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    fs::rename(&mine, folder.join("libfault.so")).expect("a library");
    folder
});
