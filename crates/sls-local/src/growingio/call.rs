//! Which requests are meant for the collector and not for SLS.

use growingio_codecs::Route;
use http::{HeaderMap, Method, Uri, header};
use sls_core::wire::headers;

use crate::fault::Target;

/// The operation that a fault names to meet everything that is collected.
const FAMILY: &str = "growingio";
/// Its operations, and the name of all of them together.
pub(crate) const OPERATIONS: &[&str] = &[
    FAMILY,
    "growingio.check",
    "growingio.events",
    "growingio.items",
    "growingio.user-mappings",
];

/// What is asked of the collector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Call {
    /// Whether anybody is there, as one SDK asks before it sends anything.
    StartUpCheck,
    /// Records for a product.
    Collect { route: Route, product_id: String },
}

impl Call {
    /// What a request asks of the collector; `None` when it is not meant for it.
    ///
    /// No path of SLS ends like those of the collector. `/` is a path of both, but there
    /// everybody names the version of the protocol and signs.
    pub(crate) fn of(method: &Method, uri: &Uri, fields: &HeaderMap) -> Option<Self> {
        if let Some((route, product_id)) = Route::of_path(uri.path()) {
            return Some(Self::Collect { route, product_id });
        }
        let root = uri.path().bytes().all(|byte| byte == b'/') && uri.query().is_none();
        let of_sls =
            fields.contains_key(header::AUTHORIZATION) || fields.contains_key(headers::API_VERSION);
        (*method == Method::GET && root && !of_sls).then_some(Self::StartUpCheck)
    }

    /// The call as faults look at it: the product is the project.
    pub(crate) fn target(&self, bytes: usize) -> Target<'_> {
        let (operation, project) = match self {
            Self::StartUpCheck => ("growingio.check", None),
            Self::Collect { route, product_id } => {
                let operation = match route {
                    Route::Events => "growingio.events",
                    Route::Items => "growingio.items",
                    Route::UserMappings => "growingio.user-mappings",
                };
                (operation, Some(product_id.as_str()))
            }
        };
        Target {
            operation,
            family: Some(FAMILY),
            project,
            logstore: None,
            shard: None,
            bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn call(method: Method, target: &'static str, fields: &HeaderMap) -> Option<Call> {
        Call::of(&method, &Uri::from_static(target), fields)
    }

    #[test]
    fn three_paths_belong_to_the_collector_whatever_stands_before_them() {
        let none = HeaderMap::new();
        for (target, route, product_id) in [
            ("/v3/projects/p1/collect", Route::Events, "p1"),
            ("//v3/projects/p1/collect?stm=1", Route::Events, "p1"),
            ("/gio/in//v3/projects/a%20b/collect", Route::Events, "a b"),
            ("/projects/p1/collect/item", Route::Items, "p1"),
            (
                "http://h:1/x/projects/p/collect/user-mapping",
                Route::UserMappings,
                "p",
            ),
        ] {
            let product_id = product_id.to_owned();
            let want = Some(Call::Collect { route, product_id });
            assert_eq!(call(Method::POST, target, &none), want, "{target}");
        }
        for target in ["/logstores/l/shards/lb", "/logstores", "/projects/p"] {
            assert_eq!(call(Method::POST, target, &none), None, "{target}");
        }
    }

    #[test]
    fn a_bare_get_is_a_start_up_check_and_one_with_marks_of_sls_is_not() {
        let none = HeaderMap::new();
        assert_eq!(call(Method::GET, "/", &none), Some(Call::StartUpCheck));
        assert_eq!(call(Method::GET, "//", &none), Some(Call::StartUpCheck));
        assert_eq!(call(Method::GET, "/?offset=0", &none), None);
        assert_eq!(call(Method::POST, "/", &none), None);
        for name in [header::AUTHORIZATION, headers::API_VERSION] {
            let mut fields = HeaderMap::new();
            fields.insert(name, HeaderValue::from_static("x"));
            assert_eq!(call(Method::GET, "/", &fields), None);
        }
    }
}
