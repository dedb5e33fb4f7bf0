//! The one place that knows what time it is.

use std::sync::Arc;
#[cfg(debug_assertions)]
use std::{ffi::OsString, sync::LazyLock};

use chrono::{DateTime, Duration, SubsecRound as _, Utc};

/// Tells the time; services take it from here and pass it into their pure parts.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>);

impl Clock {
    /// The machine's, to the microsecond: what PostgreSQL keeps.
    pub fn system() -> Self {
        Self(Arc::new(|| {
            #[expect(clippy::disallowed_methods, reason = "this is the clock the others are told to use")]
            let now = Utc::now();
            now.trunc_subsecs(6) + ahead()
        }))
    }

    /// Stands still, for tests.
    pub fn fixed(at: DateTime<Utc>) -> Self {
        Self(Arc::new(move || at))
    }

    pub fn now(&self) -> DateTime<Utc> {
        (self.0)()
    }
}

/// How far a test has set this process's clock ahead, or back: the seconds in the file that
/// `MOTCUA_CLOCK_AHEAD` names, so that a clock that jumps is proved harmless. Release builds have none.
#[cfg(debug_assertions)]
fn ahead() -> Duration {
    static FILE: LazyLock<Option<OsString>> = LazyLock::new(|| std::env::var_os("MOTCUA_CLOCK_AHEAD"));
    let Some(file) = FILE.as_deref() else { return Duration::zero() };
    let text = std::fs::read_to_string(file).unwrap_or_default();
    text.trim().parse().map_or(Duration::zero(), Duration::seconds)
}

/// Release builds tell the machine's time.
#[cfg(not(debug_assertions))]
fn ahead() -> Duration {
    Duration::zero()
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Clock({})", self.now())
    }
}
