//! Queries, compiled once and kept for the next pull.

use std::sync::{Arc, Mutex, PoisonError};

use sls_spl::{Options, Program};

use crate::refusal::Refusal;

/// Consumers send the same few queries again and again.
const KEPT: usize = 64;

/// The programs that were used last.
#[derive(Debug)]
pub(crate) struct Programs {
    options: Options,
    /// Guards the order of use; compiling happens outside.
    kept: Mutex<Vec<(String, Arc<Program>)>>,
}

impl Programs {
    pub(crate) fn new(options: Options) -> Self {
        Self {
            options,
            kept: Mutex::default(),
        }
    }

    /// The program of a text; a broken one is refused with its place.
    pub(crate) fn compiled(&self, text: &str) -> Result<Arc<Program>, Refusal> {
        if let Some(program) = self.find(text) {
            return Ok(program);
        }
        let program = Program::compile(text, &self.options).map_err(|error| {
            let hint = error.hint().map(|hint| format!("; hint: {hint}"));
            Refusal::parameter(format!("{}{}", error.one_line(), hint.unwrap_or_default()))
        })?;
        let program = Arc::new(program);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.truncate(KEPT - 1);
        kept.insert(0, (text.to_owned(), Arc::clone(&program)));
        Ok(program)
    }

    fn find(&self, text: &str) -> Option<Arc<Program>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let place = kept.iter().position(|(known, _)| known == text)?;
        kept[..=place].rotate_right(1);
        Some(Arc::clone(&kept[0].1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_programs_used_last_are_kept() {
        let programs = Programs::new(Options::default());
        let first = programs.compiled("* | where a = '0'").unwrap();
        for number in 1..=KEPT {
            let again = programs.compiled("* | where a = '0'").unwrap();
            assert!(Arc::ptr_eq(&first, &again));
            programs
                .compiled(&format!("* | where a = '{number}'"))
                .unwrap();
        }
        assert_eq!(programs.kept.lock().unwrap().len(), KEPT);
        assert!(programs.find("* | where a = '1'").is_none());
        assert!(programs.find("* | where a = '2'").is_some());
    }

    #[test]
    fn a_broken_program_is_refused_with_kind_and_place() {
        let programs = Programs::new(Options::default());
        let refusal = programs.compiled("* | where (").unwrap_err();
        assert_eq!((refusal.status, refusal.code), (400, "ParameterInvalid"));
        assert!(
            refusal.message.starts_with("syntax: "),
            "{}",
            refusal.message
        );
        assert!(
            refusal.message.contains("line 1, column"),
            "{}",
            refusal.message
        );
    }
}
