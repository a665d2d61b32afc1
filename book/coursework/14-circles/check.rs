//! Round in circles: two servers that hand a letter to each other.

#[allow(dead_code)]
mod common {
    pub mod folder;
    pub mod process;
    pub mod script;
}

use common::folder::{TempDir, new_letters};
use common::process::{Server, make_site, program, run};
use std::fs;
use std::path::Path;

/// So many passes are enough: two for each visit, and two for the bounce.
const PASSES: usize = 2 * $times$ + 2;

/// Adds lines to `site.conf`. Only the relay uses them, and it reads the file in each pass.
fn add(site: &Path, lines: &str) {
    let file = site.join("site.conf");
    let text = fs::read_to_string(&file).expect("site.conf") + lines;
    fs::write(&file, text).expect("site.conf");
}

/// How many letters wait.
fn waiting(site: &Path) -> usize {
    let queue = fs::read_dir(site.join("queue")).expect("a queue");
    let names = queue.map(|entry| entry.expect("an entry").file_name());
    names
        .filter(|name| name.to_string_lossy().ends_with(".envelope"))
        .count()
}

#[test]
fn two_servers_that_route_a_domain_to_each_other_stop_soon_and_the_sender_is_told() {
    let folder = TempDir::new("circles");
    let site = |name| make_site(folder.path(), name, &["alice:x"], "");
    let sites = [site("a.example"), site("b.example")];
    let servers = sites
        .each_ref()
        .map(|site| Server::start("serve", site, &["--quiet"]));
    let [a, b] = servers.each_ref().map(|server| server.address.as_str());
    add(&sites[0], &format!("route c.example {b}\n"));
    add(
        &sites[1],
        &format!("route c.example {a}\nroute a.example {a}\n"),
    );

    let words = ["--from=alice@a.example", "--to=carol@c.example"];
    let words = [&["send", "--server", a], &words[..]].concat();
    let sent = run(&words, b"Hello Carol\n");
    assert!(sent.status.success(), "{sent:?}");

    for pass in 0..PASSES {
        let mut relay = program();
        relay.arg("relay").arg(&sites[pass % 2]).arg("--once");
        relay.output().expect("relay");
    }
    let left = sites.each_ref().map(|site| waiting(site));
    assert_eq!(left, [0, 0], "after {PASSES} passes letters still wait");
    let told = new_letters(&sites[0], "alice");
    assert_eq!(told.len(), 1, "alice has one bounce");
    let text = String::from_utf8_lossy(&told[0]).to_string();
    assert!(text.contains("carol@c.example"), "{text}");
    assert!(text.contains("554"), "{text}");
}
