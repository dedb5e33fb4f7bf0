//! One process's life: configuration, telemetry, gRPC server and clients, who is calling, the
//! clock, errors, start and stop. Services plug in as [`Role`]s.

mod clock;
pub mod config;
mod context;
pub mod error;
mod grpc;
mod health;
mod migrate;
pub mod notify;
pub mod phrase;
pub mod principal;
mod process;
mod sealed;
mod secret;
mod serve;
pub mod telemetry;
pub mod tls;
mod trend;
mod wilson;

pub use clock::Clock;
pub use config::{Config, load};
pub use context::{Context, Role};
pub use error::Refusal;
pub use grpc::{Outgoing, Peer};
pub use migrate::migrate;
pub use principal::{Principal, RoleName, Session, SignedInBy, Tokens, Verified, require, signed_in};
pub use process::Process;
pub use secret::Secret;
pub use trend::trend;
pub use wilson::wilson;
