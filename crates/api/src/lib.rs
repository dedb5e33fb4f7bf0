//! The words between services: messages, clients and servers generated from `proto/`, typed ids,
//! and the [`Event`] trait. No logic but reading them.

mod event;
mod ids;

pub use event::{ALL_EVENTS, Event};
pub use ids::TicketId;
pub use pbjson_types::Timestamp;

/// The compiled `proto/` files, for gRPC reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

macro_rules! package {
    ($service:ident, $name:literal) => {
        pub mod $service {
            pub mod v1 {
                tonic::include_proto!($name);
                include!(concat!(env!("OUT_DIR"), "/", $name, ".serde.rs"));
            }
        }
    };
}

package!(intake, "motcua.intake.v1");
package!(routing, "motcua.routing.v1");
package!(answering, "motcua.answering.v1");
package!(knowledge, "motcua.knowledge.v1");
package!(analytics, "motcua.analytics.v1");

impl intake::v1::Question {
    /// How often the asker has changed it since it was asked, by amending or by reopening: an answer is
    /// to one edition, and facts of an earlier one are of the past.
    pub fn edition(&self) -> u32 {
        u32::try_from(self.follow_ups.len()).unwrap_or(u32::MAX).saturating_add(self.revision)
    }
}

/// Converts to the wire's timestamp.
pub fn timestamp(at: chrono::DateTime<chrono::Utc>) -> Timestamp {
    Timestamp::from(at)
}

/// Reads the wire's timestamp; `None` when it is absent or out of range.
pub fn time(at: Option<&Timestamp>) -> Option<chrono::DateTime<chrono::Utc>> {
    let at = at?;
    chrono::DateTime::from_timestamp(at.seconds, u32::try_from(at.nanos).ok()?)
}
