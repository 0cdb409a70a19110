use sls_core::model::{LogGroup, Text};
use sls_core::wire::GroupListView;

use crate::clock::speedup;
use crate::corpus::{Corpus, Kind};
use crate::goals::Selection;
use crate::report::{Marks, Report};
use crate::{official, ours};

/// Goals 5 and 6: from the bytes of a list to every field, borrowed and owned.
pub(super) fn run(selection: &Selection, report: &mut Report) {
    for kind in Kind::ALL {
        let list = ours::list(Corpus::new(kind, 2000), 500);
        assert_same(&list);
        let parse = || GroupListView::parse(&list).expect("a well-formed list");
        let mut official = || official::decode(&list).log_groups().len();
        if selection.has(5) {
            let ratio = speedup(&mut || ours::visit(&parse()), &mut official);
            let marks = Marks::AtLeast {
                floor: 5.0,
                target: 11.0,
            };
            report.add(5, format!("borrowed, {}", kind.name()), ratio, marks);
        }
        if selection.has(6) {
            let ratio = speedup(&mut || parse().to_owned().len(), &mut official);
            let marks = Marks::AtLeast {
                floor: 1.5,
                target: 3.0,
            };
            report.add(6, format!("owned, {}", kind.name()), ratio, marks);
        }
    }
}

/// Both read the same values out of the bytes.
fn assert_same(list: &[u8]) {
    let ours: Vec<LogGroup> = GroupListView::parse(list)
        .expect("a well-formed list")
        .to_owned();
    let official = official::decode(list);
    assert_eq!(ours.len(), official.log_groups().len());
    for (ours, official) in ours.iter().zip(official.log_groups()) {
        assert_eq!(ours.logs.len(), official.logs().len());
        for (ours, official) in ours.logs.iter().zip(official.logs()) {
            assert_eq!(ours.time, *official.time());
            assert_eq!(ours.time_ns, *official.time_ns());
            let same = |text: &Text, other: &String| text == other.as_str();
            assert_eq!(ours.contents.len(), official.contents().len());
            for (ours, official) in ours.contents.iter().zip(official.contents()) {
                assert!(same(&ours.key, official.key()) && same(&ours.value, official.value()));
            }
        }
    }
}
