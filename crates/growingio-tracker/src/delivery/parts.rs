use std::sync::Arc;

use growingio_codecs::Format;

use crate::courier::Courier;
use crate::dead_letter::DeadLetters;
use crate::disk::DiskSettings;
use crate::outbox::{Limits, Outbox};
use crate::upload::Upload;

/// What a strategy that lets messages wait is made of, besides its settings.
pub(crate) struct Parts {
    pub(crate) format: Format,
    pub(crate) upload: Arc<Upload>,
    pub(crate) courier: Courier,
    pub(crate) dead_letters: DeadLetters,
    pub(crate) disk: Option<DiskSettings>,
}

impl Parts {
    /// The one who sends, and what makes an outbox for each process.
    pub(super) fn split(
        self,
        limits: Limits,
    ) -> (Courier, impl Fn() -> Outbox + Send + Sync + 'static) {
        let Self {
            format,
            upload,
            courier,
            dead_letters,
            disk,
        } = self;
        let make = move || {
            let upload = Arc::clone(&upload);
            Outbox::new(upload, dead_letters.clone(), format, limits, disk.as_ref())
        };
        (courier, make)
    }
}
