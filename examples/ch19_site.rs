//! A mail server is a folder: this makes one in a temporary place, adds a list to its site.conf,
//! puts one letter into its post office, and shows the files that are there afterwards. Then it
//! spoils site.conf.
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
use std::path::Path;

fn main() {
    if std::env::args().len() > 1 {
        eprintln!("usage: cargo run --example ch19_site");
        std::process::exit(2);
    }
    println!("Look for the letter to staff: it is in two mailboxes, and in the queue for carol.");
    println!("Look for the two mistakes in site.conf: both are found before a server starts.");
    println!();
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

    let site = Site::open(folder)?;
    let letter = Letter {
        reverse_path: ReversePath::Null,
        forward_paths: vec!["<staff@a.example>".parse()?],
        origin: None,
        text: Text::from_file(b"Subject: Tea?\n\nAt five.\n"),
    };
    let clock = Clock::new(None);
    let mut office = PostOffice {
        site: &site,
        clock,
        log: &|why| eprintln!("{why}"),
    };
    let name = office.store(&letter)?;
    println!("kept as {name}:");
    tree(folder, "  ")?;

    fs::write(&file, conf + "usr dave secret\nroute c.example nowhere\n")?;
    match Site::open(folder) {
        Ok(_) => println!("\nno mistake was found"),
        Err(why) => println!("\n{why}"),
    }
    Ok(())
}

fn tree(folder: &Path, indent: &str) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        println!("{indent}{}", path.file_name().unwrap_or_default().display());
        if path.is_dir() {
            tree(&path, &format!("{indent}    "))?;
        }
    }
    Ok(())
}
