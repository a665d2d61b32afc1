//! # smtp-primer
//!
//! A complete mail system to learn from. Each module is one chapter of the book, in this order, and
//! uses only modules before it.

pub mod protocol;

pub mod next_hop;
