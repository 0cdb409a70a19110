//! The simulation of consumer groups: nothing happens that must not, and it would be noticed.

use suites::sim::{self, Flaw, scale};

#[test]
fn no_seed_loses_a_log_or_gives_a_shard_to_two() {
    for seed in 0..12 {
        let outcome = sim::run(seed, None, false);
        assert_eq!(outcome.violations, [] as [String; 0], "seed {seed}");
        assert!(
            outcome.logs > 50 && outcome.events > 100,
            "seed {seed}: {outcome}"
        );
    }
}

#[test]
fn a_seed_plays_the_same_every_time() {
    // The server of the second keeps its data in a folder.
    for (seed, flaw) in [(3, Some(Flaw::NoFencing)), (5, None)] {
        let first = sim::run(seed, flaw, true);
        assert!(first.trace.len() > 100);
        assert_eq!(sim::run(seed, flaw, true), first, "seed {seed}");
    }
}

#[test]
fn a_group_settles_within_two_heartbeats_of_a_join_or_a_missed_crash() {
    let size = scale::Size {
        shards: 100,
        workers: 10,
        crashes: 2,
    };
    for seed in 0..4 {
        let report = scale::run(seed, size).unwrap();
        assert!(report.is_good(), "seed {seed}: {report}");
        // One interval until the last of the others is told to let go, and a part of one.
        assert!(report.joined < 1.5, "seed {seed}: {report}");
        assert_eq!(report.shares, [(10, 10), (12, 13)], "seed {seed}");
        // Nobody comes late, and nobody asks more often than that.
        let beats = report.settled["HeartBeat"];
        assert!((4.5..5.5).contains(&beats), "seed {seed}: {report}");
    }
}

/// The first seed from `first` on that notices the flaw must come soon, and say the right thing.
#[track_caller]
fn is_noticed(flaw: Flaw, seeds: std::ops::Range<u64>, words: &str) {
    for seed in seeds.clone() {
        let outcome = sim::run(seed, Some(flaw), false);
        if !outcome.violations.is_empty() {
            let text = outcome.violations.join("; ");
            assert!(text.contains(words), "seed {seed}: {text}");
            return;
        }
    }
    panic!("{} was not noticed in seeds {seeds:?}", flaw.name());
}

#[test]
fn a_worker_that_goes_on_after_its_lease_is_noticed() {
    is_noticed(Flaw::NoFencing, 12..60, "worked on by");
}

#[test]
fn a_worker_that_forces_its_checkpoints_is_noticed() {
    is_noticed(Flaw::ForcedCheckpoints, 14..80, "moved the checkpoint back");
}

#[test]
fn a_worker_that_takes_what_got_no_answer_for_lost_is_noticed() {
    is_noticed(Flaw::NoSettling, 0..20, "moved the checkpoint back");
}

#[test]
fn a_worker_that_releases_a_shard_before_its_task_has_stopped_is_noticed() {
    is_noticed(Flaw::EarlyRelease, 6..60, "in the hands of");
}
