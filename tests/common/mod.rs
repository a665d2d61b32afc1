//! What several chapters' tests need.
#![allow(dead_code)]

pub mod peers;
pub mod process;
