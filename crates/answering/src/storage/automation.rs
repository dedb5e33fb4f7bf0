//! SQL of automatic sending and of judgements.

use api::{
    TicketId,
    answering::v1::{DraftOutcome, DraftUse},
};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::decode;
use crate::{
    answer::Answer,
    automation::{BackTest, Mode, Policy},
};

/// What a unit set for a field; `None`: nothing, which is off without a target.
pub async fn find_policy(
    conn: &mut PgConnection,
    unit: &str,
    field: &str,
) -> Result<Option<Policy>, sqlx::Error> {
    let row = sqlx::query!(
        "select mode, target from answering.automation where unit = $1 and field = $2",
        unit,
        field
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let back_test = newest_back_test(conn, unit, field).await?;
    Ok(Some(Policy { mode: mode(&row.mode)?, target: row.target, back_test }))
}

/// When it was last set, held until the transaction ends; `None`: never.
pub async fn lock_policy(
    conn: &mut PgConnection,
    unit: &str,
    field: &str,
) -> Result<Option<DateTime<Utc>>, sqlx::Error> {
    sqlx::query_scalar!(
        "select changed_at from answering.automation where unit = $1 and field = $2 for update",
        unit,
        field
    )
    .fetch_optional(conn)
    .await
}

pub async fn newest_back_test(
    conn: &mut PgConnection,
    unit: &str,
    field: &str,
) -> Result<Option<BackTest>, sqlx::Error> {
    let row = sqlx::query!(
        "select drafted, correct, calibration, filed_by, filed_at from answering.back_test
         where unit = $1 and field = $2 order by seq desc limit 1",
        unit,
        field
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| BackTest {
        drafted: count(row.drafted),
        correct: count(row.correct),
        calibration: row.calibration,
        filed_by: row.filed_by,
        filed_at: row.filed_at,
    }))
}

pub async fn insert_back_test(
    conn: &mut PgConnection,
    unit: &str,
    field: &str,
    test: &BackTest,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into answering.back_test (unit, field, drafted, correct, calibration, filed_by, filed_at)
         values ($1, $2, $3, $4, $5, $6, $7)",
        unit,
        field,
        i64::from(test.drafted),
        i64::from(test.correct),
        test.calibration,
        test.filed_by,
        test.filed_at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Who sets what, and why.
pub struct Change<'a> {
    pub unit: &'a str,
    pub field: &'a str,
    pub mode: Mode,
    pub target: f64,
    pub by: &'a str,
    pub at: DateTime<Utc>,
}

pub async fn save_policy(conn: &mut PgConnection, change: &Change<'_>) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "with trace as (
             insert into answering.automation_trace (unit, field, mode, target, by, reason, at)
             values ($1, $2, $3, $4, $5, '', $6)
         )
         insert into answering.automation (unit, field, mode, target, changed_by, changed_at)
         values ($1, $2, $3, $4, $5, $6)
         on conflict (unit, field) do update
         set mode = excluded.mode, target = excluded.target, changed_by = excluded.changed_by,
             changed_at = excluded.changed_at",
        change.unit,
        change.field,
        change.mode.name(),
        change.target,
        change.by,
        change.at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The kill switch.
pub struct Switch {
    pub stopped: bool,
    pub by: String,
    pub reason: String,
}

pub async fn find_switch(conn: &mut PgConnection) -> Result<Switch, sqlx::Error> {
    sqlx::query_as!(Switch, "select stopped, by, reason from answering.automation_switch")
        .fetch_one(conn)
        .await
}

/// Whether anything may be sent. Until the transaction ends nobody can stop it.
pub async fn hold_switch(conn: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let stopped = sqlx::query_scalar!("select stopped from answering.automation_switch for share")
        .fetch_one(conn)
        .await?;
    Ok(!stopped)
}

/// Waits for what is being sent.
pub async fn save_switch(
    conn: &mut PgConnection,
    switch: &Switch,
    at: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "with trace as (
             insert into answering.automation_trace (unit, field, mode, by, reason, at)
             values ('', '', case when $1 then 'stopped' else 'released' end, $2, $3, $4)
         )
         update answering.automation_switch set stopped = $1, by = $2, reason = $3",
        switch.stopped,
        switch.by,
        switch.reason,
        at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// One line of the list: a unit and field that was ever set or tested.
pub struct Listed {
    pub unit: String,
    pub field: String,
    pub policy: Policy,
    pub changed_by: String,
    pub changed_at: Option<DateTime<Utc>>,
    /// Of what shadow mode would have sent: accepted, edited, rejected.
    pub shadow: [u32; 3],
    pub sent: u32,
    pub sent_rejected: u32,
}

/// `unit` `None`: of all.
pub async fn list(conn: &mut PgConnection, unit: Option<&str>) -> Result<Vec<Listed>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"with known as (
               select unit, field from answering.automation union select unit, field from answering.back_test
           )
           select k.unit as "unit!", k.field as "field!", a.mode as "mode?", a.target as "target?",
                  a.changed_by as "changed_by?", a.changed_at as "changed_at?",
                  (select count(*) from answering.judgement j where j.unit = k.unit and j.field = k.field
                   and j.automation = 'shadow' and j.outcome = 'DRAFT_OUTCOME_ACCEPTED') as "accepted!",
                  (select count(*) from answering.judgement j where j.unit = k.unit and j.field = k.field
                   and j.automation = 'shadow' and j.outcome = 'DRAFT_OUTCOME_EDITED') as "edited!",
                  (select count(*) from answering.judgement j where j.unit = k.unit and j.field = k.field
                   and j.automation = 'shadow' and j.outcome = 'DRAFT_OUTCOME_REJECTED') as "rejected!",
                  (select count(*) from answering.judgement j where j.unit = k.unit and j.field = k.field
                   and j.automation = 'on') as "sent_rejected!",
                  (select count(*) from answering.answer s where s.unit = k.unit and s.field = k.field
                   and s.automation = 'on') as "standing!"
           from known k left join answering.automation a on a.unit = k.unit and a.field = k.field
           where $1::text is null or k.unit = $1
           order by 1, 2"#,
        unit,
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut listed = Vec::with_capacity(rows.len());
    for row in rows {
        let back_test = newest_back_test(conn, &row.unit, &row.field).await?;
        let mode = row.mode.as_deref().map_or(Ok(Mode::Off), mode)?;
        let rejected = count(row.sent_rejected);
        listed.push(Listed {
            unit: row.unit,
            field: row.field,
            policy: Policy { mode, target: row.target.unwrap_or_default(), back_test },
            changed_by: row.changed_by.unwrap_or_default(),
            changed_at: row.changed_at,
            shadow: [count(row.accepted), count(row.edited), count(row.rejected)],
            // A rejected one has gone on to a person and does not stand as sent any more.
            sent: count(row.standing).saturating_add(rejected),
            sent_rejected: rejected,
        });
    }
    Ok(listed)
}

/// One judgement of a draft.
pub struct Judgement {
    pub seq: i64,
    pub ticket_id: TicketId,
    pub unit: String,
    pub field: String,
    pub question: String,
    pub draft_use: DraftUse,
    pub draft: String,
    /// Empty: the asker judged.
    pub answer: String,
    pub automation: Mode,
    pub judged_at: DateTime<Utc>,
}

/// Keeps what was made of the draft of `judged`, once for each version.
pub async fn keep_judgement(
    conn: &mut PgConnection,
    judged: &Answer,
    draft_use: &DraftUse,
    answer: &str,
    at: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into answering.judgement
             (ticket_id, version, unit, field, question, source_id, outcome, edit_share, probability, draft,
              answer, automation, judged_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
         on conflict (ticket_id, version) do nothing",
        judged.ticket_id.0,
        i32::try_from(judged.version).unwrap_or(i32::MAX),
        judged.custody.unit,
        judged.custody.field,
        judged.question.text,
        draft_use.source_id,
        draft_use.outcome().as_str_name(),
        draft_use.edit_share,
        draft_use.probability,
        judged.draft.text,
        answer,
        judged.automation.name(),
        at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Which part of the judgements.
pub struct Page<'a> {
    /// `None`: of all units.
    pub unit: Option<&'a str>,
    /// Only those of automatic sending, in shadow or not.
    pub automation: bool,
    /// Older than this one.
    pub before: Option<i64>,
    pub limit: i64,
}

/// The newest first.
pub async fn judgements(conn: &mut PgConnection, page: Page<'_>) -> Result<Vec<Judgement>, sqlx::Error> {
    let rows = sqlx::query!(
        "select seq, ticket_id, unit, field, question, source_id, outcome, edit_share, probability, draft,
                answer, automation, judged_at
         from answering.judgement
         where ($1::text is null or unit = $1) and (not $2 or automation <> 'off')
           and ($3::bigint is null or seq < $3)
         order by seq desc limit $4",
        page.unit,
        page.automation,
        page.before,
        page.limit,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let outcome =
                DraftOutcome::from_str_name(&row.outcome).ok_or_else(|| decode("unknown outcome"))?;
            let draft_use = DraftUse {
                outcome: outcome.into(),
                edit_share: row.edit_share,
                probability: row.probability,
                source_id: row.source_id,
            };
            Ok(Judgement {
                seq: row.seq,
                ticket_id: TicketId(row.ticket_id),
                unit: row.unit,
                field: row.field,
                question: row.question,
                draft_use,
                draft: row.draft,
                answer: row.answer,
                automation: mode(&row.automation)?,
                judged_at: row.judged_at,
            })
        })
        .collect()
}

pub(super) fn mode(name: &str) -> Result<Mode, sqlx::Error> {
    Mode::of_name(name).ok_or_else(|| decode(format!("unknown mode {name}")))
}

fn count(count: i64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
