use std::io;
use std::path::Path;

use testkit::{Outcome, Tally, cases_below};

pub(super) fn run(folder: &Path) -> io::Result<Tally> {
    let mut tally = Tally::default();
    for file in cases_below(folder)? {
        for case in file.json.as_array().into_iter().flatten() {
            let name = case["name"].as_str().unwrap_or("unnamed");
            tally.note(
                format!("{} {name}", file.file),
                Outcome::Pending("sls-spl".to_owned()),
            );
        }
    }
    Ok(tally)
}
