//! The journey.

use super::Failure;
use super::args::Args;

pub fn journey(_args: &Args) -> Result<(), Failure> {
    Ok(())
}
