//! The project's own copies of the recorded cases: nothing failed.

use suites::vectors::Set;
use testkit::vectors;

#[track_caller]
fn nothing_failed(set: Set) {
    let tally = set
        .run(&vectors(set.name()))
        .expect("the copies are readable");
    assert_eq!(tally.failed(), [], "{}", set.name());
    let cases = tally.passed() + tally.pending().len();
    assert!(cases > 0, "no case was found");
}

#[test]
fn no_sls_case_fails() {
    nothing_failed(Set::Sls);
}

#[test]
fn no_spl_case_fails() {
    nothing_failed(Set::Spl);
}

#[test]
fn no_growingio_case_fails() {
    nothing_failed(Set::GrowingIo);
}
