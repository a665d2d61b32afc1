//! A disk that fails at a chosen moment.
//!
//! A program does not talk to the disk. It calls functions of the C library: `write`, `fsync`,
//! `rename`. This file is compiled into a small library of its own, with functions of the same
//! names, and the system is told to load it first (`LD_PRELOAD`, ld.so(8)). So the program finds
//! ours, and does not know. Ours count the calls, write them down, and at the chosen one kill the
//! program or answer with an error; all others are handed on to the real function.
//!
//! `crash_points.rs` compiles it and says in the environment what is to happen:
//!
//! - `FAULT_BELOW`: the folder to watch. Calls that concern anything else just pass.
//! - `FAULT_LOG`: the file where each call is written down.
//! - `FAULT_FROM`, `FAULT_UNTIL`: calls have a number between a line of the log that holds the
//!   first text and one that holds the second. What is sent to a socket stands in the log, too.
//! - `FAULT_AT`: the number of the call where it happens, from 1.
//! - `FAULT_HOW`: `before` the call, `after` it, or `midway`: a write writes half.
//! - `FAULT_ERROR`: the error (errno) to answer; 0 kills.
//! - `FAULT_TIMES`: how many calls get that answer.
//! - `FAULT_CALLS`: the names of the calls that can.
//!
//! This is no part of the package, which allows no unsafe code. Here nothing goes without: each of
//! these functions trusts its caller as the C library does.

use std::env;
use std::ffi::{CStr, OsStr, c_char, c_int, c_uint, c_void};
use std::fs::{File, read_link};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex};

unsafe extern "C" {
    fn dlsym(library: *mut c_void, name: *const c_char) -> *mut c_void;
    fn __errno_location() -> *mut c_int;
    fn raise(signal: c_int) -> c_int;
}

/// "The next library after this one", for `dlsym`.
const NEXT: *mut c_void = -1_isize as *mut c_void;
const SIGKILL: c_int = 9;
const O_CREAT: c_int = 0o100;

/// What the environment asks for.
struct Plan {
    below: PathBuf,
    log: PathBuf,
    from: String,
    until: String,
    at: usize,
    how: String,
    error: c_int,
    times: usize,
    calls: String,
}

static PLAN: LazyLock<Plan> = LazyLock::new(|| {
    let text = |name| env::var(name).unwrap_or_default();
    let number = |name| text(name).parse().unwrap_or(0);
    Plan {
        below: text("FAULT_BELOW").into(),
        log: text("FAULT_LOG").into(),
        from: text("FAULT_FROM"),
        until: text("FAULT_UNTIL"),
        at: number("FAULT_AT"),
        how: text("FAULT_HOW"),
        error: number("FAULT_ERROR") as c_int,
        times: number("FAULT_TIMES"),
        calls: text("FAULT_CALLS"),
    }
});

/// How far the program is.
struct Progress {
    counting: bool,
    number: usize,
}

static PROGRESS: LazyLock<Mutex<Progress>> = LazyLock::new(|| {
    let counting = PLAN.from.is_empty();
    Mutex::new(Progress {
        counting,
        number: 0,
    })
});

/// One call, to a function that answers -1 if it fails. `act` does it, or half of it.
fn call(name: &str, paths: &[PathBuf], act: impl Fn(bool) -> isize) -> isize {
    let plan = &*PLAN;
    let watched = !plan.below.as_os_str().is_empty();
    if !watched || !paths.iter().any(|path| path.starts_with(&plan.below)) {
        return act(false);
    }
    let number = count();
    let (is_here, is_midway) = (number == plan.at && number > 0, plan.how == "midway");
    if is_here && plan.error == 0 {
        if plan.how != "before" {
            act(is_midway);
        }
        unsafe { raise(SIGKILL) };
    }
    // Who was told that half was written comes again with the rest, and hears of the error then.
    let first = plan.at + usize::from(is_midway);
    let is_bad = plan.at > 0 && number >= first && number - first < plan.times;
    let result = if is_bad && plan.calls.split(' ').any(|bad| bad == name) {
        unsafe { *__errno_location() = plan.error };
        -1
    } else {
        act(is_here && is_midway)
    };
    let error = unsafe { *__errno_location() };
    let paths: Vec<_> = paths.iter().map(|path| path.to_string_lossy()).collect();
    note(&format!("{number}\t{name}\t{result}\t{}", paths.join("\t")));
    unsafe { *__errno_location() = error };
    result
}

/// The number of this call; 0 if we do not count now.
fn count() -> usize {
    let mut progress = PROGRESS.lock().unwrap();
    progress.number += usize::from(progress.counting);
    if progress.counting {
        progress.number
    } else {
        0
    }
}

/// Writes a line into the log. It may be the one where counting begins or ends.
fn note(line: &str) {
    let plan = &*PLAN;
    let log = File::options().create(true).append(true).open(&plan.log);
    log.and_then(|mut log| log.write_all(format!("{line}\n").as_bytes()))
        .unwrap();
    let is = |text: &str| !text.is_empty() && line.contains(text);
    let mut progress = PROGRESS.lock().unwrap();
    progress.counting = (progress.counting || is(&plan.from)) && !is(&plan.until);
}

/// The real function of this name.
unsafe fn real<F: Copy>(name: &CStr) -> F {
    unsafe { std::mem::transmute_copy(&dlsym(NEXT, name.as_ptr())) }
}

unsafe fn path(path: *const c_char) -> PathBuf {
    Path::new(OsStr::from_bytes(
        unsafe { CStr::from_ptr(path) }.to_bytes(),
    ))
    .to_path_buf()
}

/// The path of an open file. (A socket or a pipe has a name here that is no path.)
fn path_of(file: c_int) -> PathBuf {
    read_link(format!("/proc/self/fd/{file}")).unwrap_or_default()
}

// The functions themselves. Each is declared as in its manual page, and does nothing but to say
// what it concerns. The mode of `open` may be missing; then what we hand on is ignored.

#[unsafe(no_mangle)]
unsafe extern "C" fn open64(name: *const c_char, flags: c_int, mode: c_uint) -> c_int {
    type Open = unsafe extern "C" fn(*const c_char, c_int, ...) -> c_int;
    let real: Open = unsafe { real(c"open64") };
    let what = if flags & O_CREAT == 0 {
        "open"
    } else {
        "create"
    };
    let paths = [unsafe { path(name) }];
    call(what, &paths, |_| unsafe { real(name, flags, mode) }
        as isize) as c_int
}

#[unsafe(no_mangle)]
unsafe extern "C" fn write(file: c_int, octets: *const c_void, size: usize) -> isize {
    type Write = unsafe extern "C" fn(c_int, *const c_void, usize) -> isize;
    let real: Write = unsafe { real(c"write") };
    call("write", &[path_of(file)], |half| {
        let size = if half { size / 2 } else { size };
        unsafe { real(file, octets, size) }
    })
}

/// Here nothing is synced in truth. The program dies, not the computer, so nobody can tell; and it
/// is by far the slowest call of all.
#[unsafe(no_mangle)]
unsafe extern "C" fn fsync(file: c_int) -> c_int {
    call("fsync", &[path_of(file)], |_| 0) as c_int
}

#[unsafe(no_mangle)]
unsafe extern "C" fn linkat(
    old_folder: c_int,
    old: *const c_char,
    new_folder: c_int,
    new: *const c_char,
    flags: c_int,
) -> c_int {
    type Link = unsafe extern "C" fn(c_int, *const c_char, c_int, *const c_char, c_int) -> c_int;
    let real: Link = unsafe { real(c"linkat") };
    let paths = unsafe { [path(old), path(new)] };
    call(
        "link",
        &paths,
        |_| unsafe { real(old_folder, old, new_folder, new, flags) } as isize,
    ) as c_int
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rename(old: *const c_char, new: *const c_char) -> c_int {
    type Rename = unsafe extern "C" fn(*const c_char, *const c_char) -> c_int;
    let real: Rename = unsafe { real(c"rename") };
    let paths = unsafe { [path(old), path(new)] };
    call("rename", &paths, |_| unsafe { real(old, new) } as isize) as c_int
}

#[unsafe(no_mangle)]
unsafe extern "C" fn unlink(name: *const c_char) -> c_int {
    let real: unsafe extern "C" fn(*const c_char) -> c_int = unsafe { real(c"unlink") };
    let paths = [unsafe { path(name) }];
    call("unlink", &paths, |_| unsafe { real(name) } as isize) as c_int
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mkdir(name: *const c_char, mode: c_uint) -> c_int {
    let real: unsafe extern "C" fn(*const c_char, c_uint) -> c_int = unsafe { real(c"mkdir") };
    let paths = [unsafe { path(name) }];
    call("mkdir", &paths, |_| unsafe { real(name, mode) } as isize) as c_int
}

/// What goes out to the other side. It does not count, but its first line is written down, before
/// the other side can have it.
#[unsafe(no_mangle)]
unsafe extern "C" fn send(
    socket: c_int,
    octets: *const c_void,
    size: usize,
    flags: c_int,
) -> isize {
    type Send = unsafe extern "C" fn(c_int, *const c_void, usize, c_int) -> isize;
    let real: Send = unsafe { real(c"send") };
    let said = unsafe { std::slice::from_raw_parts(octets.cast::<u8>(), size) };
    let line = said
        .split(|octet| *octet == b'\r')
        .next()
        .unwrap_or_default();
    note(&format!(
        "0\tsend\t{size}\t{}",
        String::from_utf8_lossy(line)
    ));
    unsafe { real(socket, octets, size, flags) }
}
