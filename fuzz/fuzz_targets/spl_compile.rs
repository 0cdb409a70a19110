//! Any text is a program or an error with a place; a program prints as text that compiles to
//! the same print.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sls_spl::{Options, Program};

fuzz_target!(|text: &str| {
    // Printing adds parentheses and quotes: its length is no fault of the program.
    let options = Options::default().with_script_limit(1 << 24);
    let program = match Program::compile(text, &options) {
        Ok(program) => program,
        Err(error) => {
            assert!(error.kind().is_compile_time());
            assert!(!error.to_string().is_empty());
            assert!(!error.one_line().contains('\n'));
            let span = error.span().expect("a place in the text");
            assert!(span.start() <= span.end() && span.end() <= text.len());
            return;
        }
    };
    let printed = program.to_string();
    match Program::compile(&printed, &options) {
        Ok(again) => {
            assert_eq!(again.to_string(), printed);
            assert_eq!(again.explain(), program.explain());
            assert_eq!(again.warnings().len(), program.warnings().len());
        }
        Err(error) => panic!("{printed}\n{error}"),
    }
    // Strictness only makes errors of warnings.
    let strict = Program::compile(text, &options.with_strict(true));
    assert_eq!(strict.is_ok(), program.warnings().is_empty());
});
