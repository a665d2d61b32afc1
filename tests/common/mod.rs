//! What several chapters' tests need.
#![allow(dead_code)]

pub mod inn;
pub mod process;
pub mod script;
