// ANCHOR: story
//! # smtp-primer
//!
//! A complete mail system to learn from. Each module is one chapter of the book, in this
//! order, and uses only modules before it.

pub mod protocol;
// ANCHOR_END: story

// ANCHOR: dialogue
pub mod dialogue;
// ANCHOR_END: dialogue

// ANCHOR: session
pub mod session;
// ANCHOR_END: session

// ANCHOR: server
pub mod server;
// ANCHOR_END: server

// ANCHOR: client
pub mod client;
// ANCHOR_END: client

// ANCHOR: message
pub mod message;
// ANCHOR_END: message

// ANCHOR: maildir
pub mod maildir;
// ANCHOR_END: maildir

// ANCHOR: queue
pub mod queue;
// ANCHOR_END: queue

// ANCHOR: next_hop
pub mod next_hop;
// ANCHOR_END: next_hop

// ANCHOR: relay
pub mod relay;
// ANCHOR_END: relay

// ANCHOR: pop3
pub mod pop3;
// ANCHOR_END: pop3

// ANCHOR: display
pub mod display;
// ANCHOR_END: display

// ANCHOR: site
pub mod site;
// ANCHOR_END: site

// ANCHOR: command_line
pub mod command_line;
// ANCHOR_END: command_line
