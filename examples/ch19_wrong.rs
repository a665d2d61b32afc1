//! Chapter 19, the site: names that lead out of the folder, and two programs that make one site.
//! Run it: `cargo run --example ch19_wrong`

use smtp_primer::queue::Queue;
use smtp_primer::site::Site;
use std::path::{Path, PathBuf};
use std::{fs, io};

fn main() {
    if std::env::args().len() > 1 {
        eprintln!("usage: cargo run --example ch19_wrong");
        std::process::exit(2);
    }
    println!("Look for the mailbox that is made beside a.example, and not in it.");
    println!("Look for the name that becomes bad when it is made clean.");
    println!("Look for the two programs that both say: I have made the site.\n");
    let folder = std::env::temp_dir().join(format!("ch19_wrong-{}", std::process::id()));
    let shown = show(&folder);
    let _ = fs::remove_dir_all(&folder);
    if let Err(why) = shown {
        eprintln!("{why}");
        std::process::exit(1);
    }
}

fn show(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let folder = &fs::canonicalize(folder)?;
    let mail = folder.join("a.example/mail");
    for name in ["alice", "../../x", "....//....//y"] {
        let places = [joined(&mail, name), cleaned(&mail, name)];
        for (how, place) in ["joined", "cleaned"].iter().zip(places) {
            fs::create_dir_all(&place)?;
            let place = fs::canonicalize(place)?;
            let place = place.strip_prefix(folder).unwrap_or(&place);
            println!("{how:7} {name:14} -> {}", place.display());
        }
    }
    for (how, place) in [
        ("joined", joined(&mail, "/home/bob")),
        ("cleaned", cleaned(&mail, "/home/bob")),
    ] {
        println!("{how:7} /home/bob      -> {}", place.display());
    }
    println!("\ntwo careless programs:");
    println!("site.conf says: {}", race(&folder.join("careless"))?);
    println!("\nours, while another program has the lock, and then twice:");
    let lock = Queue::create(&folder.join("queue"))?.lock()?;
    tell(Site::init(folder, "b.example", &[]), folder);
    drop(lock);
    for domain in ["a.example", "b.example"] {
        tell(Site::init(folder, domain, &[]), folder);
    }
    Ok(())
}

// ANCHOR: joined
/// Wrong: the name of a stranger is a part of the path.
fn joined(mail: &Path, name: &str) -> PathBuf {
    mail.join(name)
}
// ANCHOR_END: joined

// ANCHOR: cleaned
/// Wrong: what is bad is cut out of the name.
fn cleaned(mail: &Path, name: &str) -> PathBuf {
    mail.join(name.replace("../", ""))
}
// ANCHOR_END: cleaned

// ANCHOR: race
/// Wrong: each of two programs looks, and then writes.
fn race(file: &Path) -> io::Result<String> {
    let is_free_for_a = !file.exists();
    let is_free_for_b = !file.exists();
    if is_free_for_a {
        fs::write(file, "domain a.example")?;
        println!("a: I have made the site");
    }
    if is_free_for_b {
        fs::write(file, "domain b.example")?;
        println!("b: I have made the site");
    }
    fs::read_to_string(file)
}
// ANCHOR_END: race

fn tell(made: Result<Site, String>, folder: &Path) {
    let folder = folder.display().to_string();
    let said = made.map(|site| format!("{}: I have made the site", site.host.domain));
    println!(
        "{}",
        said.unwrap_or_else(|why| why.replace(&folder, "the folder"))
    );
}
