//! The routes of the targets that a thread logged to lately.

use std::cell::RefCell;

use super::routes::Route;

/// How many a thread remembers, a power of two; more of them share places.
const PLACES: usize = 64;

/// Longer targets are not remembered.
const LONGEST: usize = 256;

#[derive(Debug, Default)]
struct Place {
    /// Tells the loggers it belongs to; zero belongs to none.
    owner: u64,
    target: String,
    route: Option<Route>,
}

thread_local! {
    static CACHE: RefCell<Vec<Place>> = const { RefCell::new(Vec::new()) };
}

/// The route of a target among the loggers that `owner` numbers; `find` is asked when this
/// thread does not remember.
pub(crate) fn cached(owner: u64, target: &str, find: impl FnOnce() -> Route) -> Route {
    let mut find = Some(find);
    let remembered = CACHE.try_with(|cache| {
        let Ok(mut cache) = cache.try_borrow_mut() else {
            return None;
        };
        if target.len() > LONGEST {
            return None;
        }
        if cache.is_empty() {
            cache.resize_with(PLACES, Place::default);
        }
        // Targets are constants of the program: their addresses differ, and stay.
        let address = target.as_ptr() as usize;
        let index = (address ^ (address >> 6) ^ target.len()) % PLACES;
        let place = &mut cache[index];
        if place.owner == owner && place.target == target {
            return place.route;
        }
        let route = find.take()?();
        place.owner = owner;
        place.target.clear();
        place.target.push_str(target);
        place.route = Some(route);
        Some(route)
    });
    match (remembered.ok().flatten(), find) {
        (Some(route), _) => route,
        (None, Some(find)) => find(),
        // `find` was taken, so its route was returned.
        (None, None) => Route::NOWHERE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::threshold::Threshold;

    fn route(handlers: u64) -> Route {
        Route {
            level: Threshold::Info,
            handlers,
            most: Threshold::Info,
        }
    }

    #[test]
    fn a_target_is_found_once_for_each_owner() {
        let target = "route_cache::once";
        assert_eq!(cached(1, target, || route(7)), route(7));
        assert_eq!(cached(1, target, || panic!("asked again")), route(7));
        assert_eq!(cached(2, target, || route(9)), route(9));
    }

    #[test]
    fn other_text_at_the_same_place_is_another_target() {
        let mut text = "target_one".to_owned();
        assert_eq!(cached(3, &text, || route(1)), route(1));
        text.replace_range(7.., "two");
        assert_eq!(cached(3, &text, || route(2)), route(2));
    }

    #[test]
    fn a_long_target_is_found_each_time() {
        let long = "x".repeat(LONGEST + 1);
        assert_eq!(cached(4, &long, || route(1)), route(1));
        assert_eq!(cached(4, &long, || route(2)), route(2));
    }
}
