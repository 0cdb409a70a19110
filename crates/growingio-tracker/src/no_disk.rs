//! In place of `disk` where the feature `spool` is off: there is never one.

use growingio_codecs::Format;
use tokio::time::Instant;

use crate::error::Error;
use crate::queue::Destination;

/// Nobody can set one up.
#[derive(Debug, Clone)]
pub(crate) enum DiskSettings {}

#[derive(Debug)]
pub(crate) enum Disk {}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Mark {}

pub(crate) struct Restored {
    pub(crate) to: Destination,
    pub(crate) record: Box<[u8]>,
    pub(crate) mark: Mark,
    pub(crate) left_over: bool,
}

impl Disk {
    pub(crate) fn open(settings: &DiskSettings) -> Result<Self, Error> {
        match *settings {}
    }

    pub(crate) fn broken() -> Self {
        unreachable!("without settings")
    }

    pub(crate) fn write(&mut self, _: &Destination, _: Format, _: &[u8]) -> Result<Mark, Error> {
        match *self {}
    }

    pub(crate) fn next_commit(&self) -> Option<Instant> {
        match *self {}
    }

    pub(crate) fn commit(&mut self) {
        match *self {}
    }

    pub(crate) fn spill(&mut self, mark: Mark) {
        match mark {}
    }

    pub(crate) fn spilled(&self) -> u64 {
        match *self {}
    }

    pub(crate) fn has_more(&self) -> bool {
        match *self {}
    }

    pub(crate) fn read(&mut self, _: Format) -> Option<Restored> {
        match *self {}
    }

    pub(crate) fn done(&mut self, mark: Mark) {
        match mark {}
    }

    pub(crate) fn close(&mut self) {
        match *self {}
    }
}
