//! A figure of octets shows the octets that the program has printed.

use crate::project::Project;
use std::fs;

/// The figure of chapter 15 and its dump: the same octets in the same order.
pub fn packet(project: &Project) -> Vec<String> {
    let read = |name| fs::read_to_string(project.root.join(name)).unwrap_or_default();
    let (figure, session) = (
        read("book/figures/packet.svg"),
        read("book/terminal/15-packet.txt"),
    );
    let drawn = figure.lines().filter_map(|line| {
        let text = line.strip_prefix("<text class=\"octet\"")?;
        let (_, text) = text.split_once('>')?;
        text.strip_suffix("</text>")
    });
    let dump = session.split("The answer,").nth(1).unwrap_or_default();
    let rows = dump.lines().filter_map(|line| line.get(6..53));
    let rows = rows.take_while(|row| row.starts_with(|c: char| c.is_ascii_hexdigit()));
    let printed = rows.flat_map(str::split_whitespace);
    let (drawn, printed): (Vec<&str>, Vec<&str>) = (drawn.collect(), printed.collect());
    if printed.is_empty() || drawn != printed {
        let message = format!("it draws {drawn:?}, and the program prints {printed:?}");
        return vec![format!("book/figures/packet.svg:1: {message}")];
    }
    Vec::new()
}
