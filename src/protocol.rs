//! # What both sides agree on (chapters 2 to 7)
//!
//! A conversation is lines; a letter's text is lines with one rule about dots; commands name
//! addresses; replies begin with three digits. The server and the client, SMTP and POP3, all stand
//! on these few files, and nothing else in the crate knows how any of it looks on the wire.
//!
//! Every type here keeps one promise: what `parse` accepts, `Display` writes, and `parse` reads
//! that back as the same value. And no `Display` holds a CR or LF, so no value can end a line
//! early.

pub mod line;

pub mod dot;

pub mod address;

pub mod command;

pub mod reply;

pub mod base64;

pub mod sasl;
