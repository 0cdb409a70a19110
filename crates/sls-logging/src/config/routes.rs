//! Which handlers get a record, decided without I/O.

use std::collections::HashMap;

use super::settings::{LoggerName, LoggerSettings};
use super::threshold::Threshold;

/// The loggers of a configuration, ready to be asked.
#[derive(Debug, Clone)]
pub(crate) struct Routes {
    /// The root first.
    nodes: Vec<Node>,
    /// The level of each handler.
    handlers: Vec<Threshold>,
}

#[derive(Debug, Clone)]
struct Node {
    children: HashMap<String, usize>,
    route: Route,
}

/// What becomes of the records of one target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Route {
    /// The logger's own level or the one it inherits.
    pub(crate) level: Threshold,
    /// The handlers that its records reach, one bit each.
    pub(crate) handlers: u64,
    /// The least grave level that any of them takes.
    pub(crate) most: Threshold,
}

impl Route {
    /// Of a target whose records nobody wants.
    pub(crate) const NOWHERE: Self = Self {
        level: Threshold::Off,
        handlers: 0,
        most: Threshold::Off,
    };

    /// Whether anybody wants a record of this level.
    pub(crate) fn wants(self, level: Threshold) -> bool {
        self.most.passes(level)
    }
}

impl Routes {
    /// Lays out the loggers; `handlers` are the levels of the handlers they name.
    ///
    /// As in Python, a record is checked against the level of its own logger, inherited if
    /// need be, and then against that of each handler, not against the levels of loggers
    /// above. A handler that is reached on several ways gets the record once; Python's gets
    /// it once for each.
    pub(crate) fn new(loggers: &[LoggerSettings], handlers: Vec<Threshold>) -> Self {
        let mut loggers = loggers.iter().collect::<Vec<_>>();
        // A parent before its children, which inherit from it.
        loggers.sort_by_key(|logger| logger.name.parts().len());
        let root = Route {
            level: Threshold::ROOT,
            handlers: 0,
            most: Threshold::Off,
        };
        let mut routes = Self {
            nodes: vec![Node {
                children: HashMap::new(),
                route: root,
            }],
            handlers,
        };
        for logger in loggers {
            routes.add(logger);
        }
        for node in &mut routes.nodes {
            node.route.most = most(node.route, &routes.handlers);
        }
        routes
    }

    fn add(&mut self, logger: &LoggerSettings) {
        let mut at = 0;
        for part in logger.name.parts() {
            at = match self.nodes[at].children.get(part) {
                Some(child) => *child,
                None => {
                    // Until something is set for it, a node is as its parent.
                    let node = Node {
                        children: HashMap::new(),
                        route: self.nodes[at].route,
                    };
                    self.nodes.push(node);
                    let child = self.nodes.len() - 1;
                    self.nodes[at].children.insert(part.clone(), child);
                    child
                }
            };
        }
        let inherited = self.nodes[at].route;
        let own = logger
            .handlers
            .iter()
            .fold(0, |set, index| set | 1 << index);
        let above = if logger.propagate {
            inherited.handlers
        } else {
            0
        };
        self.nodes[at].route = Route {
            level: logger.level.unwrap_or(inherited.level),
            handlers: own | above,
            most: Threshold::Off,
        };
    }

    /// What becomes of the records of a target.
    pub(crate) fn route(&self, target: &str) -> Route {
        let mut at = 0;
        for part in LoggerName::split(target) {
            match self.nodes[at].children.get(part) {
                Some(child) => at = *child,
                None => break,
            }
        }
        self.nodes[at].route
    }

    /// The handlers that want a record of this level, one bit each.
    pub(crate) fn takers(&self, route: Route, level: Threshold) -> u64 {
        if !route.wants(level) {
            return 0;
        }
        let wants = |index: &usize| {
            route.handlers & (1 << index) != 0 && self.handlers[*index].passes(level)
        };
        (0..self.handlers.len())
            .filter(wants)
            .fold(0, |set, index| set | 1 << index)
    }

    /// The least grave level that any logger lets pass.
    pub(crate) fn most(&self) -> Threshold {
        let levels = self.nodes.iter().map(|node| node.route.most);
        levels.max().unwrap_or(Threshold::Off)
    }
}

fn most(route: Route, handlers: &[Threshold]) -> Threshold {
    let reached = handlers
        .iter()
        .enumerate()
        .filter(|(index, _)| route.handlers & (1 << index) != 0);
    let loudest = reached.map(|(_, level)| *level).max();
    loudest.unwrap_or(Threshold::Off).min(route.level)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Threshold::{Debug, Error, Info, Off, Trace, Warn};

    fn logger(
        name: &str,
        level: Option<Threshold>,
        handlers: &[usize],
        propagate: bool,
    ) -> LoggerSettings {
        LoggerSettings {
            name: match name {
                "" => LoggerName::ROOT,
                name => LoggerName::parse(name).unwrap(),
            },
            level,
            handlers: handlers.to_vec(),
            propagate,
        }
    }

    #[test]
    fn a_record_reaches_the_handlers_of_its_logger_and_those_above() {
        let routes = Routes::new(
            &[
                logger("shop.cart", Some(Info), &[2], false),
                logger("", Some(Debug), &[0], true),
                logger("shop", None, &[1], true),
            ],
            vec![Trace, Error, Trace],
        );
        let handlers = |target| routes.route(target).handlers;
        assert_eq!(handlers("other"), 0b001);
        assert_eq!(handlers("shop"), 0b011);
        assert_eq!(handlers("shop::stock"), 0b011);
        assert_eq!(handlers("shopping"), 0b001);
        assert_eq!(handlers("shop.cart"), 0b100);
        assert_eq!(handlers("shop::cart::db"), 0b100);
    }

    #[test]
    fn a_level_is_inherited_and_checked_at_the_records_own_logger_only() {
        let routes = Routes::new(
            &[
                logger("", Some(Error), &[0], true),
                logger("a", None, &[], true),
                logger("a.b", Some(Trace), &[], true),
                logger("a.b.c", None, &[], true),
            ],
            vec![Debug],
        );
        let takes = |target, level| routes.takers(routes.route(target), level) != 0;
        assert!(takes("a", Error) && !takes("a", Warn));
        // Root's level is no matter for the records of a.b.
        assert!(takes("a::b", Debug));
        // The handler's is.
        assert!(!takes("a::b", Trace));
        assert!(takes("a::b::c", Debug));
        assert_eq!(routes.most(), Debug);
    }

    #[test]
    fn what_nobody_takes_is_not_wanted() {
        let routes = Routes::new(&[logger("", Some(Trace), &[], true)], vec![Trace]);
        assert_eq!(routes.most(), Off);
        assert!(!routes.route("a").wants(Error));
    }

    #[test]
    fn a_handler_reached_twice_is_reached_once() {
        let routes = Routes::new(
            &[
                logger("", None, &[0], true),
                logger("sls", Some(Info), &[0, 1], true),
            ],
            vec![Trace, Trace],
        );
        assert_eq!(routes.takers(routes.route("sls"), Info), 0b11);
    }

    #[test]
    fn without_a_level_the_root_lets_warnings_pass() {
        let routes = Routes::new(&[logger("", None, &[0], true)], vec![Trace]);
        assert!(routes.route("a").wants(Warn));
        assert!(!routes.route("a").wants(Info));
    }
}
