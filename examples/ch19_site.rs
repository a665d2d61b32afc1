//! Chapter 19, the site: a mail server is a folder. This makes one in a temporary place, adds a
//! list to its site.conf, puts one letter into its post office, and shows the files.
//!
//! Run it with `cargo run --example ch19_site`.

use smtp_primer::message::Clock;
use smtp_primer::protocol::address::ReversePath;
use smtp_primer::protocol::dot::Text;
use smtp_primer::server::Store;
use smtp_primer::session::Letter;
use smtp_primer::site::{PostOffice, Site};
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

fn main() {
    if std::env::args().len() > 1 {
        eprintln!("usage: cargo run --example ch19_site");
        std::process::exit(2);
    }
    println!("Look for the letter to staff: it is in two mailboxes, and in the queue for carol.");
    println!("Look for the name of the file: it is the same in both mailboxes.\n");
    let folder = std::env::temp_dir().join(format!("ch19_site-{}", std::process::id()));
    let shown = show(&folder);
    let _ = fs::remove_dir_all(&folder);
    if let Err(why) = shown {
        eprintln!("{why}");
        std::process::exit(1);
    }
}

fn show(folder: &Path) -> Result<(), Box<dyn Error>> {
    let users = ["alice", "bob"].map(|name| (name.to_string(), "secret".to_string()));
    Site::init(folder, "a.example", &users)?;
    let file = folder.join("site.conf");
    let conf = fs::read_to_string(&file)? + "alias staff alice bob carol@c.example\n";
    fs::write(&file, &conf)?;

    // ANCHOR: goal
    let site = Site::open(folder)?;
    let mut office = PostOffice {
        site: &site,
        clock: Clock::new(Some(1_790_000_000)),
        log: &|why| eprintln!("{why}"),
    };
    let letter = Letter {
        reverse_path: ReversePath::Null,
        forward_paths: vec!["<staff@a.example>".parse()?],
        origin: None,
        text: Text::from_file(b"Subject: Tea?\n\nAt five.\n"),
    };
    println!("kept as {}", office.store(&letter)?);
    // ANCHOR_END: goal
    tree(folder, "  ")?;
    Ok(())
}

/// Shows what is in a folder, by name.
fn tree(folder: &Path, indent: &str) -> Result<(), Box<dyn Error>> {
    let entries = fs::read_dir(folder)?.map(|entry| Ok(entry?.path()));
    let mut paths = entries.collect::<std::io::Result<Vec<PathBuf>>>()?;
    paths.sort();
    for path in paths {
        println!("{indent}{}", path.file_name().unwrap_or_default().display());
        if path.is_dir() {
            tree(&path, &format!("{indent}    "))?;
        }
    }
    Ok(())
}
