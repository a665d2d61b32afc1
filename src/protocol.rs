// ANCHOR: story
//! # What both sides agree on (chapters 2 to 7)
//!
//! A small server and a small client need five things: lines; the text of a letter, which
//! is lines with one rule about dots; addresses; commands, which name addresses; and
//! replies, which begin with three digits. They are about a thousand lines of code, and
//! nothing else in the crate knows how these things look on the wire.
//!
//! The rest is not needed for that. The trace shows the conversation to a person. Base64
//! and SASL carry passwords, and the mask keeps passwords out of the trace.
//!
//! Every type here keeps one promise: what `parse` accepts, `Display` writes, and `parse`
//! reads that back as the same value. And no `Display` writes a CR or LF, so no value can
//! end a line early.

pub mod line;
// ANCHOR_END: story

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
