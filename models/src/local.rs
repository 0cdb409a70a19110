//! The checker's values of one thread, where the standard library's are asked for.

/// The checker knows no values that are made before the program runs.
macro_rules! of_a_thread {
    (static $name:ident: $type:ty = const $value:block;) => {
        loom::thread_local! {
            static $name: $type = $value;
        }
    };
}

pub(crate) use of_a_thread as thread_local;
