//! Records about shipping records.

/// The crates a record passes on its way out. A record of theirs is not shipped: sending it
/// would make another one.
const OWN: [&str; 16] = [
    "h2",
    "hyper",
    "hyper_rustls",
    "hyper_util",
    "mio",
    "rustls",
    "rustls_platform_verifier",
    "sls_client",
    "sls_core",
    "sls_logging",
    "telemetry_delivery",
    "tokio",
    "tokio_rustls",
    "tokio_util",
    "tower",
    "want",
];

/// Whether a target belongs to one of them.
#[inline]
pub(crate) fn is_own(target: &str) -> bool {
    // One look at the first letter settles it for most programs.
    if !matches!(
        target.as_bytes().first(),
        Some(b'h' | b'm' | b'r' | b's' | b't' | b'w')
    ) {
        return false;
    }
    let krate = match target.find("::") {
        Some(end) => &target[..end],
        None => target,
    };
    OWN.contains(&krate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_on_the_way_out_is_recognised_and_its_namesakes_are_not() {
        for own in OWN {
            assert!(is_own(own) && is_own(&format!("{own}::client::pool")));
            assert!(!is_own(&format!("{own}_metrics")), "{own}");
            assert!(!is_own(&format!("my::{own}")), "{own}");
        }
        for other in ["", "shop", "sls", "hyperion::x", "tokio-console"] {
            assert!(!is_own(other), "{other}");
        }
    }
}
