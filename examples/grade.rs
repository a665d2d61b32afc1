//! Grades your coursework: see Part VII of the book. Without words it says where you are.
//!
//! ```text
//! cargo run --example grade -- 02
//! ```

#[path = "../tests/coursework/attack.rs"]
mod attack;
#[allow(dead_code)] // The tests of the coursework use more of these.
#[path = "../tests/coursework/card.rs"]
mod card;
#[path = "../tests/coursework/convict.rs"]
mod convict;
#[path = "../tests/coursework/desk.rs"]
mod desk;
#[allow(dead_code)]
#[path = "../tests/coursework/grade.rs"]
mod grade;
#[path = "../tests/coursework/hole.rs"]
mod hole;
#[allow(dead_code)]
#[path = "../tests/common/patch.rs"]
mod patch;
#[allow(dead_code)]
#[path = "../tests/book/project.rs"]
mod project;
#[allow(dead_code)]
#[path = "../tests/coursework/running.rs"]
mod running;
#[path = "../tests/coursework/stage.rs"]
mod stage;
#[path = "../tests/coursework/teacher.rs"]
mod teacher;
#[path = "../tests/coursework/tree.rs"]
mod tree;

use std::path::Path;
use std::process::ExitCode;

/// While this file is there, src/ is a student's own work.
const MINE: &str = "book/coursework/mine";

fn main() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    match desk::serve(root, std::env::args().skip(1).collect()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            // As in the program: 2 is a mistake on the command line.
            ExitCode::from(if why.contains("usage: ") { 2 } else { 1 })
        }
    }
}
