//! Addresses and prefixes of IP, as text.

use std::net::IpAddr;

use crate::value::Value;

use super::{Call, Function, Param, plain, returns};

pub(super) const FUNCTIONS: &[Function] = &[
    plain(
        &["ip_prefix"],
        &[Param::Text, Param::Integer],
        2,
        returns::varchar,
        ip_prefix,
    ),
    plain(
        &["is_subnet_of"],
        &[Param::Text, Param::Text],
        2,
        returns::boolean,
        is_subnet_of,
    ),
];

/// A network: `192.0.2.0/24`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Prefix {
    /// The address with everything behind the length cleared.
    network: IpAddr,
    length: u32,
}

impl Prefix {
    fn new(address: IpAddr, length: u32) -> Option<Self> {
        let network = match address {
            IpAddr::V4(v4) if length <= 32 => {
                let mask = u32::MAX.checked_shl(32 - length).unwrap_or(0);
                IpAddr::V4((v4.to_bits() & mask).into())
            }
            IpAddr::V6(v6) if length <= 128 => {
                let mask = u128::MAX.checked_shl(128 - length).unwrap_or(0);
                IpAddr::V6((v6.to_bits() & mask).into())
            }
            _ => return None,
        };
        Some(Self { network, length })
    }

    fn parse(text: &str) -> Option<Self> {
        match text.split_once('/') {
            Some((address, length)) => {
                let digits = !length.is_empty() && length.bytes().all(|b| b.is_ascii_digit());
                let length = length.parse().ok().filter(|_| digits)?;
                Self::new(address.parse().ok()?, length)
            }
            None => {
                let address: IpAddr = text.parse().ok()?;
                Self::new(address, if address.is_ipv4() { 32 } else { 128 })
            }
        }
    }

    fn contains(self, other: Self) -> bool {
        self.length <= other.length && Self::new(other.network, self.length) == Some(self)
    }
}

fn ip_prefix<'a>(call: &Call<'a, '_>) -> Value<'a> {
    let (Some(address), Some(length)) = (call.text(0), call.integer(1)) else {
        return call.mismatch();
    };
    let length = u32::try_from(length).ok();
    let prefix = address.parse().ok().zip(length);
    match prefix.and_then(|(address, length)| Prefix::new(address, length)) {
        Some(Prefix { network, length }) => call.cx.text(&format!("{network}/{length}")),
        None => call.fail("not an IP address with a length that fits"),
    }
}

fn is_subnet_of<'a>(call: &Call<'a, '_>) -> Value<'a> {
    let (Some(outer), Some(inner)) = (call.text(0), call.text(1)) else {
        return call.mismatch();
    };
    match (Prefix::parse(outer), Prefix::parse(inner)) {
        (Some(outer), Some(inner)) => Value::Boolean(outer.contains(inner)),
        _ => call.fail("not an IP address or prefix"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(outer: &str, inner: &str, want: Option<bool>) {
        let (outer, inner) = (Prefix::parse(outer), Prefix::parse(inner));
        assert_eq!(
            outer.zip(inner).map(|(outer, inner)| outer.contains(inner)),
            want
        );
    }

    #[test]
    fn an_address_is_in_a_prefix_when_its_first_bits_are_the_same() {
        check("10.0.0.0/8", "10.200.3.4", Some(true));
        check("10.0.0.0/8", "11.0.0.1", Some(false));
        check("10.0.0.0/8", "10.1.0.0/16", Some(true));
        check("10.1.0.0/16", "10.0.0.0/8", Some(false));
        check("0.0.0.0/0", "203.0.113.9", Some(true));
        check("192.0.2.7", "192.0.2.7", Some(true));
        check("2001:db8::/32", "2001:db8:1::1", Some(true));
        check("2001:db8::/32", "192.0.2.7", Some(false));
        for bad in [
            "",
            "10.0.0",
            "10.0.0.0/33",
            "10.0.0.0/",
            "10.0.0.0/+8",
            "::/129",
        ] {
            check(bad, "10.0.0.1", None);
        }
    }
}
