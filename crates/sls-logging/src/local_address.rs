use std::net::{IpAddr, Ipv4Addr, UdpSocket};

/// Any address outside; nothing is sent to it.
const OUTSIDE: IpAddr = IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200));

/// The local address that a packet to `host` would leave from: the source of records.
///
/// A name is not looked up, which could take long; what leaves for a name leaves where anything
/// does that goes outside. `127.0.0.1` when the system knows no way out.
pub(crate) fn local_address_towards(host: &str) -> String {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let towards = match bare.parse() {
        Ok(address) => address,
        Err(_) if bare.eq_ignore_ascii_case("localhost") => IpAddr::V4(Ipv4Addr::LOCALHOST),
        Err(_) => OUTSIDE,
    };
    let any: IpAddr = match towards {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => std::net::Ipv6Addr::UNSPECIFIED.into(),
    };
    // Connecting such a socket sends nothing: it asks the system for the way.
    let address = UdpSocket::bind((any, 0)).and_then(|socket| {
        socket.connect((towards, 9))?;
        socket.local_addr()
    });
    match address {
        Ok(address) => address.ip().to_string(),
        Err(_) => Ipv4Addr::LOCALHOST.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn towards_this_machine_it_is_this_machine() {
        assert_eq!(local_address_towards("127.0.0.1"), "127.0.0.1");
        assert_eq!(local_address_towards("localhost"), "127.0.0.1");
    }

    #[test]
    fn towards_a_name_there_is_always_an_address() {
        let address = local_address_towards("cn-hangzhou.log.aliyuncs.com");
        assert!(address.parse::<IpAddr>().is_ok(), "{address}");
    }
}
