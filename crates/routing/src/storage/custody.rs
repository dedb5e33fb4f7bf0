//! SQL of `routing.hand_off`.

use api::{TicketId, routing::v1::RoutingReason};
use sqlx::PgConnection;

use crate::custody::{HandOff, Words};

pub async fn keep_hand_off(
    conn: &mut PgConnection,
    ticket_id: TicketId,
    hand_off: &HandOff,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into routing.hand_off (ticket_id, round, to_unit, reason, words, no_owner_reason, done_by, at, pauses)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        ticket_id.0,
        i32::try_from(hand_off.round).unwrap_or(i32::MAX),
        hand_off.to,
        hand_off.reason.as_str_name(),
        hand_off.words.reason,
        hand_off.words.no_owner_reason,
        hand_off.words.by,
        hand_off.at,
        serde_json::to_value(&hand_off.pauses).expect("pauses serialise"),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// In order; of very many the newest.
pub async fn hand_offs(
    conn: &mut PgConnection,
    ticket_id: TicketId,
    limit: i64,
) -> Result<Vec<HandOff>, sqlx::Error> {
    let rows = sqlx::query!(
        "select round, to_unit, reason, words, no_owner_reason, done_by, at, pauses from routing.hand_off
         where ticket_id = $1 order by seq desc limit $2",
        ticket_id.0,
        limit,
    )
    .fetch_all(conn)
    .await?;
    let hand_offs = rows.into_iter().rev().map(|row| {
        Ok(HandOff {
            round: u32::try_from(row.round).map_err(decode)?,
            to: row.to_unit,
            reason: RoutingReason::from_str_name(&row.reason).ok_or_else(|| decode("unknown reason"))?,
            words: Words { reason: row.words, no_owner_reason: row.no_owner_reason, by: row.done_by },
            at: row.at,
            pauses: serde_json::from_value(row.pauses).map_err(decode)?,
        })
    });
    hand_offs.collect()
}

fn decode(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> sqlx::Error {
    sqlx::Error::Decode(error.into())
}
