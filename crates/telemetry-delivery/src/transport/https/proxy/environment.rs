use super::{Bypass, ProxyAddress};

/// What the environment says about proxies.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Environment {
    pub(super) http: Option<Named>,
    pub(super) https: Option<Named>,
    pub(super) bypass: Bypass,
}

/// A proxy, or why the variable that should name one does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) variable: &'static str,
    pub(super) address: Result<ProxyAddress, &'static str>,
}

impl Environment {
    /// Asks for one variable after the other; one that is empty counts as not there.
    pub(super) fn read(variable: impl Fn(&str) -> Option<String>) -> Self {
        let first = |names: &[&'static str]| {
            names.iter().find_map(|name| {
                let value = variable(name)?;
                (!value.trim().is_empty()).then_some((*name, value))
            })
        };
        let proxy = |names: &[&'static str]| {
            first(names).map(|(variable, value)| Named {
                variable,
                address: ProxyAddress::parse(&value),
            })
        };
        // A web server hands the header `Proxy` of a request to its CGI programs as HTTP_PROXY.
        let is_cgi = variable("REQUEST_METHOD").is_some();
        let http: &[_] = if is_cgi {
            &["http_proxy", "ALL_PROXY", "all_proxy"]
        } else {
            &["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"]
        };
        Self {
            http: proxy(http),
            https: proxy(&["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]),
            bypass: first(&["NO_PROXY", "no_proxy"])
                .map(|(_, list)| Bypass::parse(&list))
                .unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Environment {
        Environment::read(|name| {
            let (_, value) = variables.iter().find(|(key, _)| *key == name)?;
            Some((*value).to_owned())
        })
    }

    #[track_caller]
    fn check(variables: &[(&str, &str)], want_http: Option<&str>, want_https: Option<&str>) {
        let environment = read(variables);
        let told = |named: Option<Named>| named.map(|named| named.address.unwrap().to_string());
        assert_eq!(told(environment.http).as_deref(), want_http);
        assert_eq!(told(environment.https).as_deref(), want_https);
    }

    #[test]
    fn each_scheme_has_its_variable_and_all_stands_in() {
        check(&[], None, None);
        check(&[("HTTP_PROXY", "a:1")], Some("a:1"), None);
        check(&[("https_proxy", "a:1")], None, Some("a:1"));
        check(&[("ALL_PROXY", "a:1")], Some("a:1"), Some("a:1"));
        check(
            &[("all_proxy", "a:1"), ("HTTPS_PROXY", "b:1")],
            Some("a:1"),
            Some("b:1"),
        );
    }

    #[test]
    fn capital_letters_come_first_and_empty_is_not_there() {
        check(
            &[("HTTP_PROXY", "a:1"), ("http_proxy", "b:1")],
            Some("a:1"),
            None,
        );
        check(
            &[("HTTP_PROXY", " "), ("http_proxy", "b:1")],
            Some("b:1"),
            None,
        );
    }

    #[test]
    fn a_cgi_program_does_not_take_its_proxy_from_a_visitor() {
        let cgi = ("REQUEST_METHOD", "GET");
        check(&[cgi, ("HTTP_PROXY", "evil:1")], None, None);
        check(&[cgi, ("http_proxy", "a:1")], Some("a:1"), None);
    }

    #[test]
    fn the_list_of_exceptions_is_read() {
        let environment = read(&[("no_proxy", "a.test")]);
        assert!(environment.bypass.matches("a.test", 80));
    }

    #[test]
    fn a_variable_that_names_no_http_proxy_is_remembered() {
        let named = read(&[("ALL_PROXY", "socks5://a:1")]).http.unwrap();
        assert_eq!(named.variable, "ALL_PROXY");
        assert_eq!(named.address, Err("its scheme is not http"));
    }
}
