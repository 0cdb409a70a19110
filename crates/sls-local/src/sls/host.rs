//! Which project a request is about: it is written in `Host` and nowhere else.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::refusal::Refusal;

/// The names this server answers to, without project.
#[derive(Debug, Clone)]
pub(crate) struct HostNames {
    /// Exact names, for instance `localhost`.
    names: Vec<String>,
    /// Names with one label in front, for instance `.log.aliyuncs.com`.
    suffixes: Vec<String>,
}

impl Default for HostNames {
    fn default() -> Self {
        Self {
            names: vec!["localhost".to_owned()],
            suffixes: vec![
                ".log.aliyuncs.com".to_owned(),
                ".sls.aliyuncs.com".to_owned(),
            ],
        }
    }
}

impl HostNames {
    /// Also answers to `pattern`: a name, or `*.` and a name for one more label in front.
    pub(crate) fn add(&mut self, pattern: &str) {
        let pattern = pattern.trim().trim_end_matches('.').to_ascii_lowercase();
        match pattern.strip_prefix('*') {
            Some(suffix) => self.suffixes.push(suffix.to_owned()),
            None => self.names.push(pattern),
        }
    }

    /// The project in the header `Host`; `None` for calls to the account.
    pub(crate) fn project(&self, host: &str) -> Result<Option<String>, Refusal> {
        let name = without_port(host.trim())
            .trim_end_matches('.')
            .to_ascii_lowercase();
        if self.is_endpoint(&name) {
            return Ok(None);
        }
        match name.split_once('.') {
            Some((project, endpoint)) if !project.is_empty() && self.is_endpoint(endpoint) => {
                Ok(Some(project.to_owned()))
            }
            _ => Err(Refusal::parameter(format!(
                "host {host:?} is neither an endpoint of this server nor a project and one"
            ))),
        }
    }

    fn is_endpoint(&self, name: &str) -> bool {
        let has_one_label_before = |suffix: &String| {
            name.strip_suffix(suffix.as_str())
                .is_some_and(|label| !label.is_empty() && !label.contains('.'))
        };
        is_ip(name)
            || self.names.iter().any(|known| known == name)
            || self.suffixes.iter().any(has_one_label_before)
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        // The colons of a bare IPv6 address do not end in a port.
        Some((name, port))
            if port.bytes().all(|b| b.is_ascii_digit())
                && (name.ends_with(']') || !name.contains(':')) =>
        {
            name
        }
        _ => host,
    }
}

fn is_ip(name: &str) -> bool {
    let bracketed = name
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    match bracketed {
        Some(inner) => inner.parse::<Ipv6Addr>().is_ok(),
        None => name.parse::<Ipv4Addr>().is_ok() || name.parse::<IpAddr>().is_ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(host: &str, want: Result<Option<&str>, ()>) {
        let mut names = HostNames::default();
        names.add("sls.test");
        names.add("*.region.test");
        let found = names.project(host).map_err(|_| ());
        assert_eq!(
            found,
            want.map(|project| project.map(str::to_owned)),
            "{host}"
        );
    }

    #[test]
    fn an_endpoint_alone_is_the_account() {
        for host in [
            "localhost",
            "LOCALHOST:10240",
            "127.0.0.1",
            "127.0.0.1:80",
            "[::1]:10240",
            "[::1]",
            "cn-hangzhou.log.aliyuncs.com",
            "cn-hangzhou-intranet.log.aliyuncs.com:80",
            "cn-beijing.sls.aliyuncs.com",
            "sls.test",
            "one.region.test",
        ] {
            check(host, Ok(None));
        }
    }

    #[test]
    fn the_label_in_front_of_an_endpoint_is_the_project() {
        for host in [
            "shop.localhost",
            "Shop.localhost:10240",
            "shop.127.0.0.1",
            "shop.127.0.0.1:10240",
            "shop.[::1]:10240",
            "shop.cn-hangzhou.log.aliyuncs.com",
            "shop.cn-hangzhou.log.aliyuncs.com.",
            "shop.sls.test:1",
            "shop.one.region.test",
        ] {
            check(host, Ok(Some("shop")));
        }
    }

    #[test]
    fn a_host_that_is_not_ours_is_refused() {
        for host in [
            "",
            "shop",
            "example.com",
            "shop.example.com",
            "a.b.localhost",
            ".localhost",
            "log.aliyuncs.com",
            "a.b.cn-hangzhou.log.aliyuncs.com",
            "localhost:port",
        ] {
            check(host, Err(()));
        }
    }
}
