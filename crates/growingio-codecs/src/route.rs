use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// Where a kind of record is sent, which is also what tells the kinds apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Route {
    /// Custom events and login user attributes.
    Events,
    /// Items.
    Items,
    /// User mappings.
    UserMappings,
}

/// What a path segment cannot hold as it is.
const NOT_IN_A_SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

impl Route {
    /// Every route.
    pub const ALL: [Self; 3] = [Self::Events, Self::Items, Self::UserMappings];

    /// The path that follows the server's address; the product id becomes one segment.
    ///
    /// ```
    /// use growingio_codecs::Route;
    ///
    /// assert_eq!(Route::Events.path("p1"), "/v3/projects/p1/collect");
    /// assert_eq!(Route::Items.path("p1"), "/projects/p1/collect/item");
    /// ```
    pub fn path(self, product_id: &str) -> String {
        let (before, after) = self.around();
        let product_id = utf8_percent_encode(product_id, NOT_IN_A_SEGMENT);
        format!("{before}{product_id}{after}")
    }

    /// The route and the product id of a request's path, whatever stands before them.
    ///
    /// A server's address may have a path of its own, and the Python SDK doubles the slash
    /// after it.
    pub fn of_path(path: &str) -> Option<(Self, String)> {
        let (before, route) = Self::ALL
            .into_iter()
            .find_map(|route| Some((path.strip_suffix(route.around().1)?, route)))?;
        let (before, product_id) = before.rsplit_once('/')?;
        let known = match route {
            Self::Events => before.ends_with("/v3/projects"),
            Self::Items | Self::UserMappings => before.ends_with("/projects"),
        };
        let product_id = percent_decode_str(product_id).decode_utf8_lossy();
        known.then(|| (route, product_id.into_owned()))
    }

    const fn around(self) -> (&'static str, &'static str) {
        match self {
            Self::Events => ("/v3/projects/", "/collect"),
            Self::Items => ("/projects/", "/collect/item"),
            Self::UserMappings => ("/projects/", "/collect/user-mapping"),
        }
    }
}

/// What is sent there, in the plural.
impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Events => "events",
            Self::Items => "items",
            Self::UserMappings => "user mappings",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_back_to_its_route_and_product() {
        for route in Route::ALL {
            for product_id in ["bc675c65b3b0290e", "", "a b/c?d#e%41", "产品"] {
                let path = route.path(product_id);
                assert_eq!(
                    path.matches('/').count(),
                    Route::path(route, "x").matches('/').count()
                );
                assert_eq!(Route::of_path(&path), Some((route, product_id.to_owned())));
                let prefixed = format!("//gio/in/{path}");
                assert_eq!(
                    Route::of_path(&prefixed),
                    Some((route, product_id.to_owned()))
                );
            }
        }
    }

    #[test]
    fn other_paths_have_no_route() {
        for path in [
            "",
            "/",
            "/v3/p/s2s/cstm",
            "/projects/p/collect",
            "/v3/projects/p",
            "/collect",
        ] {
            assert_eq!(Route::of_path(path), None, "{path}");
        }
    }
}
