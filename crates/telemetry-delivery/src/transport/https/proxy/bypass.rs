use std::net::IpAddr;

/// Which hosts are reached without a proxy, in the words of `NO_PROXY`.
///
/// A list with commas or white space between its entries:
///
/// | entry | stands for |
/// |---|---|
/// | `*` | every host |
/// | `example.com`, `.example.com`, `*.example.com` | the host and every one below it |
/// | `10.0.0.1`, `::1`, `[::1]` | the address |
/// | `10.0.0.0/8`, `fd00::/8` | every address of the network |
/// | any of these but networks, `:` and a port | the same, at this port only |
///
/// Names are not resolved: an address stands for hosts that are written as one.
/// An entry that is none of these stands for nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in super::super) struct Bypass(Vec<Entry>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    hosts: Hosts,
    // `None` is every port.
    port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Hosts {
    All,
    Network {
        address: IpAddr,
        prefix: u32,
    },
    /// In lower case, without dots around it.
    Domain(String),
}

impl Bypass {
    pub(in super::super) fn parse(list: &str) -> Self {
        Self(
            list.split(|c: char| c == ',' || c.is_whitespace())
                .filter_map(Entry::parse)
                .collect(),
        )
    }

    /// Whether `host`, as a URI spells it, is reached without a proxy.
    pub(super) fn matches(&self, host: &str, port: u16) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let address = address(host);
        let host = host.strip_suffix('.').unwrap_or(host);
        self.0.iter().any(|entry| {
            entry.port.is_none_or(|only| only == port) && entry.hosts.hold(host, address)
        })
    }

    pub(super) fn extend(&mut self, other: &Self) {
        self.0.extend_from_slice(&other.0);
    }
}

/// The address that a host of a URI is, unless it is a name.
pub(super) fn address(host: &str) -> Option<IpAddr> {
    let inner = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let address: IpAddr = inner.unwrap_or(host).parse().ok()?;
    // An IPv4 address in IPv6 clothes is the same place.
    Some(address.to_canonical())
}

impl Entry {
    fn parse(text: &str) -> Option<Self> {
        if let Some(hosts) = Hosts::parse(text) {
            return Some(Self { hosts, port: None });
        }
        let (host, port) = text.rsplit_once(':')?;
        Some(Self {
            hosts: Hosts::parse(host)?,
            port: Some(port.parse().ok()?),
        })
    }
}

impl Hosts {
    fn parse(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self::All);
        }
        if let Some((network, prefix)) = text.split_once('/') {
            let address: IpAddr = network.parse().ok()?;
            let prefix = prefix.parse().ok()?;
            return (prefix <= bits(address)).then_some(Self::Network { address, prefix });
        }
        if let Some(address) = address(text) {
            let prefix = bits(address);
            return Some(Self::Network { address, prefix });
        }
        let name = text.strip_prefix('*').unwrap_or(text);
        let name = name.strip_prefix('.').unwrap_or(name);
        let name = name.strip_suffix('.').unwrap_or(name);
        let is_name = !name.is_empty() && !name.contains([':', '*', '[', ']', '@']);
        is_name.then(|| Self::Domain(name.to_ascii_lowercase()))
    }

    fn hold(&self, host: &str, host_address: Option<IpAddr>) -> bool {
        match (self, host_address) {
            (Self::All, _) => true,
            (Self::Network { address, prefix }, Some(host)) => {
                same_network(*address, host, *prefix)
            }
            (Self::Domain(domain), None) => is_at_or_below(host, domain),
            (Self::Network { .. }, None) | (Self::Domain(_), Some(_)) => false,
        }
    }
}

fn bits(address: IpAddr) -> u32 {
    match address {
        IpAddr::V4(_) => u32::BITS,
        IpAddr::V6(_) => u128::BITS,
    }
}

/// Whether the first `prefix` bits of two addresses of one family are the same.
fn same_network(one: IpAddr, other: IpAddr, prefix: u32) -> bool {
    let differing = match (one, other) {
        (IpAddr::V4(one), IpAddr::V4(other)) => (one.to_bits() ^ other.to_bits()).leading_zeros(),
        (IpAddr::V6(one), IpAddr::V6(other)) => (one.to_bits() ^ other.to_bits()).leading_zeros(),
        _ => return false,
    };
    differing >= prefix
}

/// Whether `host` is `domain`, which is in lower case, or ends in a dot and `domain`.
pub(super) fn is_at_or_below(host: &str, domain: &str) -> bool {
    let Some(start) = host.len().checked_sub(domain.len()) else {
        return false;
    };
    let (below, rest) = host.as_bytes().split_at(start);
    rest.eq_ignore_ascii_case(domain.as_bytes()) && (below.is_empty() || below.ends_with(b"."))
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(list: &str, host: &str, want: bool) {
        assert_eq!(
            Bypass::parse(list).matches(host, 443),
            want,
            "{list} {host}"
        );
    }

    #[test]
    fn an_empty_list_holds_nobody() {
        for list in ["", " ", ",", " , ,"] {
            check(list, "example.com", false);
        }
    }

    #[test]
    fn a_star_holds_everybody() {
        check("*", "example.com", true);
        check("*", "10.0.0.1", true);
        check("a.test, *", "example.com", true);
    }

    #[test]
    fn a_name_holds_itself_and_what_is_below() {
        for list in [
            "example.com",
            ".example.com",
            "*.example.com",
            "EXAMPLE.com.",
        ] {
            check(list, "example.com", true);
            check(list, "Example.Com.", true);
            check(list, "a.b.example.com", true);
            check(list, "notexample.com", false);
            check(list, "example.com.cn", false);
            check(list, "com", false);
        }
        check("a.test,b.test c.test", "b.test", true);
        check("a.test,b.test c.test", "c.test", true);
    }

    #[test]
    fn an_address_holds_itself_however_it_is_spelled() {
        check("10.0.0.1", "10.0.0.1", true);
        check("10.0.0.1", "10.0.0.2", false);
        check("::1", "[0:0::1]", true);
        check("[::1]", "[::1]", true);
        check("10.0.0.1", "[::ffff:10.0.0.1]", true);
        check("0.0.1", "10.0.0.1", false);
    }

    #[test]
    fn a_network_holds_its_addresses() {
        check("10.0.0.0/8", "10.255.0.1", true);
        check("10.0.0.0/8", "11.0.0.1", false);
        check("10.0.0.1/32", "10.0.0.2", false);
        check("0.0.0.0/0", "203.0.113.9", true);
        check("0.0.0.0/0", "[fd00::1]", false);
        check("fd00::/8", "[fdff::1]", true);
        check("fd00::/8", "[fe00::1]", false);
        check("10.0.0.0/8", "example.com", false);
    }

    #[test]
    fn an_entry_with_a_port_is_for_that_port() {
        let list = Bypass::parse("example.com:8443,10.0.0.1:80,[::1]:80");
        assert!(list.matches("example.com", 8443));
        assert!(list.matches("a.example.com", 8443));
        assert!(!list.matches("example.com", 443));
        assert!(list.matches("10.0.0.1", 80));
        assert!(list.matches("[::1]", 80));
        assert!(!list.matches("[::1]", 81));
    }

    #[test]
    fn what_is_no_entry_holds_nobody() {
        for list in [
            "10.0.0.0/33",
            "10.0.0.0/",
            "/8",
            "a:b:c",
            "example.com:http",
            ".",
            "*.",
            ":80",
        ] {
            assert_eq!(Bypass::parse(list), Bypass::default(), "{list}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(list: String, host: String, port: u16) {
            let _ = Bypass::parse(&list).matches(&host, port);
        }

        #[test]
        fn entries_do_not_depend_on_their_company(
            one in "[a-z0-9.*:/]{0,12}",
            other in "[a-z0-9.*:/]{0,12}",
            host in "[a-z0-9.]{1,12}",
        ) {
            let alone = [&one, &other].map(|list| Bypass::parse(list).matches(&host, 80));
            let together = Bypass::parse(&format!("{one},{other}")).matches(&host, 80);
            prop_assert_eq!(together, alone[0] || alone[1]);
        }

        #[test]
        fn a_name_holds_exactly_what_ends_in_it(name in "[a-z]{1,4}(\\.[a-z]{1,4}){0,2}", prefix in "[a-z.]{0,5}") {
            let host = format!("{prefix}{name}");
            let want = prefix.is_empty() || prefix.ends_with('.');
            prop_assert_eq!(Bypass::parse(&name).matches(&host, 80), want);
        }

        #[test]
        fn a_network_holds_what_shares_its_first_bits(one: u32, other: u32, prefix in 0u32..=32) {
            let list = Bypass::parse(&format!("{}/{prefix}", Ipv4Addr::from(one)));
            let shift = 32 - prefix;
            let want = u64::from(one) >> shift == u64::from(other) >> shift;
            prop_assert_eq!(list.matches(&Ipv4Addr::from(other).to_string(), 80), want);
        }

        #[test]
        fn an_ipv6_network_holds_what_shares_its_first_bits(one: u128, flip in 0u32..128, prefix in 0u32..=128) {
            let list = Bypass::parse(&format!("{}/{prefix}", Ipv6Addr::from(one)));
            // The first bit that differs is number `flip`, counted from the front.
            let other = Ipv6Addr::from(one ^ (1 << (127 - flip)));
            // What is really an IPv4 address belongs to the other family.
            prop_assume!(other.to_ipv4_mapped().is_none());
            prop_assert_eq!(list.matches(&format!("[{other}]"), 80), flip >= prefix);
        }
    }
}
