//! Private servers on one machine, for `motcua up` and for tests: PostgreSQL and nats-server as
//! child processes that live in a data folder and leave with us, and the parts they come from.
//!
//! Nothing of the system is touched: unix socket or loopback, free ports, own folders.

mod child;
mod error;
mod fs;
mod lock;
pub mod nats;
pub mod parts;
pub mod postgres;

pub use error::Error;
pub use lock::{DataLock, lock_data_dir};
pub use nats::{Nats, NatsOptions};
pub use parts::Parts;
pub use postgres::{Postgres, PostgresOptions};
