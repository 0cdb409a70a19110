//! Forms that some servers write where others write a number, a flag or a list.
//!
//! Each is a module for serde's `with`; what is written is always the plain form.

use serde::{Deserialize, Deserializer};

/// A number, or the same number as text.
pub(crate) mod number {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Form<T> {
        Number(T),
        Text(String),
    }

    pub(crate) fn serialize<S, T>(number: &T, serializer: S) -> Result<S::Ok, S::Error>
    where
        S: Serializer,
        T: Serialize,
    {
        number.serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D, T>(deserializer: D) -> Result<T, D::Error>
    where
        D: Deserializer<'de>,
        T: Deserialize<'de> + FromStr<Err: Display>,
    {
        match Form::deserialize(deserializer)? {
            Form::Number(number) => Ok(number),
            Form::Text(text) => text.trim().parse().map_err(serde::de::Error::custom),
        }
    }
}

/// `true` and `false`, or the same as text in any case.
pub(crate) mod flag {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Form {
        Flag(bool),
        Text(String),
    }

    pub(crate) fn serialize<S: Serializer>(flag: &bool, serializer: S) -> Result<S::Ok, S::Error> {
        flag.serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<bool, D::Error> {
        match Form::deserialize(deserializer)? {
            Form::Flag(flag) => Ok(flag),
            Form::Text(text) => text
                .to_ascii_lowercase()
                .parse()
                .map_err(serde::de::Error::custom),
        }
    }
}

/// A moment, as seconds since the Unix epoch.
pub(crate) mod unix_seconds {
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    use serde::{Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(
        time: &SystemTime,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        serializer.serialize_u64(since.as_secs())
    }

    /// At most 32 bits, which is all the service uses and every clock can hold.
    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<SystemTime, D::Error> {
        let seconds: u32 = super::number::deserialize(deserializer)?;
        Ok(UNIX_EPOCH + Duration::from_secs(u64::from(seconds)))
    }
}

/// A length of time in seconds; what is below a second is rounded up.
pub(crate) mod seconds {
    use std::time::Duration;

    use serde::{Deserializer, Serializer};

    pub(crate) fn of(time: Duration) -> u64 {
        time.as_secs() + u64::from(time.subsec_nanos() > 0)
    }

    pub(crate) fn serialize<S: Serializer>(
        time: &Duration,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(of(*time))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Duration, D::Error> {
        super::number::deserialize(deserializer).map(Duration::from_secs)
    }
}

/// `null` where an empty list or text is meant.
pub(crate) fn null_is_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
