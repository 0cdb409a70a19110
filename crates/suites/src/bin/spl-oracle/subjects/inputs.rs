//! The values themselves: what the other groups rely on.

use crate::domain;
use crate::subject::Group;

pub(super) fn add(group: &mut Group) {
    for domain in [
        domain::text(),
        domain::bigint(),
        domain::tinyint(),
        domain::smallint(),
        domain::integer(),
        domain::double(),
        domain::real(),
        domain::boolean(),
        domain::binary(),
        domain::day(),
        domain::timestamp(),
        domain::texts(),
        domain::integers(),
        domain::doubles(),
        domain::map(),
        domain::json(),
    ] {
        group.add(format!("a value of {}", domain.kind), "a0", &[domain]);
    }
}
