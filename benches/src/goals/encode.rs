use crate::clock::speedup;
use crate::corpus::{Corpus, Kind};
use crate::goals::Selection;
use crate::report::{Marks, Report};
use crate::{official, ours};

const LOGS: usize = 1000;

/// Goal 1: from `&str` fields to the bytes of a group.
pub(super) fn against_official(_: &Selection, report: &mut Report) {
    for kind in Kind::ALL {
        let corpus = Corpus::new(kind, LOGS);
        assert_same(&corpus);
        let mut spare = None;
        let ratio = speedup(
            &mut || {
                let group = ours::encode(&corpus, spare.take());
                let size = group.as_bytes().len();
                spare = Some(group);
                size
            },
            &mut || official::encode(&corpus).len(),
        );
        let (floor, target) = match kind {
            Kind::Access | Kind::Ten | Kind::Report => (8.0, 15.0),
            Kind::Two => (6.0, 11.0),
            Kind::Fifty => (9.0, 20.0),
        };
        report.add(1, kind.name(), ratio, Marks::AtLeast { floor, target });
    }
}

/// Goal 3: the least that any encoder does is to copy every key and value once.
pub(super) fn against_copy(_: &Selection, report: &mut Report) {
    for kind in Kind::ALL {
        let corpus = Corpus::new(kind, LOGS);
        let mut spare = None;
        let mut copy = Vec::new();
        let ratio = speedup(
            &mut || {
                let group = ours::encode(&corpus, spare.take());
                let size = group.as_bytes().len();
                spare = Some(group);
                size
            },
            &mut || {
                copy.clear();
                for text in corpus.texts() {
                    copy.extend_from_slice(text.as_bytes());
                }
                copy.len()
            },
        );
        let marks = Marks::AtLeast {
            floor: 0.55,
            target: 0.9,
        };
        report.add(3, kind.name(), ratio, marks);
    }
}

pub(super) fn assert_same(corpus: &Corpus) {
    let ours = ours::encode(corpus, None);
    assert!(
        ours.as_bytes() == official::encode(corpus),
        "the two encoders disagree"
    );
}
