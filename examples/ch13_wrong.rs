//! Chapter 13, the mailbox: three ways to deliver a letter that look right, and what they lose.
//!
//! Run it: `cargo run --example ch13_wrong`. (A test of crashes runs it with a FOLDER.)

use smtp_primer::maildir::Maildir;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.len() > 1 {
        eprintln!("usage: cargo run --example ch13_wrong [FOLDER]");
        std::process::exit(2);
    }
    println!("Look for the letter that is read before it is whole.");
    println!("Look for the second letter, and what became of the first.\n");
    let own = std::env::temp_dir().join(format!("ch13-wrong-{}", std::process::id()));
    let shown = match words.first() {
        Some(folder) => deliver_in_two_ways(Path::new(folder)),
        None => show(&own),
    };
    let _ = fs::remove_dir_all(&own);
    if let Err(why) = shown {
        eprintln!("{}: {why}", own.display());
        std::process::exit(1);
    }
}

const LETTER: [&str; 3] = ["Subject: Tea?\n", "\n", "At five.\n"];

fn show(folder: &Path) -> io::Result<()> {
    let alice = Maildir::create(folder)?;
    let lines = LETTER.into_iter().inspect(|line| {
        if *line == LETTER[2] {
            println!("A reader looks while the careless server writes:");
            look(&alice);
        }
    });
    careless(&alice, "1795412453", lines)?;
    println!("The careless server is done:");
    look(&alice);
    println!("It has written one more letter in the same second:");
    careless(&alice, "1795412453", ["Subject: No\n"].into_iter())?;
    look(&alice);
    Ok(())
}

fn look(mailbox: &Maildir) {
    for letter in mailbox.list().unwrap_or_default() {
        let text = fs::read_to_string(&letter.path).unwrap_or_default();
        println!("  new/{}: {text:?}", letter.uid);
    }
}

// ANCHOR: careless
/// Wrong: the letter is in `new` before it is whole, and another one may be there.
fn careless<'a>(
    mailbox: &Maildir,
    name: &str,
    lines: impl Iterator<Item = &'a str>,
) -> io::Result<()> {
    let mut file = File::create(mailbox.folder().join("new").join(name))?;
    for line in lines {
        file.write_all(line.as_bytes())?;
    }
    Ok(())
}
// ANCHOR_END: careless

fn deliver_in_two_ways(folder: &Path) -> io::Result<()> {
    moved(&Maildir::open(&folder.join("moved")), "1")?;
    nameless(&Maildir::open(&folder.join("nameless")), "1")
}

// ANCHOR: moved
/// Wrong: nobody has waited for the disk.
fn moved(mailbox: &Maildir, name: &str) -> io::Result<()> {
    let tmp = mailbox.folder().join("tmp").join(name);
    fs::write(&tmp, LETTER.concat())?;
    fs::rename(&tmp, mailbox.folder().join("new").join(name))
}
// ANCHOR_END: moved

// ANCHOR: nameless
/// Wrong: the letter is on the disk, but perhaps without a name.
fn nameless(mailbox: &Maildir, name: &str) -> io::Result<()> {
    let tmp = mailbox.folder().join("tmp").join(name);
    fs::write(&tmp, LETTER.concat())?;
    File::open(&tmp)?.sync_all()?;
    fs::rename(&tmp, mailbox.folder().join("new").join(name))
}
// ANCHOR_END: nameless
