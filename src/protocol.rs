// ANCHOR: story
//! # What both sides agree on (chapters 2 to 7)
//!
//! A conversation is lines; a letter's text is lines with one rule about dots; commands name
//! addresses; replies begin with three digits. The server and the client, SMTP and POP3, all stand
//! on these few files, and nothing else in the crate knows how any of it looks on the wire.
//!
//! Every type here keeps one promise: what `parse` accepts, `Display` writes, and `parse` reads
//! that back as the same value. And no `Display` holds a CR or LF, so no value can end a line
//! early.
// ANCHOR_END: story

// ANCHOR: line
pub mod line;
// ANCHOR_END: line

// ANCHOR: dot
pub mod dot;
// ANCHOR_END: dot

// ANCHOR: address
pub mod address;
// ANCHOR_END: address

// ANCHOR: command
pub mod command;
// ANCHOR_END: command

// ANCHOR: reply
pub mod reply;
// ANCHOR_END: reply

// ANCHOR: base64
pub mod base64;
pub mod mask;
pub mod sasl;
// ANCHOR_END: base64
