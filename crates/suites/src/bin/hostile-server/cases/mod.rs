//! The cases, by what the server does.

mod crowd; // many at once
mod pace; // slowly, or never
mod protocol; // something that is not HTTP, or too much of it
mod redirect; // elsewhere
mod reset; // closing half-way
mod shape; // HTTP with the wrong thing in it
mod size; // more than it seems

use crate::case::Case;

pub(crate) fn all() -> Vec<Case> {
    [
        size::CASES,
        pace::CASES,
        shape::CASES,
        protocol::CASES,
        redirect::CASES,
        reset::CASES,
        crowd::CASES,
    ]
    .into_iter()
    .flatten()
    .map(|case| Case {
        name: case.name,
        run: case.run,
    })
    .collect()
}
