#![doc = include_str!("../README.md")]

mod checkpoints; // where a group keeps how far it got

pub use checkpoints::FileCheckpoints;
