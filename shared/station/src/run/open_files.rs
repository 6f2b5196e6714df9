//! How many files and connections the system lets this process have.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Takes as many as the system allows without further rights. Unless a process asks, Linux allows it 1,024, for the
/// sake of old programs that use `select`; a hub has as many links and as many connections of browsers.
pub(super) fn allow_many() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current == maximum {
        return;
    }
    match setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        Ok(()) => tracing::debug!(before = current, now = maximum, "open files"),
        Err(error) => {
            let reason = &error as &dyn std::error::Error;
            tracing::warn!(reason, limit = current, "the limit of open files stays as it is");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_as_the_system_allows() {
        let before = getrlimit(Resource::Nofile);
        setrlimit(Resource::Nofile, Rlimit { current: Some(256), ..before }).unwrap();
        allow_many();
        assert_eq!(getrlimit(Resource::Nofile).current, before.maximum);
    }
}
