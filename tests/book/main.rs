//! The book is true: what it shows is the code, all of the code; what it says happens, happens; and
//! what it points to exists. The rules are functions from a project's folder to complaints of the
//! form `file:line: message`, so that the real book and the broken miniature ones of `miniature`
//! pass through the same checks.

mod answers;
mod appendices;
mod asides;
#[allow(dead_code)]
#[path = "../common"]
mod common {
    pub mod folder;
    pub mod patch;
    pub mod process;
    pub mod script;
    pub mod side_by_side;
}
mod course;
mod deck;
mod defects;
mod dialogues;
mod examples;
mod figures;
mod ledger;
mod links;
mod listings;
mod miniature;
mod order;
mod outlines;
mod patches;
mod player;
mod project;
mod quotes;
mod recipe;
mod robot;
mod short_path;
mod shown;
mod stage;
#[cfg(unix)]
mod terminals;
mod transcripts;
mod where_is;

use project::Project;
use std::path::Path;

fn the_book() -> Project {
    Project::read(Path::new(env!("CARGO_MANIFEST_DIR")))
}

/// Fails with all complaints, one to a line.
fn none(complaints: Vec<String>) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

/// While this file is there, src/ is a student's own work: the coursework makes it.
const MINE: &str = "book/coursework/mine";

/// Compares the code with the book, unless the code is a student's own.
fn compare(complaints: fn(&Project) -> Vec<String>) {
    let project = the_book();
    if project.has(MINE) {
        println!("not compared: this tree holds your own work ({MINE})");
    } else {
        none(complaints(&project));
    }
}

#[test]
fn what_the_book_shows_is_the_code() {
    none(listings::text_is_code(&the_book()));
}

#[test]
fn the_packet_is_drawn_as_it_is_printed() {
    none(figures::packet(&the_book()));
}

#[test]
fn all_of_the_code_is_shown() {
    compare(listings::code_is_text);
}

#[test]
fn whoever_types_the_book_in_has_the_code() {
    compare(robot::ends_with_the_code);
}

#[test]
#[ignore = "compiles the crate once per chapter; .ci/run runs it"]
fn the_code_and_its_tests_work_after_each_chapter() {
    compare(robot::works_after_each_chapter);
}

/// `.ci/chapter` says which chapter, and where.
#[test]
#[ignore = "it is a tool, .ci/chapter"]
fn write_the_crate_as_it_is_after_a_chapter() {
    let word = |name: &str| std::env::var(name).unwrap_or_default();
    if let Ok(chapter) = word("CHAPTER").parse() {
        robot::write_chapter(&the_book(), chapter, Path::new(&word("FOLDER")));
    }
}

#[test]
fn modules_stand_in_the_order_of_the_chapters_and_use_only_earlier_ones() {
    none(order::only_backwards(&the_book()));
}

#[test]
fn no_conversation_is_written_into_a_page() {
    none(transcripts::are_files(&the_book()));
}

#[test]
fn every_conversation_happens_as_it_is_written() {
    none(dialogues::happen(&the_book()));
}

#[test]
#[cfg(unix)] // It takes a shell.
fn every_terminal_session_happens_as_it_is_written() {
    none(terminals::happen(&the_book()));
}

#[test]
fn what_the_book_points_to_exists() {
    none(links::lead_somewhere(&the_book()));
}

#[test]
fn what_a_sentence_quotes_exists() {
    compare(quotes::exist);
}

#[test]
fn the_sections_of_rfcs_exist() {
    none(links::cited_sections_exist(&the_book()));
}

#[test]
fn chapter_module_example_and_tests_belong_together() {
    none(links::belong_together(&the_book()));
}

#[test]
fn each_statement_of_the_deck_is_shown_running() {
    compare(deck::is_shown_running);
}

#[test]
fn each_rule_of_the_standards_is_seen_kept_or_left_out_with_a_reason() {
    compare(ledger::is_complete_and_true);
}

#[test]
fn each_mistake_of_others_is_caught_by_a_test_that_names_it() {
    compare(defects::are_caught);
}

#[test]
fn the_appendices_list_what_there_is() {
    compare(appendices::commands);
    compare(appendices::replies);
    none(appendices::terms(&the_book()));
}

#[test]
fn the_outline_of_a_chapter_is_made_from_its_code() {
    compare(outlines::are_true_and_shown);
}

#[test]
fn a_command_in_a_sentence_names_what_exists() {
    none(course::commands_exist(&the_book()));
}

#[test]
fn an_assignment_has_its_number_and_title_wherever_it_is_named() {
    none(course::assignments_are_named(&the_book()));
}

#[test]
fn the_plan_of_the_course_can_be_followed() {
    none(course::plan_is_possible(&the_book()));
}

#[test]
fn each_exam_question_is_settled_by_something_that_runs() {
    none(course::questions_are_settled(&the_book()));
}

#[test]
fn each_exercise_has_its_answer() {
    none(answers::are_there(&the_book()));
}

#[test]
fn each_patch_of_an_answer_fits_the_code() {
    compare(patches::fit);
}

#[test]
#[ignore = "compiles the crate once per answer; .ci/run runs it"]
fn each_patch_of_an_answer_does_what_it_says() {
    compare(patches::do_what_they_say);
}

#[test]
fn a_chapter_follows_the_recipe() {
    compare(recipe::is_followed);
}

#[test]
fn each_notion_of_rust_is_explained_once_and_listed() {
    none(asides::are_listed(&the_book()));
}

#[test]
fn the_short_path_is_marked_in_the_contents_and_in_its_chapters() {
    none(short_path::is_marked(&the_book()));
}

#[test]
fn the_answers_to_where_is_name_code_that_exists() {
    none(where_is::answers_are_true(&the_book()));
}
