//! Credentials providers that ask somebody else, and one that remembers the answer.
//!
//! Those that need nobody are in [`sls_core::credentials`].

mod cached;
mod ecs_ram_role;

pub use cached::CachedCredentials;
pub use ecs_ram_role::EcsRamRole;
