//! What somebody meant who wrote something else.

/// Names further apart than this are not taken for each other.
const FARTHEST: usize = 2;

/// Longer texts are not names of ours, and would cost time to compare.
const LONGEST: usize = 64;

/// The known name that is nearest to what was written, if one is near.
pub(crate) fn nearest<'k>(
    written: &str,
    known: impl IntoIterator<Item = &'k str>,
) -> Option<&'k str> {
    if written.len() > LONGEST {
        return None;
    }
    let written = written.to_lowercase();
    let near = |name: &str| {
        let distance = strsim::osa_distance(&written, name);
        // Half of a short name is not a slip of the pen.
        (distance <= FARTHEST.min(name.len() / 3)).then_some(distance)
    };
    known
        .into_iter()
        .filter_map(|name| near(name).map(|distance| (distance, name)))
        .min()
        .map(|(_, name)| name)
}

/// Says that a name is unknown, and what would be right.
///
/// The name is shown only when it is nearly a known one: anything else may be a value
/// that slipped into the wrong place.
pub(crate) fn unknown<'k>(
    what: &str,
    written: &str,
    known: impl IntoIterator<Item = &'k str> + Clone,
) -> String {
    match nearest(written, known.clone()) {
        Some(near) => format!(
            "unknown {what} `{}`; did you mean `{near}`?",
            written.escape_debug()
        ),
        None => {
            let mut names = known.into_iter().collect::<Vec<_>>();
            names.sort_unstable();
            if names.is_empty() {
                format!("unknown {what}; there is none")
            } else {
                format!("unknown {what}; known: {}", names.join(", "))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [&str; 4] = ["put_wait", "queue_size", "level", "topic"];

    #[test]
    fn the_nearest_key_is_named() {
        for (written, meant) in [
            ("put_wiat", "put_wait"),
            ("putwait", "put_wait"),
            ("Level", "level"),
            ("queuesize", "queue_size"),
            ("topics", "topic"),
        ] {
            assert_eq!(nearest(written, KEYS), Some(meant), "{written}");
        }
    }

    #[test]
    fn what_is_near_to_nothing_is_not_shown() {
        let text = unknown("key", "hush-hush", KEYS);
        assert!(!text.contains("hush"), "{text}");
        assert!(
            text.contains("level, put_wait, queue_size, topic"),
            "{text}"
        );
        assert_eq!(nearest("lvl", KEYS), None);
        assert_eq!(nearest(&"level".repeat(99), KEYS), None);
    }
}
