//! What the service's manual calls incomplete, though its answer does not say so.

use std::time::{Duration, SystemTime};

use growingio_codecs::{Rules, unix_ms};

use super::collected::CollectedRecord;

/// How far the time of sending may be from ours before it is worth a word.
const MAX_SKEW: Duration = Duration::from_secs(15 * 60);

/// What is wrong with a record that was sent to this product.
pub(super) fn of_record(record: &CollectedRecord, product_id: &str) -> Vec<String> {
    let rules = Rules::strict();
    let result = match record {
        CollectedRecord::Event(event) => rules.check(event),
        CollectedRecord::Item(item) => rules.check(item),
        CollectedRecord::UserMapping(mapping) => rules.check(mapping),
    };
    let mut warnings: Vec<_> = result
        .err()
        .map(|wrong| wrong.to_string())
        .into_iter()
        .collect();
    let own = record.product_id();
    // One that is missing has been told of already.
    if !own.is_empty() && own != product_id {
        warnings.push(format!(
            "product id {own:?} is not that of the path, {product_id:?}"
        ));
    }
    warnings
}

/// What is wrong with the time of sending in a query, if there is one.
pub(super) fn of_time(query: Option<&str>, now: SystemTime) -> Option<String> {
    let text = query?
        .split('&')
        .find_map(|pair| pair.strip_prefix("stm="))?;
    let Ok(sent) = text.parse::<i64>() else {
        return Some(format!("stm is not a number: {text:?}"));
    };
    let ahead = i128::from(sent) - i128::from(unix_ms(now));
    (ahead.unsigned_abs() > MAX_SKEW.as_millis()).then(|| {
        let side = if ahead > 0 { "ahead of" } else { "behind" };
        format!("stm is {} ms {side} the clock", ahead.unsigned_abs())
    })
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use growingio_codecs::EventRecord;

    use super::*;

    #[test]
    fn a_record_of_another_product_is_told_of() {
        let event = EventRecord::custom("paid", 1).with_anonymous_id("a");
        let of = |event| of_record(&CollectedRecord::Event(event), "p");
        assert_eq!(of(event.clone().with_ids("p", "d")), [""; 0]);
        assert_eq!(
            of(event.clone().with_ids("q", "d")),
            [r#"product id "q" is not that of the path, "p""#]
        );
        assert_eq!(of(event), ["product_id is missing or empty"]);
    }

    #[test]
    fn a_time_of_sending_may_be_a_quarter_of_an_hour_off() {
        let now = UNIX_EPOCH + Duration::from_millis(1_700_000_000_000);
        let check = |query| of_time(Some(query), now);
        assert_eq!(of_time(None, now), None);
        assert_eq!(check("a=b"), None);
        assert_eq!(check("stm=1700000900000"), None);
        assert_eq!(check("stm=1699999100000"), None);
        assert_eq!(
            check("x=1&stm=1700000900001").unwrap(),
            "stm is 900001 ms ahead of the clock"
        );
        assert_eq!(check("stm=x").unwrap(), r#"stm is not a number: "x""#);
        assert!(
            check(&format!("stm={}", i64::MIN))
                .unwrap()
                .ends_with("behind the clock")
        );
    }
}
