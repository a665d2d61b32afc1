//! # smtp-primer
//!
//! A complete mail system to learn from. Each module is one chapter of the book, in this order, and
//! uses only modules before it.

pub mod protocol;

pub mod dialogue;

pub mod session;

pub mod server;

pub mod client;

pub mod message;

pub mod maildir;

pub mod queue;

pub mod next_hop;

pub mod relay;

pub mod pop3;

pub mod display;

pub mod site;

pub mod command_line;
