//! Places where a test can have the process die, so that every gap between two steps of delivery
//! is proved safe. Release builds have none.

/// Dies at once, as by kill -9, if `MOTCUA_KILL_AT` names this place.
#[cfg(debug_assertions)]
pub fn reach(place: &str, event: &str) {
    use std::sync::LazyLock;
    static KILL_AT: LazyLock<Option<String>> = LazyLock::new(|| std::env::var("MOTCUA_KILL_AT").ok());
    let Some(target) = KILL_AT.as_deref() else { return };
    if target.split_once(' ') == Some((place, event)) {
        tracing::warn!(place, event, "dying here, as a test asked");
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    }
}

/// Release builds do not die on request.
#[cfg(not(debug_assertions))]
pub fn reach(_place: &str, _event: &str) {}
