//! The coursework is true. Each assignment differs where its card says before the work is done, its
//! solution is right, each typical wrong answer is found out at its own line, and each such line has
//! a hint. All of it is compiled and played; that takes minutes, so `.ci/run` runs it.

#[allow(dead_code)] // The example uses more of these.
mod attack;
#[allow(dead_code)]
mod card;
mod claims;
mod convict;
#[allow(dead_code)]
mod desk;
#[allow(dead_code)]
mod grade;
#[allow(dead_code)]
mod hole;
mod miniature;
#[path = "../book/order.rs"]
mod order;
#[allow(dead_code)]
#[path = "../common/patch.rs"]
mod patch;
#[allow(dead_code)]
#[path = "../book/project.rs"]
mod project;
#[allow(dead_code)]
mod running;
#[allow(dead_code)]
mod stage;
#[allow(dead_code)]
mod teacher;
mod tree;

use std::path::Path;

/// While this file is there, src/ is a student's own work.
const MINE: &str = "book/coursework/mine";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Fails with all complaints, one to a line.
fn none(complaints: Vec<String>) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

#[test]
fn the_cards_and_hints_fit_the_files() {
    if root().join(MINE).exists() {
        println!("not proven: this tree holds your own work ({MINE})");
        return;
    }
    none(claims::fit(root()));
}

#[test]
#[ignore = "compiles each solution and each wrong answer; .ci/run runs it"]
fn each_assignment_is_red_and_its_solution_green_and_each_wrong_answer_is_found_out() {
    none(claims::hold(root(), claims::is_chosen).unwrap_or_else(|why| vec![why]));
}

#[test]
#[ignore = "compiles the project with holes in each chapter; .ci/run runs it"]
fn each_chapter_can_be_written_anew() {
    none(claims::holes(root()).unwrap_or_else(|why| vec![why]));
}

#[test]
#[ignore = "grades each solution again and again; TIMES in the environment says how often"]
fn a_judge_says_the_same_each_time() {
    let times = std::env::var("TIMES").ok();
    let times = times.and_then(|times| times.parse().ok()).unwrap_or(0);
    let wrong = claims::steady(root(), claims::is_chosen, times);
    none(wrong.unwrap_or_else(|why| vec![why]));
}
