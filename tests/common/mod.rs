//! What several chapters' tests need.
#![allow(dead_code)]

pub mod crash;
pub mod dialogues;
pub mod disk;
pub mod dns;
pub mod hostile;
pub mod inn;
pub mod mailbox;
pub mod peers;
pub mod power_cut;
pub mod process;
pub mod script;
pub mod talk;
